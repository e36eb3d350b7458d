"""Parameters as the contents of ROMs: a row a line, in hexadecimal, as `$readmemh` reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataflow.unit import Constants
from hls.roms import rows
from network.parameters import Parameters


def memory_texts(held: Constants, parameters: Parameters) -> tuple[str, ...]:
    """The rows of a memory, `held.row_bits` bits each: what `hls.roms` has side by side, the first lowest. Of memories apart, of each."""
    integers = rows(held, parameters)
    if held.apart:
        return tuple(_text(_packed(lane[:, None], held.element_bits), held.element_bits) for lane in integers.T)
    packed = integers.view(np.uint8) if held.format is not None else _packed(integers, held.element_bits)
    return (_text(packed, held.row_bits),)


def _packed(integers: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """[address][integer] -> [address][byte], without gaps."""
    ones = (integers[..., None] >> np.arange(bits)) & 1
    return np.packbits(ones.reshape(len(integers), -1).astype(np.uint8), axis=1, bitorder="little")


def _text(packed: NDArray[np.uint8], bits: int) -> str:
    digits = -(-bits // 4)
    return "".join(row.tobytes().hex()[-digits:] + "\n" for row in packed[:, ::-1])
