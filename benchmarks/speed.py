"""Speed as ratios: candidate and baseline in turns, so that a busy machine hits both.

Each round times every sentence alone, and all of them in batches, with both systems, one right
after the other and in alternating order, by the processor's time where both run in this process.
What else a machine does only ever adds time, so a sentence's time is the least of its rounds.
Percentiles are over sentences; intervals of ratios come from a bootstrap over sentences (paired).

Cold start is that of a fresh process, ``python -m benchmarks.speed DIR [ENGINE]``: it loads the
model, answers one sentence and prints its peak memory as one JSON line.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.significance import Interval, interval, ratio_interval
from benchmarks.subject import SILENT, Progress, Subject, same_subject
from csanmt.errors import CheckpointError, DeadlineExceededError
from csanmt.source_tree import SOURCE_TREE

Clock = Callable[[], float]
Floats = NDArray[np.float64]
QUANTILES = (50, 95, 99)
BATCH = 8  # sentences at once, for the throughput
RESAMPLES = 1000
SEED = 12345
SENTENCE = "今天天气很好，我们去公园吧。"
TIMEOUT = 300.0  # seconds
PAIRS, MAX_PAIRS = 3, 5  # starts of each
Start = Callable[[Subject], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class SpeedPlan:
    """How much to measure.

    Attributes:
        buckets: upper bounds of source length, in characters; longer ones are left out.
        per_bucket: sentences of each bucket.
        rounds: fewest timings of each sentence and system.
        max_rounds: rounds go on to this many while the interval of a ratio holds its limit.
        limits: ratios that the rounds try to decide, by name as in a policy.
    """

    buckets: tuple[int, ...] = (10, 25, 50, 100)
    per_bucket: int = 10
    rounds: int = 3
    max_rounds: int = 8
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Candidate over baseline (throughput: baseline over candidate); above 1 the candidate is
    slower, or bigger."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class StartReport:
    """A fresh process: seconds to the first answer and peak memory.

    Attributes:
        seconds, megabytes: the baseline's and the candidate's, medians of the runs.
        time_ratio, memory_ratio: geometric means over pairs of runs.
        pairs: runs of each system.
    """

    seconds: tuple[float, float]
    megabytes: tuple[float, float]
    time_ratio: Ratio
    memory_ratio: Ratio
    pairs: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Of sentences of some length, one at a time.

    Attributes:
        milliseconds: "p50", "p95", "p99" over the sentences → the baseline's, the candidate's.
        ratio: geometric mean over the sentences.
    """

    sentences: int
    milliseconds: Mapping[str, tuple[float, float]]
    ratio: Ratio


@dataclass(frozen=True, slots=True)
class SpeedReport:
    """Everything measured about speed.

    Attributes:
        rounds: timings of each sentence by each system.
        latency: by length of the source in characters; "all" is every sentence.
        throughput: sentences a second in batches, the baseline's and the candidate's.
        ratios: by their names in a policy.
        start: None where a process cannot be started.
    """

    rounds: int
    latency: Mapping[str, Latency]
    throughput: tuple[float, float]
    ratios: Mapping[str, Ratio]
    start: StartReport | None = None


def pick_sentences(sources: Sequence[str], plan: SpeedPlan) -> list[str]:
    """Up to ``per_bucket`` different sentences of each length bucket, by a fixed draw."""
    rng = np.random.default_rng(SEED)
    unique = list(dict.fromkeys(s for s in sources if s.strip()))
    picked: list[str] = []
    lower = 0
    for upper in plan.buckets:
        inside = [s for s in unique if lower < len(s) <= upper]
        order = rng.permutation(len(inside))[: plan.per_bucket]
        picked += [inside[i] for i in sorted(order)]
        lower = upper
    return picked


def measure_speed(
    baseline: Subject,
    candidate: Subject,
    sources: Sequence[str],
    plan: SpeedPlan = SpeedPlan(),
    *,
    clock: Clock | None = None,
    progress: Progress = SILENT,
) -> SpeedReport | None:
    """Time both systems on sentences of several lengths; None where no source is short enough.

    Args:
        clock: by default the processor's time of this process, which does both systems' work;
            the wall clock where one of them is a URL.
    """
    clock = clock or (
        time.perf_counter if "url" in (baseline.kind, candidate.kind) else time.process_time
    )
    sentences = pick_sentences(sources, plan)
    if not sentences:
        return None
    count = -(-len(sentences) // BATCH)
    batches = [sentences[i::count] for i in range(count)]  # each of all lengths
    asked = [*([s] for s in sentences), *batches]
    systems = (baseline, candidate)
    for system in systems:
        system.translate(sentences[:3])  # warm up
    progress.start("speed", plan.max_rounds)
    least = np.full((2, len(asked)), np.inf)
    for done in range(plan.max_rounds):
        least = np.minimum(least, _round(systems, asked, done, clock))
        progress.advance(1)
        report = _report(least, sentences, plan, done + 1)
        still_open = (
            ratio.interval.holds(plan.limits[name])
            for name, ratio in report.ratios.items()
            if name in plan.limits
        )
        if done + 1 >= plan.rounds and not any(still_open):
            break
    progress.finish()
    return report


def _round(
    systems: Sequence[Subject], asked: Sequence[list[str]], done: int, clock: Clock
) -> Floats:
    """(2, asked) seconds."""
    times = np.empty((2, len(asked)))
    for i, texts in enumerate(asked):
        first = (i + done) % 2
        for which in (first, 1 - first):
            began = clock()
            systems[which].translate(texts)
            times[which, i] = clock() - began
    return times


def _report(least: Floats, sentences: Sequence[str], plan: SpeedPlan, rounds: int) -> SpeedReport:
    """Of the times (2, sentences, then batches), the baseline's first."""
    alone, batched = least[:, : len(sentences)], least[:, len(sentences) :]
    base, cand = (len(sentences) / float(side.sum()) for side in batched)
    lengths = np.array([len(sentence) for sentence in sentences])
    latency = {}
    for low, high in pairwise((0, *plan.buckets)):
        if (inside := (low < lengths) & (lengths <= high)).any():
            latency[f"{low + 1}–{high}"] = _latency(alone[:, inside])
    latency["all"] = _latency(alone)
    ratios = {
        "p95_ratio": p95_ratio(alone),
        "mean_ratio": latency["all"].ratio,
        "throughput_ratio": mean_ratio(batched),
    }
    return SpeedReport(rounds, latency, (base, cand), ratios)


def _latency(times: Floats) -> Latency:
    shown = 1000 * np.percentile(times, QUANTILES, axis=1)  # (quantiles, 2)
    named = {
        f"p{q}": (float(old), float(new)) for q, (old, new) in zip(QUANTILES, shown, strict=True)
    }
    return Latency(times.shape[1], named, mean_ratio(times))


def _draws(n: int) -> NDArray[np.int64]:
    return np.random.default_rng(SEED).integers(n, size=(RESAMPLES, n))


def p95_ratio(times: Floats) -> Ratio:
    """Ratio of the 95th percentiles over sentences; times is (2, sentences)."""
    base, cand = np.percentile(times[:, _draws(times.shape[1])], 95, axis=2)
    whole = np.percentile(times, 95, axis=1)
    return Ratio(float(whole[1] / whole[0]), interval(cand / base))


def mean_ratio(times: Floats) -> Ratio:
    """Geometric mean over sentences of their ratios; times as in ``p95_ratio``."""
    logs = np.log(times[1] / times[0])
    means = logs[_draws(len(logs))].mean(axis=1)
    return Ratio(float(np.exp(logs.mean())), interval(np.exp(means)))


def paired_ratio(baseline: Sequence[float], candidate: Sequence[float]) -> Ratio:
    """Geometric mean over the pairs, with Student's interval; one pair has none (0 to ∞)."""
    ratios = [c / b for b, c in zip(baseline, candidate, strict=True)]
    return Ratio(float(np.exp(np.mean(np.log(ratios)))), ratio_interval(ratios))


# --- cold start ------------------------------------------------------------------------------


def measure_start(
    baseline: Subject,
    candidate: Subject,
    memory_limit: float = 1.25,
    start: Start | None = None,
) -> StartReport | None:
    """Start both in turns, ``PAIRS`` times and on to ``MAX_PAIRS`` as long as the interval of the
    memory's ratio holds its limit; None if one of them is not a model directory.

    Args:
        start: seam for tests: (seconds to the first answer, peak MiB) of a fresh process.

    Raises:
        CheckpointError: a fresh process could not load the model.
        DeadlineExceededError: it did not answer in ``TIMEOUT`` seconds.
    """
    systems = (baseline, candidate)
    if any(s.kind != "model" or not Path(s.spec).is_dir() or not s.spec for s in systems):
        return None
    start = start or _start_once
    enough = PAIRS if same_subject(*systems) else MAX_PAIRS
    runs: list[list[tuple[float, float]]] = [[], []]
    while True:
        turn = len(runs[0]) % 2
        for which in (turn, 1 - turn):
            runs[which].append(start(systems[which]))
        if len(runs[0]) < PAIRS:
            continue
        (base_s, base_mb), (cand_s, cand_mb) = (tuple(zip(*side, strict=True)) for side in runs)
        memory = paired_ratio(base_mb, cand_mb)
        if not memory.interval.holds(memory_limit) or len(runs[0]) >= enough:
            return StartReport(
                (median(base_s), median(cand_s)),
                (median(base_mb), median(cand_mb)),
                paired_ratio(base_s, cand_s),
                memory,
                len(runs[0]),
            )


def _start_once(subject: Subject) -> tuple[float, float]:
    """(seconds to the first answer, peak MiB)."""
    engine = str(subject.settings.get("engine") or "")
    command = [sys.executable, "-m", "benchmarks.speed", str(Path(subject.spec).absolute())]
    began = time.perf_counter()
    try:
        done = subprocess.run(
            [*command, *([engine] if engine else [])],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            cwd=SOURCE_TREE,
        )
    except subprocess.TimeoutExpired:
        raise DeadlineExceededError(f"{subject.label} gave no answer in {TIMEOUT:g} s") from None
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CheckpointError(f"{subject.label} does not start in a fresh process: {last}")
    return seconds, float(json.loads(done.stdout.splitlines()[-1])["peak_mb"])


def main(arguments: list[str]) -> int:
    from csanmt.loading import load_translator

    directory, engine = arguments[0], arguments[1] if len(arguments) > 1 else None
    load_translator(directory, engine=engine).translate([SENTENCE])
    # Not getrusage's peak, which a process inherits from the one that started it.
    words = Path("/proc/self/status").read_text("ascii").split()
    peak = int(words[words.index("VmHWM:") + 1]) / 1024
    sys.stdout.write(json.dumps({"peak_mb": peak}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
