"""What was published of the original ResNet-50 on the U250 (Xilinx/ResNet50-PYNQ, host/README.md; PYNQ article of March 2020)."""

from __future__ import annotations

from typing import NamedTuple

from dataflow.resources import Resources

NETWORKS = ("resnet50_w1a2", "resnet50")
"""The same layers in the same folding; they differ in the bank the weights of the last one lie in."""

USED = Resources(lut=1_027_000, ff=904_000, bram=1935, uram=109, dsp=1611)
"""Of the implemented design; it is not said with or without the shell."""
AROUND = Resources(lut=33_300, ff=44_900, bram=99.5, uram=64)
"""What is taken to be in those numbers besides the kernel: a DDR controller, and PLRAM of 2 MB in UltraRAM. The shell's static
part is unknown and left out; were it in there, the factors fitted in `dataflow.estimate` would be too high by it."""


class Measurement(NamedTuple):
    batch: int
    fps: float
    latency_ms: float


MEASURED = (Measurement(1, 527, 1.9), Measurement(10, 1895, 5.3), Measurement(100, 2605, 38.4), Measurement(1000, 2703, 369.9))
"""At a target of 250 MHz; the clock that was reached is not published."""
