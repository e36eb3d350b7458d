import pytest
import yaml

from dataflow import plan
from dataflow.choose.explore import explore
from dataflow.choose.fit import FitError
from dataflow.choose.fold_report import as_yaml, print_fold
from network import load


def test_fold(toy_yaml, capsys, golden):
    design = plan(load(toy_yaml))
    print_fold(explore(design, fps=None, want_fastest=False), plot=None)
    golden("estimate/fold.txt", capsys.readouterr().out)


def test_the_yaml_is_that_of_the_description(toy_yaml):
    net = load(toy_yaml)
    printed, described = yaml.safe_load(as_yaml(net)), yaml.safe_load(toy_yaml.read_text())
    for name, block in printed["blocks"].items():
        for layer, fold in block.items():
            assert fold.items() <= described["blocks"][name][layer].items()
    assert printed["head"]["fc"].items() <= described["head"]["fc"].items()


def test_a_rate_out_of_reach(toy_yaml, capsys):
    with pytest.raises(FitError) as error:
        explore(plan(load(toy_yaml)), fps=9_000_000, want_fastest=False)
    assert str(error.value) == (
        "--fps 9000000: cannot be reached\n"
        "  why: at 200 MHz that is 22 cycles a frame, but the fewest possible are 155\n"
        "  fix: ask for at most 1290322, or raise clock_mhz"
    )
    assert capsys.readouterr().out == ""
