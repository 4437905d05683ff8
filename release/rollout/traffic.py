"""Which colour gets which share of the traffic."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

from csanmt.errors import ConfigurationError, ConflictError
from csanmt.tables import from_json

Colour = Literal["blue", "green"]
SHARE_METRIC = "csanmt_traffic_share_percent"
# What nginx publishes of its traffic at ``/-/metrics``.
GENERATION_METRIC = "csanmt_traffic_generation_total"

COLOURS: tuple[Colour, Colour] = ("blue", "green")


class TrafficMovedError(ConflictError):
    """Another command changed the traffic since the caller looked at it."""


def other(colour: Colour) -> Colour:
    return "green" if colour == "blue" else "blue"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Shares of the requests in percent, summing to 100.

    Attributes:
        blue, green: percent of requests, 0 to 100.
        sticky: a client (address + authorization) always meets the same colour.
        generation: grows by one with every switch.
        shadow: percent of the requests copied to the collector without serving its answer.
        purpose: what the switch was for, so that one whose command was killed before the
            ledger heard of it can be told: ``promotion``, ``canary``, ``rollback``, ``shadow``,
            ``failover``.

    Raises:
        ConfigurationError: a share out of range, or a sum other than 100.
    """

    blue: float
    green: float
    sticky: bool = False
    generation: int = 0
    shadow: float = 0
    purpose: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.shadow <= 100:
            raise ConfigurationError(f"shadow is {self.shadow}; allowed is 0 to 100")
        if not 0 <= self.blue <= 100 or abs(self.blue + self.green - 100) > 1e-9:
            raise ConfigurationError(f"shares are {self}; allowed is 0 to 100, summing to 100")

    def share(self, colour: Colour) -> float:
        return self.blue if colour == "blue" else self.green

    @property
    def major(self) -> Colour:
        """The colour with the larger share; at 50:50 blue."""
        return "blue" if self.blue >= self.green else "green"

    @property
    def mixed(self) -> bool:
        """Whether both colours have some."""
        return 0 < self.blue < 100

    def __str__(self) -> str:
        return f"blue {self.blue:g}%, green {self.green:g}%"

    @classmethod
    def of(
        cls, colour: Colour, share: float = 100, *, sticky: bool = False, purpose: str = ""
    ) -> Traffic:
        """``share`` percent to ``colour``, the rest to the other."""
        blue = share if colour == "blue" else 100 - share
        return cls(blue, 100 - blue, sticky, purpose=purpose)

    @classmethod
    def parse(cls, text: str) -> Traffic | None:
        """Read what ``to_json`` wrote, now or in another version; None where it is anything else.

        Fields that are not known are passed over.
        """
        try:
            return from_json(cls, text)
        except ConfigurationError:
            return None

    def to_json(self) -> str:
        return json.dumps(asdict(self))


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
