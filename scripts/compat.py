"""Try every combination of libraries and write the matrix: `make compat`.

Outcomes are kept in build/compat.json, so a run may do a few combinations at a time;
the table shows all that were tried.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from release.compat import COMBINATIONS, Outcome, table, try_combination, write_table

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "build" / "compat.json"
MODEL = ROOT / "model_store" / "default"


def main() -> int:
    """Run the command; returns 1 when the locked combination does not work."""
    parser = argparse.ArgumentParser(prog="compat", description=__doc__)
    parser.add_argument("names", nargs="*", help="combinations to try (all)")
    parser.add_argument("--port", type=int, default=3395, help="for the service (3395)")
    parser.add_argument("--model", type=Path, default=MODEL, help="model directory to serve")
    parser.add_argument("--list", action="store_true", help="name the combinations and stop")
    options = parser.parse_args()
    if options.list:
        print("\n".join(combination.name for combination in COMBINATIONS))
        return 0
    known = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for combination in COMBINATIONS:
        if options.names and combination.name not in options.names:
            continue
        outcome = try_combination(combination, ROOT, options.model, options.port)
        print(f"{'✅' if outcome.works else '❌'} {outcome.name} {outcome.answers}", flush=True)
        known[outcome.name] = asdict(outcome)
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(known, indent=2, ensure_ascii=False))
        tried = [Outcome(**known[c.name]) for c in COMBINATIONS if c.name in known]
        write_table(ROOT / "docs" / "compatibility.md", table(tried))
    locked = known.get("locked")
    return 0 if locked and Outcome(**locked).works else 1


if __name__ == "__main__":
    sys.exit(main())
