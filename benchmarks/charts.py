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
    """A point with its interval; ``kind`` is a CSS class."""

    value: float
    low: float
    high: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """A curve through (x label, y) points."""

    name: str
    values: Sequence[float]
    kind: str


def interval_chart(
    rows: Sequence[tuple[str, Sequence[Bar], float | None]], unit: str, zero: bool = False
) -> Markup:
    """One row a label, its bars below one another on a common axis.

    Args:
        rows: (label, bars, the least value allowed or None: a tick).
        zero: mark it, these are differences.
    """
    bars = [bar for _, row, _ in rows for bar in row]
    edges = [edge for bar in bars for edge in (bar.low, bar.high)] + ([0.0] if zero else [])
    edges += [limit for _, _, limit in rows if limit is not None]
    low, high, ticks = _axis(min(edges), max(edges))
    height, bottom = len(rows) * ROW + 46, len(rows) * ROW + 6
    scale = _Scale(low, high, LABEL, WIDTH - 14)
    parts = _grid(ticks, scale, bottom)
    if zero:
        x = f"{scale.x(0):.1f}"
        parts.append(f'<line class="zero" x1="{x}" x2="{x}" y1="4" y2="{bottom}"/>')
    for number, (label, row, limit) in enumerate(rows):
        middle = number * ROW + 8 + ROW / 2
        parts.append(_text(LABEL - 10, middle, label, "end"))
        if limit is not None:
            parts.append(
                f'<path class="limit" d="M{scale.x(limit):.1f} {middle - 11:.1f}v22">'
                f"<title>largest loss allowed: {abs(limit):g}</title></path>"
            )
        for k, bar in enumerate(row):
            parts.append(_bar(bar, middle + (k - (len(row) - 1) / 2) * 12, scale))
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


def _grid(ticks: Sequence[float], scale: _Scale, bottom: float) -> list[str]:
    parts = []
    for tick in ticks:
        x = scale.x(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{bottom:.1f}"/>')
        parts.append(_text(x, bottom + 12, f"{tick:g}", "middle", "tick"))
    return parts


def _bar(bar: Bar, y: float, scale: _Scale) -> str:
    low, high, x = scale.x(bar.low), scale.x(bar.high), scale.x(bar.value)
    return (
        f'<g class="{bar.kind}"><title>{escape(bar.title)}</title>'
        f'<line class="span" x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5"/></g>'
    )


def _text(x: float, y: float, text: str, anchor: str, kind: str = "label") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'dominant-baseline="middle">{escape(text)}</text>'
    )


def _svg(parts: Sequence[str], height: float) -> Markup:
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" class="chart">{"".join(parts)}</svg>'
    )
