"""What a FIFO is made of on UltraScale+, and how much of it: memory alone, without its control. An estimate."""

from __future__ import annotations

from dataflow.design import Link, Stream
from dataflow.resources import Resources


def fifo_cost(fifo: Stream | Link) -> Resources:
    """Shift registers up to 32 beats, then whatever is asked of the FIFO IP, or what HLS takes by itself."""
    if isinstance(fifo, Link):
        bits, kind = 8 * fifo.source_port.tdata_bytes, fifo.memory
    else:
        bits, kind = fifo.bits, "registers" if fifo.depth <= 32 else "block" if fifo.depth * fifo.bits > 4096 else "distributed"
    depth = fifo.depth
    if kind == "registers":
        return Resources(lut=-(-bits // 2) if depth <= 16 else bits)  # SRL16 two a LUT, SRL32 one (UG574)
    if kind == "distributed":
        return Resources(lut=bits * -(-depth // 64))  # 64 bits a LUT, simple dual port (UG574)
    if kind == "ultra":
        return Resources(uram=-(-depth // 4096) * -(-bits // 72))  # UG573
    shapes = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))  # of an 18 Kbit half (UG573)
    return Resources(bram=min(-(-depth // deep) * -(-bits // wide) for deep, wide in shapes) / 2)
