"""The rooms of ``serving`` stand in an order: none imports one that imports it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOORS = {f"serving.apis.{folder.parent.name}" for folder in ROOT.glob("serving/apis/*/__init__.py")}


def room(module: str) -> str:
    """The folder that a module stands in (each API is a room of its own), or the module."""
    parts = module.split(".")
    return ".".join(parts[: 3 if parts[1:2] == ["apis"] else 2])


def imported(path: Path) -> Iterator[str]:
    """Modules that are imported when the code runs, not only for its types."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in for_types:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                place = ROOT / whole.replace(".", "/")
                yield whole if place.with_suffix(".py").is_file() else node.module


def arrows(name: str) -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {}
    for path in sorted((ROOT / name).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        others = {room(other) for other in imported(path) if other.startswith(f"{name}.")}
        graph.setdefault(room(module), set()).update(others - {room(module)})
    return graph


def test_no_two_rooms_import_each_other():
    order = list(TopologicalSorter(arrows("serving")).static_order())  # raises CycleError
    assert order.index("serving.settings") < order.index("serving.http")
    assert order.index("serving.translating") < order.index("serving.apis.api")
    assert order.index("serving.apis.api") < order.index("serving.app")


def test_no_api_knows_another():
    graph = arrows("serving")
    assert len(DOORS) > 5
    for door in DOORS:
        assert not graph[door] & (DOORS - {door}), door
