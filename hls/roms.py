"""Parameters as ROM initialisers: plain integers, a row of each ROM for every address; `constants.layout` says what is in a row.

Rows too wide for one ROM are cut into equal pieces, one for each ROM; zeros fill up the last. What lanes read at addresses of their own is
a ROM for each lane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from constants import rows as constants_rows
from constants.layout import Role
from dataflow.unit import Constants
from network.errors import ParameterError
from network.parameters import Parameters


@dataclass(frozen=True, slots=True)
class RomText:
    name: str
    type: str
    dimensions: tuple[int, ...]  # ROMs, addresses, integers in a row
    roms: list[list[str]]  # of each ROM, its rows as initialisers


def rom_text(held: Constants, parameters: Parameters) -> RomText:
    kind = f"std::{'u' if held.layout.is_unsigned else ''}int{held.integer_bits}_t"
    write = f"0x{{:0{held.integer_bits // 4}x}}" if held.role is Role.WEIGHTS else "{}"
    roms = cut(rows(held, parameters), held.roms)
    texts = [["{" + ", ".join(map(write.format, row)) + "}" for row in rom] for rom in roms.tolist()]
    return RomText(held.name, kind, roms.shape, texts)


def rows(held: Constants, parameters: Parameters) -> NDArray[Any]:
    """[address][integer]; raises ParameterError where thresholds are not such that these constants compute their codes."""
    try:
        return constants_rows.rows(held.layout, parameters[held.key])
    except constants_rows.RowsError as error:
        raise ParameterError(error.key, error.what, why=error.why, fix=error.fix) from None


def cut(rows: NDArray[Any], roms: int) -> NDArray[Any]:
    """[address][integer] -> [rom][address][integer], filled up with zeros."""
    addresses, integers = rows.shape
    filled = np.pad(rows, ((0, 0), (0, -integers % roms)))
    return filled.reshape(addresses, roms, -1).swapaxes(0, 1)
