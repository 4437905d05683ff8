"""The release policy: a TOML file, read once and checked to the last key."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from benchmarks.checks import CHECK_NAMES
from benchmarks.metrics import METRICS
from benchmarks.significance import SamplingPlan
from csanmt.errors import ConfigurationError, NotFoundError
from csanmt.tables import build, parse_toml

DEFAULT_POLICY = Path(__file__).parent / "policy.toml"
Rule = Literal[
    "loss", "non_inferiority", "minimum", "memorised", "checks", "slices", "scores", "human",
    "families", "behaviour", "smoke", "pins", "churn", "speed",
]  # fmt: skip
RULES: tuple[Rule, ...] = get_args(Rule)
HYPOTHESES_RULES = RULES[:9]
START = "start_seconds"
SPEED_LIMITS = ("p95_ratio", "mean_ratio", START, "memory_ratio", "throughput_ratio")


@dataclass(frozen=True, slots=True)
class Quality:
    """Scores on suites.

    Attributes:
        metrics: tested; report: only shown.
        least: metric → points; a smaller loss fails nothing.
        margin: metric → points, and suite → (metric → points) for suites that must show
            it by themselves; relative_margin: metric → share of the baseline's score.
        minimum: suite → (metric → score).
    """

    suites: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("bleu",)
    report: tuple[str, ...] = ()
    least: Mapping[str, float] = field(default_factory=dict)
    margin: Mapping[str, Any] = field(default_factory=dict)
    relative_margin: Mapping[str, float] = field(default_factory=dict)
    minimum: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def all_metrics(self) -> tuple[str, ...]:
        """Tested, then reported; each once."""
        return tuple(dict.fromkeys((*self.metrics, *self.report)))

    def margin_of(self, suite: str | None, metric: str, score: float) -> float | None:
        """Points that a loss must provably stay under; None: this metric has no margin.

        Args:
            suite: one that has a margin of its own; None: all suites together.
            score: the baseline's.
        """
        if suite is not None:
            special = self.margin.get(suite)
            return special.get(metric) if isinstance(special, Mapping) else None
        points = [self.margin[metric]] if metric in self.margin else []
        if metric in self.relative_margin:
            points.append(self.relative_margin[metric] * score)
        return min(points) if points else None


@dataclass(frozen=True, slots=True)
class Checks:
    """Faults of sentences.

    Attributes:
        first: check → share of the level of all checks.
        new: check → sentences that may newly show it; new_across_families: check → share,
            where the two are of different families.
    """

    first: Mapping[str, float] = field(default_factory=dict)
    new: Mapping[str, int] = field(default_factory=dict)
    new_across_families: Mapping[str, float] = field(default_factory=dict)

    def allowed_new(self, name: str, sentences: int, same_family: bool) -> int:
        """Sentences that may newly show a fatal fault."""
        across = 0.0 if same_family else self.new_across_families.get(name, 0.0)
        return max(self.new[name], int(across * sentences))


@dataclass(frozen=True, slots=True)
class Memorised:
    """``max``: share of longer sentences that may be a reference word for word."""

    max: float = 1.0


@dataclass(frozen=True, slots=True)
class Slices:
    """``by``: kinds of parts of suites that are tested too."""

    by: tuple[Literal["length", "domain", "document"], ...] = ()


@dataclass(frozen=True, slots=True)
class ScorePolicy:
    """Segment scores of another metric: the loss of the mean that is ruled out, in its units."""

    margin: float
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Human:
    """``least``: sentences that a human judgement must have told apart."""

    least: int = 30


@dataclass(frozen=True, slots=True)
class Families:
    """``across``: what is asked of a candidate of another family."""

    across: Literal["warn", "require"] = "warn"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """``new_failures``: group (or "default") → cases that may newly fail."""

    new_failures: Mapping[str, int] = field(default_factory=dict)

    def allowed(self, group: str) -> int:
        return self.new_failures.get(group, self.new_failures.get("default", 0))


@dataclass(frozen=True, slots=True)
class MustPass:
    """Which of the smoke sentences, or of the pins, must hold."""

    must_pass: Literal["all", "no-new-failures"] = "all"


@dataclass(frozen=True, slots=True)
class Churn:
    """Shares of the translations that may change: of a patch, of a model trained anew."""

    max: float = 1.0
    retrained: float = 1.0


@dataclass(frozen=True, slots=True)
class Speed:
    """Ratios, candidate over baseline, and the seconds of a start; None: no rule.

    Attributes:
        retrained: ratio → its limit for a model that was trained anew, which may be larger.
        interval_ceiling: a ratio's interval may reach so many times its limit.
    """

    p95_ratio: float | None = None
    mean_ratio: float | None = None
    start_seconds: float | None = None
    memory_ratio: float | None = None
    throughput_ratio: float | None = None
    retrained: Mapping[str, float] = field(default_factory=dict)
    interval_ceiling: float = 1.5

    def limits(self, retrained: bool) -> dict[str, float]:
        """Those that are set, by name."""
        found = {name: getattr(self, name) for name in SPEED_LIMITS}
        own = self.retrained if retrained else {}
        return {name: own.get(name, limit) for name, limit in found.items() if limit is not None}


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """``rules`` for files of hypotheses."""

    rules: tuple[Rule, ...] = HYPOTHESES_RULES


@dataclass(frozen=True, slots=True)
class Policy:
    """What a candidate must show. A section that is None is a rule not applied.

    Attributes:
        scores: name of another metric → its margin.
        text: the file's.
    """

    version: int
    statistics: SamplingPlan = field(default_factory=SamplingPlan)
    quality: Quality = field(default_factory=Quality)
    memorised: Memorised | None = None
    checks: Checks | None = None
    slices: Slices = field(default_factory=Slices)
    scores: Mapping[str, ScorePolicy] = field(default_factory=dict)
    human: Human = field(default_factory=Human)
    families: Families | None = None
    behaviour: Behaviour | None = None
    smoke: MustPass | None = None
    pins: MustPass | None = None
    churn: Churn | None = None
    speed: Speed | None = None
    hypotheses: Hypotheses = field(default_factory=Hypotheses)
    text: str = ""

    def __post_init__(self) -> None:
        if self.version != 1:
            raise ConfigurationError(f"version is {self.version!r}; allowed is 1")
        for key, names, allowed in self._names():
            if wrong := next((name for name in names if name not in allowed), None):
                raise ConfigurationError(f"{key} has {wrong!r}; allowed are {', '.join(allowed)}")
        for key, value, low, high in self._numbers():
            if not low <= value <= high:
                raise ConfigurationError(f"{key} is {value:g}; allowed is {low:g} to {high:g}")

    def _names(self) -> Iterator[tuple[str, Iterable[str], Collection[str]]]:
        """(key, names, those that there are)"""
        quality, suites = self.quality, [*self.quality.minimum.values()]
        margins = [k for k, limit in quality.margin.items() if not isinstance(limit, Mapping)]
        suites += (limit for limit in quality.margin.values() if isinstance(limit, Mapping))
        for key in ("metrics", "report", "least", "relative_margin"):
            yield f"quality.{key}", getattr(quality, key), METRICS
        yield "quality.margin", margins, METRICS
        yield from (("quality.margin or minimum", limits, METRICS) for limits in suites)
        for key in ("first", "new", "new_across_families"):
            yield f"checks.{key}", getattr(self.checks or Checks(), key), CHECK_NAMES
        yield "speed.retrained", self.speed.retrained if self.speed else (), SPEED_LIMITS

    def _numbers(self) -> Iterator[tuple[str, float, float, float]]:
        """(key, value, least, most)"""
        yield "statistics.alpha", self.statistics.alpha, 0, 1
        yield "statistics.samples", self.statistics.samples, 100, 100_000
        yield "statistics.trials", self.statistics.trials, 100, 1_000_000
        yield "memorised.max", self.memorised.max if self.memorised else 1, 0, 1
        for key in ("max", "retrained"):
            yield f"churn.{key}", getattr(self.churn or Churn(), key), 0, 1
        if self.speed:
            yield "speed.interval_ceiling", self.speed.interval_ceiling, 1, 600
            for name, limit in (*self.speed.limits(False).items(), *self.speed.retrained.items()):
                yield f"speed.{name}", limit, 1, 600

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the file's text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def alpha_of(self, rule: str) -> float:
        """The rule's share of the false alarms."""
        shares = {"loss": 3, "checks": 2, "slices": 2 if self.slices.by else 0}
        return self.statistics.alpha * shares[rule] / sum(shares.values())


def load_policy(path: Path = DEFAULT_POLICY) -> Policy:
    """Read and check a policy.

    Raises:
        NotFoundError: no such file.
        ConfigurationError: names the key, its value and what is allowed.
    """
    try:
        text = path.read_text("utf-8")
    except OSError:
        raise NotFoundError(f"no policy {path}") from None
    return parse_policy(text, str(path))


def parse_policy(text: str, where: str = "policy") -> Policy:
    """As :func:`load_policy`, from the file's text."""
    table = parse_toml(text.encode(), where)
    try:
        return replace(build(Policy, table), text=text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {error}") from None
