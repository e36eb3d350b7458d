"""Build tasks of the parameters: read them, or draw them at random."""

from __future__ import annotations

from typing import Any

from doit.tools import config_changed

from codegen.cli.progress import step
from network.arrays import specs
from network.errors import ParameterError
from network.project import DRAW, Project

IMPORT = "python -m network.importers.finn_headers SRC_DIR"
IMPORTED = "resnet50_w1a2.npz"
"""Parameters that somebody has published."""


def task__parameters(project: Project) -> dict[str, Any]:
    """read the parameters before whoever needs them does: what is wrong with them is reported once"""

    def read() -> None:
        path = project.parameters
        if not path.exists():
            obtain = f"import them: {IMPORT} {path} --fc-weights fcweights.csv" if path.name == IMPORTED else "train them"
            raise ParameterError(
                str(path),
                "there is no such file",
                why=f"the parameters of {project.network.name} are read from it",
                fix=f"{obtain}, or draw random ones to build and time it: doit {DRAW} {project.chosen}",
            )
        _ = project.arrays

    return {
        "actions": [step(read)],
        "file_dep": [project.parameters],
        "uptodate": [project.parameters.exists(), config_changed(repr(specs(project.network)))],
    }


def task_params(project: Project) -> dict[str, Any]:
    """draw parameters at random, to build and time a network nobody has trained"""

    def draw() -> dict[str, str]:
        from network import parameters  # here, because numpy loads slowly

        if project.trained.exists():
            return {"message": f"none drawn: {project.trained} is there"}
        parameters.save(project.drawn, parameters.draw(project.network, seed=0))
        return {"message": f"random numbers in {project.drawn}, used until there is a {project.trained}"}

    return {
        "actions": [step(draw)],
        "uptodate": [config_changed(repr((specs(project.network), project.trained.exists())))],
        "targets": [project.drawn],
        "clean": True,
    }
