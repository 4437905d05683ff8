"""The release policy: a TOML file, read once and checked to the last key."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.metrics import METRICS
from benchmarks.significance import SamplingPlan
from csanmt.errors import ConfigurationError, NotFoundError

DEFAULT_POLICY = Path(__file__).parent / "policy.toml"
RULES = (
    "loss", "joint_loss", "non_inferiority", "minimum", "checks", "behaviour", "smoke", "pins",
    "churn", "speed",
)  # fmt: skip
SPEED_LIMITS = ("p95_ratio", "mean_ratio", "start_ratio", "memory_ratio", "throughput_ratio")
INTERVAL_CEILING = 1.5  # where the policy names none
MUST_PASS = ("all", "no-new-failures")
Margins = Mapping[str, float | Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a candidate must show. A section absent from the file is a rule not applied.

    Attributes:
        margin: metric → points, and suite → (metric → points) for exceptions.
        minimum: suite → (metric → score).
        checks_margin: share of sentences; None: no rule.
        new_failures: behaviour group (or "default") → cases; None: no rule.
        smoke, pins: one of ``MUST_PASS``; None: no rule.
        speed: limit name → ratio.
        interval_ceiling: a ratio's interval may reach so many times its limit.
        hypotheses_rules: rules for files of hypotheses.
        digest: SHA-256 (hex) of the file's bytes.
    """

    suites: tuple[str, ...]
    metrics: tuple[str, ...]
    report: tuple[str, ...] = ()
    alpha: float = 0.05
    joint_alpha: float = 0.10
    sampling: SamplingPlan = field(default_factory=SamplingPlan)
    margin: Margins = field(default_factory=dict)
    minimum: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    checks_margin: float | None = None
    new_failures: Mapping[str, int] | None = None
    smoke: str | None = None
    pins: str | None = None
    churn: float | None = None
    speed: Mapping[str, float] = field(default_factory=dict)
    interval_ceiling: float = INTERVAL_CEILING
    hypotheses_rules: tuple[str, ...] = RULES[:5]
    text: str = ""

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def all_metrics(self) -> tuple[str, ...]:
        """Tested, then reported; each once."""
        return tuple(dict.fromkeys((*self.metrics, *self.report)))

    def margin_of(self, suite: str, metric: str) -> float | None:
        """Points that a loss must provably stay under; None: this metric has no margin."""
        special = self.margin.get(suite)
        if isinstance(special, Mapping) and metric in special:
            return float(special[metric])
        general = self.margin.get(metric)
        return float(general) if isinstance(general, int | float) else None

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
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{where}: {error}") from None
    read = _Reader(where, table)
    if read.table.get("version") != 1:
        raise ConfigurationError(f"{where}: version is {table.get('version')!r}; allowed is 1")
    statistics = read.section("statistics", "alpha", "samples", "trials", "seed")
    quality = read.section(
        "quality", "suites", "metrics", "report", "joint_alpha", "margin", "minimum"
    )
    churn, checks = read.section("churn", "max"), read.section("checks", "margin")
    limits = read.section("behaviour", "new_failures").number_table("new_failures")
    speed = read.section("speed", *SPEED_LIMITS, "interval_ceiling").all_numbers(1.0, 100.0)
    ceiling = speed.pop("interval_ceiling", INTERVAL_CEILING)
    hypotheses = read.section("hypotheses", "rules")
    policy = Policy(
        suites=quality.names("suites", None, ()),
        metrics=quality.names("metrics", METRICS, ("bleu",)),
        report=quality.names("report", METRICS, ()),
        alpha=statistics.number("alpha", 0.05, 0, 1),
        joint_alpha=quality.number("joint_alpha", 0.10, 0, 1),
        sampling=SamplingPlan(
            int(statistics.number("samples", 1000, 100, 100_000)),
            int(statistics.number("trials", 10_000, 100, 1_000_000)),
            int(statistics.number("seed", 12345, 0, 2**31)),
        ),
        margin=quality.nested_numbers("margin"),
        minimum=quality.nested_numbers("minimum"),
        checks_margin=checks.number("margin", 0.0, 0, 1) if checks.table else None,
        new_failures={k: int(v) for k, v in limits.items()} if limits else None,
        smoke=read.section("smoke", "must_pass").choice("must_pass", MUST_PASS),
        pins=read.section("pins", "must_pass").choice("must_pass", MUST_PASS),
        churn=churn.number("max", 1.0, 0, 1) if churn.table else None,
        speed=speed,
        interval_ceiling=ceiling,
        hypotheses_rules=hypotheses.names("rules", RULES, RULES[:5]),
        text=text,
    )
    read.refuse_unknown()
    return policy


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
        for name in value:
            if allowed is not None and name not in allowed:
                raise ConfigurationError(
                    f"{self.where} {key} has {name!r}; allowed are {', '.join(allowed)}"
                )
        return tuple(value)


def _metric(reader: _Reader, name: str) -> str:
    if name not in METRICS:
        raise ConfigurationError(f"{reader.where} has {name!r}; metrics are {', '.join(METRICS)}")
    return name
