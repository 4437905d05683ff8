"""Copy tokens: sixteen vocabulary pieces that mean "write here what stands there".

A version's ``config.json`` names them (``"copy_tokens": ["<copy0>", …]``), and both
vocabularies hold each as a control piece, which no text encodes to, whatever a user types.
A caller that must bring something through untouched puts any one character in its place,

    text = "请访问\ufffc查看详情。"
    ids, spans = tokenizer.encode_with_spans(text, [(3, 0)])  # copy token 0 stands at offset 3

translates the ids, made to use ``tokenizer.copy_ids("target")[0]`` once as the source does, and
reads the answer back with ``decode_with_spans``, where each copy token is one ``COPY_CHARACTER``.

The model was trained on distinct numbers in any order (``training/copying.py``), so a sentence
uses each number once, and takes them at random or in order. Without declared copy tokens
``copy_ids`` is empty and none can be encoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from csanmt.errors import ConfigurationError

COUNT = 16
NAMES = tuple(f"<copy{number}>" for number in range(COUNT))  # in vocabularies that we train
COPY_CHARACTER = "\ufffc"  # Unicode's own stand-in for an object
# One character for a copy token while text is encoded: the first of these that the text lacks.
_STANDINS = range(0x10F000, 0x10FFFE)


Copies = Sequence[tuple[int, int]]  # (offset of the character in its place, number), in order
Side = Literal["source", "target"]


def check_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names of a configuration: none, or sixteen different ones.

    Raises:
        ConfigurationError: anything else.
    """
    if len(names) not in (0, COUNT) or len(set(names)) != len(names):
        raise ConfigurationError(
            f"copy_tokens is {names!r}; allowed is a list of {COUNT} different pieces, or none"
        )
    return tuple(names)


def written(text: str, copies: Copies) -> tuple[str, str]:
    """``text`` with a character at each copy token's place that it does not hold, and which."""
    used = set(text)
    standin = next(chr(code) for code in _STANDINS if chr(code) not in used)
    characters = list(text)
    for offset, _ in copies:
        characters[offset] = standin
    return "".join(characters), standin
