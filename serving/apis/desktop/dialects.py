"""How desktop programs and browser extensions ask for translations: a table of dialects.

Each sends a JSON object with a text or a list of texts and two languages, under names of its own,
and wants the answer in a form of its own; ``docs/clients.md`` says which program speaks which.
References: DeepLX ``service/service.go``, MTranServer's ``API.md`` and its ``plugins``,
Immersive Translate's page on custom APIs, KISS Translator ``src/apis/trans.js``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from csanmt.errors import CsanmtError, InvalidInputError
from csanmt.markup import html_rules, parse_markup, xml_rules
from serving.apis.api import SHARED, Incoming
from serving.http.errors import BadRequestError, error_response, reworded
from serving.http.fields import FORM, MULTIPART, given
from serving.languages import canonical, detect
from serving.markup import parsed
from serving.texts import check_texts, decoding, translated, translated_documents
from serving.translating import TranslationService

ALTERNATIVES = 3  # DeepLX gives as many


@dataclass(frozen=True, slots=True)
class Answered:
    """A translated text.

    Attributes:
        source: the language it was in, as the client wrote it or, where it wrote none, as found.
    """

    text: str
    others: Sequence[str]
    source: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of asking.

    Attributes:
        text: field of the text, or of the list of texts if ``several``.
        source, target: fields of the languages; the first may be ``auto``, empty or missing.
        markup: field that says that texts are HTML (true) or names their markup, if there is one.
        answer: makes the response of the answers and of the target as the client wrote it.
    """

    name: str
    text: str
    several: bool
    source: str
    target: str
    markup: str
    answer: Callable[[Sequence[Answered], str], dict[str, Any]]
    alternatives: int = 0

    @property
    def fields(self) -> frozenset[str]:
        return frozenset((self.text, self.source, self.target, self.markup)) - {""}


def _deeplx(answers: Sequence[Answered], target: str) -> dict[str, Any]:
    (one,) = answers
    return {
        "code": 200,
        "id": 0,
        "data": one.text,
        "alternatives": list(one.others),
        "source_lang": one.source.upper(),
        "target_lang": target.upper(),
        "method": "Free",
    }


def _immersive(answers: Sequence[Answered], target: str) -> dict[str, Any]:
    return {"translations": [{"detected_source_lang": a.source, "text": a.text} for a in answers]}


def _kiss_many(answers: Sequence[Answered], target: str) -> dict[str, Any]:
    return {"translations": [{"text": a.text, "src": a.source} for a in answers]}


def _kiss_one(answers: Sequence[Answered], target: str) -> dict[str, Any]:
    return {"text": answers[0].text, "src": answers[0].source}


def _mtran(answers: Sequence[Answered], target: str) -> dict[str, Any]:
    return {"result": answers[0].text}


def _mtran_batch(answers: Sequence[Answered], target: str) -> dict[str, Any]:
    return {"results": [a.text for a in answers]}


DEEPLX = Dialect("DeepLX", "text", False, "source_lang", "target_lang", "tag_handling",
                 _deeplx, ALTERNATIVES)  # fmt: skip
IMMERSIVE = Dialect("Immersive Translate", "text_list", True, "source_lang", "target_lang", "",
                    _immersive)  # fmt: skip
KISS_ONE = Dialect("KISS Translator", "text", False, "from", "to", "", _kiss_one)
KISS_MANY = Dialect("KISS Translator", "texts", True, "from", "to", "", _kiss_many)
MTRAN = Dialect("MTranServer", "text", False, "from", "to", "html", _mtran)
MTRAN_BATCH = Dialect("MTranServer", "texts", True, "from", "to", "html", _mtran_batch)

# By path: the dialects that are told apart by their fields there.
PATHS: Mapping[str, tuple[Dialect, ...]] = {
    SHARED: (DEEPLX, MTRAN, IMMERSIVE, KISS_MANY),
    "/translate/batch": (MTRAN_BATCH,),
    "/deeplx": (DEEPLX,),
    "/immersive": (IMMERSIVE,),
    "/imme": (IMMERSIVE,),
    "/kiss": (KISS_MANY, KISS_ONE),
}
# Fields that no API but these has, so that they tell on the shared path.
TELLING = frozenset(("source_lang", "target_lang", "from", "to", "text_list", "texts"))


class DesktopShape:
    """Answers the dialects of one path."""

    def __init__(self, service: TranslationService, path: str) -> None:
        self._service = service
        self._dialects = PATHS[path]

    def claims(self, incoming: Incoming) -> bool:
        if incoming.request.method != "POST" or incoming.media_type in (FORM, MULTIPART):
            return False
        try:
            return bool(incoming.body.strip()) and not TELLING.isdisjoint(incoming.names)
        except CsanmtError:
            return False

    async def endpoint(self, request: Request) -> Response:
        return await self.answer(await Incoming.read(request, self._service))

    async def answer(self, incoming: Incoming) -> Response:
        service, fields = self._service, given(incoming.json())
        dialect = self._dialect(fields)
        texts = _texts(dialect, fields, service)
        source, target = self._direction(dialect, fields)
        asked = str(fields[dialect.target])
        if source == target:
            answers = [Answered(text, (), source) for text in texts]
            return JSONResponse(dialect.answer(answers, asked))
        found = await self._translated(incoming.request, dialect, fields, texts)
        named = str(fields[dialect.source]) if source else ""
        answers = [
            Answered(translation, others, named or detect(text).language)
            for text, (translation, others) in zip(texts, found, strict=True)
        ]
        return JSONResponse(dialect.answer(answers, asked))

    def _dialect(self, fields: Mapping[str, Any]) -> Dialect:
        """The one that has all the fields. Raises InvalidInputError: none has."""
        names = fields.keys()
        near = max(self._dialects, key=lambda d: (len(d.fields & names), d.text in names))
        if unknown := sorted(names - near.fields - {"token"}):
            raise InvalidInputError(
                f"{unknown[0]}: not a field of {near.name}, which has "
                f"{', '.join(sorted(near.fields))}; fields of several APIs do not mix"
            )
        return near

    def _direction(self, dialect: Dialect, fields: Mapping[str, Any]) -> tuple[str, str]:
        """Source (empty: to be detected) and target. Raises BadRequestError: not offered."""
        pair, found = self._service.languages, []
        for name, served in ((dialect.source, pair), (dialect.target, (pair.target,))):
            value = fields.get(name, "")
            if name == dialect.source and value in ("", "auto", "AUTO"):
                found.append("")
            elif not isinstance(value, str) or not value:
                raise InvalidInputError(f"{name}: must be a language such as {served[0]}")
            elif canonical(value) not in served:
                raise BadRequestError(f"{name}: {value} is not offered; {' or '.join(served)} is")
            else:
                found.append(canonical(value))
        return found[0], found[1]

    async def _translated(
        self, request: Request, dialect: Dialect, fields: Mapping[str, Any], texts: list[str]
    ) -> list[tuple[str, Sequence[str]]]:
        service = self._service
        many = min(1 + dialect.alternatives, service.settings.max_beam)
        options = decoding(service, many)
        kind = _markup(dialect, fields)
        if kind:
            rules = html_rules() if kind == "html" else xml_rules()
            documents = await parsed(texts, lambda text: parse_markup(text, rules))
            marked, _ = await translated_documents(request, service, documents, options)
            return [(answer.text, answer.alternatives) for answer in marked]
        plain, _ = await translated(request, service, texts, options)
        return [(answer.text, answer.alternatives(many - 1)) for answer in plain]


def _texts(dialect: Dialect, fields: Mapping[str, Any], service: TranslationService) -> list[str]:
    value = fields.get(dialect.text)
    if dialect.several:
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise InvalidInputError(f"{dialect.text}: must be a list of strings")
        texts = value
    elif isinstance(value, str):
        texts = [value]
    else:
        raise InvalidInputError(f"{dialect.text}: must be a string")
    check_texts(texts, service.settings)
    return texts


def _markup(dialect: Dialect, fields: Mapping[str, Any]) -> str:
    """``html``, ``xml`` or empty. Raises InvalidInputError: neither."""
    value = fields.get(dialect.markup) if dialect.markup else None
    if dialect.markup == "html":
        if not isinstance(value, bool | None):
            raise InvalidInputError("html: must be true or false")
        return "html" if value else ""
    if value not in (None, "", "html", "xml") or isinstance(value, bool):
        raise InvalidInputError(f"{dialect.markup}: must be html or xml")
    return str(value or "")


def desktop_error(error: Exception, path: str) -> Response:
    """What DeepLX's clients read (``code``, ``message``) and what the others do (``error``)."""
    plain = error_response(error)
    words = str(error) if isinstance(error, CsanmtError) else "Method not allowed; send a POST"
    if plain.status_code == 500:
        words = "internal error"
    return reworded(plain, {"code": plain.status_code, "message": words, "error": words})
