"""The image of a network's constants: what the host loads."""

from __future__ import annotations

from dataflow.design import Design
from network.parameters import Parameters


def constants_image(design: Design, parameters: Parameters) -> bytes:
    """Raises ParameterError where parameters cannot be computed as the design builds them."""
    from constants import image  # here, because numpy loads slowly
    from hls.roms import rows

    held = design.loaded
    words = image.chain((each.layout for each in held), (rows(each, parameters) for each in held))
    return image.pack_image(words, design.fingerprint)
