"""DeepL's API for texts: ``/v2/translate``, ``/v2/languages``, ``/v3/languages``, ``/v2/usage``.

Its clients send JSON or forms and name languages in capitals; fields that are not known
are ignored, as there.
Reference: DeepL's public OpenAPI document, deepl-python 1.32 and deepl-node 1.28.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from csanmt.errors import NotFoundError
from serving.apis.deepl.errors import either, missing, unsupported
from serving.apis.deepl.tags import tag_parser
from serving.glossaries.owner import Glossaries
from serving.http.allowance import Account
from serving.http.errors import BadRequestError
from serving.http.fields import read_fields
from serving.languages import canonical, detect, name_of
from serving.texts import check_texts, decoding, translated, unwrapped
from serving.translating import TranslationService

MODEL_TYPES = ("quality_optimized", "latency_optimized", "prefer_quality_optimized")
# Resource of /v3/languages to what its languages can do.
RESOURCES: Mapping[str, Sequence[str]] = {
    "translate_text": ("auto_detection", "glossary", "tag_handling"),
    "translate_document": ("auto_detection", "glossary"),
    "glossary": (),
}
SWITCH = ("0", "1", "true", "false")
NOT_OFFERED = ("write", "voice", "style_rules", "translation_memory")
UNSERVED = ("style_id", "translation_memory_id", "custom_instructions")
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
            Route("/v3/languages", self.languages_v3),
            Route("/v2/usage", self.usage, methods=both),
        ]

    async def translate(self, request: Request) -> Response:
        fields = await read_fields(request, self._service.settings)
        texts = _texts(fields, self._service)
        pair = self._service.languages
        check_language(fields, "target_lang", pair.target, required=True)
        check_language(fields, "source_lang", pair.source, required=False)
        billed = _switch(fields, "show_billed_characters")
        check_formality(fields)
        refuse_unserved(fields)
        model_type = _one_of(fields, "model_type", MODEL_TYPES).removeprefix("prefer_")
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
        _one_of(fields, "preserve_formatting", SWITCH)  # always the case
        split = _one_of(fields, "split_sentences", ("0", "1", "nonewlines")) or "1"
        tags = tag_parser(fields, split)
        whole, options = split == "0", decoding(self._service)
        named = glossary_ids(fields)
        if named and not fields.get("source_lang"):
            source = _codes(self._service.languages.source)
            raise BadRequestError(
                f"Parameter 'source_lang' not specified, which a glossary needs: {source}."
            )
        terms = await self._glossaries.stored(request, named)
        sent = texts if tags or split == "1" else [unwrapped(text) for text in texts]
        found, _ = await translated(
            request, self._service, sent, options, parse=tags, whole=whole, terms=terms
        )
        if tags:
            return [(answer.text, answer.characters) for answer in found]
        return [(answer.text, len(text)) for text, answer in zip(texts, found, strict=True)]

    async def languages(self, request: Request) -> Response:
        """Also GET with a form body, as deepl-python sends it."""
        fields = await read_fields(request, self._service.settings)
        kind = fields.get("type", "source")
        if kind not in ("source", "target"):
            raise unsupported("type", "source or target is")
        pair = self._service.languages
        if kind == "source":
            return JSONResponse([{"language": pair.source.upper(), "name": name_of(pair.source)}])
        variants = _variants(pair.target) or {pair.target: name_of(pair.target)}
        return JSONResponse(
            [
                {"language": code.upper(), "name": name, "supports_formality": False}
                for code, name in variants.items()
            ]
        )

    async def languages_v3(self, request: Request) -> Response:
        """The languages of a resource, and what each can do with it."""
        fields = await read_fields(request, self._service.settings)
        resource = fields.get("resource")
        if not resource or not isinstance(resource, str):
            raise missing("resource", either(RESOURCES))
        if resource in NOT_OFFERED:  # Weblate takes 404 for an answer
            raise NotFoundError(
                f"This server does not offer the resource '{resource}': ask for "
                f"{either(RESOURCES)}."
            )
        if resource not in RESOURCES:
            raise unsupported("resource", f"{either(RESOURCES)} is")
        pair, features = self._service.languages, RESOURCES[resource]
        targets = {pair.target: name_of(pair.target), **_variants(pair.target)}
        if resource == "glossary":  # either way round, so that every language is both
            rows = [_language(code, name_of(code), True, True, ()) for code in pair]
        else:
            source = _language(pair.source, name_of(pair.source), True, False, features)
            rows = [source, *(_language(c, n, False, True, features) for c, n in targets.items())]
        return JSONResponse(rows)

    async def usage(self, request: Request) -> Response:
        who = Account.of(request)
        used, limit = who.quota.used(who.name), who.per_day or UNLIMITED
        return JSONResponse({"character_count": used, "character_limit": limit})


def _variants(language: str) -> dict[str, str]:
    """The regional variants that DeepL's clients name instead of the language."""
    both = {"en-GB": "English (British)", "en-US": "English (American)"}
    return both if language == "en" else {}


def _language(
    code: str, name: str, source: bool, target: bool, features: Sequence[str]
) -> dict[str, Any]:
    return {
        "lang": code,
        "name": name,
        "status": "stable",
        "usable_as_source": source,
        "usable_as_target": target,
        "features": {feature: {"status": "stable"} for feature in features},
    }


def _texts(fields: dict[str, Any], service: TranslationService) -> list[str]:
    value = fields.get("text")
    items = value if isinstance(value, list) else [value]
    texts = [item for item in items if isinstance(item, str)]
    if not texts or len(texts) != len(items):
        raise missing("text", "a text or a list of texts")
    check_texts(texts, service.settings)
    return texts


def refuse_unserved(fields: Mapping[str, Any]) -> None:
    """Raises BadRequestError: a field that would change the answer, of what is not offered."""
    for name in UNSERVED:
        if fields.get(name):
            raise unsupported(name, "this server does not offer it, leave it out")


def check_language(fields: Mapping[str, Any], name: str, served: str, *, required: bool) -> None:
    value = fields.get(name, "")
    if value == "":
        if required:
            raise missing(name, _codes(served))
        return
    if not isinstance(value, str) or canonical(value) != served:
        raise unsupported(name, f"this model has {_codes(served)}")


def _codes(language: str) -> str:
    return either([language.upper(), *map(str.upper, _variants(language))])


def _switch(fields: Mapping[str, Any], name: str) -> bool:
    """A boolean, or the words a form has for one; off if absent. Raises BadRequestError."""
    value = fields.get(name, False)
    word = value.lower() if isinstance(value, str) else value
    if not isinstance(word, bool) and word not in SWITCH:
        raise unsupported(name, f"{either(SWITCH)} is")
    return word in (True, "1", "true")


def _one_of(fields: Mapping[str, Any], name: str, allowed: Sequence[str]) -> str:
    """The value in lower case; empty if absent. Raises BadRequestError: another value."""
    value = fields.get(name, "")
    if value == "":
        return ""
    word = str(value).lower() if isinstance(value, str | bool | int) else ""
    if word not in allowed:
        raise unsupported(name, f"{either(allowed)} is")
    return word


def glossary_ids(fields: Mapping[str, Any]) -> list[str]:
    """``glossary_id``, or ``glossary_ids``, five at most, as a list or comma-separated."""
    one, several = fields.get("glossary_id", ""), fields.get("glossary_ids", [])
    if isinstance(several, str):
        several = [part for part in several.split(",") if part]
    if one and several:
        raise BadRequestError(
            "Parameters 'glossary_id' and 'glossary_ids' exclude each other: send one."
        )
    found = several if one == "" else [one]
    if not isinstance(found, list) or not all(isinstance(i, str) and len(i) < 100 for i in found):
        raise unsupported("glossary_id", "a stored glossary's id is")
    if len(found) > 5:
        raise unsupported("glossary_ids", "at most 5 ids are")
    return found


def check_formality(fields: Mapping[str, Any]) -> None:
    """English knows none: what insists on one is refused, what only prefers it is not."""
    values = ("default", "prefer_more", "prefer_less")
    if str(fields.get("formality")).lower() in ("more", "less"):
        raise BadRequestError(
            f"Target language {fields['target_lang']} knows no formality: "
            f"{either(values)} is taken."
        )
    _one_of(fields, "formality", values)
