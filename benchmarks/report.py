"""The page for people: one HTML file that opens offline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmarks.charts import Bar, Line, difference_chart, interval_chart, line_chart
from benchmarks.gate import Verdict
from benchmarks.measurements import CheckRate, Measurements, SuiteResult
from benchmarks.metrics import METRICS
from benchmarks.policy import RULES, Policy
from benchmarks.rules import RuleResult
from benchmarks.significance import Interval
from benchmarks.speed import SpeedReport
from benchmarks.worddiff import word_differences

STATUSES = ("fail", "open", "pass", "skip")  # worst first
MAX_CHANGES = 100  # worst changes shown of every suite
MAX_GAINS = 20  # best changes shown of every suite
RULE_TITLES = {
    "loss": "No significant loss",
    "joint_loss": "BLEU and chrF not both worse",
    "non_inferiority": "Provably not worse than the margin",
    "minimum": "Minimum scores",
    "checks": "No new faults on the suites",
    "behaviour": "No new behaviour failures",
    "smoke": "Smoke sentences",
    "pins": "Pinned corrections",
    "churn": "Churn budget",
    "speed": "Speed and memory",
}


@dataclass(frozen=True, slots=True)
class RuleSummary:
    """All results of one rule; ``status`` is the worst of them."""

    title: str
    status: str
    summary: str
    results: tuple[RuleResult, ...]


def render(
    measured: Measurements, verdict: Verdict | None, policy: Policy, now: datetime | None = None
) -> str:
    """The page.

    Args:
        verdict: None for a comparison that nobody judged.
        now: time of writing (UTC); by default the present.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["signed"] = lambda value: f"{value:+.2f}".replace("-", "−")
    environment.filters["percent"] = lambda value: f"{100 * value:.1f} %"
    return environment.get_template("report.html.j2").render(
        m=measured,
        verdict=verdict,
        policy=policy,
        rules=rule_summaries(verdict) if verdict else [],
        metrics=METRICS,
        rule_titles=RULE_TITLES,
        scores=[(s, _score_chart(s)) for s in measured.suites if s.metrics],
        differences=_difference_charts(measured, policy),
        checks=_check_totals(measured.suites),
        latency=_latency_charts(measured.speed) if measured.speed else None,
        changes=[(suite, *_shown_changes(suite)) for suite in measured.suites],
        word_differences=word_differences,
        written=(now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC"),
    )


def rule_summaries(verdict: Verdict) -> list[RuleSummary]:
    """Failed rules first, then those that hold, then those that do not apply."""
    found = []
    for rule in RULES:
        results = tuple(r for r in verdict.rules if r.rule == rule)
        if not results:
            continue
        counts = {status: sum(r.status == status for r in results) for status in STATUSES}
        status = next(status for status in STATUSES if counts[status])
        summary = {
            "fail": f"{counts['fail']} of {len(results)} fail"
            if counts["pass"]
            else f"{counts['fail']} fail",
            "open": f"{counts['open']} of {len(results)} cannot be told",
            "pass": f"all {counts['pass']} hold" if counts["pass"] > 1 else results[0].reason,
            "skip": results[0].reason,
        }[status]
        ordered = sorted(results, key=lambda r: STATUSES.index(r.status))
        found.append(RuleSummary(RULE_TITLES[rule], status, summary, tuple(ordered)))
    return sorted(found, key=lambda r: STATUSES.index(r.status))


def _bar(name: str, value: float, interval: Interval, kind: str) -> Bar:
    title = f"{name}: {value:.2f} (95 %: {interval.low:.2f} to {interval.high:.2f})"
    return Bar(value, interval.low, interval.high, kind, title)


def _score_chart(suite: SuiteResult) -> Markup:
    rows = []
    for m in suite.metrics:
        t = m.test
        bars = [
            _bar("baseline", t.baseline, t.baseline_interval, "baseline"),
            _bar("candidate", t.candidate, t.candidate_interval, "candidate"),
        ]
        rows.append((METRICS[m.metric].title + (" ↓" if m.metric == "ter" else ""), bars))
    return interval_chart(rows, "score with its 95 % interval")


def _difference_charts(measured: Measurements, policy: Policy) -> list[tuple[str, Markup]]:
    charts = []
    for key in policy.metrics:
        rows = []
        for suite in measured.suites:
            result = suite.metric(key)
            if result is None:
                continue
            sign = METRICS[key].sign
            span = result.test.delta_interval
            low, high = sorted((sign * span.low, sign * span.high))
            gain = sign * result.test.delta
            bar = _bar(suite.name, gain, Interval(low, high), _direction(low, high))
            margin = policy.margin_of(suite.name, key)
            rows.append((suite.name, bar, None if margin is None else -margin))
        if rows:
            title = METRICS[key].title
            charts.append((title, difference_chart(rows, f"gain in {title}, points")))
    return charts


def _direction(low: float, high: float) -> str:
    return "better" if low > 0 else "worse" if high < 0 else "same"


def _check_totals(suites: Sequence[SuiteResult]) -> list[CheckRate]:
    """Check rates added up over the suites; checks that never applied are left out."""
    totals: dict[str, CheckRate] = {}
    for rate in (rate for suite in suites for rate in suite.checks):
        have = totals.get(rate.check)
        totals[rate.check] = rate if have is None else CheckRate(
            rate.check, rate.about, have.sentences + rate.sentences,
            have.baseline + rate.baseline, have.candidate + rate.candidate,
            have.worse + rate.worse, have.better + rate.better, have.examples + rate.examples,
        )  # fmt: skip
    return [rate for rate in totals.values() if rate.sentences]


def _latency_charts(speed: SpeedReport) -> dict[str, Any]:
    rows = [row for row in speed.rows if row.name != "all"]
    labels = [row.name for row in rows]
    lines = [
        Line(f"{who} {q}", [getattr(row, who)[q] for row in rows], f"{who} {q}")
        for q in ("p95", "p50")
        for who in ("baseline", "candidate")
    ]
    charts: dict[str, Any] = {
        "latency": line_chart(labels, lines, "ms", "source length, characters")
    }
    if speed.throughput:
        charts["throughput"] = line_chart(
            [str(row.clients) for row in speed.throughput],
            [
                Line("baseline", [row.baseline for row in speed.throughput], "baseline p50"),
                Line("candidate", [row.candidate for row in speed.throughput], "candidate p50"),
            ],
            "sentences a second",
            "clients at once",
        )
    return charts


def _shown_changes(suite: SuiteResult) -> tuple[Sequence[Any], Sequence[Any]]:
    """The worst changes, and of the rest the best ones."""
    worst = suite.changes[:MAX_CHANGES]
    rest = suite.changes[MAX_CHANGES:]
    return worst, tuple(reversed(rest[-MAX_GAINS:]))
