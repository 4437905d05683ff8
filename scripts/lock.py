"""Lock the five dependency sets, hashes included, from one resolution: `make lock`.

``development.in`` contains serving and training, so it is resolved first; its
result then constrains the other sets, which therefore agree with it pin by pin
and can be installed beside it. torch never appears in a lock: its CPU build
lives on another index than everything else and is installed in one place of its own.

Sets and their files, relative to the repository:

=============  ============================  ==================================
set            asked for in                  locked in
=============  ============================  ==================================
serving        requirements/serving.in       requirements-frozen.txt
training       requirements/training.in      requirements/training-frozen.txt
development    requirements/development.in   requirements/development-frozen.txt
release        requirements/release.in       requirements/release-frozen.txt
ray            requirements/ray.in           requirements/ray-frozen.txt
=============  ============================  ==================================

`uv lock` and `uv export` would do it in one file, but uv.lock names the index and the address of
every file, which depend on where it is made; and it resolves torch, which no lock may name.

A locked set is a full closure: install it with
``pip install --no-deps --require-hashes -r FILE``.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from csanmt.errors import ConfigurationError, CsanmtError

PYTHON_VERSION = "3.11"
"""Oldest Python that the locks serve; wheels of newer ones are hashed as well."""

UV = (sys.executable, "-m", "uv")
EXCLUDED = ("torch",)
"""Distributions that no lock may name, each installed in a place of its own."""

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")
_HOST = re.compile(r"https?://|--index-url|--extra-index-url|--find-links|file://")


@dataclass(frozen=True)
class DependencySet:
    """One set of dependencies: where it is asked for and where it is locked."""

    name: str
    source: str
    target: str


DEVELOPMENT = DependencySet(
    "development", "requirements/development.in", "requirements/development-frozen.txt"
)
TRAINING = DependencySet("training", "requirements/training.in", "requirements/training-frozen.txt")
SERVING = DependencySet("serving", "requirements/serving.in", "requirements-frozen.txt")
RAY = DependencySet("ray", "requirements/ray.in", "requirements/ray-frozen.txt")
RELEASE = DependencySet("release", "requirements/release.in", "requirements/release-frozen.txt")
SETS = (DEVELOPMENT, TRAINING, SERVING, RAY, RELEASE)


def read_pins(path: Path) -> dict[str, str]:
    """Return ``{normalised name: version}`` of a locked file."""
    pins: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        match = _PIN.match(line)
        if match:
            pins[normalise(match["name"])] = match["version"]
    return pins


def normalise(name: str) -> str:
    """Return the canonical form of a distribution's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def compile_set(
    dependency_set: DependencySet,
    root: Path,
    output: Path,
    *,
    constraint: Path | None = None,
    upgrade: tuple[str, ...] = (),
) -> None:
    """Resolve one set into ``output``; pins already in ``output`` are kept.

    Args:
        upgrade: names whose pins may move; ``("*",)`` lets all of them move.

    Raises:
        ConfigurationError: the set cannot be resolved; the message is uv's own.
    """
    with tempfile.TemporaryDirectory() as scratch:
        override = Path(scratch) / "override.txt"
        override.write_text("".join(f"{name} ; sys_platform == 'never'\n" for name in EXCLUDED))
        command = [
            *UV, "pip", "compile", "--quiet", "--universal",
            "--python-version", PYTHON_VERSION, "--fork-strategy", "fewest",
            "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links",
            "--custom-compile-command", "make lock", "--override", str(override),
            "--output-file", str(output), dependency_set.source,
        ]  # fmt: skip
        command += [part for name in EXCLUDED for part in ("--no-emit-package", name)]
        command += ["--constraint", str(constraint)] if constraint else []
        if upgrade == ("*",):
            command.append("--upgrade")
        else:
            command += [part for name in upgrade for part in ("--upgrade-package", name)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ConfigurationError(
            f"{dependency_set.source} cannot be resolved:\n{done.stderr.strip()}"
        )
    _clean(output)


_NOISE = re.compile(r"^\s+#\s+(?:via )?-c |^# The following packages were excluded|^# torch\b")


def _clean(output: Path) -> None:
    """Drop lines that depend on where the lock was made; refuse index addresses."""
    lines = output.read_text(encoding="utf-8").rstrip().splitlines()
    kept = [line for line in lines if not _NOISE.match(line)]
    for line in kept:
        if _HOST.search(line):
            raise ConfigurationError(f"{output.name} would name an index: {line.strip()}")
    output.write_text("\n".join(kept).rstrip("\n# ") + "\n", encoding="utf-8")


def lock(root: Path, directory: Path, *, upgrade: tuple[str, ...] = ()) -> dict[str, Path]:
    """Resolve all sets into ``directory`` and return ``{set name: file}``.

    Files of the same relative name already in ``directory`` keep their pins.
    """
    written: dict[str, Path] = {}
    for dependency_set in SETS:
        output = directory / dependency_set.target
        output.parent.mkdir(parents=True, exist_ok=True)
        constraint = None if dependency_set is DEVELOPMENT else written[DEVELOPMENT.name]
        moving = upgrade if dependency_set is DEVELOPMENT else (("*",) if constraint else ())
        compile_set(dependency_set, root, output, constraint=constraint, upgrade=moving)
        written[dependency_set.name] = output
    return written


def stale(root: Path) -> str:
    """Return a unified diff of what locking again would change; empty when nothing."""
    report: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        for dependency_set in SETS:
            copy = Path(scratch) / dependency_set.target
            copy.parent.mkdir(parents=True, exist_ok=True)
            if (root / dependency_set.target).exists():
                shutil.copy(root / dependency_set.target, copy)
        locked = lock(root, Path(scratch))
        for dependency_set in SETS:
            committed = root / dependency_set.target
            before = committed.read_text(encoding="utf-8") if committed.exists() else ""
            after = locked[dependency_set.name].read_text(encoding="utf-8")
            report += difflib.unified_diff(
                before.splitlines(), after.splitlines(),
                dependency_set.target, f"{dependency_set.target} (locked now)", lineterm="", n=1,
            )  # fmt: skip
    return "\n".join(report)


ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="lock", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when stale")
    parser.add_argument(
        "--upgrade", nargs="*", metavar="NAME", help="let these pins move; without names, all"
    )
    options = parser.parse_args()
    try:
        if options.check:
            difference = stale(ROOT)
            print(difference or "locks are current")
            return 1 if difference else 0
        moving = () if options.upgrade is None else tuple(options.upgrade) or ("*",)
        for name, path in lock(ROOT, ROOT, upgrade=moving).items():
            print(f"{name}: {len(read_pins(path))} pins in {path.relative_to(ROOT)}")
    except CsanmtError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
