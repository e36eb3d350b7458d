"""Which cards hold ResNet-50, and what a person is told of those that do not."""

import re

import pytest
import yaml

from dataflow import plan
from dataflow.choose.fit import FitError, fit
from network import load
from tests.test_configs import CONFIGS


def on(card, network="resnet50_w1a2"):
    return fit(plan(load(CONFIGS / f"{network}.yaml", card)))


def test_the_card_that_holds_it():
    found = on("u250")
    found.require()
    assert (found.passed, found.findings, str(found)) == (
        True,
        (),
        "fits the u250 by the estimate, SLR2 the fullest with 43% of its LUTs",
    )


@pytest.mark.parametrize("card", ["u200", "u280", "u55c"])
def test_other_cards_hold_it_too(card):
    on(card).require()


U50 = """\
resnet50_w1a2: does not fit the u50, by the estimate:
    SLR0 needs 470,500 FF (64% of 730,000)
    SLR1 needs 401,830 FF (55% of 730,000), 689 BRAM36 (122% of 564)
  why: a design can be expected to route with at most this share of an SLR: LUT 70 %, FF 50 %, BRAM36 80 %, URAM 80 %, DSP 80 %
  fix: fold the design further: all IPs together need 872,330 FF, the SLRs have 730,000 available; \
doit fold --max finds the fastest that fits; or build it for a card that holds it: platform=u200 or u250 or u280 or u55c; \
or continue anyway, since these are estimates: fit=anyway"""


def test_a_card_that_does_not():
    with pytest.raises(FitError) as error:
        on("u50").require()
    assert str(error.value) == U50


def test_an_ip_no_slr_holds(tmp_path):
    """A stem that computes 28 pixels of all channels at once, with two products a DSP."""
    text = (CONFIGS / "resnet50_w1a2.yaml").read_text().replace("pixels: 16}", "pixels: 28, multiply: dsp}")
    (tmp_path / "wide.yaml").write_text(text)
    with pytest.raises(FitError, match="fix: fold stem further: it needs 2,688 DSP, more than any SLR has available; or "):
        fit(plan(load(tmp_path / "wide.yaml"))).require()


def test_slrs_that_do_not_hold_what_others_would(tmp_path):
    """All blocks in one SLR: those that have to move are named, and moving them helps."""
    text = (CONFIGS / "resnet50_w1a2.yaml").read_text()
    crowded = re.sub(r"slr:    \d", "slr:    1", text)
    (tmp_path / "crowded.yaml").write_text(crowded)
    found = fit(plan(load(tmp_path / "crowded.yaml")))
    with pytest.raises(FitError) as error:
        found.require()
    moves = re.findall(r"(res\d[a-f]) to SLR(\d)", str(error.value))
    assert moves
    assert "move " in str(error.value)
    for name, slr in moves:
        crowded = re.sub(rf"(  {name}:\n    slr:    )1", rf"\g<1>{slr}", crowded)
    (tmp_path / "moved.yaml").write_text(crowded)
    fit(plan(load(tmp_path / "moved.yaml"))).require()


def test_what_is_folded_as_far_as_can_be_is_not_to_be_folded_further(tmp_path):
    """Weights on chip that no SLR holds: folding does not make them fewer."""
    document = yaml.safe_load((CONFIGS / "digits.yaml").read_text())
    del document["labels"]
    least = {"pe": 1, "simd": 1}
    document["head"] = {"fc": {"out": 60_000} | least, "weights": "rom"}
    for part in (document["stem"], *document["blocks"].values()):
        part |= {
            name: layer | least for name, layer in part.items() if name.startswith("conv") or (isinstance(layer, dict) and name == "bypass")
        }
    path = tmp_path / "large.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    with pytest.raises(FitError) as error:
        fit(plan(load(path))).require()
    assert "\n  fix: give head fewer channels or narrower formats: it needs 1,008 BRAM36, more than any SLR has available; or " in str(
        error.value
    )
