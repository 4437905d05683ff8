"""Requests of desktop programs and browser extensions, each in its dialect.

Each sends a JSON object with a text or a list of texts and two languages, under names of its own,
and wants the answer in a form of its own; ``dialects.toml`` has the table of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from csanmt.documents.formats import PARSERS
from csanmt.errors import CsanmtError, InvalidInputError
from csanmt.tables import read_toml
from serving.apis.api import SHARED, Api, Backend, Incoming
from serving.http.errors import BadRequestError, error_response, reworded
from serving.http.fields import FORM, MULTIPART, given
from serving.languages import canonical, detect
from serving.texts import Parse, check_texts, decoding, translated
from serving.translating import TranslationService


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of asking; ``dialects.toml`` explains the fields."""

    name: str
    text: str
    source: str
    target: str
    answer: Mapping[str, Any]
    each: Any = None
    markup: str = ""
    alternatives: int = 0

    @property
    def several(self) -> bool:
        return self.each is not None

    @property
    def fields(self) -> frozenset[str]:
        return frozenset((self.text, self.source, self.target, self.markup)) - {""}

    def answered(self, answers: Sequence[tuple[str, list[str], str]], target: str) -> Any:
        """The response.

        Args:
            answers: of each text its translation, others, and the language it was in, as the
                client wrote it or, where it wrote none, as found.
            target: as the client wrote it.
        """
        values = [
            {
                "{text}": text,
                "{others}": others,
                "{source}": source,
                "{SOURCE}": source.upper(),
                "{TARGET}": target.upper(),
            }
            for text, others, source in answers
        ]
        if self.several:
            return _filled(self.answer, {"{each}": [_filled(self.each, v) for v in values]})
        return _filled(self.answer, values[0])


def _filled(form: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(form, Mapping):
        return {name: _filled(value, values) for name, value in form.items()}
    return values.get(form, form) if isinstance(form, str) else form


_TABLE = read_toml(Path(__file__).with_name("dialects.toml"))
_BY_KEY = {key: Dialect(**row) for key, row in _TABLE.items()}


def _dialects(*keys: str) -> tuple[Dialect, ...]:
    return tuple(_BY_KEY[key] for key in keys)


# By path: the dialects that are told apart by their fields there.
PATHS: Mapping[str, tuple[Dialect, ...]] = {
    SHARED: _dialects("deeplx", "mtran", "immersive", "kiss_many"),
    "/translate/batch": _dialects("mtran_batch"),
    "/deeplx": _dialects("deeplx"),
    "/immersive": _dialects("immersive"),
    "/imme": _dialects("immersive"),
    "/kiss": _dialects("kiss_many", "kiss_one"),
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
            return JSONResponse(dialect.answered([(text, [], source) for text in texts], asked))
        many = min(1 + dialect.alternatives, service.settings.max_beam)
        options, parse = decoding(service, many), _markup(dialect, fields)
        found, _ = await translated(incoming.request, service, texts, options, parse=parse)
        named = str(fields[dialect.source]) if source else ""
        answers = [
            (one.text, one.alternatives(many - 1), named or detect(text).language)
            for text, one in zip(texts, found, strict=True)
        ]
        return JSONResponse(dialect.answered(answers, asked))

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


def _markup(dialect: Dialect, fields: Mapping[str, Any]) -> Parse | None:
    """What parses the texts. Raises InvalidInputError: neither HTML nor XML."""
    value = fields.get(dialect.markup) if dialect.markup else None
    if dialect.markup == "html":
        if not isinstance(value, bool | None):
            raise InvalidInputError("html: must be true or false")
        return PARSERS["html"] if value else None
    if value not in (None, "", "html", "xml") or isinstance(value, bool):
        raise InvalidInputError(f"{dialect.markup}: must be html or xml")
    return PARSERS.get(value or "")


def desktop_error(error: Exception, path: str) -> Response:
    """What DeepLX's clients read (``code``, ``message``) and what the others do (``error``)."""
    plain = error_response(error)
    words = str(error) if isinstance(error, CsanmtError) else "Method not allowed; send a POST"
    if plain.status_code == 500:
        words = "internal error"
    return reworded(plain, {"code": plain.status_code, "message": words, "error": words})


def desktop_api(backend: Backend) -> Api:
    """They have their paths, and on ``/translate`` the fields that no other API has."""
    shapes = {path: DesktopShape(backend.service, path) for path in PATHS}
    routes = [
        Route(path, shape.endpoint, methods=["POST"])
        for path, shape in shapes.items()
        if path != SHARED
    ]
    return Api(
        routes,
        Path(__file__).with_name("openapi.yaml"),
        error=desktop_error,
        shape=shapes[SHARED],
        key_fields=dict.fromkeys(PATHS, ("token",)),
    )
