"""The order of the rooms: imports point down, no circle, no crowded room. Imports within functions count, those of types alone do not."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from codegen.sources import PACKAGES, ROOT, imports

ORDER = (
    "codegen",
    "constants",
    "network",
    # What a unit is and costs; what cards and firings are. One level, since a unit has a cost and a cost is that of a unit's formats.
    "dataflow._native dataflow.cost.resources dataflow.cost.storage dataflow.firings dataflow.names dataflow.packing dataflow.platform dataflow.rtl_fifo "
    "dataflow.unit dataflow.cost.formulas dataflow.cost.published dataflow.cost.rtl",
    "dataflow.units dataflow.design dataflow.banks dataflow.cost",
    "dataflow.layout",
    "dataflow.timing dataflow.choose",
    "dataflow.plan",
    "dataflow",
    "hls",
    "rtl",
    "ipi",
    "vitis",
)
"""Rooms and modules from the lowest to the highest: a module belongs to the longest name that is its own or one of a room above it.
It imports from its own level and from lower ones. `runtime` imports no room but itself and `constants`; only those of USERS import it."""
USERS = ("vitis", "network.importers.onnx.calibrate", "network.training.data")
"""`vitis` writes what `runtime` reads; a network is calibrated on pictures as `runtime` shows them."""
MAX_MODULES = 14
MAX_DODO_LINES = 150


def modules() -> list[str]:
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths)


@cache
def _types_only(module: str) -> frozenset[str]:
    """What a module imports within `if TYPE_CHECKING`, and nowhere else."""
    base = ROOT.joinpath(*module.split("."))
    path = base.with_suffix(".py") if base.with_suffix(".py").exists() else base / "__init__.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typed = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    ]
    inner = {id(each) for node in typed for each in ast.walk(node)}
    within, elsewhere = (
        {
            name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module and (id(node) in inner) is is_typed
            for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        }
        for is_typed in (True, False)
    )
    return frozenset(within - elsewhere)


def imported(module: str) -> set[str]:
    """The modules of ours that a module needs when it runs. `from dataflow import plan` needs the room's `__init__` too."""
    return {name for name in imports(module) - _types_only(module) if name != module}


def level(module: str) -> int:
    names = {name: index for index, level in enumerate(ORDER) for name in level.split()}
    while module not in names:
        module = module.rpartition(".")[0]
    return names[module]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_circle_of_imports(package: str) -> None:
    """Within a package; those of several would have an import that points up."""
    known = {module for module in modules() if module.split(".")[0] == package}
    graph = {module: imported(module) & known for module in known}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_imports_point_down() -> None:
    """Within a level any order will do, as long as there is no circle."""
    upward = [
        f"{module} imports {name}"
        for module in modules()
        if not module.startswith("runtime")
        for name in sorted(imported(module))
        if not name.startswith("runtime") and level(name) > level(module)
    ]
    assert not upward, "\n".join(upward)


def test_runtime_stands_alone() -> None:
    wrong = [
        f"{module} imports {name}"
        for module in modules()
        for name in sorted(imported(module))
        if (module.split(".")[0] == "runtime") != (name.split(".")[0] == "runtime") and not module.startswith(USERS)
        if not name.startswith("constants")
    ]
    assert not wrong, "\n".join(wrong)


def rooms() -> list[Path]:
    return sorted({path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")})


@pytest.mark.parametrize("room", [str(room.relative_to(ROOT)) for room in rooms()])
def test_no_room_is_crowded(room: str) -> None:
    names = sorted(path.name for path in (ROOT / room).glob("*.py"))
    assert len(names) <= MAX_MODULES, f"{room} has {len(names)} modules: {' '.join(names)}"


def test_dodo_is_short() -> None:
    assert len((ROOT / "dodo.py").read_text(encoding="utf-8").splitlines()) <= MAX_DODO_LINES
