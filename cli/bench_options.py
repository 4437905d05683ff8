"""The options that the measuring actions of ``csanmt bench`` share, and what they mean."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from csanmt.errors import InvalidInputError

if TYPE_CHECKING:
    from benchmarks.answers import AnswerCache
    from benchmarks.comet import Comet
    from benchmarks.compare import Plan
    from benchmarks.loading import LoadOptions
    from benchmarks.policy import Policy
    from benchmarks.progress import Progress
    from benchmarks.subject import Subject
    from benchmarks.suite import Suite


def add_common(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--suite", dest="suites", metavar="SUITE", nargs="+", action="extend", default=[],
        help="suites to use (default: the policy's)")  # fmt: skip
    add("--out", type=Path, metavar="DIR", help="write the report and the data there")
    add("--engine", choices=("native", "torch"), help="engine of local models")
    add("--beam", type=int, help="beam width (default: the model's own)")
    add("--length-penalty", type=float, help="length penalty (default: the model's own)")
    add("--max-length", type=int, help="most target tokens (default: the model's own)")
    add("--cache", type=Path, metavar="DIR",
        help="answers and statistics are kept here (default: $CSANMT_BENCH_CACHE, else "
        "$XDG_CACHE_HOME/csanmt/bench)")  # fmt: skip
    add("--no-cache", action="store_true", help="keep nothing and reuse nothing")
    add(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="translate and score by so many at once (default: one a processor)",
    )
    add("--comet", nargs="?", const="", metavar="MODEL", help="also score by COMET (an extra)")
    add("--comet-python", type=Path, metavar="FILE",
        help="a Python with COMET (default: $CSANMT_COMET_PYTHON, else this one)")  # fmt: skip
    add("--quiet", action="store_true", help="no progress bars")


def load_options(args: argparse.Namespace) -> LoadOptions:
    from benchmarks.loading import LoadOptions
    from cli.model_digests import digest_of_directory, find_tag

    return LoadOptions(
        engine=args.engine or os.environ.get("CSANMT_ENGINE") or None,
        beam=args.beam,
        length_penalty=args.length_penalty,
        max_length=args.max_length,
        api_key=os.environ.get("CSANMT_API_KEY") or None,
        find_tag=find_tag,
        digest_of=digest_of_directory,
    )


def answer_cache(args: argparse.Namespace) -> AnswerCache:
    from benchmarks.answers import AnswerCache

    if args.no_cache:
        return AnswerCache()
    if args.cache:
        return AnswerCache(args.cache)
    if chosen := os.environ.get("CSANMT_BENCH_CACHE"):
        return AnswerCache(Path(chosen))
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return AnswerCache(Path(home).expanduser() / "csanmt" / "bench")


def progress_bar(args: argparse.Namespace) -> Progress:
    from benchmarks.progress import Bar, Silent

    return Silent() if args.quiet else Bar(sys.stderr)


def suite_list(
    args: argparse.Namespace, policy: Policy, subjects: Sequence[Subject]
) -> list[Suite]:
    """The suites asked for, else the policy's."""
    from benchmarks.subject import HypothesesSubject
    from benchmarks.suite import load_suite

    suites = [load_suite(name) for name in args.suites or policy.suites]
    for subject in subjects:
        if isinstance(subject, HypothesesSubject) and subject.path.is_file() and len(suites) != 1:
            raise InvalidInputError(
                f"{subject.path} is one file: say with --suite which suite it translates"
            )
    return suites


def read_policy(path: Path | None) -> Policy:
    from benchmarks.policy import DEFAULT_POLICY, load_policy

    return load_policy(path or DEFAULT_POLICY)


def make_plan(
    args: argparse.Namespace, policy: Policy, suites: Sequence[Suite], speed: bool
) -> Plan:
    from functools import partial

    from benchmarks.coldstart import StartPlan, measure_start
    from benchmarks.compare import Plan
    from benchmarks.load import LoadPlan, find_tool
    from benchmarks.pins import DEFAULT_PINS, load_pins
    from benchmarks.served import measure_throughput
    from benchmarks.speed import SpeedPlan
    from benchmarks.suite import SMOKE_SUITE, load_suite

    limit = policy.speed.get("p95_ratio", SpeedPlan().limit)
    start = StartPlan(
        time_limit=policy.speed.get("start_ratio", StartPlan().time_limit),
        memory_limit=policy.speed.get("memory_ratio", StartPlan().memory_limit),
    )
    load = None
    if speed and "throughput_ratio" in policy.speed:
        find_tool()  # missing, it is missed before minutes are spent
        load = partial(measure_throughput, plan=LoadPlan(limit=policy.speed["throughput_ratio"]))
    return Plan(
        suites=suites,
        metrics=policy.all_metrics,
        sampling=policy.sampling,
        smoke=load_suite(SMOKE_SUITE),
        pins=load_pins(getattr(args, "pins", None) or DEFAULT_PINS),
        behaviour=True,
        speed=SpeedPlan(limit=limit) if speed else None,
        timed=[suite for suite in suites if suite.name in policy.suites],
        workers=args.workers,
        comet=_comet(args, policy) if args.comet is not None else None,
        measure_start=partial(measure_start, plan=start),
        measure_throughput=load,
    )


def _comet(args: argparse.Namespace, policy: Policy) -> Comet:
    from benchmarks.comet import DEFAULT_MODEL, Comet

    chosen = os.environ.get("CSANMT_COMET_PYTHON")
    python = args.comet_python or (Path(chosen) if chosen else None)
    return Comet(args.comet or DEFAULT_MODEL, python, policy.sampling)


def load(spec: str, args: argparse.Namespace) -> Subject:
    from benchmarks.loading import load_subject

    return load_subject(spec, load_options(args))


def signing_key() -> Path | None:
    """The key that the environment names."""
    chosen = os.environ.get("CSANMT_SIGNING_KEY")
    return Path(chosen) if chosen else None


def sign(evidence: Path, key: Path) -> Path:
    """Sign an evidence file. A failure has the status of a verdict that could not be given."""
    from release.ledger.signed_file import sign_file
    from release.running.command import CommandError

    try:
        return sign_file(evidence, key)
    except CommandError as error:
        raise InvalidInputError(f"{evidence} is written and not signed: {error}") from error
