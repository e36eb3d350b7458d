"""`Network` -> `Design`: one IP per block plus stem, head and DMA, each a chain of processes.

An IP's interfaces depend on that IP's own description alone: lane counts that differ between neighbours meet in the block
design's width converters, so folding one block anew leaves the others' sources as they are.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from itertools import groupby, pairwise
from math import gcd

from dataflow import floorplan
from dataflow import platform as platforms
from dataflow.banks import sizes_kb
from dataflow.design import Argument, Design, Ip, Kind, Layer, Link, Port, Process, Rom, Stream, fifo_memory
from dataflow.layers import Accumulate, Convert, Fork, Join, Labels, Pool, Threshold, TopK, Transfer, WeightRom
from dataflow.platform import Platform
from network.errors import DescriptionError, Source
from network.formats import Format, uint
from network.model import MAX_BEAT_BITS, Block, Conv, Dense, Fifo, Head, Memory, Network, Shape, Stem, Window, divisors
from network.parameters import key
from network.yaml_reader import nearest

WORD_BITS = 512
BYTE = uint(8)
LABEL = uint(32)
FIFO_DEPTHS = (16, 1024)
"""Least depth the AXI4-Stream FIFO IP offers, and the original's depth between blocks, which is plenty."""
MOST_FIFO_DEPTH = 32768
"""Of the AXI4-Stream FIFO IP (PG085)."""
MOST_COUNT = (1 << 32) - 1
"""Of the counters in the HLS library, `unsigned` all of them."""


def lower(network: Network, answers: MutableMapping[str, list[int]] | None = None) -> Design:
    """Lay a network out and make the decisions it leaves open; raises DescriptionError where it cannot be.

    `answers` are those of the floorplan found before; a new one is added. Depths of FIFOs that are left out are closed forms, at
    once there and the same everywhere; they keep the slowest process busy. Those that `dataflow.fifos` finds take less, and
    count once they are written into the description.
    """
    platform = _platform(network)
    network = replace(network, memory=_memory(network.memory, platform))
    sizes_kb(network, platform)  # a bank that is too small is told before anything is chosen
    given = [platform.bank(network.memory.images).slr, *_given_slrs(network, platform)]
    if not network.is_folded:
        from dataflow.fold import fold  # here: numpy and scipy take their time to load

        network = fold(network, platform, given, answers)
    design = lay_out(network, platform)
    _require_countable(design)
    slrs = floorplan.place(floorplan.problem(design, given), answers)
    ips = tuple(replace(ip, slr=slr) for ip, slr in zip(design.ips, slrs, strict=True))
    return replace(design, network=network.placed(slrs[1:]), ips=ips)


def lay_out(network: Network, platform: Platform) -> Design:
    """The design before its IPs have a place: all stand in SLR 0."""
    ips = [dma_ip(network), stem_ip(network.stem), *map(block_ip, network.blocks), head_ip(network.head)]
    links = [link_between(source, sink) for source, sink in pairwise(ips)]
    links.append(link_between(ips[-1], ips[0], "labels"))
    if network.head.streams_weights:
        links.append(link_between(ips[0], ips[-1], "weights"))
    design = Design(network=network, platform=platform, ips=tuple(ips), links=tuple(links), arguments=_arguments(network))
    return design.with_depths(_given_depths(design))


def given_fifos(network: Network) -> dict[str, Fifo]:
    """The depths the description gives, by dotted name."""
    parts: list[tuple[str, Stem | Block | Head]] = [("stem", network.stem), *((block.name, block) for block in network.blocks)]
    parts.append(("head", network.head))
    return {f"{part}.{fifo.name}": fifo for part, described in parts for fifo in described.fifos}


def without_fifos(network: Network) -> Network:
    """The network as if no depth were given."""
    blocks = tuple(replace(block, fifos=()) for block in network.blocks)
    return replace(network, stem=replace(network.stem, fifos=()), blocks=blocks, head=replace(network.head, fifos=()))


def _given_depths(design: Design) -> dict[str, int]:
    given, links = given_fifos(design.network), {link.dotted for link in design.links}
    least, most = FIFO_DEPTHS[0], MOST_FIFO_DEPTH
    for name, fifo in given.items():
        part = name.partition(".")[0]
        known = [each.removeprefix(f"{part}.") for each in design.depths if each.startswith(f"{part}.")]
        if fifo.name not in known:
            what, why = f"{part}.fifos.{fifo.name}: there is no such FIFO", f"known here are {', '.join(known)}"
            raise DescriptionError(fifo.at, what, why=why, fix=nearest(fifo.name, known))
        power = max(least, min(most, 1 << (fifo.depth - 1).bit_length()))
        if name in links and fifo.depth != power:
            what = f"{part}.fifos.{fifo.name}: {fifo.depth} beats between two IPs"
            raise DescriptionError(fifo.at, what, why=f"the FIFO IP has {least} to {most:,}, a power of two", fix=f"write {power}")
    return {name: fifo.depth for name, fifo in given.items()}


def _given_slrs(network: Network, platform: Platform) -> list[int | None]:
    """Of stem, blocks and head, the SLR that is given."""
    parts: list[tuple[str, Stem | Block | Head]] = [("stem", network.stem), *((block.name, block) for block in network.blocks)]
    parts.append(("head", network.head))
    for name, part in parts:
        if part.slr is not None and part.slr >= platform.slrs:
            fix = f"choose 0 to {platform.slrs - 1}, or leave slr out"
            raise DescriptionError(part.at, f"{name}: slr={part.slr}", why=f"{platform.name} has {platform.slrs} SLRs", fix=fix)
    return [part.slr for _, part in parts]


def _require_countable(design: Design) -> None:
    """No frame has more firings of a process, or codes in a stream, than the loops of the C++ can count."""
    network = design.network
    places = {"dma": network.at, "stem": network.stem.at, "head": network.head.at, **{block.name: block.at for block in network.blocks}}
    for ip in design.ips:
        counts = [
            (f"{process.name} takes {process.cycles:,} cycles", process.cycles, "higher pe and simd, or a") for process in ip.processes
        ]
        codes = [(port.name, port.beats * port.lanes) for port in ip.ports]
        codes += [(process.name, process.layer.codes) for process in ip.processes if isinstance(process.layer, Convert)]
        counts += [(f"{name} passes {count:,} codes", count, "a") for name, count in codes]
        for what, count, remedy in counts:
            if count > MOST_COUNT:
                why = f"loops count to {MOST_COUNT:,}, the most of 32 bits"
                raise DescriptionError(places[ip.name], f"{ip.name}: {what} a frame", why=why, fix=f"use {remedy} smaller map")


def _platform(network: Network) -> Platform:
    known = platforms.known()
    if network.platform not in known:
        raise DescriptionError(
            network.at,
            f"platform: {network.platform!r} is unknown",
            why="its facts stand in configs/platforms",
            fix=f"use {', '.join(known)}",
        )
    return platforms.load(network.platform)


def _memory(given: Memory, platform: Platform) -> Memory:
    """Every bank there is to be named: as it is given, or the card's first."""
    names = [bank.name for bank in platform.banks]
    first = platform.default_bank.name
    chosen = replace(given, images=given.images or first, labels=given.labels or first, weights=given.weights or first)
    for argument in ("images", "labels", "weights"):
        bank = getattr(chosen, argument)
        if bank not in names:
            what, fix = f"memory.{argument}: {platform.name} has no {bank}", f"use {_listed(names)}"
            raise DescriptionError(given.at, what, why="banks are the card's own", fix=fix)
    return chosen


def _listed(names: list[str]) -> str:
    """DDR[0], DDR[1], HBM[0] … HBM[31]: all of a short kind, the ends of a long one."""
    kinds = [list(group) for _, group in groupby(names, key=lambda name: name.partition("[")[0])]
    return ", ".join(", ".join(kind) if len(kind) <= 6 else f"{kind[0]} … {kind[-1]}" for kind in kinds)


def fill_beats(shape: Shape, window: Window, lanes: int) -> int:
    """Beats a sliding window takes in before it gives out its first window: kernel - pad rows."""
    return fill_rows(shape, window) * shape.width * (shape.channels // lanes)


def fill_rows(shape: Shape, window: Window) -> int:
    return min(window.kernel[0] - window.pad[0][0], shape.height)


def swg_cycles(shape: Shape, window: Window, lanes: int, pixels: int = 1) -> int:
    """Firings of a sliding window a frame: the rows of the first window come in, then a phase per output row.

    A phase sends one row of windows while it takes in the rows the next one needs: as long as the longer of the two. Where
    a row is a single beat, that beat gets a cycle to reach its RAM.
    """
    beats = shape.channels // lanes
    row = shape.width * beats
    settle = int(row == 1)
    output = window.output(shape, shape.channels)
    phase = max(output.width // pixels * window.taps * beats, window.stride[0] * row + settle)
    return fill_beats(shape, window, lanes) + settle + output.height * phase


def held_rows(convs: tuple[Conv, ...]) -> int:
    """Rows of the block's input that its main path may hold while the bypass has to wait for it.

    Of every sliding window: the rows of its fill and the stride's rows it reads ahead, one for the pixels under way in the other
    processes, and once more the rows of the fill, which wait in the FIFO in front while the last windows of the frame before
    still go out. Without these last ones nothing would deadlock, but the main path would run dry. Rows of a later convolution
    count as many input rows as the strides before it skip.
    """
    rows, skipped = 0, 1
    for conv in convs:
        if conv.slides:
            rows += skipped * (2 * fill_rows(conv.input, conv.window) + conv.window.stride[0] + 1)
        skipped *= conv.window.stride[0]
    return max(rows, 1)


class _Chain:
    """Grows an IP process by process. A stream is held by its value; its name is `<layer>_<what>`."""

    def __init__(self, name: str, at: Source) -> None:
        self.name, self.at = name, at
        self.part = ""  # title of the processes that come next
        self.ports: list[Port] = []
        self.streams: list[Stream] = []
        self.processes: list[Process] = []

    def _require_beat(self, name: str, lanes: int, form: Format) -> None:
        """What a description can make too wide was seen before, by `Conv`, `Dense` and `require_wire`, who know the key that decides."""
        if lanes * form.bits > MAX_BEAT_BITS:
            raise ValueError(f"{self.name}.{name} has beats of {lanes} {form}")

    def stream(self, name: str, lanes: int, form: Format, depth: int = 2, why: str = "") -> Stream:
        self._require_beat(name, lanes, form)
        if any(name == stream.name for stream in self.streams):
            raise ValueError(f"{self.name} has a stream {name} already")
        self.streams.append(Stream(name=name, lanes=lanes, format=form, depth=depth, why=why))
        return self.streams[-1]

    def add(
        self, kind: Kind, name: str, layer: Layer, reads: list[Stream], writes: list[Stream], cycles: int, roms: tuple[Rom, ...] = ()
    ) -> None:
        self.processes.append(
            Process(
                kind=kind,
                name=name,
                part=self.part,
                layer=layer,
                reads=tuple(stream.name for stream in reads),
                writes=tuple(stream.name for stream in writes),
                roms=roms,
                cycles=cycles,
            )
        )

    def take(self, port: str, lanes: int, form: Format, codes: int) -> Stream:
        """An input port."""
        self._require_beat(port, lanes, form)
        self.ports.append(Port(name=port, is_input=True, lanes=lanes, format=form, beats=codes // lanes))
        return Stream(name=port, lanes=lanes, format=form)

    def give(self, port: str, stream: Stream, codes: int) -> None:
        """Make `stream` an output port."""
        self.streams.remove(stream)
        self.ports.append(Port(name=port, is_input=False, lanes=stream.lanes, format=stream.format, beats=codes // stream.lanes))
        self.processes = [
            replace(process, writes=tuple(port if name == stream.name else name for name in process.writes)) for process in self.processes
        ]

    def convert(self, name: str, stream: Stream, lanes: int, codes: int) -> Stream:
        """Change the lane count; by way of the least common multiple where neither divides the other, if a beat can be that wide."""
        if stream.lanes == lanes:
            return stream
        if stream.lanes % lanes and lanes % stream.lanes:
            common = stream.lanes * lanes // gcd(stream.lanes, lanes)
            if common * stream.format.bits > MAX_BEAT_BITS or codes % common:
                common = gcd(stream.lanes, lanes)
            stream, name = self.convert(f"{name}_common", stream, common, codes), name
        converted = self.stream(f"{name}_in", lanes, stream.format)
        layer = Convert(codes=codes, lanes_in=stream.lanes, lanes_out=lanes, format=stream.format)
        self.add(Kind.DWC, f"{name}_dwc", layer, [stream], [converted], layer.cycles)
        return converted

    def deepen(self, stream: Stream, depth: int, why: str) -> None:
        """Make a stream so deep at least. Ports have their FIFO in the block design."""
        self.streams = [
            replace(each, depth=depth, why=why) if each.name == stream.name and each.depth < depth else each for each in self.streams
        ]

    def hold_fill(self, stream: Stream, shape: Shape, window: Window) -> None:
        """Room in front of a sliding window for the rows that come in while it still sends the frame before."""
        why = f"{fill_rows(shape, window)} rows: they come while the last windows of a frame still go out"
        self.deepen(stream, fill_beats(shape, window, stream.lanes), why)

    def conv(self, layer: Conv, stream: Stream) -> Stream:
        """A convolution: width converter, sliding window and MVAU, as far as they are needed."""
        name = layer.name.partition(".")[2]
        stream = self.convert(name, stream, layer.simd, layer.input.size)
        if layer.slides:
            self.hold_fill(stream, layer.input, layer.window)
            # While the rows of the next frame come in, no window goes out; the MVAU needs one beat every fold_out cycles.
            beats = -(-fill_beats(layer.input, layer.window, layer.simd) // layer.fold_out)
            window = self.stream(f"{name}_window", layer.simd * layer.pixels, stream.format)
            self.deepen(window, beats, "windows for the time in which the next frame's first rows come in")
            self.add(Kind.SWG, name, layer, [stream], [window], swg_cycles(layer.input, layer.window, layer.simd, layer.pixels))
            stream = window
        else:
            self.deepen(stream, layer.fold_in, "a window: it comes in while the one before is still at work")
        out = self.stream(f"{name}_out", layer.pe * layer.pixels, layer.output_format)
        roms = (
            Rom(name=f"{name}_weights", key=key(layer.name, "weights"), pe=layer.pe, simd=layer.simd, format=layer.weight),
            Rom(name=f"{name}_thresholds", key=key(layer.name, "thresholds"), pe=layer.pe),
        )
        self.add(Kind.MVAU, name, layer, [stream], [out], layer.cycles, roms)
        return out

    def fork(self, name: str, stream: Stream, beats: int, to: tuple[Stream, Stream]) -> None:
        self.add(Kind.FORK, name, Fork(beats=beats, lanes=stream.lanes, format=stream.format), [stream], list(to), beats)

    def ip(self, kind: str, title: str) -> Ip:
        return Ip(
            name=self.name,
            kind=kind,
            title=title,
            ports=tuple(self.ports),
            streams=tuple(self.streams),
            processes=tuple(self.processes),
        )


def wire_lanes(channels: int, form: Format, lanes: int) -> int:
    """Lanes at an IP's interface: the fewest that hold `lanes`, divide the channels and fill whole bytes.

    Only whole bytes can pass a width converter. Where no part of a pixel fills them, both neighbours come to the whole pixel.
    """
    whole = (n for n in divisors(channels) if n % lanes == 0 and n * form.bits % 8 == 0)
    return next(whole, channels)


def require_wire(layer: Conv | Dense, key: str, channels: int, form: Format, lanes: Callable[[int], int] = int) -> None:
    """Raises DescriptionError where a layer's folding, `key`, makes the beats between two IPs too wide.

    `lanes` is what they need for a folding; `wire_lanes` may have to widen that.
    """

    def bits(fold: int) -> int:
        return wire_lanes(channels, form, lanes(fold)) * form.bits

    chosen = getattr(layer, key)
    if bits(chosen) <= MAX_BEAT_BITS:
        return
    fitting = ", ".join(str(fold) for fold in divisors(channels) if fold * form.bits <= MAX_BEAT_BITS and bits(fold) <= MAX_BEAT_BITS)
    first = "leave pixels out, and " if isinstance(layer, Conv) and layer.pixels > 1 else ""
    raise DescriptionError(
        layer.at,
        f"{layer.name}: {key}={chosen} makes a beat of {bits(chosen):,} bits between two IPs",
        why=f"it has whole bytes, and so many lanes of {form} as divide {channels:,} channels; "
        f"no stream may be wider than {MAX_BEAT_BITS:,} bits",
        fix=f"{first}choose {key} from {fitting}"
        if fitting
        else f"have a multiple of {8 // gcd(form.bits, 8)} channels, or codes of 8 bits",
    )


def stem_ip(stem: Stem) -> Ip:
    conv = stem.conv

    def lanes_out(pe: int) -> int:
        other = conv if pe == conv.pe else replace(conv, pe=pe, pixels=1)
        return pe * other.pixels if stem.pool is None else _pool_lanes(other, stem.pool)

    require_wire(conv, "pe", conv.out, conv.output_format, lanes_out)
    chain = _Chain("stem", stem.at)
    stream = chain.take("image", wire_lanes(conv.input.channels, BYTE, conv.simd), BYTE, conv.input.size)
    chain.part = f"Convolution: {conv.window}."
    stream = chain.conv(conv, stream)
    if stem.pool is not None:
        chain.part = f"Max-pool: {stem.pool}."
        lanes = _pool_lanes(conv, stem.pool)
        stream = chain.convert("pool", stream, lanes, conv.output.size)
        chain.hold_fill(stream, conv.output, stem.pool)
        pool = Pool(input=conv.output, window=stem.pool, lanes=lanes, format=stream.format)
        window = chain.stream("pool_window", lanes, stream.format)
        chain.add(Kind.SWG, "pool", pool, [stream], [window], swg_cycles(pool.input, pool.window, lanes))
        stream = chain.stream("pool_out", lanes, window.format)
        chain.add(Kind.MAX_POOL, "pool", pool, [window], [stream], pool.cycles)
    shape = stem.output
    stream = chain.convert("out", stream, wire_lanes(shape.channels, stream.format, stream.lanes), shape.size)
    chain.give("codes_out", stream, shape.size)
    return chain.ip("stem", f"{conv.input} -> {shape}")


def _pool_lanes(conv: Conv, window: Window) -> int:
    """The fewest lanes with which the pool keeps up with its convolution."""
    fitting = [n for n in divisors(conv.out) if n % conv.pe == 0 and n * conv.output_format.bits <= MAX_BEAT_BITS]
    return next((n for n in fitting if swg_cycles(conv.output, window, n) <= conv.cycles), fitting[-1])


def block_ip(block: Block) -> Ip:
    first, last = block.convs[0], block.convs[-1]
    require_wire(first, "simd", block.input.channels, block.input_format)
    require_wire(last, "pe", block.output.channels, block.residual)
    chain = _Chain(block.name, block.at)
    size = block.input.size
    lanes = first.simd
    stream = chain.take("codes_in", wire_lanes(block.input.channels, block.input_format, lanes), block.input_format, size)
    projects = block.bypass is not None
    chain.part = "Entry: " + ("thresholds, then " if block.entry and projects else "") + "a copy for each branch."
    stream = chain.convert("entry", stream, lanes, size)
    rows = held_rows(block.convs)
    depth = max(2, rows * block.input.width * block.input.channels // lanes)
    why = f"{rows} rows: what the main path holds back"

    def enter(codes: Stream, name: str) -> Stream:
        """Entry thresholds, where the block has them."""
        if not block.entry:
            return codes
        layer = Threshold(shape=block.input, lanes=lanes, input_format=codes.format, output_format=block.act)
        act = chain.stream(name, lanes, block.act)
        rom = Rom(name="entry_thresholds", key=key(block.name, "entry/thresholds"), pe=lanes)
        chain.add(Kind.THRESHOLD, "entry", layer, [codes], [act], layer.beats, (rom,))
        return act

    if projects:
        stream = enter(stream, "act")
    main = chain.stream("main_in", lanes, stream.format)
    bypass = chain.stream("bypass", lanes, stream.format, depth, why)
    chain.fork("fork", stream, size // lanes, (main, bypass))
    chain.part = "Main branch: " + ", ".join(str(conv.window) for conv in block.convs) + "."
    if not projects:
        main = enter(main, "act")
    for conv in block.convs:
        main = chain.conv(conv, main)
    if block.bypass is not None:
        chain.part = f"Projection of the bypass: {block.bypass.window}."
        bypass = chain.conv(block.bypass, bypass)
    chain.part = "Sum of the branches."
    codes = block.output.size
    bypass = chain.convert("join", bypass, last.pe, codes)
    layer = Join(beats=codes // last.pe, lanes=last.pe, format=block.residual, zero_point=block.zero_point)
    joined = chain.stream("joined", last.pe, block.residual)
    chain.add(Kind.JOIN, "join", layer, [main, bypass], [joined], layer.beats)
    out = chain.convert("out", joined, wire_lanes(block.output.channels, block.residual, last.pe), codes)
    chain.give("codes_out", out, codes)
    return chain.ip("block", f"{block.input} -> {block.output}, {block.kind}, {'projection' if projects else 'identity'} bypass")


def _weight_lanes(head: Head) -> int:
    """Lanes of the weight stream from memory: the most that divide a row and come in one word, whatever the folding."""
    return max(n for n in divisors(head.fc.inputs) if n * head.fc.weight.bits <= WORD_BITS)


def head_ip(head: Head) -> Ip:
    fc = head.fc
    require_wire(fc, "simd", fc.inputs, head.code_format)
    chain = _Chain("head", head.at)
    size = head.input.size
    stream = chain.take("codes_in", wire_lanes(fc.inputs, head.code_format, fc.simd), head.code_format, size)
    chain.part = "Sum over all pixels."
    stream = chain.convert("pool", stream, fc.simd, size)
    pool = Accumulate(input=head.input, lanes=fc.simd, code_format=head.code_format, zero_point=head.zero_point, sum_format=fc.input_format)
    sums = chain.stream("sums", fc.simd, fc.input_format)
    chain.add(Kind.ACCUMULATE_POOL, "pool", pool, [stream], [sums], pool.beats)
    chain.part = "Fully connected layer."
    if head.streams_weights:
        weights = chain.take("weights", _weight_lanes(head), fc.weight, fc.out * fc.inputs)
        weights = chain.convert("weights", weights, fc.simd, fc.out * fc.inputs)
    else:
        lanes = fc.pe * fc.simd
        weights = chain.stream("weights", lanes, fc.weight)
        rom = Rom(name="fc_weights", key=key(fc.name, "weights"), pe=fc.pe, simd=fc.simd, format=fc.weight)
        chain.add(
            Kind.WEIGHT_ROM,
            "weight_rom",
            WeightRom(tiles=fc.cycles, pe=fc.pe, simd=fc.simd, format=fc.weight),
            [],
            [weights],
            fc.cycles,
            (rom,),
        )
    scores = chain.stream("scores", fc.pe, fc.acc)
    bias = Rom(name="fc_bias", key=key(fc.name, "bias"), pe=fc.pe)
    chain.add(Kind.DENSE, "fc", fc, [sums, weights], [scores], fc.cycles, (bias,))
    chain.part = "Labels of the largest scores."
    scores = chain.convert("top", scores, 1, fc.out)
    top = TopK(classes=fc.out, top=head.top, score_format=fc.acc)
    labels = chain.stream("labels_out", 1, LABEL)
    chain.add(Kind.TOP_K, "top", top, [scores], [labels], top.cycles)
    chain.give("labels", labels, head.top)
    return chain.ip("head", f"{head.input} -> {head.top} of {fc.out} labels")


def dma_ip(network: Network) -> Ip:
    chain = _Chain("dma", network.at)

    def bring(name: str, codes: int, lanes: int, form: Format, repeats: bool) -> None:
        chain.part = f"{name.capitalize()}: words from memory, beats from words."
        layer = Transfer(codes=codes, lanes=lanes, format=form, repeats=repeats)
        words = chain.stream(f"{name}_words", WORD_BITS // 8, BYTE)
        chain.add(Kind.LOAD, name, layer, [], [words], layer.words)
        beats = chain.stream(f"{name}_beats", lanes, form)
        chain.add(Kind.UNPACK, name, layer, [words], [beats], layer.beats)
        chain.give(name, beats, codes)

    head = network.head
    bring("image", network.input.size, network.input.channels, BYTE, repeats=False)
    if head.streams_weights:
        bring("weights", head.fc.out * head.fc.inputs, _weight_lanes(head), head.fc.weight, repeats=True)
    chain.part = "Labels to memory."
    labels = chain.take("labels", 1, LABEL, head.top)
    chain.add(Kind.STORE, "labels", Labels(top=head.top), [labels], [], head.top)
    return chain.ip("dma", f"{network.input} images in, {head.top} labels out")


def link_between(source: Ip, sink: Ip, name: str | None = None) -> Link:
    out = source.port(name) if name else next(port for port in source.outputs if port.name in ("codes_out", "image"))
    into = sink.port(name) if name else next(port for port in sink.inputs if port.name in ("codes_in", "image"))
    return link(source.name, out, sink.name, into)


def link(source: str, out: Port, sink: str, into: Port) -> Link:
    """A row of the map between two IPs; deeper would only cost, 1,024 beats is what the original has."""
    least, most = FIFO_DEPTHS
    depth = 1 << (max(least, min(most, out.beats)) - 1).bit_length()
    memory = fifo_memory(depth, out.tdata_bytes)
    return Link(source=source, source_port=out, sink=sink, sink_port=into, depth=depth, memory=memory)


def _arguments(network: Network) -> tuple[Argument, ...]:
    """`(in*, out*, [weightsmem*,] numReps)`: HLS gives a 64-bit pointer 12 bytes of the register map, from 0x10 on."""
    memory = network.memory
    pointers = [("in", "m_axi_images", WORD_BITS, False, memory.images), ("out", "m_axi_labels", 32, True, memory.labels)]
    if network.head.streams_weights:
        pointers.append(("weightsmem", "m_axi_weights", WORD_BITS, False, memory.weights))
    arguments = [
        Argument(name=name, id=i, offset=0x10 + 12 * i, size=8, port=port, data_width=width, writes=writes, bank=bank)
        for i, (name, port, width, writes, bank) in enumerate(pointers)
    ]
    last = len(arguments)
    arguments.append(Argument(name="numReps", id=last, offset=0x10 + 12 * last, size=4, port="s_axi_control", data_width=32))
    return tuple(arguments)
