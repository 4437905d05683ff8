"""The generated tables of a model card: text by source, run, sentences it is shown with.

The sentences, with what a right answer must say (``showcase.toml``), are shown, not scored: they
were written before the model that is shown with them was finished.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from csanmt.tables import read_toml
from csanmt.translator import DecodingOptions, Translator
from training.corpus import base, source
from training.status import read_metrics

SENTENCES = Path(__file__).resolve().parent / "showcase.toml"


@dataclass(frozen=True)
class Sentence:
    """``must``: expressions that a right answer holds; ``reference``: one such answer."""

    domain: str
    source: str
    must: tuple[str, ...]
    reference: str

    def missing(self, answer: str) -> list[str]:
        """What the answer does not say; none if it is right."""
        return [part for part in self.must if not re.search(part, answer, re.IGNORECASE)]


def sentences() -> list[Sentence]:
    body = read_toml(SENTENCES)
    return [Sentence(**{**entry, "must": tuple(entry["must"])}) for entry in body["sentence"]]


def text_section(pairs: Mapping[str, int]) -> str:
    """A table of every source with its licence.

    Args:
        pairs: origin → pairs trained on, as ``packed.json`` counts them.
    """
    counts: Counter[str] = Counter()
    for origin, count in pairs.items():
        counts[base(origin)] += count
    rows = [("source", "domain", "pairs", "licence", "from")]
    for s in sorted(map(source, counts), key=lambda s: (s.domain, s.origin)):
        rows.append((s.origin, s.domain, f"{counts[s.origin]:,}", s.licence, s.place))
    return _table(rows)


def run_section(log: Path) -> str:
    """A table of the evaluations in a version's log (``training/runs/*.jsonl``)."""
    lines = read_metrics(log)
    checks = [line for line in lines if "loss" in line]
    domains = sorted({key for line in checks for key in line if key.startswith("held/")})
    head = ("recipe", "steps", "target tokens", "hours", "dev", *(d[5:] for d in domains))
    rows: list[tuple[str, ...]] = [head]
    for line in checks:
        losses = [f"{line[key]:.3f}" if key in line else "" for key in ("loss", *domains)]
        millions, hours = f"{line['tokens'] / 1e6:.1f} M", f"{line['seconds'] / 3600:.2f}"
        rows.append((line["recipe"], f"{line['step']:,}", millions, hours, *losses))
    return _table(rows)


def showcase_section(translator: Translator, options: DecodingOptions) -> str:
    """Every shown sentence, its answer, and what the answer lacks; last, how many are right."""
    shown = sentences()
    answers = translator.translate([sentence.source for sentence in shown], options)
    rows: list[tuple[str, ...]] = [("", "source", "answer", "lacks")]
    for sentence, answer in zip(shown, answers, strict=True):
        lacks = ", ".join(f"`{part}`" for part in sentence.missing(answer.text))
        rows.append((sentence.domain, sentence.source, answer.text, lacks or "nothing"))
    right = sum(row[-1] == "nothing" for row in rows)
    return f"{_table(rows)}\n\n{right} of {len(shown)} say what they must.\n"


def _table(rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    rule = "|" + "---|" * (lines[0].replace("\\|", "").count("|") - 1)
    return "\n".join([lines[0], rule, *lines[1:]])
