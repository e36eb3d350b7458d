"""What a training that was killed goes on from: a file that is there whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from network.training.data import TrainingError


class Checkpoint:
    """Model, optimizer and schedule after a number of steps of one recipe.

    Random numbers depend on seed and step, so no generator's state is needed.
    """

    def __init__(self, path: Path, recipe: Mapping[str, Any]) -> None:
        self.path = path
        self.recipe = dict(recipe)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    def save(self, parts: Mapping[str, Any], steps: int) -> None:
        """Replaces the earlier one in one step, so a kill leaves one of both."""
        beside = self.path.with_suffix(".new")
        with beside.open("wb") as file:
            torch.save({"recipe": self.recipe, "steps": steps, **{name: part.state_dict() for name, part in parts.items()}}, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)

    def load(self, device: str) -> dict[str, Any]:
        """`steps` done, and the state of each part. Raises TrainingError."""
        if not self.path.exists():
            why = "it is written after each epoch, and every five minutes"
            raise TrainingError(str(self.path), "there is no checkpoint", why=why, fix="leave out --resume to begin")
        try:
            found: dict[str, Any] = torch.load(self.path, map_location=device, weights_only=True)
            known = found["recipe"]
        except Exception as error:  # zip, pickle and torch have kinds of their own
            what = f"not a checkpoint: {str(error).splitlines()[0] if str(error) else type(error).__name__:.120}"
            raise TrainingError(str(self.path), what, why="--resume goes on from it", fix="leave out --resume to begin again") from None
        for name, value in self.recipe.items():
            if known.get(name) != value:
                what = f"{name} was {known.get(name)}, and is {value}"
                fix = "write the options of that training, or leave out --resume to begin again"
                raise TrainingError(str(self.path), what, why="a training goes on as it began", fix=fix)
        return found
