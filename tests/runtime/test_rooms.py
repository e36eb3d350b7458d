"""Imports within the runtime go one way: each room uses the rooms above it in this list only, and no room imports in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import runtime

ROOT = Path(runtime.__file__).parent
LAYERS = (
    {"errors"},
    {"forks", "console", "arguments", "_native"},
    {"container"},
    {"device"},
    {"emulation", "xrt"},
    {"inference", "registration"},
    {"evaluation", "power", "info", "notebooks"},
    {"benchmark"},
    {"bench", "__main__", ""},  # "" is the package itself
)
MOST_MODULES = 12


def imports(node: ast.AST) -> Iterator[str]:
    """Modules of the runtime that code imports, also within functions; not those for type checkers alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.Import):
            yield from (name.name for name in child.names if name.name.partition(".")[0] == "runtime")
        elif isinstance(child, ast.ImportFrom) and child.module and child.module.partition(".")[0] == "runtime":
            for name in child.names:
                path = ROOT.parent.joinpath(*child.module.split("."), name.name)
                is_module = path.with_suffix(".py").exists() or path.with_suffix(".pyi").exists() or path.is_dir()
                yield f"{child.module}.{name.name}" if is_module else child.module
        yield from imports(child)


def modules() -> dict[str, set[str]]:
    graph = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        graph[name] = set(imports(ast.parse(path.read_text(encoding="utf-8"))))
    return graph


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_no_circle_and_nothing_upward() -> None:
    level = {name: i for i, layer in enumerate(LAYERS) for name in layer}
    graph = modules()
    upward = [
        f"{module} imports {used}"
        for module, imported in graph.items()
        for used in imported
        if room(module) != room(used) and level[room(module)] <= level[room(used)]
    ]
    assert upward == []
    list(TopologicalSorter(graph).static_order())  # CycleError names a circle


def test_no_room_is_crowded() -> None:
    assert [str(folder) for folder in (ROOT, *ROOT.iterdir()) if len(list(folder.glob("*.py"))) > MOST_MODULES] == []
