"""Published figures of the original ResNet-50 on the U250 (Xilinx/ResNet50-PYNQ, host/README.md; PYNQ article of March 2020)."""

from __future__ import annotations

from typing import NamedTuple

from dataflow.cost.resources import Resources

NETWORKS = ("resnet50_w1a2", "resnet50")
"""The same layers with the same folding; they differ in the memory bank of the last layer's weights."""

USED = Resources(lut=1_027_000, ff=904_000, bram=1935, uram=109, dsp=1611)
"""Resources of the implemented design; whether they include the shell is not published."""
AROUND = Resources(lut=33_300, ff=44_900, bram=99.5, uram=64)
"""What these numbers are assumed to include besides the kernel: a DDR controller, and PLRAM of 2 MB in UltraRAM. The shell's static
part is unknown and not counted; if it were included, the factors fitted in `cost.formulas` would be too high."""


class Measurement(NamedTuple):
    batch: int
    fps: float
    latency_ms: float


MEASURED = (Measurement(1, 527, 1.9), Measurement(10, 1895, 5.3), Measurement(100, 2605, 38.4), Measurement(1000, 2703, 369.9))
"""At a target clock of 250 MHz; the clock actually reached is not published."""
