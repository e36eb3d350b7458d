"""What an accelerator loads: of which hardware, how many words, and how arrays of parameters become them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from constants import image
from constants.layout import LOAD_BITS, MAX_CONSTANTS, Layout, LayoutError
from constants.rows import RowsError, rows
from runtime.container.checks import Check
from runtime.errors import ManifestError, ParametersError

SUFFIX = ".constants"
"""Of files that hold an image."""
PASSES = 2
"""In which the kernel reads an image: one to check it, and one to write it."""

_CHECK = Check(ManifestError, "build or copy the xclbin again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """What the kernel loads; `layouts` are in the order of the chain."""

    fingerprint: str  # of the hardware: SHA-256 in hexadecimal
    words: int  # of 64 bits
    layouts: tuple[Layout, ...]

    def __post_init__(self) -> None:
        is_digest = type(self.fingerprint) is str and len(self.fingerprint) == 64 and set(self.fingerprint) <= set("0123456789abcdef")
        _CHECK.true(is_digest, "fingerprint", f"{self.fingerprint!r:.80}", "expected 64 lower-case hexadecimal digits")
        total = sum(layout.load_words for layout in self.layouts)
        _CHECK.integer("words", self.words, total, total)
        _CHECK.true(total > 0, "layouts", "none", "a network that loads has constants")

    @classmethod
    def of(cls, fingerprint: str, layouts: Iterable[Layout]) -> Constants:
        layouts = tuple(layouts)
        return cls(fingerprint=fingerprint, words=sum(layout.load_words for layout in layouts), layouts=layouts)

    @classmethod
    def parse(cls, value: object) -> Constants:
        """The inverse of `entries`."""
        record = _CHECK.record("constants", value, ("fingerprint", "words", "layouts"))
        items = _CHECK.items("layouts", record["layouts"], 1, MAX_CONSTANTS)
        try:
            layouts = tuple(Layout.parse(f"layouts[{i}]", item) for i, item in enumerate(items))
        except LayoutError as error:
            _CHECK.fail(error.where, error.what, error.why)
        return cls(fingerprint=record["fingerprint"], words=record["words"], layouts=layouts)

    @property
    def entries(self) -> dict[str, Any]:
        """What the manifest's JSON says of it."""
        return {"fingerprint": self.fingerprint, "words": self.words, "layouts": [layout.entries for layout in self.layouts]}

    @property
    def keys(self) -> frozenset[str]:
        """Of the arrays of parameters that are loaded."""
        return frozenset(layout.key for layout in self.layouts)

    @property
    def image_bytes(self) -> int:
        return image.image_bytes(self.words)

    @property
    def load_cycles(self) -> int:
        """Of a load on the card, modelled: a word a cycle, in each pass."""
        return PASSES * -(-self.words // (image.BLOCK_BYTES * 8 // LOAD_BITS)) * (image.BLOCK_BYTES * 8 // LOAD_BITS)

    def image(self, arrays: Mapping[str, NDArray[Any]]) -> bytes:
        """The image of these arrays; ParametersError if the kernel cannot hold them, or not compute with them."""
        try:
            held = [rows(layout, arrays[layout.key]) for layout in self.layouts]
        except RowsError as error:
            raise ParametersError(error.key, error.what, error.why, error.fix) from None
        return image.pack_image(image.chain(self.layouts, held), self.fingerprint)

    def check(self, content: bytes | memoryview) -> None:
        """`constants.image.ImageError` if this is no image of these constants."""
        image.check(content, self.fingerprint, self.words)
