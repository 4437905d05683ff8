"""Our own request of ``POST /translate``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from csanmt.errors import InvalidInputError
from csanmt.protected.finder import LONGEST_LITERAL, MOST_LITERALS, checked_literals
from csanmt.translator import DecodingOptions
from serving.http.errors import validated
from serving.http.fields import given
from serving.memory import Mode
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


_Whole = Annotated[int, BeforeValidator(_whole)]


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _glossary(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, dict) and all(isinstance(term, str) for term in value.values()):
        return value
    raise ValueError("must be a stored glossary's name, or an object of terms")


class TranslateRequest(BaseModel):
    """What to translate and how; ``openapi.yaml`` describes the fields."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    text: Annotated[str | list[str], BeforeValidator(_text_or_texts)]
    beam: Annotated[_Whole, Field(ge=1)] | None = None
    n_best: Annotated[_Whole, Field(ge=1)] = 1
    alternatives: Annotated[_Whole, Field(ge=0)] = 0
    length_penalty: Annotated[float | None, Field(ge=0, le=MAX_LENGTH_PENALTY)] = None
    max_length: Annotated[_Whole, Field(ge=1)] | None = None
    repetition_guard: bool = True
    segments: bool = False
    alignment: bool = False
    timing: bool = False
    format: Literal["text", "html", "xml", "markdown"] = "text"
    glossary: Annotated[str | dict[str, str] | None, BeforeValidator(_glossary)] = None
    protect: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=LONGEST_LITERAL)], ...],
        BeforeValidator(_tuple),
        Field(max_length=MOST_LITERALS),
    ] = ()
    memory: Mode = "off"

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
        for field, most in (
            ("beam", settings.max_beam),
            ("n_best", settings.max_beam),
            ("alternatives", settings.max_beam - 1),
            ("max_length", settings.max_length),
        ):
            if (value := getattr(self, field) or 0) > most:
                raise InvalidInputError(f"{field} is {value}; allowed is at most {most}")
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
