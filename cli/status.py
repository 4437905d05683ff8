"""``csanmt release status``: how things stand, by the ledger and by nginx."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from cli.output import note, print_json, print_table
from cli.shipping import shipments_of
from cli.site_action import health, open_ledger, seconds, site_action, site_home, site_of
from csanmt.errors import CsanmtError

if TYPE_CHECKING:
    from cli.output import Actions
    from release.ledger.state import ReleaseState
    from release.rollout.status import Standing

PAUSE = 2.0  # seconds between two looks of --watch


def register(actions: Actions) -> None:
    """Add the actions to ``csanmt release``'s subparsers."""
    status = site_action(actions, "status", _status)
    status.add_argument("--watch", action="store_true", help="repeat until interrupted")


def _status(args: argparse.Namespace) -> None:
    """Show how far each version has come, which one serves, and how the colours are.

    By the ledger; where this machine has a site, also what nginx really sends where,
    how the colours are, and what does not fit together. Grafana's dashboard (deploy/)
    shows the same over time.
    """
    from release.ledger.state import fold

    ledger = open_ledger()
    while True:
        try:
            state = fold(ledger.history())
        except (CsanmtError, ValueError) as error:  # what runs can be told without it
            state = fold(())
            note(str(error))
        now = _standing(args)
        if args.json:
            traffic = asdict(now) if now else None
            shown = {"ledger": str(ledger.path), **asdict(state), "traffic": traffic}
            print_json(shown, indent=None if args.watch else 2)
        else:
            if args.watch and sys.stdout.isatty():
                print("\x1b[2J\x1b[H", end="")
            _print_versions(state)
            if now:
                print()
                _print_traffic(now)
                _print_shipment(args)
        if not args.watch:
            return
        sys.stdout.flush()
        time.sleep(PAUSE)


def _standing(args: argparse.Namespace) -> Standing | None:
    """How the site stands; None where nothing was ever deployed."""
    from release.rollout.status import standing

    return standing(site_of(args, applied=True)) if (site_home(args) / "colours").is_dir() else None


def _print_versions(state: ReleaseState) -> None:
    words = {True: "yes", False: "NO", None: "-"}
    rows = [
        (
            v.version, words[v.ready],
            "pushed" if "push" in v.latest else "-",
            "serves" if v.version == state.active else "served" if v.version in state.served
            else "retired" if v.retired else "-",
            max(v.latest.values())[:19], "; ".join(v.reasons),
        )
        for v in state.versions.values()
    ]  # fmt: skip
    print_table(["VERSION", "READY", "PUSHED", "TRAFFIC", "LAST (UTC)", "WHY NOT"], rows)


def _print_traffic(now: Standing) -> None:
    print_table(
        ["COLOUR", "SHARE", "RELEASE", "MODEL", "STATE", "QPS", "ERRORS", "P95", "HEALTH"],
        [
            (s.colour, f"{s.share:g}%", s.release or "-", s.model or "-", s.state,
             f"{s.qps:.1f}", f"{s.error_rate:.1%}", seconds(s.p95), health(s.health))
            for s in now.sides
        ],
    )  # fmt: skip
    for remark in now.remarks:
        note(remark)


def _print_shipment(args: argparse.Namespace) -> None:
    """The shipment under way, or how the last one ended."""
    shipments = shipments_of(args)
    shipment, progress = shipments.current(), shipments.progress()
    if shipment is None:
        return
    print(
        f"\n{shipment.release}: nobody can read how far it came"
        if progress.lost and not progress.over
        else f"\n{shipment.release} is {progress.phase} at {progress.share:g}% "
        f"(watched {progress.watched:.0f} s of this step)"
    )
    for words in progress.words[-5:]:
        print(f"  {words}")
    if not progress.over and not shipments.keeper_runs():
        note("no keeper runs: csanmt release keep goes on with it")
