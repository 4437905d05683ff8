"""Small charts as inline SVG: no script, no font, no file beside the page.

Colours come from the page's CSS classes, so that they follow its light or dark look;
every mark carries a <title> with its numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10

from markupsafe import Markup, escape

WIDTH = 520
LABEL = 90  # room for row labels
ROW = 34  # height of a row


@dataclass(frozen=True, slots=True)
class Bar:
    """A gain with its interval; ``limit`` is the least one allowed."""

    label: str
    value: float
    low: float
    high: float
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A curve through (x label, y) points."""

    name: str
    values: Sequence[float]
    kind: str


def interval_chart(bars: Sequence[Bar], unit: str) -> Markup:
    """One row a bar, all on a common axis with its zero."""
    edges = [0.0, *(edge for bar in bars for edge in (bar.low, bar.high, bar.limit or 0.0))]
    low, high, ticks = _axis(min(edges), max(edges))
    height, bottom = len(bars) * ROW + 46, len(bars) * ROW + 6
    scale = _Scale(low, high, LABEL, WIDTH - 14)
    zero = f"{scale.x(0):.1f}"
    parts = [f'<line class="zero" x1="{zero}" x2="{zero}" y1="4" y2="{bottom}"/>']
    for tick in ticks:
        x = f"{scale.x(tick):.1f}"
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="4" y2="{bottom}"/>')
        parts.append(_text(scale.x(tick), bottom + 12, f"{tick:g}", "middle", "tick"))
    for number, bar in enumerate(bars):
        y = number * ROW + 8 + ROW / 2
        parts.append(_text(LABEL - 10, y, bar.label, "end"))
        if bar.limit is not None:
            parts.append(
                f'<path class="limit" d="M{scale.x(bar.limit):.1f} {y - 11:.1f}v22">'
                f"<title>largest loss allowed: {abs(bar.limit):g}</title></path>"
            )
        title = f"{bar.label}: {bar.value:.2f} (95 %: {bar.low:.2f} to {bar.high:.2f})"
        kind = "better" if bar.low > 0 else "worse" if bar.high < 0 else "same"
        left, right, middle = (f"{scale.x(v):.1f}" for v in (bar.low, bar.high, bar.value))
        parts.append(
            f'<g class="{kind}"><title>{escape(title)}</title>'
            f'<line class="span" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<circle cx="{middle}" cy="{y:.1f}" r="4.5"/></g>'
        )
    parts.append(_text((LABEL + WIDTH) / 2, height - 8, unit, "middle", "unit"))
    return _svg(parts, height)


def line_chart(labels: Sequence[str], lines: Sequence[Line], unit: str, x_unit: str) -> Markup:
    """Curves over labelled places; the vertical axis starts at 0."""
    height, bottom, left = 240, 190, 60
    _, high, ticks = _axis(0.0, max(v for line in lines for v in line.values))
    scale = _Scale(0.0, high, bottom, 14)
    step = (WIDTH - left - 125) / max(1, len(labels) - 1)
    parts = []
    for tick in ticks:
        y = scale.x(tick)
        ends = f'x1="{left}" x2="{WIDTH - 120}" y1="{y:.1f}" y2="{y:.1f}"'
        parts.append(f'<line class="grid" {ends}/>')
        parts.append(_text(left - 8, y, f"{tick:g}", "end", "tick"))
    for i, label in enumerate(labels):
        parts.append(_text(left + 5 + i * step, bottom + 18, label, "middle", "tick"))
    places = _spread([scale.x(line.values[-1]) for line in lines])
    for line, place in zip(lines, places, strict=True):
        points = [(left + 5 + i * step, scale.x(v)) for i, v in enumerate(line.values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="line {line.kind}" points="{path}"/>')
        for (x, y), value, label in zip(points, line.values, labels, strict=True):
            title = escape(f"{line.name}, {label}: {value:.3g} {unit}")
            parts.append(
                f'<circle class="dot {line.kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5">'
                f"<title>{title}</title></circle>"
            )
        parts.append(_text(points[-1][0] + 10, place, line.name, "start", f"name {line.kind}"))
    parts.append(_text(left, 6, unit, "start", "unit"))
    parts.append(_text((left + WIDTH - 120) / 2, height - 8, x_unit, "middle", "unit"))
    return _svg(parts, height)


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


def _spread(places: list[float], gap: float = 14.0) -> list[float]:
    """Moves labels apart that would lie on one another."""
    order = sorted(range(len(places)), key=places.__getitem__)
    moved = list(places)
    for before, after in pairwise(order):
        moved[after] = max(moved[after], moved[before] + gap)
    return moved


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    start: float
    end: float

    def x(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def _axis(low: float, high: float) -> tuple[float, float, list[float]]:
    """Rounded ends and about five ticks between them."""
    span = max(high - low, 1e-9 + 1e-3 * max(abs(low), abs(high)))
    raw = span / 5
    magnitude = 10.0 ** floor(log10(raw))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw)
    first, last = floor(low / step), ceil(high / step)
    if first == last:
        last += 1
    ticks = [round(k * step, 10) for k in range(first, last + 1)]
    return ticks[0], ticks[-1], ticks


def _text(x: float, y: float, text: str, anchor: str, kind: str = "label") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'dominant-baseline="middle">{escape(text)}</text>'
    )


def _svg(parts: Sequence[str], height: float) -> Markup:
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" class="chart">{"".join(parts)}</svg>'
    )
