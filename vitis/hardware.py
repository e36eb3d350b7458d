"""The xclbin for a card: v++'s output with the manifest and other sections that the runtime needs."""

from __future__ import annotations

from collections.abc import Mapping

from dataflow.design import Design
from network.errors import DescriptionError
from network.parameters import Parameters
from runtime.container.manifest import Target
from vitis import xclbin
from vitis.emulation import latency_cycles, manifest, network_section, refused_parameters
from vitis.limits import require_emulation


def hardware_xclbin(design: Design, linked: bytes, parameters: Parameters, *, versions: Mapping[str, str] | None = None) -> bytes:
    """The completed file; `linked` is v++'s. Raises XclbinError if it is not an xclbin, ParameterError if the hardware cannot compute with the
    parameters."""
    described = manifest(design, Target.HW, versions, latency_cycles=latency_cycles(design))
    try:
        require_emulation(design)
        network = network_section(design.network)
    except DescriptionError:
        network = None  # the host reads no network of that size; it loads images of constants that are made here
    with refused_parameters(design):
        return xclbin.attach(linked, described, parameters=parameters, network=network)
