import yaml

from dataflow import plan
from dataflow.choose.fold_report import as_yaml, print_fold
from network import load


def test_fold(toy_yaml, capsys, golden):
    design = plan(load(toy_yaml))
    print_fold(design, fps=0, want_fastest=False, plot=None)
    golden("estimate/fold.txt", capsys.readouterr().out)


def test_the_yaml_is_that_of_the_description(toy_yaml):
    net = load(toy_yaml)
    printed, described = yaml.safe_load(as_yaml(net)), yaml.safe_load(toy_yaml.read_text())
    for name, block in printed["blocks"].items():
        for layer, fold in block.items():
            assert fold.items() <= described["blocks"][name][layer].items()
    assert printed["head"]["fc"].items() <= described["head"]["fc"].items()


def test_a_rate_out_of_reach(toy_yaml, capsys):
    print_fold(plan(load(toy_yaml)), fps=100_000_000, want_fastest=False, plot=None)
    assert "100,000,000 frames/s cannot be reached: no folding takes fewer than" in capsys.readouterr().out
