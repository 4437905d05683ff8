"""What gateway and runner say to each other (see ``serving.messages``).

======================  ==========================================================
gateway to runner       ``{"batch": id, "sources": [...], "options": {...}}``
                        ``{"cancel": id}``
runner to gateway       ``{"ready": {...facts...}}``, ``{"failed": message}`` at start
                        ``{"batch": id, "translations": [...], "seconds": s}``
                        ``{"batch": id, "error": {"code", "message"}}``
======================  ==========================================================

A file that both have open holds the number of the batch that was begun last.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from csanmt.translator import DecodingOptions, Hypothesis, Translation

MARK_BYTES = 8  # the number of a batch, little-endian


def write_mark(file: int, batch: int) -> None:
    """Say in the shared file that ``batch`` has been begun."""
    os.pwrite(file, batch.to_bytes(MARK_BYTES, "little"), 0)


def read_mark(file: int) -> int:
    """The batch that was begun last; 0 before any."""
    return int.from_bytes(os.pread(file, MARK_BYTES, 0), "little")


@lru_cache(maxsize=256)
def dump_options(options: DecodingOptions) -> dict[str, Any]:
    return asdict(options)


def load_options(data: dict[str, Any]) -> DecodingOptions:
    terms = tuple((source, target) for source, target in data.get("terms", ()))
    return DecodingOptions(**{**data, "terms": terms, "protect": tuple(data.get("protect", ()))})


def dump_translations(translations: Sequence[Translation]) -> list[Any]:
    """Translations as nested lists; the source is not sent back."""
    return [
        [
            item.source_tokens,
            item.faults,
            [[h.text, h.score, h.tokens, h.hit_limit, h.alignment] for h in item.hypotheses],
        ]
        for item in translations
    ]


def load_translations(data: list[Any], sources: Sequence[str]) -> list[Translation]:
    """Inverse of ``dump_translations``, given the sources that were sent.

    Raises:
        LookupError, TypeError, ValueError: that is no answer to them.
    """
    return [
        Translation(source, tuple(map(_load_hypothesis, hypotheses)), tokens, tuple(faults))
        for source, (tokens, faults, hypotheses) in zip(sources, data, strict=True)
    ]


def _load_hypothesis(data: list[Any]) -> Hypothesis:
    text, score, tokens, hit_limit, alignment = data
    if alignment is not None:
        alignment = tuple(((s[0], s[1]), (t[0], t[1])) for s, t in alignment)
    return Hypothesis(text, score, tokens, hit_limit, alignment)
