"""Descriptions that inherit from another: they hold what differs, and `like` names the description with the rest.

    network: resnet50
    like:    resnet50_w1a2
    memory:  {images: "DDR[0]", labels: "DDR[0]", weights: "DDR[0]"}

An entry of the top level replaces the inherited entry of that name as a whole. The name, the parameters and the images are not
inherited.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from network.yaml.reader import Item, Mapping, read

CONFIGS = Path(__file__).parents[2] / "configs"
OWN = ("network", "parameters", "images")


def entries_of(path: Path, required: Sequence[str], optional: Sequence[str]) -> Mapping:
    """The top level of a description with all required entries; those missing in its own file come from the description it is like."""
    document = read(path)
    if not _is_like(document):
        return document.mapping(required, optional)
    own = document.mapping(("network", "like"), [key for key in (*required, *optional) if key != "network"])
    like = own["like"]
    text = like.text("resnet50_w1a2")
    other = path.parent / text if text.endswith((".yaml", ".yml")) else CONFIGS / f"{text}.yaml"
    if not other.is_file():
        known = ", ".join(sorted(each.stem for each in CONFIGS.glob("*.yaml")))
        like.fail(
            f"there is no {other}", why="the rest of the description is read from it", fix=f"choose from {known}, or name a file: PATH.yaml"
        )
    rest = read(other)
    if _is_like(rest):
        what, why = f"{other} itself inherits from another description", "a description is spread over two files at most"
        like.fail(what, why=why, fix="name the description that has the blocks")
    return own.over(rest.mapping(required, optional), but=OWN)


def _is_like(document: Item) -> bool:
    return document.is_mapping and "like" in document.mapping()
