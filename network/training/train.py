"""Train a residual network with Brevitas, and leave its description and integer parameters.

    python -m network.training.train --arch resnet8 --data FOLDER --weights 4 --acts 4

What is trained is exported as QONNX, imported like any other graph, and compared with it code by code. The same seed gives the same
bytes again, with the same build of PyTorch; a run that was killed goes on with --resume, and ends with the same ones.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from math import cos, pi
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Brevitas' own, about torch
        import brevitas.export  # noqa: F401
        import onnxoptimizer  # noqa: F401
        import torch
except ModuleNotFoundError as error:
    if __name__ != "__main__":
        raise
    sys.exit(f"error: {error.name}: not installed\n  why: networks are trained with Brevitas\n  fix: pip install -e '.[train]'")
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from codegen.cli import console
from codegen.cli.options import OptionError, argument, number, whole
from codegen.errors import FourPartError
from codegen.text.files import write_changed
from network import parameters, reference
from network.errors import DescriptionError, GraphErrors
from network.importers.onnx import check, convert
from network.importers.onnx.__main__ import named, platform
from network.importers.onnx.write import BANNER, Naming
from network.model import Network, Pictures
from network.project import trained
from network.training import data, models
from network.training.checkpoint import Checkpoint
from network.training.data import AUGMENTATIONS, Data, Source, TrainingError
from network.training.keep import fitted
from network.yaml import description

THREADS = 2  # of PyTorch, fixed: the order of floating-point sums depends on it
WARM_UP = 0.1  # of all steps; after it the rate falls along a cosine to zero
SMOOTHING = 0.1  # of the labels
SAVE_EVERY = 300  # seconds between checkpoints, within an epoch too
FEW, MANY = 10_000, 200_000
"""Up to so many pictures epochs are cheap; beyond, they are ImageNet's."""
SHOWN_PIXELS = 1 << 26
"""Bytes of validation images that are kept beside the parameters, and classified in integers."""
CHECKED = 32
"""Images whose every code is compared."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the result depends on; a checkpoint is that of one recipe."""

    arch: str
    data: str
    weights: int
    acts: int
    epochs: int
    batch: int
    rate: float
    augmentation: str
    seed: int
    pictures: int
    shape: tuple[int, ...]


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m network.training.train",
        description="Train a residual network with Brevitas; its description and parameters become configs/NAME.yaml and params/NAME.npz.",
        epilog="Then: doit network=NAME demo.",
    )
    about = ", ".join(f"{name}: {each.what}" for name, each in models.ARCHITECTURES.items())
    bits = "it counts bits"
    result.add_argument("--arch", choices=tuple(models.ARCHITECTURES), required=True, help=about)
    result.add_argument("--data", required=True, metavar="FOLDER", help="train/CLASS/*.png and val/CLASS/*.png, or digits: scikit-learn's")
    result.add_argument("--weights", type=argument(whole("--weights", 1, 8, bits)), required=True, metavar="BITS", help="1 to 8")
    # Brevitas' activations of one bit are -1 and +1, and a convolution pads with 0, which is neither.
    result.add_argument("--acts", type=argument(whole("--acts", 2, 8, bits)), required=True, metavar="BITS", help="of activations, 2 to 8")
    result.add_argument("--network", type=argument(named), metavar="NAME", help="default: its architecture and bits, resnet8_w4a4")
    result.add_argument("--platform", type=argument(platform), default="u250", metavar="CARD", help="the card (default: u250)")
    passes = whole("--epochs", 1, 1_000_000, "it counts passes over the pictures")
    result.add_argument("--epochs", type=argument(passes), help="default: 60, 200 from 10,000 pictures on, 90 from 200,000 on")
    result.add_argument(
        "--batch", type=argument(whole("--batch", 2, 1 << 16, "it counts pictures")), help="default: 96, or 256 for 200,000"
    )
    result.add_argument("--rate", type=argument(number("--rate", 1e-9, 10, "it is Adam's")), help="of learning; default: 0.01, or 0.002")
    size = whole("--size", 4, 1024, "it counts pixels")
    result.add_argument(
        "--size", type=argument(size), help="height and width of images; default: the pictures', or 32 or 224 by architecture"
    )
    how = "; ".join(f"{name}: {what}" for name, what in AUGMENTATIONS.items())
    result.add_argument("--augment", choices=tuple(AUGMENTATIONS), help=f"{how} (default: by the pictures)".replace("%", "%%"))
    result.add_argument("--seed", type=argument(whole("--seed", 0, 2**31 - 1, "it starts the generators")), default=1, help="default: 1")
    result.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: cpu")
    result.add_argument("--resume", action="store_true", help="go on where this training was interrupted")
    return result


def seen(options: argparse.Namespace) -> Data:
    """The pictures, and how many of them cannot be read."""
    if options.data == "digits":
        return data.digits()
    found = data.folder(Path(options.data), options.size, models.ARCHITECTURES[options.arch].pixels)
    tell_unreadable(found, 0)
    return found


def tell_unreadable(pictures: Data, told: int) -> int:
    """Say how many pictures cannot be read, where there are more than were told of; returns how many there are."""
    found = pictures.unreadable
    if len(found) > told:
        first = found[0]
        those = "pictures cannot be read and are" if len(found) > 1 else "picture cannot be read and is"
        print(f"{len(found):,} {those} left out; the first: {first.where}: {first.what}", flush=True)
    return len(found)


def recipe(options: argparse.Namespace, pictures: Data) -> Recipe:
    count = len(pictures.training)
    epochs = options.epochs or (60 if count < FEW else 200 if count < MANY else 90)
    batch = options.batch or (96 if count < MANY else 256)
    rate = options.rate or (0.01 if count < MANY else 0.002)
    augmentation = options.augment or pictures.augmentation
    in_memory = pictures.training.held is not None
    if augmentation not in ("none", *(("distort", "shift", "mirror") if in_memory else ("crop",))):
        what = "these pictures are of one small size" if in_memory else "these pictures have several sizes, or are many"
        raise TrainingError(
            f"--augment {augmentation}", what, why=AUGMENTATIONS[augmentation], fix=f"write {pictures.augmentation}, or none"
        )
    return Recipe(
        options.arch,
        str(options.data),
        options.weights,
        options.acts,
        epochs,
        min(batch, count),
        rate,
        augmentation,
        options.seed,
        count,
        tuple(pictures.shape),
    )


def evaluate(model: nn.Module, source: Source, device: str) -> float:
    """The share of pictures that are classified as labelled; of the module, in floating point."""
    model.eval()
    right = count = 0
    with torch.no_grad():
        for first in range(0, len(source), 256):
            images, labels = source.batch(np.arange(first, min(first + 256, len(source))), "none", (0,))
            if len(labels):
                right += int((model(images.to(device)).argmax(dim=1).cpu() == labels).sum())
                count += len(labels)
    model.train()
    return right / max(count, 1)


def share_of_rate(done: float) -> float:
    """Of the peak, after this share of all steps: a straight line up, a cosine down."""
    return (done + 1e-3) / (WARM_UP + 1e-3) if done < WARM_UP else (1 + cos(pi * (done - WARM_UP) / (1 - WARM_UP))) / 2


def train(model: models.ResNet, pictures: Data, chosen: Recipe, checkpoint: Checkpoint, device: str, *, resume: bool) -> None:
    """Train in place; the result is the state after the last step. Prints a line an epoch."""
    state = checkpoint.load(device) if resume else None
    if state is not None:
        model.load_state_dict(state["model"])  # in front of the optimizer: Brevitas replaces parameters as it loads them
    learnt = [each for each in model.parameters() if each.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [each for each in learnt if each.ndim > 1]},
        {"params": [each for each in learnt if each.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=chosen.rate)
    count = len(pictures.training)
    starts = range(0, count - count % chosen.batch, chosen.batch)  # batch norm wants batches of one size
    total = chosen.epochs * len(starts)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: share_of_rate(step / total))
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    done = 0
    if state is not None:
        done = int(state["steps"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        print(f"going on after step {done:,} of {total:,}")
    told = len(pictures.unreadable)
    began, saved, before = time.monotonic(), time.monotonic(), done
    model.train()
    for epoch in range(done // len(starts), chosen.epochs):
        order = np.random.default_rng((chosen.seed, epoch)).permutation(count)
        losses = []
        steps = tqdm(starts[done - epoch * len(starts) :], desc=f"epoch {epoch + 1}", leave=False, disable=not sys.stderr.isatty())
        for first in steps:
            picked = order[first : first + chosen.batch]
            images, labels = pictures.training.batch(picked, chosen.augmentation, (chosen.seed, epoch, first + 1))
            if len(labels) > 1:
                scores = model(images.to(device))
                loss = functional.cross_entropy(scores, labels.to(device), label_smoothing=SMOOTHING)
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                losses.append(loss.item())
            schedule.step()
            done += 1
            if time.monotonic() - saved > SAVE_EVERY:
                checkpoint.save(parts, done)
                saved = time.monotonic()
        accuracy = evaluate(model, pictures.validation, device)
        checkpoint.save(parts, done)
        told = tell_unreadable(pictures, told)
        saved = time.monotonic()
        left = (saved - began) / (done - before) * (total - done)
        loss_text = f"loss {np.mean(losses):.3f}, " if losses else ""
        print(f"epoch {epoch + 1:3} of {chosen.epochs}: {loss_text}validation {accuracy:.1%}, {left:.0f} s left", flush=True)
    model.eval()


def images_of(source: Source) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Validation images uint8 (n, height, width, channels), spread over all classes, as many as are kept, and labels."""
    most = max(1, SHOWN_PIXELS // int(np.prod(tuple(source.shape))))
    step = -(-len(source) // most)
    return source.read(np.arange(0, len(source), step))


def place(name: str) -> tuple[Path, bool]:
    """The description, and whether it is written: one that stands there, and was not imported, is kept."""
    path = Path("configs", f"{name}.yaml")
    return path, not path.exists() or path.read_text(encoding="utf-8").startswith(BANNER)


def imported(model: models.ResNet, pictures: Data, folder: Path, naming: Naming) -> tuple[convert.Imported, Network, Any]:
    """Export and import the model, in `folder`."""
    shape, graph = pictures.shape, folder / f"{naming.network}.onnx"
    models.export(model, shape.channels, shape.height, shape.width, graph)
    made = convert.convert(graph)
    network, arrays = convert.save(made, folder / f"{naming.network}.yaml", folder / f"{naming.network}.npz", naming)
    return made, network, arrays


def finish(model: models.ResNet, pictures: Data, folder: Path, naming: Naming, *, is_digits: bool) -> None:
    """Export, import, compare, and write description, parameters and validation images."""
    name = naming.network
    made, network, arrays = imported(model, pictures, folder, naming)
    images, labels = images_of(pictures.validation)
    report = check.compare(made, network, arrays, images[:CHECKED])
    codes, differ = sum(each.codes for each in report.quantizers), sum(each.different for each in report.quantizers)
    if not report.is_equal:
        what = f"{differ:,} of {codes:,} codes and {report.labels:,} labels differ from the graph"
        raise TrainingError(made.graph.file, what, why="integers equal the graph in rational numbers", fix="report it, with the file")
    print(f"all {codes:,} codes of {report.images} validation images equal the graph's")
    config, is_written = place(name)
    npz = Path("params", f"{name}.npz")
    if is_written:
        kept = Path("params", f"{name}_images.npz")
        if not is_digits:
            write_changed(kept, parameters.pack({"images": images, "labels": labels}))
        said = "digits" if is_digits else f"../{kept}"
        network, arrays = convert.save(made, config, npz, naming.with_images(said, pictures.classes))
        print(f"wrote {config}, {npz}{'' if is_digits else f' and {kept}'}")
    else:
        described = description.load(config)
        arrays, npz = fitted(described, network, arrays, images[:CHECKED]), trained(config, described)
        parameters.save(npz, arrays)
        network, arrays = described, parameters.load(described, npz)
        print(f"wrote {npz}, for {config}, which stays as it is")
    right = sum(
        int((reference.trace(network, arrays, images[first : first + 64])["labels"][:, 0] == labels[first : first + 64]).sum())
        for first in range(0, len(images), 64)
    )
    print(f"accuracy {right / len(labels):.1%}: {right} of {len(labels)} validation images in integer arithmetic")


def run(options: argparse.Namespace) -> None:
    if options.device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("--device cuda", "PyTorch finds no GPU", why="this build, or this machine, has none", fix="write --device cpu")
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(options.device == "cpu")
    name = options.network or f"{options.arch}_w{options.weights}a{options.acts}"
    pictures = seen(options)
    chosen = recipe(options, pictures)
    torch.manual_seed(chosen.seed)
    bits = models.Bits(chosen.weights, chosen.acts)
    model = models.ResNet(models.ARCHITECTURES[chosen.arch], pictures.shape.channels, len(pictures.classes), bits)
    folder = Path("build", name, "training")
    for each in (folder, Path("configs"), Path("params")):
        each.mkdir(parents=True, exist_ok=True)
    shown = Pictures(pictures.shown.order, pictures.shown.resize, pictures.shown.interpolation)
    naming = Naming(network=name, platform=options.platform, file=f"{name}.onnx", pictures=shown)
    # The whole way once before hours of training: what is missing, or in the way, is told now.
    _, network, arrays = imported(model, pictures, folder, naming)
    config, is_written = place(name)
    if not is_written:
        fitted(description.load(config), network, arrays, images_of(pictures.validation)[0][:CHECKED])
    weights = sum(array.size for key, array in arrays.items() if key.endswith("/weights"))
    print(
        f"{name}: {weights:,} weights; {len(pictures.training):,} pictures of {pictures.shape} to train on, {len(pictures.validation):,} to validate"
    )
    checkpoint = Checkpoint(folder / "checkpoint.pt", asdict(chosen))
    if not options.resume:
        checkpoint.remove()
    model.to(options.device)
    train(model, pictures, chosen, checkpoint, options.device, resume=options.resume)
    finish(model, pictures, folder, naming, is_digits=options.data == "digits")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 if there are description and parameters, 1 after an error, 2 (from argparse) for wrong arguments."""
    console.degrade()
    options = parser().parse_args(argv)
    try:
        run(options)
    except GraphErrors as errors:
        print("\n".join(f"error: {error}" for error in errors.errors), file=sys.stderr)
        return 1
    except (FourPartError, DescriptionError, OptionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # nobody reads what is printed; the checkpoint stays
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(
            f"error: {error.filename}: {error.strerror}\n  why: it is read or written\n  fix: check its permissions, and the room left",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("interrupted; --resume goes on after the last checkpoint", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
