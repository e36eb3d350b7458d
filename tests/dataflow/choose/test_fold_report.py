from dataclasses import replace

import pytest
import yaml

from dataflow import plan
from dataflow.choose.explore import explore
from dataflow.choose.fit import FitError
from dataflow.choose.fold_report import as_yaml, print_fold
from dataflow.cost.estimate import estimate_design
from network import load
from network.layers import Ram


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


def test_memories_of_what_is_loaded(toy_yaml, tmp_path):
    """The curve and the design asked for have memories of which the card has enough: not LUTs, where those are all needed."""
    (tmp_path / "toy.yaml").write_text(f"constants: loaded\n{toy_yaml.read_text()}")
    design = plan(load(tmp_path / "toy.yaml"))
    large, share = design.platform.area[0], replace(design.platform.share, lut=100)

    def with_luts(luts):
        card = replace(design.platform, share=share, area=(replace(large, lut=luts),))
        found = explore(replace(design, platform=card), fps=None, want_fastest=False)
        point = next(point for point in found.points if point.cycles == found.chosen.interval and not point.label)
        return found.chosen, point

    plenty, point = with_luts(large.lut)
    few, less = with_luts(point.cost.lut - 30)
    assert point.fits
    assert less.fits
    assert estimate_design(few) == less.cost
    of_few, of_plenty = ([conv.holding.memory for conv in each.network.convs] for each in (few, plenty))
    assert of_few.count(Ram.LUT) < of_plenty.count(Ram.LUT)
    assert yaml.safe_load(as_yaml(few.network))["stem"]["conv"]["memory"] == of_few[0].value
