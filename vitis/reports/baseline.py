"""Recorded cycles and resources of every IP, to notice when they change: baselines/<network>.json.

One file per network, with one set of figures per release of the tools and part, since another release schedules differently.

    {"2022.2 xcu250-figd2104-2L-e": {"res2a": {"interval": 56449, "lut": 30211, …}, …}, …}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from codegen.errors import ToolError
from hls.cosim_report import Cosim
from hls.csynth import Csynth
from vitis.reports.report import KINDS, Report, plain

TOLERANCES = {"interval": 0.02, "cosim interval": 0.02, **dict.fromkeys(KINDS, 0.10)}
"""How far a figure may differ from its baseline, as a fraction. Cycles follow from the loops; area varies with the tool."""

Figures = Mapping[str, Mapping[str, float]]  # by IP, by name of the figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A figure that differs from its baseline."""

    ip: str
    figure: str
    before: float
    now: float

    @property
    def change(self) -> str:
        return f"{self.now / self.before - 1:+.1%}" if self.before else "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A report compared with its baseline. IPs that only one of them has are not compared."""

    path: Path
    compared: tuple[str, ...]
    moves: tuple[Move, ...]
    unknown: tuple[str, ...]  # reported, but not in the baseline
    missing: tuple[str, ...]  # in the baseline, but not reported

    def __str__(self) -> str:
        words = [f"{len(self.compared)} IPs as in {self.path}"]
        words += [f"not in it: {', '.join(self.unknown)}"] if self.unknown else []
        words += [f"not synthesized: {', '.join(self.missing)}"] if self.missing else []
        return ", ".join(words)

    def require_unmoved(self) -> None:
        """Raise ToolError with a table of what moved, improvements too, since the baseline is then out of date."""
        if not self.moves:
            return
        rows = [(move.ip, move.figure, plain(move.before), plain(move.now), move.change) for move in self.moves]
        rows.insert(0, ("IP", "figure", "baseline", "now", ""))
        ip, figure, before, now, change = (max(map(len, column)) for column in zip(*rows, strict=True))
        table = "".join(f"\n    {a:{ip}}  {b:{figure}}  {c:>{before}}  {d:>{now}}  {e:>{change}}".rstrip() for a, b, c, d, e in rows)
        raise ToolError(
            str(self.path),
            f"{len(self.moves)} {'figure has' if len(self.moves) == 1 else 'figures have'} moved{table}",
            why=f"cycles may move by {TOLERANCES['interval']:.0%}, resources by {TOLERANCES['lut']:.0%}",
            fix=f"find out why; if it is intended, record them again: doit report --baseline {self.path} --record",
        )


def key(report: Report) -> str:
    """Release and part; raises ToolError if no IP is synthesized, or not all by one release."""
    if len(report.releases) != 1:
        raise ToolError(
            report.network,
            f"IPs synthesized by {' and '.join(report.releases)}" if report.releases else "no IP is synthesized",
            why="a baseline belongs to one release of the tools",
            fix="synthesize the IPs with one: doit synth",
        )
    return f"{report.releases[0]} {report.part}"


def figures(report: Report) -> dict[str, dict[str, float]]:
    """The compared figures: those of C synthesis, and the interval of co-simulation; unknown ones are left out."""
    return {ip.name: _figures(ip.csynth, ip.cosim) for ip in report.ips if ip.csynth}


def _figures(csynth: Csynth, cosim: Cosim | None) -> dict[str, float]:
    values = {
        "interval": csynth.interval_cycles,
        "cosim interval": cosim.interval.average if cosim and cosim.interval else None,
        **{kind: getattr(csynth.resources, kind) for kind in KINDS},
    }
    return {name: value for name, value in values.items() if value is not None}


def load(path: Path) -> dict[str, Figures]:
    """All sets of figures in a file, empty if there is none; raises ToolError if it is not a baseline."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        line = getattr(error, "lineno", 0)
        where = f"{path}:{line}" if line else str(path)
        raise ToolError(
            where, "not a baseline", why=f"not JSON: {error}", fix="restore the file, or delete it and record it again"
        ) from None
    for path_in_file, value in _leaves(known):
        if len(path_in_file) != 3 or isinstance(value, bool) or not isinstance(value, int | float):
            what = f"not a baseline: {value!r} at {' / '.join(path_in_file) or 'the top'}"
            raise ToolError(
                str(path),
                what,
                why="it holds numbers by release and part, IP, and figure",
                fix="restore the file, or delete it and record it again",
            )
    return dict(known)


def _leaves(value: object, above: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], object]]:
    if not isinstance(value, dict):
        return [(above, value)]
    return [leaf for name, inner in value.items() for leaf in _leaves(inner, (*above, str(name)))]


def record(path: Path, report: Report) -> str:
    """The text of the file with this report's figures added; those of other releases and parts are kept."""
    known = {**load(path), key(report): figures(report)}
    return json.dumps(dict(sorted(known.items())), indent=1) + "\n"


def compare(path: Path, report: Report) -> Comparison:
    """Compare the report with the file's figures for its release and part; raises ToolError if it has none."""
    before, now = load(path).get(key(report)), figures(report)
    if before is None:
        raise ToolError(
            str(path),
            f"no figures for {key(report)}" if path.exists() else "there is no such file",
            why="a report is compared with figures of the same release and part",
            fix=f"record them, review them, and keep them: doit report --baseline {path} --record",
        )
    both = [ip for ip in now if ip in before]
    return Comparison(
        path=path,
        compared=tuple(both),
        moves=tuple(
            Move(ip=ip, figure=figure, before=before[ip][figure], now=now[ip][figure])
            for ip in both
            for figure, tolerance in TOLERANCES.items()
            if figure in before[ip] and figure in now[ip] and abs(now[ip][figure] - before[ip][figure]) > tolerance * before[ip][figure]
        ),
        unknown=tuple(ip for ip in now if ip not in before),
        missing=tuple(ip for ip in before if ip not in now),
    )
