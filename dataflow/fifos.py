"""FIFO sizing: the smallest depths that keep the interval and cannot deadlock.

A design keeps an interval when, with a frame offered every so many cycles, each frame comes to pass as the one before, exactly
so many cycles later: then it does so for ever (all times follow from those of the last few frames). It cannot deadlock when it
does not with pipelines of one stage, which hold the fewest beats.

A deeper FIFO never makes anything later. So depths are found one after the other, each as small as the others, as deep as they
are then, allow; afterwards those have only become smaller, and the depth found is still the smallest. And what an IP cannot do
with ideal neighbours it cannot do in the design: streams within an IP are sized with that IP alone, equal IPs once. A link's
least depth is found with its two IPs alone; the whole design then proves that all of them together are enough.

First come the streams that carry most bits a frame, where a span of time costs most to store; what they give up is stored
where it costs less: whole rows in front of a sliding window rather than their windows behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from math import isqrt
from typing import TypeAlias

from dataflow.design import Design, Ip, Link
from dataflow.simulation import Simulation, TimingError, core, memory, simulate
from dataflow.simulation_graph import Channel, Latencies, graph, link_name

LEAST, LEAST_LINK, MOST_LINK = 2, 16, 32768
"""HLS gives a stream two places where nothing is said; axis_data_fifo has 16 to 32,768, a power of two (PG085)."""

Depths: TypeAlias = dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sizing:
    """Depths in beats, by stream as `simulation_graph` calls them, and the run that proves them."""

    design: Design  # with these depths
    interval: int  # cycles
    depths: Mapping[str, int]
    proof: Simulation  # of the whole design, offered a frame every `interval`, until it settled


class _Bench:
    """Some IPs of a design, or all, run again and again with other depths."""

    def __init__(self, design: Design, ips: Collection[str], interval: int, latencies: Latencies) -> None:
        self.graph = graph(design, ips=ips, latencies=latencies)
        self._interval = interval
        self._core, self._shortest = core(self.graph), core(graph(design, ips=ips, latencies=latencies.shortest()))
        # A delay may pass from IP to IP, a frame each; so many frames are waited for it. Those that settle take three to six an IP.
        self._losing, self.patience = 2 + len(ips), 6 + 2 * len(ips)

    def keeps(self, depths: Mapping[str, int]) -> Depths | None:
        """Where the interval is kept, what each stream held at most: a place more is never missed."""
        back = memory(self.graph.with_depths(depths))
        found = self._core.run(
            depths=self._all(depths), frames=back + self.patience, spacing=self._interval, settle=back, losing=self._losing, trace=False
        )
        if not found["settled"]:
            return None
        return {channel.name: int(most) for channel, most in zip(self.graph.channels, found["most"], strict=True)}

    def flows(self, depths: Mapping[str, int]) -> bool:
        """Whether nothing deadlocks, with pipelines that hold next to nothing."""
        return not self._shortest.run(depths=self._all(depths), frames=2, spacing=0, settle=0, losing=0, trace=False)["stuck"]

    def _all(self, depths: Mapping[str, int]) -> list[int]:
        return [depths.get(channel.name, channel.depth) for channel in self.graph.channels]


def size(design: Design, *, interval: int | None = None, latencies: Latencies | None = None, anew: bool = False) -> Sizing:
    """Size what the description leaves out, or with `anew` every FIFO, for `interval`, or else for the least there can be.

    Raises TimingError where the interval cannot be kept.
    """
    latencies = latencies or Latencies()
    whole = graph(design, latencies=latencies)
    interval = whole.cycles if interval is None else interval
    if interval < whole.cycles:
        raise TimingError(
            design.name,
            f"an interval of {interval:,} cycles",
            why=f"{whole.slowest.name} takes {whole.cycles:,} for a frame",
            fix=f"ask for {whole.cycles:,} or more, or raise its PE or SIMD",
        )
    given = {} if anew else given_depths(design)
    alone = replace(latencies, crossing=0)  # to an IP with ideal neighbours it is one where they lie
    kinds = {ip.name: _kind(design, ip, given, alone) for ip in design.ips}
    with ThreadPoolExecutor(2) as pool:  # the core does not hold the interpreter's lock
        different = {kind: ip for ip in reversed(design.ips) for kind in (kinds[ip.name],)}
        sized = dict(zip(different, pool.map(lambda ip: _size_ip(design, ip, interval, given, alone), different.values()), strict=True))
        depths = {f"{ip.name}.{name}": depth for ip in design.ips for name, depth in sized[kinds[ip.name]].items()}
        bench = _Bench(design, [ip.name for ip in design.ips], interval, latencies)
        links = [link for link in design.links if link_name(link) not in given]
        depths |= {name: depth for name, depth in given.items() if name not in depths}
        depths |= _roomy_links(bench, links, depths)
        shallower = pool.map(lambda link: _shallowest(design, link, interval, latencies, depths), links)
        lowest = {link_name(link): depth for link, depth in zip(links, shallower, strict=True)}
    if bench.keeps(depths | lowest) and bench.flows(depths | lowest):
        depths |= lowest
    else:
        # More than two IPs have a part in it: one link after the other, with the whole design.
        for name in lowest:
            depths[name], _ = _least(bench, depths, name, _powers(lowest[name], depths[name]), {})
    proof = simulate(whole.with_depths(depths), frames=bench.patience, spacing=interval, until_settled=True)
    return Sizing(design=with_depths(design, depths), interval=interval, depths=depths, proof=proof)


def with_depths(design: Design, depths: Mapping[str, int]) -> Design:
    """The design with these depths in place of its own."""
    ips = tuple(
        replace(ip, streams=tuple(replace(stream, depth=depths.get(f"{ip.name}.{stream.name}", stream.depth)) for stream in ip.streams))
        for ip in design.ips
    )
    links = tuple(
        replace(link, depth=depth, memory=link_memory(depth, link.source_port.tdata_bytes))
        for link in design.links
        for depth in (depths.get(link_name(link), link.depth),)
    )
    return replace(design, ips=ips, links=links)


def link_memory(depth: int, data_bytes: int) -> str:
    """What axis_data_fifo is made of."""
    return "distributed" if depth <= 64 else "ultra" if depth >= 1024 and data_bytes >= 8 else "block"


def given_depths(design: Design) -> Depths:
    """What the description says of depths."""
    network = design.network
    return {
        f"{name}.{fifo.name}": fifo.depth
        for name, part in (("stem", network.stem), *((block.name, block) for block in network.blocks), ("head", network.head))
        for fifo in part.fifos
    }


def _kind(design: Design, ip: Ip, given: Mapping[str, int], latencies: Latencies) -> object:
    """Equal for IPs that are the same in time."""
    alone = graph(design, ips=[ip.name], latencies=latencies)
    numbers = {channel.name: i for i, channel in enumerate(alone.channels)}
    actors = tuple((a.runs, *(tuple(numbers[name] for name in names) for names in (a.reads, a.writes)), a.stages) for a in alone.actors)
    return actors, tuple((channel.bits, channel.latency, given.get(channel.name)) for channel in alone.channels)


def _size_ip(design: Design, ip: Ip, interval: int, given: Mapping[str, int], latencies: Latencies) -> Depths:
    """Depths of an IP's own streams, by their names within it."""
    bench = _Bench(design, [ip.name], interval, latencies)
    own = {f"{ip.name}.{stream.name}": stream.name for stream in ip.streams}
    channels = {channel.name: channel for channel in bench.graph.channels}
    depths = {name: _ideal(channel) for name, channel in channels.items() if name not in own}
    depths |= {name: given[name] for name in own if name in given}
    free = sorted((channels[name] for name in reversed(own) if name not in given), key=lambda channel: -channel.beats * channel.bits)
    # Frames each may hold: one is mostly enough, except on a bypass around many rows.
    for room in (1, 2, 4, 8, 16, 32):
        most = bench.keeps(depths | {channel.name: max(LEAST, room * channel.beats) for channel in free})
        if most is not None:
            break
    else:
        raise _hopeless(ip.name, interval, [name for name in own if name in given])
    depths |= {channel.name: max(LEAST, room * channel.beats) for channel in free}
    for channel in free:
        most_needed = max(LEAST, min(depths[channel.name], most[channel.name] + 1))
        depths[channel.name], most = _least(bench, depths, channel.name, range(LEAST, most_needed + 1), most)
    return {own[name]: depths[name] for name in own}


def _ideal(channel: Channel) -> int:
    """Depth of a FIFO to or from an ideal neighbour: it never fills up and never runs dry within a frame."""
    return channel.depth if channel.is_register else channel.beats + 2 * channel.latency


def _least(bench: _Bench, depths: Depths, name: str, choices: Sequence[int], most: Depths) -> tuple[int, Depths]:
    """The first of ascending depths that will do, and what the streams held with it; the last is known to do."""
    low, high = 0, len(choices) - 1
    middle = low  # most streams need no more
    while low < high:
        found = bench.keeps(depths | {name: choices[middle]})
        if found is None:
            low = middle + 1
        else:
            most, high = found, middle
        middle = min(max(low, isqrt((low + 1) * (high + 1)) - 1), high - 1)
    while not bench.flows(depths | {name: choices[high]}):
        high += 1
    return choices[high], most


def _roomy_links(bench: _Bench, links: Sequence[Link], depths: Mapping[str, int]) -> Depths:
    """Depths of links that are certainly enough, by what they hold when they have room for two frames."""
    roomy = {link_name(link): min(MOST_LINK, _power(2 * link.source_port.beats)) for link in links}
    most = bench.keeps({**depths, **roomy})
    if most is None:
        raise _hopeless(bench.graph.first, 0, list(depths))
    return {name: _power(most[name] + 1) for name in roomy}


def _shallowest(design: Design, link: Link, interval: int, latencies: Latencies, depths: Mapping[str, int]) -> int:
    """The least depth with which its two IPs keep the interval when nothing else holds them up."""
    name = link_name(link)
    choices = _powers(LEAST_LINK, depths[name])
    if len(choices) == 1:
        return choices[0]
    bench = _Bench(design, sorted({link.source, link.sink}), interval, latencies)
    outer = {link_name(other) for other in design.links} - {name}
    around = {channel.name: _ideal(channel) if channel.name in outer else depths.get(channel.name, channel.depth) for channel in bench.graph.channels}
    return _least(bench, around, name, choices, {})[0]


def _power(depth: int) -> int:
    """The depth a FIFO IP has room for so many beats with."""
    return max(LEAST_LINK, min(MOST_LINK, 1 << (depth - 1).bit_length()))


def _powers(low: int, high: int) -> list[int]:
    """Powers of two."""
    return [1 << i for i in range(low.bit_length() - 1, high.bit_length())]


def _hopeless(where: str, interval: int, given: Collection[str]) -> TimingError:
    return TimingError(
        where,
        f"no FIFOs keep an interval of {interval:,} cycles",
        why=f"the depths of {', '.join(given)} are given" if given else "with room for 32 frames in each it is not kept",
        fix="leave them out of the description" if given else "ask for a longer interval",
    )
