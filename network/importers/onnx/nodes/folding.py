"""Standard operators on constants alone: the subgraphs that exporters leave of shapes, axes and scales."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from network.importers.onnx.graph import Node, array_of
from network.importers.onnx.nodes.constants import MOST_GROWN, Constant, elementwise, rearranged


def _checked(size: int) -> None:
    if not 0 <= size <= MOST_GROWN:
        raise ValueError("too many elements")


def target_shape(shape: Sequence[int], wanted: Sequence[int], *, copies_zero: bool = True) -> tuple[int, ...]:
    """Reshape's: 0 copies, -1 is what is left."""
    sizes = [shape[i] if each == 0 and copies_zero else each for i, each in enumerate(wanted)]
    if sizes.count(-1) == 1:
        rest = math.prod(each for each in sizes if each != -1)
        sizes[sizes.index(-1)] = math.prod(shape) // rest if rest else 0
    if any(each < 0 for each in sizes) or math.prod(sizes) != math.prod(shape):
        raise ValueError(f"{list(shape)} cannot become {list(wanted)}")
    return tuple(sizes)


def _reshape(node: Node, c: Sequence[Constant]) -> Constant:
    shape = target_shape(c[0].shape, c[1].integers(), copies_zero=not node.integer("allowzero", 0))
    return rearranged(c[0], lambda x: x.reshape(shape))


def _transpose(node: Node, c: Sequence[Constant]) -> Constant:
    order = node.integers("perm", tuple(reversed(range(c[0].array.ndim))))
    return rearranged(c[0], lambda x: np.ascontiguousarray(x.transpose(order)))


def axes_of(node: Node, more: Sequence[object], rank: int, default: Sequence[int]) -> tuple[int, ...]:
    """Of Squeeze and its kin: an input, or in older models an attribute."""
    given = more[0].integers() if more and isinstance(more[0], Constant) else node.integers("axes", default)
    if any(not -rank <= each < rank for each in given):
        raise ValueError(f"axes {list(given)} of {rank}")
    return tuple(each % rank for each in given)


def _squeeze(node: Node, c: Sequence[Constant]) -> Constant:
    axes = axes_of(node, c[1:], c[0].array.ndim, [i for i, size in enumerate(c[0].shape) if size == 1])
    return rearranged(c[0], lambda x: np.squeeze(x, axes))


def _unsqueeze(node: Node, c: Sequence[Constant]) -> Constant:
    given = c[1].integers() if len(c) > 1 else node.integers("axes", ())
    axes = axes_of(node, [Constant(np.array(given))], c[0].array.ndim + len(given), ())
    return rearranged(c[0], lambda x: np.expand_dims(x, axes))


def _flatten(node: Node, c: Sequence[Constant]) -> Constant:
    axis = node.integer("axis", 1) % (c[0].array.ndim + 1)
    return rearranged(c[0], lambda x: x.reshape(math.prod(x.shape[:axis]), -1))


def _concat(node: Node, c: Sequence[Constant]) -> Constant:
    _checked(sum(each.array.size for each in c))
    return Constant(np.concatenate([each.array for each in c], axis=node.integer("axis", 0)))


def _gather(node: Node, c: Sequence[Constant]) -> Constant:
    axis = node.integer("axis", 0)
    _checked(c[0].array.size // max(c[0].shape[axis], 1) * c[1].array.size)
    return Constant(np.take(c[0].array, np.array(c[1].integers(), np.int64).reshape(c[1].shape), axis=axis))


def _slice(node: Node, c: Sequence[Constant]) -> Constant:
    if len(c) > 1:
        lists = [each.integers() for each in c[1:]]
    else:
        lists = [list(node.integers(name, ())) for name in ("starts", "ends", "axes") if name in node.attributes]
    starts, ends, *more = lists
    axes = more[0] if more else range(len(starts))
    steps = more[1] if len(more) > 1 else [1] * len(starts)
    cut = [slice(None)] * c[0].array.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        cut[axis] = slice(start, end, step)
    return rearranged(c[0], lambda x: x[tuple(cut)])


def _filled(_: Node, c: Sequence[Constant], value: object = None) -> Constant:
    shape = c[0].integers()
    _checked(math.prod(shape))
    number = value if value is not None else np.float32(0)
    return Constant(np.full(shape, number))


def _constant_of_shape(node: Node, c: Sequence[Constant]) -> Constant:
    value = node.attributes.get("value")
    return _filled(node, c, None if value is None else array_of(value, node.where).reshape(-1)[0])


def _expand(_: Node, c: Sequence[Constant]) -> Constant:
    shape = np.broadcast_shapes(c[0].shape, tuple(c[1].integers()))
    _checked(math.prod(shape))
    return rearranged(c[0], lambda x: np.broadcast_to(x, shape).copy())


def _cast(node: Node, c: Sequence[Constant]) -> Constant:
    from onnx import helper

    kind = np.dtype(helper.tensor_dtype_to_np_dtype(node.integer("to", 1)))
    if kind.kind == "f" and c[0].array.dtype.kind in "fO":  # a number stays what it is
        return c[0]
    return Constant(c[0].array.astype(kind))


def _clip(node: Node, c: Sequence[Constant]) -> Constant:
    """Of the whole numbers between QuantizeLinear and DequantizeLinear, where weights have less than 8 bits (QCDQ)."""
    if c[0].quantized is not None or c[0].array.dtype.kind not in "iu" or "" in node.inputs or len(c) != 3:
        raise ValueError("weights are clipped as whole numbers, from below and above")
    return Constant(np.clip(c[0].array, c[1].array, c[2].array).astype(c[0].array.dtype))


FOLDED: dict[str, Callable[[Node, Sequence[Constant]], Constant]] = {
    "Identity": lambda _, c: c[0],
    "Dropout": lambda _, c: c[0],
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Flatten": _flatten,
    "Concat": _concat,
    "Gather": _gather,
    "Slice": _slice,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Cast": _cast,
    "Clip": _clip,
}


def folded(node: Node, constants: Sequence[Constant]) -> Constant:
    """What a standard operator makes of constants."""
    fold = FOLDED.get(node.op)
    return fold(node, constants) if fold else elementwise(node, constants)
