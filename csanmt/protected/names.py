"""Which protected pieces are words of their sentence, and people's names that stand for them."""

from __future__ import annotations

import re

from csanmt.protected.finder import Protected
from csanmt.protected.restore import occurrences

# Names that translation models meet everywhere; measured on the default model.
NAMES = ("Tom", "Mary", "Bob", "John", "Alice", "Peter", "Anna", "Jack", "Lucy", "David")
MOST = 5  # in one sentence; beyond it models drop some


def free_names(*texts: str) -> list[str]:
    """Names that none of ``texts`` holds."""
    lower = " ".join(texts).lower()
    return [name for name in NAMES if name.lower() not in lower]


def lost_names(without: str, text: str) -> list[str]:
    """Names that stand in the translation without the pieces and not in ``text``."""
    return [
        name for name in NAMES if len(occurrences(name, text)) < len(occurrences(name, without))
    ]


_PRONOUNS = tuple(
    (chinese, re.compile(rf"\b(?:{english})\b", re.IGNORECASE))
    for chinese, english in (
        ("我", "i|me|my|mine|myself|we|us|our|ours"),
        ("你", "you|your|yours|yourself"),
        ("您", "you|your|yours|yourself"),
        ("他", "he|him|his|himself|they|them|their|theirs"),
        ("她", "she|her|hers|herself|they|them|their|theirs"),
    )
)


def lost_pronouns(source: str, without: str, text: str) -> bool:
    """Somebody of the source whom the translation without the pieces has, and not ``text``."""
    return any(
        chinese in source and english.search(without) and not english.search(text)
        for chinese, english in _PRONOUNS
    )


# Chinese beside a piece that makes it a word of the sentence: a verb, a preposition or the noun of
# its kind before it, a measure word behind what may be a number. Before a pronoun it is none.
_OBJECT_OF = (
    "住在|位于|从|到|给|向|叫|名为|见|看|访问|打开|联系|找到?|告诉|发送|升级|使用|利用|通过|运行|安装|"
    "调用|执行|下载|输入|设置为|关于|参考|参见|根据|称为|作为|基于|支持|添加|删除|创建|启用|禁用|导入|"
    "指定|包含|命令|文件|函数|参数|变量|目录|选项|属性|字段|方法|类"
)
_BEFORE = re.compile(rf"(?:{_OBJECT_OF})\s?\Z")
_BEHIND = re.compile(r"\s?(?:个|条|页|位|名|次|件|张|项|天|年|月|日|小时|分钟|秒|元|人)")
# They stand beside words, never for one; a tag may, if it is a program's placeholder.
_BESIDE = frozenset(
    {"comment", "template", "entity", "escape", "shortcode", "mnemonic", "option", "note", "point"}
)
_TAGS = frozenset({"tag", "element"})
_PRONOUN = re.compile(r"\s?(?:[我你您他她它咱这那哪谁每某各]|一[个位条只本张])")
_NUMBERS = frozenset({"printf", "brace", "braces", "dollar"})


def is_word(piece: Protected) -> bool:
    """Whether ``piece`` may be a word of its sentence."""
    return piece.family.name not in _BESIDE


def argument(sentence: str, piece: Protected) -> bool:
    """By the words beside it ``piece`` is a word of the sentence, such as an object."""
    before, behind = sentence[max(0, piece.start - 3) : piece.start], sentence[piece.end :]
    if piece.family.name in _TAGS or _PRONOUN.match(behind):
        return False
    counts = piece.family.name in _NUMBERS and _BEHIND.match(behind)
    return bool(_BEFORE.search(before) or counts)
