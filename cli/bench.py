"""``csanmt bench``: measure quality, behaviour and speed; compare; gate a release."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.output import add_json_flag, note, print_json, print_table
from csanmt.errors import CsanmtError, InvalidInputError

if TYPE_CHECKING:
    from benchmarks.answers import AnswerCache
    from benchmarks.compare import Plan
    from benchmarks.loading import LoadOptions
    from benchmarks.policy import Policy
    from benchmarks.progress import Progress
    from benchmarks.subject import Subject
    from benchmarks.suite import Suite

DESCRIPTION = """\
A SUBJECT is a model in the store (csanmt-zh-en:v1.0.0), a model directory, the URL of
a running service, or hypotheses: a file for one suite, or a folder of SUITE.en files.

A suite is built in (`csanmt bench suites` lists them), a folder with a suite.toml, or
sacrebleu:wmt22 and the like, which sacreBLEU downloads.
"""
GATE_EXITS = """\
exit status:
  0  promote: every rule of the policy holds
  1  reject: at least one rule does not hold; every reason is printed
  2  could not judge: something could not be loaded, asked or read
"""


def register(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "bench",
        help="measure quality, behaviour and speed; compare; gate a release",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=lambda _args: parser.print_help())
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    for add in (_add_run, _add_compare, _add_gate, _add_pin, _add_verify, _add_suites, _add_matrix):
        add(actions)


def _action(actions: Any, name: str, run: Any, summary: str, description: str = "") -> Any:
    parser = actions.add_parser(
        name,
        help=summary,
        description=textwrap.dedent(description) or summary,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    add_json_flag(parser)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
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
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes for TER")
    add("--comet", nargs="?", const="", metavar="MODEL", help="also score by COMET (an extra)")
    add("--quiet", action="store_true", help="no progress bars")


def _add_run(actions: Any) -> None:
    parser = _action(
        actions, "run", _run, "score one subject on suites",
        """\
        Scores with 95 % intervals and sacreBLEU signatures, faults visible without a
        reference, behaviour cases. With --out also the hypotheses, one file a suite, which
        can be judged later as a folder of files.
        """,
    )  # fmt: skip
    parser.add_argument("subject", metavar="SUBJECT")
    _add_common(parser)


def _add_compare(actions: Any) -> None:
    parser = _action(
        actions, "compare", _compare, "measure two subjects against each other",
        "What `gate` measures, without a verdict: scores, paired tests, changes, behaviour, speed.",
    )  # fmt: skip
    parser.add_argument("baseline", metavar="A", help="the baseline")
    parser.add_argument("candidate", metavar="B", help="the candidate")
    parser.add_argument("--no-speed", action="store_true", help="leave speed out")
    parser.add_argument("--pins", type=Path, metavar="FILE", help="pinned corrections")
    _add_common(parser)


def _add_gate(actions: Any) -> None:
    parser = _action(
        actions, "gate", _gate, "decide whether a candidate may replace the baseline",
        """\
        Measures the candidate against the baseline and applies the policy. With --out DIR
        writes verdict.json, evidence.json (what `csanmt release` demands), report.html
        (opens offline), measurements.json and changes.jsonl.

        """ + textwrap.indent(GATE_EXITS, " " * 8),
    )  # fmt: skip
    parser.add_argument("candidate", metavar="CANDIDATE")
    parser.add_argument("--baseline", required=True, metavar="B", help="the version in service")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="default: the built-in policy")
    parser.add_argument("--pins", type=Path, metavar="FILE", help="pinned corrections")
    _add_common(parser)


def _add_pin(actions: Any) -> None:
    parser = _action(
        actions, "pin", _pin, "make a correction a test that the gate runs for ever",
        """\
        Phrases are plain text; case and spacing are ignored, words are matched whole.

          csanmt bench pin "他姓白。" --require "surname is Bai" --forbid "white"
        """,
    )  # fmt: skip
    parser.add_argument("source", metavar="SOURCE", help="the Chinese sentence")
    parser.add_argument("--require", action="append", default=[], metavar="PHRASE")
    parser.add_argument("--forbid", action="append", default=[], metavar="PHRASE")
    parser.add_argument("--note", default="", help="why")
    parser.add_argument("--pins", type=Path, metavar="FILE", help="default: the product's own")


def _add_verify(actions: Any) -> None:
    parser = _action(
        actions, "verify", _verify, "check an evidence file",
        "Exit status 3 if it was changed, is about another model or does not say promote.",
    )  # fmt: skip
    parser.add_argument("evidence", type=Path, metavar="FILE")
    parser.add_argument("--model-digest", metavar="SHA256", help="the model it must be about")


def _add_suites(actions: Any) -> None:
    _action(actions, "suites", _suites, "list the built-in suites")


def _add_matrix(actions: Any) -> None:
    parser = _action(
        actions, "matrix", _matrix, "gate every ordered pair of a folder of systems",
        "The folder holds *.zh, *.refA.en, systems/NAME.en and optionally "
        "published-automatic-scores.tsv.",
    )  # fmt: skip
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="Markdown file")
    parser.add_argument("--policy", type=Path, metavar="FILE")
    parser.add_argument("--cache", type=Path, metavar="DIR")
    parser.add_argument("--no-cache", action="store_true")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--quiet", action="store_true")


# --- what the options mean -------------------------------------------------------------------


def _load_options(args: argparse.Namespace) -> LoadOptions:
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


def _cache(args: argparse.Namespace) -> AnswerCache:
    from benchmarks.answers import AnswerCache

    if args.no_cache:
        return AnswerCache()
    if args.cache:
        return AnswerCache(args.cache)
    if chosen := os.environ.get("CSANMT_BENCH_CACHE"):
        return AnswerCache(Path(chosen))
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return AnswerCache(Path(home).expanduser() / "csanmt" / "bench")


def _progress(args: argparse.Namespace) -> Progress:
    from benchmarks.progress import Bar, Silent

    return Silent() if args.quiet else Bar(sys.stderr)


def _suite_list(
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


def _load_policy(path: Path | None) -> Policy:
    from benchmarks.policy import DEFAULT_POLICY, load_policy

    return load_policy(path or DEFAULT_POLICY)


def _plan(args: argparse.Namespace, policy: Policy, suites: Sequence[Suite], speed: bool) -> Plan:
    from benchmarks.coldstart import measure_start
    from benchmarks.comet import DEFAULT_MODEL, Comet
    from benchmarks.compare import Plan
    from benchmarks.pins import DEFAULT_PINS, load_pins
    from benchmarks.speed import SpeedPlan
    from benchmarks.suite import SMOKE_SUITE, load_suite

    limit = policy.speed.get("p95_ratio", SpeedPlan().limit)
    return Plan(
        suites=suites,
        metrics=policy.all_metrics,
        sampling=policy.sampling,
        smoke=load_suite(SMOKE_SUITE),
        pins=load_pins(getattr(args, "pins", None) or DEFAULT_PINS),
        behaviour=True,
        speed=SpeedPlan(limit=limit) if speed else None,
        workers=args.workers,
        comet=Comet(args.comet or DEFAULT_MODEL) if args.comet is not None else None,
        measure_start=measure_start,
    )


# --- run, compare, gate ----------------------------------------------------------------------


def _run(args: argparse.Namespace) -> int:
    from benchmarks.single import run_single, write_single

    policy = _load_policy(None)
    subject = _load(args.subject, args)
    suites = _suite_list(args, policy, [subject])
    plan = _plan(args, policy, suites, speed=False)
    result = run_single(subject, plan, _cache(args), _progress(args))
    if args.out:
        write_single(result, args.out)
    if args.json:
        print_json(result.to_json())
        return 0
    print(f"{result.subject.label}  {result.subject.digest or ''}".rstrip())
    print_table(("suite", "metric", "score", "95 %", "signature"), result.score_rows())
    print()
    print_table(("check", "faulty", "of"), result.check_rows())
    for outcome in result.failures:
        print(f"  {outcome.group}: {outcome.source!r} → {outcome.output!r}: {outcome.problem}")
    return 0


def _load(spec: str, args: argparse.Namespace) -> Subject:
    from benchmarks.loading import load_subject

    return load_subject(spec, _load_options(args))


def _compare(args: argparse.Namespace) -> int:
    from benchmarks.compare import measure
    from benchmarks.outputs import summary_rows, write_report

    policy = _load_policy(None)
    baseline, candidate = _load(args.baseline, args), _load(args.candidate, args)
    suites = _suite_list(args, policy, [baseline, candidate])
    plan = _plan(args, policy, suites, speed=not args.no_speed)
    measured = measure(candidate, baseline, plan, _cache(args), _progress(args))
    if args.out:
        write_report(args.out, measured, None, policy)
    if args.json:
        print_json(measured.to_json(max_changes=20))
        return 0
    print_table(("suite", "metric", "baseline", "candidate", "change", "p"), summary_rows(measured))
    print(f"changed: {measured.churn:.1%}")
    return 0


def _gate(args: argparse.Namespace) -> int:
    from benchmarks.gate import Decision, judge, unjudged
    from benchmarks.outputs import write_evidence, write_report

    measured = policy = None
    try:
        policy = _load_policy(args.policy)
        measured = _measure_for_gate(args, policy)
        verdict = judge(measured, policy)
        if args.out:
            write_report(args.out, measured, verdict, policy)
    except CsanmtError as error:
        verdict = unjudged(args.candidate, args.baseline, f"{error.code}: {error}")
    if args.out and policy is not None:
        write_evidence(args.out, measured, verdict, policy, Path.cwd())
    if args.json:
        print_json(verdict.to_json())
    else:
        _print_verdict(verdict, args.out)
    return int(verdict.decision if verdict.decision != Decision.UNJUDGED else 2)


def _measure_for_gate(args: argparse.Namespace, policy: Policy) -> Any:
    from benchmarks.compare import measure

    candidate = _load(args.candidate, args)
    same = args.candidate == args.baseline
    baseline = candidate if same else _load(args.baseline, args)
    suites = _suite_list(args, policy, [baseline, candidate])
    plan = _plan(args, policy, suites, speed=bool(policy.speed))
    return measure(candidate, baseline, plan, _cache(args), _progress(args))


def _print_verdict(verdict: Any, out: Path | None) -> None:
    print(f"{verdict.decision.word.upper()} ({verdict.scope}): {verdict.candidate} "
          f"against {verdict.baseline}")  # fmt: skip
    passed = sum(rule.status == "pass" for rule in verdict.rules)
    print(f"{passed} of {len(verdict.rules)} rule results pass, {len(verdict.failed)} fail")
    for reason in verdict.reasons:
        print(f"  - {reason}")
    if out:
        note(f"report: {out / 'report.html'}")


# --- pin, verify, suites, matrix -------------------------------------------------------------


def _pin(args: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from benchmarks.pins import DEFAULT_PINS, Pin, add_pin

    pin = Pin(args.source, tuple(args.require), tuple(args.forbid), args.note)
    path = args.pins or DEFAULT_PINS
    added = add_pin(path, pin, datetime.now(UTC).date())
    if args.json:
        print_json({"file": str(path), "source": added.source, "added": added.added})
    else:
        note(f"pinned in {path}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    from benchmarks.evidence import verify

    found = verify(args.evidence, model_digest=args.model_digest)
    facts = {
        "decision": found.decision.word,
        "scope": found.scope,
        "model_digest": found.model_digest,
        "digest": found.digest,
        "created": found.content["created"],
    }
    if args.json:
        print_json(facts)
    else:
        print_table(("fact", "value"), facts.items())
    return 0


def _suites(args: argparse.Namespace) -> int:
    from benchmarks.suite import builtin_names, load_suite

    suites = [load_suite(name) for name in builtin_names()]
    if args.json:
        print_json([
            {"name": s.name, "sentences": len(s.sources), "licence": s.licence,
             "digest": s.digest, "description": s.description}
            for s in suites
        ])  # fmt: skip
    else:
        rows = [(s.name, len(s.sources), s.licence, s.description) for s in suites]
        print_table(("suite", "sentences", "licence", "description"), rows)
    return 0


def _matrix(args: argparse.Namespace) -> int:
    from benchmarks.matrix import judge_pairs, load_systems, render, score_table, wrong_promotions

    policy = _load_policy(args.policy)
    systems = load_systems(args.folder)
    progress = _progress(args)
    judgements = judge_pairs(systems, policy, _cache(args), progress)
    scores = score_table(systems, cache=_cache(args), workers=args.workers, progress=progress)
    command = f"csanmt bench matrix {args.folder.name} --out {args.out}"
    args.out.write_text(render(systems, judgements, scores, policy, command), "utf-8")
    wrong = wrong_promotions(judgements)
    if args.json:
        print_json({"pairs": len(judgements), "wrong": [[j.candidate, j.baseline] for j in wrong]})
    else:
        print(f"{len(judgements)} pairs, {len(wrong)} wrong promotions → {args.out}")
    return 1 if wrong else 0
