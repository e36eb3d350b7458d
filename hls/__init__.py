"""The C++ of every IP: header library, generated top functions, ROMs and test benches; C simulation, synthesis and cosimulation."""

from hls.cosim_report import read_cosim, simulated
from hls.csim import Simulation, csim_job, simulate, verdict
from hls.csynth import read_csynth, read_csynth_of
from hls.pipelines import scheduled
from hls.render import HEADERS, outputs, render
from hls.synth import cosim_job, synth_job
from hls.vectors import first_frames, frame_count, vectors

__all__ = [
    "HEADERS",
    "Simulation",
    "cosim_job",
    "csim_job",
    "first_frames",
    "frame_count",
    "outputs",
    "read_cosim",
    "read_csynth",
    "read_csynth_of",
    "render",
    "scheduled",
    "simulate",
    "simulated",
    "synth_job",
    "vectors",
    "verdict",
]
