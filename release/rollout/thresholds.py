"""When a version in service is ill: limits read from ``deploy/thresholds.toml``.

The same file is the source of the Prometheus alert rules, so that a version is judged alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from csanmt.errors import ConfigurationError
from csanmt.source_tree import SOURCE_TREE
from csanmt.tables import build, read_toml
from release.rollout.front import Answer
from release.rollout.metrics import Reading
from release.rollout.traffic import Colour
from serving.metric_names import SIGNALS

# Errors that a version within its limit would show more rarely than this are a breach.
SURPRISE = 0.001

LEAST = {
    **dict.fromkeys(("min_requests", "min_segments", "down_checks", "bad_checks"), 1),
    **dict.fromkeys(("max_error_rate", "max_p95_seconds", "max_p95_ratio", "min_p95_seconds"), 0),
}
DEFAULT = SOURCE_TREE / "deploy" / "thresholds.toml"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits for one colour, alone and beside the other.

    Attributes:
        min_requests: latency is judged only over at least this many answers.
        min_segments: the same for health signals, in sentences.
        max_error_rate: share of answers with status 5xx. Judged over any number of
            answers by the exact binomial probability, since a front that spares an ill
            version its requests leaves few to judge by.
        max_p95_seconds: absolute limit of the 95th percentile.
        max_p95_ratio: p95 over the other colour's p95.
        min_p95_seconds: below this p95 the ratio is not judged.
        down_checks: consecutive failed probes after which a colour counts as down.
        bad_checks: consecutive bad readings before a breach.
        health: signal → highest share of sentences.
        health_increase: signal → highest rise over the other colour's share.
    """

    min_requests: int = 20
    min_segments: int = 40
    max_error_rate: float = 0.01
    max_p95_seconds: float = 5.0
    max_p95_ratio: float = 2.0
    min_p95_seconds: float = 0.05
    down_checks: int = 2
    bad_checks: int = 2
    health: Mapping[str, float] = field(default_factory=dict)
    health_increase: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("health", "health_increase"):
            for signal, limit in getattr(self, name).items():
                if signal not in SIGNALS:
                    raise ConfigurationError(
                        f"{name}.{signal}: no such signal; allowed is {', '.join(SIGNALS)}"
                    )
                if not 0 <= limit <= 1:
                    raise ConfigurationError(f"{name}.{signal} is {limit}; allowed is 0 to 1")
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                value = getattr(self, name)
                raise ConfigurationError(f"{name} is {value}; allowed is {least} or more")

    @classmethod
    def read(cls, path: Path = DEFAULT) -> Thresholds:
        """Read a TOML file.

        Raises:
            ConfigurationError: unreadable, or an unknown key; says which.
        """
        return build(cls, read_toml(path), f"{path}: ")


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken limit, with the words for the ledger and the alert."""

    rule: str
    value: float
    limit: float
    message: str


def judge(candidate: Reading, baseline: Reading | None, limits: Thresholds) -> list[Breach]:
    """Every limit that ``candidate`` breaks. An unreachable colour breaks only ``down``."""
    if not candidate.up:
        return [Breach("down", 0.0, 1.0, "it does not answer or is not ready")]
    found = _errors(candidate.errors, candidate.requests, limits, "its answers", "error_rate")
    if candidate.requests >= limits.min_requests:
        found += _latency(candidate, baseline, limits)
    if candidate.segments >= limits.min_segments:
        found += _health(candidate, baseline, limits)
    return found


def judge_front(
    answers: Sequence[Answer], colour: Colour, limits: Thresholds, what: str
) -> list[Breach]:
    """Limits that a colour's answers at the front break, as whoever asked there met them."""
    bad = sum(a.status >= 500 or a.status == 0 or not a.by(colour) for a in answers)
    found = _errors(bad, len(answers), limits, what, "front_errors")
    if len(answers) >= limits.min_requests:
        p95 = sorted(a.seconds for a in answers)[math.ceil(0.95 * len(answers)) - 1]
        found += _slow("front_p95", f"p95 of {what}", p95, limits)
    return found


def _slow(rule: str, what: str, p95: float, limits: Thresholds) -> Iterator[Breach]:
    limit = limits.max_p95_seconds
    if p95 > limit:
        yield Breach(rule, p95, limit, f"{what} is {p95:.2f} s (limit {limit:g} s)")


def _errors(
    errors: float, requests: float, limits: Thresholds, what: str, rule: str
) -> list[Breach]:
    limit = limits.max_error_rate
    rate = errors / requests if requests else 0.0
    if rate <= limit or chance(round(errors), round(requests), limit) > SURPRISE:
        return []
    words = f"{rate:.1%} of {what} are errors ({errors:.0f} of {requests:.0f}, limit {limit:.1%})"
    return [Breach(rule, rate, limit, words)]


def chance(errors: int, requests: int, rate: float) -> float:
    """Probability of at least ``errors`` among ``requests`` when each fails with ``rate``."""
    if not errors or not 0 < rate < 1:
        return 1.0 if errors == 0 or rate >= 1 else 0.0

    def log_term(k: int) -> float:
        ways = math.lgamma(requests + 1) - math.lgamma(k + 1) - math.lgamma(requests - k + 1)
        return ways + k * math.log(rate) + (requests - k) * math.log1p(-rate)

    return max(0.0, 1.0 - math.fsum(math.exp(log_term(k)) for k in range(errors)))


def _latency(candidate: Reading, baseline: Reading | None, limits: Thresholds) -> Iterator[Breach]:
    p95, limit = candidate.p95, limits.max_p95_ratio
    if p95 is None:
        return
    yield from _slow("p95_seconds", "p95", p95, limits)
    if baseline and baseline.p95 and baseline.requests >= limits.min_requests:
        ratio = p95 / baseline.p95
        if ratio > limit and p95 > limits.min_p95_seconds:
            beside = f"{ratio:.1f} times the other colour's {baseline.p95:.3f} s"
            words = f"p95 is {p95:.3f} s, {beside} (limit {limit:g} times)"
            yield Breach("p95_ratio", ratio, limit, words)


def _health(candidate: Reading, baseline: Reading | None, limits: Thresholds) -> Iterator[Breach]:
    beside = baseline.health if baseline and baseline.segments >= limits.min_segments else None
    for signal, share in candidate.health.items():
        limit = limits.health.get(signal, 1.0)
        if share > limit:
            words = f"{share:.1%} of its sentences are {signal} (limit {limit:.1%})"
            yield Breach(f"health_{signal}", share, limit, words)
        limit = limits.health_increase.get(signal, 1.0)
        if beside is not None and (rise := share - beside.get(signal, 0.0)) > limit:
            words = f"{signal} rose by {rise:.1%} over the other colour (limit {limit:.1%})"
            yield Breach(f"health_increase_{signal}", rise, limit, words)
