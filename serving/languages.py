"""Language codes as clients write them, and which language a text is in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
KANA_OR_HANGUL = re.compile(r"[\u3040-\u30ff\uac00-\ud7af]")

NAMES = {
    "zh": "Chinese", "en": "English", "ja": "Japanese", "ko": "Korean", "fr": "French",
    "de": "German", "es": "Spanish", "ru": "Russian", "it": "Italian", "pt": "Portuguese",
    "ar": "Arabic", "vi": "Vietnamese", "th": "Thai", "nl": "Dutch", "pl": "Polish",
    "tr": "Turkish", "uk": "Ukrainian", "id": "Indonesian", "cs": "Czech", "sv": "Swedish",
}  # fmt: skip
# Three letters as ISO 639 has them; LibreTranslate writes Traditional Chinese as zt.
_SAME = {"zho": "zh", "chi": "zh", "cmn": "zh", "zt": "zh", "eng": "en"}


def canonical(code: str) -> str:
    """``zh-Hans``, ``zh_TW``, ``zt``, ``ZH`` → ``zh``; ``EN-US`` → ``en``; others likewise."""
    base = re.split(r"[-_]", code.strip().lower())[0]
    return _SAME.get(base, base)


def name_of(code: str) -> str:
    return NAMES.get(canonical(code), code)


class LanguagePair(NamedTuple):
    """From which language into which; ISO 639-1."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Detected:
    """A language and how sure the detector is, 0 to 1."""

    language: str
    confidence: float


def detect(text: str) -> Detected:
    """The language of ``text``; confidence 0 where there is nothing to go by.

    Han without kana or hangul is Chinese: statistics over a handful of characters
    know less than that. The rest is py3langid's, among the languages named above.
    """
    letters = sum(character.isalpha() for character in text)
    if not letters:
        return Detected("en", 0.0)
    han = len(HAN.findall(text))
    if han and not KANA_OR_HANGUL.search(text):
        # A Chinese sentence may hold many Latin letters; a Han character is a word.
        words = han + len(re.findall(r"[A-Za-z]+", text))
        if han / words >= 0.3:
            return Detected("zh", round(min(1.0, 0.5 + han / words / 2), 3))
    language, confidence = _identifier().classify(text)
    return Detected(str(language), round(float(confidence), 3))


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(sorted(NAMES))
    return identifier
