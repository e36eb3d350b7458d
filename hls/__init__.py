"""C++ of every IP: header library, generated tops, ROMs and test benches, and their C simulation under g++."""

from hls.csim import Simulation, simulate
from hls.render import HEADERS, TEMPLATES, outputs, render
from hls.vectors import vectors

__all__ = ["HEADERS", "TEMPLATES", "Simulation", "outputs", "render", "simulate", "vectors"]
