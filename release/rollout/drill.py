"""A rehearsal: switch to the idle version and back under load, and count what was lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from csanmt.errors import NotFoundError, UnavailableError
from release.ledger.ledger import Kind
from release.rollout.colours import Deployment
from release.rollout.deployment import fallback_of
from release.rollout.load import Load, authorization
from release.rollout.promotion import Plan, promote
from release.rollout.rollback import rollback
from release.rollout.site import Site


@dataclass(frozen=True, slots=True)
class Drill:
    """What the clients saw.

    Attributes:
        requests: requests sent in all; ``lost`` got no answer or not 200.
        mislabelled: answers whose header named another model than their body.
        switch_seconds, rollback_seconds: from the command until every new request
            went to the other version, as the clients measured it.
    """

    forward: str
    back: str
    requests: int
    lost: int
    mislabelled: int
    switch_seconds: float
    rollback_seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def drill(
    site: Site,
    address: str,
    *,
    clients: int = 16,
    seconds: float = 5.0,
    per_second: float = 0.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Drill:
    """Promote the idle version and roll back, with ``clients`` asking ``address`` all the while.

    A drill that is broken off rolls back as well, and leaves an entry in the ledger.

    Args:
        address: ``host:port`` of nginx, on this machine.
        seconds: time between the steps.
        per_second: most requests a second; 0 is as many as there are answers.

    Raises:
        NotFoundError: no second version is running.
        UnavailableError: there is nothing in service.
        ConflictError: another command is under way.
    """
    present = site.colours.get(site.router.state().major)
    idle = fallback_of(site)
    if present is None:
        raise UnavailableError("nothing is in service")
    if idle is None:
        raise NotFoundError("a drill needs a version on the idle colour: deploy one first")
    load = Load(address, clients, per_second=per_second, headers=authorization(site.api_key))
    with site.exclusive(f"drill with {idle.release}"), _recorded(site, idle.release), load:
        time.sleep(seconds)
        switched, returned = _there_and_back(site, present, idle, seconds, tell)
        time.sleep(seconds)
    forth = [a for a in load.answers if switched <= a.began < returned]
    late = [a.began - switched for a in forth if a.colour != idle.colour]
    after = [a for a in load.answers if a.began >= returned]
    late_back = [a.began - returned for a in after if a.colour != present.colour]
    result = Drill(
        forward=idle.release,
        back=present.release,
        requests=len(load.answers),
        lost=len(load.lost()),
        mislabelled=len(load.mislabelled()),
        switch_seconds=round(max(late, default=0.0), 3),
        rollback_seconds=round(max(late_back, default=0.0), 3),
    )
    site.ledger.append(
        Kind.DRILL, idle.release, who=site.who, why="rehearsal", detail=result.to_json()
    )
    return result


def _there_and_back(
    site: Site,
    present: Deployment,
    idle: Deployment,
    seconds: float,
    tell: Callable[[str], None],
) -> tuple[float, float]:
    """The moments of both commands; however the rehearsal ends, the traffic is back after it."""
    before = site.router.state()
    tell(f"switching to {idle.release}")
    switched = time.monotonic()
    try:
        promote(site, idle.release, Plan())
        time.sleep(seconds)
    finally:
        returned = time.monotonic()
        if site.router.state() != before:
            tell(f"rolling back to {present.release}")
            rollback(site, present.release, why="drill")
    return switched, returned


@contextmanager
def _recorded(site: Site, release: str) -> Iterator[None]:
    """Leave an entry of a rehearsal that does not come to its end, too."""
    try:
        yield
    except BaseException as error:
        why = f"rehearsal broken off: {str(error) or type(error).__name__}"
        site.ledger.append(Kind.DRILL, release, who=site.who, why=why)
        raise
