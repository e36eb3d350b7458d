"""The benchmark beside onnxruntime, on a network small enough for a test; what it measures equals the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from network import reference
from runtime.container.program import Shape
from runtime.emulation.emulator import Emulator, available_paths
from tests import bench_int8


@pytest.mark.skipif(available_paths() == ("numpy",), reason="runtime._native was not compiled when the project was installed")
def test_an_imported_8_bit_network(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the extra bench is not installed")
    from runtime.bench.models import Size

    size = Size(Shape(24, 24, 3), ((1, 16), (2, 24)), strided=2)
    imported = bench_int8.imported(tmp_path, size)
    images = np.random.default_rng(2).integers(0, 256, (1, *size.image)).astype(np.uint8)
    expected = reference.trace(imported.network, imported.arrays, images)
    for path in available_paths():
        emulator = Emulator(imported.program, path=path, threads=2)
        found = emulator.trace(images[0], imported.weights)
        assert {name for name in found if not np.array_equal(found[name], expected[name][0])} == set()
        # What is fast: neither the thresholds of a convolution nor those of a join are looked up.
        assert path == "numpy" or set(emulator.ways.values()) <= {"double", "line", "double, plane", "line, plane"}
    results = bench_int8.measured(imported, (1,), batch=2, repetitions=1)
    assert results[0].agreeing == 2
    shown: list[object] = []
    bench_int8.show(imported, results, 2, bench_int8.attainable(1), shown.append)
    assert len(shown) == 1


def test_without_onnxruntime_it_is_skipped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench_int8, "NEEDED", ("onnx", "no_such_module"))
    bench_int8.main([])
    assert capsys.readouterr().out == (
        "skipped: the emulator is measured beside onnxruntime, and no_such_module is not installed (pip install -e '.[bench,import]')\n"
    )
