"""The gate against an outside yardstick: on every ordered pair of systems that people judged.

    python -m tests.benchmarks.yardstick FOLDER --out docs/wmt22-verdicts.md

``FOLDER`` holds ``NAME.zh``, ``NAME.refA.en``, ``systems/SYSTEM.en`` and optionally
``published-automatic-scores.tsv`` (system, metric, score; metrics such as ``bleu-A`` or
``bleu-refA``), ``human.tsv`` (system, z, …) and ``human-significant-pairs.tsv`` (better, worse).
Lines that begin with ``#`` are comments.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.answers import AnswerCache
from benchmarks.compare import MeasurementPlan, measure
from benchmarks.gate import Decision, Verdict, judge
from benchmarks.measurements import Measurements
from benchmarks.metrics import METRICS
from benchmarks.policy import Policy, load_policy
from benchmarks.significance import PairedTest
from benchmarks.subject import HypothesesSubject
from benchmarks.suite import Suite, read_lines
from csanmt.errors import NotFoundError

RANKING = ("bleu", "chrf2")  # held against the human ranking
SECOND = "COMET"  # the published metric that is tried as a second opinion
CLEAR = 0.05  # one-sided, on BLEU and on chrF2++: "clearly better"
SystemPair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SystemSet:
    """Systems that translated one test set.

    Attributes:
        published: (system, metric) → score against reference A.
        human: system → mean standardised score; human_pairs: (better, worse), significant.
    """

    suite: Suite
    systems: Mapping[str, Path]
    published: Mapping[SystemPair, float]
    human: Mapping[str, float]
    human_pairs: frozenset[SystemPair]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One ordered pair: the candidate against the baseline."""

    candidate: str
    baseline: str
    measured: Measurements
    verdict: Verdict

    @property
    def promoted(self) -> bool:
        return self.verdict.decision == Decision.PROMOTE

    def test(self, key: str) -> PairedTest:
        return next(m.test for m in self.measured.suites[0].metrics if m.metric == key)

    @property
    def clearly_better(self) -> bool:
        return all(self.test(key).p_better < CLEAR for key in ("bleu", "chrf2pp"))


def load_systems(folder: Path) -> SystemSet:
    """Read a folder of systems.

    Raises:
        NotFoundError: a part of it is missing.
    """
    sources = sorted(folder.glob("*.zh"))
    systems = {p.stem: p for p in sorted((folder / "systems").glob("*.en"))}
    reference = folder / f"{sources[0].stem if sources else ''}.refA.en"
    if not reference.is_file() or len(systems) < 2:
        raise NotFoundError(f"{folder} needs NAME.zh, NAME.refA.en and systems/*.en")
    published = {}
    for row in _rows(folder / "published-automatic-scores.tsv"):
        metric, _, which = row["metric"].rpartition("-")
        if which.removeprefix("ref") == "A":
            published[row["system"], metric.lower()] = float(row["score"])
    pairs = _rows(folder / "human-significant-pairs.tsv")
    return SystemSet(
        suite=Suite(sources[0].stem, read_lines(sources[0]), (read_lines(reference),)),
        systems=systems,
        published=published,
        human={row["system"]: float(row["z"]) for row in _rows(folder / "human.tsv")},
        human_pairs=frozenset(
            pair for row in pairs if {*(pair := (row["better"], row["worse"]))} <= systems.keys()
        ),
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if path.is_file():
        lines = [line for line in path.read_text("utf-8").splitlines() if line[:1] != "#"]
        yield from csv.DictReader(lines, delimiter="\t")


def judge_pairs(systems: SystemSet, policy: Policy, cache: AnswerCache) -> list[Judgement]:
    """The gate on all ordered pairs (candidate, baseline)."""
    subjects = {name: HypothesesSubject(path) for name, path in systems.systems.items()}
    report = tuple(key for key in policy.quality.report if key != "ter")
    plan = MeasurementPlan(
        [systems.suite], replace(policy, quality=replace(policy.quality, report=report))
    )
    found = []
    for candidate, baseline in itertools.permutations(subjects, 2):
        measured = measure(subjects[candidate], subjects[baseline], plan, cache)
        found.append(Judgement(candidate, baseline, measured, judge(measured, policy)))
    return found


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Wrong verdicts of both kinds, by an independent judge."""

    promoted: tuple[Judgement, ...]  # although people say worse
    rejected: tuple[Judgement, ...]  # although people say better


def mistakes(
    judgements: Sequence[Judgement], better: frozenset[SystemPair], second: Mapping[str, float] = {}
) -> Mistakes:
    """Where the verdict and the yardstick disagree.

    Args:
        better: (better, worse) by people.
        second: another metric's score of each system, that must not fall either.
    """

    def promotes(j: Judgement) -> bool:
        return j.promoted and (not second or second[j.candidate] >= second[j.baseline])

    return Mistakes(
        tuple(j for j in judgements if (j.baseline, j.candidate) in better and promotes(j)),
        tuple(j for j in judgements if (j.candidate, j.baseline) in better and not promotes(j)),
    )


def kendall(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Kendall's tau-a of two scores of the same systems."""
    signs = [
        (one[a] - one[b]) * (other[a] - other[b])
        for a, b in itertools.combinations(sorted(set(one) & set(other)), 2)
    ]
    return sum((s > 0) - (s < 0) for s in signs) / len(signs)


# --- the document ----------------------------------------------------------------------------


def render(
    systems: SystemSet, judgements: Sequence[Judgement], policy: Policy, command: str
) -> str:
    """The document, in Markdown."""
    promoted = sum(j.promoted for j in judgements)
    how = policy.statistics
    scores = {key: {j.candidate: j.test(key).candidate for j in judgements} for key in RANKING}
    return "\n".join(
        [
            f"# The gate on the systems of {systems.suite.name} (zh→en)",
            "",
            f"Generated by `{command}`; do not edit.",
            "",
            f"{len(systems.systems)} systems, {len(systems.suite.sources)} sentences, reference A; "
            f"each of {len(judgements)} ordered pairs is judged as candidate against baseline by "
            f"the rules for files of `benchmarks/policy.toml` (SHA-256 {policy.digest[:12]}…; "
            f"{how.samples} bootstrap resamples, {how.trials} shufflings, seed {how.seed}): "
            f"{promoted} promoted, {len(judgements) - promoted} rejected.",
            "",
            *(_human_section(systems, judgements, scores) if systems.human_pairs else ()),
            *_clear_section(judgements),
        ]
    )


def _human_section(
    systems: SystemSet, judgements: Sequence[Judgement], scores: Mapping[str, Mapping[str, float]]
) -> list[str]:
    pairs, published = systems.human_pairs, systems.published
    found = {"BLEU and chrF2++ (the policy)": mistakes(judgements, pairs)}
    if all((name, SECOND.lower()) in published for name in systems.systems):
        second = {name: published[name, SECOND.lower()] for name in systems.systems}
        name = f"and {SECOND} (published), which must not fall"
        found[name] = mistakes(judgements, pairs, second)
    wrong = [f"{j.candidate} over {j.baseline}" for j in next(iter(found.values())).promoted]
    return [
        "## Against people",
        "",
        f"`human-significant-pairs.tsv`: {len(pairs)} pairs of systems of which people found one "
        "significantly better. Both kinds of wrong verdict:",
        "",
        "| the gate looks at | promoted, people say worse | rejected, people say better |",
        "|---|---|---|",
        *(
            f"| {what} | {len(m.promoted)} of {len(pairs)} | {len(m.rejected)} of {len(pairs)} |"
            for what, m in found.items()
        ),
        "",
        "These systems are no versions of one another; the policy warns of that (`[families]`).",
        "The rules of the checks were adjusted while these very systems were looked at, so the",
        "figures are fitted: on systems never seen expect more wrong verdicts.",
        *(
            f"Kendall's tau of {METRICS[key].title} with the human ranking: "
            f"{kendall(ours, systems.human):.2f}."
            for key, ours in scores.items()
        ),
        "",
        f"Wrongly promoted by the policy: {', '.join(wrong) or 'none'}.",
        "",
    ]


def _clear_section(judgements: Sequence[Judgement]) -> list[str]:
    clear = [j for j in judgements if j.clearly_better]
    rejected = [j for j in clear if not j.promoted]
    rules = Counter(rule for j in judgements if not j.promoted for rule in j.verdict.failed_rules())
    told = ", ".join(f"`{rule}` {count}" for rule, count in rules.most_common())
    return [
        "## Clearly better, and rejected",
        "",
        f"BLEU and chrF2++ are significantly better (p < {CLEAR}, one-sided) in {len(clear)} "
        f"pairs; {len(rejected)} of them are rejected "
        f"({len(rejected) / max(1, len(clear)):.1%}).",
        "",
        *(
            f"- **{j.candidate}** against {j.baseline}: {'; '.join(j.verdict.reasons)}."
            for j in rejected
        ),
        "",
        f"All rejections, by rule (a pair may fail several): {told}.",
        "",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="Markdown file")
    parser.add_argument("--cache", type=Path, help="keep metric statistics there")
    options = parser.parse_args(arguments)
    policy, systems = load_policy(), load_systems(options.folder)
    judgements = judge_pairs(systems, policy, AnswerCache(options.cache))
    command = f"python -m tests.benchmarks.yardstick {options.folder.name} --out {options.out.name}"
    options.out.write_text(render(systems, judgements, policy, command), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
