"""Behaviour without references: a table of cases, metamorphic pairs, invariance.

Nothing here needs a gold translation: a case says what its answer must and must not
show, a metamorphic pair says that two answers may differ in one place only, and
invariance says that an answer may not depend on the sentences it was sent with.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.checks import CHECK_NAMES, examine
from benchmarks.pins import Pin
from benchmarks.progress import SILENT, Progress
from benchmarks.subject import Subject, same_subject
from benchmarks.suite import SmokeSentence, finds
from csanmt.errors import ConfigurationError
from csanmt.tables import build, parse_toml

CASES_DIR = Path(__file__).parent / "cases"
INVARIANCE = "batch_invariance"


@dataclass(frozen=True, slots=True)
class Case:
    """One source and what its answer must show; patterns are searched, case ignored.

    Attributes:
        allow: checks that its answer may fail.
    """

    source: str
    must: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bad := [name for name in self.allow if name not in CHECK_NAMES]:
            raise ConfigurationError(f"{self.source!r}: no check {bad[0]!r}")

    def judge(self, output: str) -> str | None:
        """What is wrong with an answer, or None."""
        found = {k: v for k, v in examine(self.source, output).items() if k not in self.allow}
        problems = [f"{name}: {finding}" for name, finding in found.items()]
        problems += [f"lacks /{p}/" for p in self.must if not finds(p, output)]
        problems += [f"has /{p}/" for p in self.forbid if finds(p, output)]
        return "; ".join(problems) or None


@dataclass(frozen=True, slots=True)
class MinimalPair:
    """Two sources that differ in one place, ``{}`` of the template.

    Attributes:
        a_en, b_en: patterns of how that place comes out in English; by default as it went in.
    """

    template: str
    a: str
    b: str
    a_en: str = ""
    b_en: str = ""

    @property
    def sources(self) -> tuple[str, str]:
        return self.template.replace("{}", self.a), self.template.replace("{}", self.b)

    def judge(self, output_a: str, output_b: str) -> str | None:
        """What is wrong with the two answers, or None."""
        patterns = (self.a_en or re.escape(self.a), self.b_en or re.escape(self.b))
        outputs = list(zip((output_a, output_b), patterns, strict=True))
        problems = [
            f"{text!r} lacks /{pattern}/" for text, pattern in outputs if not finds(pattern, text)
        ]
        if problems:
            return "; ".join(problems)
        one, other = (re.sub(p, "□", text, flags=re.IGNORECASE) for text, p in outputs)
        return None if one == other else f"more changed than that: {output_a!r} / {output_b!r}"


@dataclass(frozen=True, slots=True)
class Group:
    """A table of the files of cases."""

    about: str
    case: tuple[Case, ...] = ()
    pair: tuple[MinimalPair, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case on one subject. ``problem`` None means it passed."""

    group: str
    source: str
    output: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class GroupResult:
    """One group of behaviour cases (or smoke sentences, or pins).

    Attributes:
        new: cases the candidate fails and the baseline passes.
        old: cases both fail. fixed: cases only the baseline fails.
    """

    group: str
    about: str
    cases: int
    new: tuple[CaseResult, ...]
    old: tuple[CaseResult, ...]
    fixed: tuple[CaseResult, ...]

    @property
    def failures(self) -> int:
        """Of the candidate."""
        return len(self.new) + len(self.old)

    @property
    def baseline_failures(self) -> int:
        return len(self.old) + len(self.fixed)


@dataclass(frozen=True, slots=True)
class BehaviourTables:
    """All groups by name, with the digest of the files they came from."""

    groups: Mapping[str, Group]
    digest: str


def load_tables(folder: Path = CASES_DIR) -> BehaviourTables:
    """Read ``behaviour.toml`` and ``metamorphic.toml``.

    Raises:
        ConfigurationError: names the file and what is wrong with it.
    """
    total = hashlib.sha256()
    groups: dict[str, Group] = {}
    for name, prefix in (("behaviour.toml", ""), ("metamorphic.toml", "metamorphic_")):
        data = (folder / name).read_bytes()
        total.update(data)
        for group, table in parse_toml(data, folder / name).items():
            groups[prefix + group] = build(Group, table, f"{folder / name}: {group}.")
    groups[INVARIANCE] = Group("an answer does not depend on the sentences sent with it")
    return BehaviourTables(groups, total.hexdigest())


def ask(
    subject: Subject, group: str, cases: Sequence[Case | SmokeSentence | Pin]
) -> list[CaseResult]:
    """Every case, all in one call."""
    outputs = subject.translate([case.source for case in cases]) if cases else []
    return [
        CaseResult(group, case.source, output, case.judge(output))
        for case, output in zip(cases, outputs, strict=True)
    ]


def run_behaviour(
    subject: Subject, tables: BehaviourTables, progress: Progress = SILENT
) -> list[CaseResult]:
    """Every case, pair and invariance check on one subject, in the order of the tables."""
    progress.start(f"{subject.label}: behaviour", len(tables.groups))
    found: list[CaseResult] = []
    for name, group in tables.groups.items():
        found += ask(subject, name, group.case)
        for pair in group.pair:
            a, b = subject.translate(list(pair.sources))
            found.append(CaseResult(name, " / ".join(pair.sources), f"{a} / {b}", pair.judge(a, b)))
        progress.advance(1)
    # Sentences of very different lengths, one of each group.
    found += run_invariance(subject, [g.case[0].source for g in tables.groups.values() if g.case])
    progress.finish()
    return found


def run_invariance(subject: Subject, sentences: Sequence[str]) -> list[CaseResult]:
    """Each sentence alone, twice, in one batch, in the reverse batch and in batches of three."""

    def batched(size: int, texts: Sequence[str]) -> list[str]:
        parts = [texts[i : i + size] for i in range(0, len(texts), size)]
        return [answer for part in parts for answer in subject.translate(list(part))]

    alone = batched(1, sentences)
    ways = {
        "asked again": batched(1, sentences),
        "in a batch": batched(len(sentences), sentences),
        "in the reverse batch": batched(len(sentences), sentences[::-1])[::-1],
        "in a batch of three": batched(3, sentences),
    }
    return [
        CaseResult(
            INVARIANCE,
            source,
            alone[i],
            next((f"{how}: {o[i]!r}" for how, o in ways.items() if o[i] != alone[i]), None),
        )
        for i, source in enumerate(sentences)
    ]


def compare_cases(
    candidate: Subject,
    baseline: Subject,
    groups: Mapping[str, str],
    ask: Callable[[Subject], list[CaseResult]],
) -> tuple[GroupResult, ...]:
    """What ``ask`` finds of both, by group.

    Args:
        groups: name → what it is about.
    """
    old = ask(baseline)
    new = old if same_subject(baseline, candidate) else ask(candidate)
    found = []
    for name, about in groups.items():
        pairs = [(o, n) for o, n in zip(old, new, strict=True) if o.group == name]
        found.append(
            GroupResult(
                group=name,
                about=about,
                cases=len(pairs),
                new=tuple(n for o, n in pairs if n.problem and not o.problem),
                old=tuple(n for o, n in pairs if n.problem and o.problem),
                fixed=tuple(n for o, n in pairs if o.problem and not n.problem),
            )
        )
    return tuple(found)
