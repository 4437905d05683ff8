"""Our own request of ``POST /translate``, and what the OpenAPI document says of our requests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from csanmt.errors import InvalidInputError
from csanmt.glossary import MAX_TERM, TERM_PATTERN
from csanmt.protected.finder import LONGEST_LITERAL, MOST_LITERALS, checked_literals
from csanmt.translator import DecodingOptions
from serving.apis.native.glossaries import GlossaryRequest
from serving.glossaries.owner import INLINE_TERMS
from serving.http.errors import validated
from serving.http.fields import given
from serving.memory import Mode
from serving.openapi.document import Schema, nullable
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings
from serving.texts import check_texts

MAX_LENGTH_PENALTY = 5.0


def _text_or_texts(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise ValueError("must be a string or a list of strings")


def _whole(value: Any) -> Any:
    """JSON knows one kind of number: 4.0 is the integer 4 (true and "4" are not)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _glossary(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict) and all(isinstance(term, str) for term in value.values()):
        return value
    raise ValueError("must be a stored glossary's name, or an object of terms")


class TranslateRequest(BaseModel):
    """What to translate and how. Only ``text`` is required."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    text: Annotated[
        str | list[str],
        BeforeValidator(_text_or_texts),
        Field(description="Chinese text, or a list of texts. Layout and line breaks are kept."),
    ]
    beam: Annotated[
        Annotated[int, Field(ge=1), BeforeValidator(_whole)] | None,
        Field(
            description="Beam width; 1 is greedy. Default: the model's. Widened to hold the "
            "hypotheses that `n_best` and `alternatives` ask for."
        ),
    ] = None
    n_best: Annotated[
        int,
        Field(ge=1),
        BeforeValidator(_whole),
        Field(description="Hypotheses of each sentence to show in `segments`."),
    ] = 1
    alternatives: Annotated[
        int,
        Field(ge=0),
        BeforeValidator(_whole),
        Field(description="Other translations of the whole text to return."),
    ] = 0
    length_penalty: Annotated[
        float | None, Field(ge=0, le=MAX_LENGTH_PENALTY, description="Default: the model's.")
    ] = None
    max_length: Annotated[
        Annotated[int, Field(ge=1), BeforeValidator(_whole)] | None,
        Field(description="Most target tokens of a sentence."),
    ] = None
    repetition_guard: Annotated[bool, Field(description="Forbid loops of the same words.")] = True
    segments: Annotated[bool, Field(description="Return sentence pairs and their places.")] = False
    alignment: Annotated[
        bool, Field(description="Return which words of a sentence became which (in `segments`).")
    ] = False
    timing: Annotated[bool, Field(description="Return where the time went.")] = False
    format: Annotated[
        Literal["text", "html", "xml", "markdown"],
        Field(
            description="Markup of `text`: tags stay around their words. Not with `segments`, "
            "`alignment`, `n_best` or `memory`, nor on the stream."
        ),
    ] = "text"
    glossary: Annotated[
        str | dict[str, str] | None,
        BeforeValidator(_glossary),
        Field(
            description="Terms whose translation is given: name or id of a stored glossary, or "
            "an object of source and target terms."
        ),
    ] = None
    protect: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=LONGEST_LITERAL)], ...],
        BeforeValidator(_tuple),
        Field(
            max_length=MOST_LITERALS,
            description="Strings that come through untouched, besides addresses, placeholders "
            "and codes, which do so by themselves. One of letters is found as a whole word.",
        ),
    ] = ()
    memory: Annotated[
        Mode,
        Field(
            description="`exact` answers a sentence that the translation memory holds from it; "
            "`fuzzy` also offers what it holds for a similar one. `segments` then say which "
            "(`memory`). Only where the server keeps a memory."
        ),
    ] = "off"

    @property
    def texts(self) -> list[str]:
        return [self.text] if isinstance(self.text, str) else self.text

    def shaped(self, values: list[Any]) -> Any:
        """What is answered: of one text its value, of a list the list."""
        return values[0] if isinstance(self.text, str) else values

    @property
    def hypotheses(self) -> int:
        """Hypotheses a sentence that answer ``n_best`` and ``alternatives``."""
        return max(self.n_best, self.alternatives + 1)

    @property
    def wants_segments(self) -> bool:
        return self.segments or self.alignment or self.n_best > 1 or self.memory != "off"

    def options(self, facts: TranslatorFacts, settings: Settings) -> DecodingOptions:
        """Decoding options: the request's, else the model's, within the service's limits.

        The beam grows to hold the hypotheses that were asked for.

        Raises:
            InvalidInputError: names the field, its value and what is allowed.
        """
        beam = max(self.beam or facts.beam, self.hypotheses)
        length = self.max_length if self.max_length is not None else facts.max_length
        _at_most("beam", self.beam or 1, settings.max_beam)
        _at_most("n_best", self.n_best, settings.max_beam)
        _at_most("alternatives", self.alternatives, settings.max_beam - 1)
        _at_most("max_length", self.max_length or 1, settings.max_length)
        penalty = self.length_penalty
        return DecodingOptions(
            beam=beam,
            n_best=self.hypotheses,
            length_penalty=facts.length_penalty if penalty is None else penalty,
            max_length=length,
            repetition_guard=self.repetition_guard,
            alignment=self.alignment,
            protect=self._protected(),
        )

    def _protected(self) -> tuple[str, ...]:
        """The strings that occur: requests without any share batches."""
        literals = checked_literals(self.protect)
        if self.format != "text":
            return literals
        return tuple(part for part in literals if any(part in text for text in self.texts))


def _at_most(field: str, value: int, allowed: int) -> None:
    if value > allowed:
        raise InvalidInputError(f"{field} is {value}; allowed is at most {allowed}")


def parse_request(data: dict[str, Any], settings: Settings) -> TranslateRequest:
    """Validate a JSON object.

    Raises:
        InvalidInputError: a field is unknown, missing, of the wrong type or out of range.
        TooLargeError: too many texts or characters.
    """
    request = validated(TranslateRequest, given(data))
    check_texts(request.texts, settings)
    return request


class TranslateResponse(BaseModel):
    """The answer; ``translation`` (and what follows it) is a list if ``text`` was one.

    What BentoML's clients keep of it; ``openapi.yaml`` says what is in the lists.
    """

    translation: str | list[str]
    model: str
    request_id: str
    truncated: bool | list[bool]
    segments: list[Any] | None = None
    alternatives: list[Any] | None = None
    timing: dict[str, float] | None = None


def native_schemas(settings: Settings) -> dict[str, Schema]:
    """By name; limits of the settings are those of the fields."""
    _, definitions = models_json_schema(
        [(TranslateRequest, "validation"), (GlossaryRequest, "validation")],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = definitions["$defs"]
    schemas["GlossaryRequest"]["properties"]["terms"] |= _term_rules()
    fields = schemas["TranslateRequest"]["properties"]
    fields["text"]["description"] += (
        f" At most {settings.max_texts} texts and {settings.max_characters} characters in all;"
        " more is 413."
    )
    if not settings.memory_file:
        fields["memory"] = fields["memory"] | {"enum": ["off"]}
    for branch in fields["glossary"]["anyOf"]:
        if branch.get("type") == "object":
            branch |= _term_rules() | {"maxProperties": INLINE_TERMS}
    for name, most in (
        ("beam", settings.max_beam),
        ("n_best", settings.max_beam),
        ("alternatives", settings.max_beam - 1),
        ("max_length", settings.max_length),
    ):
        _set_maximum(fields[name], most)
    request = schemas["TranslateRequest"] = nullable(schemas["TranslateRequest"])
    text_only = {"enum": ["text", None]}  # markup is answered as a whole
    stream = {"title": "StreamRequest", "properties": request["properties"] | {"format": text_only}}
    return schemas | {"StreamRequest": request | stream}


def _set_maximum(field: dict[str, Any], most: int) -> None:
    for branch in field.get("anyOf", [field]):
        if branch.get("type") == "integer":
            branch["maximum"] = most


def _term_rules() -> Schema:
    """What the keys and values of an object of terms must be."""
    names = {"pattern": TERM_PATTERN, "maxLength": MAX_TERM}
    return {"propertyNames": names, "additionalProperties": {"type": "string", **names}}
