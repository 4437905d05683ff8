"""A version on its way into service, as it stands on disk: the plan, the progress, the orders.

Whoever carries it out may be killed at any moment; the next one reads here what is left to do.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from csanmt.durable import lock, replace_text
from csanmt.errors import ConfigurationError, ConflictError, NotFoundError
from csanmt.tables import from_json
from release.rollout.promotion import PromotionPlan
from release.rollout.rollback import RolledBack, rollback
from release.rollout.site import Site, SiteHeldError, Tell, hold
from release.rollout.status import look

Order = Literal["pause", "abort", "approve"]
Phase = Literal[
    "waiting", "deploying", "sharing", "paused", "watching", "done", "back", "aborted", "failed"
]
OVER: tuple[Phase, ...] = ("done", "back", "aborted", "failed")
KEPT_WORDS = 50
OBSERVE_SECONDS = 1800.0
DEADLINE_SECONDS = 6 * 3600.0
# How long a rollback waits for a shipment to end, which may have to start a version.
ABORT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Shipment:
    """What shall be done with a version.

    Attributes:
        bento: what it is started from; empty: it is deployed already.
        force: reason to deploy it unjudged.
        checked: it is asked the API tests where there are some.
        plan: shares and times.
        pause_at: shares after which somebody must approve.
        deadline: seconds after which it goes back, pauses not counted.
        who: acts.
    """

    release: str
    bento: str = ""
    force: str = ""
    checked: bool = True
    plan: PromotionPlan = field(default_factory=lambda: PromotionPlan(observe=OBSERVE_SECONDS))
    pause_at: tuple[float, ...] = ()
    deadline: float = DEADLINE_SECONDS
    who: str = ""

    def __post_init__(self) -> None:
        for share in self.pause_at:
            if share not in self.plan.weights[:-1]:
                raise ConfigurationError(
                    f"--pause-at {share:g} is no step before the last of "
                    f"{', '.join(f'{w:g}' for w in self.plan.weights)}"
                )


@dataclass(frozen=True, slots=True)
class ShipmentProgress:
    """How far it has come.

    Attributes:
        colour: where it was deployed; empty before that.
        share: percent of the traffic that it was given last.
        generation: of the traffic before it was given.
        watched: seconds for which that share was watched.
        spent: seconds of the deadline that are spent.
        approved: the highest share after which somebody let it go on.
        words: what happened, newest last, each with its time.
        lost: there is a plan, and nobody can read how far it came.
    """

    phase: Phase
    colour: Literal["", "blue", "green"] = ""
    share: float = 0.0
    generation: int = 0
    watched: float = 0.0
    spent: float = 0.0
    approved: float = 0.0
    words: tuple[str, ...] = ()
    lost: bool = False

    @property
    def over(self) -> bool:
        return self.phase in OVER

    def say(self, words: str, **changes: Any) -> ShipmentProgress:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return replace(self, words=(*self.words, f"{now} {words}")[-KEPT_WORDS:], **changes)


class Shipments:
    """The one shipment of a site, in files below ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def submit(self, shipment: Shipment) -> None:
        """Hand a shipment over to the keeper.

        Raises:
            ConflictError: another one is not over yet.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._turn():
            if pending := self.pending():
                raise ConflictError(
                    f"{pending.release} is being shipped: csanmt release status follows it, "
                    "csanmt release abort ends it"
                )
            for order in ("pause", "abort", "approve"):
                (self.directory / order).unlink(missing_ok=True)
            if not self.progress().over:  # a plan beside this would be one to be carried out
                self.save(
                    ShipmentProgress("failed").say(f"{shipment.release} is not handed over yet")
                )
            # The plan first: cut between the two, nothing is shipped, least of all the last one.
            replace_text(self._path("plan"), json.dumps(asdict(shipment), indent=1) + "\n")
            self.save(ShipmentProgress("waiting").say(f"{shipment.release} is handed over"))

    def current(self) -> Shipment | None:
        """The last one that was submitted; None where there is none that can be read."""
        try:
            return from_json(Shipment, self._path("plan").read_bytes())
        except (OSError, ConfigurationError):
            return None

    def pending(self) -> Shipment | None:
        """The one that is not over."""
        return None if self.progress().over else self.current()

    def planless(self) -> bool:
        """Whether something is under way of which nobody can read what it is."""
        started = self._path("progress").exists() and not self.progress().over
        return started and self.current() is None

    def progress(self) -> ShipmentProgress:
        """How far it has come; ``lost`` where that cannot be read."""
        try:
            return from_json(ShipmentProgress, self._path("progress").read_bytes())
        except (OSError, ConfigurationError):
            return ShipmentProgress("waiting", lost=self._path("plan").exists())

    def save(self, progress: ShipmentProgress) -> None:
        replace_text(self._path("progress"), json.dumps(asdict(progress), indent=1) + "\n")

    # -- what people order meanwhile -----------------------------------------------------

    def order(self, name: Order, words: str) -> Shipment:
        """Leave an order for whoever carries it out.

        Raises:
            NotFoundError: nothing is being shipped.
        """
        shipment = self.pending()
        if shipment is None:
            raise NotFoundError("nothing is being shipped")
        if name == "approve":
            (self.directory / "pause").unlink(missing_ok=True)
        replace_text(self.directory / name, words + "\n")
        return shipment

    def ordered(self, name: Order) -> str | None:
        """The words of an order that was left; None where there is none."""
        try:
            return (self.directory / name).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def obeyed(self, name: Order) -> None:
        (self.directory / name).unlink(missing_ok=True)

    # -- one keeper ------------------------------------------------------------------------

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Be the site's one keeper until the body ends.

        Raises:
            ConflictError: there is another one.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        path = self.directory / "keeper.lock"
        # who asks whether one runs has it for a moment
        with hold(path, str(os.getpid()), _kept, wait_seconds=1.0):
            yield

    def keeper_runs(self) -> bool:
        try:
            with (self.directory / "keeper.lock").open("a") as file:
                return not lock(file)
        except OSError:
            return False

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with (self.directory / "submit.lock").open("a") as file:
            lock(file, wait_seconds=5.0)
            yield

    def _path(self, name: str) -> Path:
        return self.directory / f"{name}.json"


def _kept(holder: str) -> ConflictError:
    return ConflictError(f"a keeper of this site runs already (process {holder or 'unknown'})")


def roll_back_past(
    site: Site,
    shipments: Shipments,
    release: str | None,
    *,
    why: str,
    tell: Tell = lambda _: None,
) -> RolledBack:
    """``rollback``; where a version must be started and a shipment holds the site, end that first.

    Raises: as :func:`release.rollout.rollback.rollback`.
    """
    try:
        return rollback(site, release, why=why, tell=tell)
    except SiteHeldError:
        shipment = shipments.pending()
        if shipment is None or not shipments.keeper_runs():
            raise
        tell(f"{shipment.release} is being shipped; that is ended first")
        shipments.order("abort", f"a rollback: {why}")
        if not site.clock.until(lambda: shipments.progress().over, ABORT_SECONDS):
            raise
    there = look(site).present
    # Without a name the abort has gone back already, and once is enough.
    return rollback(site, release or (there.release if there else None), why=why, tell=tell)
