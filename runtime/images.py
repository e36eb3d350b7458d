"""Image files to the bytes a network takes."""

from __future__ import annotations

import os
import stat

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from runtime.errors import ImageError
from runtime.manifest import ImageShape

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")  # Pillow's decoders of the others may start programs
LARGEST_FILE = 2**28
LARGEST_PIXELS = 2**26


def load(path: str | os.PathLike[str], shape: ImageShape, *, reduced: bool = False) -> NDArray[np.uint8]:
    """Read an image, resized bilinearly to (H, W, C): grey for one channel, blue-green-red for three.

    The first of an animation; 16 bits as their upper 8; CMYK as if its inks were ideal.

    With `reduced`, a JPEG is decoded at the smallest of 1/1, 1/2, 1/4 or 1/8 of its size that is no smaller than the network's:
    faster, and the pixels are other ones.

    ImageError when it is no image, is damaged, or is larger than anyone photographs.
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
            if reduced:
                # Photographs may lie on their side: the longer side of the network's must fit either way.
                longest = max(shape.width, shape.height)
                image.draft(None, (longest, longest))
            upright = ImageOps.exif_transpose(_eight_bits(image)).convert("L" if shape.channels == 1 else "RGB")
            resized = upright.resize((shape.width, shape.height), Image.Resampling.BILINEAR)
    except UnidentifiedImageError:
        raise ImageError(path, "not an image", formats, "pass an image file") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        why = f"at most {LARGEST_PIXELS} pixels are read: {error}"
        raise ImageError(path, "too large an image", why, "scale it down first") from None
    except _Unreadable as error:
        raise ImageError(path, *error.args) from None
    # Decoders meet damaged data with whatever the damage leads them to: SyntaxError, struct.error, IndexError, MemoryError.
    except Exception as error:
        raise ImageError(path, "a damaged image", f"{type(error).__name__}: {error}", "copy or save it again") from error
    pixels = np.asarray(resized)
    return np.ascontiguousarray(pixels[:, :, np.newaxis] if shape.channels == 1 else pixels[:, :, ::-1])


class _Unreadable(Exception):
    """What, why and fix of pixels that have no meaning here."""


def _eight_bits(image: Image.Image) -> Image.Image:
    """Pixels of 16 bits as 8: Pillow would cut them off at 255. Of others no one says which value is white."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PNG"):
        high = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
        eight = Image.fromarray(high)
        eight.info = image.info  # where the camera was held
        return eight
    if image.mode in ("I", "F"):
        raise _Unreadable("pixels of 32 bits", "nothing says which value is white", "save it with 8 or 16 bits a channel")
    return image
