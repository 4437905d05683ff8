"""``csanmt release ship|approve|pause|abort|keep|up|down|units``: what outlives a terminal."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.output import answer, note, print_json
from cli.site_action import full_release, site_action, site_home, site_of
from csanmt.errors import InvalidInputError, UnavailableError
from csanmt.source_tree import SOURCE_TREE

if TYPE_CHECKING:
    from cli.output import Actions
    from release.rollout.deployment import Check
    from release.rollout.promotion import PromotionPlan
    from release.rollout.shipment import Order, Shipment, Shipments
    from release.rollout.site import Site

API_TESTS = SOURCE_TREE / "tests" / "api_test.py"
FOLLOW_SECONDS = 0.3
# How long a shipment may be without a keeper before its follower starts another.
ORPHANED_SECONDS = 3.0
KEEPERS = 3  # that it starts one after the other, before it tells that none stays


def register(actions: Actions) -> None:
    """Add the actions to ``csanmt release``'s subparsers."""
    ship = site_action(actions, "ship", _ship)
    ship.add_argument("release", metavar="VERSION")
    add_plan(ship, "30m")
    ship.add_argument("--bento", help="bento or image to run (csanmt:VERSION)")
    ship.add_argument("--skip-api-tests", action="store_true", help="smoke sentences only")
    ship.add_argument("--force", metavar="REASON", default="", help="ship unjudged")
    site_action(actions, "approve", _approve)
    site_action(actions, "pause", _pause)
    abort = site_action(actions, "abort", _abort)
    abort.add_argument("--why", default="by hand", help="reason, for the ledger")
    keep = site_action(actions, "keep", _keep)
    keep.add_argument("--once", action="store_true", help="end when nothing is being shipped")
    site_action(actions, "up", _up)
    site_action(actions, "down", _down)
    units = site_action(actions, "units", _units)
    units.add_argument("--to", type=Path, metavar="DIR", help="write the files there")
    units.add_argument("--user", default="", help="whose processes they are (you)")


def duration(text: str) -> float:
    """``90``, ``90s``, ``5m``, ``2h`` → seconds.

    Raises:
        InvalidInputError: anything else.
    """
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    try:
        return float(number) * unit
    except ValueError:
        raise InvalidInputError(f"{text!r} is no duration; write 90s, 5m or 2h") from None


def add_plan(parser: argparse.ArgumentParser, observe: str) -> None:
    """The options of a plan, of which ``plan_of`` makes one."""
    parser.add_argument("--canary", metavar="5,25,50,100", help="shares in percent")
    parser.add_argument("--interval", metavar="5m", default="5m", help="time of a step (5m)")
    parser.add_argument(
        "--observe", metavar="30m", default=observe, help=f"time to watch after ({observe})"
    )
    parser.add_argument("--poll", metavar="10s", default="10s", help="time between readings (10s)")
    parser.add_argument("--sticky", action="store_true", help="a client keeps its colour")
    parser.add_argument(
        "--pause-at", metavar="25", default="", help="shares after which somebody must approve"
    )
    parser.add_argument(
        "--deadline", metavar="6h", default="6h", help="go back when it takes longer (6h)"
    )
    parser.add_argument(
        "--detach", action="store_true", help="leave it to the keeper and return at once"
    )


def plan_of(args: argparse.Namespace) -> PromotionPlan:
    from release.rollout.promotion import PromotionPlan, parse_weights

    return PromotionPlan(
        weights=parse_weights(args.canary) if args.canary else (100,),
        interval=duration(args.interval),
        observe=duration(args.observe),
        poll=duration(args.poll),
        sticky=args.sticky,
    )


# --- ship -------------------------------------------------------------------------------------


def _ship(args: argparse.Namespace) -> int:
    """Bring a version into service: deploy, try, promote, observe; or go back.

    Deploys VERSION on the colour without users, asks it the smoke sentences and the API
    tests, gives it traffic at once or by --canary steps, watches each step and then
    --observe, and ends with the version in service or with all traffic back. A keeper
    process carries it out; this command only follows it and may be left at any time.
    --pause-at holds it until csanmt release approve. Exit status 1: it went back.
    """
    from release.rollout.site import apply_settings
    from release.rollout.status import look

    site = site_of(args)
    release = full_release(site, args.release)
    look(site).state.require_verdict(release, args.force)
    apply_settings(site)
    return hand_over(
        args,
        site,
        release,
        bento=args.bento or runnable(site, release),
        force=args.force,
        checked=not args.skip_api_tests,
    )


def hand_over(args: argparse.Namespace, site: Site, release: str, **more: Any) -> int:
    """Submit a shipment to the site's keeper, start one where none runs, and follow it."""
    from release.rollout.promotion import parse_weights
    from release.rollout.shipment import Shipment

    shipment = Shipment(
        release,
        plan=plan_of(args),
        pause_at=parse_weights(args.pause_at) if args.pause_at else (),
        deadline=duration(args.deadline),
        who=site.who,
        **more,
    )
    shipments = shipments_of(args)
    shipments.submit(shipment)
    if not shipments.keeper_runs():
        _start_keeper(args)
    if args.detach:
        note("csanmt release status --watch follows it")
        return 0
    return _follow(args, shipments, shipment)


def shipments_of(args: argparse.Namespace) -> Shipments:
    from release.rollout.shipment import Shipments

    return Shipments(site_home(args) / "keeper")


def runnable(site: Site, release: str) -> str:
    """What the site's launcher runs of a release: its image, or its bento."""
    from release.ledger.ledger import Kind

    build = site.last(Kind.BUILD, release)
    if site.launcher.kind == "container" and build and build.detail.get("image"):
        return str(build.detail["image"])
    return f"csanmt:{release}"


def _start_keeper(args: argparse.Namespace) -> None:
    """A process of its own session, which no hangup of this terminal reaches."""
    home = site_home(args)
    (home / "keeper").mkdir(parents=True, exist_ok=True)
    with (home / "keeper" / "keeper.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "csanmt", "release", "keep", "--once", "--site", str(home)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _follow(args: argparse.Namespace, shipments: Shipments, shipment: Shipment) -> int:
    """Print what happens until it is over; the shipment goes on when this is interrupted."""
    shown: tuple[str, ...] = ()
    alone, started = 0.0, 0
    log = site_home(args) / "keeper" / "keeper.log"
    try:
        while True:
            progress = shipments.progress()
            for words in progress.words:
                if words not in shown:
                    note(words)
            shown = progress.words
            if progress.over:
                break
            alone = 0.0 if shipments.keeper_runs() else alone + FOLLOW_SECONDS
            if alone > ORPHANED_SECONDS:
                if started == KEEPERS:
                    raise UnavailableError(f"no keeper of this site stays alive; its log: {log}")
                note("no keeper runs; starting one")
                _start_keeper(args)
                alone, started = 0.0, started + 1
            time.sleep(FOLLOW_SECONDS)
    except KeyboardInterrupt:
        note(f"the keeper goes on with {shipment.release}; csanmt release abort ends it")
        return 130
    done = progress.phase == "done"
    last = progress.words[-1].partition(" ")[2]
    found = {
        "release": shipment.release,
        "completed": done,
        "share": progress.share,
        "reasons": [] if done else [last],
        "phase": progress.phase,
    }
    answer(args, found, last)
    return 0 if done else 1


# --- orders -----------------------------------------------------------------------------------


def _approve(args: argparse.Namespace) -> None:
    """Let a shipment that waits go on.

    After the share it waits at; its next --pause-at waits again.
    """
    _order(args, "approve")


def _pause(args: argparse.Namespace) -> None:
    """Hold a shipment before its next step.

    It keeps its share and is looked after until csanmt release approve.
    """
    _order(args, "pause")


def _abort(args: argparse.Namespace) -> None:
    """End a shipment and send its traffic back.

    All traffic goes to the version before, as csanmt release rollback does it.
    """
    _order(args, "abort")


def _order(args: argparse.Namespace, name: Order) -> None:
    from release.ledger.ledger import current_user

    shipments = shipments_of(args)
    shipment = shipments.order(name, args.why if name == "abort" else current_user())
    if not shipments.keeper_runs():
        _start_keeper(args)
    answer(
        args,
        {"release": shipment.release, "order": name},
        f"{name}: {shipment.release}; csanmt release status --watch follows it",
    )


# --- keeper, up, down ----------------------------------------------------------------------------


def _keep(args: argparse.Namespace) -> None:
    """Be the site's keeper: carry shipments out, start again what dies.

    One process a site, in the foreground; systemd's units (csanmt release units) run
    it for good, and csanmt release ship starts one where none runs. Killed, it goes
    on where it stopped when it is started again.
    """
    from release.rollout.keeper import keep

    site = site_of(args, applied=True)
    opened = partial(site_of, args, applied=True)
    keep(opened, shipments_of(args), once=args.once, checks=checks_of(site), tell=note)


def checks_of(site: Site) -> tuple[Check, ...]:
    """What a deployment is asked besides the smoke sentences: the API tests, where they are."""
    from release.running.launchers import ask_api

    return (lambda url: note(ask_api(url, API_TESTS, site.api_key)),) if API_TESTS.is_file() else ()


def _up(args: argparse.Namespace) -> None:
    """Start the site with what served last, as after a reboot.

    Starts the version, then nginx, then what stood beside it. What runs stays as it is.
    """
    from release.rollout.upkeep import up

    site = site_of(args, applied=True)
    release = up(site, note)
    answer(args, {"release": release}, f"{release} serves at {site.router.settings.listen}")


def _down(args: argparse.Namespace) -> None:
    """Stop nginx and both colours, each after what it has begun.

    The site's records stay; csanmt release up brings it back.
    """
    from release.rollout.upkeep import down

    down(site_of(args, applied=True), note)


def _units(args: argparse.Namespace) -> None:
    """Print systemd's units for site and keeper, and a rule for logrotate.

    --to DIR writes them as files. The site's unit brings it up at boot; the keeper's
    runs csanmt release keep.
    """
    from release.ledger.ledger import current_user, default_path
    from release.rollout.upkeep import units

    environment = {**os.environ, "CSANMT_LEDGER": str(default_path())}
    command = Path(sys.executable).parent / "csanmt"
    files = units(command, site_home(args), args.user or current_user(), environment)
    if args.json:
        print_json(files)
        return
    for name, text in files.items():
        if args.to:
            args.to.mkdir(parents=True, exist_ok=True)
            (args.to / name).write_text(text, encoding="utf-8")
            print(args.to / name)
        else:
            print(f"# {name}\n{text}")
