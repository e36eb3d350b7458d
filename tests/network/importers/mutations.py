"""Damages graphs in every way that comes to mind: each is imported or refused with the four parts of an error, in seconds, in little memory.

python -m tests.network.importers.mutations 10000 [--seed 0] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import EncodeError
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from codegen.errors import FourPartError
from network.errors import GraphErrors
from tests.network.importers import graphs

SECONDS = 5
MEGABYTES = 3000
Mutation = Callable[[onnx.ModelProto, random.Random], None]

INTS = (0, 1, -1, 2, 3, 7, 255, 256, 1 << 15, (1 << 31) - 1, 1 << 31, -(1 << 31), 1 << 40, (1 << 63) - 1, -(1 << 63))
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 1e-38, 1e30, -1e30, 3.4e38, float("nan"), float("inf"), float("-inf"), 9.0, 1.5)
NAMES = ("", " ", "a/b", "../../up", "image", "ß", "x" * 5000, "{{ x }}", "new\nline", "%s%n", "-", "yes", "null", "\x00", "[bold]")
OPERATORS = (
    *("Relu", "Concat", "Split", "Sigmoid", "ConvTranspose", "Conv", "Add", "Mul", "Div", "Sub", "Identity", "MaxPool", "Clip", "Softmax"),
    *("Quant", "IntQuant", "BipolarQuant", "Trunc", "QuantizeLinear", "DequantizeLinear", "Gemm", "MatMul", "Reshape", "Transpose"),
    *("If", "Loop", "ConstantOfShape", "Expand", "Shape", "Cast", "NoSuchOperator", ""),
)


def a_node(model: onnx.ModelProto, rng: random.Random) -> onnx.NodeProto:
    return rng.choice(model.graph.node)


def an_initializer(model: onnx.ModelProto, rng: random.Random) -> TensorProto:
    return rng.choice(model.graph.initializer)


def a_tensor(model: onnx.ModelProto, rng: random.Random) -> str:
    """The name of any tensor of the graph."""
    return rng.choice([name for node in model.graph.node for name in (*node.input, *node.output)] or [""])


def drop_node(model: onnx.ModelProto, rng: random.Random) -> None:
    del model.graph.node[rng.randrange(len(model.graph.node))]


def duplicate_node(model: onnx.ModelProto, rng: random.Random) -> None:
    model.graph.node.insert(rng.randrange(len(model.graph.node)), a_node(model, rng))


def reorder_nodes(model: onnx.ModelProto, rng: random.Random) -> None:
    nodes = list(model.graph.node)
    rng.shuffle(nodes)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def rewire_input(model: onnx.ModelProto, rng: random.Random) -> None:
    """Any other tensor, a later one too: that is a cycle."""
    node = a_node(model, rng)
    if node.input:
        node.input[rng.randrange(len(node.input))] = a_tensor(model, rng)


def feed_itself(model: onnx.ModelProto, rng: random.Random) -> None:
    node = a_node(model, rng)
    if node.input and node.output:
        node.input[rng.randrange(len(node.input))] = node.output[0]


def rename_input(model: onnx.ModelProto, rng: random.Random) -> None:
    node = a_node(model, rng)
    if node.input:
        node.input[rng.randrange(len(node.input))] = rng.choice(NAMES)


def rename_output(model: onnx.ModelProto, rng: random.Random) -> None:
    node = a_node(model, rng)
    if node.output:
        node.output[rng.randrange(len(node.output))] = rng.choice((*NAMES, a_tensor(model, rng)))


def rename_node(model: onnx.ModelProto, rng: random.Random) -> None:
    a_node(model, rng).name = rng.choice(NAMES)


def rename_everywhere(model: onnx.ModelProto, rng: random.Random) -> None:
    """A tensor's name, consistently: a valid graph with a strange name."""
    old, new = a_tensor(model, rng), rng.choice(NAMES)
    for node in model.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = new
    for each in (*model.graph.initializer, *model.graph.input, *model.graph.output):
        if each.name == old:
            each.name = new


def change_inputs(model: onnx.ModelProto, rng: random.Random) -> None:
    node = a_node(model, rng)
    if rng.random() < 0.5 and node.input:
        del node.input[rng.randrange(len(node.input))]
    else:
        node.input.append(rng.choice((a_tensor(model, rng), "")))


def change_outputs(model: onnx.ModelProto, rng: random.Random) -> None:
    node = a_node(model, rng)
    if rng.random() < 0.5 and node.output:
        del node.output[0]
    else:
        node.output.append(rng.choice(("second", a_tensor(model, rng))))


def change_operator(model: onnx.ModelProto, rng: random.Random) -> None:
    a_node(model, rng).op_type = rng.choice(OPERATORS)


def change_domain(model: onnx.ModelProto, rng: random.Random) -> None:
    a_node(model, rng).domain = rng.choice(("", "ai.onnx", "com.microsoft", "nowhere", *graphs.DOMAINS))


def change_opsets(model: onnx.ModelProto, rng: random.Random) -> None:
    if rng.random() < 0.4 and model.opset_import:
        del model.opset_import[rng.randrange(len(model.opset_import))]
    elif rng.random() < 0.5 and model.opset_import:
        rng.choice(model.opset_import).version = rng.choice(INTS)
    else:
        model.opset_import.append(helper.make_opsetid(rng.choice(("", "nowhere")), rng.choice((1, 7, 13, 99))))


def change_version(model: onnx.ModelProto, rng: random.Random) -> None:
    model.ir_version = rng.choice(INTS)


def drop_attribute(model: onnx.ModelProto, rng: random.Random) -> None:
    node = a_node(model, rng)
    if node.attribute:
        del node.attribute[rng.randrange(len(node.attribute))]


def change_attribute(model: onnx.ModelProto, rng: random.Random) -> None:
    """Another value, another type, or a type that is not that of the value."""
    nodes = [node for node in model.graph.node if node.attribute]
    if not nodes:
        return
    attribute = rng.choice(rng.choice(nodes).attribute)
    kind = rng.randrange(7)
    if kind == 0 and attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(INTS)
    elif kind == 1 and attribute.ints:
        attribute.ints.extend([rng.choice(INTS)] * rng.choice((1, 3)))
    elif kind == 2 and attribute.ints:
        del attribute.ints[rng.randrange(len(attribute.ints)) :]
    elif kind == 3:
        attribute.type = rng.choice(range(15))
    elif kind == 4:
        attribute.name = rng.choice((*NAMES, "pads", "kernel_shape", "axis", "rounding_mode"))
    else:
        name = attribute.name
        values: tuple[Any, ...] = (
            rng.choice(INTS),
            rng.choice(FLOATS),
            [rng.choice(INTS)] * 4,
            rng.choice(FLOATS),
            "TEXT",
            b"\xff\xfe",
            [1.5],
        )
        attribute.CopyFrom(helper.make_attribute(name, rng.choice(values)))


def add_attribute(model: onnx.ModelProto, rng: random.Random) -> None:
    names = ("group", "dilations", "auto_pad", "ceil_mode", "count_include_pad", "axis", "transA", "transB", "alpha", "beta", "keepdims")
    values: tuple[Any, ...] = (rng.choice(INTS), rng.choice(FLOATS), "SAME_UPPER", [2, 2], [rng.choice(INTS)])
    a_node(model, rng).attribute.append(helper.make_attribute(rng.choice(names), rng.choice(values)))


def attach_subgraph(model: onnx.ModelProto, rng: random.Random) -> None:
    made = AttributeProto(name=rng.choice(("then_branch", "body")), type=AttributeProto.GRAPH)
    made.g.CopyFrom(model.graph)
    a_node(model, rng).attribute.append(made)


def drop_initializer(model: onnx.ModelProto, rng: random.Random) -> None:
    del model.graph.initializer[rng.randrange(len(model.graph.initializer))]


def duplicate_initializer(model: onnx.ModelProto, rng: random.Random) -> None:
    model.graph.initializer.append(an_initializer(model, rng))


def rename_initializer(model: onnx.ModelProto, rng: random.Random) -> None:
    an_initializer(model, rng).name = rng.choice((*NAMES, a_tensor(model, rng)))


def change_values(model: onnx.ModelProto, rng: random.Random) -> None:
    """Not a number, infinite, zero, negative, huge: one value, or all."""
    tensor = an_initializer(model, rng)
    try:
        array = np.array(numpy_helper.to_array(tensor))
    except Exception:
        return  # an earlier mutation has spoilt it
    if not array.size or array.dtype.kind not in "fiu":
        return
    value: Any = rng.choice(FLOATS) if array.dtype.kind == "f" else rng.choice(INTS)
    if array.dtype.kind != "f":
        kind = np.iinfo(array.dtype)
        value = min(max(value, int(kind.min)), int(kind.max))
    flat = array.reshape(-1)
    with np.errstate(all="ignore"):
        flat[slice(None) if rng.random() < 0.3 else rng.randrange(flat.size)] = value
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def change_scalar(model: onnx.ModelProto, rng: random.Random) -> None:
    """A scale, zero point or bit width: the constants of one value."""
    scalars = [each for each in model.graph.initializer if not each.dims or list(each.dims) == [1]]
    if scalars:
        tensor = rng.choice(scalars)
        kind = rng.choice((np.float32, np.float64, np.int64, np.float16, np.uint8, np.bool_))
        with np.errstate(all="ignore"):
            value = np.asarray(rng.choice(FLOATS if kind in (np.float32, np.float64, np.float16) else (0, 1, 9, 200))).astype(kind)
        tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))


def change_dims(model: onnx.ModelProto, rng: random.Random) -> None:
    """A shape that its data does not have."""
    tensor = an_initializer(model, rng)
    if tensor.dims and rng.random() < 0.7:
        tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(INTS)
    else:
        tensor.dims.append(rng.choice(INTS))


def reshape_initializer(model: onnx.ModelProto, rng: random.Random) -> None:
    """Another shape for the same data: valid, but seldom what the operator wants."""
    tensor = an_initializer(model, rng)
    size = int(np.prod([*tensor.dims, 1], dtype=object))
    del tensor.dims[:]
    tensor.dims.extend(rng.choice(([size], [1, size], [size, 1, 1, 1], [1, size, 1, 1], [1] * 9 + [size])))


def change_type(model: onnx.ModelProto, rng: random.Random) -> None:
    an_initializer(model, rng).data_type = rng.choice(range(30))


def make_text(model: onnx.ModelProto, rng: random.Random) -> None:
    tensor = an_initializer(model, rng)
    tensor.CopyFrom(helper.make_tensor(tensor.name, TensorProto.STRING, [2], [b"one", b"\xff"]))


def store_elsewhere(model: onnx.ModelProto, rng: random.Random) -> None:
    """External data: files that are not there, or must not be read."""
    tensor = an_initializer(model, rng)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    places = ("missing.bin", "/etc/hostname", "../../secret", "", "/dev/zero", "little.onnx")
    for key, value in (("location", rng.choice(places)), ("offset", str(rng.choice(INTS))), ("length", str(rng.choice(INTS)))):
        if rng.random() < 0.8:
            tensor.external_data.add(key=key, value=value)


def cut_data(model: onnx.ModelProto, rng: random.Random) -> None:
    tensor = an_initializer(model, rng)
    tensor.raw_data = tensor.raw_data[: rng.randrange(len(tensor.raw_data) + 1)] + b"\x01" * rng.choice((0, 1, 1000))


def change_input(model: onnx.ModelProto, rng: random.Random) -> None:
    """The image's shape and type."""
    image = rng.choice(model.graph.input).type.tensor_type
    kind = rng.randrange(5)
    if kind == 0 and image.shape.dim:
        rng.choice(image.shape.dim).dim_value = rng.choice(INTS)
    elif kind == 1 and image.shape.dim:
        rng.choice(image.shape.dim).dim_param = rng.choice(("N", "height", ""))
    elif kind == 2:
        image.elem_type = rng.choice(range(30))
    elif kind == 3 and image.shape.dim:
        del image.shape.dim[rng.randrange(len(image.shape.dim))]
    else:
        image.ClearField("shape")


def change_interface(model: onnx.ModelProto, rng: random.Random) -> None:
    graph = model.graph
    kind = rng.randrange(5)
    if kind == 0:
        del graph.input[:]
    elif kind == 1:
        graph.input.append(helper.make_tensor_value_info(rng.choice((a_tensor(model, rng), "more")), TensorProto.FLOAT, [1, 3, 8, 8]))
    elif kind == 2:
        del graph.output[:]
    elif kind == 3 and graph.output:
        graph.output[0].name = rng.choice((a_tensor(model, rng), *NAMES))
    else:
        graph.output.append(helper.make_tensor_value_info(a_tensor(model, rng), TensorProto.FLOAT, None))


def insert_node(model: onnx.ModelProto, rng: random.Random) -> None:
    """An operator between two others: some can be taken, most cannot."""
    at = rng.randrange(len(model.graph.node))
    target = model.graph.node[at]
    if not target.input:
        return
    i = rng.randrange(len(target.input))
    made = helper.make_node(rng.choice(OPERATORS), [target.input[i]], ["inserted"], name="inserted")
    if rng.random() < 0.3:
        made.input.append(a_tensor(model, rng))
    target.input[i] = "inserted"
    model.graph.node.insert(at, made)


def long_chain(model: onnx.ModelProto, rng: random.Random) -> None:
    """Thousands of nodes one behind another: nothing may recurse over them."""
    op = rng.choice(("Identity", "Relu"))
    target = a_node(model, rng)
    if not target.input:
        return
    last = target.input[0]
    for i in range(3000):
        model.graph.node.append(helper.make_node(op, [last], [f"chain{i}"]))
        last = f"chain{i}"
    target.input[0] = last


def memory_bomb(model: onnx.ModelProto, rng: random.Random) -> None:
    """A few bytes that stand for terabytes."""
    target = a_node(model, rng)
    if not target.input:
        return
    sides = [1 << rng.choice((10, 20, 33))] * rng.choice((2, 4))
    shape = numpy_helper.from_array(np.asarray(sides, np.int64), "bomb_shape")
    model.graph.initializer.append(shape)
    model.graph.initializer.append(numpy_helper.from_array(np.float32([1]), "bomb_one"))
    nodes = {
        "ConstantOfShape": ["bomb_shape"],
        "Expand": ["bomb_one", "bomb_shape"],
        "Tile": ["bomb_one", "bomb_shape"],
        "Reshape": ["bomb_one", "bomb_shape"],
    }
    op = rng.choice(list(nodes))
    model.graph.node.insert(0, helper.make_node(op, nodes[op], ["bomb"]))
    target.input[rng.randrange(len(target.input))] = "bomb"


def blow_up(model: onnx.ModelProto, rng: random.Random) -> None:
    """A constant that doubles itself again and again."""
    target = a_node(model, rng)
    if not target.input:
        return
    model.graph.initializer.append(numpy_helper.from_array(np.ones(1024, np.float32), "grow0"))
    for i in range(40):
        model.graph.node.insert(i, helper.make_node("Concat", [f"grow{i}"] * 2, [f"grow{i + 1}"], axis=0))
    target.input[-1] = "grow40"


def clear_field(model: onnx.ModelProto, rng: random.Random) -> None:
    """Any field of the model, its graph, a node or a tensor."""
    message: Any = rng.choice((model, model.graph, a_node(model, rng), an_initializer(model, rng)))
    fields = message.ListFields()
    if fields:
        message.ClearField(rng.choice(fields)[0].name)


MUTATIONS: tuple[Mutation, ...] = (
    *(drop_node, duplicate_node, reorder_nodes, rewire_input, feed_itself, rename_input, rename_output, rename_node, rename_everywhere),
    *(change_inputs, change_outputs, change_operator, change_domain, change_opsets, change_version, drop_attribute, change_attribute),
    *(change_attribute, add_attribute, attach_subgraph, drop_initializer, duplicate_initializer, rename_initializer, change_values),
    *(change_values, change_scalar, change_scalar, change_dims, reshape_initializer, change_type, make_text, store_elsewhere, cut_data),
    *(change_input, change_interface, insert_node, insert_node, long_chain, memory_bomb, blow_up, clear_field),
)


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(changed)) if changed else 0
        kind = rng.randrange(5)
        if kind == 0 and changed:
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del changed[at : at + rng.choice((1, 4, 100, 1 << 30))]
        elif kind == 2:
            changed[at:at] = rng.randbytes(rng.choice((1, 4, 100)))
        elif kind == 3:
            changed[at : at + 8] = rng.choice((b"\xff" * 8, b"\x00" * 8, b"\x80" * 8))
        else:
            changed[at:at] = changed[at : at + rng.choice((10, 1000))]
    return bytes(changed)


@cache
def originals() -> tuple[bytes, ...]:
    """Valid graphs of several kinds."""
    many: list[dict[str, Any]] = [
        {"preprocessing": "normalise_channels", "pool": "trunc_new", "output_quantizers": True},
        {"kind": "bottleneck", "weight_bits": 1, "pool": "max", "classifier": "conv", "bias": "quantized", "biases_are_inputs": True},
        {"join": "sums", "scales": "two", "pool": "trunc_old", "folded_weights": True, "classifier": "matmul", "ending": "argmax"},
        {"join": "same", "stem_pool": True, "pool": "average", "output_quantizer": True, "bias": "plain", "ending": "softmax", "seed": 1},
    ]
    return tuple(graphs.little(graphs.Little(**each, size=(6, 6), width=2)).SerializeToString() for each in many)


def mutated(seed: int) -> tuple[bytes, str]:
    """A damaged graph and what has been done to it; the same for the same seed."""
    rng = random.Random(seed)
    data = rng.choice(originals())
    if rng.random() < 0.2:
        return mutate_bytes(data, rng), "bytes"
    model = onnx.load_model_from_string(data)
    done = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        mutation = rng.choice(MUTATIONS)
        try:
            mutation(model, rng)
        except (IndexError, ValueError):
            continue  # nothing is left to choose from, or protobuf does not take the value: the next
        done.append(mutation.__name__)
    try:
        return model.SerializeToString(), " ".join(done)
    except (EncodeError, ValueError):
        return data, "none"


class TooSlow(BaseException):
    """Not an Exception: nothing on the way may catch it."""


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Seconds of this process, not of the clock: other work on the machine does not count."""

    def stop(_: int, __: FrameType | None) -> None:
        raise TooSlow(f"more than {seconds} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


@dataclass(frozen=True, slots=True)
class Outcome:
    kind: str  # imported, refused, fault
    detail: str


def outcome(data: bytes, folder: Path, take: Callable[[Path, Path], object]) -> Outcome:
    """What becomes of such a file; `take(model, folder)` imports it, and may say something."""
    path = folder / "little.onnx"
    path.write_bytes(data)
    try:
        with at_most(SECONDS):
            said = take(path, folder)
    except (FourPartError, GraphErrors) as error:
        errors = error.errors if isinstance(error, GraphErrors) else (error,)
        if not errors or not all(map(is_whole, errors)):
            return Outcome("fault", f"incomplete error: {error}")
        return Outcome("refused", str(errors[0]).splitlines()[0])
    except (Exception, TooSlow):
        return Outcome("fault", traceback.format_exc())
    return Outcome("imported", said if isinstance(said, str) else "")


def is_whole(error: FourPartError[Any]) -> bool:
    """Whether all four parts say something."""
    return all(str(part).strip() for part in error.parts)


def main(arguments: list[str] | None = None) -> int:
    import resource

    from tests.network.importers.importing import take_and_compare

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0, help="of the first")
    parser.add_argument("--keep", type=Path, help="folder for the files that showed a fault")
    said = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES << 20, MEGABYTES << 20))
    kinds: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    details: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(said.seed, said.seed + said.count):
            data, done = mutated(seed)
            result = outcome(data, Path(folder), take_and_compare)
            kinds[result.kind] += 1
            details[result.detail] += result.kind == "imported"
            if result.kind == "fault":
                last = result.detail.strip().splitlines()
                faults["\n".join(last[-3:])] += 1
                if faults["\n".join(last[-3:])] == 1:
                    print(f"--- seed {seed}: {done}\n{result.detail}", flush=True)
                if said.keep:
                    said.keep.mkdir(parents=True, exist_ok=True)
                    (said.keep / f"{seed}.onnx").write_bytes(data)
    print(dict(kinds))
    print({word: count for word, count in details.most_common(20) if word and count})
    for text, count in faults.most_common():
        print(f"{count} times: {text}")
    return 1 if kinds["fault"] else 0


if __name__ == "__main__":
    sys.exit(main())
