"""C++ of every IP: header library, generated tops, ROMs and test benches, and their C simulation under g++."""

from hls.csim import Simulation, simulate
from hls.render import HEADERS, SOURCES, outputs, render
from hls.vectors import frame_count, vectors

__all__ = ["HEADERS", "SOURCES", "Simulation", "frame_count", "outputs", "render", "simulate", "vectors"]
