"""The JSON that translation servers speak: this product's, and LibreTranslate's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from csanmt.translator import DecodingOptions


class Shape(Protocol):
    """How a server is asked for a list of texts and how it answers."""

    name: str

    def body(
        self, texts: Sequence[str], options: DecodingOptions | None, key: str | None
    ) -> dict[str, object]: ...

    def answers(self, payload: Any) -> object:
        """The list of translations in an answer; KeyError or TypeError: another shape."""
        ...


class Ours:
    """``{"text": […]}`` → ``{"translation": […], "model": …}``; the key goes into a header."""

    name = "csanmt"

    def body(
        self, texts: Sequence[str], options: DecodingOptions | None, key: str | None
    ) -> dict[str, object]:
        body: dict[str, object] = {"text": list(texts)}
        if options:
            body |= {
                "beam": options.beam,
                "length_penalty": options.length_penalty,
                "max_length": options.max_length,
            }
        return body

    def answers(self, payload: Any) -> object:
        return payload["translation"]


class LibreTranslate:
    """``{"q": […], "source", "target"}`` → ``{"translatedText": […]}``; the key is a field.

    It knows no decoding options.
    """

    name = "libretranslate"

    def body(
        self, texts: Sequence[str], options: DecodingOptions | None, key: str | None
    ) -> dict[str, object]:
        body: dict[str, object] = {
            "q": list(texts), "source": "zh", "target": "en", "format": "text",
        }  # fmt: skip
        return body | ({"api_key": key} if key else {})

    def answers(self, payload: Any) -> object:
        return payload["translatedText"]


SHAPES: Mapping[str, Shape] = {shape.name: shape for shape in (Ours(), LibreTranslate())}
