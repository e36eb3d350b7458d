"""Parameters as the contents of ROMs: a row a line, in hexadecimal, as `$readmemh` reads them."""

from __future__ import annotations

import numpy as np

from dataflow.unit import Constants
from hls.roms import rows
from network.parameters import Parameters


def memory_text(held: Constants, parameters: Parameters) -> str:
    """The rows of a memory, `held.row_bits` bits each: what `hls.roms` has side by side, the first lowest."""
    integers = rows(held, parameters)
    if held.format is not None:
        packed = integers.view(np.uint8)
    else:
        bits = (integers[..., None] >> np.arange(held.element_bits)) & 1
        packed = np.packbits(bits.reshape(len(integers), -1).astype(np.uint8), axis=1, bitorder="little")
    digits = -(-held.row_bits // 4)
    return "".join(row.tobytes().hex()[-digits:] + "\n" for row in packed[:, ::-1])
