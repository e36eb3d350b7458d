"""How a network is laid out in space and time: processes, streams, folding, cycles, FIFO depths, SLRs."""

from dataflow.design import Argument, Design, Ip, Kind, Link, Port, Process, Rom, Stream
from dataflow.lower import lower
from dataflow.platform import Bank, Platform
from dataflow.timing_error import TimingError

__all__ = ["Argument", "Bank", "Design", "Ip", "Kind", "Link", "Platform", "Port", "Process", "Rom", "Stream", "TimingError", "lower"]
