"""What is measured, as it passes from one process to another and into a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


class Case(NamedTuple):
    """A network, or a version of onnxruntime's graph, and who computes it how."""

    network: str
    by: str
    threads: int
    batch: int


class Limit(NamedTuple):
    """What a path's instructions can do, with operands in registers."""

    path: str
    products: str
    threads: int


class Kind(NamedTuple):
    """What layers of one kind take of an image, in one thread."""

    ms: float
    products: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one process measured."""

    without_amx: bool  # it was withheld
    images_per_s: Mapping[Case, float]
    products_per_s: Mapping[Limit, float]

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Run:
        speeds, peaks = [dict(each) for each in found["results"]], [dict(each) for each in found["peaks"]]
        return cls(
            without_amx=found["without_amx"],
            images_per_s={Case(**speed): rate for speed in speeds for rate in [speed.pop("images_per_s")]},
            products_per_s={Limit(**peak): rate for peak in peaks for rate in [peak.pop("products_per_s")]},
        )

    @property
    def as_json(self) -> dict[str, Any]:
        return {
            "without_amx": self.without_amx,
            "results": [case._asdict() | {"images_per_s": rate} for case, rate in self.images_per_s.items()],
            "peaks": [limit._asdict() | {"products_per_s": rate} for limit, rate in self.products_per_s.items()],
        }
