"""Simulation of an IP in SystemVerilog by Verilator, twice: without stalls, and with stalls at every port as a schedule has them. All codes are
compared with the reference's, and the cycle of every handshake with the timing model's, which reads the same schedule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from codegen.errors import ToolError
from codegen.jobs.job import Call, Job, Limits
from codegen.tools.find import find, first_line_of_version
from dataflow.design import Ip
from dataflow.timing.error import TimingError
from dataflow.timing.rtl import Messages, Transfers, ip_graph, port_beats, transfers
from rtl.render import BENCH, LIBRARY, PACKAGE, WAIVERS, bench_file, top_file

LIMITS = Limits(timeout_minutes=60, memory_gb=2)
SEED = 1
SLACK = 1000
"""Cycles that the hardware may still run, beside those of two frames, when all that the model says has happened: what hangs must be seen
to hang."""
WAVEFORM = "waveform.fst"

Gaps = Mapping[str, Sequence[int]]
"""Of each port, for every beat of all frames, the cycles that its sender or receiver lets pass after the beat before."""


@dataclass(frozen=True, slots=True)
class Run:
    """One of the simulations of an IP, and what the timing model says of it."""

    name: str
    what: str  # for people
    gaps: Gaps
    expected: Transfers
    messages: Messages = ()  # of an IP with loaded constants

    @property
    def handshakes(self) -> str:
        """The file the bench writes."""
        return f"{self.name}.txt"

    @property
    def schedule(self) -> dict[str, str]:
        """Its stalls as the files that the bench reads: a line for each beat, in `gaps/<run>/<port>.txt`."""
        return {f"gaps/{self.name}/{port}.txt": "\n".join(map(str, gaps)) + "\n" for port, gaps in self.gaps.items()}

    @property
    def last(self) -> int:
        """The cycle of the last handshake."""
        return max((int(cycles[-1]) for cycles in self.expected.cycles.values() if len(cycles)), default=0)


def messages_in(ip: Ip, vectors: Path) -> Messages | None:
    """What is sent into the chain of an IP with loaded constants, from its vectors."""
    port = next((port for port in ip.inputs if port.name in ip.chain), None)
    return None if port is None else headers(np.fromfile(vectors / f"{port.name}.bin", "<u8"))


def headers(words: NDArray[np.uint64]) -> Messages:
    """The headers of messages."""
    found, at = [], 0
    while at < len(words):
        found.append(int(words[at]))
        at += 1 + found[-1]
    return found


def random_gaps(ip: Ip, frames: int, seed: int, messages: Messages | None = None) -> Gaps:
    """Stalls at every port that neither side hides: half of the beats come at once, the others as late as the port's beats are apart on
    average, twice that and more. So each port is now ahead of the IP, now behind it."""
    rng = np.random.default_rng(seed)
    gaps = {}
    for name, beats in port_beats(ip, frames=frames, messages=messages).items():
        apart = max(1, ip.cycles * frames // beats)
        gaps[name] = (rng.integers(0, 2, beats) * rng.geometric(1 / (1 + apart), beats)).tolist()
    return gaps


def runs(ip: Ip, frames: int, seed: int = SEED, messages: Messages | None = None) -> tuple[Run, Run]:
    """Without stalls, and with random ones; `messages` as in `ip_graph`."""
    gaps = random_gaps(ip, frames, seed, messages)
    what = f"with {sum(map(sum, gaps.values())):,} cycles of stalls"
    free, stalled = (transfers(ip_graph(ip, frames=frames, messages=messages, gaps=each)) for each in (None, gaps))
    sent = messages or ()
    return Run("free", "without stalls", {}, free, sent), Run("stalled", what, gaps, stalled, sent)


def rtlsim_job(ip: Ip, sources: Path, vectors: Path, frames: int, of: Sequence[Run], *, traced: bool = False) -> Job:
    """Compile the IP with its bench, and run it once for each of `of`; with `traced` the first leaves a waveform."""
    verilator = (
        # What another release warns of is no reason not to simulate: tests hold the library to -Wall. What a module refuses is.
        *("verilator", "--cc", "--exe", "--build", "-Wno-fatal", "-Werror-USERERROR", "-O3", "--x-initial", "unique"),
        *("--top-module", ip.top, "--Mdir", "verilated", "-o", "../simulation", "-Isv", "-CFLAGS", "-I../include"),
        # One file instead of dozens, each of which would read the same headers; only what runs every cycle is worth optimizing.
        *("--output-split", "1000000", "-MAKEFLAGS", "OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O0"),
        *(("--trace-fst", "--trace-params") if traced else ()),
        *(f"sv/{WAIVERS.name}", f"sv/{PACKAGE.name}", top_file(ip), bench_file(ip)),
    )
    compiled = Call(words=verilator, log="verilator.log", hint="report it with the log: generated SystemVerilog has to compile")
    simulated = [
        Call(
            words=(
                *("./simulation", "vectors", f"gaps/{run.name}", str(frames), str(run.last + 2 * ip.cycles + SLACK), run.handshakes),
                *((WAVEFORM,) if traced and run is of[0] else ()),
            ),
            log=f"{run.name}.log",
            hint="compare with network.reference; the first difference is the one to look at",
        )
        for run in of
    ]
    return Job(
        step="rtlsim",
        name=ip.name,
        files={
            **{path.name: path for path in sources.iterdir() if path.is_file()},
            **{f"sv/{path.name}": path for path in (WAIVERS, *LIBRARY)},
            f"include/{BENCH.name}": BENCH,
            **{f"vectors/{port.name}.bin": vectors / f"{port.name}.bin" for port in ip.ports},
            **{name: text.encode() for run in of for name, text in run.schedule.items()},
        },
        calls=(compiled, *simulated),
        products={
            **{run.handshakes: run.handshakes for run in of},
            **{name.replace("/", "_"): name for run in of for name in run.schedule},  # what the stalls were, for whoever reads the waveform
            **({WAVEFORM: WAVEFORM} if traced else {}),
        },
        release=first_line_of_version(find("verilator")),
        limits=LIMITS,
    )


def read_handshakes(path: Path) -> dict[str, NDArray[np.int64]]:
    """The cycle of every handshake, by port."""
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {port: np.array(cycles, dtype=np.int64) for port, *cycles in lines}


def require_equal(ip: Ip, run: Run, folder: Path) -> None:
    """Raise ToolError unless every beat passed in the cycle that the timing model says; TimingError where the two agree that it hangs."""
    found = read_handshakes(folder / run.handshakes)
    for port in ip.ports:
        expected, cycles = run.expected.cycles[port.name], found[port.name]
        common = min(len(expected), len(cycles))
        different = np.flatnonzero(expected[:common] != cycles[:common])
        if len(different) or len(expected) != len(cycles):
            beat = int(different[0]) if len(different) else common
            says, passes = (f"in cycle {each[beat]:,}" if beat < len(each) else "never" for each in (expected, cycles))
            which = f"word {beat:,}" if port.name in ip.chain else f"beat {beat % port.beats:,} of frame {beat // port.beats:,}"
            raise ToolError(
                str(folder / run.handshakes),
                f"{run.what}, {which} passes {ip.name}.{port.name} {passes}",
                why=f"the timing model says {says}",
                fix="report it with the description: the model and the hardware have to agree in every cycle",
            )
    if deadlock := run.expected.deadlock:
        raise TimingError(
            ip.name,
            f"it hangs {run.what}, in SystemVerilog as in the timing model: no beat passes after cycle {run.last:,}",
            why=str(deadlock),
            fix=f"make {' or '.join(deadlock.full)} deeper: doit fifos says how deep"
            if deadlock.full
            else "report it with the description",
        )


def _token(messages: Messages) -> int:
    """The word that is the token of the first frame."""
    return sum(1 + words for words in takewhile(bool, messages))


def summary(ip: Ip, frames: int, of: Sequence[Run]) -> str:
    """What was compared, and what a frame takes without stalls."""
    free = of[0].expected.cycles
    beats = sum(map(len, free.values()))
    ends = [free[port.name][port.beats - 1 :: port.beats] for port in ip.outputs if port.name not in ip.chain]
    # Where constants are loaded, a frame begins with its token: beats may wait for a load.
    chain = [port.name for port in ip.inputs if port.name in ip.chain]
    begins = [int(free[name][_token(of[0].messages)]) for name in chain]
    first = max([min(int(free[port.name][0]) for port in ip.inputs if port.name not in chain), *begins])
    interval = f", interval {max(int(end[-1] - end[-2]) for end in ends):,}" if frames > 1 else ""
    latency = max(int(end[0]) for end in ends) - first
    ways = " and ".join(run.what for run in of)
    return f"{frames} frames, all codes equal, {beats:,} beats in the model's cycles {ways}; latency {latency:,}{interval}"
