import pytest
import yaml

from dataflow import lower
from dataflow.fit import FitError
from dataflow.fold_report import as_yaml, print_fold
from network import load


def test_fold(toy_yaml, capsys, golden):
    design = lower(load(toy_yaml))
    print_fold(design, fps=None, want_fastest=False, plot=None)
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
        print_fold(lower(load(toy_yaml)), fps=9_000_000, want_fastest=False, plot=None)
    assert str(error.value) == (
        "--fps 9000000: cannot be reached\n"
        "  why: at 200 MHz that leaves 22 cycles a frame, and 69 are the fewest\n"
        "  fix: ask for at most 2898550, or raise clock_mhz"
    )
    assert capsys.readouterr().out == ""
