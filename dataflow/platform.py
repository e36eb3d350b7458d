"""What a card offers: part, SLRs, memory banks. The facts stand in configs/platforms/<name>.yaml, nowhere in code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from network.yaml_reader import Item, read

FOLDER = Path(__file__).parent.parent / "configs" / "platforms"


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
    part: str
    slrs: int
    cell_prefix: str
    pblock: str
    banks: tuple[Bank, ...]

    def bank(self, name: str) -> Bank:
        """Raises KeyError for a bank this card does not have."""
        for bank in self.banks:
            if bank.name == name:
                return bank
        raise KeyError(name)


def known() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name: str) -> Platform:
    """The platform described in configs/platforms/<name>.yaml; raises DescriptionError."""
    entries = read(FOLDER / f"{name}.yaml").mapping(("platform", "part", "slrs", "cell_prefix", "pblock", "banks"))
    banks = entries["banks"].mapping()
    return Platform(
        name=name,
        shell=entries["platform"].text("xilinx_u250_gen3x16_xdma_4_1_202210_1"),
        part=entries["part"].text("xcu250-figd2104-2L-e"),
        slrs=entries["slrs"].integer(1, 4),
        cell_prefix=entries["cell_prefix"].text("level0_i/ulp"),
        pblock=entries["pblock"].text("pblock_dynamic_SLR"),
        banks=tuple(_bank(bank, banks[bank]) for bank in banks),
    )


def _bank(name: str, item: Item) -> Bank:
    entries = item.mapping(("tag", "slr", "base", "kilobytes", "kind"))
    return Bank(
        name=name,
        tag=entries["tag"].text("bank0"),
        slr=entries["slr"].integer(0, 3),
        base=entries["base"].integer(0, (1 << 64) - 1),
        kilobytes=entries["kilobytes"].integer(1, 1 << 40),
        kind=entries["kind"].choice("ddr4", "dram", "hbm"),
    )
