"""A subject's translations of a suite: cached, and resumed where a run was cut off.

The cache holds one file (``answer_log``) a (subject digest, suite digest, decoding
settings). A subject without a digest is not cached, nor is a URL: the server behind it
may change.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import answer_log
from benchmarks.metrics import Statistics, extract, metric, signature
from benchmarks.progress import Progress, Silent
from benchmarks.subject import Subject
from benchmarks.suite import Suite
from csanmt.durable import replace_text
from csanmt.errors import StorageError

FORMAT = 1  # of statistics
BATCH = 32  # sentences asked at once while a suite is translated


@dataclass(frozen=True, slots=True)
class AnswerCache:
    """A folder of answers and metric statistics. ``root`` None caches nothing."""

    root: Path | None = None

    def answers_path(self, subject: Subject, suite: Suite) -> Path | None:
        """Where the answers lie, or None if they may not be kept."""
        if self.root is None or subject.digest is None or subject.kind != "model":
            return None
        key = [answer_log.FORMAT, subject.digest, suite.digest, dict(subject.settings)]
        return self.root / "answers" / f"{_digest(key)}.jsonl"

    def statistics_path(self, key: str, suite: Suite, hypotheses: list[str]) -> Path | None:
        """Where the statistics of these very sentences lie."""
        if self.root is None:
            return None
        wanted = [FORMAT, signature(key, len(suite.references)), suite.digest, hypotheses]
        return self.root / "statistics" / f"{_digest(wanted)}.json"


def _digest(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def translate_suite(
    subject: Subject,
    suite: Suite,
    cache: AnswerCache = AnswerCache(),
    progress: Progress | None = None,
    workers: int = 1,
) -> list[str]:
    """All answers of a subject to a suite, in order.

    Args:
        workers: threads that ask at once, if the subject is ``parallel``.

    Raises:
        CsanmtError: whatever the subject raises; what was answered before is kept.
        StorageError: the cache cannot be written.
    """
    ready = subject.answers(suite)
    if ready is not None:
        return ready
    progress = progress or Silent()
    progress.start(f"{subject.label}: {suite.name}", len(suite.sources))
    path = cache.answers_path(subject, suite)
    workers = workers if subject.parallel else 1
    if path is None:
        found: list[str] = []
        for batch in _ask(subject, suite, 0, progress, workers):
            found += batch
    else:
        found = _resume(subject, suite, path, progress, workers)
    progress.finish()
    return found


def _ask(
    subject: Subject, suite: Suite, start: int, progress: Progress, workers: int
) -> Iterator[list[str]]:
    """Answers batch by batch, in order; at most two batches a worker are under way."""
    progress.advance(start)
    under_way: deque[Future[list[str]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for begin in range(start, len(suite.sources), BATCH):
                sources = suite.sources[begin : begin + BATCH]
                under_way.append(pool.submit(subject.translate, sources))
                if len(under_way) == 2 * workers:
                    yield _next(under_way, progress)
            while under_way:
                yield _next(under_way, progress)
        finally:
            for future in under_way:
                future.cancel()


def _next(under_way: deque[Future[list[str]]], progress: Progress) -> list[str]:
    batch = under_way.popleft().result()
    progress.advance(len(batch))
    return batch


def _resume(
    subject: Subject, suite: Suite, path: Path, progress: Progress, workers: int
) -> list[str]:
    with answer_log.open_log(path, len(suite.sources)) as log:
        for batch in _ask(subject, suite, len(log.found), progress, workers):
            log.append(batch)
        return log.found


def suite_statistics(
    key: str,
    suite: Suite,
    hypotheses: list[str],
    cache: AnswerCache = AnswerCache(),
    *,
    known: tuple[list[str], Statistics] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Statistics:
    """Sufficient statistics, from the cache where the same sentences were scored before."""
    path = cache.statistics_path(key, suite, hypotheses)
    if path is not None and path.is_file():
        rows = _load_rows(path, len(hypotheses))
        if rows is not None:
            return Statistics(metric(key), rows, signature(key, len(suite.references)))
    progress = progress or Silent()
    progress.start(f"{metric(key).title}: {suite.name}", len(hypotheses))
    found = extract(
        key, hypotheses, suite.references,
        known=[known] if known else [], workers=workers, on_progress=progress.advance,
    )  # fmt: skip
    progress.finish()
    if path is not None:
        _store_rows(path, found)
    return found


def _load_rows(path: Path, n: int) -> Any:
    import numpy as np

    try:
        rows = np.array(json.loads(path.read_text()), dtype=np.float64)
    except (ValueError, OSError):
        return None  # damaged: score again
    return rows if rows.ndim == 2 and len(rows) == n else None


def _store_rows(path: Path, statistics: Statistics) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, json.dumps(statistics.rows.tolist()))
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
