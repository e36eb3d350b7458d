"""From a file to a description and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codegen.text.files import write_changed
from constants.scaling import Scaling, cheapest
from network import parameters
from network.arrays import key, specs
from network.errors import DescriptionError, GraphError, GraphErrors, ParameterError
from network.importers.onnx import graph, write
from network.importers.onnx.lower import lower
from network.importers.onnx.lowered import Lowered
from network.importers.onnx.match import match
from network.importers.onnx.operators import QUANTIZERS, Preprocessing, read
from network.importers.onnx.values import Tensor
from network.model import Network
from network.yaml import description, paths

FEW_THRESHOLDS = 3
"""So few are compared with; how, is left to the choice by cost."""


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """A graph in whole numbers, not yet written."""

    path: Path
    graph: graph.Graph = field(repr=False)
    preprocessing: Preprocessing
    lowered: Lowered = field(repr=False)
    channels_last: frozenset[str] = field(repr=False)  # the graph's tensors that are (batch, height, width, channels)


def convert(path: Path, preprocessing: Preprocessing | None = None) -> Imported:
    """Raises GraphErrors with all that cannot be taken."""
    preprocessing = preprocessing or Preprocessing()
    try:
        loaded = graph.load(path)
        reading = read(loaded, preprocessing)
        if reading.errors and not any(node.op in QUANTIZERS or node.op == "QuantizeLinear" for node in loaded.nodes):
            why, fix = "codes and scales come from its quantizers", "quantize it on pictures, --calibrate FOLDER, or train it with Brevitas"
            raise GraphError(str(path), "there are no quantizers in it", why=why, fix=fix)
        if reading.errors:
            raise GraphErrors(tuple(reading.errors))
        channels_last = frozenset(name for name, value in reading.values.items() if isinstance(value, Tensor) and value.axes == "NHWC")
        return Imported(path, loaded, preprocessing, lower(match(reading)), channels_last)
    except GraphErrors:
        raise
    except GraphError as error:
        raise GraphErrors((error,)) from None
    except (ArithmeticError, ValueError, TypeError, IndexError) as error:
        # What no check has thought of: numbers beyond what is computed with, such as scales of a denormal float.
        what = f"it cannot be computed with: {str(error) or type(error).__name__:.80}"
        fix = "export the model again; if it runs elsewhere, report it with the file"
        raise GraphErrors(
            (GraphError(str(path), what, why="its numbers or shapes are beyond what is expected of a network", fix=fix),)
        ) from None
    except (MemoryError, RecursionError) as error:
        what = f"too large: {type(error).__name__}"
        fix = "import it on a machine with more memory"
        raise GraphErrors((GraphError(str(path), what, why="it does not fit into memory", fix=fix),)) from None


def save(imported: Imported, config: Path, npz: Path, naming: write.Naming) -> tuple[Network, Mapping[str, NDArray[Any]]]:
    """Write both files; returns them as they are read again, checked. Raises GraphError, ParameterError or OSError."""
    lowered, entry = imported.lowered, paths.parameters_entry(config, npz, naming.network)
    text = write.render(lowered, naming, entry)
    trial = config.with_name(f".{config.name}.trial")
    try:
        write_changed(trial, text)
        described = description.load(trial)
    except DescriptionError as error:
        # What no description may have: the graph is named, since there is no such file yet.
        raise GraphError(imported.graph.file, error.what, why=error.why, fix=error.fix) from None
    finally:
        trial.unlink(missing_ok=True)
    wanted = specs(described)
    arrays = {}
    for name, spec in wanted.items():
        array = lowered.arrays[name]
        limits = np.iinfo(spec.dtype)
        if array.min(initial=0) < limits.min or array.max(initial=0) > limits.max:
            what = f"{name} has numbers up to {int(np.abs(array).max()):,}"
            raise ParameterError(str(npz), what, why=f"they are {spec.dtype}", fix="train with smaller biases and scales")
        arrays[name] = array.astype(spec.dtype)
    extra = sorted(set(lowered.arrays) - set(wanted))
    if extra:
        raise ValueError(f"arrays that the description does not have: {', '.join(extra)}")
    parameters.save(npz, arrays)
    write_changed(config, write.render(lowered, naming, entry, scalings(described, arrays)))
    network = description.load(config)
    return network, parameters.load(network, npz)


def scalings(network: Network, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Scaling]:
    """By layer, with which multiply-add-shift its thresholds are reached: proved for every value, over all weights and inputs."""
    found: dict[str, Scaling] = {}
    for layer, activation in network.activations.items():
        if activation.codes.thresholds > FEW_THRESHOLDS:
            scaling = cheapest(arrays[key(layer, "thresholds")], activation.reach, activation.codes)
            found |= {layer: scaling} if scaling else {}
    return found
