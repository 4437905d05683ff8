"""Copy tokens: sixteen vocabulary pieces that mean "write here what stands there".

A version's ``config.json`` names them (``"copy_tokens": ["<copy0>", …]``), and both
vocabularies hold each as a control piece, which no text encodes to, whatever a user types.
A caller that must bring something through untouched cuts it out of the sentence,

    segments = ["请访问", CopyToken(0), "查看详情。"]
    ids, spans = tokenizer.encode_segments(segments)

translates the ids, made to use ``tokenizer.copy_ids("target")[0]`` once as the source does,
and reads the answer back:

    segments, spans = tokenizer.decode_segments(target_ids)  # ["See ", CopyToken(0), " for …"]

In the spans of both, a copy token counts as one character. The model was trained on distinct
numbers in any order (``training/copying.py``), so a sentence uses each number once, and takes
them at random or in order. Without declared copy tokens ``copy_ids`` is empty and the other
two refuse a ``CopyToken``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from csanmt.errors import ConfigurationError

COUNT = 16
NAMES = tuple(f"<copy{number}>" for number in range(COUNT))  # in vocabularies that we train
# One character for a copy token while text is encoded: the first of these that the text lacks.
_STANDINS = range(0x10F000, 0x10FFFE)


@dataclass(frozen=True, slots=True)
class CopyToken:
    """The place of something that is copied; ``number`` is 0 to 15."""

    number: int

    def __post_init__(self) -> None:
        if not 0 <= self.number < COUNT:
            raise ConfigurationError(f"copy token is {self.number}; allowed is 0 to {COUNT - 1}")


Segment: TypeAlias = str | CopyToken
Side = Literal["source", "target"]


def check_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names of a configuration: none, or sixteen different ones.

    Raises:
        ConfigurationError: anything else.
    """
    strings = isinstance(names, list | tuple) and all(isinstance(n, str) and n for n in names)
    if not strings or len(names) not in (0, COUNT) or len(set(names)) != len(names):
        raise ConfigurationError(
            f"copy_tokens is {names!r}; allowed is a list of {COUNT} different pieces, or none"
        )
    return tuple(names)


def joined(segments: Sequence[Segment]) -> tuple[str, str, list[int]]:
    """Segments as one text.

    Returns:
        the text, the character that stands in it for a copy token and that no other segment
        holds, and the numbers of the copy tokens, in order.
    """
    texts = [segment for segment in segments if isinstance(segment, str)]
    numbers = [segment.number for segment in segments if isinstance(segment, CopyToken)]
    used = set().union(*texts)
    standin = next(chr(code) for code in _STANDINS if chr(code) not in used)
    whole = "".join(standin if isinstance(s, CopyToken) else s for s in segments)
    return whole, standin, numbers


def cut(text: str, places: Sequence[tuple[int, int]]) -> list[Segment]:
    """``text`` cut at copy tokens, each given as (offset of its character, number), in order."""
    segments: list[Segment] = []
    last = 0
    for offset, number in places:
        segments += [text[last:offset], CopyToken(number)]
        last = offset + 1
    return [segment for segment in [*segments, text[last:]] if segment != ""]


class WithoutCopyTokens:
    """The part of ``csanmt.tokenization.Tokenizer`` about copy tokens, for those that have none."""

    def copy_ids(self, side: Side) -> tuple[int, ...]:
        return ()

    def declare_copy_tokens(self, names: Sequence[str]) -> None:
        if names:
            raise ConfigurationError("copy_tokens: this kind of tokenizer cannot hold any")

    def encode_segments(
        self, segments: Sequence[Segment], side: Side = "source"
    ) -> tuple[list[int], list[tuple[int, int]]]:
        raise ConfigurationError("this version's vocabulary has no copy tokens")

    def decode_segments(self, ids: Sequence[int]) -> tuple[list[Segment], list[tuple[int, int]]]:
        raise ConfigurationError("this version's vocabulary has no copy tokens")
