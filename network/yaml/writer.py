"""Set an entry in the text of a description and leave everything else as it is, comments and columns too."""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml

LINE_END = re.compile(r"\r\n|\r|\n")


def with_entry(text: str, place: Sequence[str], key: str, value: str) -> str:
    """`text` with `key: value` in the mapping at `place`: replaces an entry of that key, else becomes the last one.

    `value` is YAML of one line. Raises KeyError if there is no such mapping.
    """
    mapping = _mapping(yaml.compose(text, Loader=yaml.SafeLoader))
    for name in place:
        mapping = _mapping(_entries(mapping)[name])
    entries = _entries(mapping)
    if key in entries:
        old = entries[key]
        return text[: old.start_mark.index] + value + text[_end(text, old) :]
    last = list(entries.values())[-1]
    end = _end(text, last)
    if mapping.flow_style:
        return text[:end] + f", {key}: {value}" + text[end:]
    ended = LINE_END.search(text, end)
    line_end = ended.start() if ended else len(text)
    usual = ended or LINE_END.search(text)
    return text[:line_end] + f"{usual[0] if usual else chr(10)}{' ' * mapping.start_mark.column}{key}: {value}" + text[line_end:]


def quoted(text: str) -> str:
    """A scalar in single quotes."""
    return "'" + text.replace("'", "''") + "'"


def pair(both: Sequence[int]) -> str:
    """One number for both axes, or [vertical, horizontal]."""
    return str(both[0]) if both[0] == both[1] else f"[{both[0]}, {both[1]}]"


def _mapping(node: yaml.Node | None) -> yaml.MappingNode:
    if not isinstance(node, yaml.MappingNode):
        raise KeyError("no mapping here")
    return node


def _entries(mapping: yaml.MappingNode) -> dict[str, yaml.Node]:
    return {key.value: value for key, value in mapping.value}


def _end(text: str, node: yaml.Node) -> int:
    """Just after its last character; the end mark of a block mapping lies after the blank lines and comments behind it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        return _end(text, node.value[-1][1])
    end: int = node.end_mark.index
    return len(text[:end].rstrip())
