"""How things stand now: nginx's word, the colours' records, their health, and any mismatch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from csanmt.errors import CsanmtError, IntegrityError
from release.ledger.state import ReleaseState, fold
from release.rollout.direct import listens
from release.rollout.metrics_source import ready
from release.rollout.samples import Reading, between
from release.rollout.site import Site
from release.rollout.traffic import COLOURS, Colour, Traffic


@dataclass(frozen=True, slots=True)
class Side:
    """One colour. Rates are over ``standing``'s window, else since the version's start.

    Attributes:
        state: ``ready``, ``not ready``, ``dead``, ``empty``, or ``unknown`` where the record of
            what runs there cannot be read.
    """

    colour: Colour
    share: float
    release: str
    model: str
    state: str
    qps: float = 0.0
    error_rate: float = 0.0
    p95: float | None = None
    health: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """Both colours, and what does not fit together, in words.

    Attributes:
        generation: of the traffic that requests meet now.
        active: release that the ledger says is in service.
    """

    sides: tuple[Side, ...]
    generation: int
    active: str | None
    remarks: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def standing(site: Site, window: float = 1.0) -> Standing:
    """Look at everything once; rates come from two samples ``window`` seconds apart.

    Never raises for what it finds: a dead colour, a damaged record, a missing include, a
    front that is down or an unrecorded switch become remarks. The shares are those that
    requests meet, which are not the written ones after a command was killed between writing
    and applying.
    """
    remarks: list[str] = []
    written: Traffic | None = None
    try:
        written = site.router.state()
    except CsanmtError as error:
        remarks.append(str(error))
    live = site.router.live()
    if written:
        remarks += _unapplied(written, live)
    traffic = live or written
    readings, complaint = _readings(site, window)
    remarks += complaint
    sides = tuple(_side(site, colour, traffic, readings.get(colour)) for colour in COLOURS)
    remarks += [word for colour in COLOURS if (word := _damage(site, colour))]
    state = fold(site.ledger.history())
    if traffic:
        remarks += _mismatches(traffic, sides, state)
    generation = traffic.generation if traffic else 0
    return Standing(sides, generation, state.active, tuple(remarks))


def _readings(site: Site, window: float) -> tuple[dict[Colour, Reading], list[str]]:
    """Rates of both colours, or none and why."""
    try:
        first = {colour: site.metrics.sample(colour) for colour in COLOURS}
        site.clock.sleep(window)
        last = {colour: site.metrics.sample(colour) for colour in COLOURS}
    except CsanmtError as error:
        return {}, [str(error)]
    return {colour: between(first[colour], last[colour], window) for colour in COLOURS}, []


def _damage(site: Site, colour: Colour) -> str:
    try:
        site.colours.get(colour)
    except IntegrityError as error:
        return str(error)
    return ""


def _side(site: Site, colour: Colour, traffic: Traffic | None, reading: Reading | None) -> Side:
    share = traffic.share(colour) if traffic else 0.0
    deployment = site.colours.known(colour)
    if deployment is None:
        return Side(colour, share, "", "", "unknown" if _damage(site, colour) else "empty")
    state = "not ready"
    if ready(deployment.url, timeout=1.0):
        state = "ready"
    elif not site.launcher.alive(deployment.handle):
        state = "dead"
    side = Side(colour, share, deployment.release, deployment.model, state)
    if reading is None:
        return side
    return replace(
        side,
        qps=reading.qps,
        error_rate=reading.error_rate,
        p95=reading.p95,
        health=reading.health,
    )


def _unapplied(written: Traffic, live: Traffic | None) -> list[str]:
    if live is None:
        return ["nginx does not answer: nothing is served"]
    if live.generation == written.generation:
        return []
    return [
        f"nginx obeys generation {live.generation} ({_shares(live)}), its file says "
        f"{written.generation} ({_shares(written)}): a command was killed before nginx took "
        "it up; promote or roll back to settle it"
    ]


def _mismatches(traffic: Traffic, sides: tuple[Side, ...], state: ReleaseState) -> list[str]:
    found = []
    for side in sides:
        if side.share > 0 and side.state != "ready":
            found.append(f"{side.colour} has {side.share:g}% of the traffic and is {side.state}")
        if side.share == 100 and side.release and state.active not in (None, side.release):
            found.append(
                f"nginx sends everything to {side.release}, the ledger last recorded "
                f"{state.active}: a command was killed between the two; promote or roll back "
                "to settle it"
            )
    if 0 < traffic.blue < 100:
        found.append(
            f"a promotion is unfinished ({_shares(traffic)}): promote to finish it or roll back"
        )
    unrecorded = traffic.generation > state.generation > 0 and traffic.purpose != "shadow"
    if unrecorded:
        found.append(
            f"nginx is at generation {traffic.generation}, the ledger at {state.generation}"
        )
    if traffic.shadow and not listens(traffic.shadow_to):
        found.append(
            f"{traffic.shadow:g}% of the requests are copied to {traffic.shadow_to}, where nobody "
            "listens: a comparison was killed; promote or roll back to end it (no user is harmed)"
        )
    return found


def _shares(traffic: Traffic) -> str:
    return f"blue {traffic.blue:g}%, green {traffic.green:g}%"
