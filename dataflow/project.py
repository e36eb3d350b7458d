"""A network that is laid out, with what its build runs jobs by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from codegen.jobs.dispatch import Dispatch
from dataflow.design import IMAGES, Design, Ip
from dataflow.timing.graph import Latencies, Scheduled
from network.project import Project

FIRINGS = 8_000_000
"""Of all frames a bench simulates, about: C simulation makes some millions a second."""
MOST_FRAMES = 16


@dataclass(frozen=True, kw_only=True)
class Planned(Project):
    """A project whose design is known."""

    design: Design
    jobs: Dispatch
    scheduled: Callable[[], Mapping[str, Scheduled]] = dict  # reads what C synthesis reports of the units, by their names in timing.graph
    given_frames: int | None = None  # images every bench simulates, where they are given
    fits_anyway: bool = False  # go on although the estimate says that the design does not fit

    @property
    def frames(self) -> int:
        """Images every bench simulates: 16, fewer where a frame is many millions of firings."""
        firings = sum(unit.cycles for ip in self.design.ips for unit in ip.units)
        return self.given_frames or min(MOST_FRAMES, max(1, FIRINGS // firings))

    def latencies(self) -> Latencies:
        """Those of the build: as C synthesis reports them, where it was run; else the stated defaults."""
        return Latencies(scheduled=self.scheduled())

    @property
    def labels(self) -> dict[str, str]:
        """What is built with random parameters says so."""
        return {"parameters": "random"} if self.is_random else {}

    @property
    def longest_first(self) -> list[Ip]:
        """The IPs by how much hardware is to be synthesized: the products of a cycle, which HLS unrolls one by one."""
        return sorted(self.design.ips, key=lambda ip: ip.products, reverse=True)

    def sources(self, ip: Ip) -> Path:
        return self.folder / "hls" / ip.name

    def vectors(self, ip: Ip) -> Path:
        return self.folder / "vectors" / ip.name

    def vector_files(self, ip: Ip) -> list[Path]:
        """Of its ports, and the images of constants where it reads them."""
        images = [IMAGES] if ip.reads_constants else []
        return [self.vectors(ip) / f"{name}.bin" for name in (*(port.name for port in ip.ports), *images)]
