"""The chain of messages through the units whose constants are loaded."""

from dataclasses import replace

import pytest

from constants.layout import LOAD_BITS
from dataflow import plan
from dataflow.design import Design
from dataflow.firings import READ, WRITE
from dataflow.timing.graph import Latencies, Scheduled, actor_name, graph
from dataflow.timing.simulation import simulate
from dataflow.unit import Backend, Idle
from network import DescriptionError, load
from network.layers import Ram


@pytest.fixture(scope="module")
def described(toy_yaml, tmp_path_factory):
    """Returns a function: the toy network, whose constants are loaded, with these replacements in its text."""

    path = tmp_path_factory.mktemp("loaded") / "toy.yaml"

    def description(*changes: tuple[str, str]):
        text = "constants: loaded\n" + toy_yaml.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path.write_text(text)
        return load(path)

    return description


def loading(design: Design) -> list[tuple[str, str]]:
    return [(ip.name, unit.name) for ip in design.ips for unit in ip.units if unit.loads]


def test_messages_pass_every_unit_with_constants_and_end_in_the_head(described):
    design = plan(described())
    into = {f"{ip.name}.{unit.reads[-1]}" for ip in design.ips for unit in ip.units if unit.loads}
    written = {f"{ip.name}.{unit.writes[-1]}" for ip in design.ips for unit in ip.units if unit.loads}
    links = {f"{link.source}.{link.source_port.name}": f"{link.sink}.{link.sink_port.name}" for link in design.links}
    assert all(held.holding.loaded for ip in design.parts for unit in ip.units for held in unit.constants)
    # Every unit but the first is fed by the one before, within an IP or through a link.
    fed = {links.get(name, name) for name in written if name in links or name in into}
    first, *others = (f"{ip.name}.{unit.reads[-1]}" for ip in design.ips for unit in ip.units if unit.loads)
    assert first == "stem.constants_in"
    assert links["dma.constants"] == first
    assert fed == set(others)
    last = design.ip("head").units[-2]
    assert last.loads
    assert "constants" not in "".join(last.writes)


def test_the_token_is_the_first_firing_of_a_frame(described):
    design, rom = plan(described()), plan(described(("constants: loaded\n", "")))
    compared = 0
    for ip in design.parts:
        in_rom = {unit.label: unit for unit in rom.ip(ip.name).units}
        for unit in ip.units:
            if unit.loads and unit.label in in_rom:  # elsewhere another way to build it is the cheaper one
                passes = "constants" in unit.writes[-1]
                token = READ << len(unit.reads) - 1 | (WRITE << len(unit.writes) - 1 if passes else 0)
                before = in_rom[unit.label]
                compared += 1
                assert next(iter(unit.firings.runs())).firings[0] == token
                assert unit.cycles == before.cycles + 1
                assert unit.interval == before.interval + 1 + unit.latency[Backend.HLS] + Idle().call
    assert compared >= 8
    assert simulate(graph(design), frames=12).deadlock is None


def test_a_pipeline_runs_empty_between_frames(described):
    """As deep as C synthesis reports, where it was run."""
    design = plan(described())
    ip = design.ip("res2a")
    unit = next(unit for unit in ip.units if unit.loads)
    reported = Latencies(scheduled={actor_name(ip, unit): Scheduled(21, None)})
    stages, idle = reported.of(ip, unit)
    assert (stages, idle.between(unit)) == (21, idle.restart + idle.call + 21)
    assert Latencies().of(ip, unit)[1].between(unit) == unit.interval - unit.cycles


def test_words_of_a_load(described):
    design = plan(described())
    assert design.load_words == sum(held.words * -(-held.row_bits // LOAD_BITS) for held in design.loaded)
    assert design.load_bytes == -(-design.load_words // 8) * 64


def test_a_layer_that_stays_in_rom(described):
    """It is no part of the chain; an activation that has no layer of its own follows the network."""
    design = plan(described(("conv1:  {kernel: 3, out: 4, pe: 2, simd: 2}", "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, constants: rom}")))
    assert not any(unit == "conv1" for ip, unit in loading(design) if ip == "res2a")
    assert any(unit == "conv2" for ip, unit in loading(design) if ip == "res2a")


def test_one_layer_that_is_loaded(described):
    """So is the head then, where messages end; IPs without loaded constants are passed by."""
    one = "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, constants: loaded}"
    design = plan(described(("constants: loaded\n", ""), ("conv1:  {kernel: 3, out: 4, pe: 2, simd: 2}", one)))
    assert {ip for ip, _ in loading(design)} >= {"res2a", "head"}
    assert ("stem", "conv") not in loading(design)
    assert next(link.sink for link in design.links if link.source_port.name == "constants") == "res2a"


def test_memory_of_weights(described):
    given = ("conv1:  {kernel: 3, out: 4, pe: 2, simd: 2}", "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, memory: uram}")
    weights = {held.name: held for unit in plan(described(given)).ip("res2a").units for held in unit.constants}
    assert weights["conv1_weights"].holding.memory is Ram.URAM
    assert all(held.holding.memory is not Ram.URAM for name, held in weights.items() if name != "conv1_weights")


def test_fingerprint(described):
    """Of what is computed and how constants are divided: not of depths, SLRs, memories or the card."""
    design = plan(described())
    same = [
        described(("slr: 1", "slr: 2")),
        described(("conv1:  {kernel: 3, out: 4, pe: 2, simd: 2}", "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, memory: uram}")),
        replace(described(), clock_mhz=100),
    ]
    assert {plan(network).fingerprint for network in same} == {design.fingerprint}
    other = [
        described(("pe: 2, simd: 2}", "pe: 4, simd: 2}")),
        described(("weight: int3", "weight: int4")),
        described(("stride: 2, pad: [0, 1]", "stride: 2, pad: [1, 0]")),
    ]
    assert design.fingerprint not in {plan(network).fingerprint for network in other}


def test_memory_that_cannot_be_loaded(described):
    with pytest.raises(DescriptionError, match="UltraRAM of weights that are not loaded"):
        described(
            ("conv1:  {kernel: 3, out: 4, pe: 2, simd: 2}", "conv1:  {kernel: 3, out: 4, pe: 2, simd: 2, constants: rom, memory: uram}")
        )
