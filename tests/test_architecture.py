"""The order of the rooms: who may import whom, and that no modules import each other in a circle.

Imports within functions count as well: they hide a circle, they do not open it. Imports for type
checkers alone (``TYPE_CHECKING``) do not count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# room: rooms that it may import, beside itself
ORDER: dict[str, tuple[str, ...]] = {
    "csanmt": (),
    "bulk": ("csanmt",),
    "training": ("csanmt",),
    "model_store": ("csanmt",),
    "serving": ("csanmt",),
    "service": ("csanmt", "serving", "model_store"),
    "benchmarks": ("csanmt",),
    "release": ("csanmt", "model_store", "benchmarks", "serving"),
    "cli": ("csanmt", "bulk", "training", "model_store", "serving", "benchmarks", "release"),
}
EXCEPTIONS = {("csanmt.__main__", "cli.main")}  # ``python -m csanmt``
# Within a room: these parts do not know each other.
APART = [
    ("release.build", "release.rollout"),
    ("release.rollout", "release.build"),
    ("release.ledger", "release.build"),
    ("release.ledger", "release.rollout"),
    ("release.running", "release.build"),
    ("release.running", "release.rollout"),
    ("csanmt.engine", "csanmt.modelscope"),
    ("serving.http", "serving.runners"),
    *(
        (f"serving.{lower}", "serving.apis")
        for lower in ("http", "runners", "openapi", "documents", "glossaries")
    ),
]
APIS = sorted(path.parent.name for path in ROOT.glob("serving/apis/*/__init__.py"))
APART += [(f"serving.apis.{a}", f"serving.apis.{b}") for a in APIS for b in APIS if a != b]


def modules() -> dict[str, Path]:
    """Dotted names of the product's modules; a package is its ``__init__``."""
    paths = [ROOT / "service.py"]
    for room in ORDER:
        paths += sorted((ROOT / room).rglob("*.py"))
    names = {}
    for path in paths:
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


MODULES = modules()


def imports(path: Path, name: str) -> set[str]:
    """The product's modules that a module imports, wherever in it."""
    return {
        found for found in _imports(ast.parse(path.read_text(encoding="utf-8"))) if found != name
    }


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES and not node.level:
            inner = [f"{node.module}.{a.name}" for a in node.names]
            yield from (name for name in inner if name in MODULES)
            if not all(name in MODULES for name in inner):
                yield node.module
        else:
            yield from _imports(node)


ARROWS = {name: imports(path, name) for name, path in MODULES.items()}


def circles(arrows: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules each of which reaches all others (Tarjan)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(arrows.get(name, ())):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            group = [stack.pop()]
            while group[-1] != name:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for name in sorted(arrows):
        if name not in index:
            visit(name)
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(ARROWS) == []


@pytest.mark.parametrize("room", ORDER)
def test_a_room_imports_only_rooms_below_it(room: str) -> None:
    upward = [
        (name, other)
        for name, others in ARROWS.items()
        for other in others
        if name.partition(".")[0] == room
        and other.partition(".")[0] not in (room, *ORDER[room])
        and (name, other) not in EXCEPTIONS
    ]
    assert upward == []


@pytest.mark.parametrize(("part", "other"), APART)
def test_parts_that_stand_apart_do_not_know_each_other(part: str, other: str) -> None:
    assert [
        (name, to)
        for name, others in ARROWS.items()
        for to in others
        if (name == part or name.startswith(f"{part}."))
        and (to == other or to.startswith(f"{other}."))
    ] == []


def test_the_order_itself_has_no_circle_and_circles_are_found() -> None:
    assert circles({room: set(below) for room, below in ORDER.items()}) == []
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
