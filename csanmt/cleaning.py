"""From whatever a translation pipeline answers to plain text.

Pipelines differ: a string, a list of dicts, ModelScope's ``{"translation": …}``,
transformers' ``[{"translation_text": …}]``, chat-like nests. ``parse_result`` finds
the text, ``clean_text`` takes out the markers that tokenizers leave behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from csanmt.errors import InvalidInputError

# Best first: a dict with several of them is read by the first that holds text.
TEXT_KEYS = (
    "translation", "translation_text", "translated_text", "translatedText", "translations",
    "text", "output_text", "output", "outputs", "generated_text", "target", "tgt",
    "hypothesis", "hypotheses", "sentence", "content", "result", "results", "data",
)  # fmt: skip
_MARKERS = re.compile(r"</?s>|<pad>|<unk>|<bos>|<eos>|<\|endoftext\|>|\[(?:CLS|SEP|PAD|UNK)\]")
_DEEPEST = 16


def parse_result(result: Any) -> str:
    """The translation in ``result``, cleaned; several texts are joined by line breaks.

    Raises:
        InvalidInputError: no text anywhere in it, or nested deeper than 16 levels.
    """
    return "\n".join(parse_results(result))


def parse_results(result: Any) -> list[str]:
    """All translations in ``result`` in order, cleaned: one for each sentence or text.

    A dict counts as one answer: only the value of its best key (``TEXT_KEYS``) is read.
    ModelScope's several sentences in one string stay several.

    Raises:
        InvalidInputError: see ``parse_result``.
    """
    found = [clean_text(part) for text in _texts(result, 0) for part in text.split("<SENT_SPLIT>")]
    if not found:
        raise InvalidInputError(f"no translation in a result of type {type(result).__name__}")
    return found


def clean_text(text: str) -> str:
    """``text`` without the marks of BPE, SentencePiece and decoders, and with single spaces."""
    text = text.replace("<SENT_SPLIT>", " ")
    text = re.sub(r" ?@-@ ?", "-", text)
    text = re.sub(r"@@( |$)", "", text)
    if "▁" in text:  # pieces joined by spaces: a word begins at each ▁
        text = text.replace(" ", "").replace("▁", " ")
    text = _MARKERS.sub(" ", text)
    lines = (re.sub(r"[ \t\u3000]+", " ", line).strip() for line in text.split("\n"))
    return "\n".join(lines).strip()


def _texts(value: Any, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        raise InvalidInputError(f"the result is nested deeper than {_DEEPEST} levels")
    if isinstance(value, str):
        yield value
    elif isinstance(value, (bytes, bytearray)):
        yield bytes(value).decode("utf-8", errors="replace")
    elif isinstance(value, Mapping):
        for key in TEXT_KEYS:
            inner = list(_texts(value[key], depth + 1)) if value.get(key) is not None else []
            if inner:
                yield from inner
                return
        if len(value) == 1:
            yield from _texts(next(iter(value.values())), depth + 1)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _texts(item, depth + 1)
    else:
        text = getattr(value, "text", None)  # a Translation of ours, a model's output object
        if isinstance(text, str):
            yield text
