"""What is to be translated in a chat: the last message, or the text its prompt wraps.

A translation model must not translate instructions, so the prompts of known programs are
recognised by their markers, and a message that gives other instructions is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serving.http.errors import BadRequestError
from serving.languages import NAMES, LanguagePair, canonical, detect


@dataclass(frozen=True, slots=True)
class Wrapping:
    """A program's prompt around a text.

    Attributes:
        programs: whose prompt it is, as ``docs/clients.md`` names them.
        start, end: what stands before the text and after it; the end may be the message's.
        head: found in what stands before ``start``.
    """

    programs: str
    start: str
    end: str
    head: re.Pattern[str]

    def unwrapped(self, message: str) -> str | None:
        before, found, rest = message.partition(self.start)
        if not found or not self.head.search(before):
            return None
        text, closed, _ = rest.rpartition(self.end) if self.end else (rest, True, "")
        return text.strip() if closed else None


_ASKS = re.compile(r"\btranslat(?:e|ion)\b", re.IGNORECASE)
_ONE_LINE = re.compile(r"\A\s*(?:please )?translate\b.*\Z", re.IGNORECASE)
WRAPPINGS = (
    Wrapping("pot", ':\n"""\n', '\n"""', _ASKS),
    Wrapping("PDFMathTranslate, KISS Translator", "Source Text:", "Translated Text:", _ASKS),
    Wrapping("Zotero's translate", "as follows:  🔤", "🔤  Please", _ASKS),
    Wrapping("Subtitle Edit, others with one line and a colon before", ":\n\n", "", _ONE_LINE),
)
_TARGET = re.compile(r"\b(?:in)?to ([A-Za-z]{2,20}(?:-[A-Za-z]{2,4})?)\b")
_LONGEST_PROMPT = 4_000  # characters in which languages and instructions are looked for
# Instructions, in English or Chinese; a Chinese text may well hold a colon or the word for itself.
_VERBS = (
    "translate|summari[sz]e|rewrite|paraphrase|explain|answer|write|describe|list|correct|proofread|"
    "improve|polish|act as|you are"
)
_LIKE_A_PROMPT = re.compile(
    rf"\s*(?:please\s+)?(?:{_VERBS})\b"
    r"|\s*(?:请|請|将|將|把|帮我|幫我)?[^\n]{0,60}(?:翻译|翻譯|译成|譯成|译为|譯為)[^\n]{0,40}[:：]"
    r"|\s*(?:请|請|帮我|幫我)(?:总结|總結|概括|改写|改寫|润色|潤色|扮演)",
    re.IGNORECASE,
)


def text_to_translate(messages: Any, languages: LanguagePair) -> str:
    """The text in OpenAI's ``messages``.

    Args:
        languages: what the model translates.

    Raises:
        BadRequestError: there is none, or it cannot be told from instructions.
    """
    message = _last_user_message(messages)
    for wrapping in WRAPPINGS:
        text = wrapping.unwrapped(message)
        if text is not None:
            _check_target(message[: len(message) - len(text)][:_LONGEST_PROMPT], languages.target)
            break
    else:
        text, found = message, detect(message)
        foreign = found.confidence > 0 and found.language != languages.source
        if foreign or _LIKE_A_PROMPT.match(message):
            known = "; ".join(wrapping.programs for wrapping in WRAPPINGS)
            raise BadRequestError(
                f"this server only translates {NAMES[languages.source]}: send the text alone as "
                f"the last user message, or in a prompt it knows ({known})"
            )
    if not text.strip():
        raise BadRequestError("the last user message holds no text to translate; put it there")
    return text


def _last_user_message(messages: Any) -> str:
    if not isinstance(messages, list) or not messages:
        raise BadRequestError("messages must be a list of messages")
    last = messages[-1]
    if not isinstance(last, dict) or last.get("role") != "user":
        raise BadRequestError("the last message must be of the role user")
    return _content(last.get("content"))


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts: Sequence[Any] = content if isinstance(content, list) else [None]
    if not all(isinstance(p, dict) and isinstance(p.get("text"), str) for p in parts):
        raise BadRequestError("the last message's content must be text")
    return "\n".join(part["text"] for part in parts)


def _check_target(prompt: str, target: str) -> None:
    """Raises BadRequestError: the prompt names another language to translate into."""
    codes = {name.lower(): code for code, name in NAMES.items()}
    for found in _TARGET.finditer(prompt):
        word = found[1].lower()
        code = codes.get(word) or (canonical(word) if canonical(word) in NAMES else "")
        if code and code != target:
            raise BadRequestError(f"this model translates into {NAMES[target]}, not {found[1]}")
