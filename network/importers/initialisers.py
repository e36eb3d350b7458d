"""C headers as data: the `#define`d numbers and the array initialisers of a file, with their line numbers.

Nothing is compiled or executed. Anything but an initialiser of numbers is skipped; a missing array is reported when it is asked for.
"""

from __future__ import annotations

import math
import re
import stat
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, NoReturn

from network.errors import HeaderError, Source

MAX_BYTES = 1 << 26
RESTORE = "restore the file from the original repository"

_COMMENT = re.compile(rb"//[^\n]*|/\*.*?\*/", re.DOTALL)
_DIRECTIVE = re.compile(rb"^[ \t]*#[^\n]*", re.MULTILINE)
_DEFINE = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+(\d+)[ \t\r]*$", re.MULTILINE)
_HEAD = re.compile(r"(?:(?:static|const|constexpr)\s+)*(\w+)\s*<(.*)>\s*(\w+)\s*((?:\[\s*\d+\s*\]\s*)*)", re.DOTALL)
_NAME = re.compile(rb"(\w+)[\s\[\]\d]*$")
_FOREIGN = re.compile(rb'[^0-9a-fA-FxX{},"\s-]')
_NUMBER = re.compile(rb"[^{},\s]+")
_INTEGER = rb"-?(?:0[xX][0-9a-fA-F]{1,64}|0+|0[bB][01]{1,64}|[1-9]\d{0,64})"
_NOT_STRUCTURE = bytes(set(range(256)) - set(b"{},"))
_SPACED = bytes.maketrans(b"{},", b"   ")


class Define(NamedTuple):
    """A macro whose value is a number."""

    value: int
    line: int


@dataclass(frozen=True, slots=True)
class Declaration:
    """`kind<arguments> name[extents] = body;`"""

    kind: str
    arguments: tuple[str, ...]  # of the template, without spaces
    name: str
    extents: tuple[int, ...]
    body: bytes = field(repr=False)
    start: int  # of the body in the text
    header: Header = field(repr=False)

    def fail(self, what: str, *, why: str, fix: str = RESTORE, value: int | None = None) -> NoReturn:
        """Raise the error at the line of the value of index `value`, or where the initialiser begins."""
        place = 0
        if value is not None:
            for count, match in enumerate(_NUMBER.finditer(self.body)):
                if count == value:
                    place = match.start()
        self.header.fail(f"{self.name}: {what}", why=why, fix=fix, offset=self.start + place)

    def values(self, *extents: int, wrapped: bool) -> list[int]:
        """The numbers in order, after a check that the braces group them as `extents` say.

        `wrapped`: a struct around the array adds one pair of braces. Numbers are hexadecimal or decimal, in quotes (as
        strings for `ap_int`) or not. Raises HeaderError with the line where the initialiser differs from that.
        """
        foreign = _FOREIGN.search(self.body)
        if foreign is not None:
            what = f"{self.name}: {foreign[0].decode('latin-1')!r} in the initialiser"
            self.header.fail(what, why="an array of numbers is expected here", offset=self.start + foreign.start())
        tokens = self.body.translate(_SPACED).split()
        expected = " x ".join(map(str, extents))
        structure = self.body.translate(None, delete=_NOT_STRUCTURE)
        # The extents may be any numbers: build no structure longer than the body.
        expected_structure = _structure(extents, wrapped) if math.prod(extents) <= len(self.body) else b""
        if structure != expected_structure or len(tokens) != math.prod(extents):  # a blank within a number splits it in two
            right = math.prod(extents) == len(tokens)
            self.header.fail(
                f"{self.name}: expected {expected} values, "
                + ("but their braces group them differently" if right else f"found {len(tokens):,}"),
                why=f"its type says [{expected}]" if self.extents else f"its type is {self.kind}<{', '.join(self.arguments)}>",
                offset=self.start + self._brace(_common(structure, expected_structure)),
            )
        quotes = self.body.count(b'"')
        try:
            if quotes not in (0, 2 * len(tokens)):
                raise ValueError
            return [int(token, 0) for token in tokens] if not quotes else [int(token[1:-1], 0) for token in tokens]
        except ValueError:
            number = re.compile(b'"%b"' % _INTEGER if quotes else _INTEGER)
            i = next(i for i, token in enumerate(tokens) if not number.fullmatch(token))
            self.fail(f"{tokens[i].decode('latin-1'):.40} is not a number", why="hexadecimal or decimal numbers are expected", value=i)

    def _brace(self, index: int) -> int:
        """The position in the body of the brace or comma with this index; the end of the body if there are fewer."""
        for count, match in enumerate(re.finditer(rb"[{},]", self.body)):
            if count == index:
                return match.start()
        return len(self.body)


def _structure(extents: tuple[int, ...], wrapped: bool) -> bytes:
    """The braces and commas of a nested initialiser."""
    text = b""
    for extent in reversed(extents):
        text = b"{" + b",".join([text] * extent) + b"}"
    return b"{" + text + b"}" if wrapped else text


def _common(a: bytes, b: bytes) -> int:
    """Length of the common prefix."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


class Header:
    """One header file; raises HeaderError if it cannot be read or ends in the middle of a declaration."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
                self.fail("not a header", why=f"a header is a regular file of at most {MAX_BYTES:,} bytes")
            data = path.read_bytes()
        except OSError as error:
            why = "the original has a config.h and a params.h in each IP's folder"
            self.fail(f"cannot be read: {error.strerror}", why=why, fix="name the original's folder src/w1a2_v1.0, complete")
        self._text = _COMMENT.sub(lambda match: b"\n" * match[0].count(b"\n"), data)

    def fail(self, what: str, *, why: str, fix: str = RESTORE, offset: int | None = None, line: int = 0) -> NoReturn:
        if offset is not None:
            line = self._text.count(b"\n", 0, offset) + 1
        raise HeaderError(Source(str(self.path), line), what, why=why, fix=fix)

    @cached_property
    def defines(self) -> dict[str, Define]:
        return {
            match[1].decode(): Define(int(match[2]), self._text.count(b"\n", 0, match.start(1)) + 1)
            for match in _DEFINE.finditer(self._text)
        }

    @cached_property
    def declarations(self) -> dict[str, Declaration]:
        """The initialised arrays by name."""
        declarations: dict[str, Declaration] = {}
        start = 0
        while (end := self._text.find(b";", start)) >= 0:
            equals = self._text.find(b"=", start, end)
            if equals >= 0:
                head = _DIRECTIVE.sub(b"", self._text[start:equals]).decode("latin-1").strip()
                match = _HEAD.fullmatch(head)
                if match is not None:
                    extents = tuple(map(int, re.findall(r"\d+", match[4])))
                    body = self._text[equals + 1 : end]
                    one = Declaration(match[1], _arguments(match[2]), match[3], extents, body, equals + 1, self)
                    if one.name in declarations:
                        one.fail("declared twice", why="one of the two would be ignored")
                    declarations[one.name] = one
            start = end + 1
        equals = self._text.find(b"=", start)
        if equals >= 0:
            name = _NAME.search(self._text[start:equals].rstrip())
            what = f"the file ends within {name[1].decode('latin-1') if name else 'a declaration'}"
            self.fail(what, why="there is no ; after it", offset=len(self._text.rstrip()))
        return declarations

    def declaration(self, name: str, kind: str, arguments: int) -> Declaration:
        """The array of this name, whose type must be `kind<…>` with `arguments` template arguments."""
        declaration = self.declarations.get(name)
        if declaration is None:
            self.fail(f"{name} is missing", why="the folder's IP has this array", fix=RESTORE)
        if declaration.kind != kind or len(declaration.arguments) != arguments:
            declaration.fail(
                f"a {declaration.kind} of {len(declaration.arguments)}", why=f"expected a {kind} of {arguments} template arguments"
            )
        return declaration


def _arguments(text: str) -> tuple[str, ...]:
    """Split at the commas outside of <…>."""
    parts, depth = [""], 0
    for character in "".join(text.split()):
        depth += {"<": 1, ">": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return tuple(parts)
