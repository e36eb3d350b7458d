"""The graph of an IP in RTL against the model that goes cycle by cycle, and against the times that can be counted by hand."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from constants.layout import LOAD_BITS
from dataflow import plan
from dataflow.design import Port
from dataflow.rtl_fifo import SHALLOW_PLACES, FifoKind, RtlFifo
from dataflow.timing.rtl import ip_graph, port_beats, transfers
from dataflow.unit import Backend
from network import load
from network.formats import uint
from network.layers import LOADED
from tests.dataflow.timing import cycle_model
from tests.strategies import networks, written

ROOT = Path(__file__).parents[3]
IPS = ("stem", "res2a", "res2b", "res3a", "res3b", "head")


@pytest.fixture(scope="module")
def digits():
    return plan(load(ROOT / "configs" / "digits.yaml"))


def with_latencies(ip, latency):
    """The IP with units of these latencies in RTL: `latency()` of each."""
    return replace(ip, units=tuple(replace(unit, latency={**unit.latency, Backend.RTL: latency()}) for unit in ip.units))


def random_messages(ip, frames, generator):
    """Where constants are loaded, loads between frames; for a part that does not end the chain with words for those behind."""
    if not ip.loaded:
        return None
    ends = not any(port.name in ip.chain for port in ip.outputs)
    found = []
    for _ in range(frames):
        loads = [ip.load_words + (0 if ends else generator.randint(1, 9)) for _ in range(generator.randint(0, 2))]
        found += [*loads, 0]
    return found


def random_gaps(ip, frames, generator, messages=None):
    """Ports that are never late, often a little, or seldom and long."""
    gaps = {}
    for name, beats in port_beats(ip, frames=frames, messages=messages).items():
        share, longest = generator.choice(((0, 0), (0.5, 3), (0.02, 200)))
        if share or generator.random() < 0.5:
            gaps[name] = [generator.randint(1, longest) if generator.random() < share else 0 for _ in range(beats)]
    return gaps


def agree(ip, frames, gaps, messages=None):
    """Every event is that of the cycle model, and the handshakes are events; the transfers."""
    laid = ip_graph(ip, frames=frames, messages=messages, gaps=gaps)
    stuck = cycle_model.agree(laid, 1, 0, slices_behind=True)
    found = transfers(laid)
    assert (found.deadlock is not None) == stuck
    pipelines, _ = cycle_model.simulate(laid, 1, slices_behind=True)
    for port in ip.ports:
        assert list(found.cycles[port.name]) == pipelines[f"{ip.name}.{port.name} {'source' if port.is_input else 'sink'}"].fired
        if not stuck:
            assert len(found.cycles[port.name]) == port_beats(ip, frames=frames, messages=messages)[port.name]
    return found


@pytest.mark.parametrize("name", IPS)
def test_every_event_of_an_ip_is_that_of_the_cycle_model(digits, name):
    generator = random.Random(name)
    ip = with_latencies(digits.ip(name), lambda: generator.randint(0, 12))
    agree(ip, 2, {})
    agree(ip, 2, random_gaps(ip, 2, generator))


@settings(max_examples=30, phases=[Phase.generate])
@given(networks(blocks=1, loaded=True), st.integers(0, 1 << 32))
def test_every_event_of_a_random_ip(tmp_path_factory, description, seed):
    """Some units are so long that their FIFOs are deep."""
    generator = random.Random(seed)
    design = plan(written(description, tmp_path_factory.mktemp("drawn")))
    ip = with_latencies(generator.choice(design.parts), lambda: generator.choice((generator.randint(0, 9), generator.randint(50, 70))))
    messages = random_messages(ip, 2, generator)
    agree(ip, 2, random_gaps(ip, 2, generator, messages), messages)


def test_every_event_before_a_deadlock(digits):
    """At depths and latencies around those of which some deadlock."""
    generator = random.Random(6)
    stuck = 0
    for _ in range(40):
        ip = digits.ip(generator.choice(("res2a", "res2b", "res3b")))
        least = generator.randint(0, 3)
        ip = with_latencies(ip, lambda least=least: generator.randint(least, least + 2))
        streams = tuple(replace(each, depth=generator.randint(2, each.depth)) for each in ip.streams)
        found = agree(replace(ip, streams=streams), 1, random_gaps(ip, 1, generator))
        if found.deadlock is not None:
            stuck += 1
            assert all(name.startswith((f"{ip.name}.bypass", f"{ip.name}.join_in")) for name in found.deadlock.full)
    assert 5 < stuck < 35, "both kinds are common"


def test_a_deadlock_is_named(digits):
    """The FIFO that is too shallow, the one behind it, which is full too, and the beats that passed until then."""
    ip = with_latencies(digits.ip("res2b"), lambda: 3)
    shallow = replace(ip, streams=tuple(replace(each, depth=2) if each.name == "bypass" else each for each in ip.streams))
    found = agree(shallow, 1, {})
    assert found.deadlock.full == ("res2b.bypass", "res2b.join_in")
    assert 0 < len(found.cycles["codes_in"]) < ip.port("codes_in").beats
    assert len(found.cycles["codes_out"]) == 0
    assert agree(ip, 1, {}).deadlock is None


def test_times_that_can_be_counted_by_hand(digits):
    """One unit of five cycles between two ports."""
    whole = digits.ip("res2b")
    unit = next(unit for unit in whole.units if unit.label == "entry table")
    beats = unit.cycles
    ports = tuple(replace(port, beats=beats) for port in whole.ports)
    alone = replace(whole, ports=ports, streams=(), units=(replace(unit, reads=("codes_in",), writes=("codes_out",)),))
    ip = with_latencies(alone, lambda: 5)

    def cycles(**gaps):
        return transfers(ip_graph(ip, frames=2, gaps=gaps)).cycles

    # Readable a cycle after the handshake, five to the FIFO, one to its end, and one through the register slice.
    found = cycles()
    assert list(found["codes_in"]) == [*range(2 * beats)]
    assert list(found["codes_out"]) == [*range(8, 8 + 2 * beats)]
    late = cycles(codes_in=[4, *[2] * (2 * beats - 1)])
    assert list(late["codes_in"]) == [*range(4, 4 + 6 * beats, 3)], "two cycles without a beat between any two"
    assert list(late["codes_out"] - late["codes_in"]) == [8] * 2 * beats
    # While nothing leaves: two beats in either register slice, and 2 + 5 + 1 with a place in the FIFO.
    held = cycles(codes_out=[1000, *[0] * (2 * beats - 1)])
    assert list(held["codes_in"][:12]) == [*range(12)]
    # Read in cycle 1000, a place in the slice in 1001, a place in the FIFO to claim in 1002, one in the slice of the input in 1003.
    assert list(held["codes_in"][12:15]) == [1003, 1004, 1005]
    assert list(held["codes_out"]) == [*range(1000, 1000 + 2 * beats)]


def test_times_of_a_load_that_can_be_counted_by_hand(digits):
    """The same unit, of five cycles, with a chain."""
    whole = digits.ip("res2b")
    unit = next(unit for unit in whole.units if unit.label == "entry table")
    held = tuple(replace(each, holding=LOADED) for each in unit.constants)
    unit = replace(unit, reads=("codes_in",), writes=("codes_out",), constants=held).chained("constants_in", "constants_out")
    beats, own = unit.cycles - 1, unit.load_words
    ports = [replace(port, beats=beats) for port in whole.ports]
    ports += [Port(name=f"constants_{way}", is_input=way == "in", lanes=1, format=uint(LOAD_BITS), beats=1) for way in ("in", "out")]
    ip = with_latencies(replace(whole, ports=tuple(ports), streams=(), units=(unit,)), lambda: 5)
    assert ip.chain == ("constants_in", "constants_out")
    messages = [own + 2, 0, own + 1, 0]
    assert port_beats(ip, frames=2, messages=messages) == {
        **{"codes_in": 2 * beats, "codes_out": 2 * beats},
        **{"constants_in": 2 * own + 7, "constants_out": 7},
    }
    found = transfers(ip_graph(ip, frames=2, messages=messages)).cycles
    # Two words wait in the slice while five cycles pass after the header, taken in cycle 1: the next is taken in cycle 7.
    assert list(found["constants_in"][:4]) == [0, 1, 2, 8]
    # In cycle 1 + 5 + own the last of its own words is taken, then two that go on, and in the next the token.
    token = 1 + 5 + own + 3
    # The header leaves in cycle 4: a cycle to the FIFO, one to its end, one through the slice.
    assert list(found["constants_out"][:4]) == [4, token + 1, token + 2, token + 3]
    assert found["codes_out"][0] == token + 1 + 7
    # The header of the next load is taken in the cycle after the last firing of the frame.
    header = token + beats + 1
    assert found["constants_out"][4] == header + 3
    assert found["codes_out"][beats] == header + 5 + own + 1 + 1 + 1 + 7
    with pytest.raises(ValueError, match=r"^res2b: messages for 2 frames, of 3$"):
        ip_graph(ip, frames=3, messages=messages)


def test_frames_follow_each_other_without_a_cycle_between(digits):
    """The slowest unit sets the rate: its firings, and nothing beside."""
    ip = with_latencies(digits.ip("res2b"), lambda: 5)
    assert ip.interval == ip.cycles + 1, "in HLS a cycle is lost"
    laid = ip_graph(ip, frames=8)
    ends = transfers(laid).cycles["codes_out"][ip.port("codes_out").beats - 1 :: ip.port("codes_out").beats]
    assert list(ends[-3:] - ends[-4:-1]) == [ip.cycles] * 3


def test_gaps_are_of_all_beats_of_a_port(digits):
    ip = with_latencies(digits.ip("res2b"), lambda: 1)
    beats = ip.port("codes_in").beats
    with pytest.raises(ValueError, match=f"res2b.codes_in: 3 gaps for {2 * beats} beats in 2 frames"):
        ip_graph(ip, frames=2, gaps={"codes_in": [0, 0, 0]})
    with pytest.raises(ValueError, match=r"res2b.codes: 1 gaps for 0 beats in 2 frames"):
        ip_graph(ip, frames=2, gaps={"codes": [0]})


@pytest.mark.parametrize(
    ("depth", "latency", "kind", "places", "readable"),
    [
        (2, 0, FifoKind.SHALLOW, 3, 1),
        (2, 3, FifoKind.SHALLOW, 6, 4),
        (58, 5, FifoKind.SHALLOW, 64, 6),
        (59, 5, FifoKind.DEEP, 68, 9),
        (500, 7, FifoKind.DEEP, 511, 11),
    ],
)
def test_kinds_of_fifo(depth, latency, kind, places, readable):
    fifo = RtlFifo(depth=depth, unit_latency=latency)
    assert (fifo.kind, fifo.places, fifo.latency) == (kind, places, readable)
    assert (fifo.kind is FifoKind.DEEP) == (depth + latency + 1 > SHALLOW_PLACES)


def test_channels_of_an_ip(digits):
    """What the simulator is told of each kind of FIFO and of ports."""
    ip = with_latencies(digits.ip("res2b"), lambda: 5)
    ip = replace(ip, streams=tuple(replace(each, depth=500 if each.name == "bypass" else 3) for each in ip.streams))
    found = {each.name.partition(".")[2]: each for each in ip_graph(ip, frames=1).channels}
    numbers = {name: (each.depth, each.in_flight, each.latency, each.slices, each.places) for name, each in found.items()}
    assert numbers["bypass"] == (500, 9, 9, 0, 500 + 5 + 4)
    assert numbers["act"] == (3, 6, 6, 0, 3 + 5 + 1)
    assert numbers["codes_in"] == (2, 0, 1, 0, 2)
    assert numbers["codes_out"] == (2, 6, 6, 1, 2 + 5 + 1 + 2)
    assert {name for name, each in found.items() if each.is_register} == {"codes_in", "codes_out"}
