"""The steps from a request to its translations, the same for all APIs: charge, terms, translate."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from starlette.requests import Request

from csanmt.markup import MarkupDocument, of_translation, place
from csanmt.terms import TermIndex
from csanmt.translator import DecodingOptions
from serving.http.allowance import charged
from serving.http.disconnect import until_disconnect
from serving.http.errors import TooLargeError
from serving.memory import Mode
from serving.settings import Settings
from serving.translating import Answer, Job, Timing, TranslationService, beside

Terms = tuple[tuple[str, str], ...]
Parse = Callable[[str], MarkupDocument]


def decoding(service: TranslationService, n_best: int = 1) -> DecodingOptions:
    """The model's own settings, widened for alternatives (within the server's beam)."""
    facts = service.facts
    return DecodingOptions(
        beam=max(facts.beam, n_best),
        n_best=n_best,
        length_penalty=facts.length_penalty,
        max_length=facts.max_length,
    )


def check_texts(texts: Sequence[str], settings: Settings) -> None:
    """The limits every API obeys. Raises TooLargeError."""
    if len(texts) > settings.max_texts:
        raise TooLargeError(f"{len(texts)} texts; allowed is {settings.max_texts}")
    characters = sum(map(len, texts))
    if characters > settings.max_characters:
        raise TooLargeError(f"{characters} characters; allowed is {settings.max_characters}")


def unwrapped(text: str) -> str:
    """``text`` with line breaks inside it made a space, or nothing between two Han characters."""

    def joined(found: re.Match[str]) -> str:
        sides = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        return "" if all(side >= "\u2e80" for side in sides) else " "

    return re.sub(r"(?<=\S)[^\S\r\n]*(?:\r\n?|\n)\s*(?=\S)", joined, text)


async def translated(
    request: Request,
    service: TranslationService,
    texts: Sequence[str],
    options: DecodingOptions,
    *,
    parse: Parse | None = None,
    whole: bool = False,
    terms: Terms = (),
    memory: Mode = "off",
) -> tuple[Sequence[Answer], Timing]:
    """Translate texts for this caller, or fail as the service fails.

    Args:
        parse: what the texts are marked up with; tags are not charged.
        whole: each text is one sentence, whatever punctuation it holds (line breaks of markup
            still end one).
        terms: a glossary.
        memory: whether sentences are looked up in the translation memory (not with ``parse``).
    """
    if parse is None:
        with charged(request, sum(map(len, texts))):
            options = await with_terms(options, terms, texts)
            work = service.translate(texts, options, memory, whole=whole)
            return await until_disconnect(request, work)
    documents = await beside(sum(map(len, texts)), lambda: [parse(text) for text in texts])
    inner = [text for document in documents for text in document.texts]
    plain = [text.text for text in inner]
    with charged(request, sum(text.characters for text in inner)):
        options = await with_terms(options, terms, plain)
        options = replace(options, alignment=not all(text.plain for text in inner))
        whole = whole and not any(text.breaks for text in inner)
        work = service.translate(plain, options, whole=whole)
        found, timing = await until_disconnect(request, work)
        size = sum(map(len, plain))
        return await beside(size, lambda: _written(documents, found, options.n_best)), timing


def _written(
    documents: Sequence[MarkupDocument], answers: Sequence[Answer], n_best: int
) -> list[Answer]:
    """The documents again, with the answers to all their texts in their places."""
    parts = (part for answer in answers for part in answer.parts)
    written = []
    for document in documents:
        own = list(zip(document.texts, parts, strict=False))  # the rest is of the next one
        ranks = [
            document.render([place(text, of_translation(part, rank)) for text, part in own])
            for rank in range(n_best)
        ]
        size = sum(text.characters for text, _ in own)
        written.append(Answer(tuple(ranks), tuple(part for _, part in own), size))
    return written


async def begun(
    request: Request,
    service: TranslationService,
    texts: Sequence[str],
    options: DecodingOptions,
    *,
    terms: Terms = (),
    memory: Mode = "off",
) -> Job:
    """The same up to where the work is queued; what comes of it, the caller streams."""
    with charged(request, sum(map(len, texts))):
        options = await with_terms(options, terms, texts)
        return await service.begin(texts, options, memory, stream=True)


async def with_terms(
    options: DecodingOptions, terms: Terms, texts: Sequence[str]
) -> DecodingOptions:
    """``options`` with those terms that occur in ``texts``: requests without any share batches.

    Looked for beside the event loop: many terms in long texts take a second.
    """
    if not terms:
        return options
    used = await asyncio.to_thread(lambda: TermIndex(terms).used_in(texts))
    return replace(options, terms=used)
