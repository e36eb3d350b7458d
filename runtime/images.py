"""Image files to the bytes a network takes."""

from __future__ import annotations

import os
import stat

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from runtime.errors import ImageError
from runtime.manifest import ImageShape

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")  # Pillow's decoders of the others may start programs
PLAIN_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "YCbCr")
LARGEST_FILE = 2**28
LARGEST_PIXELS = 2**26


def load(path: str | os.PathLike[str], shape: ImageShape, *, reduced: bool = False) -> NDArray[np.uint8]:
    """Read an image, resized bilinearly to (H, W, C): grey for one channel, blue-green-red for three.

    Only a still of 8 bits a channel, grey or in colours that light mixes, has one set of such bytes: others are refused, not guessed.

    With `reduced`, a JPEG is decoded at the smallest of 1/1, 1/2, 1/4 or 1/8 of its size that is no smaller than the network's:
    faster, and the pixels are other ones.

    ImageError when it is no image, is damaged, is larger than anyone photographs, or would have to be guessed at.
    """
    path = os.fspath(path)
    formats = f"it must be one of {', '.join(FORMATS)}"
    if shape.channels not in (1, 3):
        what = f"the network takes {shape.channels} channels"
        raise ImageError(path, what, "images are read with one channel or three", "pass an array to Accelerator.classify")
    try:
        status = os.stat(path)
    except OSError as error:
        raise ImageError(path, "cannot be read", error.strerror or str(error), "check the path") from None
    if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
        raise ImageError(path, "not an image", f"an image is a regular file of at most {LARGEST_FILE} bytes", "pass an image file")
    try:
        with Image.open(path, formats=FORMATS) as image:
            # The size is known from the header; nothing of that size has been allocated yet.
            if image.width * image.height > LARGEST_PIXELS:
                raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
            _require_plain(path, image, shape)
            if reduced:
                # Photographs may lie on their side: the longer side of the network's must fit either way.
                longest = max(shape.width, shape.height)
                image.draft(None, (longest, longest))
            upright = ImageOps.exif_transpose(image).convert("L" if shape.channels == 1 else "RGB")
            resized = upright.resize((shape.width, shape.height), Image.Resampling.BILINEAR)
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError(path, "not an image", formats, "pass an image file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        why = f"at most {LARGEST_PIXELS} pixels are read: {error}"
        raise ImageError(path, "too large an image", why, "scale it down first") from None
    # Decoders meet damaged data with whatever the damage leads them to: SyntaxError, struct.error, IndexError, MemoryError.
    except Exception as error:
        raise ImageError(path, "a damaged image", f"{type(error).__name__}: {error}", "copy or save it again") from error
    pixels = np.asarray(resized)
    return np.ascontiguousarray(pixels[:, :, np.newaxis] if shape.channels == 1 else pixels[:, :, ::-1])


def _require_plain(path: str, image: ImageFile.ImageFile, shape: ImageShape) -> None:
    """Raise ImageError for an image that can be read in more than one way: the header tells, nothing is decoded."""
    if image.mode in ("CMYK", "LAB"):
        why = "what it looks like on a screen depends on a colour profile"
        raise ImageError(path, f"colours as {image.mode}", why, "convert it to RGB by its profile")
    # Pillow reads 16-bit colours as 8 bits without a word, and cuts 16-bit greys off at 255.
    stored = " ".join(str(tile.args) for tile in image.tile)
    if image.mode not in PLAIN_MODES or ";16" in stored or "65535" in stored:
        raise ImageError(path, "not 8 bits a channel", "how its values become 8 bits is not guessed", "save it with 8 bits a channel")
    # What MPO adds to a photograph is a preview, a depth map or another eye's view: the first is the photograph.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise ImageError(path, "several images in one file", "which of them is meant is not guessed", "save the one that is meant")
    if image.size == (1, 1) and (shape.height, shape.width) != (1, 1):
        raise ImageError(path, "a single pixel", "there is nothing in it to be recognised", "pass an image")
