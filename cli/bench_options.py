"""The options that the measuring actions of ``csanmt bench`` share, and what they mean."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from csanmt.errors import InvalidInputError

if TYPE_CHECKING:
    from benchmarks.answers import AnswerCache
    from benchmarks.compare import MeasurementPlan
    from benchmarks.policy import Policy
    from benchmarks.subject import Progress, Subject


def add_common(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--suite", dest="suites", metavar="SUITE", nargs="+", action="extend", default=[],
        help="suites to use (default: the policy's)")  # fmt: skip
    add("--out", type=Path, metavar="DIR", help="write the report and the data there")
    add("--engine", choices=("native", "torch"), help="engine of local models")
    add("--beam", type=int, help="beam width (default: the model's own)")
    add("--length-penalty", type=float, help="length penalty (default: the model's own)")
    add("--max-length", type=int, help="most target tokens (default: the model's own)")
    add(
        "--cache",
        type=Path,
        metavar="DIR",
        help="answers and statistics are kept here (default: $CSANMT_BENCH_CACHE, else "
        "$XDG_CACHE_HOME/csanmt/bench)",
    )
    add("--no-cache", action="store_true", help="keep nothing and reuse nothing")
    add(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        help="translate and score by so many at once (default: one a processor)",
    )
    add(
        "--scores",
        metavar="NAME=HOW",
        action="append",
        default=[],
        help="segment scores of another metric: a file (suite, line, baseline, candidate, "
        "tab-separated), or a command for lines of source, translation, reference",
    )
    for gone in ("--comet", "--comet-python"):
        add(gone, nargs="?", const="", help=argparse.SUPPRESS)  # until 0.3.0
    add("--quiet", action="store_true", help="no progress bars")


@dataclass(frozen=True)
class Measuring:
    """What the common options ask for."""

    args: argparse.Namespace
    policy: Policy

    @classmethod
    def of(cls, args: argparse.Namespace) -> Measuring:
        """With the policy that the options name.

        Raises:
            InvalidInputError: an option that went.
        """
        from benchmarks.policy import DEFAULT_POLICY, load_policy

        if args.comet is not None or args.comet_python is not None:
            raise InvalidInputError("--comet went: give COMET's segment scores with --scores")
        return cls(args, load_policy(getattr(args, "policy", None) or DEFAULT_POLICY))

    def load(self, spec: str) -> Subject:
        from benchmarks.loading import load_subject
        from cli.loading import digest_of_directory

        args = self.args
        asked = {key: getattr(args, key) for key in ("beam", "length_penalty", "max_length")}
        return load_subject(
            spec,
            engine=args.engine or os.environ.get("CSANMT_ENGINE") or None,
            decoding={key: value for key, value in asked.items() if value is not None},
            api_key=os.environ.get("CSANMT_API_KEY") or None,
            digest_of=digest_of_directory,
        )

    @property
    def cache(self) -> AnswerCache:
        from benchmarks.answers import AnswerCache

        if self.args.no_cache:
            return AnswerCache()
        home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        chosen = self.args.cache or os.environ.get("CSANMT_BENCH_CACHE")
        return AnswerCache(Path(chosen or f"{home}/csanmt/bench").expanduser())

    @property
    def progress(self) -> Progress:
        from benchmarks.subject import SILENT
        from cli.progress import StageProgress

        return SILENT if self.args.quiet else StageProgress()

    def plan(self, speed: bool) -> MeasurementPlan:
        """Of the suites asked for, else the policy's."""
        from benchmarks.behaviour import load_cases
        from benchmarks.compare import MeasurementPlan
        from benchmarks.pins import DEFAULT_PINS
        from benchmarks.speed import SpeedPlan
        from benchmarks.suite import load_suite

        args = self.args
        return MeasurementPlan(
            [load_suite(name) for name in args.suites or self.policy.quality.suites],
            self.policy,
            load_cases(getattr(args, "pins", None) or DEFAULT_PINS),
            speed=SpeedPlan() if speed else None,
            scores=dict(map(_named, args.scores)),
            human=getattr(args, "human", None),
            retrained=getattr(args, "retrained", False),
            workers=args.workers,
        )


def _named(given: str) -> tuple[str, str]:
    """``NAME=HOW`` of ``--scores``."""
    name, _, how = given.partition("=")
    if not (name and how):
        raise InvalidInputError(f"--scores {given!r}: NAME=FILE or NAME=COMMAND is wanted")
    return name, how


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
