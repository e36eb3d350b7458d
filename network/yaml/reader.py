"""YAML with line numbers: every value knows its file and line, and errors about it name them.

PyYAML's own loaders drop the line numbers and accept duplicate keys, so this reads the composed nodes instead. Scalars are resolved
by the safe loader's rules; tags, aliases and merge keys are rejected.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NoReturn, TypeVar

import yaml

from network.errors import DescriptionError, Source

T = TypeVar("T")
MAX_BYTES = 1 << 20
SCALAR_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null")}


class Item:
    """One value of the document: its place in the file, its dotted name, and its YAML node."""

    def __init__(self, node: yaml.Node, name: str, file: str) -> None:
        self.name, self.file = name, file
        self.at = Source(file, node.start_mark.line + 1)
        self._node = node

    def fail(self, what: str, *, why: str, fix: str) -> NoReturn:
        raise DescriptionError(self.at, f"{self.name}: {what}" if self.name else what, why=why, fix=fix)

    def _wrong(self, wanted: str, example: str) -> NoReturn:
        kind = "a mapping" if self.is_mapping else "a list" if self.is_list else None
        given = kind or (repr(self.value) if isinstance(self.value, str) else str(self._node.value) or "nothing")
        self.fail(f"{given} is not {wanted}", why=f"{self.name or 'the document'} takes {wanted}", fix=f"write for example {example}")

    @property
    def value(self) -> object:
        """The scalar as the safe loader resolves it."""
        constructor = yaml.constructor.SafeConstructor()
        try:
            return constructor.construct_object(self._node)
        except (ValueError, OverflowError, yaml.YAMLError):
            return self._node.value

    @property
    def is_list(self) -> bool:
        return isinstance(self._node, yaml.SequenceNode)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self._node, yaml.MappingNode)

    def integer(self, low: int, high: int) -> int:
        value = self.value if isinstance(self._node, yaml.ScalarNode) else None
        # YAML 1.1 also reads 4:10 as a number, in base 60.
        if not isinstance(value, int) or isinstance(value, bool) or ":" in self._node.value:
            self._wrong("a whole number", str(max(low, 1)))
        if not low <= value <= high:
            self.fail(f"{value} is out of range", why=f"it must be {low:,} to {high:,}", fix="choose a number in that range")
        return value

    def boolean(self) -> bool:
        value = self.value if isinstance(self._node, yaml.ScalarNode) else None
        if not isinstance(value, bool):
            self._wrong("true or false", "true")
        return value

    def text(self, example: str) -> str:
        value = self.value if isinstance(self._node, yaml.ScalarNode) else None
        if not isinstance(value, str) or not value:
            self._wrong("text", example)
        return value

    def choice(self, *choices: str) -> str:
        value = self.text(choices[0])
        if value not in choices:
            self.fail(
                f"{value!r} is unknown", why=f"{self.name} is one of {', '.join(choices)}", fix=nearest(value, choices, "use one of those")
            )
        return value

    def items(self, example: str, length: int | None = None) -> list[Item]:
        if not isinstance(self._node, yaml.SequenceNode):
            self._wrong("a list" if length is None else f"a list of {length}", example)
        entries = [Item(node, f"{self.name}[{i}]", self.file) for i, node in enumerate(self._node.value)]
        if length is not None and len(entries) != length:
            self.fail(f"it has {len(entries)} entries", why=f"{self.name} takes a list of {length}", fix=f"write for example {example}")
        return entries

    def mapping(self, required: Collection[str] | None = None, optional: Collection[str] = ()) -> Mapping:
        """The entries by key; `required=None` takes any keys."""
        if not isinstance(self._node, yaml.MappingNode):
            self._wrong("a mapping", "{" + ", ".join(f"{key}: …" for key in required or [*optional, "name"][:1]) + "}")
        entries: dict[str, Item] = {}
        for key_node, node in self._node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            item = Item(node, f"{self.name}.{key}" if self.name else key, self.file)
            item.at = Source(self.file, key_node.start_mark.line + 1)
            if key in entries:
                item.fail("duplicate key", why=f"it is already in line {entries[key].at.line}", fix="rename or delete one of the two")
            if required is not None and key not in required and key not in optional:
                known = [*required, *optional]
                item.fail("unknown key", why=f"the keys known here are {', '.join(known)}", fix=nearest(key, known))
            entries[key] = item
        for key in required or ():
            if key not in entries:
                self.fail(f"{key} is missing", why="it cannot be derived from the rest", fix=f"add {key}: …")
        return Mapping(self, entries)


class Mapping:
    """The checked entries of one mapping."""

    def __init__(self, item: Item, entries: dict[str, Item]) -> None:
        self.item, self._entries = item, entries

    def __getitem__(self, key: str) -> Item:
        return self._entries[key]

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def over(self, other: Mapping, *, but: Collection[str]) -> Mapping:
        """These entries and, for the keys missing here, those of `other` except `but`."""
        return Mapping(self.item, {key: item for key, item in other._entries.items() if key not in but} | self._entries)

    def get(self, key: str, read: Callable[[Item], T], default: T) -> T:
        return read(self._entries[key]) if key in self._entries else default


def nearest(word: str, known: Collection[str], otherwise: str = "use one of those, or delete it") -> str:
    close = difflib.get_close_matches(word.lower(), known, n=1)
    return f"did you mean {close[0]}?" if close else otherwise


class _PlainLoader(yaml.SafeLoader):
    """Composes nodes; refuses what is more than plain data."""

    def __init__(self, text: str, file: str) -> None:
        super().__init__(text)
        self._file = file

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        at = Source(self._file, event.start_mark.line + 1)
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise DescriptionError(at, "anchors and aliases are not supported", why="each fact is written once", fix="write the value out")
        if event.tag:
            raise DescriptionError(at, f"tag {event.tag} is not supported", why="a description is plain data", fix="delete the tag")
        return super().compose_node(parent, index)


def read(path: Path) -> Item:
    """The document in `path`; raises DescriptionError unless it is one plain YAML document."""
    file = str(path)
    file_start = Source(file, 0)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DescriptionError(
            file_start, f"cannot be read: {error.strerror}", why="the description of the network is a YAML file", fix="check the path"
        ) from None
    if len(data) > MAX_BYTES:
        raise DescriptionError(
            file_start, f"the file has {len(data):,} bytes", why="a description has at most a megabyte", fix="name the right file"
        )
    try:
        text = data.decode("utf-8")
        node = _PlainLoader(text, file).get_single_node()
    except UnicodeDecodeError as error:
        at = Source(file, len(data[: error.start + 1].splitlines()))
        what = f"the byte 0x{data[error.start]:02X} is not UTF-8"
        raise DescriptionError(at, what, why="a description is UTF-8 text", fix="save it as UTF-8") from None
    except yaml.reader.ReaderError as error:
        at = Source(file, len(text[: error.position + 1].splitlines()))
        what = f"the character {chr(error.character)!a} is not allowed" if isinstance(error.character, int) else "cannot be decoded"
        why = "YAML is text, without control characters; a description is UTF-8"
        raise DescriptionError(at, what, why=why, fix="delete it, or save the file as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise DescriptionError(
            Source(file, line),
            f"not YAML: {error.problem}",
            why=error.context or "the parser stops here",
            fix="correct the line or the one above",
        ) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise DescriptionError(
            file_start, f"not YAML: {type(error).__name__}", why="the parser cannot read it", fix="write plain YAML"
        ) from None
    if node is None:
        raise DescriptionError(file_start, "the file is empty", why="there is no network in it", fix="start from configs/digits.yaml")
    return Item(node, "", file)
