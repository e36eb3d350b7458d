"""The folding search against every folding there is, on networks small enough to lay them all out."""

from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from constants.layout import Role
from dataflow import plan, platform
from dataflow.choose import fold_fastest
from dataflow.choose.builds import nameless, ways
from dataflow.choose.fit import fit
from dataflow.choose.floorplan import place, problem
from dataflow.choose.fold_fastest import _jointly, fastest
from dataflow.choose.fold_search import search, search_within
from dataflow.choose.fold_tables import NEVER, lay_out, layers, rebuild, table, vector
from dataflow.cost.estimate import estimate_design, estimate_ip
from dataflow.cost.resources import Resources
from dataflow.cost.storage import Storage, uram
from dataflow.layout import lay_out as lay_out_design
from dataflow.unit import STORAGES
from network import DescriptionError, load
from network.layers import Multiply, Ram, Way
from tests.strategies import networks, written
from tests.test_configs import CONFIGS

U250 = platform.load("u250")
SMALL = """
network: few
platform: u250
clock_mhz: 200
input: {shape: [4, 4, 2]}
formats: {weight: bipolar, act: uint2, residual: uint4}
stem:
  output: residual
  conv: {kernel: 3, out: 4, weight: int8, taps: 1, pixels: 1, multiply: lut, activation: fused}
blocks:
  res2a:
    conv1: {kernel: 3, out: 2, taps: 1, pixels: 1}
    conv2: {kernel: 1, out: 4, pixels: 1, activation: fused}
    bypass: identity
head:
  fc: {out: 3}
  weights: rom
  top: 1
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A network with all folds open, and every design it can become."""
    path = tmp_path_factory.mktemp("small") / "small.yaml"
    path.write_text(SMALL)
    net = load(path)
    assert not net.is_folded
    all_folds = search(net, U250)
    designs = {}
    for folds in product(*(product(*(range(len(own)) for own in part.builds)) for part in all_folds.tables)):
        designs[folds] = lay_out_design(all_folds.built(folds), U250)
    return all_folds, designs


def cost(all_folds, design):
    return float((vector(estimate_design(design)) @ all_folds.shares)[0])


def test_nothing_costs_less(small):
    """At every number of cycles any design takes, and just below it."""
    all_folds, designs = small
    assert len(designs) > 900
    shares = {folds: cost(all_folds, design) for folds, design in designs.items()}
    for cycles in sorted({design.interval for design in designs.values()}):
        for most in (cycles, cycles - 1):
            fast = [folds for folds, design in designs.items() if design.interval <= most]
            found = all_folds.least(most)
            assert (found is None) == (not fast)
            if found is not None:
                assert designs[found].interval <= most
                assert shares[found] == pytest.approx(min(shares[folds] for folds in fast), rel=1e-12)
    assert all_folds.fewest_cycles() == min(design.interval for design in designs.values())


@settings(max_examples=6)
@given(networks(blocks=1, loaded=True), st.data())
def test_tables_say_what_ips_cost(tmp_path_factory, description, data):
    net = written(description, tmp_path_factory.mktemp("drawn")).unfolded()
    for part in net.parts.values():
        own = table(part)
        base = min(own.takes(chosen) for chosen in [tuple(int(np.argmin(cycles)) for cycles in own.cycles)])
        for _ in range(5):
            chosen = [data.draw(st.integers(0, len(builds) - 1)) for builds in own.builds]
            try:
                ip = lay_out(own.built(chosen))
            except DescriptionError:
                assert own.takes(chosen) >= NEVER
                continue
            assert own.cost(chosen) == estimate_ip(ip)
            assert ip.interval <= own.takes(chosen) <= max(ip.interval, base)
            assert own.inputs[chosen[0]] == ip.inputs[0]


@pytest.mark.parametrize("join", ["", "    join: {}\n"], ids=["nothing else loads", "its join loads"])
def test_tables_of_what_is_loaded(tmp_path, join):
    """With the streams of messages, of which an IP has one less than units that load, and weights in each memory."""
    text = SMALL.replace("network: few\n", "network: few\nconstants: loaded\n").replace("weights: rom", "weights: loaded")
    (tmp_path / "few.yaml").write_text(text.replace("    bypass: identity\n", f"    bypass: identity\n{join}"))
    for part in load(tmp_path / "few.yaml").parts.values():
        own = table(part)
        memories = [{build.memory for build in builds} for builds in own.builds]
        assert all(Ram.LUT in each for each in memories)
        everything = list(product(*(range(len(builds)) for builds in own.builds)))
        for chosen in everything[:: max(1, len(everything) // 60)]:
            ip = lay_out(own.built(chosen))
            assert any(unit.loads for unit in ip.units)
            assert own.cost(chosen) == estimate_ip(ip)
            for held in (held for unit in ip.units for held in unit.constants if held.role is Role.WEIGHTS and held.words > 4):
                assert held.storage is STORAGES[held.holding.memory]


def test_no_layer_is_folded_slower_than_is_asked_for(small):
    """Tables without slower foldings give the same answers; where a layer has no others, there is none."""
    all_folds, designs = small
    for cycles in sorted({design.interval for design in designs.values()})[::4]:
        fast = search_within(all_folds.network, U250, cycles)
        least = all_folds.least(cycles)
        if least is None:
            assert fast is None or fast.least(cycles) is None
        else:
            assert fast.built(fast.least(cycles)) == all_folds.built(least)
            assert sum(len(builds) for own in fast.tables for builds in own.builds) <= sum(
                len(builds) for own in all_folds.tables for builds in own.builds
            )
    assert search_within(all_folds.network, U250, 1) is None


def test_resnet50_with_weights_of_8_bits_fits():
    """As it is shipped: memories of every SLR included, of which UltraRAM is the scarcest. The only ResNet-50 here whose folding is searched."""
    design = plan(load(CONFIGS / "resnet50_w8a8.yaml"))
    assert design.frames_per_second >= 1000
    assert fit(design).passed
    lying = Counter(conv.holding.memory for conv in design.network.convs)
    assert min(lying[ram] for ram in Ram) >= 5
    assert 750 < estimate_design(design).uram <= 1024
    # Many rows of few weights fill UltraRAM, which is 4,096 words deep: it has at most a quarter more bits than the weights in it.
    deep = [held for ip in design.ips for unit in ip.units for held in unit.constants if held.storage is Storage.URAM]
    held = sum(each.words * each.row_bits for each in deep)
    assert held < sum(uram(each.words, bits) for each in deep for bits in each.widths) * 4096 * 72 < 1.25 * held


def crowded(share):
    """A card of three small SLRs, for some of the designs."""
    first = Resources(lut=8_000, ff=20_000, bram=30, dsp=30)
    other = Resources(lut=round(2_000 * share), ff=round(5_000 * share), bram=2, dsp=round(30 * share))
    return replace(U250, area=(first, other, other), sll=100)


@pytest.mark.parametrize(("share", "cycles"), [(0.95, None), (1.0, 305), (1.5, 289), (2.0, 154)])
def test_nothing_that_fits_is_faster(small, share, cycles):
    _, designs = small
    card = crowded(share)
    all_folds = search(load_small(small), card)
    free = [0, None, None, None]
    found = fastest(all_folds, free)
    fits = {}
    for folds, design in sorted(designs.items(), key=lambda item: item[1].interval):
        if fits and design.interval > min(fits.values()):
            break
        task = problem(replace(design, platform=card), free)
        if any(task.holds((0, *slrs)) for slrs in product(range(3), repeat=3)):
            fits[folds] = design.interval
    assert (found is None) == (not fits)
    assert cycles == (found and found.cycles)
    if found is not None:
        assert found.is_proven
        assert found.builds in fits
        assert designs[found.builds].interval == min(fits.values())


@pytest.mark.parametrize("share", [1.0, 1.5])
def test_foldings_and_places_together(small, share):
    """The joint program by itself: it finds something exactly where there is something."""
    _, designs = small
    card = crowded(share)
    all_folds = search(load_small(small), card)
    free = [0, None, None, None]
    for cycles in sorted({design.interval for design in designs.values()})[::3]:
        if all_folds.least(cycles) is None:
            continue
        found = _jointly(all_folds, cycles, free)
        fast = [design for design in designs.values() if design.interval <= cycles]
        tasks = [problem(replace(design, platform=card), free) for design in fast]
        fitting = [task for task in tasks if any(task.holds((0, *slrs)) for slrs in product(range(3), repeat=3))]
        assert (found is None) == (not fitting), cycles
        if found is not None:
            task = problem(replace(designs[found], platform=card), free)
            assert task.holds(place(task).slrs)


def load_small(small):
    return small[0].network


def test_resnet50():
    """Costs no more than the original's folding at its frame rate, and the fastest there is fits the U250."""
    original = load(CONFIGS / "resnet50_w1a2.yaml")
    by_hand = plan(original)
    all_folds = search(original.unfolded(), U250)
    least = all_folds.least(by_hand.interval)
    design = lay_out_design(all_folds.built(least), U250)
    assert design.interval <= by_hand.interval
    assert estimate_design(design).within(estimate_design(by_hand))
    found = fastest(all_folds, [0, *[None] * 18])
    assert (found.cycles, found.is_proven) == (all_folds.fewest_cycles(), True)
    assert found.cycles == 224 * 224 + 897  # a pixel of the image a cycle, and what fills the stem's sliding window


def test_given_folds_are_kept():
    original = load(CONFIGS / "resnet50_w1a2.yaml")
    assert all(
        len(layers(part)) == len(own.builds) and all(len({build.fold for build in each}) == 1 for each in own.builds)
        for part, own in zip(original.parts.values(), search(original, U250).tables, strict=True)
    )


def described(tmp_path, **more):
    text = SMALL + "".join(f"{key}: {value}\n" for key, value in more.items())
    (tmp_path / "few.yaml").write_text(text)
    return load(tmp_path / "few.yaml")


def test_a_head_whose_weights_on_chip_are_wider_than_a_beat(tmp_path):
    """All of pe and all of simd are not possible together; what is chosen is laid out."""
    document = yaml.safe_load(SMALL)
    document["head"] = {"fc": {"out": 1024, "weight": "int8"}, "weights": "rom"}
    (tmp_path / "wide.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    net = load(tmp_path / "wide.yaml")
    head = search(net, U250).tables[-1].builds[0]
    assert max(build.fold.pe * build.fold.simd * 8 for build in head) <= 4096
    assert plan(net).network.is_folded


def test_without_a_dma(small, tmp_path):
    """Its tables and answers are those of the parts, its cost without that of the DMA and its links."""
    all_folds, designs = small
    streams = search(described(tmp_path, interfaces="streams"), U250)
    assert streams.dma is None
    without = [
        (design.interval, cost(streams, lay_out_design(replace(design.network, has_dma=False), U250))) for design in designs.values()
    ]
    for cycles in sorted({design.interval for design in designs.values()}):
        folds = streams.least(cycles)
        chosen = lay_out_design(streams.built(folds), U250)
        assert chosen.interval <= cycles
        assert cost(streams, chosen) == pytest.approx(min(each for interval, each in without if interval <= cycles))
    assert max(fastest(streams, [None] * 3).cycles, all_folds.floor) == fastest(all_folds, [0, None, None, None]).cycles


def test_what_is_left_out_is_chosen(small, tmp_path):
    """The fastest the card holds, or the least that reaches a frame rate; the answer is found once."""
    all_folds, _ = small
    cache = {}
    design = plan(described(tmp_path), cache)
    assert design.network.is_folded
    assert design.interval == all_folds.fewest_cycles()
    assert len(cache) == 1
    slow = plan(described(tmp_path, fps=400_000), cache)
    assert 300 < slow.interval <= 500
    assert cost(all_folds, slow) < cost(all_folds, design)
    again = dict(cache)
    assert plan(described(tmp_path, fps=400_000), again) == slow
    assert again == cache


@pytest.mark.parametrize("damaged", [[], [0] * 24, [3, 1, 1, 1, 0, 0] * 4, [1, 1, 1, 1, 9, 9] * 4, [1, 1, 1, 1, 0, 0] * 5])
def test_damaged_entries_are_found_anew(tmp_path, damaged):
    cache = {}
    design = plan(described(tmp_path), cache)
    (key,) = cache
    cache[key] = damaged
    assert plan(described(tmp_path), cache) == design
    assert cache[key] != damaged


def test_a_rate_that_cannot_be_reached(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    described(tmp_path, fps=9_000_000)
    with pytest.raises(DescriptionError) as error:
        plan(load("few.yaml"))
    assert str(error.value) == (
        "few.yaml:3: fps: 9,000,000 cannot be reached\n"
        "  why: at 200 MHz that is 22 cycles a frame, but the fewest possible are 154\n"
        "  fix: write fps: 1298701 or less, or raise clock_mhz"
    )
    described(tmp_path, fps=1_298_701)
    plan(load("few.yaml"))  # the remedy


@pytest.mark.parametrize(("is_crowded", "slr"), [(True, 1), (False, 1), (False, None)])
def test_no_folding_fits(tmp_path, monkeypatch, is_crowded, slr):
    """Whether it is for the SLRs that are given is tried, not guessed."""
    monkeypatch.chdir(tmp_path)
    described(tmp_path)
    if slr is not None:
        path = tmp_path / "few.yaml"
        path.write_text(path.read_text().replace("stem:\n", f"stem:\n  slr: {slr}\n", 1))
    monkeypatch.setattr(fold_fastest, "fastest", lambda found, given: fastest(found, given) if is_crowded and not any(given[1:]) else None)
    with pytest.raises(DescriptionError) as error:
        plan(load("few.yaml"))
    assert str(error.value) == (
        f"few.yaml:3: no folding of few fits the u250{' with these slr' if is_crowded else ''}\n"
        "  why: by the estimate, none can be placed within the budgets of the SLRs\n"
        "  fix: "
        + ("leave slr out" if is_crowded else "use another card, fewer channels or narrower formats; ")
        + ("" if is_crowded else "with pe and simd given, doit floorplan shows by how much it exceeds them")
    )


def test_what_is_given_is_kept(tmp_path):
    """Of the stem everything is, and of the second convolution how its activation is built."""
    conv = described(tmp_path).stem.conv
    assert conv.free == ("pe", "simd")
    chosen = plan(described(tmp_path)).network
    assert (chosen.stem.conv.multiply, chosen.stem.conv.way, chosen.blocks[0].convs[1].way) == (Multiply.LUT, Way.FUSED, Way.FUSED)


def test_nothing_that_is_dropped_is_better(toy_yaml):
    """Every way to build a block, laid out: none costs less than the ways that are kept, at any number of cycles."""
    block = load(toy_yaml).blocks[1]
    block = block.with_layers([replace(conv, free=("pe", "simd"), pe=1, simd=1) for conv in block.layers[:1]] + list(block.layers[1:]))
    own, shares = table(block), 1 / np.maximum(vector(sum(U250.budgets, Resources())), 1)
    kept = [(own.takes(chosen), float(vector(own.cost(chosen)) @ shares)) for chosen in product(*(range(len(each)) for each in own.builds))]
    for candidates in product(*(ways(nameless(conv)) for conv in block.layers)):
        try:
            ip = lay_out(rebuild(block, [each.build for each in candidates]))
        except DescriptionError:
            continue
        cost = float(vector(estimate_ip(ip)) @ shares)
        assert any(cycles <= max(ip.interval, min(kept)[0]) and share <= cost + 1e-12 for cycles, share in kept)
