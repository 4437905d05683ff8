"""Say how old, how licensed and how safe the locked serving packages are: `make audit`.

Exit status 1 when a package needs a decision: a known advisory or a strong licence.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from csanmt.errors import EngineUnavailableError
from release.audit import Finding, advisories, behind, licences, locked

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
