"""FIFO sizing: what it finds keeps the interval, and nothing less does."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import Phase, given, reject, settings

from dataflow import TimingError, plan
from dataflow.timing.graph import Blocked, Latencies, graph
from dataflow.timing.minimality import Need
from dataflow.timing.simulation import simulate
from dataflow.timing.sizing import LEAST, needed_depth, require_flow, size
from dataflow.timing.sizing_report import original_bits, print_fifos, written, yaml_entries
from dataflow.timing.trial import Bench
from network import load
from network.yaml.writer import with_entry
from tests import strategies

ROOT = Path(__file__).parents[3]


def smaller(design, name, depth):
    """A step less, None where there is none."""
    if name in {link.dotted for link in design.links}:
        return depth // 2 if depth > 16 else None
    return depth - 1 if depth > LEAST else None


# Memory that answers at once: with the usual one, small networks have little else to wait for.
QUICK = Latencies(memory=1, pause=0)


def lags(design, sizing, frames=50):
    """Cycles by which frames fall behind the interval, None for a deadlock: the second half of many that are offered as fast as they are
    taken; or, at first, those that are offered every interval."""
    for latencies in (QUICK.shortest(), QUICK):
        run = simulate(graph(design, latencies=latencies), frames=frames)
        if run.deadlock:
            return None
    interval = sizing.interval
    saturated = run.ends[-1] - run.ends[frames // 2] - (frames - 1 - frames // 2) * interval
    paced = simulate(graph(design, latencies=QUICK), frames=6, spacing=interval).intervals[-3:] - interval
    return max(saturated if sizing.at_once else 0, *paced)


def test_smallest(sizing):
    """No FIFO can be a step less deep."""
    design = sizing.design
    assert lags(design, sizing) == 0
    for name, depth in design.depths.items():
        less = smaller(design, name, depth)
        if less is not None:
            lag = lags(design.with_depths({name: less}), sizing)
            assert lag is None or lag > 0, f"{name}: {less} beats would do instead of {depth}"


@settings(max_examples=30, phases=[Phase.generate])
@given(strategies.networks(blocks=2))
def test_a_step_less_than_what_is_proved_to_be_needed(tmp_path_factory, description):
    """Fails in the whole design, simulated, with pipelines that freeze and with those that drain."""
    design = plan(strategies.written(description, tmp_path_factory.mktemp("drawn")))
    try:
        sizing = size(design, latencies=QUICK)
    except TimingError:
        reject()
    deep = {name for name, depth in sizing.design.depths.items() if smaller(sizing.design, name, depth) is not None}
    assert sizing.needs.keys() == deep - {name for name in deep if name not in sizing.depths}
    for name in (name for name, need in sizing.needs.items() if need is Need.PROVED):
        shallower = sizing.design.with_depths({name: smaller(sizing.design, name, sizing.depths[name])})
        if simulate(graph(shallower, latencies=QUICK.shortest()), frames=5).deadlock:
            continue
        for blocked in Blocked:
            run = simulate(graph(shallower, latencies=replace(QUICK, blocked=blocked)), frames=60)
            assert run.deadlock or run.ends[-1] - run.ends[30] > 29 * sizing.interval, (name, blocked)


@pytest.fixture(scope="module")
def sized_anew(tmp_path_factory):
    """A description that is shipped, and its sizing, which takes seconds; of small images where they are large."""

    @cache
    def sized(name):
        small = "[64, 64, 3]" if name == "resnet50_w1a2" else "[56, 56, 3]"  # the pixels that its stem computes at once divide a row
        text = (ROOT / "configs" / f"{name}.yaml").read_text().replace("[224, 224, 3]", small)
        path = tmp_path_factory.mktemp("sized") / f"{name}.yaml"
        path.write_text(re.sub("like: +", f"like: {ROOT / 'configs'}/", text))
        design = plan(load(path))
        return design, size(design, anew=True)

    return sized


# At full size, and ResNet-101: doit bench:timing.
@pytest.mark.parametrize("name", ["digits", "digits_streams", "resnet18", "resnet34", "resnet50_w1a2"])
def test_descriptions(name, sized_anew):
    """Settles at its slowest unit; each FIFO that is deeper than the least is proved to be needed, or was tried a step shallower."""
    design, sizing = sized_anew(name)
    assert sizing.proof.settled
    assert sizing.interval == graph(design).cycles
    deep = {name for name, depth in sizing.design.depths.items() if smaller(design, name, depth) is not None}
    assert sizing.needs.keys() == deep
    assert Need.PROVED in sizing.needs.values()


@pytest.fixture(params=["configs/digits.yaml", "tests/toy.yaml", "tests/own.yaml"])
def sizing(request):
    return size(plan(load(ROOT / request.param)), anew=True, latencies=QUICK)


@settings(max_examples=40, phases=[Phase.generate])
@given(strategies.networks(blocks=2))
def test_random_networks_keep_the_interval(tmp_path_factory, description):
    """What is proved holds. In a few small ones no depths are found, and in a few a step less would do: the search goes IP by IP, and
    with pipelines that freeze little follows from an IP alone."""
    design = plan(strategies.written(description, tmp_path_factory.mktemp("drawn")))
    try:
        sizing = size(design, latencies=QUICK)
    except TimingError as error:
        assert error.what.startswith("no FIFO depths found for an interval")
        reject()
    assert lags(sizing.design, sizing) is not None
    laid = graph(sizing.design, latencies=QUICK)
    run = simulate(laid, frames=sizing.proof.frames + 20, spacing=0 if sizing.at_once else sizing.interval)
    assert list(run.intervals[-20:]) == [sizing.interval] * 20


@pytest.fixture(scope="module")
def digits():
    return plan(load(ROOT / "configs" / "digits.yaml"))


def test_a_bypass_one_beat_too_shallow(tmp_path):
    """A deadlock that names the FIFO and the depth it needs; with that it flows."""
    text = (ROOT / "configs" / "digits.yaml").read_text()
    shallow = plan(load(ROOT / "configs" / "digits.yaml")).with_depths({"res2b.bypass": 2})
    needed = needed_depth(graph(shallow, latencies=Latencies().shortest()), "res2b.bypass")
    path = tmp_path / "digits.yaml"

    def given(depth):
        path.write_text(with_entry(text, ("blocks", "res2b"), "fifos", f"{{bypass: {depth}}}"))
        return plan(load(path))

    require_flow(given(needed))
    with pytest.raises(TimingError) as error:
        require_flow(given(needed - 1))
    line = next(i for i, line in enumerate(path.read_text().splitlines(), 1) if "fifos" in line)
    assert str(error.value) == (
        f"{path}:{line}: res2b.bypass or res2b.join_in is too shallow: 62, 2\n"
        "  why: it deadlocks in cycle 5,917: "
        "res2b.fork writes res2b.bypass, which is full; res2b.join_dwc dwc writes res2b.join_in, which is full; "
        "res2b.join reads res2b.conv2_out, which is empty; res2b.conv2_act search reads res2b.conv2_act_in, which is empty; "
        "res2b.conv2_act_dwc dwc reads res2b.conv2_sums, which is empty; res2b.conv2 mvu reads res2b.conv2_window, which is empty; "
        "res2b.conv2 swg reads res2b.conv1_out, which is empty; res2b.conv1 mvau reads res2b.conv1_window, which is empty; "
        "res2b.conv1 swg reads res2b.act, which is empty; res2b.entry table reads res2b.main_in, which is empty\n"
        "  fix: under res2b write fifos: {bypass: 63} or under res2b write fifos: {join_in: 8}"
    )


def test_links_that_more_than_two_ips_have_a_part_in(digits, monkeypatch):
    """Where the least depths of single links are not enough together, the whole design finds them, and the same ones here."""
    expected = size(digits).depths
    monkeypatch.setattr("dataflow.timing.sizing._shallowest", lambda *_: 16)
    assert size(digits).depths == expected
    assert expected["res2a.codes_in"] == 32


def test_given_depths_are_kept(tmp_path):
    """And those that are left out are the smallest beside them."""
    path = tmp_path / "toy.yaml"
    text = with_entry((ROOT / "tests" / "toy.yaml").read_text(), ("blocks", "res2b"), "fifos", "{bypass: 40, codes_in: 64}")
    path.write_text(text)
    design = plan(load(path))
    assert (design.depths["res2b.bypass"], design.depths["res2b.codes_in"]) == (40, 64)
    sizing = size(design)
    assert (sizing.depths["res2b.bypass"], sizing.depths["res2b.codes_in"]) == (40, 64)
    assert size(design, anew=True).depths == size(plan(load(ROOT / "tests" / "toy.yaml"))).depths
    path.write_text(written(text, yaml_entries(sizing)))
    assert plan(load(path)).depths == sizing.depths | {name: depth for name, depth in design.depths.items() if name.startswith("dma.")}


def test_an_old_entry_is_not_left_standing(tmp_path):
    """Not even where nothing is left to be said of that IP."""
    path = tmp_path / "digits.yaml"
    path.write_text(with_entry((ROOT / "configs" / "digits.yaml").read_text(), ("head",), "fifos", "{sums: 9, codes_in: 64}"))
    design = plan(load(path))
    sizing = size(design, anew=True)
    unsaid = replace(sizing, design=sizing.design.with_depths({"head.codes_in": 128}))
    assert yaml_entries(unsaid)["head"] == "{}"
    path.write_text(written(path.read_text(), yaml_entries(unsaid)))
    assert plan(load(path)).depths == unsaid.design.depths


def test_given_depths_that_cannot_be_kept(tmp_path):
    path = tmp_path / "digits.yaml"
    path.write_text(with_entry((ROOT / "configs" / "digits.yaml").read_text(), ("blocks", "res2b"), "fifos", "{bypass: 2, join_in: 2}"))
    with pytest.raises(TimingError) as error:
        size(plan(load(path)))
    assert str(error.value) == (
        "res2b: no FIFO depths found for an interval of 2,305 cycles\n"
        "  why: this IP alone fell behind or deadlocked with room for 1, 2, 4, 8, 16 and 32 frames in each FIFO, and with the given depths "
        "of res2b.bypass, res2b.join_in; other depths were not tried\n"
        "  fix: leave those out of the description, or size them too: doit fifos --anew"
    )


def test_an_interval_too_short(digits):
    with pytest.raises(TimingError) as error:
        size(digits, interval=2000)
    assert str(error.value) == (
        "digits: an interval of 2,000 cycles\n  why: stem.conv mvau takes 2,305 cycles for a frame\n  fix: ask for 2,305 or more"
    )


def test_a_longer_interval_takes_less(digits):
    bits = [
        sum(fifo.depth * fifo.bits for ip in size(digits, interval=cycles).design.ips for fifo in ip.streams) for cycles in (2305, 5000)
    ]
    assert bits[1] < bits[0]


def test_report(digits, capsys, golden):
    print_fifos(digits, size(digits))
    golden("digits/fifos.txt", capsys.readouterr().out)


def test_resnet50(sized_anew):
    """The original folding at the cycles of its 3x3 convolutions, once the first frames are through, in less than half the bits the original
    had for it."""
    design, sizing = sized_anew("resnet50_w1a2")
    run = simulate(graph(sizing.design), frames=11)
    assert list(run.intervals)[3:] == [design.interval] * 7
    assert max(run.intervals) < 1.03 * design.interval
    drained = simulate(graph(sizing.design, latencies=Latencies(blocked=Blocked.DRAIN)), frames=11)
    assert list(drained.intervals)[3:] == [design.interval] * 7, "depths for pipelines that freeze do for those that drain"
    bits = sum(channel.depth * channel.bits for channel in graph(sizing.design).channels if not channel.is_register)
    assert bits < original_bits(design) / 2


@settings(max_examples=30, phases=[Phase.generate])
@given(strategies.networks(blocks=3))
def test_ips_one_after_the_other_are_the_whole_design(tmp_path_factory, description):
    """With room between them, each IP that is fed what those before it have written writes when it does in the whole design."""
    design = plan(strategies.written(description, tmp_path_factory.mktemp("drawn")))
    roomy = {link.dotted: 8 * link.source_port.beats for link in design.links}
    links = [link.dotted for link in design.links if link.sink != "dma"]
    _, whole = Bench(design, [ip.name for ip in design.ips], design.interval, Latencies()).in_time(design.depths | roomy, {}, links)
    written = {}
    for ip in design.ips:
        alone = Bench(design, [ip.name], design.interval, Latencies())
        written |= alone.in_time(design.depths | roomy, written, [link.dotted for link in design.links if link.source == ip.name])[1]
    for name in links:
        assert (written[name] == whole[name]).all(), name
