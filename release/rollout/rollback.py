"""Back: traffic to the version that was in service before, whatever state this one is in."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from csanmt.errors import ConflictError, CsanmtError, NotFoundError
from release.ledger.ledger import Kind
from release.rollout.deployment import place
from release.rollout.retention import KEEP
from release.rollout.site import Site, Tell
from release.rollout.status import Look, Side, look
from release.rollout.switch import switch
from release.rollout.traffic import Colour, TrafficMovedError, other, require_generation

# A version, and the colour on which it lives; None where it must be started.
Target = tuple[str, Side | None]
TRIES = 5
"""How often a switch that another command overtook is looked at anew."""
HUNG_SECONDS = 5.0
"""How long a version that lives may take to answer, as while it starts."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Where traffic went, from where, and how long the switch took in seconds.

    Attributes:
        started: the version was not running any more and was started for this.
        already: it had all the traffic; nothing was changed.
    """

    release: str
    colour: Colour
    from_release: str
    seconds: float
    started: bool = False
    already: bool = False


def rollback(
    site: Site,
    release: str | None = None,
    *,
    why: str,
    expected: int | None = None,
    tell: Tell = lambda _: None,
) -> RolledBack:
    """Send all traffic to ``release``, or to the version before the present one.

    What runs is observed; what cannot be read is named and passed over. A version that runs
    gets the traffic at once, and without the site's lock: that must work while a promotion
    hangs, which notices that the traffic's generation moved on and gives up. One of the last
    three that does not run any more is started first, where no process serves users.

    Args:
        expected: generation of the traffic that is to be undone, for an observer whose verdict
            is about that one only; by default whatever there is.

    Raises:
        NotFoundError: there is nothing to go back to, or ``release`` neither runs nor is
            among the last three that served.
        ConflictError: it has to be started, and another command holds the site; or another
            rollback went elsewhere meanwhile.
        TrafficMovedError: the traffic has another generation than ``expected``.
        UnavailableError: it could not be started.
    """
    told: set[str] = set()
    for attempt in range(TRIES):
        now = look(site)
        for word in now.ignored:
            if word not in told:
                tell(f"ignored: {word}")
                told.add(word)
        require_generation(now.generation, expected)
        if attempt and release and now.traffic and now.traffic.purpose == "rollback":
            _require_same(now, release)
        target = _target(now, release)
        try:
            return _go(site, now, target, why, expected, tell)
        except TrafficMovedError:
            if expected is not None or attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _go(
    site: Site, now: Look, target: Target, why: str, expected: int | None, tell: Tell
) -> RolledBack:
    release, side = target
    if side is not None and _hangs(site, now, side):
        tell(f"{release} lives on {side.colour} and does not answer")
        side = None
    started = side is None
    if side is None:
        side = _start(site, now, release, tell)
    left = now.sides[other(side.colour)]
    if side.share == 100 and not started and now.live and _recorded(now, side):
        return RolledBack(side.release, side.colour, left.release or "-", 0.0, already=True)
    if expected is None and not started and now.traffic is not None:
        expected = now.generation
    _, seconds = switch(
        site, side, purpose="rollback", why=why, expected=expected,
        detail={"from": left.release or "-", "from_share": left.share, "started": started},
    )  # fmt: skip
    return RolledBack(side.release, side.colour, left.release or "-", seconds, started)


def _hangs(site: Site, now: Look, side: Side) -> bool:
    """Whether a version lives and would answer no users, who are elsewhere or can be."""
    served = any(each.state == "ready" for each in now.sides.values())
    if side.state == "ready" or (side.share and not served):
        return False
    return not site.clock.until(site.services[side.colour].ready, HUNG_SECONDS)


def _require_same(now: Look, release: str) -> None:
    """Two rollbacks at once to different versions: the second to look is told, not obeyed."""
    there = now.present
    if there and there.release != release:
        raise ConflictError(
            f"another rollback sent all traffic to {there.release} meanwhile; "
            f"repeat it if you still want {release}"
        )


# -- where to ------------------------------------------------------------------------------------


def _target(now: Look, release: str | None) -> Target:
    if release is None:
        return _previous(now)
    for side in now.sides.values():  # v1.2.0 means v1.2.0-abc1234, whatever the ledger knows
        if side.runs and side.release in (release, f"{release}-{side.release.rpartition('-')[2]}"):
            return side.release, side
    known = {side.release for side in now.sides.values()}
    served = now.state.served[:KEEP]
    if release not in known and release not in served:
        raise NotFoundError(
            f"{release} is not deployed (deployed is {now.words()}) and not among the last "
            f"{KEEP} that served ({', '.join(served) or 'none'})"
        )
    return release, None


def _previous(now: Look) -> Target:
    """The version to go back to, from what is observed and from the ledger.

    One colour with everything: what is on the other one if it ever served, else the newest
    that did; a candidate that never had all the traffic is no way back, nor is a version that
    a rollback left and nobody promoted since. If the router got there by a rollback of which
    the ledger knows nothing, that one was killed half-way and is finished now. A mixture: the
    version that last had everything, since the other is the candidate of an unfinished
    promotion. Where the ledger knows nothing of what runs, the other colour, unless its record
    says that it never served.
    """
    state, present = now.state, now.present
    if present is None:
        return _settled(now)
    traffic = now.traffic
    assert traffic is not None
    if traffic.purpose == "rollback" and not _recorded(now, present) and present.runs:
        return present.release, present
    beside = now.sides[other(present.colour)]
    if beside.runs and beside.release != present.release and state.trusts(beside.release):
        return beside.release, beside
    # Of a colour whose version failed to start, the ledger alone knows what it was meant to be.
    meant = present.release or state.active
    before = [name for name in state.served[:KEEP] if name != meant]
    for name in before:
        if state.trusts(name):
            return name, None
    served = beside.record.served if beside.record else None
    if not before and present.release not in state.served:  # the ledger is no guide
        if beside.runs and served is not False:
            return beside.release, beside
        if beside.state == "dead" and served:
            return beside.release, None
    trusted = state.trusts(meant) if meant and state.served else True
    if meant and present.state in ("dead", "empty") and trusted:
        return meant, None
    if before:
        raise NotFoundError(
            f"{', '.join(before)} served before {meant or 'now'} and was rolled back "
            f"from: go there all the same by csanmt release rollback {before[0]}"
        )
    raise NotFoundError(
        f"nothing served before {meant or 'now'}: there is no version to go back to"
    )


def _recorded(now: Look, side: Side) -> bool:
    """Whether the ledger knows that ``side`` has everything, or cannot be asked."""
    state = now.state
    return not state.entries or (
        state.active == side.release and now.generation <= state.generation
    )


def _settled(now: Look) -> Target:
    """Where both colours have traffic, or nobody can say who has."""
    active = now.state.active
    if active and now.traffic is None:  # which of two serves is what the ledger says
        for name in (active, *now.state.served[:KEEP]):
            if side := now.of(name):
                return name, side
    if active:
        return active, now.of(active)
    runs = [side for side in now.sides.values() if side.runs]
    if now.traffic is not None and len(runs) == 2:
        return now.sides[now.traffic.major].release, now.sides[now.traffic.major]
    if runs:
        return runs[0].release, runs[0]
    raise NotFoundError(
        f"no version is known that served (deployed is {now.words()}): "
        "name the version to go to, or deploy one"
    )


# -- starting it again -------------------------------------------------------------------------


def _start(site: Site, now: Look, release: str, tell: Tell) -> Side:
    """Start ``release`` where it died, or where no process serves users."""
    with site.exclusive(f"rollback to {release}"):
        bento = bento_of(site, now, release)
        site.launcher.require(bento)
        serving = now.serving
        if now.traffic is not None and now.traffic.mixed and serving is not None:
            serving = _give_all(site, now, tell)
        colour = other(serving.colour) if serving else now.place_for(release)
        if serving and now.traffic and not now.traffic.mixed and now.traffic.share(colour):
            tell(f"{serving.release or 'what'} on {serving.colour} answers meanwhile")
        tell(f"{release} does not run any more, or hangs; starting it from {bento}")
        place(
            site, release, bento, colour, why="started again by a rollback", spared=False, tell=tell
        )
    return look(site).sides[colour]


def _give_all(site: Site, now: Look, tell: Tell) -> Side:
    """In mid-canary: all traffic to the version in service, so that the other colour is free."""
    stable = now.of(now.state.active or "")
    stable = stable if stable and stable.state == "ready" else now.serving
    assert stable is not None
    switch(site, stable, purpose="rollback", why="makes room for an older version")
    tell(f"all traffic goes to {stable.release} meanwhile")
    return stable


def bento_of(site: Site, now: Look, release: str) -> str:
    """What to start: as it is recorded on its colour, in the ledger, or by its name."""
    records = (side.record for side in now.sides.values() if side.record)
    candidates = [record.bento for record in records if record.release == release]
    for kind, key in ((Kind.DEPLOY, "bento"), (Kind.BUILD, "image")):
        if entry := site.last(kind, release):
            candidates.append(str(entry.detail.get(key) or ""))
    for candidate in filter(None, candidates):
        with suppress(CsanmtError):
            site.launcher.require(candidate)
            return candidate
    return f"csanmt:{release}"
