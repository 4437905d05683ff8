"""DeepL's API v2 for texts: ``/v2/translate``, ``/v2/languages``, ``/v2/usage``.

Its clients send JSON or forms and name languages in capitals; fields that are not known
are ignored, as there.
Reference: DeepL's public OpenAPI document, deepl-python 1.32 and deepl-node 1.28.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serving.apis.deepl.tags import TagHandling, formatted_like
from serving.glossaries.owner import Glossaries
from serving.http.errors import BadRequestError, TooLargeError
from serving.http.fields import read_fields
from serving.http.keys import caller
from serving.languages import canonical, detect, name_of
from serving.markup import characters as marked_characters
from serving.markup import parsed
from serving.texts import decoding, translated, translated_documents, unwrapped
from serving.translating import TranslationService

MODEL_TYPES = ("quality_optimized", "latency_optimized", "prefer_quality_optimized")
TARGETS = {"en": (("EN-GB", "English (British)"), ("EN-US", "English (American)"))}
UNLIMITED = 1_000_000_000_000


class DeepLRoutes:
    def __init__(self, service: TranslationService, glossaries: Glossaries) -> None:
        self._service = service
        self._glossaries = glossaries

    def routes(self) -> list[Route]:
        both = ["GET", "POST"]
        return [
            Route("/v2/translate", self.translate, methods=both),
            Route("/v2/languages", self.languages, methods=both),
            Route("/v2/usage", self.usage, methods=both),
        ]

    async def translate(self, request: Request) -> Response:
        fields = await read_fields(request, self._service.settings)
        texts = _texts(fields, self._service)
        pair = self._service.languages
        check_language(fields, "target_lang", pair.target, required=True)
        check_language(fields, "source_lang", pair.source, required=False)
        billed = _switch(fields, "show_billed_characters")
        _check_formality(fields)
        model_type = _model_type(fields)
        found = await self._translations(request, fields, texts)
        given = bool(fields.get("source_lang"))
        rows = []
        for text, (translation, characters) in zip(texts, found, strict=True):
            source = pair.source if given or not text.strip() else detect(text).language
            row: dict[str, Any] = {"detected_source_language": source.upper(), "text": translation}
            if billed:
                row["billed_characters"] = characters
            if model_type:
                row["model_type_used"] = model_type
            rows.append(row)
        return JSONResponse({"translations": rows})

    async def _translations(
        self, request: Request, fields: dict[str, Any], texts: list[str]
    ) -> list[tuple[str, int]]:
        """Each text's translation, and how many characters of it count."""
        preserve = _one_of(fields, "preserve_formatting", ("0", "1", "true", "false"))
        split = _one_of(fields, "split_sentences", ("0", "1", "nonewlines")) or "1"
        tags = TagHandling.of(fields, split)
        whole, options = split == "0", decoding(self._service)
        terms = await self._glossaries.stored(request, _glossary_ids(fields))
        if tags:
            documents = await parsed(texts, tags.parse)
            marked, _ = await translated_documents(
                request, self._service, documents, options, whole=whole, terms=terms
            )
            counts = [marked_characters([document]) for document in documents]
            return [(a.text, n) for a, n in zip(marked, counts, strict=True)]
        plain = texts if split == "1" else [unwrapped(text) for text in texts]
        found, _ = await translated(
            request, self._service, plain, options, whole=whole, terms=terms
        )
        answers = [answer.text for answer in found]
        if preserve in ("1", "true"):
            answers = [formatted_like(s, a) for s, a in zip(texts, answers, strict=True)]
        return [(answer, len(text)) for answer, text in zip(answers, texts, strict=True)]

    async def languages(self, request: Request) -> Response:
        """Also GET with a form body, as deepl-python sends it."""
        fields = await read_fields(request, self._service.settings)
        kind = fields.get("type", "source")
        if kind not in ("source", "target"):
            raise BadRequestError("Value for 'type' not supported.")
        pair = self._service.languages
        if kind == "source":
            return JSONResponse([{"language": pair.source.upper(), "name": name_of(pair.source)}])
        variants = TARGETS.get(pair.target, ((pair.target.upper(), name_of(pair.target)),))
        return JSONResponse(
            [{"language": c, "name": n, "supports_formality": False} for c, n in variants]
        )

    async def usage(self, request: Request) -> Response:
        who = caller(request)
        limit = who.key.characters_per_day if who.key else 0
        used = request.state.quota.used(who.name)
        return JSONResponse({"character_count": used, "character_limit": limit or UNLIMITED})


def _texts(fields: dict[str, Any], service: TranslationService) -> list[str]:
    value = fields.get("text")
    items = value if isinstance(value, list) else [value]
    texts = [item for item in items if isinstance(item, str)]
    if not texts or len(texts) != len(items):
        raise BadRequestError("Parameter 'text' not specified.")
    settings = service.settings
    if len(texts) > settings.max_texts:
        raise TooLargeError(f"at most {settings.max_texts} texts are allowed")
    if sum(map(len, texts)) > settings.max_characters:
        raise TooLargeError(f"at most {settings.max_characters} characters are allowed")
    return texts


def check_language(fields: dict[str, Any], name: str, served: str, *, required: bool) -> None:
    value = fields.get(name, "")
    if value == "":
        if required:
            raise BadRequestError(f"Parameter '{name}' not specified.")
        return
    if not isinstance(value, str) or canonical(value) != served:
        raise BadRequestError(f"Value for '{name}' not supported.")


def _switch(fields: dict[str, Any], name: str) -> bool:
    """A boolean, or the words a form has for one; off if absent."""
    value = fields.get(name, False)
    word = value.lower() if isinstance(value, str) else value
    if not isinstance(word, bool) and word not in ("1", "0", "true", "false"):
        raise BadRequestError(f"Value for '{name}' not supported.")
    return word in (True, "1", "true")


def _one_of(fields: dict[str, Any], name: str, allowed: Sequence[str]) -> str:
    """The value in lower case; empty if absent. Raises BadRequestError: another value."""
    value = fields.get(name, "")
    if value == "":
        return ""
    word = str(value).lower() if isinstance(value, str | bool | int) else ""
    if word not in allowed:
        raise BadRequestError(f"Value for '{name}' not supported.")
    return word


def _glossary_ids(fields: dict[str, Any]) -> list[str]:
    """``glossary_id``, or ``glossary_ids``, five at most, as a list or comma-separated."""
    one, several = fields.get("glossary_id", ""), fields.get("glossary_ids", [])
    if isinstance(several, str):
        several = [part for part in several.split(",") if part]
    if one and several:
        raise BadRequestError("Parameters 'glossary_id' and 'glossary_ids' exclude each other.")
    found = several if one == "" else [one]
    if not isinstance(found, list) or not all(isinstance(i, str) and len(i) < 100 for i in found):
        raise BadRequestError("Value for 'glossary_id' not supported.")
    if len(found) > 5:
        raise BadRequestError("Value for 'glossary_ids' not supported.")
    return found


def _check_formality(fields: dict[str, Any]) -> None:
    """English knows none: what insists on one is refused, what only prefers it is not."""
    values = ("default", "prefer_more", "prefer_less", "more", "less")
    if _one_of(fields, "formality", values) in ("more", "less"):
        raise BadRequestError("'formality' is not supported for given 'target_lang'.")


def _model_type(fields: dict[str, Any]) -> str:
    """What to name as the type that was used: there is one model, so the type asked for."""
    return _one_of(fields, "model_type", MODEL_TYPES).removeprefix("prefer_")
