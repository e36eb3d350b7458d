from pathlib import Path

import pytest

from dataflow import TimingError, plan
from dataflow.timing.report import print_timing
from network import load


def test_timing(toy_yaml, capsys, golden):
    print_timing(plan(load(toy_yaml)), frames=4, spacing=0)
    golden("toy/timing.txt", capsys.readouterr().out)


def test_a_deadlock():
    """Told as it is anywhere else, with the depth that is needed."""
    configs = Path(__file__).parents[3] / "configs"
    shallow = plan(load(configs / "digits.yaml")).with_depths({"res3b.bypass": 3})
    with pytest.raises(TimingError) as error:
        print_timing(shallow, frames=4, spacing=0)
    assert str(error.value) == (
        f"{configs / 'digits.yaml'}:36: res3b.bypass is too shallow: 3\n"
        "  why: it deadlocks in cycle 9,088: res3b.fork writes res3b.bypass, which is full; "
        "res3b.join reads res3b.conv3_out, which is empty; res3b.conv3 mvau reads res3b.conv2_out, which is empty; "
        "res3b.conv2 mvau reads res3b.conv2_window, which is empty; res3b.conv2 swg reads res3b.conv1_out, which is empty; "
        "res3b.conv1 mvau reads res3b.act, which is empty; res3b.entry threshold reads res3b.main_in, which is empty\n"
        "  fix: under res3b write fifos: {bypass: 32}"
    )
