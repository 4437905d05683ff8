"""Back: traffic to the version that was in service before, whatever state this one is in."""

from __future__ import annotations

from dataclasses import dataclass

from csanmt.errors import NotFoundError, UnavailableError
from release.colours import Deployment
from release.ledger import Kind
from release.metrics_source import ready
from release.site import Site
from release.state import fold
from release.traffic import COLOURS, Colour, Traffic, other


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Where traffic went, from where, and how long the switch took in seconds."""

    release: str
    colour: Colour
    from_release: str
    seconds: float


def rollback(site: Site, release: str | None = None, *, why: str) -> RolledBack:
    """Send all traffic to ``release``, or to the version before the present one.

    Takes no lock: it must work while a promotion hangs. A promotion notices that the
    traffic's generation moved on and gives up.

    Raises:
        NotFoundError: there is nothing to go back to, or ``release`` is on no colour.
        UnavailableError: the version to go back to does not answer.
    """
    before = site.router.state()
    target = site.colours.running(release) if release else _previous(site, before)
    if not ready(target.url, timeout=0.5) and not site.launcher.alive(target.handle):
        raise UnavailableError(
            f"{target.release} on {target.colour} is not running; "
            f"deploy it again: csanmt release deploy {target.release}"
        )
    start = site.clock.now()
    applied = site.router.switch(Traffic.of(target.colour))
    seconds = site.clock.now() - start
    left = site.colours.get(other(target.colour))
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
        },
    )
    return RolledBack(target.release, target.colour, from_release, seconds)


def _previous(site: Site, traffic: Traffic) -> Deployment:
    """The deployment to go back to, from the router's state and, if that is mixed, the ledger.

    One colour with everything: the other one. A mixture: the version that last had
    everything, since the other is the candidate of an unfinished promotion.
    """
    for colour in COLOURS:
        if traffic.share(colour) == 100:
            fallback = site.colours.get(other(colour))
            if fallback is None:
                raise NotFoundError(f"nothing is deployed on {other(colour)} to go back to")
            return fallback
    active = fold(site.ledger.history()).active
    for colour in COLOURS:
        deployment = site.colours.get(colour)
        if deployment and deployment.release == active:
            return deployment
    raise NotFoundError(
        f"the ledger says {active or 'nothing'} was in service, which is on no colour; "
        "name the version to go back to"
    )
