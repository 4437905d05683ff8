"""The page for people: one HTML file that opens offline.

Its charts are inline SVG: no script, no font, no file beside the page. Their colours come from
the page's CSS classes, so that they follow its light or dark look.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher
from math import floor
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from benchmarks.gate import Verdict
from benchmarks.measurements import Change, Measurements, check_totals
from benchmarks.metrics import METRICS
from benchmarks.policy import RULES, Policy
from benchmarks.power import statements
from benchmarks.rules import ALL, RuleResult
from benchmarks.significance import p_text

_WORD = re.compile(r"\s+|\w+|[^\w\s]")
STATUSES = {  # worst first, and in words
    "fail": "fail",
    "open": "cannot be told",
    "waived": "waived",
    "pass": "hold",
    "skip": "not applicable",
}
WIDTH = 520  # of a chart
MAX_CHANGES = 100  # worst changes shown of every suite
MAX_SENTENCES = 20  # shown under a failing rule
SUSPICIOUS = {"bleu": 60.0, "chrf2pp": 80.0}  # scores that a translator hardly earns
RULE_TITLES = {
    "loss": "No significant loss",
    "non_inferiority": "Provably not worse than the margin",
    "minimum": "Minimum scores",
    "memorised": "References not memorised",
    "checks": "No new faults on the suites",
    "slices": "No part of a suite lost",
    "scores": "Another metric",
    "human": "Human judgement",
    "families": "Comparable systems",
    "behaviour": "No new behaviour failures",
    "smoke": "Smoke sentences",
    "pins": "Pinned corrections",
    "churn": "Churn budget",
    "speed": "Speed and memory",
}


@dataclass(frozen=True, slots=True)
class RuleSummary:
    """All results of one rule; ``status`` is the worst of them. ``sentences`` are those for
    which it fails, each with what is wrong with it."""

    title: str
    status: str
    summary: str
    results: tuple[RuleResult, ...]
    sentences: tuple[tuple[str, Change], ...] = ()


def render(measured: Measurements, verdict: Verdict | None, policy: Policy) -> str:
    """The page.

    Args:
        verdict: None for a comparison that nobody judged.
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
        rules=rule_summaries(verdict, measured) if verdict else [],
        power=list(statements(measured, policy)),
        warnings=list(_warnings(measured)),
        p_text=p_text,
        metrics=METRICS,
        sentence_deltas=_sentence_deltas(measured),
        gain_bars=_gain_bars(measured, policy),
        checks=list(check_totals(measured.suites).values()),
        max_changes=MAX_CHANGES,
        word_differences=word_differences,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _warnings(measured: Measurements) -> Iterator[str]:
    """What a reader must know before the numbers."""
    if not measured.same_family:
        yield (
            "These are not versions of one system. Between different systems BLEU and chrF rank "
            "only weakly as people do (Kendall .3 to .5 on WMT's): have another metric or a person "
            "look (--scores, csanmt bench sheet)."
        )
    for suite in measured.suites:
        share = suite.memorised / suite.long_sentences if suite.long_sentences else 0.0
        for m in suite.metrics:
            if m.test.candidate >= SUSPICIOUS.get(m.metric, 1e9):
                yield (
                    f"{METRICS[m.metric].title} {m.test.candidate:.1f} on {suite.name} is more "
                    f"than a translator earns: {share:.1%} of its longer sentences are a reference "
                    "word for word. Were the references among what it was trained on?"
                )


def _sentence_deltas(measured: Measurements) -> Markup | None:
    """One histogram of what the changed sentences gained and lost."""
    deltas = [change.delta for suite in measured.suites for change in suite.changes]
    return histogram(deltas, 4.0, "change of a sentence's chrF2++, points") if deltas else None


def _sentences(
    rule: str, failing: Sequence[RuleResult], measured: Measurements
) -> list[tuple[str, Change]]:
    """The sentences that a failing rule is about, worst first, and what is wrong with each."""
    found: list[tuple[str, Change]] = []
    for suite in measured.suites:
        if rule == "checks":
            wrong = {result.subject.split(" ")[-1] for result in failing}
            found += [
                (f"{rate.check}: {problem}", change)
                for rate in suite.checks
                if rate.check in wrong
                for problem, change in rate.examples
            ]
        elif rule in ("loss", "non_inferiority", "minimum", "slices"):
            names = {result.subject.split(" ")[0] for result in failing}
            if names & {suite.name, "all"}:
                found += [(f"{suite.name}: {c.delta:+.0f} chrF2++", c) for c in suite.changes]
    return sorted(found, key=lambda row: row[1].delta)[:MAX_SENTENCES]


def rule_summaries(verdict: Verdict, measured: Measurements) -> list[RuleSummary]:
    """Failed rules first, then those that hold, then those that do not apply."""
    order, found = list(STATUSES), []
    for rule in RULES:
        results = tuple(r for r in verdict.rules if r.rule == rule)
        if not results:
            continue
        counts = Counter(r.status for r in results)
        status = next(status for status in STATUSES if counts[status])
        told = (f"{counts[known]} {word}" for known, word in STATUSES.items() if counts[known])
        summary = ", ".join(told) if len(results) > 1 else results[0].reason
        ordered = sorted(results, key=lambda r: order.index(r.status))
        failing = [r for r in ordered if r.status in ("fail", "waived")]
        sentences = tuple(_sentences(rule, failing, measured)) if failing else ()
        found.append(RuleSummary(RULE_TITLES[rule], status, summary, tuple(ordered), sentences))
    return sorted(found, key=lambda r: order.index(r.status))


def _gain_bars(measured: Measurements, policy: Policy) -> dict[tuple[str, str], Markup]:
    """(suite, metric) → the gain with its interval, all of a metric on one axis."""
    named = [(ALL, m) for m in measured.pooled]
    named += [(suite.name, m) for suite in measured.suites for m in suite.metrics]
    bars: dict[tuple[str, str], tuple[float, float, float, float | None]] = {}
    reach = dict.fromkeys(METRICS, 0.01)
    for name, m in named:
        sign, span = METRICS[m.metric].sign, m.test.delta_interval
        low, high = sorted((sign * span.low, sign * span.high))
        own = None if name == ALL or not measured.pooled else name
        margin = policy.quality.margin_of(own, m.metric, m.test.baseline)
        limit = None if margin is None else -margin
        bars[name, m.metric] = (sign * m.test.delta, low, high, limit)
        reach[m.metric] = max(reach[m.metric], -low, high, margin or 0.0)
    return {key: gain_bar(*bar, reach[key[1]]) for key, bar in bars.items()}


Spans = list[tuple[str, bool]]
"""Runs of text; True where the other side has something else there."""


def word_differences(before: str, after: str) -> tuple[Spans, Spans]:
    """Both texts as spans; joined, the spans of a side are the text again."""
    a, b = _WORD.findall(before), _WORD.findall(after)
    left, right = Spans(), Spans()
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        for side, text in ((left, "".join(a[i1:i2])), (right, "".join(b[j1:j2]))):
            if text:
                side.append((text, tag != "equal"))
    return left, right


# --- charts ----------------------------------------------------------------------------------


def gain_bar(gain: float, low: float, high: float, limit: float | None, reach: float) -> Markup:
    """A gain with its interval on one line; zero is in the middle.

    Args:
        limit: the least gain that is allowed.
        reach: the value at either end.
    """

    def x(value: float) -> str:
        return f"{110 + 100 * value / reach:.1f}"

    parts = ['<line class="zero" x1="110" x2="110" y1="2" y2="22"/>']
    if limit is not None:
        title = f"largest loss allowed: {abs(limit):g}"
        parts.append(f'<path class="limit" d="M{x(limit)} 2v20"><title>{title}</title></path>')
    kind = "better" if low > 0 else "worse" if high < 0 else "same"
    parts.append(
        f'<g class="{kind}"><title>gain {gain:.2f} (95 %: {low:.2f} to {high:.2f})</title>'
        f'<line class="span" x1="{x(low)}" x2="{x(high)}" y1="12" y2="12"/>'
        f'<circle cx="{x(gain)}" cy="12" r="4.5"/></g>'
    )
    return _svg(parts, 24, 220)


def histogram(values: Sequence[float], step: float, unit: str) -> Markup:
    """How many values lie in each bin of ``step``, those under zero and over it apart."""
    height, bottom, left = 190, 140, 40
    counts: dict[int, int] = {}
    for value in values:
        counts[floor(value / step)] = counts.get(floor(value / step), 0) + 1
    first, last = min(counts), max(counts)
    wide = (WIDTH - left - 20) / (last - first + 1)
    most = max(counts.values())
    parts = []
    for place in range(first, last + 1):
        count = counts.get(place, 0)
        tall = (bottom - 14) * count / most
        x = left + (place - first) * wide
        kind = "worse" if place < 0 else "better"
        title = f"{place * step:g} to {(place + 1) * step:g}: {count}"
        parts.append(
            f'<g class="{kind}"><title>{title}</title><rect x="{x:.1f}" y="{bottom - tall:.1f}" '
            f'width="{max(wide - 1, 0.5):.1f}" height="{tall:.1f}"/></g>'
        )
    for place in sorted({first, 0, last + 1}):
        if first <= place <= last + 1:
            x = left + (place - first) * wide
            parts.append(_text(x, bottom + 14, f"{place * step:g}", "middle", "tick"))
    parts.append(_text(left - 8, 14, str(most), "end", "tick"))
    parts.append(_text((left + WIDTH) / 2, height - 12, unit, "middle", "unit"))
    return _svg(parts, height)


def _text(x: float, y: float, text: str, anchor: str, kind: str = "label") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'dominant-baseline="middle">{escape(text)}</text>'
    )


def _svg(parts: Sequence[str], height: int, width: int = WIDTH) -> Markup:
    return Markup(
        f'<svg viewBox="0 0 {width} {height}" role="img" class="chart">{"".join(parts)}</svg>'
    )
