"""Markup through the service: the texts of documents as one request, their tags placed again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from csanmt.markup import AlignedText, MarkedText, MarkupDocument, assemble, place
from csanmt.translator import DecodingOptions
from serving.translating import IN_A_THREAD, TextAnswer, Timing, TranslationService

Parse = Callable[[str], MarkupDocument]


@dataclass(frozen=True, slots=True)
class MarkedAnswer:
    """A translated document.

    Attributes:
        texts: the best translation, then one for each rank that was asked for.
        parts: the answers of the texts within the document, in order.
        characters: of text in it, tags not counted.
    """

    texts: tuple[str, ...]
    parts: tuple[TextAnswer, ...]
    characters: int

    @property
    def text(self) -> str:
        return self.texts[0]

    @property
    def truncated(self) -> bool:
        return any(part.truncated for part in self.parts)

    def alternatives(self, most: int) -> list[str]:
        """Up to ``most`` other translations, each different from the best and from the others."""
        found = dict.fromkeys(self.texts[1 : most + 1])
        return [text for text in found if text != self.text]


def characters(documents: Sequence[MarkupDocument]) -> int:
    """Characters of text, tags not counted."""
    return sum(text.characters for document in documents for text in document.texts)


async def parsed(texts: Sequence[str], parse: Parse) -> list[MarkupDocument]:
    """Parse texts with markup; long ones beside the event loop."""
    if sum(map(len, texts)) > IN_A_THREAD:
        return await asyncio.to_thread(lambda: [parse(text) for text in texts])
    return [parse(text) for text in texts]


async def translate_marked(
    service: TranslationService,
    documents: Sequence[MarkupDocument],
    options: DecodingOptions,
    *,
    whole: bool = False,
) -> tuple[list[MarkedAnswer], Timing]:
    """Translate the texts of ``documents`` with ``options.n_best`` answers each.

    Args:
        whole: a text is one sentence, whatever punctuation it holds (line breaks still end one).

    Raises:
        CsanmtError: as ``TranslationService.translate``.
    """
    texts = [text for document in documents for text in document.texts]
    wanted = replace(options, alignment=options.alignment or not all(text.plain for text in texts))
    whole = whole and not any(text.breaks for text in texts)
    answers, timing = await service.translate([t.text for t in texts], wanted, whole=whole)
    if sum(len(text.text) for text in texts) > IN_A_THREAD:
        written = await asyncio.to_thread(_written, documents, texts, answers, options.n_best)
    else:
        written = _written(documents, texts, answers, options.n_best)
    return written, timing


def _written(
    documents: Sequence[MarkupDocument],
    texts: Sequence[MarkedText],
    answers: Sequence[TextAnswer],
    n_best: int,
) -> list[MarkedAnswer]:
    pairs = list(zip(texts, answers, strict=True))
    placed = [iter([place(t, aligned(a, rank)) for t, a in pairs]) for rank in range(n_best)]
    rest = iter(answers)
    found = []
    for document in documents:
        count = len(document.texts)
        ranks = tuple(document.render(list(islice(row, count))) for row in placed)
        found.append(MarkedAnswer(ranks, tuple(islice(rest, count)), characters([document])))
    return found


def aligned(answer: TextAnswer, rank: int = 0) -> AlignedText:
    """The answer of a rank (0 is best) with its word alignment."""
    text, spans = answer.joined(rank)
    parts = [
        ((segment.start, segment.end), span, hypothesis)
        for segment, span, hypothesis in zip(
            answer.layout.segments, spans, answer.hypotheses(rank), strict=True
        )
    ]
    return assemble(answer.layout.text, text, parts)
