import numpy as np
import pytest

from network.thresholds import turned


def test_channels_of_a_negative_scale_are_inverted():
    """The codes of the turned channels are the counts of the thresholds above the accumulator."""
    rng = np.random.default_rng(3)
    weights = rng.integers(-127, 128, (5, 2, 2, 3)).astype(np.int8)
    thresholds = np.sort(rng.integers(-900, 900, (5, 7)), axis=1)[:, ::-1].astype(np.int32)
    inputs = rng.integers(0, 4, (200, 2, 2, 3))
    sums = np.einsum("nhwc,ohwc->no", inputs, weights.astype(np.int64))
    negated, ascending = turned(weights, thresholds)
    assert (negated.dtype, ascending.dtype) == (np.int8, np.int32)
    assert (np.diff(ascending, axis=1) >= 0).all()
    codes = (np.einsum("nhwc,ohwc->no", inputs, negated.astype(np.int64))[..., None] >= ascending).sum(axis=2)
    np.testing.assert_array_equal(codes, (sums[..., None] < thresholds).sum(axis=2))
    with pytest.raises(ValueError, match="weights -128 to -128 cannot be negated in int8"):
        turned(np.full((1, 1), -128, np.int8), thresholds[:1])
    least = np.array([[np.iinfo(np.int32).min]], np.int32)  # above no accumulator
    assert turned(weights[:1], least)[1] == np.iinfo(np.int32).max
