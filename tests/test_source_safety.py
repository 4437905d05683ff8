"""What our sources may not do: unpickle, evaluate text, or hand text to a shell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("csanmt", "serving", "cli", "model_store", "release", "training", "benchmarks", "bulk")
FILES = [*sorted(p for name in PACKAGES for p in (ROOT / name).rglob("*.py")), ROOT / "service.py"]
MODULES = frozenset(("pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"))
CALLS = frozenset(("eval", "exec", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load"))


def breaches(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES:
            yield node.module or ""
        elif isinstance(node, ast.Call):
            yield from _call(node)


def _call(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    if name in CALLS:
        yield name
    if given.get("shell") == "True" or given.get("allow_pickle") == "True":
        yield f"{name} with shell or allow_pickle"
    if name == "torch.load" and given.get("weights_only") != "True":
        yield "torch.load without weights_only"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_source_unpickles_and_evaluates_nothing(path: Path) -> None:
    assert list(breaches(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "eval('1')",
        "subprocess.run('a', shell=True)",
        "np.load(f, allow_pickle=True)",
        "torch.load(f)",
        "yaml.load(f)",
    ],
)
def test_what_it_looks_for_is_found(source: str) -> None:
    assert list(breaches(ast.parse(source)))
