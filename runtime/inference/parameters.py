"""Parameters from a file, checked against what they are to be loaded into."""

from __future__ import annotations

import os

import numpy as np

from constants.image import MAGIC
from constants.image import ImageError as ConstantsError
from runtime.container.arrays import Given, Stored, read_file
from runtime.container.constants import Constants
from runtime.container.sections import parse
from runtime.container.xclbin import Xclbin
from runtime.errors import ParametersError, XclbinError
from runtime.inference.lanes import Parameters

ZIP = b"PK"


def read(path: str | os.PathLike[str], xclbin: Xclbin, now: Parameters) -> Parameters:
    """Those of an npz, or of an image; `now` are those in place, of which weights that an image does not have are kept."""
    path, manifest = os.fspath(path), xclbin.manifest
    if manifest.constants is None:
        fix = "write constants: loaded in the description and build it again"
        raise ParametersError(path, "cannot be loaded", f"the parameters of this {manifest.network} are part of its hardware", fix)
    content = read_file(path, len(ZIP))
    if content.startswith(ZIP):
        return _of_arrays(path, xclbin, manifest.constants)
    content = read_file(path, manifest.constants.image_bytes)
    if not content.startswith(MAGIC):
        fix = f"pass an npz of the parameters of {manifest.network}, or a .constants file"
        raise ParametersError(path, "no parameters", f"it begins with {content[:8]!r}: neither an npz does, nor an image of constants", fix)
    try:
        manifest.constants.check(content)
    except ConstantsError as error:
        fix = f"make the image again, for this build of {manifest.network}: doit constants; or pass the npz"
        raise ParametersError(path, error.what, error.why, fix) from None
    return Parameters(image=content, weights=now.weights)


def _of_arrays(path: str, xclbin: Xclbin, constants: Constants) -> Parameters:
    shape = xclbin.manifest.weights
    if not xclbin.has("network"):
        why = "the xclbin does not say what its network is, which is too large for this host to emulate"
        raise ParametersError(path, "cannot be checked", why, "load an image that the build makes of it: doit constants")
    given = Given(path, loaded=constants.keys, hardware=Stored(xclbin.section("parameters")) if xclbin.has("parameters") else None)
    try:
        weights = None if shape is None else given.host("head/fc/weights", np.int8, shape)
        parse(xclbin.section("network"), given)  # of which nothing but the checks is needed
        return Parameters(image=constants.image(given.taken), weights=weights)
    except XclbinError as error:
        where = error.where.removeprefix("parameters: ")
        fix = "load the parameters of the network this was built from, trained with its formats"
        raise ParametersError(f"{path}: {where}", error.what, error.why, fix) from None
    except ParametersError as error:
        raise error if error.where.startswith(path) else error.within(path) from None
    finally:
        given.close()
