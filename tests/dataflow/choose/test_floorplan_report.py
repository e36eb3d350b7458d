import pytest
import yaml

from dataflow import plan
from dataflow.choose.floorplan_report import as_yaml, print_floorplan
from network import load
from tests.test_configs import CONFIGS


def test_floorplan(capsys, golden):
    design = plan(load(CONFIGS / "resnet50_w1a2.yaml"))
    print_floorplan(design)
    golden("estimate/floorplan.txt", capsys.readouterr().out)
    printed, described = yaml.safe_load(as_yaml(design)), yaml.safe_load((CONFIGS / "resnet50_w1a2.yaml").read_text())
    assert {name: block["slr"] for name, block in printed["blocks"].items()} == {
        name: block["slr"] for name, block in described["blocks"].items()
    }


@pytest.mark.parametrize("name", ["digits", "digits_streams"])
def test_the_yaml_is_the_placement(name):
    design = plan(load(CONFIGS / f"{name}.yaml"))
    printed = yaml.safe_load(as_yaml(design))
    found = {
        "stem": printed["stem"]["slr"],
        **{block: entry["slr"] for block, entry in printed["blocks"].items()},
        "head": printed["head"]["slr"],
    }
    assert found == {ip.name: ip.slr for ip in design.parts}


def test_what_does_not_fit_is_said(capsys):
    print_floorplan(plan(load(CONFIGS / "resnet50_w1a2.yaml", "u50")))
    printed = capsys.readouterr().out
    assert "too much: SLR0 needs 470,500 FF (64% of 730,000)\n" in printed
    assert "too much: SLR1 needs 401,830 FF (55% of 730,000), 689 BRAM36 (122% of 564)\n" in printed
    assert "resnet50_w1a2 does not fit the u50" in printed
