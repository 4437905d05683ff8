"""Documents through a translator of sentences, their formatting placed by its alignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from csanmt.markup.alignment import of_translation
from csanmt.markup.document import MarkupDocument
from csanmt.markup.marked import MarkedText, Placed
from csanmt.markup.placement import place
from csanmt.texts import translate_texts
from csanmt.translator import DecodingOptions, ShouldStop, Translator, own_decoding


def translate_marked(
    translator: Translator,
    texts: Sequence[MarkedText],
    options: DecodingOptions | None = None,
    *,
    max_tokens: int | None = None,
    should_stop: ShouldStop | None = None,
) -> list[Placed]:
    """Translate texts with formatting; each distinct sentence is translated once.

    Raises:
        CancelledError: ``should_stop`` answered true.
    """
    options = options or own_decoding(translator)
    aligned = any(not text.plain for text in texts)
    found = translate_texts(
        translator,
        [text.text for text in texts],
        replace(options, alignment=options.alignment or aligned),
        max_tokens=max_tokens,
        should_stop=should_stop,
    )
    return [place(text, of_translation(f)) for text, f in zip(texts, found, strict=True)]


def translate_documents(
    translator: Translator,
    documents: Sequence[MarkupDocument],
    options: DecodingOptions | None = None,
    *,
    max_tokens: int | None = None,
    should_stop: ShouldStop | None = None,
) -> list[str]:
    """Translate the texts of all ``documents`` in one call and write the documents again."""
    texts = [text for document in documents for text in document.texts]
    placed = iter(
        translate_marked(translator, texts, options, max_tokens=max_tokens, should_stop=should_stop)
    )
    return [d.render(list(islice(placed, len(d.texts)))) for d in documents]
