"""The release policy: a TOML file, read once and checked to the last key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.checks import CHECK_NAMES
from benchmarks.metrics import METRICS
from benchmarks.significance import SamplingPlan
from csanmt.errors import ConfigurationError, NotFoundError
from csanmt.tables import parse_toml

DEFAULT_POLICY = Path(__file__).parent / "policy.toml"
RULES = (
    "loss", "non_inferiority", "minimum", "memorised", "checks", "slices", "scores", "human",
    "families", "behaviour", "smoke", "pins", "churn", "speed",
)  # fmt: skip
HYPOTHESES_RULES = RULES[:9]
SPEED_RATIOS = ("p95_ratio", "mean_ratio", "memory_ratio", "throughput_ratio")
START = "start_seconds"
INTERVAL_CEILING = 1.5  # where the policy names none
MUST_PASS = ("all", "no-new-failures")
ACROSS = ("warn", "require")
SLICES = ("length", "domain", "document")
GONE = {  # keys of older policies, and what took their place
    "joint_alpha": "`loss` tests all suites and metrics together",
    "start_ratio": f"{START} limits the start; its ratio is only shown",
}
Margins = Mapping[str, float | Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class ScorePolicy:
    """Segment scores of another metric: the loss of the mean that is ruled out, in its units."""

    margin: float
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Policy:
    """What a candidate must show. A section absent from the file is a rule not applied.

    Attributes:
        least: metric → points; a smaller loss fails nothing.
        margin: metric → points, and suite → (metric → points) for suites that must show
            it by themselves; relative_margin: metric → share of the baseline's score.
        minimum: suite → (metric → score).
        memorised: share of longer sentences that may be a reference word for word.
        checks: the rule is applied; checks_margin: share of sentences by which a fault may
            become more frequent at most (older policies), checks_first: check → share of
            the level of all checks.
        new: check → sentences that may newly show it; new_across: check → share, where
            the two are of different families.
        slices: kinds of parts of suites that are tested too.
        scores: name of another metric → its margin.
        human_least: sentences that a human judgement must have told apart.
        across: what is asked of a candidate of another family; None: no rule.
        new_failures: behaviour group (or "default") → cases; None: no rule.
        smoke, pins: one of ``MUST_PASS``; None: no rule.
        churn, churn_retrained: shares; None: no rule.
        speed: limit name → ratio (``START``: seconds).
        interval_ceiling: a ratio's interval may reach so many times its limit.
        hypotheses_rules: rules for files of hypotheses.
        digest: SHA-256 (hex) of the file's bytes.
    """

    suites: tuple[str, ...]
    metrics: tuple[str, ...]
    report: tuple[str, ...] = ()
    alpha: float = 0.05
    sampling: SamplingPlan = field(default_factory=SamplingPlan)
    least: Mapping[str, float] = field(default_factory=dict)
    margin: Margins = field(default_factory=dict)
    relative_margin: Mapping[str, float] = field(default_factory=dict)
    minimum: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    memorised: float | None = None
    checks: bool = False
    checks_margin: float | None = None
    checks_first: Mapping[str, float] = field(default_factory=dict)
    new: Mapping[str, int] = field(default_factory=dict)
    new_across: Mapping[str, float] = field(default_factory=dict)
    slices: tuple[str, ...] = ()
    scores: Mapping[str, ScorePolicy] = field(default_factory=dict)
    human_least: int = 30
    across: str | None = None
    new_failures: Mapping[str, int] | None = None
    smoke: str | None = None
    pins: str | None = None
    churn: float | None = None
    churn_retrained: float = 1.0
    speed: Mapping[str, float] = field(default_factory=dict)
    interval_ceiling: float = INTERVAL_CEILING
    hypotheses_rules: tuple[str, ...] = HYPOTHESES_RULES
    text: str = ""

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def all_metrics(self) -> tuple[str, ...]:
        """Tested, then reported; each once."""
        return tuple(dict.fromkeys((*self.metrics, *self.report)))

    def alpha_of(self, rule: str) -> float:
        """The rule's share of the false alarms."""
        shares = {"loss": 3, "checks": 2, "slices": 2 if self.slices else 0}
        return self.alpha * shares[rule] / sum(shares.values())

    def margin_of(self, suite: str | None, metric: str, score: float) -> float | None:
        """Points that a loss must provably stay under; None: this metric has no margin.

        Args:
            suite: one that has a margin of its own; None: all suites together.
            score: the baseline's.
        """
        if suite is not None:
            special = self.margin.get(suite)
            found = special.get(metric) if isinstance(special, Mapping) else None
            return None if found is None else float(found)
        general = self.margin.get(metric)
        points = [float(general)] if isinstance(general, int | float) else []
        if metric in self.relative_margin:
            points.append(self.relative_margin[metric] * score)
        return min(points) if points else None

    def allowed_failures(self, group: str) -> int:
        limits = self.new_failures or {}
        return limits.get(group, limits.get("default", 0))


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
    read = _Reader(where, parse_toml(text.encode(), where))
    if (version := read.table.get("version")) != 1:
        raise ConfigurationError(f"{where}: version is {version!r}; allowed is 1")
    statistics = read.section("statistics", "alpha", "samples", "trials", "seed")
    quality = read.section(
        "quality", "suites", "metrics", "report", "least", "margin", "relative_margin", "minimum"
    )
    checks = read.section("checks", "margin", "first", "new", "new_across_families")
    new, across = (checks.number_table(key) for key in ("new", "new_across_families"))
    churn, memorised = read.section("churn", "max", "retrained"), read.section("memorised", "max")
    limits = read.section("behaviour", "new_failures").number_table("new_failures")
    speed = read.section("speed", *SPEED_RATIOS, START, "interval_ceiling").all_numbers(1.0, 600.0)
    ceiling = speed.pop("interval_ceiling", INTERVAL_CEILING)
    families = read.section("families", "across")
    policy = Policy(
        suites=quality.names("suites", None, ()),
        metrics=quality.names("metrics", METRICS, ("bleu",)),
        report=quality.names("report", METRICS, ()),
        alpha=statistics.number("alpha", 0.05, 0, 1),
        sampling=SamplingPlan(
            int(statistics.number("samples", 1000, 100, 100_000)),
            int(statistics.number("trials", 10_000, 100, 1_000_000)),
            int(statistics.number("seed", 12345, 0, 2**31)),
        ),
        least=quality.nested_numbers("least"),
        margin=quality.nested_numbers("margin"),
        relative_margin=quality.nested_numbers("relative_margin"),
        minimum=quality.nested_numbers("minimum"),
        memorised=memorised.number("max", 1.0, 0, 1) if memorised.table else None,
        checks=bool(checks.table),
        checks_margin=checks.number("margin", 0.0, 0, 1) if "margin" in checks.table else None,
        checks_first={
            checks.one_of("first", k, CHECK_NAMES): v
            for k, v in checks.number_table("first").items()
        },
        new={checks.one_of("new", k, CHECK_NAMES): int(v) for k, v in new.items()},
        new_across={checks.one_of("new_across_families", k, new): v for k, v in across.items()},
        slices=read.section("slices", "by").names("by", SLICES, ()),
        scores=_scores(read),
        human_least=int(read.section("human", "least").number("least", 30, 1, 1e6)),
        across=families.choice("across", ACROSS),
        new_failures={k: int(v) for k, v in limits.items()} if limits else None,
        smoke=read.section("smoke", "must_pass").choice("must_pass", MUST_PASS),
        pins=read.section("pins", "must_pass").choice("must_pass", MUST_PASS),
        churn=churn.number("max", 1.0, 0, 1) if churn.table else None,
        churn_retrained=churn.number("retrained", 1.0, 0, 1),
        speed=speed,
        interval_ceiling=ceiling,
        hypotheses_rules=read.section("hypotheses", "rules").names(
            "rules", RULES, HYPOTHESES_RULES
        ),
        text=text,
    )
    read.refuse_unknown()
    return policy


def _scores(read: _Reader) -> dict[str, ScorePolicy]:
    """``[scores.NAME]``: ``margin`` and ``higher_is_better``."""
    section = read.section("scores", *read.table.get("scores", {}))
    found = {}
    for name in section.table:
        one = section.section(name, "margin", "higher_is_better")
        higher = one.table.get("higher_is_better", True)
        if not isinstance(higher, bool):
            raise ConfigurationError(f"{one.where} higher_is_better is {higher!r}; true or false")
        found[name] = ScorePolicy(one.number("margin", 0.0, 0, 1e9), higher)
    return found


class _Reader:
    """One table of the file; every complaint names the key, the value, what is allowed."""

    def __init__(self, where: str, table: Mapping[str, Any]) -> None:
        self.where = where
        self.table = table
        self._known = {"version"}

    def section(self, name: str, *keys: str) -> _Reader:
        self._known.add(name)
        table = self.table.get(name, {})
        if not isinstance(table, dict):
            raise ConfigurationError(f"{self.where}: {name} must be a table")
        child = _Reader(f"{self.where}: [{name}]", table)
        if unknown := sorted(set(table) - set(keys)):
            if unknown[0] in GONE:
                raise ConfigurationError(f"{child.where} {unknown[0]} went: {GONE[unknown[0]]}")
            raise ConfigurationError(
                f"{child.where} has no key {unknown[0]!r}; allowed are {', '.join(keys)}"
            )
        return child

    def refuse_unknown(self) -> None:
        if unknown := sorted(set(self.table) - self._known):
            raise ConfigurationError(
                f"{self.where}: unknown section {unknown[0]!r}; "
                f"allowed are {', '.join(sorted(self._known))}"
            )

    def number(self, key: str, default: float, low: float, high: float) -> float:
        value = self.table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigurationError(f"{self.where} {key} is {value!r}; a number is wanted")
        if not low <= value <= high:
            raise ConfigurationError(f"{self.where} {key} is {value}; allowed is {low} to {high}")
        return float(value)

    def all_numbers(self, low: float, high: float) -> dict[str, float]:
        return {key: self.number(key, low, low, high) for key in self.table}

    def number_table(self, key: str) -> dict[str, float]:
        child = _Reader(f"{self.where} {key}", self.table.get(key, {}))
        return child.all_numbers(0, 1e9)

    def one_of(self, key: str, name: str, allowed: Iterable[str]) -> str:
        if name not in allowed:
            raise ConfigurationError(
                f"{self.where} {key} has {name!r}; allowed are {', '.join(allowed)}"
            )
        return name

    def nested_numbers(self, key: str) -> dict[str, Any]:
        """metric → number, and suite → {metric → number}."""
        found: dict[str, Any] = {}
        for name, value in self.table.get(key, {}).items():
            child = _Reader(f"{self.where} {key}", self.table[key])
            if isinstance(value, dict):
                child = _Reader(f"{self.where} {key}.{name}", value)
                found[name] = {m: child.number(_metric(child, m), 0, -100, 200) for m in value}
            else:
                found[name] = child.number(_metric(child, name), 0, -100, 200)
        return found

    def choice(self, key: str, allowed: Sequence[str]) -> str | None:
        """One of ``allowed``; None where the section is absent."""
        value = self.table.get(key, allowed[0]) if self.table else None
        if value is not None and value not in allowed:
            raise ConfigurationError(
                f"{self.where} {key} is {value!r}; allowed are {', '.join(allowed)}"
            )
        return value

    def names(
        self, key: str, allowed: Iterable[str] | None, default: tuple[str, ...]
    ) -> tuple[str, ...]:
        value = self.table.get(key, default)
        if isinstance(value, str) or not all(isinstance(v, str) for v in value):
            raise ConfigurationError(f"{self.where} {key} must be a list of names")
        return tuple(name if allowed is None else self.one_of(key, name, allowed) for name in value)


def _metric(reader: _Reader, name: str) -> str:
    if name not in METRICS:
        raise ConfigurationError(f"{reader.where} has {name!r}; metrics are {', '.join(METRICS)}")
    return name
