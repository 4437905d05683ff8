"""What a glossary does: how many of its terms are right with and without, and to BLEU.

Of each suite those sentences are taken whose source holds a term and whose reference
holds its target, so that the glossary asks for what a translator wrote too.

    python -m benchmarks.glossary model_store/default --suites tatoeba ntrex128
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import sacrebleu

from benchmarks.suite import load_suite
from csanmt.glossary import Term, parse_entries
from csanmt.loading import load_translator
from csanmt.terms import count_forms, demands
from csanmt.translator import DecodingOptions, Translator

TERMS = Path(__file__).parent / "cases" / "glossary.tsv"


@dataclass(frozen=True, slots=True)
class Row:
    """One sentence, its reference, and the terms both hold."""

    source: str
    reference: str
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """Of one suite. ``right`` counts terms, ``bleu`` comes with its signature."""

    suite: str
    sentences: int
    terms: int
    right_without: int
    right_with: int
    bleu_without: float
    bleu_with: float
    seconds_without: float
    seconds_with: float
    signature: str


def rows_of(suite: str, glossary: tuple[Term, ...], limit: int) -> list[Row]:
    """The sentences of ``suite`` that test the glossary, at most ``limit``."""
    loaded = load_suite(suite)
    found = []
    for source, reference in zip(loaded.sources, loaded.references[0], strict=True):
        wanted = demands(source, glossary)
        pairs = {source[d.start : d.end]: d.target for d in wanted if count_forms(reference, d)}
        if pairs:
            found.append(Row(source, reference, tuple(pairs.items())))
    return found[:limit]


def measure(suite: str, rows: Sequence[Row], translator: Translator) -> Effect:
    """Translate each row without and with its terms, one after the other."""
    without: list[str] = []
    with_terms: list[str] = []
    spent = [0.0, 0.0]
    for row in rows:
        for k, (outputs, terms) in enumerate(((without, ()), (with_terms, row.terms))):
            started = time.process_time()
            outputs.append(translator.translate([row.source], DecodingOptions(terms=terms))[0].text)
            spent[k] += time.process_time() - started
    bleu = sacrebleu.BLEU()
    references = [[row.reference for row in rows]]
    scores = [round(bleu.corpus_score(o, references).score, 2) for o in (without, with_terms)]
    return Effect(
        suite=suite,
        sentences=len(rows),
        terms=sum(len(row.terms) for row in rows),
        right_without=_right(rows, without),
        right_with=_right(rows, with_terms),
        bleu_without=scores[0],
        bleu_with=scores[1],
        seconds_without=round(spent[0] / len(rows), 4),
        seconds_with=round(spent[1] / len(rows), 4),
        signature=str(bleu.get_signature()),
    )


def _right(rows: Sequence[Row], outputs: Sequence[str]) -> int:
    return sum(
        any(count_forms(output, d) for d in demands(row.source, (pair,)))
        for row, output in zip(rows, outputs, strict=True)
        for pair in row.terms
    )


def table(effects: Sequence[Effect]) -> str:
    """For docs/markup.md; seconds are processor time a sentence."""
    lines = [
        "| suite | sentences | terms | right without | right with | BLEU without | BLEU with "
        "| CPU without | CPU with |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for e in effects:
        shares = f"{e.right_without / e.terms:.1%} | {e.right_with / e.terms:.1%}"
        times = f"{e.seconds_without:.3f} s | {e.seconds_with:.3f} s"
        lines.append(
            f"| {e.suite} | {e.sentences} | {e.terms} | {shares} | {e.bleu_without} "
            f"| {e.bleu_with} | {times} |"
        )
    return "\n".join([*lines, "", effects[0].signature])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model", type=Path, help="a model's directory")
    parser.add_argument("--suites", nargs="+", default=["tatoeba"])
    parser.add_argument("--limit", type=int, default=500, help="sentences of a suite at most")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    glossary = parse_entries(TERMS.read_text(encoding="utf-8"), "tsv")
    translator = load_translator(options.model)
    effects = [measure(s, rows_of(s, glossary, options.limit), translator) for s in options.suites]
    out = json.dumps([asdict(e) for e in effects]) if options.json else table(effects)
    sys.stdout.write(out + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
