"""What becomes of long sentences: by length of the source, for several limits of splitting.

    python -m benchmarks.long_sentences MODEL ntrex128 --limits 128 80 64 48 --out long.json

translates a suite (or ``--source`` and ``--reference``) with the sentences of more source tokens
than each limit cut into clauses, and says for each bucket of length: BLEU and chrF2 with their
signatures, words of the answers to words of the references (below 1 something is dropped), and
how many of the numbers of the source and of the names of the reference are in the answer.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from benchmarks.suite import load_suite
from csanmt.durable import replace_text
from csanmt.loading import load_translator
from csanmt.quantities import missing_values, source_values
from csanmt.text_translator import TextTranslator
from csanmt.texts import TextTranslation, translate_texts

BUCKETS = (1, 16, 32, 48, 64, 96)  # source tokens, each up to the next
# A capital within a sentence, after a word in lower case: a name, mostly.
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][A-Za-z'-]+")
_BLEU, _CHRF = BLEU(), CHRF()
_NOT_NAMES = frozenset({"I", "I'm", "I've", "I'd", "I'll"})


@dataclass(frozen=True, slots=True)
class BucketResult:
    """The sentences of one length with one limit.

    Attributes:
        tokens: least source tokens of a sentence here.
        split, truncated: sentences cut into clauses; answers that ran into the decoder's limit.
        ratio: words of the answers to words of the references.
        numbers, names: share of the source's numbers and the reference's names in the answers.
    """

    limit: int
    tokens: int
    sentences: int
    split: int
    truncated: int
    bleu: float
    chrf2: float
    ratio: float
    numbers: float
    names: float


def measure(
    translator: TextTranslator,
    sources: Sequence[str],
    references: Sequence[str],
    limits: Sequence[int],
) -> list[BucketResult]:
    """Every bucket that has sentences, for every limit."""
    lengths = [translator.count_tokens(source) for source in sources]
    answers: dict[int, TextTranslation] = {}
    results = []
    for limit in sorted(limits, reverse=True):  # what fits the limit is as it was with the last
        todo = [i for i, n in enumerate(lengths) if i not in answers or n > limit]
        found = translate_texts(
            translator, [sources[i] for i in todo], translator.decoding, max_tokens=limit
        )
        answers |= dict(zip(todo, found, strict=True))
        for low, high in zip(BUCKETS, (*BUCKETS[1:], 1 << 30), strict=True):
            rows = [i for i, n in enumerate(lengths) if low <= n < high]
            if rows:
                chosen = [answers[i] for i in rows]
                results.append(_bucket(limit, low, chosen, [references[i] for i in rows]))
    return results


def _bucket(
    limit: int, tokens: int, answers: Sequence[TextTranslation], references: Sequence[str]
) -> BucketResult:
    texts = [answer.text for answer in answers]
    named = [n for answer in answers for n in source_values(answer.source)]
    lost = [n for answer in answers for n in missing_values(answer.source, answer.text)]
    names = [
        (name, text)
        for text, reference in zip(texts, references, strict=True)
        for name in set(_NAME.findall(reference)) - _NOT_NAMES
    ]
    return BucketResult(
        limit=limit,
        tokens=tokens,
        sentences=len(answers),
        split=sum(answer.split for answer in answers),
        truncated=sum(answer.truncated for answer in answers),
        bleu=round(_BLEU.corpus_score(texts, [references]).score, 2),
        chrf2=round(_CHRF.corpus_score(texts, [references]).score, 2),
        ratio=round(_words(texts) / _words(references), 3),
        numbers=round(1 - len(lost) / max(1, len(named)), 3),
        names=round(sum(name in text for name, text in names) / max(1, len(names)), 3),
    )


def _words(texts: Sequence[str]) -> int:
    return sum(len(text.split()) for text in texts)


def table(results: Sequence[BucketResult]) -> str:
    """The results as a Markdown table, the limits of one bucket below each other."""
    lines = [
        "| tokens | limit | sentences | split | BLEU | chrF2 | length ratio | numbers | names |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for r in sorted(results, key=lambda r: (r.tokens, -r.limit)):
        lines.append(
            f"| {r.tokens}+ | {r.limit} | {r.sentences} | {r.split} | {r.bleu:.1f} | {r.chrf2:.1f} "
            f"| {r.ratio:.2f} | {100 * r.numbers:.0f} % | {100 * r.names:.0f} % |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table; write the record if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_sentences")
    parser.add_argument("model", help="a version's directory")
    parser.add_argument("suite", nargs="?", help="a suite, unless --source is given")
    parser.add_argument("--source", type=Path, help="Chinese, a line a sentence")
    parser.add_argument("--reference", type=Path, help="its English")
    parser.add_argument("--limits", type=int, nargs="+", default=[128, 80, 64, 48])
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    options = parser.parse_args(arguments)
    if options.source:
        sources = options.source.read_text(encoding="utf-8").splitlines()
        references = options.reference.read_text(encoding="utf-8").splitlines()
    else:
        suite = load_suite(options.suite)
        sources, references = list(suite.sources), list(suite.references[0])
    translator = load_translator(options.model)
    results = measure(translator, sources, references, options.limits)
    if options.out:
        record = {
            "model": str(options.model),
            "set": options.suite or options.source.name,
            "bleu": str(_BLEU.get_signature()),
            "chrf2": str(_CHRF.get_signature()),
            "results": [asdict(result) for result in results],
        }
        replace_text(options.out, json.dumps(record, indent=1) + "\n")
    print(table(results))  # noqa: T201


if __name__ == "__main__":
    main()
