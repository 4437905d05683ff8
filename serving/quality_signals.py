"""The faults of translations that are counted while serving, under the metric's names.

They are counted, not acted upon: a release whose rate of one of them rises is stopped by the
release analysis. What each fault is says ``csanmt.faults``, by which the gate counts too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from csanmt.faults import FAULTS, examine
from csanmt.translator import Translation
from serving import metric_names

_COUNTED = tuple(fault for fault in FAULTS if fault.name in metric_names.FAULTS)


def signals(source: str, translation: str, *, truncated: bool = False) -> list[str]:
    """Names of the signals (``metric_names.SIGNALS``) that a sentence's translation shows.

    Args:
        truncated: the engine reached its limit; a missing full stop is no sign of that here,
            since what comes may be half a sentence.
    """
    found = [metric_names.FAULTS[name] for name in examine(source, translation, _COUNTED)]
    return [*found, "truncated"] if truncated else found


def examined(translations: Sequence[Translation]) -> list[Translation]:
    """The same with their signals; done where they are made, for there are several runners."""
    return [
        replace(t, faults=tuple(signals(t.source, t.text, truncated=t.truncated)))
        for t in translations
    ]
