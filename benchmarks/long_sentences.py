"""What becomes of long sentences: by length of the source, for several limits of splitting.

    python -m benchmarks.long_sentences MODEL ntrex128 --limits 128 80 64 48

translates a suite with the sentences of more source tokens than each limit cut into clauses, and
says for each bucket of length: BLEU and chrF2, words of the answers to words of the references
(below 1 something is dropped), and how many of the numbers of the source and of the names of the
reference are in the answer.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from benchmarks.checks import reference_names
from benchmarks.suite import Suite, load_suite
from csanmt.loading import load_translator
from csanmt.quantities import missing_values, source_values
from csanmt.text_translator import TextTranslator
from csanmt.texts import TextTranslation, translate_texts

BUCKETS = (1, 16, 32, 48, 64, 96)  # source tokens, each up to the next
COLUMNS = ("tokens", "limit", "sentences", "split", "BLEU", "chrF2", "length ratio", "numbers",
           "names")  # fmt: skip
_METRICS = (BLEU(), CHRF())


def measure(
    translator: TextTranslator, suite: Suite, limits: Sequence[int]
) -> Iterator[dict[str, float]]:
    """``COLUMNS`` of every bucket that has sentences, for every limit, the largest first."""
    lengths = [translator.count_tokens(source) for source in suite.sources]
    answers: dict[int, TextTranslation] = {}
    for limit in sorted(limits, reverse=True):  # what fits the limit is as it was with the last
        todo = [i for i, n in enumerate(lengths) if i not in answers or n > limit]
        sources = [suite.sources[i] for i in todo]
        found = translate_texts(translator, sources, translator.decoding, max_tokens=limit)
        answers |= dict(zip(todo, found, strict=True))
        for low, high in zip(BUCKETS, (*BUCKETS[1:], 1 << 30), strict=True):
            if rows := [i for i, n in enumerate(lengths) if low <= n < high]:
                references = [suite.references[0][i] for i in rows]
                yield {
                    "tokens": low,
                    "limit": limit,
                    **_bucket([answers[i] for i in rows], references),
                }


def _bucket(answers: Sequence[TextTranslation], references: Sequence[str]) -> dict[str, float]:
    texts = [answer.text for answer in answers]
    numbers = [n for a in answers for n in source_values(a.source)]
    lost = [n for a in answers for n in missing_values(a.source, a.text)]
    pairs = zip(texts, references, strict=True)
    names = [name in text for text, reference in pairs for name in reference_names(reference)]
    bleu, chrf2 = (m.corpus_score(texts, [references]).score for m in _METRICS)
    return {
        "sentences": len(answers),
        "split": sum(answer.split for answer in answers),
        "BLEU": bleu,
        "chrF2": chrf2,
        "length ratio": sum(len(t.split()) for t in texts)
        / sum(len(r.split()) for r in references),
        "numbers": 1 - len(lost) / max(1, len(numbers)),
        "names": sum(names) / max(1, len(names)),
    }


def table(results: Sequence[dict[str, float]]) -> str:
    """As Markdown, the limits of one bucket below each other."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "--:|" * len(COLUMNS)]
    for row in sorted(results, key=lambda row: (row["tokens"], -row["limit"])):
        cells = [f"{row[name]:.2f}" if i > 3 else str(row[name]) for i, name in enumerate(COLUMNS)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(str(m.get_signature()) for m in _METRICS), ""])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_sentences")
    parser.add_argument("model", help="a version's directory")
    parser.add_argument("suite", help="a built-in suite, or a folder")
    parser.add_argument("--limits", type=int, nargs="+", default=[128, 80, 64, 48])
    options = parser.parse_args(arguments)
    translator = load_translator(options.model)
    results = list(measure(translator, load_suite(options.suite), options.limits))
    sys.stdout.write(table(results))


if __name__ == "__main__":
    main()
