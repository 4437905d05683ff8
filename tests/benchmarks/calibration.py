"""Is the gate right as often as its policy says? Simulated false alarms, power, corruptions.

    make gate-calibration        # 1,000 runs each; writes docs/gate-calibration.md

Two real answers to every sentence of the policy's suites are given out by coin, to candidate
and baseline: the two are equal by construction, so every rejection is a false alarm. Lines
on which just one answer has a fatal fault are left alone: a candidate that newly has one is
not equal. Then losses and faults are put in, to see what is found.
"""

from __future__ import annotations

import argparse
import json
import lzma
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from benchmarks.answers import AnswerCache, suite_statistics
from benchmarks.checks import CHECKS
from benchmarks.gate import APPLY
from benchmarks.measurements import CheckRate, Measurements, MetricResult, SubjectInfo, SuiteResult
from benchmarks.metrics import METRICS, Rows
from benchmarks.policy import Policy, load_policy
from benchmarks.power import statements
from benchmarks.significance import Draws, SamplingPlan, draw, pooled_test
from benchmarks.subject import Subject
from benchmarks.suite import load_suite
from csanmt.negation import EXPLICIT
from tests.benchmarks.corruptions import CORRUPTIONS, Corruption, corrupt

CHANGED = (1, 2, 3, 5, 10, 30, 100, 1000, 10**9)
SHARES = (0.0, 0.001, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)  # 0: one line
RULES = ("loss", "non_inferiority", "checks")
FEWER = SamplingPlan(samples=100, trials=500)  # as valid, with a coarser p


def coarser(policy: Policy) -> Policy:
    """With ``FEWER`` draws."""
    statistics = replace(policy.statistics, samples=FEWER.samples, trials=FEWER.trials)
    return replace(policy, statistics=statistics)


@dataclass(frozen=True, slots=True)
class Two:
    """Two answers to every sentence of a suite.

    Attributes:
        rows: metric → statistics (sentences, k) of one and the other.
        faults: (sentences, checks) of one and the other.
        free: sentences that may be exchanged.
    """

    name: str
    rows: Mapping[str, tuple[Rows, Rows]]
    faults: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    free: NDArray[np.int64]


class Recorded(Subject):
    """A subject that answers what a model once answered (``record_answers``)."""

    def __init__(self, path: Path) -> None:
        """From a compressed JSON file: suite → answers in order, and source → answer."""
        name = path.name.removesuffix(".json.xz")
        super().__init__(name, digest=f"sha256:{name}", family="csanmt, trained here")
        content = json.loads(lzma.decompress(path.read_bytes()))
        self.known: dict[str, str] = dict(content["cases"])
        for suite, answers in content["suites"].items():
            self.known |= zip(load_suite(suite).sources, answers, strict=True)

    def translate(self, texts: Sequence[str]) -> list[str]:
        return [self.known[text] for text in texts]


def prepare(
    name: str, one: Mapping[str, str], other: Mapping[str, str], policy: Policy, cache: AnswerCache
) -> Two:
    suite = load_suite(name)
    lines = [[answers[s] for s in suite.sources] for answers in (one, other)]
    rows = {
        key: tuple(suite_statistics(key, suite, answers, cache) for answers in lines)
        for key in policy.quality.metrics
    }
    triples = [list(zip(suite.sources, ls, suite.references[0], strict=True)) for ls in lines]
    a, b = (
        np.array(
            [[c.applies(s, r) and c.find(s, o, r) is not None for c in CHECKS] for s, o, r in side]
        )
        for side in triples
    )
    fatal = [i for i, check in enumerate(CHECKS) if check.name in policy.checks.new]
    differ = np.array([x != y for x, y in zip(*lines, strict=True)])
    free = np.flatnonzero(differ & ~np.any(a[:, fatal] != b[:, fatal], axis=1))
    return Two(name, rows, (a, b), free)  # type: ignore[arg-type]


def exchanged(
    pairs: Sequence[Two], policy: Policy, changed: int, rng: np.random.Generator, worse: float = 0.0
) -> Measurements:
    """A candidate and a baseline that differ in ``changed`` sentences, by coin.

    Args:
        worse: share of the candidate's sentences that lose all they had right.
    """
    sizes = [len(two.free) for two in pairs]
    picked = rng.permutation(sum(sizes))[:changed]
    begins = np.cumsum([0, *sizes])
    sampling, suites = policy.statistics, []
    drawn: dict[str, list[Draws]] = {key: [] for key in policy.quality.metrics}
    for two, begin, end in zip(pairs, begins, begins[1:], strict=False):
        places = two.free[picked[(picked >= begin) & (picked < end)] - begin]
        coin = rng.random(len(places)) < 0.5
        lost = rng.random(len(two.faults[0])) < worse
        for key, found in drawn.items():
            one, other = two.rows[key]
            base, cand = one.copy(), one.copy()
            base[places[coin]] = other[places[coin]]
            cand[places[~coin]] = other[places[~coin]]
            if worse:
                cand[lost] = _without_matches(key, cand[lost])
            found.append(draw(METRICS[key], base, cand, sampling))
        last = {key: found[-1:] for key, found in drawn.items()}
        suites.append(_suite_result(two, places, coin, _results(last)))
    who = SubjectInfo("simulated", "hypotheses", "", None, {}, family="simulated")
    pooled = _results(drawn) if len(pairs) > 1 else ()
    return Measurements(who, who, tuple(suites), pooled=pooled)


def _results(drawn: Mapping[str, Sequence[Draws]]) -> tuple[MetricResult, ...]:
    return tuple(MetricResult(key, "", pooled_test(suites)) for key, suites in drawn.items())


def _without_matches(key: str, rows: Rows) -> Rows:
    lost = rows.copy()
    lost[:, slice(2, 6) if key == "bleu" else slice(2, None, 3)] = 0
    return lost


def _suite_result(
    two: Two,
    places: NDArray[np.int64],
    coin: NDArray[np.bool_],
    metrics: tuple[MetricResult, ...],
) -> SuiteResult:
    one, other = (side[places] for side in two.faults)
    base = np.where(coin[:, None], other, one)
    cand = np.where(coin[:, None], one, other)
    worse, better = (cand & ~base).sum(axis=0), (base & ~cand).sum(axis=0)
    sentences = len(two.faults[0])
    checks = tuple(
        CheckRate(check.name, check.about, sentences, 0, 0, int(w), int(b))
        for check, w, b in zip(CHECKS, worse, better, strict=True)
    )
    return SuiteResult(two.name, "", "", "", sentences, metrics, checks, ())


def failing(measured: Measurements, policy: Policy) -> set[str]:
    """The rules on files that fail, and "open" where one cannot be told and none fails."""
    results = [result for rule in RULES for result in APPLY[rule](measured, policy)]
    failed = {result.rule for result in results if result.status == "fail"}
    still_open = {"open" for result in results if result.status == "open"}
    return failed or still_open


@dataclass(frozen=True, slots=True)
class Alarms:
    """False alarms of one setting; ``by_rule`` may count a run more than once."""

    suites: int
    changed: int
    runs: int
    rejected: int
    by_rule: Mapping[str, int]

    @property
    def share(self) -> float:
        return self.rejected / self.runs


def false_alarms(
    pairs: Sequence[Two], policy: Policy, changed: int, runs: int, seed: int = 1
) -> Alarms:
    """How often equal candidates are rejected."""
    rng = np.random.default_rng([seed, changed % 2**31, len(pairs)])
    rules: Counter[str] = Counter()
    rejected = 0
    for _ in range(runs):
        found = failing(exchanged(pairs, policy, changed, rng), policy)
        rejected += bool(found - {"open"})
        rules.update(found)
    most = min(changed, sum(len(two.free) for two in pairs))
    return Alarms(len(pairs), most, runs, rejected, dict(rules))


def bound(level: float, runs: int) -> float:
    """The share of ``runs`` that a true rate of ``level`` exceeds once in 40 times."""
    return level + 1.96 * sqrt(level * (1 - level) / runs)


# --- what is found ---------------------------------------------------------------------------


def power_rows(pairs: Sequence[Two], policy: Policy, runs: int) -> Iterator[tuple[str, ...]]:
    """(share of lines that lose everything, mean loss, predicted, found) for rising shares."""
    rng = np.random.default_rng(7)
    tests = (len(pairs) + 1) * len(policy.quality.metrics)
    level, normal = policy.alpha_of("loss") / tests, NormalDist()
    for worse in (0.005, 0.01, 0.02, 0.03, 0.04, 0.06):
        losses, predicted, found = [], [], 0
        for _ in range(runs):
            measured = exchanged(pairs, policy, 10**9, rng, worse)
            test = measured.pooled[0].test
            losses.append(-test.delta)
            found += "loss" in failing(measured, policy)
            predicted.append(test.error)
        mean = float(np.mean(losses))
        power = normal.cdf(mean / float(np.mean(predicted)) - normal.inv_cdf(1 - level))
        yield f"{worse:.1%}", f"{mean:.2f}", f"{power:.0%}", f"{found / runs:.0%}"


@dataclass(frozen=True, slots=True)
class Found:
    """Smallest share of lines at which a corruption is found and named; None: at none."""

    corruption: Corruption
    share: float | None
    lines: int


def smallest_found(
    corruption: Corruption,
    sources: Sequence[str],
    references: Sequence[str],
    old: Sequence[str],
    new: Sequence[str],
    policy: Policy,
) -> Found:
    """Corrupt ever more of ``new`` until the check that names it fails against ``old``."""
    before = fault_table(sources, old, references)
    clean = fault_table(sources, new, references)
    for share in SHARES:
        count = max(1, round(share * len(new)))
        lines = corrupt(corruption, sources, new, count)
        if corruption.check in failing_checks(
            sources, references, new, lines, before, clean, policy
        ):
            return Found(corruption, share, count)
    return Found(corruption, None, 0)


def fault_table(
    sources: Sequence[str], lines: Sequence[str], references: Sequence[str]
) -> list[list[bool]]:
    rows = zip(sources, lines, references, strict=True)
    return [
        [c.applies(s, r) and c.find(s, line, r) is not None for c in CHECKS] for s, line, r in rows
    ]


def failing_checks(
    sources: Sequence[str],
    references: Sequence[str],
    clean_lines: Sequence[str],
    lines: Sequence[str],
    before: list[list[bool]],
    clean: list[list[bool]],
    policy: Policy,
) -> set[str]:
    """Checks that fail for ``lines``, of which most are ``clean_lines``."""
    after = list(clean)
    for i, (was, now) in enumerate(zip(clean_lines, lines, strict=True)):
        if was != now:
            after[i] = fault_table(sources[i : i + 1], [now], references[i : i + 1])[0]
    a, b = np.array(before), np.array(after)
    rates = tuple(
        CheckRate(check.name, check.about, len(a), 0, 0, int(w), int(n))
        for check, w, n in zip(CHECKS, (b & ~a).sum(axis=0), (a & ~b).sum(axis=0), strict=True)
    )
    who = SubjectInfo("simulated", "hypotheses", "", None, {}, family="simulated")
    suite = SuiteResult("corrupted", "", "", "", len(a), (), rates, ())
    results = APPLY["checks"](Measurements(who, who, (suite,)), policy)
    return {result.subject for result in results if result.status == "fail"}


# --- the document ----------------------------------------------------------------------------


def render(
    alarms: Sequence[Alarms],
    power: Sequence[Sequence[str]],
    said: Sequence[str],
    found: Sequence[tuple[Corruption, Found, Found]],
    policy: Policy,
) -> str:
    limit = bound(policy.statistics.alpha, alarms[0].runs)
    lines = [
        "# How often the gate is wrong",
        "",
        f"Generated by `make gate-calibration`; do not edit. Policy SHA-256 {policy.digest[:12]}….",
        "",
        "## False alarms",
        "",
        f"Equal candidates, {alarms[0].runs} runs each: the answers of v1.1.0 and v1.2.0 are given "
        "out by coin to candidate and baseline on so many sentences, the others are the same. "
        f"With {policy.statistics.alpha:.0%} false alarms, {limit:.1%} are exceeded once in "
        "40 rows.",
        "",
        "| suites | changed sentences | rejected | `loss` | `non_inferiority` | `checks` | open |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for a in alarms:
        rules = " | ".join(f"{a.by_rule.get(rule, 0) / a.runs:.1%}" for rule in (*RULES, "open"))
        lines.append(f"| {a.suites} | {a.changed} | {a.share:.1%} | {rules} |")
    lines += [
        "",
        "## Power",
        "",
        "The same with all sentences exchanged, and so many of the candidate's lines that lose "
        "every word they had right: how often `loss` finds it, by the formula that the report "
        "uses and in the simulation.",
        "",
        "| lines | mean loss, BLEU | by the formula | found |",
        "|---:|---:|---:|---:|",
        *(f"| {' | '.join(row)} |" for row in power),
        "",
        f"The report of such a pair says: found nine times in ten are {'; '.join(said)}.",
        "",
        "## Corruptions",
        "",
        "The smallest share of lines at which the check that names it fails (1,948 lines of "
        "TICO-19). *Plus faults*: the baseline's own answers, corrupted. *Another, better*: a "
        "system that errs on other sentences and on fewer.",
        "",
        "| corruption | named by | plus faults | another, better |",
        "|---|---|---:|---:|",
    ]
    for corruption, same, better in found:
        cells = " | ".join(_told(f) for f in (same, better))
        lines.append(f"| {corruption.name} | `{corruption.check}` | {cells} |")
    return "\n".join([*lines, ""])


def _told(found: Found) -> str:
    if found.share is None:
        return "not found"
    return f"{found.lines} line" if found.share == 0 else f"{found.share:.1%} ({found.lines})"


def other_systems(references: Sequence[str], seed: int = 5) -> tuple[list[str], list[str]]:
    """Two systems made of the references: the first errs in half of the lines, the second,
    better one in a third, each in its own."""
    rng = np.random.default_rng(seed)
    systems = []
    for share in (0.5, 0.34):
        lines = []
        for line in references:
            words = line.split(" ")
            plain = [
                i
                for i, word in enumerate(words[:-1])
                if word.isalpha() and word.islower() and not EXPLICIT.search(word)
            ]
            if rng.random() < share and len(plain) > 6:
                one, other = sorted(rng.choice(plain, 2, replace=False))
                words[one], words[other] = words[other], words[one]
                del words[int(rng.choice(plain))]
            lines.append(" ".join(words))
        systems.append(lines)
    return systems[0], systems[1]


def corruption_rows(policy: Policy) -> Iterator[tuple[Corruption, Found, Found]]:
    suite = load_suite("tico19")
    sources, references = suite.sources[:1948], suite.references[0][:1948]
    worse, better = other_systems(references)
    for corruption in CORRUPTIONS:
        yield (
            corruption,
            smallest_found(corruption, sources, references, better, better, policy),
            smallest_found(corruption, sources, references, worse, better, policy),
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("one", type=Path, help="recorded answers")
    parser.add_argument("other", type=Path)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--cache", type=Path, help="keep metric statistics there")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    policy = coarser(load_policy())
    one, other = Recorded(options.one), Recorded(options.other)
    cache = AnswerCache(options.cache)
    pairs = [prepare(name, one.known, other.known, policy, cache) for name in policy.quality.suites]
    alarms = [
        false_alarms(some, policy, changed, options.runs)
        for some in (pairs[:1], pairs[:2], pairs)
        for changed in CHANGED
        if changed > 1000 or changed < sum(len(two.free) for two in some)
    ]
    rng = np.random.default_rng(3)
    said = list(statements(exchanged(pairs, policy, 10**9, rng), policy))
    text = render(
        alarms,
        list(power_rows(pairs, policy, max(20, options.runs // 20))),
        said,
        list(corruption_rows(policy)),
        policy,
    )
    options.out.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
