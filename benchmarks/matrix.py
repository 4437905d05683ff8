"""The gate on every ordered pair of known systems: does it ever promote a worse one?

    csanmt bench matrix WMT22_DIR --out docs/wmt22-verdicts.md

reads a folder with ``*.zh``, ``*.refA.en``, ``systems/NAME.en`` and optionally
``published-automatic-scores.tsv`` (WMT's own scores) and writes a document.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.answers import AnswerCache, suite_statistics
from benchmarks.compare import Plan, measure
from benchmarks.gate import Decision, Verdict, judge
from benchmarks.measurements import Measurements
from benchmarks.metrics import METRICS, signature
from benchmarks.policy import Policy
from benchmarks.progress import Progress, Silent
from benchmarks.subject import HypothesesSubject
from benchmarks.suite import Suite, read_lines
from csanmt.errors import NotFoundError

PUBLISHED = {"bleu": "bleu", "chrf2": "chrf"}  # our metric → the name in WMT's file


@dataclass(frozen=True, slots=True)
class SystemSet:
    """Systems that translated one test set, by name, and their published scores.

    Attributes:
        references: "A", "B" → lines.
        published: (system, metric, "A" | "B" | "all") → score.
    """

    sources: tuple[str, ...]
    references: Mapping[str, tuple[str, ...]]
    systems: Mapping[str, Path]
    published: Mapping[tuple[str, str, str], float]

    def suite(self, reference: str = "A") -> Suite:
        return Suite(f"wmt22-ref{reference}", self.sources, (self.references[reference],))


@dataclass(frozen=True, slots=True)
class Judgement:
    """One ordered pair: the candidate against the baseline."""

    candidate: str
    baseline: str
    measured: Measurements
    verdict: Verdict

    def delta(self, metric: str) -> float:
        result = self.measured.suites[0].metric(metric)
        assert result is not None
        return result.test.delta

    def significantly_worse(self, metric: str, alpha: float = 0.05) -> bool:
        """Worse with an uncorrected p-value under ``alpha`` by either paired test."""
        result = self.measured.suites[0].metric(metric)
        assert result is not None
        return result.test.delta < 0 and result.test.p_value < alpha


def load_systems(folder: Path) -> SystemSet:
    """Read a folder of systems.

    Raises:
        NotFoundError: a part of it is missing.
    """
    sources = sorted(folder.glob("*.zh"))
    references = {p.name.split(".ref")[1][0]: read_lines(p) for p in folder.glob("*.ref?.en")}
    systems = {p.stem: p for p in sorted((folder / "systems").glob("*.en"))}
    if not sources or "A" not in references or len(systems) < 2:
        raise NotFoundError(f"{folder} needs *.zh, *.refA.en and systems/*.en")
    table = folder / "published-automatic-scores.tsv"
    published = read_published(table) if table.is_file() else {}
    return SystemSet(read_lines(sources[0]), references, systems, published)


def read_published(path: Path) -> dict[tuple[str, str, str], float]:
    """(system, "bleu" | "chrf" | …, "A" | "B" | "all") → score."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    found = {}
    for row in rows:
        metric, _, references = row["metric"].rpartition("-")
        found[row["system"], metric, references] = float(row["score"])
    return found


def judge_pairs(
    systems: SystemSet,
    policy: Policy,
    cache: AnswerCache = AnswerCache(),
    progress: Progress | None = None,
) -> list[Judgement]:
    """The gate on every ordered pair, against reference A."""
    progress = progress or Silent()
    suite = systems.suite()
    subjects = {name: HypothesesSubject(path) for name, path in systems.systems.items()}
    metrics = tuple(key for key in policy.all_metrics if key != "ter")
    plan = Plan(suites=[suite], metrics=metrics, sampling=policy.sampling)
    pairs = list(itertools.permutations(subjects, 2))
    progress.start("pairs", len(pairs))
    found = []
    for candidate, baseline in pairs:
        measured = measure(subjects[candidate], subjects[baseline], plan, cache)
        found.append(Judgement(candidate, baseline, measured, judge(measured, policy)))
        progress.advance(1)
    progress.finish()
    return found


def score_table(
    systems: SystemSet,
    *,
    cache: AnswerCache = AnswerCache(),
    workers: int = 1,
    progress: Progress | None = None,
) -> dict[str, dict[str, float]]:
    """system → {"bleu-A", "chrf2-A", "bleu-B", …, "bleu-all", "ter-A"} → score."""
    progress = progress or Silent()
    columns = {name: systems.suite(name) for name in systems.references}
    if len(columns) > 1:
        both = tuple(systems.references[name] for name in sorted(systems.references))
        columns["all"] = Suite("wmt22-all", systems.sources, both)
    wanted = [(key, name) for name in columns for key in PUBLISHED] + [("ter", "A")]
    progress.start("scores", len(wanted) * len(systems.systems))
    table: dict[str, dict[str, float]] = {}
    for system, path in systems.systems.items():
        lines = list(read_lines(path))
        table[system] = {}
        for key, name in wanted:
            statistics = suite_statistics(key, columns[name], lines, cache, workers=workers)
            table[system][f"{key}-{name}"] = float(statistics.score())
            progress.advance(1)
    progress.finish()
    return table


def wrong_promotions(judgements: Sequence[Judgement]) -> list[Judgement]:
    """Promoted although significantly worse on BLEU and on a chrF, uncorrected."""
    return [
        j
        for j in judgements
        if j.verdict.decision == Decision.PROMOTE
        and j.significantly_worse("bleu")
        and (j.significantly_worse("chrf2") or j.significantly_worse("chrf2pp"))
    ]


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
            "# The gate on the systems of WMT22 (zh→en)",
            "",
            f"Generated by `{command}`; do not edit.",
            "",
            *_summary(systems, judgements, policy),
            *_score_section(systems, scores, order),
            *_matrix_section(judgements, order),
            *_better_but_rejected(judgements, order),
            *_reason_section(judgements, order),
        ]
    )


def _summary(systems: SystemSet, judgements: Sequence[Judgement], policy: Policy) -> list[str]:
    promoted = [j for j in judgements if j.verdict.decision == Decision.PROMOTE]
    wrong = wrong_promotions(judgements)
    kept = [j for j in promoted if j.delta("bleu") < 0]
    settings = policy.sampling
    return [
        f"{len(systems.systems)} submitted systems, {len(systems.sources)} sentences, reference A; "
        f"every one of the {len(judgements)} ordered pairs is judged as candidate against "
        "baseline by the quality-only rules of `benchmarks/policy.toml` "
        f"(SHA-256 {policy.digest[:12]}…; {settings.samples} bootstrap resamples, "
        f"{settings.trials} shufflings, seed {settings.seed}).",
        "",
        f"- promoted: {len(promoted)}, rejected: {len(judgements) - len(promoted)}",
        f"- promoted although significantly worse (p < 0.05, uncorrected, either test) on BLEU "
        f"and on chrF2 or chrF2++: **{len(wrong)}**",
        f"- promoted with a lower BLEU, shown to be inside the margin: {len(kept)}"
        + (f" ({', '.join(f'{j.candidate} over {j.baseline}' for j in kept)})" if kept else ""),
        "",
    ]


def _score_section(
    systems: SystemSet, scores: Mapping[str, Mapping[str, float]], order: Sequence[str]
) -> list[str]:
    columns = sorted({column for row in scores.values() for column in row})
    head = f"| system | {' | '.join(columns)} |"
    lines = ["## Scores", "", head, "|---" * (len(columns) + 1) + "|"]
    lines += [
        f"| {name} | " + " | ".join(f"{scores[name][column]:.2f}" for column in columns) + " |"
        for name in order
    ]
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
    lines += [f"- {METRICS[k].title}: `{signature(k, 1)}`" for k in ("bleu", "chrf2", "ter")]
    return [*lines, ""]


def _matrix_section(judgements: Sequence[Judgement], order: Sequence[str]) -> list[str]:
    cells = {(j.candidate, j.baseline): j for j in judgements}
    lines = [
        "## Verdicts",
        "",
        "Rows are candidates, columns baselines, both by BLEU. ✓ promoted, ✗ rejected, and the "
        "difference in BLEU; * marks p < 0.05 (uncorrected).",
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
    mark = "✓" if judgement.verdict.decision == Decision.PROMOTE else "✗"
    result = judgement.measured.suites[0].metric("bleu")
    star = "*" if result is not None and result.test.p_value < 0.05 else ""
    return f"{mark} {judgement.delta('bleu'):+.2f}{star}"


def _better_but_rejected(judgements: Sequence[Judgement], order: Sequence[str]) -> list[str]:
    """Which rules reject a candidate that has the higher BLEU."""
    found: dict[str, dict[str, list[str]]] = {}
    for j in judgements:
        if j.verdict.decision == Decision.REJECT and j.delta("bleu") > 0:
            for result in j.verdict.failed:
                what = f"{result.rule} {result.subject}"
                found.setdefault(j.candidate, {}).setdefault(what, []).append(j.baseline)
    lines = ["## Better by BLEU, and rejected", ""]
    for candidate in sorted(found, key=order.index):
        whats = [f"{what} (against {', '.join(b)})" for what, b in found[candidate].items()]
        lines.append(f"- **{candidate}**: {'; '.join(whats)}.")
    return [*lines, ""]


def _reason_section(judgements: Sequence[Judgement], order: Sequence[str]) -> list[str]:
    """Close calls: pairs within one BLEU, each with the reasons."""
    close = [j for j in judgements if abs(j.delta("bleu")) < 1.0]
    close.sort(key=lambda j: (order.index(j.baseline), order.index(j.candidate)))
    lines = ["## Close calls", "", "Pairs less than one BLEU apart, and what decided.", ""]
    for j in close:
        word = j.verdict.decision.word
        why = "; ".join(j.verdict.reasons) or "every rule passed"
        lines.append(f"- **{j.candidate}** against {j.baseline}: {word}. {why}.")
    return [*lines, ""]
