"""``csanmt release deploy|promote|observe|rollback|status|retain``: versions in service."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from cli.output import answer, answer_table, note, print_json, print_table
from cli.shipping import add_plan, checks_of, duration, hand_over, plan_of, runnable, shipments_of
from cli.site_action import bento_home, full_release, open_ledger, site_action, site_home, site_of
from csanmt.errors import InvalidInputError

if TYPE_CHECKING:
    from cli.output import Actions
    from release.ledger.state import ReleaseState
    from release.rollout.site import Site
    from release.rollout.status import Standing

PAUSE = 2.0  # seconds between two looks of status --watch


def register(actions: Actions) -> None:
    """Add the actions to ``csanmt release``'s subparsers."""
    deploy = site_action(actions, "deploy", _deploy)
    deploy.add_argument("release", metavar="VERSION")
    deploy.add_argument("--bento", help="bento or image to run (csanmt:VERSION)")
    deploy.add_argument("--skip-api-tests", action="store_true", help="smoke sentences only")
    deploy.add_argument("--force", metavar="REASON", default="", help="deploy unjudged")
    promote = site_action(actions, "promote", _promote)
    promote.add_argument("release", metavar="VERSION")
    add_plan(promote, "0")
    promote.add_argument("--shadow", metavar="10%", help="compare answers only, for --interval")
    observe = site_action(actions, "observe", _observe)
    observe.add_argument("--for", dest="window", metavar="30m", default="30m", help="(30m)")
    observe.add_argument("--poll", metavar="10s", default="10s", help="time between readings (10s)")
    rollback = site_action(actions, "rollback", _rollback)
    rollback.add_argument("release", metavar="VERSION", nargs="?")
    rollback.add_argument("--why", default="by hand", help="reason, for the ledger")
    status = site_action(actions, "status", _status)
    status.add_argument("--watch", action="store_true", help="repeat until interrupted")
    retain = site_action(actions, "retain", _retain)
    retain.add_argument("--yes", action="store_true", help="remove, instead of showing")


# --- deploy -----------------------------------------------------------------------------------


def _deploy(args: argparse.Namespace) -> None:
    """Start a version on the colour without traffic and try it there.

    VERSION is the release's tag, v1.2.0-abc1234. It is started from its bento (or
    image), awaited until ready, asked the smoke sentences, and tried by the API tests
    where the checkout has them; it gets no traffic.
    A version that the gate has not judged fit is refused, unless --force gives a
    reason, which the ledger keeps. The version on that colour before is stopped; while
    csanmt release observe may need it as the way back, that is refused.
    """
    from release.rollout.deployment import deploy
    from release.rollout.site import apply_settings

    site = site_of(args)
    release = full_release(site, args.release)
    bento = args.bento or runnable(site, release)
    checks = () if args.skip_api_tests else checks_of(site)
    apply_settings(site)
    done = deploy(site, release, bento, force=args.force, checks=checks, tell=note)
    answer(
        args,
        asdict(done),
        f"{done.release} is ready on {done.colour} at {done.url}, serving {done.model}",
    )


# --- promote ----------------------------------------------------------------------------------


def _promote(args: argparse.Namespace) -> int:
    """Send traffic to a deployed version: at once, by canary steps, or as a shadow.

    Without options all traffic moves at once (blue-green). --canary moves it by
    steps, each watched for --interval; a version that breaks a threshold is rolled
    back. --shadow copies a share of the requests to the version without serving its
    answers and reports how they differ. --observe watches after the last step.
    """
    from release.rollout.promotion import promote
    from release.rollout.site import apply_settings

    site = site_of(args)
    if args.shadow:
        return _shadow(args, site)
    release, plan = full_release(site, args.release), plan_of(args)
    apply_settings(site)
    if plan.watched:
        return hand_over(args, site, release)
    done = promote(site, release, plan, tell=note)
    for word in site.ignored:
        note(word)
    answer(args, asdict(done), f"{done.release} has all the traffic")
    return 0


def _shadow(args: argparse.Namespace, site: Site) -> int:
    from release.rollout.shadow import shadow

    try:
        share = float(args.shadow.rstrip("%"))
    except ValueError:
        raise InvalidInputError(f"{args.shadow!r} is no share; write 10%") from None
    report = shadow(
        site, full_release(site, args.release), share, duration(args.interval), tell=note
    )
    if args.json:
        print_json(asdict(report))
        return 0
    print(
        f"{report.compared} answers compared, {report.churn:.1%} differ, {report.dropped} skipped"
    )
    rows = [
        (
            colour,
            side["answers"],
            side["errors"],
            _seconds(side["p95_seconds"]),
            f"{side['mean_characters']:.0f}",
            _health(side["health"]),
        )
        for colour, side in report.sides.items()
    ]
    print_table(["COLOUR", "ANSWERS", "ERRORS", "P95", "CHARACTERS", "HEALTH"], rows)
    return 0


# --- observe, rollback ------------------------------------------------------------------------


def _observe(args: argparse.Namespace) -> int:
    """Watch the version in service; roll back when it falls ill.

    Compares the version in service with the thresholds (deploy/thresholds.toml) and
    with the other colour. A breach sends the traffic back, writes the ledger and
    sends the alert; the exit status is then 1.
    """
    from release.rollout.promotion import watch

    seen = watch(site_of(args, applied=True), duration(args.window), duration(args.poll), tell=note)
    well = f"{seen.colour} was well for {seen.seconds:.0f} s ({seen.answers} answers)"
    words = "; ".join(seen.reasons) or well
    answer(args, seen.to_json(), f"rolled back: {words}" if seen.breaches else words)
    for word in seen.unjudged:
        note(f"not judged: {word}")
    return 1 if seen.reasons and not seen.interrupted else 0


def _rollback(args: argparse.Namespace) -> None:
    """Send all traffic back to the version before, at once.

    Works when the present version is dead and while a promotion hangs: what to go
    back to is read from nginx and the ledger, and is never a version that a rollback
    left and nobody promoted since. VERSION names any of the last three that served;
    one that does not run any more is started from its bento (or image) first, which
    takes as long as a start takes.
    """
    from release.rollout.shipment import roll_back_past

    site = site_of(args, applied=True)
    release = full_release(site, args.release) if args.release else None
    back = roll_back_past(site, shipments_of(args), release, why=args.why, tell=note)
    after = "already; nothing was changed" if back.already else f"after {back.seconds:.2f} s"
    answer(args, asdict(back), f"all traffic goes to {back.release} ({back.colour}) {after}")
    for word in site.ignored:
        note(word)


# --- status -----------------------------------------------------------------------------------


def _status(args: argparse.Namespace) -> None:
    """Show how far each version has come, which one serves, and how the colours are.

    By the ledger; where this machine has a site, also what nginx really sends where,
    how the colours are, and what does not fit together. Grafana's dashboard (deploy/)
    shows the same over time.
    """
    from release.ledger.state import recall

    ledger = open_ledger()
    while True:
        state, complaint = recall(ledger)  # what runs can be told without it
        if complaint:
            note(complaint)
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

    there = any((site_home(args) / name).exists() for name in ("colours", "nginx"))
    return standing(site_of(args, applied=True)) if there else None


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
             f"{s.qps:.1f}", f"{s.error_rate:.1%}", _seconds(s.p95), _health(s.health))
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


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{1000 * value:.0f} ms"


def _health(shares: Mapping[str, float]) -> str:
    return " ".join(f"{name} {share:.1%}" for name, share in shares.items() if share) or "well"


# --- retain -------------------------------------------------------------------


def _retain(args: argparse.Namespace) -> None:
    """Remove what is older than the newest three releases that served.

    Shows what would go and what stays, and why. --yes removes it: bentos, images and
    model versions of releases that the ledger knows, each recorded before it goes and
    again when it went; what was cut short is repeated by the next removal.
    """
    from release.ledger.state import fold
    from release.rollout.retention import deployed, plan, retain

    site = site_of(args)
    removed: dict[str, list[str]] = {}
    if args.yes:
        keeping, removed = retain(site, bento_home())
    else:
        keeping = plan(fold(site.ledger.history()), deployed(site))
    rows = [(name, "stays", why) for name, why in keeping.keep.items()]
    verb = "removed" if args.yes else "would go"
    rows += [(name, verb, ", ".join(removed.get(name, []))) for name in keeping.remove]
    found = {"keep": keeping.keep, "remove": list(keeping.remove), "removed": removed}
    answer_table(args, found, ["RELEASE", "", "WHY"], rows)
    if keeping.remove and not args.yes:
        note("nothing was removed; repeat with --yes")
