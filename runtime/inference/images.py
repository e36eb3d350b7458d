"""Image files to the bytes a network takes."""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from runtime.container.manifest import ImageShape, Pictures
from runtime.errors import ImageError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")  # Pillow's decoders of the others may start programs
# What Pillow's decoders raise at damaged data: what its documentation and its own readers of headers name (ImageFile.__init__),
# and what mutilated files of these formats brought to light. Its warnings, where they are made errors, report damage as well.
DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, struct.error, zlib.error, UserWarning)
PLAIN_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "YCbCr")
LARGEST_FILE = 2**28
LARGEST_PIXELS = 2**26

_T = TypeVar("_T")


FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def load(path: str | os.PathLike[str], shape: ImageShape, pictures: Pictures | None = None, *, reduced: bool = False) -> NDArray[np.uint8]:
    """Read an image as (H, W, C): grey for one channel, and for three in the order that `pictures` says, blue-green-red without.

    It is stretched to that size bilinearly, or resized and cut out of the middle as `pictures` says, and as torchvision does.

    Only a still of 8 bits a channel, opaque, grey or in colours that light mixes, has one set of such bytes: others are refused,
    not guessed.

    With `reduced`, a JPEG is decoded at the smallest of 1/1, 1/2, 1/4 or 1/8 of its size that is no smaller than what it is resized to:
    faster, and the pixels are other ones.

    ImageError when it is no image, is damaged, is larger than anyone photographs, or would have to be guessed at.
    """
    path = os.fspath(path)
    pictures = Pictures() if pictures is None else pictures
    if shape.channels not in (1, 3):
        what = f"the network takes {shape.channels} channels"
        raise ImageError(path, what, "images are read with one channel or three", "pass an array to Accelerator.classify")
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: no file can have such a name
        raise ImageError(path, "cannot be read", getattr(error, "strerror", None) or str(error), "check the path") from None
    if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
        raise ImageError(path, "not an image", f"an image is a regular file of at most {LARGEST_FILE} bytes", "pass an image file")
    try:
        # Opened here, because Pillow leaves a file open of which it cannot read.
        with _read(path, open, path, "rb") as file, _read(path, Image.open, file, formats=FORMATS) as image:
            _require_plain(path, image, shape)
            if reduced:
                # Photographs may lie on their side: the longer side of the network's must fit either way. A draft keeps both sides as
                # long as asked for, so the shorter one, too, which is what `resize` means.
                longest = pictures.resize or max(shape.width, shape.height)
                image.draft(None, (longest, longest))
            stored = _stored(image)
            turn: Callable[[Image.Image], Image.Image] = ImageOps.exif_transpose
            upright = _read(path, turn, image)
        _require_opaque(path, upright, stored)
        coloured = upright.convert("L" if shape.channels == 1 else "RGB")
        pixels = np.asarray(_fitted(path, coloured, shape, pictures))
    except MemoryError:
        raise ImageError(path, "no memory for it", "it is decoded as a whole", "scale it down first, or free memory") from None
    if shape.channels == 1:
        pixels = pixels[:, :, np.newaxis]
    elif pictures.order == "bgr":
        pixels = pixels[:, :, ::-1]
    return np.ascontiguousarray(pixels)


def _fitted(path: str, image: Image.Image, shape: ImageShape, pictures: Pictures) -> Image.Image:
    """The image at the network's size: stretched, or the middle of it with its shorter side resized, rounded as torchvision's Resize
    and CenterCrop do (torchvision/transforms/functional.py)."""
    if pictures.resize is None:
        return image.resize((shape.width, shape.height), FILTERS[pictures.interpolation])
    width, height = image.size
    short, long = min(width, height), max(width, height)
    longer = int(pictures.resize * long / short)
    size = (pictures.resize, longer) if width <= height else (longer, pictures.resize)
    # A line of pixels in a file of a few bytes would become one as broad as the network's input, of gigabytes.
    if longer * pictures.resize > max(LARGEST_PIXELS, 2 * pictures.resize**2):
        why = f"with a shorter side of {pictures.resize} pixels, as the network takes it, it is {size[0]} x {size[1]}"
        raise ImageError(path, f"too long and narrow, {width} x {height} pixels", why, "cut out the part that is meant")
    resized = image if image.size == size else image.resize(size, FILTERS[pictures.interpolation])
    left, top = (round((side - cut) / 2.0) for side, cut in zip(size, (shape.width, shape.height), strict=True))
    return resized.crop((left, top, left + shape.width, top + shape.height))


def _read(path: str, call: Callable[..., _T], *arguments: Any, **options: Any) -> _T:
    """The result of a call that reads or decodes `path`; what the system or Pillow raise about the file is an ImageError.

    Nothing but the decoder may run in here: an error of the code around it is no verdict on the file.
    """
    try:
        return call(*arguments, **options)
    except UnidentifiedImageError:
        raise ImageError(path, "not an image", f"it must be one of {', '.join(FORMATS)}", "pass an image file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path, str(error)) from None
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's; the decoders' have no number
            raise ImageError(path, "cannot be read", error.strerror or str(error), "check the file and its permissions") from None
        if error.__traceback__ is None or error.__traceback__.tb_next is None:
            raise  # not from within Pillow: it was called in a way it cannot be called
        raise ImageError(path, "a damaged image", f"{type(error).__name__}: {error}", "copy or save it again") from error


def _too_large(path: str, size: str) -> ImageError:
    return ImageError(path, "too large an image", f"at most {LARGEST_PIXELS} pixels are read: {size}", "scale it down first")


def _stored(image: ImageFile.ImageFile) -> list[str]:
    """How the pixels lie in the file, by Pillow's names of it, part by part; known until it is decoded."""
    # The fourth of a tile, whose fields have names from Pillow 11 on.
    return [str(tile[3]) for tile in image.tile]


def _require_plain(path: str, image: ImageFile.ImageFile, shape: ImageShape) -> None:
    """Raise ImageError for an image that is too large or can be read in more than one way: by the header, nothing is decoded."""
    if image.width * image.height > LARGEST_PIXELS:
        raise _too_large(path, f"{image.width} x {image.height} pixels")
    if image.mode in ("CMYK", "LAB"):
        why = "what it looks like on a screen depends on a colour profile"
        raise ImageError(path, f"colours as {image.mode}", why, "convert it to RGB by its profile")
    # Pillow reads 16-bit colours as 8 bits without a word, and cuts 16-bit greys off at 255.
    stored = " ".join(_stored(image))
    if image.mode not in PLAIN_MODES or ";16" in stored or "65535" in stored:
        raise ImageError(path, "not 8 bits a channel", "how its values become 8 bits is not guessed", "save it with 8 bits a channel")
    # What MPO adds to a photograph is a preview, a depth map or another eye's view: the first is the photograph.
    if image.format != "MPO" and _read(path, getattr, image, "is_animated", False):
        raise ImageError(path, "several images in one file", "which of them is meant is not guessed", "save the one that is meant")
    if image.size == (1, 1) and (shape.height, shape.width) != (1, 1):
        raise ImageError(path, "a single pixel", "there is nothing in it to be recognised", "pass an image")
    # A GIF may be larger than the picture in it.
    if image.format == "GIF" and image.tile and image.tile[0][1] != (0, 0, *image.size):
        raise _transparent(path)


def _require_opaque(path: str, image: Image.Image, stored: list[str]) -> None:
    """Raise ImageError if anything would show through the decoded image. One without transparency costs nothing here."""
    alpha = image
    if not image.mode.endswith("A"):
        key = image.info.get("transparency")
        if key is None and (image.palette is None or not image.palette.mode.endswith("A")):
            return
        if isinstance(key, int) and image.mode in ("1", "L"):
            # Of greys below 8 bits, Pillow scales the pixels, but not always the one that is transparent.
            largest = {"1": 1, "L;2": 3, "L;4": 15}.get(stored[0] if stored else "", 255)
            image.info["transparency"] = min(255, key * (255 // largest))
        alpha = image.convert("RGBA")
        image.info.pop("transparency", None)  # it is used up, and other conversions would warn of it
    if alpha.getchannel("A").getextrema() != (255, 255):
        raise _transparent(path)


def _transparent(path: str) -> ImageError:
    why = "the colour behind them is not guessed, and the one in the file is not meant to be seen"
    return ImageError(path, "transparent pixels", why, "lay it on a background and save it without transparency")
