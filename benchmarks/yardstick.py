"""The gate against an outside yardstick: on every ordered pair of systems that people judged.

    python -m benchmarks.yardstick FOLDER --out docs/wmt22-verdicts.md

``FOLDER`` holds ``NAME.zh``, ``NAME.refA.en`` (and more references), ``systems/SYSTEM.en`` and
optionally ``published-automatic-scores.tsv`` (system, metric, score; metrics such as ``bleu-A``
or ``bleu-refA``), ``human.tsv`` (system, z, …) and ``human-significant-pairs.tsv`` (better,
worse). Lines that begin with ``#`` are comments.
"""

from __future__ import annotations

import argparse
import csv
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.answers import AnswerCache, suite_statistics
from benchmarks.compare import Plan, measure
from benchmarks.gate import Decision, Verdict, judge
from benchmarks.measurements import Measurements, MetricResult
from benchmarks.metrics import METRICS, signature
from benchmarks.policy import Policy, load_policy
from benchmarks.subject import HypothesesSubject
from benchmarks.suite import Suite, read_lines
from csanmt.errors import NotFoundError

PUBLISHED = {"bleu": "bleu", "chrf2": "chrf"}  # our metric → the name in WMT's file
SECOND = "COMET"  # the published metric that is tried as a second opinion
CLEAR = 0.05  # one-sided, on BLEU and on chrF2++: "clearly better"
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SystemSet:
    """Systems that translated one test set.

    Attributes:
        references: "A", "B" → lines.
        published: (system, metric, "A" | "B" | "all") → score.
        human: system → mean standardised score; human_pairs: (better, worse), significant.
    """

    name: str
    sources: tuple[str, ...]
    references: Mapping[str, tuple[str, ...]]
    systems: Mapping[str, Path]
    published: Mapping[tuple[str, str, str], float]
    human: Mapping[str, float]
    human_pairs: frozenset[Pair]

    def suite(self, reference: str = "A") -> Suite:
        return Suite(f"{self.name}-ref{reference}", self.sources, (self.references[reference],))


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

    def metric(self, key: str) -> MetricResult:
        found = self.measured.suites[0].metric(key)
        assert found is not None
        return found

    @property
    def clearly_better(self) -> bool:
        return all(self.metric(key).test.p_better < CLEAR for key in ("bleu", "chrf2pp"))


def load_systems(folder: Path) -> SystemSet:
    """Read a folder of systems.

    Raises:
        NotFoundError: a part of it is missing.
    """
    sources = sorted(folder.glob("*.zh"))
    references = {p.name.split(".ref")[1][0]: read_lines(p) for p in folder.glob("*.ref?.en")}
    systems = {p.stem: p for p in sorted((folder / "systems").glob("*.en"))}
    if not sources or "A" not in references or len(systems) < 2:
        raise NotFoundError(f"{folder} needs NAME.zh, NAME.refA.en and systems/*.en")
    published = {}
    for row in _rows(folder / "published-automatic-scores.tsv"):
        metric, _, which = row["metric"].rpartition("-")
        key = (row["system"], metric.lower(), which.removeprefix("ref"))
        published[key] = float(row["score"])
    return SystemSet(
        name=sources[0].stem,
        sources=read_lines(sources[0]),
        references=references,
        systems=systems,
        published=published,
        human={row["system"]: float(row["z"]) for row in _rows(folder / "human.tsv")},
        human_pairs=frozenset(
            (row["better"], row["worse"])
            for row in _rows(folder / "human-significant-pairs.tsv")
            if row["better"] in systems and row["worse"] in systems
        ),
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if path.is_file():
        lines = [line for line in path.read_text("utf-8").splitlines() if line[:1] != "#"]
        yield from csv.DictReader(lines, delimiter="\t")


def judge_pairs(
    systems: SystemSet,
    policy: Policy,
    cache: AnswerCache = AnswerCache(),
    pairs: Sequence[Pair] = (),
) -> list[Judgement]:
    """The gate on ordered pairs (candidate, baseline), by default all, against reference A."""
    suite = systems.suite()
    subjects = {name: HypothesesSubject(path) for name, path in systems.systems.items()}
    metrics = tuple(key for key in policy.all_metrics if key != "ter")
    plan = Plan(suites=[suite], metrics=metrics, tested=policy.metrics, sampling=policy.sampling)
    found = []
    for candidate, baseline in pairs or itertools.permutations(subjects, 2):
        measured = measure(subjects[candidate], subjects[baseline], plan, cache)
        found.append(Judgement(candidate, baseline, measured, judge(measured, policy)))
    return found


def score_table(
    systems: SystemSet, cache: AnswerCache = AnswerCache()
) -> dict[str, dict[str, float]]:
    """system → {"bleu-A", "chrf2-A", "bleu-B", …, "bleu-all"} → score."""
    columns = {name: systems.suite(name) for name in systems.references}
    if len(columns) > 1:
        both = tuple(systems.references[name] for name in sorted(systems.references))
        columns["all"] = Suite(f"{systems.name}-all", systems.sources, both)
    return {
        system: {
            f"{key}-{name}": suite_statistics(key, suite, list(read_lines(path)), cache).score()
            for name, suite in columns.items()
            for key in PUBLISHED
        }
        for system, path in systems.systems.items()
    }


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Wrong verdicts of both kinds, by an independent judge, over ``pairs`` judged pairs."""

    pairs: int
    promoted: tuple[Judgement, ...]  # although people say worse
    rejected: tuple[Judgement, ...]  # although people say better


def mistakes(
    judgements: Sequence[Judgement], better: frozenset[Pair], second: Mapping[str, float] = {}
) -> Mistakes:
    """Where the verdict and the yardstick disagree.

    Args:
        better: (better, worse) by people.
        second: another metric's score of each system, that must not fall either.
    """

    def promotes(j: Judgement) -> bool:
        fine = not second or second[j.candidate] >= second[j.baseline]
        return j.promoted and fine

    return Mistakes(
        len(better),
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
    systems: SystemSet,
    judgements: Sequence[Judgement],
    scores: Mapping[str, Mapping[str, float]],
    policy: Policy,
    command: str,
) -> str:
    """The document, in Markdown."""
    order = sorted(systems.systems, key=lambda name: -scores[name]["bleu-A"])
    return "\n".join(
        [
            f"# The gate on the systems of {systems.name} (zh→en)",
            "",
            f"Generated by `{command}`; do not edit.",
            "",
            *_summary(systems, judgements, policy),
            *_human_section(systems, judgements, scores),
            *_clear_section(judgements),
            *_score_section(systems, scores, order),
            *_matrix_section(judgements, order),
        ]
    )


def _summary(systems: SystemSet, judgements: Sequence[Judgement], policy: Policy) -> list[str]:
    promoted = sum(j.promoted for j in judgements)
    settings = policy.sampling
    return [
        f"{len(systems.systems)} systems, {len(systems.sources)} sentences, reference A; each of "
        f"{len(judgements)} ordered pairs is judged as candidate against baseline by the rules "
        f"for files of `benchmarks/policy.toml` (SHA-256 {policy.digest[:12]}…; "
        f"{settings.samples} bootstrap resamples, {settings.trials} shufflings, seed "
        f"{settings.seed}): {promoted} promoted, {len(judgements) - promoted} rejected.",
        "",
    ]


def _human_section(
    systems: SystemSet,
    judgements: Sequence[Judgement],
    scores: Mapping[str, Mapping[str, float]],
) -> list[str]:
    if not systems.human_pairs:
        return []
    second = {
        name: systems.published[name, SECOND.lower(), "A"]
        for name in systems.systems
        if (name, SECOND.lower(), "A") in systems.published
    }
    rows = [("BLEU and chrF2++ (the policy)", mistakes(judgements, systems.human_pairs))]
    if len(second) == len(systems.systems):
        found = mistakes(judgements, systems.human_pairs, second)
        rows.append((f"and {SECOND} (published), which must not fall", found))
    lines = [
        "## Against people",
        "",
        f"`human-significant-pairs.tsv`: {len(systems.human_pairs)} pairs of systems of which "
        "people found one significantly better. Both kinds of wrong verdict:",
        "",
        "| the gate looks at | promoted, people say worse | rejected, people say better |",
        "|---|---|---|",
        *(
            f"| {what} | {len(m.promoted)} of {m.pairs} | {len(m.rejected)} of {m.pairs} |"
            for what, m in rows
        ),
        "",
        "These systems are no versions of one another; the policy warns of that (`[families]`).",
        "The rules of the checks were adjusted while these very systems were looked at, so the",
        "figures are fitted: on systems never seen expect more wrong verdicts.",
    ]
    for key in PUBLISHED:
        ours = {name: row[f"{key}-A"] for name, row in scores.items()}
        tau = kendall(ours, systems.human)
        lines.append(f"Kendall's tau of {METRICS[key].title} with the human ranking: {tau:.2f}.")
    wrong = [f"{j.candidate} over {j.baseline}" for j in rows[0][1].promoted]
    lines += ["", f"Wrongly promoted by the policy: {', '.join(wrong) or 'none'}.", ""]
    return lines


def _clear_section(judgements: Sequence[Judgement]) -> list[str]:
    clear = [j for j in judgements if j.clearly_better]
    rejected = [j for j in clear if not j.promoted]
    share = len(rejected) / len(clear) if clear else 0.0
    lines = [
        "## Clearly better, and rejected",
        "",
        f"BLEU and chrF2++ are significantly better (p < {CLEAR}, one-sided) in {len(clear)} "
        f"pairs; {len(rejected)} of them are rejected ({share:.1%}).",
        "",
    ]
    for j in rejected:
        lines.append(f"- **{j.candidate}** against {j.baseline}: {'; '.join(j.verdict.reasons)}.")
    rules = Counter(rule for j in judgements if not j.promoted for rule in j.verdict.failed_rules())
    told = ", ".join(f"`{rule}` {count}" for rule, count in rules.most_common())
    return [*lines, "", f"All rejections, by rule (a pair may fail several): {told}.", ""]


def _score_section(
    systems: SystemSet, scores: Mapping[str, Mapping[str, float]], order: Sequence[str]
) -> list[str]:
    columns = sorted({column for row in scores.values() for column in row})
    human = ["human z"] if systems.human else []
    head = f"| system | {' | '.join([*columns, *human])} |"
    lines = ["## Scores", "", head, "|---" * (len(columns) + len(human) + 1) + "|"]
    for name in order:
        cells = [f"{scores[name][column]:.2f}" for column in columns]
        cells += [f"{systems.human[name]:+.3f}" if name in systems.human else "–"] if human else []
        lines.append(f"| {name} | {' | '.join(cells)} |")
    differences = [
        abs(scores[system][f"{ours}-{refs}"] - value)
        for (system, theirs, refs), value in systems.published.items()
        for ours, name in PUBLISHED.items()
        if name == theirs and f"{ours}-{refs}" in scores.get(system, {})
    ]
    if differences:
        lines += [
            "",
            f"Largest difference to the {len(differences)} published BLEU and chrF scores: "
            f"{max(differences):.6f} points.",
        ]
    lines += ["", "Signatures (one reference):", ""]
    lines += [f"- {METRICS[k].title}: `{signature(k, 1)}`" for k in PUBLISHED]
    return [*lines, ""]


def _matrix_section(judgements: Sequence[Judgement], order: Sequence[str]) -> list[str]:
    cells = {(j.candidate, j.baseline): j for j in judgements}
    lines = [
        "## Verdicts",
        "",
        "Rows are candidates, columns baselines, both by BLEU. ✓ promoted, ✗ rejected, and the "
        "difference in BLEU; * marks p < 0.05 (one-sided, uncorrected).",
        "",
        "| candidate ↓ | " + " | ".join(order) + " |",
        "|---" * (len(order) + 1) + "|",
    ]
    for candidate in order:
        row = [_cell(cells.get((candidate, baseline))) for baseline in order]
        lines.append(f"| **{candidate}** | " + " | ".join(row) + " |")
    return [*lines, ""]


def _cell(judgement: Judgement | None) -> str:
    if judgement is None:
        return "–"
    test = judgement.metric("bleu").test
    star = "*" if min(test.p_worse, test.p_better) < CLEAR else ""
    return f"{'✓' if judgement.promoted else '✗'} {test.delta:+.2f}{star}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="Markdown file")
    parser.add_argument("--cache", type=Path, help="keep metric statistics there")
    options = parser.parse_args(arguments)
    policy, cache = load_policy(), AnswerCache(options.cache)
    systems = load_systems(options.folder)
    judgements = judge_pairs(systems, policy, cache)
    command = f"python -m benchmarks.yardstick {options.folder.name} --out {options.out.name}"
    text = render(systems, judgements, score_table(systems, cache), policy, command)
    options.out.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
