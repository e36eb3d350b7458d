"""A card: its part, area, SLRs and memory banks, all read from dataflow/platforms/<name>.yaml."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from dataflow.cost.resources import KINDS, Resources
from network.yaml.reader import Item, read

FOLDER = Path(__file__).parent / "platforms"
RANGE = re.compile(r"(\w+)\[(\d+):(\d+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """One memory bank: `name` as the linker spells it, `tag` as XRT does."""

    name: str  # DDR[0]
    tag: str  # bank0
    slr: int
    base: int  # byte address
    kilobytes: int
    kind: str  # ddr4, dram (PLRAM) or hbm


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    name: str  # u250
    shell: str  # the platform name v++ takes
    shells: tuple[str, ...] = ()  # other shells of the same card
    part: str
    area: tuple[Resources, ...]  # by SLR, what the shell leaves to the user
    share: Resources  # percentage of the area that a design may use
    sll: int  # wires from one SLR to the next that a design may use
    cell_prefix: str
    pblock: str
    banks: tuple[Bank, ...]
    plram_most_kb: int  # the largest a PLRAM bank can be made
    plram_cell: str  # PLRAM_MEM; that of bank i is PLRAM_MEM0i

    @property
    def slrs(self) -> int:
        return len(self.area)

    @property
    def budgets(self) -> tuple[Resources, ...]:
        """By SLR, the resources a design may use: a share of the area."""
        return tuple(area.scaled(self.share) for area in self.area)

    def unlimited(self, kinds: Collection[str]) -> Platform:
        """The card as if it had any number of these kinds of resources."""
        plenty = dict.fromkeys(kinds, 10**9)
        return replace(self, area=tuple(replace(area, **plenty) for area in self.area))

    def bank(self, name: str) -> Bank:
        """The bank of this name; raises KeyError if the card does not have it."""
        for bank in self.banks:
            if bank.name == name:
                return bank
        raise KeyError(name)

    @property
    def default_bank(self) -> Bank:
        """The bank of data that the description does not place: the first DDR bank, else the first HBM bank."""
        return next(bank for kind in ("ddr4", "hbm") for bank in self.banks if bank.kind == kind)


def known() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@cache
def load(name: str) -> Platform:
    """The platform described in dataflow/platforms/<name>.yaml; raises DescriptionError."""
    keys = ("platform", "shells", "part", "cell_prefix", "pblock", "area", "share", "sll", "banks", "plram")
    entries = read(FOLDER / f"{name}.yaml").mapping(keys)
    banks = entries["banks"].mapping()
    plram = entries["plram"].mapping(("most_kilobytes", "cell"))
    return Platform(
        name=name,
        shell=entries["platform"].text("xilinx_u250_gen3x16_xdma_4_1_202210_1"),
        shells=tuple(item.text("xilinx_u250_xdma_201830_2") for item in entries["shells"].items("[xilinx_u250_xdma_201830_2]")),
        part=entries["part"].text("xcu250-figd2104-2L-e"),
        area=tuple(_resources(item, 10_000_000) for item in entries["area"].items("[{lut: 345200, …}]")),
        share=_resources(entries["share"], 100),
        sll=entries["sll"].integer(1, 100_000),
        cell_prefix=entries["cell_prefix"].text("level0_i/ulp"),
        pblock=entries["pblock"].text("pblock_dynamic_SLR"),
        banks=tuple(bank for key in banks for bank in _banks(key, banks[key])),
        plram_most_kb=plram["most_kilobytes"].integer(1, 1 << 20),
        plram_cell=plram["cell"].text("PLRAM_MEM"),
    )


def _resources(item: Item, most: int) -> Resources:
    entries = item.mapping(KINDS)
    return Resources(**{kind: entries[kind].integer(0, most) for kind in KINDS})


def _banks(name: str, item: Item) -> list[Bank]:
    """One bank, or all banks of a range such as HBM[0:31], at consecutive addresses."""
    entries = item.mapping(("slr", "base", "kilobytes", "kind"), ("tag",))
    numbered = RANGE.fullmatch(name)
    names = [f"{numbered[1]}[{i}]" for i in range(int(numbered[2]), int(numbered[3]) + 1)] if numbered else [name]
    base, kilobytes = entries["base"].integer(0, (1 << 64) - 1), entries["kilobytes"].integer(1, 1 << 40)
    return [
        Bank(
            name=each,
            tag=entries.get("tag", lambda tag: tag.text("bank0"), each),
            slr=entries["slr"].integer(0, 3),
            base=base + i * kilobytes * 1024,
            kilobytes=kilobytes,
            kind=entries["kind"].choice("ddr4", "dram", "hbm"),
        )
        for i, each in enumerate(names)
    ]
