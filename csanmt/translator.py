"""The seam between everything that translates and everything that asks for it.

``Engine`` works on token ids, ``Translator`` on sentences of text. The torch
reference, the native CPU engine, a remote URL and the tests' stub all stand
behind these protocols, so that tests of the layers above need no weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from csanmt.errors import ConfigurationError

MAX_BEAM = 16
MAX_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class DecodingOptions:
    """How to decode. The defaults are the reference's (beam 4, length penalty 0.6).

    Attributes:
        beam: beam width, 1 (greedy) to ``MAX_BEAM``.
        n_best: hypotheses returned per sentence, at most ``beam``.
        length_penalty: exponent of ``((5 + length) / 6)``; score = log P / penalty.
        max_length: most target tokens of one sentence; reaching it sets ``hit_limit``.
        repetition_guard: forbid a hypothesis from looping on the same n-gram, and from being empty.
        alignment: also return the source token each target token attends to most.
        terms: (source, target) pairs of a glossary: where the source occurs in a sentence, its
            translation must hold the target (``csanmt.terms``).
        protect: strings that come through untouched (``csanmt.protected``).

    Raises:
        ConfigurationError: names the option, its value and what is allowed.
    """

    beam: int = 4
    n_best: int = 1
    length_penalty: float = 0.6
    max_length: int = 100
    repetition_guard: bool = True
    alignment: bool = False
    terms: tuple[tuple[str, str], ...] = ()
    protect: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, low, high in (
            ("beam", 1, MAX_BEAM),
            ("n_best", 1, self.beam),
            ("length_penalty", 0.0, 5.0),
            ("max_length", 1, MAX_LENGTH),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigurationError(f"{name} is {value}; allowed is {low} to {high}")


@dataclass(frozen=True, slots=True)
class TokenHypothesis:
    """One decoded id sequence, without the final eos.

    Attributes:
        ids: target token ids.
        score: log probability (natural log, nats) divided by the length penalty.
        hit_limit: the search stopped at ``max_length`` before this one produced eos.
        alignment: per target token the index of the source token it attends to
            most (``len(source)`` stands for the source's eos); None if not asked for.
    """

    ids: tuple[int, ...]
    score: float
    hit_limit: bool = False
    alignment: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One translation of one sentence, best first within its ``Translation``.

    Attributes:
        alignment: pairs of character spans ``((source_start, source_end),
            (target_start, target_end))``, half-open, in target order; None if not asked for.
    """

    text: str
    score: float
    tokens: int = 0
    hit_limit: bool = False
    alignment: tuple[tuple[tuple[int, int], tuple[int, int]], ...] | None = None

    def ending(self, text: str) -> Hypothesis:
        """The same with a text that differs at its end alone."""
        pairs, end = self.alignment, len(text)
        if pairs is not None:
            pairs = tuple((seen, (min(a, end), min(b, end))) for seen, (a, b) in pairs)
        return replace(self, text=text, alignment=pairs)


@dataclass(frozen=True, slots=True)
class Translation:
    """The result for one source sentence: ``n_best`` hypotheses, best first.

    Attributes:
        faults: what the best one shows without a reference (names of the running service's
            signals), where somebody looked.
        cut: it was translated in parts, so that what it protects could not be lost.
    """

    source: str
    hypotheses: tuple[Hypothesis, ...]
    source_tokens: int = 0
    faults: tuple[str, ...] = ()
    cut: bool = False

    @property
    def text(self) -> str:
        return self.hypotheses[0].text if self.hypotheses else ""

    def ranked(self, rank: int) -> Hypothesis:
        """The hypothesis of this rank (0 is best), or the last one."""
        hypotheses = self.hypotheses or (Hypothesis("", 0.0),)
        return hypotheses[min(rank, len(hypotheses) - 1)]

    @property
    def truncated(self) -> bool:
        """The best hypothesis ran into the length limit."""
        return bool(self.hypotheses) and self.hypotheses[0].hit_limit


@dataclass(frozen=True, slots=True)
class Copies:
    """Copy tokens of a batch (``csanmt.tokenization_copy``), as ids of the target vocabulary.

    Attributes:
        reserved: all that the model has; a hypothesis uses none that is not required.
        required: for each source those that each of its hypotheses uses exactly once.
    """

    reserved: tuple[int, ...]
    required: tuple[tuple[int, ...], ...]


# Called between decoding steps; true abandons the work with CancelledError.
ShouldStop = Callable[[], bool]


@runtime_checkable
class Engine(Protocol):
    """Token ids in, token ids out. Safe to call from several threads."""

    name: str  # "native", "torch", …

    def translate_ids(
        self,
        sources: Sequence[Sequence[int]],
        options: DecodingOptions = ...,
        *,
        prefixes: Sequence[Sequence[int]] | None = None,
        copies: Copies | None = None,
        should_stop: ShouldStop | None = None,
    ) -> list[list[TokenHypothesis]]:
        """Decode each source (ids without eos) on its own; one n-best list each.

        Args:
            prefixes: target ids that each hypothesis must start with.
            copies: tokens that hypotheses use exactly as often as their source.

        Raises:
            CancelledError: ``should_stop`` answered true.
        """
        ...


@runtime_checkable
class Translator(Protocol):
    """Sentences in, translations out; a sentence's answer ignores its batch mates."""

    model_tag: str  # "csanmt-zh-en:v1.0.0"
    source_language: str  # "zh"
    target_language: str  # "en"
    max_source_tokens: int | None  # of a sentence; None leaves it to who cuts them

    def translate(
        self,
        sources: Sequence[str],
        options: DecodingOptions = ...,
        *,
        should_stop: ShouldStop | None = None,
    ) -> list[Translation]:
        """Translate each sentence (no line breaks needed; empty gives empty)."""
        ...

    def count_tokens(self, text: str) -> int:
        """Source tokens of ``text``, eos not counted."""
        ...


def own_decoding(translator: Translator) -> DecodingOptions:
    """How a translator decodes unless it is told otherwise: as its version says."""
    return getattr(translator, "decoding", None) or DecodingOptions()
