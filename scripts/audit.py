"""What is known about the locked serving packages: `make audit`. Licences, age, advisories.

Licences come from the packages' own metadata; the rest is asked of the index by its
ordinary clients (pip, pip-audit). What could not be asked is an answer of its own, not
an all-clear. pip-licenses reads the same metadata and said the same of all 85 packages.

Exit status 1 when a package needs a decision: a known advisory or a strong licence.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from csanmt.errors import EngineUnavailableError
from scripts.lock import normalise, read_pins

ALLOWED = (
    "apache", "bsd", "mit", "isc", "python software foundation", "psf", "mpl", "mozilla",
    "zlib", "unlicense", "public domain", "cc0", "hpnd", "0bsd", "blueoak",
)  # fmt: skip
"""Words by which a licence is known to be compatible with shipping the image."""

STRONG = ("gpl", "agpl", "sspl", "proprietary", "non-commercial")
"""Words that need a decision; LGPL is one of them."""


@dataclass(frozen=True)
class Finding:
    """One thing to know about one package."""

    package: str
    version: str
    kind: str
    """``licence``, ``behind``, ``advisory`` or ``unknown``"""
    text: str
    blocking: bool


def licences(pins: Mapping[str, str]) -> list[Finding]:
    """Return packages whose licence is not plainly permissive."""
    found = []
    for name, version in pins.items():
        text = licence_of(name)
        low = text.lower()
        if not is_installed(name):
            continue  # locked for another interpreter or system
        if any(word in low for word in STRONG):
            found.append(Finding(name, version, "licence", text, blocking=True))
        elif text and not any(word in low for word in ALLOWED):
            found.append(Finding(name, version, "licence", text, blocking=False))
        elif not text:
            found.append(Finding(name, version, "unknown", "no licence stated", blocking=False))
    return found


def is_installed(name: str) -> bool:
    """Whether a package of that name is in this environment."""
    return bool(list(importlib.metadata.distributions(name=name)))


def licence_of(name: str) -> str:
    """Return what an installed package says its licence is, or nothing."""
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    stated = (metadata.get_all("License-Expression") or [""])[0]
    classifiers = [
        item.rpartition(" :: ")[2]
        for item in metadata.get_all("Classifier") or []
        if item.startswith("License ::")
    ]
    written = (metadata.get_all("License") or [""])[0]
    first_line = str(written).strip().splitlines()[:1]
    return str(stated) or ", ".join(classifiers) or (first_line[0][:80] if first_line else "")


def behind(pins: Mapping[str, str]) -> list[Finding]:
    """Return locked packages for which the index has a newer version.

    Raises:
        EngineUnavailableError: the index cannot be asked.
    """
    command = [sys.executable, "-m", "pip", "list", "--outdated", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode != 0:
        raise EngineUnavailableError(f"pip could not ask the index: {_last(done.stderr)}")
    newest = {normalise(item["name"]): item["latest_version"] for item in json.loads(done.stdout)}
    return [
        Finding(name, version, "behind", f"newest is {newest[name]}", blocking=False)
        for name, version in pins.items()
        if name in newest and newest[name] != version
    ]


def advisories(lock: Path) -> list[Finding]:
    """Return known vulnerabilities of the packages in a lock.

    Raises:
        EngineUnavailableError: pip-audit is missing, or it could ask about no package.
    """
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--no-deps", "--disable-pip",
        "--format", "json", "--progress-spinner", "off",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    try:
        items = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError) as error:
        raise EngineUnavailableError(f"pip-audit did not run: {_last(done.stderr)}") from error
    return read_advisories(items)


def read_advisories(items: list[dict[str, object]]) -> list[Finding]:
    """Return findings from pip-audit's answer, whose "nothing known" may mean "not asked".

    Raises:
        EngineUnavailableError: every single package was skipped.
    """
    skipped = [item for item in items if "skip_reason" in item]
    if items and len(skipped) == len(items):
        raise EngineUnavailableError("no database of advisories can be reached from here")
    found = [
        Finding(str(item["name"]), "", "unknown", str(item["skip_reason"]), blocking=False)
        for item in skipped
    ]
    for item in items:
        vulnerabilities = item.get("vulns") or []
        assert isinstance(vulnerabilities, list)
        for known in vulnerabilities:
            fixed = ", ".join(known.get("fix_versions") or []) or "no version yet"
            text = f"{known['id']}, fixed in {fixed}"
            name, version = str(item["name"]), str(item["version"])
            found.append(Finding(name, version, "advisory", text, blocking=True))
    return found


def locked(root: Path) -> dict[str, str]:
    """Return the serving pins: what ships."""
    return read_pins(root / "requirements-frozen.txt")


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no message"


ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run the command; returns the exit status."""
    pins = locked(ROOT)
    print(f"{len(pins)} packages of requirements-frozen.txt")
    questions: dict[str, Callable[[], list[Finding]]] = {
        "licences": lambda: licences(pins),
        "age": lambda: behind(pins),
        "advisories": lambda: advisories(ROOT / "requirements-frozen.txt"),
    }
    blocking = 0
    for question, ask in questions.items():
        try:
            findings = ask()
        except EngineUnavailableError as error:
            print(f"{question}: NOT CHECKED: {error}")
            continue
        print(f"{question}: {len(findings) or 'nothing'} to report")
        for item in findings:
            print(f"  {'!' if item.blocking else ' '} {item.package} {item.version}: {item.text}")
        blocking += sum(item.blocking for item in findings)
    return 1 if blocking else 0


if __name__ == "__main__":
    sys.exit(main())
