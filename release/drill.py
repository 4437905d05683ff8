"""A rehearsal: switch to the idle version and back under load, and count what was lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from csanmt.errors import NotFoundError, UnavailableError
from release.deployment import fallback_of
from release.ledger import Kind
from release.load import Load, authorization
from release.promotion import Plan, promote
from release.rollback import rollback
from release.site import Site


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

    Args:
        address: ``host:port`` of nginx, on this machine.
        seconds: time between the steps.
        per_second: most requests a second; 0 is as many as there are answers.

    Raises:
        NotFoundError: no second version is running.
        UnavailableError: there is nothing in service.
    """
    present = site.colours.get(site.router.state().major)
    idle = fallback_of(site)
    if present is None:
        raise UnavailableError("nothing is in service")
    if idle is None:
        raise NotFoundError("a drill needs a version on the idle colour: deploy one first")
    headers = authorization(site.api_key)
    with Load(address, clients, per_second=per_second, headers=headers) as load:
        time.sleep(seconds)
        tell(f"switching to {idle.release}")
        switched = time.monotonic()
        promote(site, idle.release, Plan())
        time.sleep(seconds)
        tell(f"rolling back to {present.release}")
        returned = time.monotonic()
        rollback(site, present.release, why="drill")
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
