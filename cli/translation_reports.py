"""How translations are printed: JSON for machines, ranked lines for n-best lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csanmt.texts import SegmentTranslation, TextTranslation


def json_line(result: TextTranslation, model: str) -> str:
    """One JSON object and a line break; scores in nats, spans in characters."""
    value = {
        "source": result.source,
        "translation": result.text,
        "model": model,
        "truncated": result.truncated,
        "split": result.split,
        "source_tokens": result.source_tokens,
        "alternatives": [
            {"text": text, "score": _score(result, rank)}
            for rank, text in enumerate(result.alternatives)
        ],
        "sentences": [_sentence(segment) for segment in result.segments],
    }
    return json.dumps(value, ensure_ascii=False) + "\n"


def ranked_lines(result: TextTranslation, number: int) -> str:
    """``number<TAB>rank<TAB>score<TAB>text`` for every alternative; line breaks as ``\\n``."""
    return "".join(
        f"{number}\t{rank + 1}\t{_score(result, rank):.4f}\t{_one_line(text)}\n"
        for rank, text in enumerate(result.alternatives)
    )


def _score(result: TextTranslation, rank: int) -> float:
    """Sum of the sentences' scores of that rank; a sentence with fewer gives its last."""
    return sum(segment.translation.ranked(rank).score for segment in result.segments)


def _sentence(segment: SegmentTranslation) -> dict[str, Any]:
    translation = segment.translation
    return {
        "source": translation.source,
        "source_span": segment.source_span,
        "target_span": segment.target_span,
        "split": segment.split,
        "copied": segment.copied,
        "truncated": segment.truncated,
        "hypotheses": [
            {"text": h.text, "score": h.score, "tokens": h.tokens} for h in translation.hypotheses
        ],
    }


def _one_line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
