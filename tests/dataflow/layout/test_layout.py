"""Designs of random networks: every stream has its two ends, every beat arrives, every cycle count is that of a loop."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow import plan
from dataflow.layout.ips import held_rows, wire_lanes
from dataflow.timing.graph import graph
from dataflow.timing.simulation import simulate
from dataflow.timing.sizing import require_flow
from dataflow.units.window import Sliding
from network import Shape, Window, load
from network.formats import uint
from tests.strategies import networks, written


@settings(max_examples=60)
@given(networks(blocks=4))
def test_streams_and_links(tmp_path_factory, description):
    design = plan(written(description, tmp_path_factory.mktemp("drawn")))
    for ip in design.ips:
        reads = Counter(name for unit in ip.units for name in unit.reads)
        writes = Counter(name for unit in ip.units for name in unit.writes)
        for stream in ip.streams:
            assert (reads[stream.name], writes[stream.name]) == (1, 1), f"{ip.name}.{stream.name}"
            assert stream.bits <= 4096
        for port in ip.ports:
            assert (reads[port.name], writes[port.name]) == ((1, 0) if port.is_input else (0, 1)), f"{ip.name}.{port.name}"
        assert set(reads) | set(writes) == {stream.name for stream in ip.streams} | {port.name for port in ip.ports}
        assert ip.cycles >= max(port.beats for port in ip.ports if port.name not in ("weights", "labels"))
    assert Counter((link.source, link.source_port.name) for link in design.links) == Counter(
        (ip.name, port.name) for ip in design.ips for port in ip.outputs
    )
    assert Counter((link.sink, link.sink_port.name) for link in design.links) == Counter(
        (ip.name, port.name) for ip in design.ips for port in ip.inputs
    )
    assert len({link.name for link in design.links}) == len(design.links)
    for link in design.links:
        source, sink = link.source_port, link.sink_port
        assert source.format == sink.format
        assert source.beats * source.lanes == sink.beats * sink.lanes
        # A width converter passes whole bytes on: padding in a beat would end up between the codes.
        assert source.bits % 8 == sink.bits % 8 == 0 or source.lanes == sink.lanes
        assert 16 <= link.depth <= 32768
        assert link.depth & (link.depth - 1) == 0


@settings(max_examples=30)
@given(networks(blocks=4))
def test_without_a_dma(tmp_path_factory, description):
    """The same IPs and links but for the DMA, whose streams are the design's own; as fast as all parts are."""
    folder = tmp_path_factory.mktemp("drawn")
    design, other = plan(written(description, folder)), plan(written({**description, "interfaces": "streams"}, folder))
    assert [replace(ip, slr=0) for ip in other.parts] == [replace(ip, slr=0) for ip in design.parts]
    assert other.ips == other.parts
    assert other.links == tuple(link for link in design.links if "dma" not in (link.source, link.sink))
    assert [port.name for _, port in other.open_ports] == ["image", *(["weights"] if other.network.head.streams_weights else []), "labels"]
    assert (design.open_ports, other.arguments) == ((), ())
    require_flow(other)
    run = simulate(graph(other), frames=6)
    assert run.intervals[-1] >= other.interval


def count_swg(shape, window, lanes):
    """The loop of swg.h, counted: rows of the first window, then phases, until every row has come and gone."""
    beats = shape.channels // lanes
    output = window.output(shape, shape.channels)
    writes = output.width * window.kernel[0] * window.kernel[1] * beats
    reads = window.stride[0] * shape.width * beats
    lone = shape.width * beats == 1
    cycles = taken = 0
    rows = min(window.kernel[0] - window.pad[0][0], shape.height)
    for _ in range(rows * shape.width * beats + lone):
        cycles += 1
    taken = rows
    for row in range(output.height):
        needed = min(row * window.stride[0] - window.pad[0][0] + window.kernel[0], shape.height)
        assert taken >= needed, "a window goes out before its rows are in"
        cycles += max(writes, reads + lone)
        taken = min(taken + window.stride[0], shape.height)
    assert taken == shape.height, "rows are left in the stream"
    return cycles


@given(st.data())
def test_swg_cycles(data):
    kernel = (data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4)))
    pad = tuple((data.draw(st.integers(0, k - 1)), data.draw(st.integers(0, k - 1))) for k in kernel)
    window = Window(kernel=kernel, stride=(data.draw(st.integers(1, 5)), data.draw(st.integers(1, 3))), pad=pad)
    shape = Shape(data.draw(st.integers(4, 12)), data.draw(st.integers(4, 12)), 6)
    lanes = data.draw(st.sampled_from([1, 2, 3, 6]))
    assert Sliding(shape=shape, window=window, lanes=lanes).cycles == count_swg(shape, window, lanes)


@given(st.integers(1, 64), st.integers(1, 8), st.data())
def test_wire_lanes(channels, bits, data):
    lanes = data.draw(st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0]))
    found = wire_lanes(channels, uint(bits), lanes)
    assert channels % found == 0
    if channels * bits % 8:
        assert found == channels  # both neighbours come to the same
    else:
        assert found % lanes == 0
        assert found * bits % 8 == 0


def test_held_rows(toy_yaml):
    """Of a 3x3 convolution: two rows in its window, one read ahead, one under way, two waiting in front."""
    basic, bottleneck = load(toy_yaml).blocks
    assert held_rows(bottleneck.convs) == 6
    assert held_rows(basic.convs) == 12


def test_folding_a_block_anew_leaves_the_others_as_they_are(toy_yaml, tmp_path):
    before = plan(load(toy_yaml))
    text = toy_yaml.read_text()
    (tmp_path / "toy.yaml").write_text(text.replace("conv2:  {kernel: 3, out: 6, pe: 3,", "conv2:  {kernel: 3, out: 6, pe: 2,"))
    after = plan(load(tmp_path / "toy.yaml"))
    assert [ip.name for ip, was in zip(after.ips, before.ips, strict=True) if ip != was] == ["res2a"]


def test_arguments_follow_the_register_map(toy_yaml):
    found = [(argument.name, hex(argument.offset), argument.size, argument.bank) for argument in plan(load(toy_yaml)).arguments]
    assert found == [
        ("in", "0x10", 8, "DDR[0]"),
        ("out", "0x1c", 8, "DDR[0]"),
        ("weightsmem", "0x28", 8, "DDR[0]"),
        ("numReps", "0x34", 4, None),
    ]


def test_weights_on_chip_take_no_argument(toy_yaml, tmp_path):
    (tmp_path / "toy.yaml").write_text(toy_yaml.read_text().replace("weights: stream", "weights: rom"))
    design = plan(load(tmp_path / "toy.yaml"))
    assert [(argument.name, hex(argument.offset)) for argument in design.arguments] == [
        ("in", "0x10"),
        ("out", "0x1c"),
        ("numReps", "0x28"),
    ]
    assert [unit.implementation for unit in design.ip("head").units][1] == "weight_rom"


@pytest.mark.parametrize("name", ["dma", "stem", "res2a", "res2b", "head"])
def test_titles(toy_yaml, name):
    titles = {
        "dma": "6x5x3 images in, 3 labels out",
        "stem": "6x5x3 -> 3x2x4",
        "res2a": "3x2x4 -> 3x2x6, basic, projection bypass",
        "res2b": "3x2x6 -> 3x2x6, bottleneck, identity bypass",
        "head": "3x2x6 -> 3 of 5 labels",
    }
    assert plan(load(toy_yaml)).ip(name).title == titles[name]
