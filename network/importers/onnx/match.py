"""Stem, blocks and head of a graph whose tensors are known in whole numbers.

A block is what lies between a join and the place where its two branches part. What several readers of one source have in common, up to
the last quantizer they share, is that source's own activation; the rest are activations at the entries of its readers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from network.errors import GraphError, GraphErrors
from network.importers.onnx.arithmetic.stages import Stage
from network.importers.onnx.operators import Reading
from network.importers.onnx.values import Image, Join, PixelSum, Pooled, Product, Source, Tensor, base, view

KINDS = "basic blocks have two convolutions, bottlenecks three; the bypass is the identity or one convolution of 1×1"
SHAPE = "the accelerator computes residual networks: a stem of one convolution, blocks of two branches that are added, a pool, a classifier"


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """A tensor that reads codes: how many of its stages lie in front of these codes; the rest is an activation of its own."""

    tensor: Tensor
    shared: int

    @property
    def rest(self) -> tuple[Stage, ...]:
        return self.tensor.stages[self.shared :]


@dataclass(frozen=True, slots=True, eq=False)
class MatchedBlock:
    join: Join
    convs: tuple[Product, ...] = field(repr=False)
    bypass: Product | None = field(repr=False)
    main: Tensor = field(repr=False)  # what the main branch brings to the join
    other: Tensor = field(repr=False)  # what the bypass does
    entry: Reader = field(repr=False)
    bypass_entry: Reader = field(repr=False)
    input: Tensor = field(repr=False)  # the codes that come in


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    stem: Product
    pool: Pooled | None
    stem_output: Tensor
    blocks: tuple[MatchedBlock, ...]
    outputs: tuple[Tensor, ...]  # the codes that leave each block
    pooled: PixelSum | Pooled
    fc: Product
    scores: Tensor


def match(reading: Reading) -> Matched:
    """Raises GraphError where the graph is another kind of network, GraphErrors where branches part at tensors that are not quantized."""
    scores = reading.output
    file = reading.graph.file
    if not isinstance(scores, Tensor) or not isinstance(scores.source, Product):
        what = f"the output {reading.graph.output} is not that of a classifier"
        raise GraphError(file, what, why=SHAPE, fix="export the model up to its scores")
    fc = scores.source
    pooled = fc.input.source
    if pooled.shape.pixels == 1 and not isinstance(pooled, PixelSum) and not (isinstance(pooled, Pooled) and pooled.window is None):
        pooled = Pooled(fc.node, pooled, None, len(fc.input.stages), pooled.shape)  # of one pixel the maximum is that pixel
    if fc.shape.pixels != 1 or not (isinstance(pooled, PixelSum) or (isinstance(pooled, Pooled) and pooled.window is None)):
        raise fc.node.error(
            "there is no pool over all pixels in front of the classifier", why=SHAPE, fix="put a global average or maximum pool there"
        )
    last = pooled.input if isinstance(pooled, PixelSum) else Tensor(fc.input.name, pooled.source, fc.input.stages, fc.input.axes)
    blocks: list[MatchedBlock] = []
    errors: list[GraphError] = []
    outputs = [last]
    while isinstance(outputs[0].source, Join):
        block = _block(outputs[0].source, errors)
        blocks.insert(0, block)
        outputs.insert(0, block.input)
    if errors:
        raise GraphErrors(tuple(reversed(errors)))
    stem = outputs[0].source
    pool = stem if isinstance(stem, Pooled) else None
    source = base(stem)
    if not isinstance(source, Product) or not isinstance(source.input.source, Image) or (pool and isinstance(pool.source, Pooled)):
        node = source.node if not isinstance(source, Image) else fc.node
        raise node.error("it is neither the stem nor a join", why=SHAPE, fix="use a residual network with a stem of one convolution")
    if not blocks:
        raise fc.node.error("there are no blocks", why=SHAPE, fix="use a residual network")
    return Matched(source, pool, outputs[0], tuple(blocks), tuple(outputs[1:]), pooled, fc, scores)


def _branch(tensor: Tensor) -> list[tuple[Source, Tensor]]:
    """The sources of a branch from its end, each with the tensor that reads it."""
    chain = [(tensor.source, tensor)]
    while isinstance(source := chain[-1][0], Product):
        chain.append((source.input.source, source.input))
    return chain


def _block(join: Join, errors: list[GraphError]) -> MatchedBlock:
    left, right = _branch(join.left), _branch(join.right)
    places = {id(source): index for index, (source, _) in enumerate(right)}
    meeting = next(((i, places[id(source)]) for i, (source, _) in enumerate(left) if id(source) in places), None)
    if meeting is None:
        raise join.node.error(
            "its two branches do not part from one tensor" + _where_from(left, right),
            why=KINDS,
            fix="use a residual network with these blocks (ResNet v1; no pool in the bypass)",
        )
    made = {id(source.node): source for source, _ in left if isinstance(source, Product)}
    for source, _ in right:
        if isinstance(source, Product) and made.get(id(source.node), source) is not source:
            raise source.node.error(
                "one branch takes what it makes times a negative factor, the other does not",
                why="an activation never falls, so the weights would be negated, for both branches",
                fix="put the factor behind the next convolution, or train with positive scales",
            )
    branches = [(left[: meeting[0]], left[meeting[0]][1], join.left), (right[: meeting[1]], right[meeting[1]][1], join.right)]
    branches.sort(key=lambda each: len(each[0]), reverse=True)
    (convs, entry, main), (projections, bypass, other) = branches
    if len(convs) not in (2, 3) or len(projections) > 1:
        what = f"its branches have {len(convs)} and {len(projections)} convolutions"
        raise join.node.error(what, why=KINDS, fix="use a residual network with these blocks")
    shared = _shared(entry, bypass)
    if not shared:
        errors.append(
            join.node.error(
                f"its two branches part at {entry.name}, which is not quantized",
                why="between blocks there are codes of 1 to 8 bits, read by both branches",
                fix="put one quantizer behind the join in front of that block, of which both branches take the result",
            )
        )
    incoming = Tensor(entry.name, entry.source, entry.stages[:shared], entry.axes)
    return MatchedBlock(
        join=join,
        convs=tuple(source for source, _ in reversed(convs) if isinstance(source, Product)),
        bypass=next((source for source, _ in projections if isinstance(source, Product)), None),
        main=main,
        other=other,
        entry=Reader(entry, shared),
        bypass_entry=Reader(bypass, shared),
        input=incoming,
    )


def _where_from(*branches: list[tuple[Source, Tensor]]) -> str:
    names = [each[-1][0] for each in branches]
    return ": one comes from " + ", the other from ".join("the image" if isinstance(each, Image) else each.node.name for each in names)


def _shared(entry: Tensor, bypass: Tensor) -> int:
    """How many stages both readers have in common, up to codes; 0 where there are none."""
    common = 0
    for a, b in zip(entry.stages, bypass.stages, strict=False):
        if a.key != b.key:
            break
        common += 1
    while common and not _are_codes(entry, common):
        common -= 1
    return common


def _are_codes(tensor: Tensor, count: int) -> bool:
    seen = view(Tensor(tensor.name, tensor.source, tensor.stages[:count], tensor.axes))
    return seen is not None and bool(seen.chain) and seen.format.bits <= 8
