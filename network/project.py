"""A network and its files on disk: where it is described, where it is built, where its parameters are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from network.model import Network
from network.yaml import paths

if TYPE_CHECKING:
    from network.images import Images
    from network.parameters import Parameters

DRAW = "params"
"""The task that draws parameters at random."""


def trained(yaml: Path, network: Network) -> Path:
    """The parameters the description names, or params/<network>.npz."""
    given = network.parameters
    return Path(os.path.normpath(yaml.parent / paths.named(given))) if given else Path("params") / f"{network.name}.npz"


@dataclass(frozen=True, kw_only=True)
class Project:
    """What the build works on. Paths are relative to the folder that doit works in."""

    yaml: Path
    network: Network
    folder: Path  # build/<network>: everything built goes there
    chosen: str  # the words that choose it on the command line: network=digits
    draws: bool = False  # parameters are about to be drawn

    @property
    def trained(self) -> Path:
        return trained(self.yaml, self.network)

    @property
    def drawn(self) -> Path:
        """Random ones, to build and time a network nobody has trained."""
        return self.folder / f"{self.network.name}-random.npz"

    @cached_property
    def is_random(self) -> bool:
        return not self.trained.exists() and (self.drawn.exists() or self.draws)

    @property
    def parameters(self) -> Path:
        """The file in use."""
        return self.drawn if self.is_random else self.trained

    @cached_property
    def arrays(self) -> Parameters:
        """The parameters, checked; raises ParameterError."""
        from network import parameters  # here, because numpy loads slowly

        return parameters.load(self.network, self.parameters)

    @property
    def images(self) -> Images:
        """What the network is tried on; raises ParameterError."""
        from network import images  # numpy again

        return images.load(self.network, self.yaml.parent)

    @property
    def image_files(self) -> list[Path]:
        """Those `images` reads."""
        named = self.network.images
        return [] if named in (None, "digits") else [self.yaml.parent / paths.named(str(named))]
