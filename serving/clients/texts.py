"""What all foreign shapes share: checking texts and getting their translations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from csanmt.translator import DecodingOptions
from serving.clients.languages import canonical
from serving.disconnect import until_disconnect
from serving.errors import BadRequestError
from serving.guard import charge
from serving.translating import TextAnswer, TranslationService


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


def check_unicode(texts: Sequence[str]) -> None:
    """Refuse what no text can hold.

    Raises:
        BadRequestError: a lone surrogate.
    """
    for text in texts:
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise BadRequestError("the text holds a lone surrogate, which is no character")


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
) -> list[TextAnswer]:
    """Translate texts for this caller, or fail as the service fails.

    Args:
        whole: each text is one sentence, whatever punctuation it holds.
    """
    check_unicode(texts)
    charge(request, sum(map(len, texts)))
    work = service.translate(texts, decoding(service, n_best), whole=whole)
    answers, _timing = await until_disconnect(request, work)
    return answers
