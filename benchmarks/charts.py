"""Small charts as inline SVG: no script, no font, no file beside the page.

Colours come from the page's CSS classes, so that they follow its light or dark look;
every mark carries a <title> with its numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from markupsafe import Markup, escape

WIDTH = 520


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
