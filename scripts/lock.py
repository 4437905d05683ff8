"""Lock the dependency sets again, or check that the locks are current: `make lock`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from csanmt.errors import CsanmtError
from release.lock import lock, read_pins, stale

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="lock", description=__doc__)
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
