"""Pictures to train on: a folder with `train` and `val`, each with a subfolder for every class, or scikit-learn's digits.

Small sets of pictures of one size are held in memory. Others are read as they are needed, by threads: each batch is the same whenever
it is read, since what is drawn at random depends on seed, epoch and picture alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from codegen.errors import FourPartError
from network import images as network_images
from network.importers.onnx.calibrate import SUFFIXES
from network.operations import Shape
from runtime.container.manifest import ImageShape, Pictures
from runtime.errors import ImageError
from runtime.inference.images import load

IN_MEMORY = 1 << 30
"""Bytes of pixels that are held."""
THREADS = 8  # that read pictures
ROOM = 256 / 224  # a picture's shorter side for a cut of 1, in validation
AUGMENTATIONS = {
    "none": "pictures as they are",
    "distort": "moved, rotated, sheared, resized, bent, darker or lighter: characters",
    "shift": "moved by up to an eighth of their size",
    "mirror": "the same, and mirrored: small photographs",
    "crop": "a part of 8 to 100 % of the picture, mirrored: photographs of several sizes",
}


class TrainingError(FourPartError[str], RuntimeError):
    """A folder, an option or a checkpoint that cannot be used."""


@dataclass(eq=False)
class Source:
    """Pictures of one size with their labels: in memory, or in files."""

    paths: Sequence[Path]
    labels: NDArray[np.int64]
    shape: Shape
    shown: Pictures
    held: NDArray[np.uint8] | None = None  # (n, height, width, channels)
    unreadable: dict[Path, ImageError] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def read(
        self, chosen: NDArray[np.int64], cut: Callable[[int], Image.Image | None] | None = None
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Pictures uint8 (n, height, width, channels) and labels of those that can be read; the others are counted."""
        if self.held is not None:
            return self.held[chosen], self.labels[chosen]

        def one(index: int) -> NDArray[np.uint8] | None:
            path = self.paths[index]
            try:
                if cut is not None:
                    pixels = np.asarray(cut(index))
                    return pixels.reshape(tuple(self.shape))
                return load(path, ImageShape(*self.shape), self.shown)
            except ImageError as error:
                self.unreadable[path] = error
            except (OSError, ValueError, SyntaxError, TypeError) as error:  # what Pillow raises at damaged pictures
                self.unreadable[path] = ImageError(str(path), "cannot be read", str(error), "delete it, or save it again")
            return None

        with ThreadPoolExecutor(THREADS) as threads:
            found = list(threads.map(one, chosen.tolist()))
        kept = [index for index, pixels in enumerate(found) if pixels is not None]
        pixels = [each for each in found if each is not None]
        empty = np.empty((0, *self.shape), np.uint8)
        return (np.stack(pixels) if pixels else empty), self.labels[chosen[kept]]

    def hold(self) -> None:
        """Read all into memory, without those that cannot be read."""
        self.held, self.labels = self.read(np.arange(len(self)))
        self.paths = [path for path in self.paths if path not in self.unreadable]

    def batch(self, chosen: NDArray[np.int64], augmentation: str, seed: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Images (n, channels, height, width), 0 to 1, augmented, and labels."""
        rng = np.random.default_rng(seed)
        if augmentation == "crop" and self.held is None:
            draws = dict(zip(chosen.tolist(), rng.spawn(len(chosen)), strict=True))
            pixels, labels = self.read(chosen, lambda index: _cropped(self.paths[index], self.shape, draws[index]))
        else:
            pixels, labels = self.read(chosen)
        images = as_tensor(pixels)
        if augmentation == "distort":
            images = distorted(images, rng)
        elif augmentation in ("shift", "mirror"):
            images = shifted(images, rng, mirrors=augmentation == "mirror")
        return images / 255, torch.from_numpy(labels)


@dataclass(frozen=True, eq=False)
class Data:
    classes: tuple[str, ...]
    shape: Shape
    shown: Pictures
    training: Source
    validation: Source
    augmentation: str  # what people use for such pictures

    @property
    def unreadable(self) -> list[ImageError]:
        return [*self.training.unreadable.values(), *self.validation.unreadable.values()]


def as_tensor(images: NDArray[np.uint8]) -> Tensor:
    """uint8 (n, height, width, channels) to float32 (n, channels, height, width), 0 to 255."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32))


def distorted(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Images (n, channels, height, width) moved, rotated, sheared, resized, bent, darker or lighter.

    Lengths are in half image widths (the 8 pixels of a digit are 2), angles in radians.
    """

    def uniform(*shape: int, reach: float) -> Tensor:
        return torch.from_numpy(rng.uniform(-reach, reach, (len(images), *shape)).astype(np.float32))

    angle, shear, move = uniform(reach=0.2), uniform(reach=0.15), uniform(2, reach=0.16)
    width, height = 1 + uniform(reach=0.12), 1 + uniform(reach=0.12)
    cos, sin = angle.cos(), angle.sin()
    affine = torch.stack([width * cos, width * (shear - sin), move[:, 0], height * sin, height * cos, move[:, 1]], dim=1)
    grid = functional.affine_grid(affine.view(-1, 2, 3), list(images.shape), align_corners=False)
    bend = functional.interpolate(uniform(2, 3, 3, reach=0.12), size=images.shape[2:], mode="bicubic", align_corners=True)
    moved = functional.grid_sample(images, grid + bend.permute(0, 2, 3, 1), align_corners=False)
    return (moved * (1 + uniform(1, 1, 1, reach=0.1))).round().clamp(0, 255)


def shifted(images: Tensor, rng: np.random.Generator, *, mirrors: bool) -> Tensor:
    """Padded by an eighth and cut out again, as He et al. do with CIFAR-10; half of them mirrored."""
    count, _, height, width = images.shape
    by = max(1, max(height, width) // 8)
    padded = functional.pad(images, [by] * 4)
    rows, columns = (torch.from_numpy(rng.integers(0, 2 * by + 1, count)) for _ in range(2))
    y, x = (rows[:, None] + torch.arange(height))[:, None, :, None], columns[:, None] + torch.arange(width)
    if mirrors:
        x = torch.where(torch.from_numpy(rng.integers(0, 2, count) > 0)[:, None], x.flip(1), x)
    return padded[torch.arange(count)[:, None, None, None], torch.arange(images.shape[1])[None, :, None, None], y, x[:, None, None, :]]


def _cropped(path: Path, shape: Shape, rng: np.random.Generator) -> Image.Image:
    """A part of 8 to 100 % of the picture, of 3:4 to 4:3, at the network's size (Szegedy et al., arXiv:1409.4842)."""
    with Image.open(path) as picture:
        coloured = picture.convert("RGB" if shape.channels == 3 else "L")
    width, height = coloured.size
    part = rng.uniform(0.08, 1) * width * height
    ratio = float(np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3))))
    wide, high = min(width, max(1.0, (part * ratio) ** 0.5)), min(height, max(1.0, (part / ratio) ** 0.5))
    left, top = rng.uniform(0, width - wide), rng.uniform(0, height - high)
    made = coloured.resize((shape.width, shape.height), Image.Resampling.BILINEAR, (left, top, left + wide, top + high))
    return made.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.integers(2) else made


def digits() -> Data:
    """scikit-learn's: 1,437 to train on, 360 held out."""
    training, held_out = network_images.digits()
    shape, shown = Shape(*training[0].shape[1:]), Pictures(order="rgb")
    learnt, kept = (Source([], labels, shape, shown, images) for images, labels in (training, held_out))
    return Data(tuple("0123456789"), shape, shown, learnt, kept, "distort")


def folder(path: Path, size: int | None, usual: int) -> Data:
    """Pictures of `path`; `size` is that of images, `usual` where pictures have several sizes and none is given. Raises TrainingError."""
    why = "it has train/CLASS/picture.png, and val/CLASS/picture.png to validate on"
    if not path.is_dir():
        raise TrainingError(f"--data {path}", "not a folder", why=why, fix="name a folder of pictures, or digits")
    found = {name: _classes(path / name, why) for name in ("train", "val")}
    classes = tuple(found["train"])
    if len(classes) < 2:
        fix = "make a subfolder for each of at least two classes"
        raise TrainingError(str(path / "train"), f"one class, {classes[0]}", why="a network tells classes apart", fix=fix)
    if strange := sorted(set(found["train"]) ^ set(found["val"])):
        where = "val" if strange[0] in found["train"] else "train"
        fix = "give both the same subfolders"
        raise TrainingError(str(path / where), f"there is no class {strange[0]}", why="train and val have the same classes", fix=fix)
    files = {name: [file for each in of.values() for file in each] for name, of in found.items()}
    one_size, channels = _common(files["train"] + files["val"])
    if size is None and one_size is not None and max(one_size) <= 64:
        shape, resize = Shape(one_size[1], one_size[0], channels), None
    else:
        side = size or usual
        shape, resize = Shape(side, side, channels), None if one_size == (side, side) else round(side * ROOM)
    shown = Pictures(order="rgb", resize=resize)
    sources = {}
    for name, of in found.items():
        labels = np.array([index for index, each in enumerate(of.values()) for _ in each], np.int64)
        sources[name] = Source(files[name], labels, shape, shown)
    in_memory = one_size is not None and resize is None and sum(map(len, files.values())) * np.prod(tuple(shape)) <= IN_MEMORY
    if in_memory:
        for name, source in sources.items():
            source.hold()
            _require_all_classes(path / name, source, classes)
    usual_augmentation = "crop" if not in_memory else "distort" if channels == 1 else "mirror"
    return Data(classes, shape, shown, sources["train"], sources["val"], usual_augmentation)


def _classes(path: Path, why: str) -> dict[str, list[Path]]:
    """The pictures of each subfolder, in order."""
    if not path.is_dir():
        raise TrainingError(str(path), "there is no such folder", why=why, fix=f"make it: {path}/CLASS/picture.png")
    try:
        of = {
            each.name: sorted(file for file in each.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
            for each in sorted(path.iterdir())
            if each.is_dir() and not each.name.startswith(".")
        }
    except OSError as error:
        raise TrainingError(str(error.filename), "cannot be read", why=error.strerror or str(error), fix="check its permissions") from None
    if not of:
        raise TrainingError(
            str(path), "there are no subfolders", why="each class has one, with its pictures", fix=f"make {path}/CLASS/picture.png"
        )
    for name, files in of.items():
        if not files:
            kinds = ", ".join(SUFFIXES)
            raise TrainingError(
                str(path / name),
                "there are no pictures in it",
                why=f"they are files that end in {kinds}",
                fix="put some there, or delete it",
            )
    return of


def _require_all_classes(path: Path, source: Source, classes: Sequence[str]) -> None:
    missing = sorted(set(range(len(classes))) - set(source.labels.tolist()))
    if missing:
        error = next(iter(source.unreadable.values()))
        what = f"no picture of {classes[missing[0]]} can be read"
        raise TrainingError(str(path / classes[missing[0]]), what, why=f"{error.where}: {error.what}", fix="save the pictures again")


def _common(paths: Sequence[Path]) -> tuple[tuple[int, int] | None, int]:
    """The size (width, height) that all pictures have, if it is one, and the channels; by their headers."""
    size: tuple[int, int] | None = None
    channels = 1
    for path in paths:
        try:
            with Image.open(path) as picture:
                found, mode = picture.size, picture.mode
        except (OSError, ValueError, SyntaxError):
            continue
        channels = channels if mode in ("1", "L") else 3
        if size not in (None, found):
            return None, channels
        size = found
    return size, channels
