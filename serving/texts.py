"""What all foreign shapes share: checking texts and getting their translations."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from starlette.requests import Request

from csanmt.markup import MarkupDocument
from csanmt.terms import TermIndex
from csanmt.translator import DecodingOptions
from serving.http.charging import charged
from serving.http.disconnect import until_disconnect
from serving.http.errors import BadRequestError
from serving.languages import canonical
from serving.markup import MarkedAnswer, characters, translate_marked
from serving.translating import TextAnswer, TranslationService

Terms = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """The direction the served model translates."""

    source: str
    target: str

    @classmethod
    def of(cls, service: TranslationService) -> Pair:
        facts = service.facts
        return cls(canonical(facts.source_language), canonical(facts.target_language))


def decoding(service: TranslationService, n_best: int = 1) -> DecodingOptions:
    """The model's own settings, widened for alternatives.

    Raises:
        BadRequestError: more alternatives than the server's beam allows.
    """
    facts, limit = service.facts, service.settings.max_beam
    if n_best > limit:
        raise BadRequestError(f"at most {limit - 1} alternatives are allowed")
    return DecodingOptions(
        beam=max(facts.beam, n_best),
        n_best=n_best,
        length_penalty=facts.length_penalty,
        max_length=facts.max_length,
    )


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
    n_best: int = 1,
    *,
    whole: bool = False,
    terms: Terms = (),
) -> list[TextAnswer]:
    """Translate texts for this caller, or fail as the service fails.

    Args:
        whole: each text is one sentence, whatever punctuation it holds.
        terms: a glossary.
    """
    with charged(request, sum(map(len, texts))):
        options = await with_terms(decoding(service, n_best), terms, texts)
        answers, _timing = await until_disconnect(
            request, service.translate(texts, options, whole=whole)
        )
    return answers


async def translated_documents(
    request: Request,
    service: TranslationService,
    documents: Sequence[MarkupDocument],
    n_best: int = 1,
    *,
    whole: bool = False,
    terms: Terms = (),
) -> list[MarkedAnswer]:
    """The same for texts with markup; tags are not charged."""
    texts = [text.text for document in documents for text in document.texts]
    with charged(request, characters(documents)):
        options = await with_terms(decoding(service, n_best), terms, texts)
        work = translate_marked(service, documents, options, whole=whole)
        answers, _timing = await until_disconnect(request, work)
    return answers


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
