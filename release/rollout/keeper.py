"""The keeper: one process a site that carries a shipment out and keeps the colours alive.

It outlives the terminal, and its plan and progress outlive it: whatever kills it, the next
keeper goes on where it stopped, by what it finds running.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from csanmt.errors import CsanmtError
from release.rollout.deployment import Check, deploy
from release.rollout.promotion import Guide, Promoted, promote
from release.rollout.rollback import rollback
from release.rollout.settings import APPLIED
from release.rollout.shipment import Phase, Shipment, ShipmentProgress, Shipments
from release.rollout.site import Site, Tell
from release.rollout.status import Look, look
from release.rollout.traffic import Colour
from release.rollout.upkeep import Upkeep

TICK_SECONDS = 1.0
SAVED_EVERY = 2.0  # seconds of watching that a kill may cost


class EndedError(CsanmtError):
    """A shipment is not to go on: it was aborted, or its time is over."""

    code = "ended"


def keep(
    opened: Callable[[], Site],
    shipments: Shipments,
    *,
    once: bool = False,
    checks: tuple[Check, ...] = (),
    tell: Tell = lambda _: None,
) -> None:
    """Carry out what is submitted and tend the site, for ever, or until nothing is left to do.

    Args:
        opened: opens the site, by the settings that were applied last.
        once: end when no shipment is pending.
        checks: of a deployment, besides the smoke sentences.

    Raises:
        ConflictError: there is another keeper.
    """
    with shipments.kept():
        upkeep = Upkeep(opened(), tell)
        applied = _applied(upkeep.site)
        while True:
            if applied != (applied := _applied(upkeep.site)):
                upkeep.site = opened()
            if shipments.planless():
                _end_planless(upkeep.site, shipments, tell)
            if shipment := shipments.pending():
                upkeep.site = opened()
                _Journey(upkeep.site, shipments, shipment, upkeep, tell).carry_out(checks)
            elif once:
                return
            upkeep.tend_at_times()
            upkeep.site.clock.sleep(TICK_SECONDS)


def _applied(site: Site) -> int:
    """When the settings by which the site runs were last applied."""
    try:
        return (site.home / APPLIED).stat().st_mtime_ns
    except OSError:
        return 0


def _end_planless(site: Site, shipments: Shipments, tell: Tell) -> None:
    """Of what is under way nobody can read what it is: a split of the traffic does not stay."""
    why = "the plan of what was being shipped is lost"
    traffic = site.router.state()
    try:
        if traffic is not None and traffic.mixed:
            why = f"{why}; all traffic goes to {rollback(site, why=why, tell=tell).release}"
        shipments.save(shipments.progress().say(why, phase="failed"))
    except Exception as error:
        why = f"{why}; and it could not be ended: {error}"
    tell(why)
    site.alert.send(why, {})


def _generation(site: Site) -> int | None:
    traffic = site.router.state()
    return traffic.generation if traffic else None


@dataclass(slots=True)
class _Journey(Guide):
    """One shipment under way; the guide of its promotion."""

    site: Site
    shipments: Shipments
    shipment: Shipment
    upkeep: Upkeep
    tell: Tell
    progress: ShipmentProgress = field(init=False)
    _saved: float = 0.0
    _down: int = 0
    _begun: float = field(init=False)
    _spent: float = field(init=False)
    _paused: float = 0.0

    def __post_init__(self) -> None:
        self.progress = self.shipments.progress()
        self._begun, self._spent = self.site.clock.now(), self.progress.spent
        self.site.who = self.shipment.who or self.site.who

    def carry_out(self, checks: tuple[Check, ...]) -> None:
        release = self.shipment.release
        if not self.progress.share and not self.progress.lost:
            self._alert(f"{release} is being shipped")
        try:
            self._obey()
            if self.progress.lost:  # it may have been in service, or back, for long
                raise EndedError("its progress is lost; nothing more is done with it")
            self._deploy(checks)
            done = self._promote()
        except EndedError as error:
            self._go_back(str(error), "aborted" if self.shipments.ordered("abort") else "back")
        except Exception as error:  # whatever it is, the traffic goes back and the keeper lives
            self._go_back(str(error) or type(error).__name__, "failed")
        else:
            if done.completed:
                self._finish("done", f"{release} has all the traffic and was well")
            else:
                self._finish("back", f"{release} went back: {'; '.join(done.reasons)}")

    @property
    def colour(self) -> Colour | None:
        return self.progress.colour or None

    # -- the steps ---------------------------------------------------------------------------

    def _deploy(self, checks: tuple[Check, ...]) -> None:
        shipment = self.shipment
        side = look(self.site).of(shipment.release)
        if side is None and shipment.bento and not self.progress.share:
            self._say(f"deploying {shipment.release}", phase="deploying")
            done = deploy(
                self.site,
                shipment.release,
                shipment.bento,
                force=shipment.force,
                checks=checks if shipment.checked else (),
                tell=self._say,
            )
            self._save(colour=done.colour)
        elif side is not None:
            self._save(colour=side.colour)

    def _promote(self) -> Promoted:
        shipment, now = self.shipment, look(self.site)
        share = self._share(now)
        if share < self.progress.share:
            if now.generation != self.progress.generation:
                return Promoted(shipment.release, False, ("the traffic was changed meanwhile",))
            # A keeper was killed between its word and its deed.
            self._save(share=share, watched=shipment.plan.seconds(share) if share else 0.0)
        weights = tuple(weight for weight in shipment.plan.weights if weight >= share)
        plan = replace(shipment.plan, weights=weights)
        return promote(self.site, shipment.release, plan, tell=self._say, guide=self)

    # -- as the guide of the promotion -----------------------------------------------------------

    def before(self, weight: float) -> None:
        before = [w for w in self.shipment.plan.weights if w < weight]
        wait = bool(before) and before[-1] in self.shipment.pause_at
        seen = _generation(self.site)
        while True:
            self._obey()
            approved = self.shipments.ordered("approve")
            if approved is not None:
                self.shipments.obeyed("approve")
                self._say(f"approved by {approved}", approved=self.progress.share)
            waits = wait and self.progress.approved < before[-1]
            if not waits and self.shipments.ordered("pause") is None:
                break
            if self.progress.phase != "paused":
                words = f"{self.shipment.release} waits at {self.progress.share:g}% for approval"
                self._say(f"{words}: csanmt release approve", phase="paused")
                self._alert(f"{words}: csanmt release approve, or abort")
            self._see_to_it(seen)
            self.upkeep.tend_at_times(spare=self.colour)
            self.site.clock.sleep(TICK_SECONDS)
            self._paused += TICK_SECONDS
        if weight != self.progress.share:
            generation = _generation(self.site) or 0
            self._save(phase="sharing", share=weight, watched=0.0, generation=generation)
        else:
            self._save(phase="sharing")

    def watched(self, weight: float) -> float:
        return self.progress.watched if weight == self.progress.share else 0.0

    def tick(self, weight: float, before: float, seconds: float) -> None:
        seconds += before
        self._obey()
        self.upkeep.tend_at_times(spare=self.colour)
        if seconds - self._saved >= SAVED_EVERY or seconds < self._saved:
            self._saved = seconds
            self._save(phase="watching", share=weight, watched=seconds)

    # -- parts ---------------------------------------------------------------

    def _see_to_it(self, generation: int | None) -> None:
        """In a pause, which nobody watches: end it when the version dies or loses its traffic."""
        if generation is not None and _generation(self.site) not in (None, generation):
            raise EndedError("the traffic was changed meanwhile")
        if self.colour is None:
            return
        self._down = 0 if self.site.services[self.colour].ready() else self._down + 1
        if self._down >= self.site.thresholds.down_checks:
            raise EndedError(f"it does not answer on {self.colour}, {self._down} times in a row")

    def _obey(self) -> None:
        if (why := self.shipments.ordered("abort")) is not None:
            raise EndedError(f"aborted: {why}")
        if self._spending() > self.shipment.deadline:
            raise EndedError(f"not in service after {self.shipment.deadline:g} s, its deadline")

    def _share(self, now: Look) -> float:
        """What its colour has of the traffic, whether it lives, died, or has no record left."""
        side = now.put(self.shipment.release)
        if side is None and self.colour and not now.sides[self.colour].release:
            side = now.sides[self.colour]
        return side.share if side else 0.0

    def _spending(self) -> float:
        return self._spent + self.site.clock.now() - self._begun - self._paused

    def _go_back(self, why: str, phase: Phase) -> None:
        """End without success; what has traffic loses it."""
        release, now = self.shipment.release, look(self.site)
        unclear = self.progress.lost and (now.traffic is None or now.traffic.mixed)
        if unclear or (self.progress.share and self._share(now)):
            try:
                done = rollback(self.site, why=f"{release}: {why}", tell=self._say)
                why = f"{why}; all traffic goes to {done.release}"
            except Exception as error:
                phase, why = "failed", f"{why}; and could not be rolled back: {error}"
        self._finish(phase, f"{release}: {why}")

    def _finish(self, phase: Phase, words: str) -> None:
        self._say(words, phase=phase)
        self._alert(words)

    def _alert(self, words: str) -> None:
        self.site.alert.send(words, {"release": self.shipment.release})

    def _say(self, words: str, **changes: Any) -> None:
        self.tell(words)
        self._store(self.progress.say(words, **changes))

    def _save(self, **changes: Any) -> None:
        self._store(replace(self.progress, **changes))

    def _store(self, progress: ShipmentProgress) -> None:
        self.progress = replace(progress, spent=self._spending())
        try:
            self.shipments.save(self.progress)
        except OSError as error:  # a full disk holds nobody up
            self.tell(f"the progress is not written: {error.strerror}")
