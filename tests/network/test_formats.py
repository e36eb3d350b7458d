import pytest

from network import Format


@pytest.mark.parametrize(
    ("text", "bits", "low", "high", "thresholds"),
    [("bipolar", 1, -1, 1, 2), ("int2", 2, -2, 1, 3), ("int8", 8, -128, 127, 255), ("uint1", 1, 0, 1, 1), ("uint4", 4, 0, 15, 15)],
)
def test_ranges(text, bits, low, high, thresholds):
    found = Format.parse(text)
    assert (found.bits, found.low, found.high, found.thresholds, str(found)) == (bits, low, high, thresholds, text)


@pytest.mark.parametrize("text", ["", "int", "int0", "int65", "uint0", "uint65", "int08", "INT8", "float32", "bipolar1", "uint8 "])
def test_what_is_no_format(text):
    with pytest.raises(ValueError, match=r"is not a format|bits, not"):
        Format.parse(text)
