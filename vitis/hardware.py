"""The xclbin for a card: v++'s output with the manifest and other sections that the runtime needs."""

from __future__ import annotations

from collections.abc import Mapping

from dataflow.design import Design
from network.arrays import key
from network.parameters import Parameters
from runtime.container.manifest import Target
from vitis import xclbin
from vitis.emulation import latency_cycles, manifest


def hardware_xclbin(design: Design, linked: bytes, parameters: Parameters, *, versions: Mapping[str, str] | None = None) -> bytes:
    """The completed file; `linked` is v++'s. Raises XclbinError if it is not an xclbin."""
    fc = design.network.head.fc
    weights = parameters[key(fc.name, "weights")] if design.network.head.streams_weights else None
    return xclbin.attach(linked, manifest(design, Target.HW, versions, latency_cycles=latency_cycles(design)), weights=weights)
