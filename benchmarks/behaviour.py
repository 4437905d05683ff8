"""Behaviour without references: a table of cases, metamorphic pairs, invariance.

Nothing here needs a gold translation: a case says what its answer must and must not
show, a metamorphic pair says that two answers may differ in one place only, and
invariance says that an answer may not depend on the sentences it was sent with.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.checks import CHECK_NAMES, examine
from benchmarks.progress import Progress, Silent
from benchmarks.subject import Subject
from csanmt.errors import ConfigurationError
from csanmt.tables import parse_toml

CASES_DIR = Path(__file__).parent / "cases"
INVARIANCE = "batch_invariance"
_CASE_KEYS = {"source", "must", "forbid", "allow"}


@dataclass(frozen=True, slots=True)
class Case:
    """One source and what its answer must show; patterns are searched, case ignored."""

    group: str
    source: str
    must: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()

    def judge(self, output: str) -> str | None:
        """What is wrong with an answer, or None."""
        found = {k: v for k, v in examine(self.source, output).items() if k not in self.allow}
        problems = [f"{name}: {finding}" for name, finding in found.items()]
        problems += [f"lacks /{p}/" for p in self.must if not _finds(p, output)]
        problems += [f"has /{p}/" for p in self.forbid if _finds(p, output)]
        return "; ".join(problems) or None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sources that differ in one place, and how that place comes out in English."""

    group: str
    source_a: str
    source_b: str
    pattern_a: str
    pattern_b: str

    def judge(self, output_a: str, output_b: str) -> str | None:
        problems = [
            f"{output!r} lacks /{pattern}/"
            for output, pattern in ((output_a, self.pattern_a), (output_b, self.pattern_b))
            if not _finds(pattern, output)
        ]
        if problems:
            return "; ".join(problems)
        same = _blank(self.pattern_a, output_a) == _blank(self.pattern_b, output_b)
        return None if same else f"more changed than that: {output_a!r} / {output_b!r}"


def _finds(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE | re.DOTALL) is not None


def _blank(pattern: str, text: str) -> str:
    return re.sub(pattern, "□", text, flags=re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case on one subject. ``problem`` None means it passed."""

    group: str
    source: str
    output: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class BehaviourTables:
    """All cases and pairs, with the digest of the files they came from."""

    cases: tuple[Case, ...]
    pairs: tuple[Pair, ...]
    about: Mapping[str, str]
    digest: str


def load_tables(folder: Path = CASES_DIR) -> BehaviourTables:
    """Read ``behaviour.toml`` and ``metamorphic.toml``.

    Raises:
        ConfigurationError: names the file and what is wrong with it.
    """
    total = hashlib.sha256()
    about: dict[str, str] = {}
    cases: list[Case] = []
    pairs: list[Pair] = []
    for name in ("behaviour.toml", "metamorphic.toml"):
        data = (folder / name).read_bytes()
        total.update(data)
        for group, table in parse_toml(data, folder / name).items():
            label = group if name.startswith("behaviour") else f"metamorphic_{group}"
            about[label] = str(table.get("about", ""))
            cases += [_case(folder / name, label, row) for row in table.get("case", ())]
            pairs += [_pair(label, row) for row in table.get("pair", ())]
    about[INVARIANCE] = "an answer does not depend on the sentences sent with it"
    return BehaviourTables(tuple(cases), tuple(pairs), about, total.hexdigest())


def _case(path: Path, group: str, row: Mapping[str, Any]) -> Case:
    where = f"{path.name}: {group}: {row.get('source')!r}"
    if unknown := sorted(set(row) - _CASE_KEYS):
        raise ConfigurationError(f"{where}: unknown key {unknown[0]!r}")
    if bad := [name for name in row.get("allow", ()) if name not in CHECK_NAMES]:
        raise ConfigurationError(f"{where}: no check {bad[0]!r}")
    return Case(
        group,
        str(row["source"]),
        tuple(row.get("must", ())),
        tuple(row.get("forbid", ())),
        tuple(row.get("allow", ())),
    )


def _pair(group: str, row: Mapping[str, Any]) -> Pair:
    a, b = str(row["a"]), str(row["b"])
    return Pair(
        group,
        row["template"].replace("{}", a),
        row["template"].replace("{}", b),
        str(row.get("a_en", re.escape(a))),
        str(row.get("b_en", re.escape(b))),
    )


def run_behaviour(
    subject: Subject, tables: BehaviourTables, progress: Progress | None = None
) -> list[Outcome]:
    """Every case, pair and invariance check on one subject, in the order of the tables."""
    progress = progress or Silent()
    total = len(tables.cases) + 2 * len(tables.pairs) + 2
    progress.start(f"{subject.label}: behaviour", total)
    found: list[Outcome] = []
    for group in dict.fromkeys(case.group for case in tables.cases):
        cases = [case for case in tables.cases if case.group == group]
        outputs = subject.translate([case.source for case in cases])
        for case, output in zip(cases, outputs, strict=True):
            found.append(Outcome(group, case.source, output, case.judge(output)))
        progress.advance(len(cases))
    for pair in tables.pairs:
        a, b = subject.translate([pair.source_a, pair.source_b])
        both = f"{pair.source_a} / {pair.source_b}"
        found.append(Outcome(pair.group, both, f"{a} / {b}", pair.judge(a, b)))
        progress.advance(2)
    found += run_invariance(subject, invariance_sentences(tables))
    progress.finish()
    return found


def invariance_sentences(tables: BehaviourTables) -> list[str]:
    """Sentences of very different lengths, one of each group."""
    first = {case.group: case.source for case in reversed(tables.cases)}
    return list(first.values())


def run_invariance(subject: Subject, sentences: Sequence[str]) -> list[Outcome]:
    """Each sentence alone, twice, in one batch, in the reverse batch and in batches of three."""
    alone = [subject.translate([s])[0] for s in sentences]
    again = [subject.translate([s])[0] for s in sentences]
    together = subject.translate(list(sentences))
    reverse = list(reversed(subject.translate(list(reversed(sentences)))))
    threes: list[str] = []
    for i in range(0, len(sentences), 3):
        threes += subject.translate(list(sentences[i : i + 3]))
    outcomes = []
    for i, source in enumerate(sentences):
        problem = None
        for how, other in (
            ("asked again", again), ("in a batch", together),
            ("in the reverse batch", reverse), ("in a batch of three", threes),
        ):  # fmt: skip
            if other[i] != alone[i]:
                problem = f"{how}: {other[i]!r}"
                break
        outcomes.append(Outcome(INVARIANCE, source, alone[i], problem))
    return outcomes
