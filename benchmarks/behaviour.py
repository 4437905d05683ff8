"""Behaviour without references: tables of cases, metamorphic pairs, invariance.

Nothing here needs a gold translation: a case or a pin says what its answer
must and must not show, a metamorphic pair says that two answers may differ in one place only,
and invariance says that an answer may not depend on the sentences it was sent with.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.checks import CHECK_NAMES, examine
from benchmarks.pins import DEFAULT_PINS, Pin, load_pins, pins_digest
from benchmarks.subject import SILENT, Progress, Subject, same_subject
from csanmt.errors import ConfigurationError
from csanmt.tables import build, parse_toml

CASES_DIR = Path(__file__).parent / "cases"
FILES = {  # name → the rule that its cases are for, and what comes before the names of its groups
    "behaviour.toml": ("behaviour", ""),
    "metamorphic.toml": ("behaviour", "metamorphic_"),
    "smoke.toml": ("smoke", ""),
}
INVARIANCE = "batch_invariance"


@dataclass(frozen=True, slots=True)
class Case:
    """One source and what its answer must show; patterns are searched, case ignored.

    Attributes:
        allow: checks that its answer may fail.
        accept: one of them must be found; such a case is judged by its patterns alone.
    """

    source: str
    must: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    accept: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bad := [name for name in self.allow if name not in CHECK_NAMES]:
            raise ConfigurationError(f"{self.source!r}: no check {bad[0]!r}")

    def judge(self, output: str) -> str | None:
        """What is wrong with an answer, or None."""
        found = {} if self.accept else examine(self.source, output)
        problems = [f"{name}: {told}" for name, told in found.items() if name not in self.allow]
        if self.accept and not any(finds(p, output) for p in self.accept):
            problems.append(f"is not an acceptable answer, such as /{self.accept[0]}/")
        problems += [f"lacks /{p}/" for p in self.must if not finds(p, output)]
        problems += [f"has /{p}/" for p in self.forbid if finds(p, output)]
        return "; ".join(problems) or None


def finds(pattern: str, text: str) -> bool:
    """Patterns of cases: searched, case ignored."""
    return re.search(pattern, text, re.IGNORECASE | re.DOTALL) is not None


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
    pin: tuple[Pin, ...] = ()

    @property
    def alone(self) -> tuple[Case | Pin, ...]:
        """What a single answer is judged by."""
        return (*self.case, *self.pin)


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
class Cases:
    """What a candidate is asked: rule ("behaviour", "smoke", "pins") → its groups by name, and
    a digest of them."""

    groups: Mapping[str, Mapping[str, Group]]
    digests: Mapping[str, str]


def load_cases(pins: Path = DEFAULT_PINS, folder: Path = CASES_DIR) -> Cases:
    """Read the files of cases, and the pins.

    Raises:
        ConfigurationError: names the file and what is wrong with it.
    """
    pinned = load_pins(pins)
    about = "corrections that became tests"
    groups: dict[str, dict[str, Group]] = {"pins": {"pins": Group(about, pin=pinned)}}
    totals = {rule: hashlib.sha256() for rule, _ in FILES.values()}
    for name, (rule, prefix) in FILES.items():
        data = (folder / name).read_bytes()
        totals[rule].update(data)
        for group, table in parse_toml(data, folder / name).items():
            found = build(Group, table, f"{folder / name}: {group}.")
            groups.setdefault(rule, {})[prefix + group] = found
    groups["behaviour"][INVARIANCE] = Group("an answer does not depend on the sentences with it")
    digests = {rule: total.hexdigest() for rule, total in totals.items()}
    return Cases(groups, digests | {"pins": pins_digest(pinned)})


def run_groups(
    subject: Subject, groups: Mapping[str, Group], progress: Progress = SILENT
) -> list[CaseResult]:
    """Every case, pair and invariance check on one subject, in the order of the groups."""
    progress.start(f"{subject.label}: cases", len(groups))
    found: list[CaseResult] = []
    for name, group in groups.items():
        found += _run_group(subject, name, group)
        progress.advance(1)
    if INVARIANCE in groups:  # of sentences of very different lengths, one of each group
        found += run_invariance(subject, [g.case[0].source for g in groups.values() if g.case])
    progress.finish()
    return found


def _run_group(subject: Subject, name: str, group: Group) -> Iterator[CaseResult]:
    """The cases in one call, then each pair in one."""
    sources = [case.source for case in group.alone]
    outputs = subject.translate(sources) if sources else []
    for case, output in zip(group.alone, outputs, strict=True):
        yield CaseResult(name, case.source, output, case.judge(output))
    for pair in group.pair:
        a, b = subject.translate(list(pair.sources))
        yield CaseResult(name, " / ".join(pair.sources), f"{a} / {b}", pair.judge(a, b))


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


def compare_groups(
    candidate: Subject,
    baseline: Subject,
    groups: Mapping[str, Group],
    progress: Progress = SILENT,
) -> tuple[GroupResult, ...]:
    """What both make of the groups."""
    old = run_groups(baseline, groups, progress)
    same = same_subject(baseline, candidate)
    new = old if same else run_groups(candidate, groups, progress)
    pairs = list(zip(old, new, strict=True))
    return tuple(
        _group_result(name, group.about, [(o, n) for o, n in pairs if o.group == name])
        for name, group in groups.items()
    )


def _group_result(
    name: str, about: str, pairs: Sequence[tuple[CaseResult, CaseResult]]
) -> GroupResult:
    return GroupResult(
        group=name,
        about=about,
        cases=len(pairs),
        new=tuple(n for o, n in pairs if n.problem and not o.problem),
        old=tuple(n for o, n in pairs if n.problem and o.problem),
        fixed=tuple(n for o, n in pairs if o.problem and not n.problem),
    )
