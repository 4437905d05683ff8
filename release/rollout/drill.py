"""A rehearsal: switch to the idle version and back under load, and count what was lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from csanmt.errors import NotFoundError, UnavailableError
from release.ledger.ledger import Kind
from release.rollout.load import Load
from release.rollout.promotion import Plan, promote
from release.rollout.site import Site
from release.rollout.status import Side, look
from release.rollout.switch import switch
from release.rollout.traffic import other, state_of
from release.running.service import authorization


@dataclass(frozen=True, slots=True)
class Drill:
    """What the clients saw.

    Attributes:
        requests: requests sent in all, none of them twice; ``lost`` got no answer or not 200.
        closed: connections that the front closed with an answer that said so.
        mislabelled: answers whose header named another model than their body.
        switch_seconds, rollback_seconds: from the command until every new request
            went to the other version, as the clients measured it.
    """

    forward: str
    back: str
    requests: int
    lost: int
    closed: int
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
    now = look(site)
    present = now.present
    if present is None or not present.runs:
        raise UnavailableError("no version alone is in service")
    idle = now.sides[other(present.colour)]
    if not idle.runs:
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
        closed=load.closed,
        mislabelled=len(load.mislabelled()),
        switch_seconds=round(max(late, default=0.0), 3),
        rollback_seconds=round(max(late_back, default=0.0), 3),
    )
    site.note(Kind.DRILL, idle.release, why="rehearsal", detail=result.to_json())
    return result


def _there_and_back(
    site: Site, present: Side, idle: Side, seconds: float, tell: Callable[[str], None]
) -> tuple[float, float]:
    """The moments of both commands; however the rehearsal ends, the traffic is back after it."""
    before = state_of(site.router)
    tell(f"switching to {idle.release}")
    switched = time.monotonic()
    try:
        promote(site, idle.release, Plan(), purpose="drill")
        time.sleep(seconds)
    finally:
        returned = time.monotonic()
        if state_of(site.router) != before:
            tell(f"going back to {present.release}")
            switch(site, present, purpose="drill", why="drill over")
    return switched, returned


@contextmanager
def _recorded(site: Site, release: str) -> Iterator[None]:
    """Leave an entry of a rehearsal that does not come to its end, too."""
    try:
        yield
    except BaseException as error:
        why = f"rehearsal broken off: {str(error) or type(error).__name__}"
        site.note(Kind.DRILL, release, why=why)
        raise
