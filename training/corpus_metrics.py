"""BLEU, chrF and TER with their signatures, of any translator on any test set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sacrebleu

from csanmt.errors import NotFoundError
from csanmt.translator import DecodingOptions, Translator
from training.corpus import open_text, read_pairs


@dataclass(frozen=True)
class TestSet:
    """Sources and references, line by line."""

    __test__ = False  # not a test class, whatever pytest thinks

    name: str
    sources: tuple[str, ...]
    references: tuple[str, ...]


@dataclass(frozen=True)
class SetScores:
    """Scores of one test set; each signature says how the number was made."""

    name: str
    sentences: int
    bleu: float
    bleu_signature: str
    chrf: float
    chrf_signature: str
    ter: float
    ter_signature: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def load_test_set(path: Path) -> TestSet:
    """A TSV, a suite's folder (``source.zh``, ``reference.en``), or a prefix.

    ``prefix`` stands for ``prefix.zh`` and ``prefix.en``.

    Raises:
        NotFoundError: there is no such file, or it holds no pair.
    """
    if path.is_dir():
        with open_text(path / "source.zh") as left, open_text(path / "reference.en") as right:
            sources, references = left.read().splitlines(), right.read().splitlines()
        return TestSet(path.name, tuple(sources), tuple(references))
    pairs = list(read_pairs([path]))
    if not pairs:
        raise NotFoundError(f"{path} holds no pair")
    name = path.name.split(".", 1)[0]
    return TestSet(name, tuple(p.source for p in pairs), tuple(p.target for p in pairs))


def translate_set(
    translator: Translator,
    test: TestSet,
    options: DecodingOptions,
    batch: int = 32,
    progress: Callable[[int], None] | None = None,
) -> list[str]:
    """Translations in the order of the set; sentences of like length go together."""
    order = sorted(range(len(test.sources)), key=lambda i: len(test.sources[i]))
    outputs = [""] * len(order)
    for start in range(0, len(order), batch):
        places = order[start : start + batch]
        answers = translator.translate([test.sources[i] for i in places], options)
        for place, answer in zip(places, answers, strict=True):
            outputs[place] = answer.text
        if progress:
            progress(min(start + batch, len(order)))
    return outputs


def score(name: str, outputs: Sequence[str], references: Sequence[str]) -> SetScores:
    """Corpus scores as sacrebleu's defaults define them (BLEU tokenises with 13a)."""
    values = []
    for metric in (sacrebleu.BLEU(), sacrebleu.CHRF(), sacrebleu.TER()):
        result = metric.corpus_score(list(outputs), [list(references)])
        values += [round(result.score, 2), str(metric.get_signature())]
    return SetScores(name, len(outputs), *values)
