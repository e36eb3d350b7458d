"""Frames a second and latency, against sums made by hand and against lines that are known."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow import plan
from dataflow.cost.published import MEASURED, Measurement
from dataflow.timing.graph import graph
from dataflow.timing.prediction import Pipeline, line_through
from dataflow.timing.prediction_report import print_prediction
from network import load
from tests.test_configs import CONFIGS


def test_a_call():
    """100 us at the host, 1,000 cycles for the first frame, 200 for each of nine more, at 100 MHz; 5 us each to move."""
    pipeline = Pipeline(clock_mhz=100, interval_cycles=200, latency_cycles=1000, call_us=100, transfer_us=5)
    rate = pipeline.rate(10)
    assert rate.latency_ms == pytest.approx(0.1 + 0.028 + 0.05)
    assert rate.fps == pytest.approx(10 / 0.178e-3)


@given(st.integers(1, 10_000), st.integers(1, 100_000), st.integers(1, 500))
def test_more_frames_a_call_are_more_a_second(interval, latency, batch):
    pipeline = Pipeline(clock_mhz=250, interval_cycles=interval, latency_cycles=max(interval, latency))
    assert pipeline.rate(batch).fps <= pipeline.rate(batch + 1).fps * (1 + 1e-9)
    assert pipeline.rate(10_000_000).fps == pytest.approx(250e6 / interval, rel=0.02)


@given(st.floats(0.1, 10), st.floats(0.1, 5))
def test_a_line_is_found_again(call, frame):
    made = [Measurement(n, 1, call + frame * n) for n in (1, 10, 100, 1000)]
    assert line_through(made) == pytest.approx((call, frame))


def test_the_published_line():
    line = line_through(MEASURED)
    for measured in MEASURED:
        assert line.call_ms + line.frame_ms * measured.batch == pytest.approx(measured.latency_ms, rel=0.04)


def test_nothing_takes_no_time():
    with pytest.raises(ValueError, match="must take time"):
        Pipeline(clock_mhz=250, interval_cycles=0, latency_cycles=1)


def test_queued_runs_keep_the_pipeline_full():
    """A card's run of one frame begins when the frame before is in; the host needs 100 us for a call."""
    pipeline = Pipeline(clock_mhz=250, interval_cycles=50_000, latency_cycles=250_000, call_us=100)
    assert pipeline.rate(1).fps == pytest.approx(1 / 1.1e-3)
    assert [pipeline.rate(batch).queued_fps for batch in (1, 10, 1000)] == pytest.approx([5_000] * 3)
    by_host = replace(pipeline, call_us=400)  # longer than a frame, shorter than three
    assert [by_host.rate(batch).queued_fps for batch in (1, 3)] == pytest.approx([2_500, 5_000])


def test_report(capsys, golden):
    design = plan(load(CONFIGS / "resnet50_w1a2.yaml"))
    pipeline = Pipeline(clock_mhz=250, interval_cycles=design.interval, latency_cycles=234_607)
    print_prediction(design, pipeline, graph(design).sources)
    golden("estimate/prediction.txt", capsys.readouterr().out)


def test_plots(tmp_path, toy_yaml):
    pytest.importorskip("matplotlib", reason="plots need the extra `plot`")
    from dataflow.choose.explore import explore
    from dataflow.choose.fold_report import print_fold

    design = plan(load(CONFIGS / "resnet50_w1a2.yaml"))
    pipeline = Pipeline(clock_mhz=250, interval_cycles=design.interval, latency_cycles=200_000)
    print_prediction(design, pipeline, graph(design).sources, tmp_path / "prediction.png")
    print_fold(explore(plan(load(toy_yaml)), fps=None, want_fastest=True), plot=tmp_path / "fold.png")
    for name in ("prediction", "fold"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
