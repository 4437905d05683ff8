"""Traditional characters become simplified ones, character by character (OpenCC).

A model that was trained on simplified Chinese spells traditional characters in bytes and
guesses. ``simplified`` gives it what it knows: OpenCC's conversion of Taiwan's standard, whose
every phrase keeps its length, so that offset k of the result is offset k of the text and
alignment, markup, glossary and documents need not know. A version asks for it in its
configuration (``simplify_source``); imported models, which have traditional characters in
their vocabulary, do not.

What is left as it is:

- a text without a character that is certainly traditional: one that OpenCC changes and GB 2312,
  the simplified standard, lacks. 乾坤 and 著名 are right in simplified text too;
- a run of letters with kana or hangul in it: Japanese or Korean, whose 東 and 図 stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from csanmt.errors import EngineUnavailableError

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af々〇"
_KANA_HANGUL = "\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
_KEPT = re.compile(f"[{_HAN}]*[{_KANA_HANGUL}][{_HAN}{_KANA_HANGUL}]*|[\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a pair, which UTF-8 cannot write


def simplified(text: str) -> str:
    """``text`` in simplified characters, of the same length.

    Raises:
        EngineUnavailableError: the package is missing that converts.
    """
    if text.isascii() or certainly_traditional().isdisjoint(text):
        return text
    converted = _convert(text)
    parts, last = [], 0
    for kept in _KEPT.finditer(text):
        parts += [converted[last : kept.start()], kept.group()]
        last = kept.end()
    return "".join([*parts, converted[last:]])


def _convert(text: str) -> str:
    convert, text = _converter(), _SURROGATE.sub("\ufffd", text)
    converted = convert(text)
    if len(converted) != len(text):  # no phrase of OpenCC 1.4 does that; a later one might
        each = map(convert, text)
        return "".join(new if len(new) == 1 else old for old, new in zip(text, each, strict=True))
    return converted


@cache
def certainly_traditional() -> frozenset[str]:
    """Characters that stand in no simplified text."""
    han = [chr(code) for code in (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000))]
    changed = zip(han, _convert("\n".join(han)).split("\n"), strict=True)
    return frozenset(o for o, new in changed if new != o and not o.encode("gb2312", "ignore"))


@cache
def _converter() -> Callable[[str], str]:
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise EngineUnavailableError(
            "this version converts traditional characters, and the package 'opencc' that does "
            "so is not installed"
        ) from error
    convert: Callable[[str], str] = OpenCC("tw2s").convert
    return convert
