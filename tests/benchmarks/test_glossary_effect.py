"""What a glossary does: how many of its terms are right with and without, and to BLEU.

Of each suite those sentences are taken whose source holds a term and whose reference holds its
target, so that the glossary asks for what a translator wrote too. ``-s`` shows the row of
docs/markup.md.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from sacrebleu.metrics.bleu import BLEU

from benchmarks.suite import load_suite
from csanmt.glossary import parse_entries
from csanmt.loading import load_translator
from csanmt.terms import count_forms, demands
from csanmt.translator import DecodingOptions

TERMS = Path(__file__).with_name("glossary.tsv")
DEFAULT = Path(__file__).parents[2] / "model_store" / "default"


@pytest.mark.soak
@pytest.mark.parametrize(("suite", "least"), [("tatoeba", 150), ("ntrex128", 400)])
def test_every_term_is_right_with_a_glossary_and_bleu_does_not_fall(suite, least):
    glossary = parse_entries(TERMS.read_text(encoding="utf-8"), "tsv")
    loaded, translator = load_suite(suite), load_translator(DEFAULT)
    references, right, terms = [], [0, 0], 0
    outputs, spent = ([], []), [0.0, 0.0]
    for source, reference in zip(loaded.sources, loaded.references[0], strict=True):
        own = [d for d in demands(source, glossary) if count_forms(reference, d)]
        if not own:
            continue
        pairs = tuple({source[d.start : d.end]: d.target for d in own}.items())
        references.append(reference)
        terms += len(pairs)
        for k, given in enumerate(((), pairs)):
            started = time.process_time()
            output = translator.translate([source], DecodingOptions(terms=given))[0].text
            spent[k] += time.process_time() - started
            outputs[k].append(output)
            wanted = [demands(source, (pair,)) for pair in pairs]
            right[k] += sum(any(count_forms(output, d) for d in ds) for ds in wanted)
    bleu = [BLEU().corpus_score(side, [references]).score for side in outputs]
    cells = [suite, len(references), terms, *(f"{n / terms:.1%}" for n in right)]
    cells += [f"{score:.2f}" for score in bleu]
    cells += [f"{seconds / len(references):.3f} s" for seconds in spent]
    print(f"\n| {' | '.join(map(str, cells))} |")
    assert terms >= least
    assert right[1] == terms > right[0]
    assert bleu[1] >= bleu[0]
