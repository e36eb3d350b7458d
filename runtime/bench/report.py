"""What measured speeds come to: each beside onnxruntime's and beside what the instructions can do, as numbers with names and as tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime.bench.resnet50 import NETWORKS
from runtime.bench.results import Kind, Limit, Run
from runtime.emulation.emulator import PLANES

if TYPE_CHECKING:
    from rich.table import Table


PATHS = ("amx", "avx512", "avx2", "portable")
LIMITS = ("int8", "bit-serial", "lookup")
OTHERS = ("onnxruntime int8", "onnxruntime float32")
KIND_BATCH = 8
WIDTH = 140  # of a console


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One network on one path, and all it is compared with."""

    network: str
    path: str
    threads: int
    batch: int
    images_per_s: float
    shares: Mapping[str, float]  # of limits
    others: Mapping[str, float]  # images per second of onnxruntime

    @property
    def ratios(self) -> dict[str, float]:
        return {by: self.images_per_s / rate for by, rate in self.others.items()}


def rows(runs: Iterable[Run], products: Mapping[str, int]) -> list[Row]:
    """In the order of networks and paths; each is compared with what the same process measured. `products` are those of an image."""
    found = [row for run in runs for row in _rows(run, products)]
    return sorted(found, key=lambda row: (list(NETWORKS).index(row.network), PATHS.index(row.path), row.threads, row.batch))


def ratios(rows: Iterable[Row]) -> dict[str, float]:
    """Every comparison by a name that says what is compared."""
    rows = list(rows)
    found: dict[str, float] = {}
    for row in rows:
        name = f"{row.network} {row.path}, {_threads(row.threads)}, batch {row.batch}"
        found |= {f"{name}: {by}": ratio for by, ratio in row.ratios.items()}
        found |= {f"{name}: share of {limit} peak": share for limit, share in row.shares.items()}
    single = {(row.network, row.path): row.images_per_s for row in rows if row.threads == row.batch == 1}
    for row in rows:
        if row.batch == 1 and row.threads > 1:
            name = f"latency of one image, {_threads(row.threads)} / 1 thread: {row.network} {row.path}"
            found[name] = single[row.network, row.path] / row.images_per_s
    return found


def kinds_as_json(kinds: Mapping[str, Mapping[str, Kind]], path: str) -> dict[str, Any]:
    """Of each network in one thread."""
    networks = {network: {name: kind._asdict() for name, kind in figures.items()} for network, figures in kinds.items()}
    return {"path": path, "batch": KIND_BATCH, "networks": networks}


def table(rows: Iterable[Row], cpu: str) -> Table:
    from rich.table import Table

    shown = Table(title=f"ResNet-50 on {cpu}: the emulator beside onnxruntime")
    for column in ("network", "path"):
        shown.add_column(column)
    of_peak = ("of int8\npeak", "of bit-\nserial", "of\nlookup")
    for column in ("threads", "batch", "images/s", "ms", *of_peak, "onnxruntime\nint8", "ratio", "onnxruntime\nfloat32", "ratio"):
        shown.add_column(column, justify="right")
    previous = None
    for row in rows:
        if previous not in (None, row.network):
            shown.add_section()
        previous = row.network
        speed = (f"{row.images_per_s:.1f}", f"{1000 / row.images_per_s:.2f}")
        shares = (f"{row.shares[limit]:.0%}" if limit in row.shares else "" for limit in LIMITS)
        others = (text for by in OTHERS for text in (f"{row.others[by]:.1f}", f"{row.ratios[by]:.2f}"))
        shown.add_row(row.network, row.path, str(row.threads), str(row.batch), *speed, *shares, *others)
    return shown


def kinds_table(kinds: Mapping[str, Mapping[str, Kind]], path: str, run: Run) -> Table:
    """Milliseconds of an image in each kind of layer, and the share of the peak of the run."""
    from rich.table import Table

    peak = run.products_per_s[Limit(path, "int8", 1)]
    shown = Table(title=f"One image on path {path}: 1 thread, batch {KIND_BATCH}")
    shown.add_column("")
    for network in kinds:
        shown.add_column(f"{network}\nms", justify="right")
        shown.add_column("of int8\npeak", justify="right")
    for name in dict.fromkeys(name for figures in kinds.values() for name in figures):
        cells = (text for figures in kinds.values() for text in _cells(figures.get(name), peak))
        shown.add_row(name, *cells)
    return shown


def _rows(run: Run, products: Mapping[str, int]) -> Iterator[Row]:
    for case, rate in run.images_per_s.items():
        if case.network in NETWORKS:
            form = NETWORKS[case.network]
            peaks = {
                limit.products: peak for limit, peak in run.products_per_s.items() if (limit.path, limit.threads) == (case.by, case.threads)
            }
            limits = {"int8": peaks["int8"]}
            if form.weight.bipolar and PLANES in peaks:
                limits["bit-serial"] = peaks[PLANES]
                limits["lookup"] = max(peak for name, peak in peaks.items() if name.startswith("lookup"))
            yield Row(
                network=case.network,
                path=case.by,
                threads=case.threads,
                batch=case.batch,
                images_per_s=rate,
                shares={name: rate * products[case.network] / limit for name, limit in limits.items()},
                others={by: run.images_per_s[case._replace(network=form.version, by=by)] for by in OTHERS},
            )


def _cells(kind: Kind | None, peak: float) -> tuple[str, str]:
    if kind is None:
        return "", ""
    return f"{kind.ms:.3f}", f"{kind.products / (kind.ms / 1000) / peak:.0%}" if kind.products else ""


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
