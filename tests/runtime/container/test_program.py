from __future__ import annotations

import pytest

from runtime.container.program import Format, Pair, Window
from runtime.errors import XclbinError


@pytest.mark.parametrize(
    ("name", "low", "high", "bits"),
    [
        ("bipolar", -1, 1, 1),
        ("int1", -1, 0, 1),
        ("int2", -2, 1, 2),
        ("int8", -128, 127, 8),
        ("uint1", 0, 1, 1),
        ("uint4", 0, 15, 4),
        ("uint8", 0, 255, 8),
    ],
)
def test_formats(name: str, low: int, high: int, bits: int) -> None:
    format_ = Format(name)
    assert (format_.low, format_.high, format_.bits) == (low, high, bits)


@pytest.mark.parametrize("name", ["int0", "uint9", "float", "", "bipolar "])
def test_no_other_formats(name: str) -> None:
    with pytest.raises(XclbinError, match=r"^format: "):
        Format(name)


def test_windows_count_padding() -> None:
    window = Window(kernel=Pair(7, 7), stride=Pair(2, 2), before=Pair(3, 3), after=Pair(2, 2))
    assert window.output(224, 224) == (112, 112)


def test_a_window_of_padding_alone_is_refused() -> None:
    with pytest.raises(XclbinError, match=r"^pad: 3\nwhy: expected an integer from 0 to 2\n"):
        Window(kernel=Pair(3, 3), stride=Pair(1, 1), before=Pair(3, 0), after=Pair(0, 0))
