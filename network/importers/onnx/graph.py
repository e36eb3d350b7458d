"""An ONNX file as plain values: nodes in order, constants as arrays. Whatever is wrong with a file is a GraphError."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from network.errors import GraphError

MAX_BYTES = 1 << 31
MAX_ELEMENTS = 1 << 28
MAX_NODES = 1 << 16
STANDARD = ("", "ai.onnx", "com.microsoft")
QONNX = ("onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.general")
FLOAT, UINT8 = 1, 2  # of TensorProto


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One node; the names of its inputs are "" where they are left out."""

    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(repr=False)
    file: str = field(repr=False)

    @property
    def where(self) -> str:
        return f"{self.file}: node {self.name} ({self.op})"

    def error(self, what: str, *, why: str, fix: str) -> GraphError:
        return GraphError(self.where, what, why=why, fix=fix)

    def integer(self, name: str, default: int) -> int:
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise self.error(f"attribute {name} is {value!r:.40}", why="it is a whole number", fix="export the model again")
        return value

    def integers(self, name: str, default: Sequence[int]) -> tuple[int, ...]:
        value = self.attributes.get(name, default)
        if not isinstance(value, (list, tuple)) or not all(isinstance(each, int) for each in value):
            raise self.error(f"attribute {name} is {value!r:.40}", why="it is a list of whole numbers", fix="export the model again")
        return tuple(value)

    def text(self, name: str, default: str) -> str:
        value = self.attributes.get(name, default)
        if not isinstance(value, str):
            raise self.error(f"attribute {name} is {value!r:.40}", why="it is text", fix="export the model again")
        return value

    def number(self, name: str, default: float) -> float:
        value = self.attributes.get(name, default)
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self.error(f"attribute {name} is {value!r:.40}", why="it is a finite number", fix="export the model again")
        return float(value)


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A graph with one input, the image, and one output."""

    file: str
    nodes: tuple[Node, ...]  # each behind those it takes from
    constants: Mapping[str, NDArray[Any]] = field(repr=False)
    input: str
    shape: tuple[int | None, ...]  # None: not fixed
    is_uint8: bool  # the type of its input
    output: str

    @property
    def is_qdq(self) -> bool:
        return not any(node.domain in QONNX for node in self.nodes)


def load(path: Path) -> Graph:
    """The graph of a file; raises GraphError."""
    file = path.name

    def fail(what: str, why: str, fix: str) -> NoReturn:
        raise GraphError(str(path), what, why=why, fix=fix)

    try:
        import onnx
        from onnx import external_data_helper
    except ImportError as error:
        fail(f"nothing to read it with: {error}", "the package onnx reads such files", "pip install 'resflow[import]'")
    again = "export the model again"
    try:
        if not path.is_file():
            fail("not a file" if path.exists() else "there is no such file", "it is the graph to import", "name an .onnx file")
        if path.stat().st_size > MAX_BYTES:
            fail(f"{path.stat().st_size:,} bytes", f"a graph has at most {MAX_BYTES:,}", "name the right file")
        data = path.read_bytes()
    except OSError as error:
        fail(f"cannot be read: {error.strerror}", "it is the graph to import", "check the file's permissions")
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's own kinds, which differ between its implementations
        fail(f"not an ONNX model: {str(error) or type(error).__name__:.80}", "the file is damaged, or of another kind", again)
    if not model.HasField("graph") or not model.graph.node:
        fail("there is no graph in it", "the file is damaged, or of another kind", again)
    if len(model.graph.node) > MAX_NODES:
        fail(f"{len(model.graph.node):,} nodes", f"a graph may have {MAX_NODES:,}", "name the right file")
    try:
        if model.functions:
            from onnx import inliner

            model = inliner.inline_local_functions(model)
        external_data_helper.load_external_data_for_model(model, str(path.parent))
    except Exception as error:  # whatever onnx finds wrong with functions or with the files beside it
        fail(f"incomplete: {error!s:.120}", "it names functions or files that cannot be read", "keep the files of an export together")
    return _graph(model.graph, file)


def _graph(proto: Any, file: str) -> Graph:
    def fail(what: str, why: str, fix: str) -> NoReturn:
        raise GraphError(file, what, why=why, fix=fix)

    again = "export the model again"
    constants: dict[str, NDArray[Any]] = {}
    for tensor in proto.initializer:
        if tensor.name in constants:
            fail(f"two initializers {tensor.name}", "each tensor has one value", again)
        constants[tensor.name] = array_of(tensor, f"{file}: initializer {tensor.name}")
    if proto.sparse_initializer:
        fail("sparse initializers", "weights are dense arrays here", "export the model with dense weights")
    nodes: dict[str, Node] = {}  # by output
    order: list[Node] = []
    for index, each in enumerate(proto.node):
        node = _node(each, index, file)
        if node.op == "Constant" and node.domain in STANDARD:
            if len(node.outputs) != 1 or node.outputs[0] in constants or node.outputs[0] in nodes:
                raise node.error("its output is not one new tensor", why="each tensor has one value", fix=again)
            constants[node.outputs[0]] = _constant(node)
            continue
        for output in filter(None, node.outputs):
            if output in nodes or output in constants:
                raise node.error(f"its output {output} is also that of another", why="each tensor has one value", fix=again)
            nodes[output] = node
        order.append(node)
    given = [each for each in proto.input if each.name not in constants]
    if len(given) != 1:
        names = ", ".join(each.name for each in given)
        fail(
            f"{len(given)} inputs{': ' if given else ''}{names:.80}",
            "the accelerator takes images alone",
            "export the model with one input",
        )
    if given[0].name in nodes:
        fail(f"the input {given[0].name} is also the output of a node", "each tensor has one value", again)
    if len(proto.output) != 1:
        names = ", ".join(each.name for each in proto.output)
        fail(
            f"{len(proto.output)} outputs: {names:.80}",
            "the accelerator gives the scores of one classifier",
            "export the model with one output",
        )
    place = {id(node): index for index, node in enumerate(order)}
    known = {given[0].name, "", *constants}
    takes: dict[int, list[int]] = {}
    for node in order:
        for name in node.inputs:
            if name not in known and name not in nodes:
                raise node.error(f"its input {name} is missing", why="no node makes it and it is no initializer", fix=again)
        takes[place[id(node)]] = [place[id(nodes[name])] for name in node.inputs if name in nodes]
    if proto.output[0].name not in nodes:
        fail(f"no node makes the output {proto.output[0].name}", "it is what the network computes", again)
    try:
        sorted_order = [order[index] for index in TopologicalSorter(takes).static_order()]
    except CycleError as error:
        ring = " → ".join(order[index].name for index in error.args[1][:6])
        fail(f"the nodes {ring} form a circle", "a node takes what earlier ones made", again)
    image = given[0].type.tensor_type
    shape = tuple(int(dim.dim_value) if dim.HasField("dim_value") and dim.dim_value > 0 else None for dim in image.shape.dim)
    if image.elem_type not in (FLOAT, UINT8, 10, 11):
        fail(f"the input {given[0].name} is of type {image.elem_type}", "an image is float or uint8", "export the model with such an input")
    return Graph(file, tuple(sorted_order), constants, given[0].name, shape, image.elem_type == UINT8, proto.output[0].name)


def _node(proto: Any, index: int, file: str) -> Node:
    from onnx import helper

    name = proto.name or (proto.output[0] if proto.output else f"number {index}")
    attributes: dict[str, Any] = {}
    for each in proto.attribute:
        try:
            value = helper.get_attribute_value(each)
        except Exception:  # of kinds that are unknown to this version of onnx
            value = None
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        attributes[each.name] = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
    domain = "" if proto.domain in STANDARD else proto.domain
    return Node(proto.op_type, domain, name, tuple(proto.input), tuple(proto.output), attributes, file)


def _constant(node: Node) -> NDArray[Any]:
    for name, value in node.attributes.items():
        if name == "value" and hasattr(value, "dims"):
            return array_of(value, node.where)
        if name in ("value_float", "value_int", "value_floats", "value_ints"):
            kind = np.float32 if "float" in name else np.int64
            try:
                return np.asarray(value, kind)
            except (ValueError, TypeError, OverflowError):
                break
    raise node.error("its value is missing", why="it has none that is a dense tensor of numbers", fix="export the model again")


def array_of(tensor: Any, where: str) -> NDArray[Any]:
    from onnx import numpy_helper

    def fail(what: str, why: str, fix: str = "export the model again") -> NoReturn:
        raise GraphError(where, what, why=why, fix=fix)

    size = math.prod(tensor.dims) if all(each >= 0 for each in tensor.dims) else -1
    if not 0 <= size <= MAX_ELEMENTS:
        fail(f"a tensor of shape {list(tensor.dims)!r:.60}", f"tensors have at most {MAX_ELEMENTS:,} elements")
    try:
        array = np.array(numpy_helper.to_array(tensor))
    except Exception as error:  # data that does not fit shape and type, or a type that numpy lacks
        fail(f"cannot be read: {str(error) or type(error).__name__:.120}", "its data does not fit its shape and type")
    if array.dtype.kind not in "biuf":
        is_narrow = array.dtype.name.startswith(("int", "uint"))
        why = "whole numbers of QDQ graphs are int8 or uint8" if is_narrow else "constants are whole numbers and floats of 16 to 64 bits"
        fail(
            f"a tensor of type {array.dtype}",
            why,
            "quantize to int8 (weight_type=QuantType.QInt8)" if is_narrow else "export the model again",
        )
    return array
