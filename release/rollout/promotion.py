"""From the idle colour into service: at once, or by canary steps that are each watched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from csanmt.errors import ConfigurationError, ConflictError, UnavailableError
from release.ledger.ledger import Kind
from release.rollout.colours import Deployment
from release.rollout.metrics_source import ready
from release.rollout.observation import Observation, observe, record
from release.rollout.rollback import rollback
from release.rollout.site import Site
from release.rollout.traffic import Traffic, TrafficMovedError, other


@dataclass(frozen=True, slots=True)
class Plan:
    """How to promote.

    Attributes:
        weights: shares in percent, rising, ending at 100; ``(100,)`` is blue-green.
        interval: seconds each step before the last is watched.
        observe: seconds to watch after the last step; 0 leaves that to ``observe``.
        poll: seconds between two readings.
        sticky: a client always meets the same colour.
    """

    weights: tuple[float, ...] = (100,)
    interval: float = 300.0
    observe: float = 0.0
    poll: float = 10.0
    sticky: bool = False

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.weights, self.weights[1:], strict=False))
        if not self.weights or self.weights[-1] != 100 or not rising or self.weights[0] <= 0:
            raise ConfigurationError(
                f"canary weights are {self.weights}; they must rise from above 0 to 100"
            )

    @property
    def watched(self) -> bool:
        """Whether any step is."""
        return self.observe > 0 or (self.interval > 0 and len(self.weights) > 1)


@dataclass(frozen=True, slots=True)
class Promoted:
    """How a promotion ended: ``completed``, or rolled back with the breach's words."""

    release: str
    completed: bool
    reasons: tuple[str, ...] = ()
    share: float = 0.0


Progress = Callable[[str], None]


def promote(site: Site, release: str, plan: Plan, tell: Progress = lambda _: None) -> Promoted:
    """Bring ``release``, which must be deployed and ready, into service by ``plan``.

    Raises:
        ConflictError: another promotion is under way, traffic was changed meanwhile, or the
            first step is below the release's share, or leaves the rest to nobody in service.
        NotFoundError: the release is on no colour.
        ConfigurationError: it is to be watched, and refuses the site's API key.
        UnavailableError: it is not ready, or what keeps the rest is not, or the router refused.
        CsanmtError: it fell ill and could not be rolled back; the alert says so.
    """
    with site.exclusive(f"promotion of {release}"):
        deployment = site.colours.running(release)
        if not ready(deployment.url, timeout=5.0):
            raise UnavailableError(f"{release} on {deployment.colour} is not ready")
        if plan.watched:
            site.metrics.sample(deployment.colour)  # what cannot be judged gets no traffic
        traffic = _traffic(site)
        _require_counterpart(site, deployment, traffic, plan.weights[0])
        generation = traffic.generation if traffic else 0
        for weight in plan.weights:
            generation = _switch(site, deployment, weight, plan.sticky, generation)
            tell(f"{weight:g}% of the traffic goes to {release} ({deployment.colour})")
            seconds = plan.interval if weight < 100 else plan.observe
            if seconds <= 0:
                continue
            seen = observe(site, deployment.colour, generation, seconds, plan.poll)
            seen = _act_on(site, deployment, seen)
            if seen.interrupted:
                return Promoted(release, False, ("the traffic was changed meanwhile",), weight)
            if seen.breaches:
                reasons = tuple(breach.message for breach in seen.breaches)
                return Promoted(release, False, reasons, weight)
    return Promoted(release, True, share=100)


def watch(site: Site, seconds: float, poll: float, tell: Progress = lambda _: None) -> Observation:
    """Watch the version that has most of the traffic; roll back when it falls ill.

    Raises:
        UnavailableError: nothing is deployed there.
        CsanmtError: it fell ill and could not be rolled back; the alert says so.
    """
    traffic = site.router.state()
    colour = traffic.major
    deployment = site.colours.get(colour)
    if deployment is None:
        raise UnavailableError(f"{colour} has the traffic but no deployment is recorded")
    tell(f"watching {deployment.release} on {colour} for {seconds:g} s")
    with site.watching():
        seen = observe(site, colour, traffic.generation, seconds, poll)
    return _act_on(site, deployment, seen)


def _traffic(site: Site) -> Traffic | None:
    try:
        return site.router.state()
    except UnavailableError:
        return None  # the first promotion of this site


def _require_counterpart(
    site: Site, deployment: Deployment, traffic: Traffic | None, weight: float
) -> None:
    """See that the rest of a first step's traffic stays with a version that serves it now."""
    share = traffic.share(deployment.colour) if traffic else 0
    if weight < share:
        raise ConflictError(
            f"{deployment.release} has {share:g}% of the traffic already; a first step of "
            f"{weight:g}% would take some away, which is what csanmt release rollback is for"
        )
    if weight == 100:
        return
    rival = other(deployment.colour)
    beside = site.colours.usable(rival)
    if traffic is None or beside is None:
        raise ConflictError(
            f"nothing in service on {rival} could keep the other {100 - weight:g}%: "
            f"promote {deployment.release} at once"
        )
    if not ready(beside.url, timeout=5.0):
        raise UnavailableError(
            f"{beside.release} on {rival}, which would keep {100 - weight:g}% of the traffic, is "
            f"not ready: promote {deployment.release} at once"
        )


def _switch(site: Site, deployment: Deployment, weight: float, sticky: bool, expected: int) -> int:
    purpose = "promotion" if weight >= 100 else "canary"
    wanted = Traffic.of(deployment.colour, weight, sticky=sticky, purpose=purpose)
    start = site.clock.now()
    applied = site.router.switch(wanted, expected=expected)
    site.ledger.append(
        Kind.SWITCH,
        deployment.release,
        who=site.who,
        why=purpose,
        digests={"model": deployment.digest} if deployment.digest else {},
        detail={
            "colour": deployment.colour,
            "weight": weight,
            "generation": applied.generation,
            "seconds": round(site.clock.now() - start, 3),
        },
    )
    return applied.generation


def _act_on(site: Site, deployment: Deployment, seen: Observation) -> Observation:
    """Record what was seen and roll an ill version back; people are told how that went.

    Returns:
        ``seen``, or that it was interrupted, if another command moved the traffic first.
    """
    record(site, deployment.release, seen)
    if not seen.breaches:
        return seen
    reasons = "; ".join(breach.message for breach in seen.breaches)
    why = f"{deployment.release} on {deployment.colour}: {reasons}"
    detail = {"release": deployment.release, "breaches": seen.to_json()["breaches"]}
    try:
        back = rollback(site, why=why, expected=seen.generation)
    except TrafficMovedError:
        return replace(seen, breaches=(), interrupted=True)
    except Exception as error:
        site.alert.send(f"ill, and could not be rolled back: {error} ({why})", detail)
        raise
    site.alert.send(f"rolled back to {back.release}: {why}", {**detail, "to": back.release})
    return seen


def parse_weights(text: str) -> tuple[float, ...]:
    """``"5,25,50,100"`` → weights.

    Raises:
        ConfigurationError: not a list of numbers.
    """
    try:
        weights: Sequence[float] = [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigurationError(
            f"canary weights are {text!r}; write percents such as 5,25,50,100"
        ) from None
    return tuple(weights)
