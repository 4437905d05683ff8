"""Print the changelog's section of one version, for the release's page."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from csanmt.errors import CsanmtError, NotFoundError
from release.build.version import parse_version

CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"


def section(text: str, version: str) -> str:
    """Return the lines below ``## [X.Y.Z]`` up to the next version.

    Raises:
        NotFoundError: the changelog says nothing about the version.
    """
    base = re.escape(parse_version(version).base)
    found = re.search(rf"^## \[{base}\][^\n]*\n(.*?)(?=^## \[|\Z)", text, re.M | re.S)
    if not found or not found[1].strip():
        raise NotFoundError(f"CHANGELOG.md says nothing about {version}")
    return found[1].strip()


def main() -> int:
    """Run the command; returns the exit status."""
    if len(sys.argv) != 2:
        print("usage: release_notes.py VERSION", file=sys.stderr)
        return 2
    try:
        print(section(CHANGELOG.read_text(encoding="utf-8"), sys.argv[1]))
    except CsanmtError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
