from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from runtime import Accelerator, DeviceError, benchmark
from runtime.bench.timed import TimedDevice
from runtime.benchmark import Row, Times
from runtime.container.manifest import ImageShape
from runtime.device.driver import load
from tests.runtime import tiny

MANIFEST = tiny.manifest(tiny.network())
TIMES = Times(p50_ms=1.5, p95_ms=2.25, p99_ms=3.0, frames_per_s=5432.1)
ROW = Row(
    batch=8,
    run=TIMES,
    queued_frames_per_s=6543.2,
    classify=TIMES,
    board_watts=None,
    fpga_watts=None,
    modelled_ms=0.018,
    modelled_frames_per_s=434_027.0,
    modelled_queued_frames_per_s=500_000.0,
)
CARD = replace(ROW, board_watts=59.3, fpga_watts=43.1, modelled_ms=None, modelled_frames_per_s=None, modelled_queued_frames_per_s=None)


def test_the_table_in_emulation() -> None:
    assert benchmark.table(MANIFEST, [ROW]) == (
        " batch   run p50      p95   p99 ms   frames/s  queued frames/s  classify p50 ms   frames/s  board W  FPGA W"
        "  card, modelled ms   frames/s  queued frames/s\n"
        "     8      1.50     2.25     3.00      5,432            6,543             1.50      5,432      n/a     n/a"
        "              0.018    434,027          500,000\n"
        "modelled, lower bound: the manifest has the cycles of the slowest stage, not the latency of a frame"
    )


def test_the_table_of_the_original_s_network_on_a_card() -> None:
    manifest = tiny.manifest(tiny.network(), network="resnet50_w1a2")
    assert benchmark.table(manifest, [CARD]) == (
        " batch   run p50      p95   p99 ms   frames/s  queued frames/s  classify p50 ms   frames/s  board W  FPGA W\n"
        "     8      1.50     2.25     3.00      5,432            6,543             1.50      5,432     59.3    43.1\n"
        "published for a U250 (Xilinx/ResNet50-PYNQ, host/README.md):\n"
        "     1      2.02                          495                                                  30.2    17.1\n"
        "   100     51.06                        1,958                                                  59.3    43.1\n"
        "  1000    496.14                        2,015                                                  61.0    45.2"
    )


def test_json_says_all_of_it() -> None:
    report = json.loads(json.dumps(benchmark.to_json(MANIFEST, "emulation0", [ROW])))
    assert (report["network"], report["device"], report["published"]) == ("tiny", "emulation0", [])
    assert report["rows"][0]["run"] == {"p50_ms": 1.5, "p95_ms": 2.25, "p99_ms": 3.0, "frames_per_s": 5432.1}
    assert report["rows"][0]["board_watts"] is None


def test_what_is_measured_is_the_device() -> None:
    """2 ms a frame: no call can be faster, and the median is not much slower."""
    device = TimedDevice(ImageShape(8, 8, 1), seconds_a_frame=2e-3)
    with Accelerator(load(__file__, device)) as accelerator:
        row = benchmark.measure(accelerator, 5, repetitions=7, warm_up=1)
    for times in (row.run, row.classify):
        assert 10 <= times.p50_ms <= times.p95_ms <= times.p99_ms
        assert times.p50_ms < 20
        assert times.frames_per_s <= 500
    assert row.modelled_ms == pytest.approx(5 * 2)
    assert row.modelled_queued_frames_per_s == pytest.approx(500)
    assert row.queued_frames_per_s <= 501  # the first run starts with the clock
    assert (row.board_watts, row.fpga_watts) == (None, None)


def test_a_batch_without_room(tmp_path: Path) -> None:
    arguments = tiny.arguments(in_bank="PLRAM[0]", out_bank="PLRAM[0]", weights_bank="PLRAM[0]")
    with (
        Accelerator.open(tiny.write(tmp_path / "small.xclbin", arguments=arguments)) as small,
        pytest.raises(DeviceError, match=r"^PLRAM\[0\]: no room for 1280000 bytes\n"),
    ):
        benchmark.measure(small, 20_000)


@pytest.mark.parametrize("network", ["tiny", "resnet50_w1a2"])
def test_the_figure(tmp_path: Path, network: str) -> None:
    figure = benchmark.figure(tiny.manifest(tiny.network(), network=network), "emulation0", [ROW])
    labels = [text.get_text() for axes in figure.axes for text in axes.get_legend().get_texts()]
    extra = ["published, U250"] if network == "resnet50_w1a2" else []
    drawn = ["run", "classify", "card, modelled", *extra]
    assert labels == ["run", "queued", "classify", "card, modelled", "card, modelled, queued", *extra, *drawn]
    benchmark.save(figure, tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as drawn:
        assert drawn.width > 500
    with pytest.raises(DeviceError, match=r"cannot be written\nwhy: "):
        benchmark.save(figure, tmp_path / "none" / "out.png")
    with pytest.raises(DeviceError, match=r"cannot be written\nwhy: Format 'txt' is not supported"):
        benchmark.save(figure, tmp_path / "out.txt")


def test_a_matplotlib_that_is_broken_is_not_told_as_one_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = tiny.manifest(tiny.network())
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(DeviceError) as caught:
        benchmark.figure(manifest, "emulation0", [ROW])
    assert str(caught.value) == "plot: no figure\nwhy: matplotlib is not installed\nfix: pip install 'resflow[notebooks]'"
    monkeypatch.setitem(sys.modules, "matplotlib.figure", ModuleType("matplotlib.figure"))
    with pytest.raises(ImportError, match="cannot import name 'Figure'"):
        benchmark.figure(manifest, "emulation0", [ROW])


def test_what_goes_wrong_in_drawing_is_not_told_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = benchmark.figure(tiny.manifest(tiny.network()), "emulation0", [ROW])

    def wrong(*_: object, **__: object) -> None:
        raise ValueError("ours")

    monkeypatch.setattr(figure, "savefig", wrong)
    with pytest.raises(ValueError, match="ours"):
        benchmark.save(figure, tmp_path / "out.png")
