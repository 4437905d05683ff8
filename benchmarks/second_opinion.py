"""What BLEU and chrF cannot see, from elsewhere: another metric's scores, or a blind judge.

Segment scores of any metric (COMET, MetricX) come from a file, or from a command that is
given the sentences. A blind sheet holds the changed sentences as A and B; which is which
follows from a digest, so the filled sheet is told apart without a key that could leak.
"""

from __future__ import annotations

import csv
import hashlib
import shlex
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measurements import HumanResult, ScoreResult
from benchmarks.significance import SamplingPlan, resample_counts
from benchmarks.suite import read_lines
from csanmt.durable import file_sha256
from csanmt.errors import EngineUnavailableError, InvalidInputError, NotFoundError

FILE_COLUMNS = ("suite", "line", "baseline", "candidate")
SHEET_COLUMNS = ("suite", "line", "source", "A", "B", "better")
COMMAND_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Texts:
    """A suite as a metric needs it; ``references`` are of each sentence the first."""

    sources: Sequence[str]
    references: Sequence[str]
    baseline: Sequence[str]
    candidate: Sequence[str]


def score_result(
    name: str,
    how: str,
    suites: Mapping[str, Texts],
    higher_is_better: bool,
    plan: SamplingPlan,
) -> ScoreResult:
    """Segment scores of one metric, all suites pooled.

    Args:
        how: a file with the columns ``FILE_COLUMNS`` (tab-separated, lines counted from 1),
            or a command. The command reads ``source TAB translation TAB reference`` lines
            and writes one number for each.

    Raises:
        NotFoundError: neither a file nor a program. InvalidInputError: its content or output
            does not fit the suites. EngineUnavailableError: the command failed.
    """
    if Path(how).is_file():
        pairs = _read_scores(Path(how), {name: len(t.sources) for name, t in suites.items()})
    else:
        pairs = np.concatenate([_command_scores(how, texts) for texts in suites.values()])
    sign = 1 if higher_is_better else -1
    gains = sign * (pairs[:, 1] - pairs[:, 0])
    means = resample_counts(len(gains), plan.samples, plan.seed) @ gains / len(gains)
    return ScoreResult(
        name,
        len(gains),
        float(pairs[:, 0].mean()),
        float(pairs[:, 1].mean()),
        float(np.quantile(means, 0.05)),
    )


def _read_scores(path: Path, sizes: Mapping[str, int]) -> np.ndarray:
    """(sentences, 2) of every suite in turn; each sentence must be there once."""
    found: dict[tuple[str, int], tuple[float, float]] = {}
    for row in _rows(path, FILE_COLUMNS):
        try:
            key = (row["suite"], int(row["line"]))
            found[key] = (float(row["baseline"]), float(row["candidate"]))
        except ValueError as error:
            raise InvalidInputError(f"{path}: {error}") from None
    wanted = [(name, line + 1) for name, size in sizes.items() for line in range(size)]
    if missing := [key for key in wanted if key not in found]:
        name, line = missing[0]
        raise InvalidInputError(f"{path} has no scores of {name} line {line} ({len(missing)} lack)")
    return np.array([found[key] for key in wanted], dtype=np.float64)


def _command_scores(command: str, texts: Texts) -> np.ndarray:
    columns = []
    for answers in (texts.baseline, texts.candidate):
        rows = zip(texts.sources, answers, texts.references, strict=True)
        given = "".join("\t".join(map(_flat, row)) + "\n" for row in rows)
        try:
            done = subprocess.run(
                shlex.split(command),
                input=given,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
            )
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                raise EngineUnavailableError(f"{command!r} ended with {done.returncode}: {last}")
            columns.append([float(line) for line in done.stdout.split()])
        except FileNotFoundError:
            raise NotFoundError(f"{command!r} is neither a file nor a program") from None
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise EngineUnavailableError(f"{command!r}: {error}") from None
        if len(columns[-1]) != len(answers):
            raise InvalidInputError(
                f"{command!r} wrote {len(columns[-1])} numbers for {len(answers)} sentences"
            )
    return np.array(columns, dtype=np.float64).T


def _flat(text: str) -> str:
    return " ".join(text.split())


def _rows(path: Path, columns: Sequence[str]) -> Iterable[dict[str, str]]:
    reader = csv.DictReader(read_lines(path), delimiter="\t")
    if missing := [c for c in columns if c not in (reader.fieldnames or ())]:
        raise InvalidInputError(f"{path} lacks the column {missing[0]!r}")
    return reader


# --- a blind judge ---------------------------------------------------------------------------


def write_sheet(
    path: Path, changes: Iterable[tuple[str, int, str, str, str]], limit: int, seed: int = 12345
) -> int:
    """A sheet to fill in; returns how many sentences it holds.

    Args:
        changes: (suite, index, source, baseline's answer, candidate's answer).
        limit: at most so many, drawn by the seed: no worst-first, which would be no sample.
    """
    rows = list(changes)
    order = np.random.default_rng(seed).permutation(len(rows))[:limit]
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(SHEET_COLUMNS)
        for number in sorted(order):
            suite, index, source, old, new = rows[number]
            pair = (new, old) if _candidate_is_a(suite, index, old, new) else (old, new)
            writer.writerow([suite, index + 1, *map(_flat, (source, *pair)), ""])
    return len(order)


def _candidate_is_a(suite: str, index: int, old: str, new: str) -> bool:
    text = "\0".join((suite, str(index), _flat(old), _flat(new)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[0] % 2 == 0


def read_sheet(path: Path, answer: Callable[[str, int], tuple[str, str]]) -> HumanResult:
    """What a filled sheet says; ``better`` is A, B, or = (and empty: not judged).

    Args:
        answer: (suite, index) → the baseline's and the candidate's answers of this run.

    Raises:
        InvalidInputError: the sheet is of other answers, or holds another word.
    """
    counts = {"better": 0, "worse": 0, "equal": 0}
    for row in _rows(path, SHEET_COLUMNS):
        choice = (row["better"] or "").strip().upper()
        if not choice:
            continue
        where = f"{path}: {row['suite']} line {row['line']}"
        if choice not in ("A", "B", "="):
            raise InvalidInputError(f"{where}: better is {row['better']!r}; A, B or = is wanted")
        try:
            suite, index = row["suite"], int(row["line"]) - 1
            old, new = answer(suite, index)
        except (ValueError, LookupError):
            raise InvalidInputError(f"{where} is no sentence of this comparison") from None
        flipped = _candidate_is_a(suite, index, old, new)
        shown = (row["A"], row["B"])
        if shown != ((_flat(new), _flat(old)) if flipped else (_flat(old), _flat(new))):
            raise InvalidInputError(f"{where}: the sheet was made of other answers")
        chose_candidate = (choice == "A") == flipped
        counts["equal" if choice == "=" else "better" if chose_candidate else "worse"] += 1
    return HumanResult(**counts, sheet=file_sha256(path))
