"""Back: traffic to the version that was in service before, whatever state this one is in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from csanmt.errors import NotFoundError
from release.ledger.ledger import Kind
from release.ledger.state import ReleaseState, fold
from release.rollout.colours import Deployment
from release.rollout.deployment import deploy
from release.rollout.metrics_source import ready
from release.rollout.retention import KEEP
from release.rollout.site import Site
from release.rollout.traffic import COLOURS, Colour, Traffic, other, require_generation

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Where traffic went, from where, and how long the switch took in seconds.

    ``started``: the version was not running any more and was started for this.
    """

    release: str
    colour: Colour
    from_release: str
    seconds: float
    started: bool = False


def rollback(
    site: Site,
    release: str | None = None,
    *,
    why: str,
    expected: int | None = None,
    tell: Progress = lambda _: None,
) -> RolledBack:
    """Send all traffic to ``release``, or to the version before the present one.

    A version that still runs gets the traffic at once, and without the site's lock: that
    must work while a promotion hangs, which notices that the traffic's generation moved
    on and gives up. One of the last three that does not run any more is started first.

    Args:
        expected: generation of the traffic that is to be undone, for an observer whose verdict
            is about that one only; by default whatever there is.

    Raises:
        NotFoundError: there is nothing to go back to, or ``release`` neither runs nor is
            among the last three that served.
        ConflictError: it has to be started, and another command holds the site.
        TrafficMovedError: the traffic has another generation than ``expected``.
        UnavailableError: it could not be started.
    """
    before = site.router.state()
    require_generation(before.generation, expected)
    name = release or _previous(site, before)
    target = _deployed(site, name)
    started = target is None or not _runs(site, target)
    if target is None or started:
        target = _start_again(site, name, target, why, tell)
    start = site.clock.now()
    applied = site.router.switch(Traffic.of(target.colour, purpose="rollback"), expected=expected)
    seconds = site.clock.now() - start
    left = site.colours.known(other(target.colour))
    from_release = left.release if left else "-"
    site.ledger.append(
        Kind.ROLLBACK,
        target.release,
        who=site.who,
        why=why,
        digests={"model": target.digest} if target.digest else {},
        detail={
            "colour": target.colour,
            "from": from_release,
            "from_share": before.share(other(target.colour)),
            "generation": applied.generation,
            "seconds": round(seconds, 3),
            "started": started,
        },
    )
    return RolledBack(target.release, target.colour, from_release, seconds, started)


def _previous(site: Site, traffic: Traffic) -> str:
    """The release to go back to, from the router's state and the ledger.

    One colour with everything: what is on the other one if it ever served, else the newest
    that did; a candidate that never had all the traffic is no way back, nor is a version that
    a rollback left and nobody promoted since. If the router got
    there by a rollback of which the ledger knows nothing, that one was killed half-way and
    is finished now. A mixture: the version that last had everything, since the other is
    the candidate of an unfinished promotion.
    """
    state = fold(site.ledger.history())
    for colour in COLOURS:
        if traffic.share(colour) == 100:
            present, beside = site.colours.usable(colour), site.colours.usable(other(colour))
            if present and traffic.purpose == "rollback" and traffic.generation > state.generation:
                return present.release
            return _fallback(state, present, beside)
    if state.active and _deployed(site, state.active):
        return state.active
    raise NotFoundError(
        f"the ledger says {state.active or 'nothing'} was in service, which is on no colour; "
        "name the version to go back to"
    )


def _fallback(state: ReleaseState, present: Deployment | None, beside: Deployment | None) -> str:
    if beside and state.trusts(beside.release):
        return beside.release
    here = present.release if present else ""
    others = [release for release in state.served[:KEEP] if release != here]
    for release in others:
        if state.trusts(release):
            return release
    if others:
        raise NotFoundError(
            f"{', '.join(others)} served before {here or 'now'} and was rolled back from: "
            "name the version to go there all the same"
        )
    raise NotFoundError(f"nothing served before {here or 'now'}: there is no version to go back to")


def _deployed(site: Site, release: str) -> Deployment | None:
    found = (site.colours.usable(colour) for colour in COLOURS)
    return next((d for d in found if d and d.release == release), None)


def _runs(site: Site, target: Deployment) -> bool:
    """Whether it answers, or at least lives: a slow answer must not delay the way back."""
    return ready(target.url, timeout=0.5) or site.launcher.alive(target.handle)


def _start_again(
    site: Site, release: str, dead: Deployment | None, why: str, tell: Progress
) -> Deployment:
    """Start ``release`` where it died, or on the colour without traffic."""
    served = fold(site.ledger.history()).served[:KEEP]
    if dead is None and release not in served:
        present = [found for colour in COLOURS if (found := site.colours.known(colour))]
        have = ", ".join(f"{found.colour}: {found.release}" for found in present)
        raise NotFoundError(
            f"{release} is not deployed (deployed is {have or 'nothing'}) and not among the last "
            f"{KEEP} that served ({', '.join(served) or 'none'})"
        )
    if dead is None:
        _settle(site, why, tell)
    entry = site.ledger.last(Kind.DEPLOY, release)
    bento = dead.bento if dead else str(entry.detail["bento"]) if entry else f"csanmt:{release}"
    tell(f"{release} does not run any more; starting it from {bento}")
    colour = dead.colour if dead else None
    return deploy(
        site, release, bento, force=f"rollback: {why}", colour=colour, over_fallback=True, tell=tell
    )


def _settle(site: Site, why: str, tell: Progress) -> None:
    """In mid-canary: back to the version in service, so that the other colour is free."""
    if 0 < site.router.state().blue < 100:
        back = rollback(site, why=why, tell=tell)
        tell(f"all traffic goes to {back.release} meanwhile")
