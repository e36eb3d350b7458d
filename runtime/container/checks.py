"""Checks on values that come from outside: a file may be wrong in any way, and gets an error that says which."""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from runtime.errors import AcceleratorError

IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Check:
    """Raises `error`, with `fix` as the remedy, at the first value that is wrong."""

    error: type[AcceleratorError]
    fix: str

    def fail(self, where: str, what: str, why: str) -> NoReturn:
        raise self.error(where, what, why, self.fix)

    def true(self, condition: bool, where: str, what: str, why: str) -> None:
        if not condition:
            self.fail(where, what, why)

    def integer(self, where: str, value: object, low: int, high: int) -> int:
        # bool is an int to isinstance, but not to a reader of the file.
        if type(value) is not int or not low <= value <= high:
            self.fail(where, reprlib.repr(value), f"expected an integer from {low} to {high}")
        return value

    def number(self, where: str, value: object, low: float, high: float) -> float:
        if type(value) not in (int, float) or not low <= value <= high:  # type: ignore[operator]
            self.fail(where, reprlib.repr(value), f"expected a number from {low} to {high}")
        return value  # type: ignore[return-value]

    def boolean(self, where: str, value: object) -> bool:
        if type(value) is not bool:
            self.fail(where, reprlib.repr(value), "expected true or false")
        return value

    def text(self, where: str, value: object, longest: int = 256) -> str:
        if type(value) is not str or not 0 < len(value) <= longest or not value.isprintable():
            self.fail(where, reprlib.repr(value), f"expected 1 to {longest} printable characters")
        return value

    def identifier(self, where: str, value: object, longest: int = 64) -> str:
        if type(value) is not str or len(value) > longest or not IDENTIFIER.fullmatch(value):
            self.fail(where, reprlib.repr(value), f"expected at most {longest} letters, digits and underscores, a letter first")
        return value

    def one_of(self, where: str, value: object, choices: Iterable[str]) -> str:
        choices = tuple(choices)
        if type(value) is not str or value not in choices:
            self.fail(where, reprlib.repr(value), f"expected one of {', '.join(choices)}")
        return value

    def items(self, where: str, value: object, least: int, most: int) -> list[Any]:
        if type(value) is not list or not least <= len(value) <= most:
            count = str(least) if least == most else f"{least} to {most}"
            self.fail(where, reprlib.repr(value), f"expected a list of {count} items")
        return value

    def record(self, where: str, value: object, keys: Iterable[str]) -> dict[str, Any]:
        if type(value) is not dict:
            self.fail(where, reprlib.repr(value), "expected an object")
        keys = tuple(keys)
        for key in keys:
            self.true(key in value, where, f"no key {key!r}", f"it has the keys {', '.join(keys)}")
        for key in value:
            self.true(key in keys, where, f"unknown key {reprlib.repr(key)}", f"it has the keys {', '.join(keys)}")
        return value

    def json(self, where: str, data: bytes) -> object:
        try:
            return json.loads(data)
        # Deeply nested text exhausts the parser's recursion; that is the text's fault, not the program's.
        except (ValueError, RecursionError) as error:
            self.fail(where, "not JSON", str(error) or type(error).__name__)
