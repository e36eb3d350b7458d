"""How a network is laid out in space and time: units, streams, folding, cycles, FIFO depths, SLRs."""

from dataflow.design import Argument, Design, Ip, Link, Port, Stream
from dataflow.plan import plan
from dataflow.platform import Bank, Platform
from dataflow.timing.error import TimingError
from dataflow.unit import Unit

__all__ = ["Argument", "Bank", "Design", "Ip", "Link", "Platform", "Port", "Stream", "TimingError", "Unit", "plan"]
