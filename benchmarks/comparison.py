"""Both systems' answers to one suite, and what is computed of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from benchmarks.answers import AnswerCache, suite_statistics, translate_suite
from benchmarks.checks import CHECKS, WORD, Check
from benchmarks.measurements import Change, CheckRate, MetricResult, Part, SuiteResult
from benchmarks.metrics import METRICS, Rows, corpus_score
from benchmarks.second_opinion import Texts
from benchmarks.significance import (
    Draws,
    PairedTest,
    SamplingPlan,
    draw,
    paired_test,
    pooled_test,
)
from benchmarks.subject import Progress, Subject, same_subject
from benchmarks.suite import Suite
from benchmarks.variants import canonical

SENTENCE_METRIC = METRICS["chrf2pp"]  # ranks changed sentences
EXAMPLES = 50  # kept of every check
LENGTHS = (10, 20, 40, 80)  # upper bounds of source length, in characters
LONG = 10  # words of a reference that nobody writes again by chance


class Comparison:
    """One suite; the cache keeps its statistics."""

    def __init__(
        self,
        candidate: Subject,
        baseline: Subject,
        suite: Suite,
        cache: AnswerCache,
        progress: Progress,
        workers: int,
    ) -> None:
        self.suite, self._cache, self._progress, self._workers = suite, cache, progress, workers
        self.old = translate_suite(baseline, suite, cache, progress, workers)
        same = same_subject(baseline, candidate)
        self.new = self.old if same else translate_suite(candidate, suite, cache, progress, workers)
        self._draws: dict[tuple[str, bool], Draws] = {}

    @property
    def texts(self) -> Texts:
        return Texts(self.suite.sources, self.suite.references[0], self.old, self.new)

    def statistics(self, key: str, alike: bool = False) -> tuple[Rows, Rows]:
        """Sufficient ones of baseline and candidate; ``alike``: of the texts written alike."""
        suite, sides = self.suite, [self.old, self.new]
        if alike:
            references = tuple(tuple(map(canonical, r)) for r in suite.references)
            suite = replace(suite, references=references)
            sides = [list(map(canonical, lines)) for lines in sides]
        how = self._cache, self._progress, self._workers
        base, cand = (suite_statistics(key, suite, lines, *how) for lines in sides)
        return base, cand

    def draws(self, key: str, alike: bool, sampling: SamplingPlan) -> Draws:
        if (key, alike) not in self._draws:
            base, cand = self.statistics(key, alike)
            self._draws[key, alike] = draw(METRICS[key], base, cand, sampling)
        return self._draws[key, alike]

    def result(
        self, metrics: Sequence[MetricResult], slices: Sequence[str], sampling: SamplingPlan
    ) -> SuiteResult:
        """Check rates, changes and parts of the suite beside its metrics.

        Args:
            slices: kinds of parts that are tested.
        """
        suite, changes = self.suite, self._changes()
        reference = suite.references[0] if suite.references else ()
        longer = [i for i, r in enumerate(reference) if len(WORD.findall(r)) >= LONG]
        return SuiteResult(
            name=suite.name,
            digest=suite.digest,
            description=suite.description,
            licence=suite.licence,
            sentences=len(suite.sources),
            metrics=tuple(metrics),
            checks=tuple(self._rate(check, changes) for check in CHECKS),
            changes=changes,
            slices=self._slices(slices, sampling) if reference else (),
            answers=tuple(self.new),
            long_sentences=len(longer),
            memorised=_copies(suite, self.new, longer),
            baseline_memorised=_copies(suite, self.old, longer),
        )

    def _slices(self, tested: Sequence[str], sampling: SamplingPlan) -> tuple[Part, ...]:
        suite = self.suite
        columns = {
            "length": [length_name(source) for source in suite.sources],
            "domain": suite.domains,
            "document": suite.documents,
        }
        found: list[Part] = []
        rows = self.statistics(SENTENCE_METRIC.key)
        for kind, names in columns.items():
            if names:
                found += parts(kind, names, *rows, sampling if kind in tested else None)
        return tuple(found)

    def _changes(self) -> tuple[Change, ...]:
        """Every changed sentence, worst first."""
        if self.old == self.new:
            return ()
        suite = self.suite
        before, after = map(SENTENCE_METRIC.formula, self.statistics(SENTENCE_METRIC.key))
        pairs = zip(self.old, self.new, strict=True)
        changes = [
            Change(i, suite.sources[i], suite.references[0][i], old, new,
                   float(before[i]), float(after[i]))
            for i, (old, new) in enumerate(pairs)
            if old != new
        ]  # fmt: skip
        return tuple(sorted(changes, key=lambda change: change.delta))

    def _rate(self, check: Check, changes: Sequence[Change]) -> CheckRate:
        suite = self.suite
        texts = (suite.sources, suite.references[0] if suite.references else None)
        before, after = (_findings(check, *texts, tuple(lines)) for lines in (self.old, self.new))
        worse = {i for i in before if after[i] is not None and before[i] is None}
        shown = [(after[c.index] or "", c) for c in changes if c.index in worse]
        return CheckRate(
            check=check.name,
            about=check.about,
            sentences=len(before),
            baseline=sum(found is not None for found in before.values()),
            candidate=sum(found is not None for found in after.values()),
            worse=len(worse),
            better=sum(before[i] is not None and after[i] is None for i in before),
            examples=tuple(shown[:EXAMPLES]),
        )


def metric_test(
    key: str, group: Sequence[Comparison], sampling: SamplingPlan, alike: bool = False
) -> PairedTest:
    """One metric on suites taken together."""
    return pooled_test([c.draws(key, alike, sampling) for c in group])


def _copies(suite: Suite, lines: Sequence[str], indices: Sequence[int]) -> int:
    """How many of these sentences are a reference word for word, case and marks aside."""
    return sum(any(_words(lines[i]) == _words(r[i]) for r in suite.references) for i in indices)


def _words(text: str) -> list[str]:
    return WORD.findall(text.casefold())


@lru_cache(maxsize=512)  # a system is compared with many where all pairs are judged
def _findings(
    check: Check,
    sources: tuple[str, ...],
    references: tuple[str, ...] | None,
    lines: tuple[str, ...],
) -> dict[int, str | None]:
    """Of every sentence that the check applies to: what is wrong with its translation."""
    references_ = references or (None,) * len(sources)
    triples = enumerate(zip(sources, references_, lines, strict=True))
    return {i: check.find(s, line, r) for i, (s, r, line) in triples if check.applies(s, r)}


# --- where a difference comes from: parts by source length, domain and document ----------------


def parts(
    kind: str,
    names: Sequence[str],
    baseline: Rows,
    candidate: Rows,
    sampling: SamplingPlan | None = None,
) -> tuple[Part, ...]:
    """One part a name, worst change first.

    Args:
        names: of the part that each sentence belongs to.
        baseline, candidate: statistics of ``SENTENCE_METRIC``.
        sampling: test each part.
    """
    members: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        members.setdefault(name, []).append(index)
    found = []
    for name, indices in members.items():
        test = None
        if sampling is not None:
            test = paired_test(SENTENCE_METRIC, baseline[indices], candidate[indices], sampling)
        old, new = (corpus_score(SENTENCE_METRIC, rows[indices]) for rows in (baseline, candidate))
        found.append(Part(kind, name, len(indices), old, new, test))
    return tuple(sorted(found, key=lambda part: part.delta))


def length_name(source: str) -> str:
    """The band of source length that a sentence is in."""
    lower = 1
    for upper in LENGTHS:
        if len(source) <= upper:
            return f"{lower}–{upper}"
        lower = upper + 1
    return f"over {LENGTHS[-1]}"
