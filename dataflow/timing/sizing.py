"""FIFO sizing: depths that keep the interval and cannot deadlock, none of which is enough with a step less where it was sized.

A design keeps an interval if a frame leaves everything as it found it, `interval` cycles later: then every later frame does too. It
cannot deadlock if it does not deadlock with single-stage pipelines (see `deadlock`).

Depths are for pipelines that freeze; such a design keeps the interval with pipelines that drain, too (see `simulation`). With a
pipeline that freezes, nothing follows from one set of depths for another, so what is claimed is simulated:

- Streams within an IP are minimised one after the other with that IP alone, equal IPs once, with a frame offered every interval;
  then the cheapest is made deeper by what it takes to keep up with frames offered at once, as a batch is; then each is tried a step
  shallower beside the final others, until none can be.
- An IP may need its input earlier than the IP in front delivers it. In the whole design, with links that never fill up, it would
  start each frame some cycles later, until it finds the input waiting. One of its streams is made deeper where that is so, and each is
  tried a step shallower, with all IPs before it.
- The least depth of a link is found with its two IPs alone. Runs of the whole design then prove that all depths together are enough:
  for frames offered at once where that can be shown, otherwise for frames offered every interval (`Sizing.at_once` says which).
- Of each FIFO it is asked in the end whether the whole design needs it as deep as it is (`Sizing.needs`, see `minimality`). What is not
  claimed is that no other depths take fewer bits.

Streams that carry most bits a frame are sized first, because storing them for a span of time costs most; what they no longer
hold is stored where it costs less: as rows in front of a sliding window rather than as windows behind it.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, product
from math import isqrt
from typing import NamedTuple

from dataflow.design import Design, Ip, Link
from dataflow.layout.network import FIFO_DEPTHS, MOST_FIFO_DEPTH, given_fifos
from dataflow.timing.error import TimingError
from dataflow.timing.graph import Channel, Graph, Latencies, PipelineSources, actor_name, graph
from dataflow.timing.minimality import Need, need
from dataflow.timing.simulation import Simulation, memory, simulate
from dataflow.timing.trial import Bench, Depths, Times, between_ideal, ideal, timing_key

LEAST = 2
"""The depth of a stream in HLS without a pragma."""
STEPS = (1, 2, 4, 8, 16, 32, 64, 128)
"""By how many places a stream is tried deeper."""
PATIENCE, LOSING = 500, 100
"""Frames in which a whole design has to settle: FIFOs fill up first, or an IP drifts until its input waits for it. After so many in a row
that fell behind it is given up sooner."""

AS_ALONE = f"with the depths that each needs alone and room for two frames, at most {MOST_FIFO_DEPTH:,} beats, between them"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sizing:
    """Depths in beats, by the names of streams in `timing.graph`, and the simulation that proves them."""

    design: Design  # with these depths
    interval: int  # cycles
    latencies: Latencies  # they are sized for
    sources: PipelineSources  # where those of the units come from
    depths: Mapping[str, int]
    proof: Simulation  # of the whole design, until it settled
    needs: Mapping[str, Need]  # of every sized FIFO that is deeper than the least
    at_once: bool  # the proof is for frames offered at once, as a batch is; otherwise for one every `interval`


def size(design: Design, *, interval: int | None = None, latencies: Latencies | None = None, anew: bool = False) -> Sizing:
    """Size the FIFOs that the description leaves out, with `anew` every FIFO, for `interval` or the least possible interval.

    Raises TimingError if no depths are found that keep the interval; there may be some.
    """
    latencies = latencies or Latencies()
    whole = graph(design, latencies=latencies)
    interval = whole.cycles if interval is None else interval
    if interval < whole.cycles:
        raise TimingError(
            design.name,
            f"an interval of {interval:,} cycles",
            why=f"{whole.slowest.name} takes {whole.cycles:,} cycles for a frame",
            fix=f"ask for {whole.cycles:,} or more",
        )
    given = {} if anew else {name: fifo.depth for name, fifo in given_fifos(design.network).items()}
    alone = replace(latencies, crossing=0)  # an IP with ideal neighbours does not depend on their SLRs
    kinds = {ip.name: _kind(design, ip, given, alone) for ip in design.ips}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the simulator releases the interpreter's lock
        by_kind: dict[object, Future[Depths]] = {}
        for ip in design.ips:
            if kinds[ip.name] not in by_kind:
                by_kind[kinds[ip.name]] = pool.submit(_size_ip, design, ip, interval, given, alone)

        def sized(ip: Ip) -> Depths:
            return {f"{ip.name}.{name}": depth for name, depth in by_kind[kinds[ip.name]].result().items()}

        bench = Bench(design, [ip.name for ip in design.ips], interval, latencies)
        links = [link for link in design.links if link.dotted not in given]
        roomy = {link.dotted: _power(2 * link.source_port.beats) for link in links}
        depths = _in_time(bench, design, sized, roomy | given, given)
        most = _settled(bench, depths, given)
        depths |= {link.dotted: _power(most[link.dotted] + 1) for link in links}
        pairs = {link.dotted: _Pair(design, link, interval, latencies, depths, most) for link in links}
        alike = {pair.kind: pair for pair in pairs.values()}
        by_pair = dict(zip(alike, pool.map(_shallowest, alike.values()), strict=True))
        lowest = {name: by_pair[pair.kind] for name, pair in pairs.items()}
        at_once, least = interval == whole.cycles, depths | lowest
        keeping, flowing = pool.submit(bench.keeps, least), pool.submit(bench.flows, least)
        proof = _prove(whole, least, interval, at_once) if flowing.result() else None
        if proof is None or keeping.result() is None:
            # The least depths depend on more than two IPs: size one link after the other in the whole design.
            if not bench.flows(depths):
                raise _hopeless(design.name, interval, given, f"the IPs together deadlock {AS_ALONE}")
            least = depths | _least_of_all(bench, depths, {name: _powers(lowest[name], depths[name]) for name in lowest}, most)
            proof = _prove(whole, least, interval, at_once)
        needs = _needs(pool, _shallower(design, kinds, bench, least, given), _shallower_links(pairs, least))
    if at_once and not proof.settled:  # seldom, in small designs
        at_once, proof = False, _prove(whole, least, interval, at_once=False)
    if not proof.settled:
        tried = "for hundreds of frames the IPs together did not settle with the depths that each of them, and each two, need alone"
        raise _hopeless(design.name, interval, given, tried)
    return Sizing(
        design=design.with_depths(least),
        interval=interval,
        latencies=latencies,
        sources=whole.sources,
        depths=least,
        proof=proof,
        needs=needs,
        at_once=at_once,
    )


def _prove(whole: Graph, depths: Depths, interval: int, at_once: bool) -> Simulation:
    """The whole design until it settles, or until it has fallen behind in so many frames that it never will."""
    sized = whole.with_depths(depths)
    frames = memory(sized) + PATIENCE
    return simulate(sized, frames=frames, spacing=0 if at_once else interval, interval=interval, losing=LOSING)


class _Trial(NamedTuple):
    """A FIFO that is to be tried a step shallower beside the final depths of an IP, or two; so are others whose answer is the same."""

    alone: Bench
    depths: Depths
    name: str
    less: int
    names: list[str]


def _shallower(design: Design, kinds: Mapping[str, object], whole: Bench, depths: Depths, given: Collection[str]) -> Iterator[_Trial]:
    """Of every stream within an IP that is deeper than the least; of IPs with the same timing and depths once."""
    alike: dict[object, list[Ip]] = {}
    for ip in design.ips:
        alike.setdefault((kinds[ip.name], *(depths[f"{ip.name}.{stream.name}"] for stream in ip.streams)), []).append(ip)
    for first, *others in alike.values():
        alone = _Alone(design, first, whole)
        for stream, *same in zip(first.streams, *(other.streams for other in others), strict=True):
            name = f"{first.name}.{stream.name}"
            names = [name, *(f"{other.name}.{each.name}" for other, each in zip(others, same, strict=True))]
            if name not in given and depths[name] > LEAST:
                yield _Trial(alone.bench, alone.around(depths), name, depths[name] - 1, names)


def _shallower_links(pairs: Mapping[str, _Pair], depths: Depths) -> Iterator[_Trial]:
    alike: dict[object, list[_Pair]] = {}
    for pair in pairs.values():
        alike.setdefault((pair.kind, depths[pair.name]), []).append(pair)
    for first, *others in alike.values():
        if depths[first.name] > FIFO_DEPTHS[0]:
            names = [first.name, *(other.name for other in others)]
            yield _Trial(first.bench, first.around, first.name, depths[first.name] // 2, names)


def _needs(pool: ThreadPoolExecutor, *trials: Iterable[_Trial]) -> dict[str, Need]:
    each = [trial for some in trials for trial in some]
    found = pool.map(lambda trial: need(trial.alone, trial.depths, trial.name, trial.less), each)
    return {name: what for trial, what in zip(each, found, strict=True) for name in trial.names}


def require_flow(design: Design, *, frames: int = 2) -> None:
    """Raise TimingError if the design can deadlock, with the FIFO that is too shallow and the depth it needs."""
    shortest = graph(design, latencies=Latencies().shortest())
    stuck = simulate(shortest, frames=frames).deadlock
    if stuck is None:
        return
    depths = design.depths
    full, links = [name for name in stuck.full if name in depths], {link.dotted for link in design.links}
    needed = {
        name: depth
        for name in full
        for depth in (needed_depth(shortest, name),)
        if depth and (depth <= MOST_FIFO_DEPTH or name not in links)
    }
    network, name = design.network, next(iter(needed or full))
    given = given_fifos(network)
    parts = {"stem": network.stem.at, **{block.name: block.at for block in network.blocks}, "head": network.head.at}
    where = given[name].at if name in given else parts.get(name.partition(".")[0], network.at)
    needed = {name: _power(depth) if name in links else depth for name, depth in needed.items()}
    fixes = [f"under {name.partition('.')[0]} write fifos: {{{name.partition('.')[2]}: {depth}}}" for name, depth in needed.items()]
    raise TimingError(
        str(where),
        f"{' or '.join(needed or full)} is too shallow: {', '.join(f'{depths[name]:,}' for name in needed or full)}",
        why=f"it deadlocks in cycle {stuck.cycle:,}: {stuck}",
        fix=" or ".join(fixes) if fixes else "size all FIFOs again: doit fifos --anew --write",
    )


def needed_depth(shortest: Graph, name: str) -> int | None:
    """The least depth that avoids the deadlock if only this FIFO is deepened; None if that is not enough."""
    channel = next(channel for channel in shortest.channels if channel.name == name)

    def flows(depth: int) -> bool:
        return simulate(shortest.with_depths({name: depth}), frames=2).deadlock is None

    choices = range(channel.depth + 1, max(2 * channel.beats, channel.depth + 1) + 1)
    place = bisect_left(choices, True, key=flows)
    return choices[place] if place < len(choices) else None


def _kind(design: Design, ip: Ip, given: Mapping[str, int], latencies: Latencies) -> object:
    """A key that is equal for IPs with the same timing."""
    alone = graph(design, ips=[ip.name], latencies=latencies)
    return timing_key(alone, {channel.name: given.get(channel.name) for channel in alone.channels})


def _size_ip(design: Design, ip: Ip, interval: int, given: Mapping[str, int], latencies: Latencies) -> Depths:
    """Depths of the streams within an IP, by their names there."""
    bench = Bench(design, [ip.name], interval, latencies)
    own = {f"{ip.name}.{stream.name}": stream.name for stream in ip.streams}
    channels = {channel.name: channel for channel in bench.graph.channels}
    depths = {name: ideal(channel) for name, channel in channels.items() if name not in own}
    depths |= {name: given[name] for name in own if name in given}
    free = sorted((channels[name] for name in reversed(own) if name not in given), key=lambda channel: -channel.beats * channel.bits)
    # Frames each FIFO may hold: one is usually enough, except on a bypass of a path that holds many rows.
    for room in (1, 2, 4, 8, 16, 32):
        depths |= {channel.name: max(LEAST, room * channel.beats) for channel in free}
        most = bench.keeps(depths) if bench.flows(depths) else None
        if most is not None:
            break
    else:
        tried = f"this IP alone fell behind or deadlocked with room for 1, 2, 4, 8, 16 and {room} frames in each FIFO"
        raise _hopeless(ip.name, interval, [name for name in own if name in given], tried)
    # What is read at once holds little: less memory to go through than for a frame.
    depths |= {name: min(depth, 4 * most[name] + 64) for name, depth in depths.items() if name not in own}
    depths |= _least_of_all(bench, depths, {c.name: range(LEAST, depths[c.name] + 1) for c in free}, most)
    depths |= _deepened(bench, depths, free)
    keeps_up = bench.keeps_up(depths)
    depths |= _tightened(depths, [channel.name for channel in free], partial(bench.is_enough, keeping_up=keeps_up))
    return {own[name]: depths[name] for name in own}


def _deepened(bench: Bench, depths: Depths, free: Sequence[Channel]) -> Depths:
    """The depth to give one of these streams, the cheapest, for frames to keep up that are offered as fast as they are taken."""
    if bench.keeps_up(depths):
        return {}
    for deeper in _deeper({channel.name: depths[channel.name] for channel in reversed(free)}):
        if bench.keeps_up(depths | deeper) and bench.keeps(depths | deeper):
            return deeper
    return {}  # the proof will say whether the design keeps up nevertheless


def _deeper(depths: Depths) -> Iterator[Depths]:
    """One of these streams deeper, by more and more; then all of them."""
    for more, name in product(STEPS, depths):
        yield {name: depths[name] + more}
    for more in STEPS:
        yield {name: depth + more for name, depth in depths.items()}


def _in_time(bench: Bench, design: Design, sized: Callable[[Ip], Depths], links: Depths, given: Collection[str]) -> Depths:
    """Depths with which no IP falls behind: as `sized`, and deeper where it would with its input just in time, though not with all of it
    in front of it.

    One IP after the other: as long as no link fills up, its input comes as those before it have written it, whatever is behind it.
    """
    depths = dict(links)
    written: dict[str, Times] = {}  # by link
    for ip in design.ips:
        depths |= sized(ip)
        timed = Bench(design, [ip.name], bench.interval, bench.latencies)
        outgoing = [link.dotted for link in design.links if link.source == ip.name]
        late, wrote = timed.in_time(depths, written, outgoing)
        if ip.kind != "dma" and late & _units(ip):
            fed = _Fed(design, ip, timed, written)
            streams = {name: depths[name] for stream in ip.streams for name in (f"{ip.name}.{stream.name}",) if name not in given}
            for chosen in _deeper(streams):
                if fed.keeps_up(depths | chosen):
                    depths |= chosen | _tightened(depths | chosen, streams, fed.is_enough)
                    _, wrote = timed.in_time(depths, written, outgoing)
                    break
        written |= wrote
    return depths


def _units(ip: Ip) -> set[str]:
    return {actor_name(ip, unit) for unit in ip.units}


class _Alone:
    """An IP with ideal neighbours."""

    def __init__(self, design: Design, ip: Ip, whole: Bench) -> None:
        self.bench = Bench(design, [ip.name], whole.interval, replace(whole.latencies, crossing=0))
        self.outer = {channel.name for channel in self.bench.graph.channels} - {f"{ip.name}.{stream.name}" for stream in ip.streams}

    def around(self, depths: Depths) -> Depths:
        return between_ideal(self.bench.graph, depths, self.outer)


class _Fed(_Alone):
    """An IP whose input comes as it is `written` by those before it."""

    def __init__(self, design: Design, ip: Ip, timed: Bench, written: Mapping[str, Times]) -> None:
        super().__init__(design, ip, timed)
        self.units, self.timed, self.written = _units(ip), timed, written

    def keeps_up(self, depths: Depths) -> bool:
        return not self.units & self.timed.in_time(depths, self.written, ())[0]

    def is_enough(self, depths: Depths) -> bool:
        """Whether it keeps up alone, too, which is known sooner."""
        return self.bench.is_enough(self.around(depths), keeping_up=False) and self.keeps_up(depths)


def _tightened(depths: Depths, names: Collection[str], enough: Callable[[Depths], bool]) -> Depths:
    """These streams as shallow as each can be beside the others, a step at a time."""
    tight = {name: depths[name] for name in names}
    failed = 0  # in a row: what failed beside these depths need not be tried again
    for name in cycle(tight):
        if failed == len(tight):
            break
        failed += 1
        if tight[name] > LEAST and enough(depths | tight | {name: tight[name] - 1}):
            tight[name], failed = tight[name] - 1, 0
    return tight


def _least_of_all(bench: Bench, depths: Depths, choices: Mapping[str, Sequence[int]], most: Depths) -> Depths:
    """The first of each stream's ascending depths that is enough, one stream after the other."""
    for flowing in (False, True):  # if the last of these designs cannot deadlock, nor can those before it, which are deeper
        least, held = dict(depths), most
        for name, ascending in choices.items():
            least[name], held = _least(bench, least, name, ascending, held, flowing=flowing)
        if flowing or bench.flows(least):
            break
    return {name: least[name] for name in choices}


def _least(bench: Bench, depths: Depths, name: str, choices: Sequence[int], most: Depths, *, flowing: bool) -> tuple[int, Depths]:
    """The first of ascending depths that is enough, and the most beats all streams hold with it.

    The last is known to be enough; `most` is what the streams hold with it. With `flowing`, no deadlock either. The cycles lost per frame
    fall almost linearly with the depth: after two depths that lost some, the next is chosen by linear extrapolation.
    """
    low, high = 0, bisect_left(choices, min(choices[-1], most[name] + 1))
    lost: list[tuple[int, int]] = []  # depth and cycles
    middle, tries = low, 0  # start with the least depth, which most streams need
    while low < high:
        lags: list[int] = []
        held = bench.keeps(depths | {name: choices[middle]}, lags)
        if held is None:
            lost += [(choices[middle], lag) for lag in lags if lag]
            low = middle + 1
        else:
            most, high = held, middle
        middle, tries = isqrt((low + 1) * (high + 1)) - 1, tries + 1
        if len(lost) > 1 and lost[-2][1] > lost[-1][1] and tries % 3:
            (shallow, more), (deep, less) = lost[-2:]
            middle = bisect_left(choices, deep + -(-less * (deep - shallow) // (more - less)))
        middle = max(low, min(middle, high - 1))
    while flowing and not bench.flows(depths | {name: choices[high]}):
        high += 1
    return choices[high], most


def _settled(bench: Bench, depths: Depths, given: Collection[str]) -> Depths:
    """The most beats all streams hold with these depths, whose links are certainly deep enough."""
    most = bench.keeps(depths)
    if most is None:
        bench.losing = bench.patience = PATIENCE
        most = bench.keeps(depths)
    if most is None:
        raise _hopeless(bench.name, bench.interval, given, f"the IPs together did not settle in {PATIENCE} frames {AS_ALONE}")
    return most


class _Pair:
    """The two IPs of a link, which nothing else blocks."""

    def __init__(self, design: Design, link: Link, interval: int, latencies: Latencies, depths: Depths, most: Depths) -> None:
        self.name, self.choices, self.most = link.dotted, _powers(FIFO_DEPTHS[0], depths[link.dotted]), most
        self.bench = Bench(design, sorted({link.source, link.sink}), interval, latencies)
        self.around = between_ideal(self.bench.graph, depths, {other.dotted for other in design.links} - {self.name})
        self.kind = timing_key(self.bench.graph, self.around), [*self.around].index(self.name), most[self.name]


def _shallowest(pair: _Pair) -> int:
    """The least depth of a link with which its two IPs keep the interval."""
    if len(pair.choices) == 1:
        return pair.choices[0]
    return _least(pair.bench, pair.around, pair.name, pair.choices, pair.most, flowing=False)[0]


def _power(depth: int) -> int:
    """The depth of a FIFO IP that holds `depth` beats."""
    return max(FIFO_DEPTHS[0], min(MOST_FIFO_DEPTH, 1 << (depth - 1).bit_length()))


def _powers(low: int, high: int) -> list[int]:
    """The powers of two from `low` to `high`."""
    return [1 << i for i in range(low.bit_length() - 1, high.bit_length())]


def _hopeless(where: str, interval: int, given: Collection[str], tried: str) -> TimingError:
    fixed = f", and with the given depths of {', '.join(given)}" if given else ""
    return TimingError(
        where,
        f"no FIFO depths found for an interval of {interval:,} cycles",
        why=f"{tried}{fixed}; other depths were not tried",
        fix="leave those out of the description, or size them too: doit fifos --anew" if given else "ask for a longer interval",
    )
