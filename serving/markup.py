"""Markup through the service: the texts of documents as one request, their tags placed again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

from csanmt.markup import MarkedText, MarkupDocument, of_translation, place
from csanmt.texts import TextTranslation
from csanmt.translator import DecodingOptions
from serving.translating import IN_A_THREAD, Answer, Timing, TranslationService

Parse = Callable[[str], MarkupDocument]


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
) -> tuple[list[Answer], Timing]:
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
    parts = [part for answer in answers for part in answer.parts]
    if sum(len(text.text) for text in texts) > IN_A_THREAD:
        written = await asyncio.to_thread(_written, documents, texts, parts, options.n_best)
    else:
        written = _written(documents, texts, parts, options.n_best)
    return written, timing


def _written(
    documents: Sequence[MarkupDocument],
    texts: Sequence[MarkedText],
    parts: Sequence[TextTranslation],
    n_best: int,
) -> list[Answer]:
    pairs = list(zip(texts, parts, strict=True))
    placed = [iter([place(t, of_translation(p, rank)) for t, p in pairs]) for rank in range(n_best)]
    rest = iter(parts)
    found = []
    for document in documents:
        count = len(document.texts)
        ranks = tuple(document.render(list(islice(row, count))) for row in placed)
        found.append(Answer(ranks, tuple(islice(rest, count)), characters([document])))
    return found
