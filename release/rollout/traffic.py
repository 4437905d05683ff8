"""Which colour gets which share of the traffic, and the seam to whatever routes it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from csanmt.errors import ConfigurationError, ConflictError

Colour = Literal["blue", "green"]
SHARE_METRIC = "csanmt_traffic_share_percent"
GENERATION_METRIC = "csanmt_traffic_generation_total"
"""What nginx publishes of its traffic at ``/-/metrics``."""

COLOURS: tuple[Colour, Colour] = ("blue", "green")


class TrafficMovedError(ConflictError):
    """Another command changed the traffic since the caller looked at it."""


def other(colour: Colour) -> Colour:
    return "green" if colour == "blue" else "blue"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Shares of the requests in percent, summing to 100.

    Attributes:
        blue, green: percent of requests, 0 to 100, at most two decimals.
        sticky: a client (address + authorization) always meets the same colour.
        generation: grows by one with every switch.
        shadow: percent of the requests copied to ``shadow_to`` without serving its answer.
        shadow_to: ``host:port`` of the collector; empty when nothing is copied.
        purpose: what the switch was for, so that one whose command was killed before the
            ledger heard of it can be told: ``promotion``, ``canary``, ``rollback``, ``shadow``.

    Raises:
        ConfigurationError: a share out of range, or a sum other than 100.
    """

    blue: float
    green: float
    sticky: bool = False
    generation: int = 0
    shadow: float = 0
    shadow_to: str = ""
    purpose: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.shadow <= 100 or (self.shadow > 0) != bool(self.shadow_to):
            raise ConfigurationError(
                f"shadow is {self.shadow} to {self.shadow_to!r}; "
                "allowed is 0, or up to 100 with a collector"
            )
        for colour in COLOURS:
            share = self.share(colour)
            if not 0 <= share <= 100 or round(share, 2) != share:
                raise ConfigurationError(
                    f"share of {colour} is {share}; allowed is 0 to 100 with at most two decimals"
                )
        if abs(self.blue + self.green - 100) > 1e-9:
            raise ConfigurationError(
                f"shares are blue {self.blue} and green {self.green}; they must sum to 100"
            )

    def share(self, colour: Colour) -> float:
        return self.blue if colour == "blue" else self.green

    @property
    def major(self) -> Colour:
        """The colour with the larger share; at 50:50 blue."""
        return "blue" if self.blue >= self.green else "green"

    @classmethod
    def of(
        cls, colour: Colour, share: float = 100, *, sticky: bool = False, purpose: str = ""
    ) -> Traffic:
        """``share`` percent to ``colour``, the rest to the other."""
        rest = round(100 - share, 2)
        blue, green = (share, rest) if colour == "blue" else (rest, share)
        return cls(blue, green, sticky, purpose=purpose)


class Router(Protocol):
    """Sends requests to colours. ``switch`` returns only when new requests obey it."""

    def state(self) -> Traffic:
        """What is configured now, read from the router itself, never remembered."""
        ...

    def live(self) -> Traffic | None:
        """What requests meet at this moment, or None when nothing answers them.

        Differs from ``state`` only after a command was killed between writing and applying.
        """
        ...

    def switch(self, traffic: Traffic, *, expected: int | None = None) -> Traffic:
        """Apply the shares and return them with their generation.

        Args:
            expected: generation that this is to follow, 0 for none yet; any by default.

        Raises:
            TrafficMovedError: the traffic has another generation than ``expected``.
            UnavailableError: the router refused or did not confirm; nothing changed.
        """
        ...


def require_generation(found: int, expected: int | None) -> None:
    """See that nobody switched since the caller looked.

    Raises:
        TrafficMovedError: somebody did.
    """
    if expected is not None and found != expected:
        raise TrafficMovedError(
            f"the traffic was changed meanwhile (generation {found}, not {expected}); "
            "this command gives up"
        )


@dataclass(slots=True)
class StubRouter:
    """A Router without a server, which keeps every state it was switched to."""

    history: list[Traffic] = field(default_factory=lambda: [Traffic(100, 0)])

    def state(self) -> Traffic:
        return self.history[-1]

    def live(self) -> Traffic | None:
        return self.history[-1]

    def switch(self, traffic: Traffic, *, expected: int | None = None) -> Traffic:
        before = self.state().generation
        require_generation(before, expected)
        applied = replace(traffic, generation=before + 1)
        self.history.append(applied)
        return applied
