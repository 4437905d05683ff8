"""From the idle colour into service: at once, or by canary steps that are each watched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from csanmt.errors import ConfigurationError, ConflictError, NotFoundError, UnavailableError
from release.rollout.observation import Observation, observe, record
from release.rollout.rollback import rollback
from release.rollout.site import Site, Tell
from release.rollout.status import Look, Side, look
from release.rollout.switch import switch
from release.rollout.traffic import TrafficMovedError, other


@dataclass(frozen=True, slots=True)
class PromotionPlan:
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
        rising = all(a < b for a, b in zip((0, *self.weights), self.weights, strict=False))
        if self.weights[-1:] != (100,) or not rising or any(w % 1 for w in self.weights):
            raise ConfigurationError(
                f"canary weights are {self.weights}; they must rise from 1 to 100, whole percents"
            )

    @property
    def watched(self) -> bool:
        """Whether any step is."""
        return self.observe > 0 or (self.interval > 0 and len(self.weights) > 1)

    def seconds(self, weight: float) -> float:
        """How long a step is watched."""
        return self.interval if weight < 100 else self.observe


@dataclass(frozen=True, slots=True)
class Promoted:
    """How a promotion ended: ``completed``, or rolled back with the breach's words."""

    release: str
    completed: bool
    reasons: tuple[str, ...] = ()
    share: float = 0.0


class Guide:
    """Told of every step of a promotion; another one may hold it up, or end it by an error."""

    def before(self, weight: float) -> None:
        """A step to ``weight`` is about to be made."""

    def watched(self, weight: float) -> float:
        """Seconds of this step's time that were watched already, by a command before."""
        return 0.0

    def tick(self, weight: float, before: float, seconds: float) -> None:
        """A step has been watched for ``seconds`` more, after ``before`` by commands before."""


def promote(
    site: Site,
    release: str,
    plan: PromotionPlan,
    tell: Tell = lambda _: None,
    *,
    purpose: str = "promotion",
    guide: Guide = Guide(),
) -> Promoted:
    """Bring ``release``, which must be deployed and ready, into service by ``plan``.

    Raises:
        ConflictError: another promotion is under way, traffic was changed meanwhile, or the
            first step is below the release's share, or leaves the rest to nobody in service.
        NotFoundError: the release is on no colour.
        ConfigurationError: it is to be watched, and refuses the site's API key.
        UnavailableError: it is not ready, or what keeps the rest is not, or the router refused.
        CsanmtError: it fell ill and could not be rolled back; the alert says so.
    """
    with site.exclusive(f"{purpose} of {release}"):
        now = look(site)
        side = _ready(now, release)
        if plan.watched:
            site.metrics.sample(side.colour)  # what cannot be judged gets no traffic
        _require_counterpart(now, side, plan.weights[0])
        generation = now.generation
        for weight in plan.weights:
            guide.before(weight)
            if not (weight == side.share and guide.watched(weight)):  # a step taken up again
                name = purpose if weight >= 100 else "canary"
                applied, _ = switch(
                    site, side, weight, purpose=name, sticky=plan.sticky, expected=generation
                )
                generation = applied.generation
                tell(f"{weight:g}% of the traffic goes to {release} ({side.colour})")
            before = guide.watched(weight)
            seconds = plan.seconds(weight) - before
            if seconds <= 0:
                continue
            tick = partial(guide.tick, weight, before)
            seen = observe(site, side.colour, generation, seconds, plan.poll, tick)
            seen = _act_on(site, side, seen, back=weight < 100 or bool(seen.breaches))
            if seen.reasons:
                return Promoted(release, False, seen.reasons, weight)
    return Promoted(release, True, share=100)


def watch(site: Site, seconds: float, poll: float, tell: Tell = lambda _: None) -> Observation:
    """Watch the version that has most of the traffic; roll back when it falls ill.

    Raises:
        UnavailableError: nothing is deployed there.
        CsanmtError: it fell ill and could not be rolled back; the alert says so.
    """
    now = look(site)
    if now.traffic is None:
        raise UnavailableError("nothing is in service here that could be watched")
    side = now.sides[now.traffic.major]
    tell(f"watching {side.release or 'what serves'} on {side.colour} for {seconds:g} s")
    with site.watching():
        seen = observe(site, side.colour, now.generation, seconds, poll)
    return _act_on(site, side, seen, back=bool(seen.breaches))


def _ready(now: Look, release: str) -> Side:
    side = now.of(release)
    if side is None:
        raise NotFoundError(f"{release} is not deployed (deployed is {now.words()})")
    if side.state != "ready":
        raise UnavailableError(f"{release} on {side.colour} is {side.state}")
    return side


def _require_counterpart(now: Look, side: Side, weight: float) -> None:
    """See that the rest of a first step's traffic stays with a version that serves it now."""
    if now.traffic is not None and weight < side.share:
        raise ConflictError(
            f"{side.release} has {side.share:g}% of the traffic already; a first step of "
            f"{weight:g}% would take some away, which is what csanmt release rollback is for"
        )
    if weight == 100:
        return
    beside = now.sides[other(side.colour)]
    if now.traffic is None or beside.state in ("empty", "unknown") or beside.ending:
        raise ConflictError(
            f"nothing in service on {beside.colour} could keep the other {100 - weight:g}%: "
            f"promote {side.release} at once"
        )
    if beside.state != "ready":
        raise UnavailableError(
            f"{beside.release} on {beside.colour}, which would keep {100 - weight:g}% of the "
            f"traffic, is {beside.state}: promote {side.release} at once"
        )


def _act_on(site: Site, side: Side, seen: Observation, *, back: bool) -> Observation:
    """Record what was seen and roll an ill version back; people are told how that went.

    Returns:
        ``seen``, or that it was interrupted, if another command moved the traffic first.
    """
    record(site, side.release or "-", seen)
    if not seen.reasons or seen.interrupted:
        return seen
    detail = {"release": side.release, "breaches": seen.to_json()["breaches"]}
    why = f"{side.release} on {side.colour}: {'; '.join(seen.reasons)}"
    if not back:
        site.alert.send(f"not judged: {why}", detail)
        return seen
    if _front_alone(seen):
        site.router.start()
        site.alert.send(f"the front was started again: {why}", detail)
        traffic = site.router.state()
        if traffic is None or not traffic.mixed:
            return seen
    try:
        done = rollback(site, why=why, expected=seen.generation)
    except TrafficMovedError:
        return replace(seen, breaches=(), interrupted=True)
    except Exception as error:
        site.alert.send(f"ill, and could not be rolled back: {error} ({why})", detail)
        raise
    _end_what_hangs(site, side)
    site.alert.send(f"rolled back to {done.release}: {why}", {**detail, "to": done.release})
    return seen


def _front_alone(seen: Observation) -> bool:
    """Whether it is the front that is gone, for which no version can be blamed."""
    return bool(seen.breaches) and all(breach.rule == "front" for breach in seen.breaches)


def _end_what_hangs(site: Site, side: Side) -> None:
    """End a version that lives and does not answer: nginx asks its requests of the other one."""
    if site.launcher.runs(site.place(side.colour)) and not site.services[side.colour].ready():
        site.launcher.stop(site.place(side.colour), deadline_seconds=0)


def parse_weights(text: str) -> tuple[float, ...]:
    """``"5,25,50,100"`` → weights.

    Raises:
        ConfigurationError: not a list of numbers.
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ConfigurationError(
            f"canary weights are {text!r}; write percents such as 5,25,50,100"
        ) from None
