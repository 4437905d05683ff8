"""Traffic to a colour, and the ledger's one entry of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from release.ledger.ledger import Kind
from release.rollout.site import Site
from release.rollout.status import Side
from release.rollout.traffic import Traffic

# Purposes for which a version has all the traffic and nobody chose it to serve.
UNSERVED = ("failover", "shadow")


def switch(
    site: Site,
    side: Side,
    weight: float = 100,
    *,
    purpose: str,
    why: str = "",
    sticky: bool = False,
    expected: int | None = None,
    detail: dict[str, Any] | None = None,
) -> tuple[Traffic, float]:
    """Give ``side`` its share and record it; returns what applies, and how long that took.

    The traffic comes first: what the ledger cannot take is kept beside it, and stops nothing.

    Raises:
        TrafficMovedError: the traffic has another generation than ``expected``.
        UnavailableError: the router refused or did not confirm.
    """
    start = site.clock.now()
    wanted = Traffic.of(side.colour, weight, sticky=sticky, purpose=purpose)
    applied = site.router.switch(wanted, expected=expected)
    seconds = site.clock.now() - start
    with suppress(OSError):
        site.down.unlink()
    if weight >= 100 and purpose not in UNSERVED and side.record and not side.record.served:
        site.remember(replace(side.record, served=True))
    site.note(
        Kind.ROLLBACK if purpose == "rollback" else Kind.SWITCH,
        side.release or "-",
        why=why or purpose,
        digests={"model": side.digest} if side.digest else {},
        detail={
            "colour": side.colour,
            "weight": weight,
            "generation": applied.generation,
            "seconds": round(seconds, 3),
            "purpose": purpose,
            **(detail or {}),
        },
    )
    return applied, seconds
