"""The benchmark of the emulator: the networks it draws, what it makes of speeds, and, on small networks, all of it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from runtime.bench import __main__ as bench
from runtime.bench import report, resnet50
from runtime.bench.results import Case, Kind, Limit, Run
from runtime.container.program import Shape
from runtime.emulation.emulator import Emulator, available_paths
from tests.reference_data import needs_reference
from tests.runtime import resnet50 as reference

SMALL = resnet50.Size(Shape(64, 64, 3), ((2, 16), (1, 32)))
NATIVE = available_paths()[:-1]
needs_native = pytest.mark.skipif(not NATIVE, reason="runtime._native was not compiled when the project was installed")


@needs_reference
def test_the_network_has_the_shape_of_the_original() -> None:
    drawn, original = resnet50.program("w1a2"), reference.program()
    assert (drawn.input, drawn.pool, resnet50.products(drawn)) == (original.input, original.pool, resnet50.products(original))
    for ours, theirs in zip(drawn.blocks, original.blocks, strict=True):
        for conv, other in zip(ours.convs, theirs.convs, strict=True):
            assert conv.activation is not None
            assert other.activation is not None
            assert (conv.name, conv.window, conv.weight, conv.input, conv.activation.codes) == (
                *(other.name, other.window, other.weight, other.input, other.activation.codes),
            )


@pytest.mark.skipif(available_paths()[0] != "amx", reason="this CPU has no AMX to withhold")
def test_a_process_without_amx_takes_the_next_path() -> None:
    script = "from runtime.bench.__main__ import withhold_amx as w; w(); from runtime.emulation.emulator import available_paths as p; print(*p())"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split() == list(available_paths()[1:])


@pytest.mark.parametrize(("name", "least"), [("w1a2", 16), ("w4a4", 14), ("w8a8", 200)])
def test_codes_of_the_network_are_not_degenerate(name: str, least: int) -> None:
    program = resnet50.program(name)
    image = np.random.default_rng(1).integers(0, 256, program.input).astype(np.uint8)
    trace = Emulator(program).trace(image)
    assert {block.name for block in program.blocks if len(np.unique(trace[block.name])) < least} == set()
    assert len(np.unique(trace["scores"])) > resnet50.CLASSES // 2


@pytest.mark.parametrize("path", NATIVE)
@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("w1a2", {"scaled", "fixed", "line"}),
        ("w4a4", {"scaled", "line", "scaled, plane", "line, plane"}),
        ("w8a8", {"line", "double", "line, plane", "double, plane"}),
    ],
)
def test_no_threshold_is_looked_up(name: str, ways: set[str], path: str) -> None:
    assert set(Emulator(resnet50.program(name), path=path, threads=1).ways.values()) <= ways


@pytest.mark.parametrize("name", resnet50.NETWORKS)
def test_every_path_gives_the_same_codes(name: str) -> None:
    program = resnet50.program(name, SMALL)
    image = np.random.default_rng(1).integers(0, 256, program.input).astype(np.uint8)
    expected = Emulator(program, path="numpy").trace(image)
    for path in NATIVE:
        found = Emulator(program, path=path, threads=1).trace(image)
        assert {code for code in found if not np.array_equal(found[code], expected[code])} == set()


def run(*, without_amx: bool, network: str, path: str, threads: tuple[int, ...] = (1,), batches: tuple[int, ...] = (1,)) -> Run:
    """Onnxruntime is half or a tenth as fast as the emulator; two threads are 1.6 times as fast as one, and batches another 1.25 times."""
    version = resnet50.NETWORKS[network].version
    speeds = {(network, path): 100.0, (version, "onnxruntime int8"): 50.0, (version, "onnxruntime float32"): 10.0}
    peaks = {"int8": 1000.0, "lookup16": 300.0, "lookup64": 500.0, "planes": 250.0}
    return Run(
        without_amx=without_amx,
        images_per_s={
            Case(*by, count, batch): speed * (1 if count == 1 else 1.6) * (1 if batch == 1 else 1.25)
            for count in threads
            for batch in batches
            for by, speed in speeds.items()
        },
        products_per_s={Limit(path, name, count): peak * count for count in threads for name, peak in peaks.items()},
    )


RUNS = (
    run(without_amx=True, network="w8a8", path="avx512"),
    run(without_amx=True, network="w1a2", path="avx512", batches=(8, 1)),
    run(without_amx=False, network="w1a2", path="amx", threads=(2, 1)),
)
PRODUCTS = {"w1a2": 2, "w8a8": 4}


def test_ratios_have_names_that_say_what_they_compare() -> None:
    single = {"onnxruntime int8": 2, "onnxruntime float32": 10, "share of int8 peak": 0.2}
    bipolar = {"share of bit-serial peak": 0.8, "share of lookup peak": 0.4}
    both = {"share of int8 peak": 0.16, "share of bit-serial peak": 0.64, "share of lookup peak": 0.32}
    batch = {"share of int8 peak": 0.25, "share of bit-serial peak": 1, "share of lookup peak": 0.5}
    expected = {
        "w1a2 amx, 1 thread, batch 1": single | bipolar,
        "w1a2 amx, 2 threads, batch 1": single | both,
        "w1a2 avx512, 1 thread, batch 1": single | bipolar,
        "w1a2 avx512, 1 thread, batch 8": single | batch,
        "w8a8 avx512, 1 thread, batch 1": single | {"share of int8 peak": 0.4},
    }
    found = report.ratios(report.rows(RUNS, PRODUCTS))
    flat = {f"{name}: {what}": ratio for name, ratios in expected.items() for what, ratio in ratios.items()}
    assert found == pytest.approx(flat | {"latency of one image, 2 threads / 1 thread: w1a2 amx": 1 / 1.6})
    assert list(dict.fromkeys(name.partition(":")[0] for name in found))[:-1] == list(expected)


def shown(table: object) -> list[list[str]]:
    """The cells of a table as it is printed, without its frame."""
    text = io.StringIO()
    Console(width=report.WIDTH, file=text).print(table)
    lines = text.getvalue().splitlines()
    return [[cell.strip() for cell in line.strip("┃│").replace("┃", "│").split("│")] for line in lines if line[:1] in "┃│"]


def test_one_row_for_each_speed() -> None:
    rows = shown(report.table(report.rows(RUNS, PRODUCTS), "a CPU"))
    assert rows[2:] == [
        ["w1a2", "amx", "1", "1", "100.0", "10.00", "20%", "80%", "40%", "50.0", "2.00", "10.0", "10.00"],
        ["w1a2", "amx", "2", "1", "160.0", "6.25", "16%", "64%", "32%", "80.0", "2.00", "16.0", "10.00"],
        ["w1a2", "avx512", "1", "1", "100.0", "10.00", "20%", "80%", "40%", "50.0", "2.00", "10.0", "10.00"],
        ["w1a2", "avx512", "1", "8", "125.0", "8.00", "25%", "100%", "50%", "62.5", "2.00", "12.5", "10.00"],
        ["w8a8", "avx512", "1", "1", "100.0", "10.00", "40%", "", "", "50.0", "2.00", "10.0", "10.00"],
    ]


def test_kinds_of_layers_side_by_side() -> None:
    kinds = {"w1a2": {"stem": Kind(2, 1), "entry": Kind(0.5, 0)}, "w8a8": {"stem": Kind(4, 1)}}
    assert shown(report.kinds_table(kinds, "amx", RUNS[2]))[2:] == [
        ["stem", "2.000", "50%", "4.000", "25%"],
        ["entry", "0.500", "", "", ""],
    ]


def test_a_run_passes_through_json() -> None:
    for each in RUNS:
        assert Run.of_json(json.loads(json.dumps(each.as_json))) == each


# What a child does, small and in a hurry: but nothing of it before AMX is withheld.
CHILD = """
import sys
from runtime.bench import __main__ as bench, resnet50
from runtime.container.program import Shape
resnet50.WHOLE = resnet50.Size(Shape(64, 64, 3), ((2, 16), (1, 32)))
withhold_amx = bench.withhold_amx
def then_hurry():
    withhold_amx()
    from runtime.bench import measure
    measure.SECONDS = measure.PEAK_SECONDS = measure.REST_SECONDS = 0.001
bench.withhold_amx = then_hurry
bench.main(sys.argv[1:])
"""


@needs_native
def test_everything_is_measured_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime", reason="the extra bench is not installed")
    from runtime.bench import measure

    def in_child(repetitions: int) -> Run:
        out = tmp_path / "child.json"
        subprocess.run([sys.executable, "-c", CHILD, "--without-amx", "--repetitions", str(repetitions), "--out", str(out)], check=True)
        return Run.of_json(json.loads(out.read_text()))

    monkeypatch.setattr(bench, "in_child", in_child)
    monkeypatch.setattr(resnet50, "WHOLE", SMALL)
    for name in ("SECONDS", "PEAK_SECONDS", "REST_SECONDS"):
        monkeypatch.setattr(measure, name, 0.001)
    out = tmp_path / "emulator.json"
    bench.main(["--repetitions", "1", "--out", str(out)])
    found = json.loads(out.read_text())
    assert set(found) == {"cpu", "products_per_image", "runs", "kinds", "ratios"}
    assert [each["without_amx"] for each in found["runs"]] == ([False, True] if NATIVE[0] == "amx" else [False])
    cases = {(case.network, case.by, case.batch) for part in found["runs"] for case in Run.of_json(part).images_per_s}
    batches = {(path, batch) for path in NATIVE for batch in (measure.BATCHES if path != "portable" else (1,))}
    assert {case for case in cases if case[0] in resnet50.NETWORKS} == {(name, *each) for name in resnet50.NETWORKS for each in batches}
    assert {f"{name} {path}, 1 thread, batch 1: onnxruntime int8" for name in resnet50.NETWORKS for path in NATIVE} <= set(found["ratios"])
    layers = {f"stage {stage} {layer}" for stage in (2, 3) for layer in ("conv1", "conv2", "conv3", "bypass")}
    kinds = {name: set(each) for name, each in found["kinds"]["networks"].items()}
    assert kinds == {name: {"stem", "entry", "pool", "head", *layers} for name in resnet50.NETWORKS}
    assert capsys.readouterr().out.endswith(f"written to {out}\n")


def test_what_is_not_installed_is_told_before_anything_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "NEEDED", ("onnx", "no_such_module"))
    with pytest.raises(SystemExit) as stopped:
        bench.main([])
    assert stopped.value.code == (
        "error: no_such_module: not installed\nwhy: the emulator is measured beside onnxruntime, in one run\nfix: pip install -e '.[bench]'"
    )


def test_numpy_alone_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "NEEDED", ())
    monkeypatch.setattr(bench, "available_paths", lambda: ("numpy",))
    with pytest.raises(SystemExit) as stopped:
        bench.main([])
    assert stopped.value.code == (
        "error: runtime._native: not compiled\n"
        "why: there was no g++ when resflow was installed, and numpy is not measured\n"
        "fix: install g++, and resflow again"
    )
