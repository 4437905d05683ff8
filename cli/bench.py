"""``csanmt bench``: measure quality, behaviour and speed; compare; gate a release."""

from __future__ import annotations

import argparse
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from cli import bench_record
from cli.bench_options import Measuring, add_common, sign, signing_key
from cli.output import action, note, print_json, print_table
from csanmt.errors import CsanmtError, InvalidInputError
from csanmt.source_tree import SOURCE_TREE

if TYPE_CHECKING:
    from benchmarks.gate import Verdict, Waiver
    from benchmarks.measurements import Measurements

DESCRIPTION = """\
A SUBJECT is a model in the store (csanmt-zh-en:v1.0.0), a model directory, the URL of
a running service, or hypotheses: a file for one suite, or a folder of SUITE.en files.

A suite is built in (`csanmt bench suites` lists them), a folder with a suite.toml, a .tsv
of sources and references, or sacrebleu:wmt22 and the like, which sacreBLEU downloads.
"""


def register(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    run = action(actions, "run", _run)
    run.add_argument("subject", metavar="SUBJECT")
    compare = action(actions, "compare", _compare)
    compare.add_argument("baseline", metavar="A", help="the baseline")
    compare.add_argument("candidate", metavar="B", help="the candidate")
    compare.add_argument("--no-speed", action="store_true", help="leave speed out")
    gate = action(actions, "gate", _gate)
    add = gate.add_argument
    add("candidate", metavar="CANDIDATE")
    add("--baseline", required=True, metavar="B", help="the version in service")
    add("--policy", type=Path, metavar="FILE", help="default: the built-in policy")
    add(
        "--sign",
        type=Path,
        metavar="KEY",
        default=signing_key(),
        help="sign the evidence with this OpenSSH key (default: $CSANMT_SIGNING_KEY)",
    )
    add(
        "--retrained",
        action="store_true",
        help="the candidate was trained anew: the policy's churn budget and speed limits for "
        "that apply",
    )
    add(
        "--waive",
        action="append",
        default=[],
        metavar="RULE=REASON",
        help='let the candidate fail one rule ("behaviour", "checks loop"); stands in the '
        "evidence, which must be signed then",
    )
    add("--waived-by", default="", metavar="NAME", help="who answers for that")
    add("--human", type=Path, metavar="FILE", help="a filled sheet of `csanmt bench sheet`")
    for measuring in (compare, gate):
        measuring.add_argument("--pins", type=Path, metavar="FILE", help="pinned corrections")
    for measuring in (run, compare, gate):
        add_common(measuring)
    bench_record.register(actions)


# --- run, compare, gate ----------------------------------------------------------------------


def _run(args: argparse.Namespace) -> None:
    """Score one subject on suites.

    Scores with 95 % intervals and sacreBLEU signatures, faults visible without a
    reference, behaviour cases. With --out also the hypotheses, one file a suite, which
    can be judged later as a folder of files.
    """
    from benchmarks import outputs
    from benchmarks.compare import measure

    measuring = Measuring.of(args)
    subject = measuring.load(args.subject)
    plan = measuring.plan(speed=False)
    measured = measure(subject, subject, plan, measuring.cache, measuring.progress, alone=True)
    found = outputs.run_json(measured)
    if args.out:
        outputs.write_run(args.out, found, measured.suites)
    if args.json:
        print_json(found)
        return
    print(f"{subject.label}  {subject.digest or ''}".rstrip())
    scores = (
        (s["suite"], s["metric"], "{:.2f}".format(s["score"]),
         "{low:.2f}–{high:.2f}".format(**s["interval"]), s["signature"])
        for s in found["scores"]
    )  # fmt: skip
    print_table(("suite", "metric", "score", "95 %", "signature"), scores)
    print()
    print_table(("check", "faulty", "of"), ((name, *of) for name, of in found["faults"].items()))
    print(f"\n{len(found['failures'])} of {found['cases']} behaviour and smoke cases fail")
    for o in found["failures"]:
        print(f"  {o['group']}: {o['source']!r} → {o['output']!r}: {o['problem']}")


def _compare(args: argparse.Namespace) -> None:
    """Measure two subjects against each other.

    What `gate` measures, without a verdict: scores, paired tests, changes, behaviour, speed.
    """
    from benchmarks.outputs import summary_rows, write_report

    measuring = Measuring.of(args)
    measured = _measure(measuring, args.candidate, args.baseline, speed=not args.no_speed)
    if args.out:
        write_report(args.out, measured, None, measuring.policy)
    if args.json:
        print_json(measured.to_json(max_changes=20))
        return
    columns = ("suite", "metric", "baseline", "candidate", "change", "p of a loss")
    print_table(columns, summary_rows(measured))
    print(f"changed: {measured.churn:.1%}")


def _measure(measuring: Measuring, candidate: str, baseline: str, *, speed: bool) -> Measurements:
    from benchmarks.compare import measure

    new = measuring.load(candidate)
    old = new if candidate == baseline else measuring.load(baseline)
    files = "hypotheses" in (new.kind, old.kind)
    plan = measuring.plan(speed=speed and not files)
    return measure(new, old, plan, measuring.cache, measuring.progress)


def _gate(args: argparse.Namespace) -> int:
    """Decide whether a candidate may replace the baseline.

    Measures the candidate against the baseline and applies the policy. With --out DIR
    writes verdict.json, evidence.json (what `csanmt release` demands), report.html
    (opens offline), measurements.json and changes.jsonl. With --sign KEY the evidence
    is signed (evidence.json.sig), as by `csanmt bench sign`.

    exit status:
      0  promote: every rule of the policy holds
      1  reject: at least one rule does not hold; every reason is printed
      2  could not judge: something could not be loaded, asked or read, speed was too noisy
         to tell, or the gate itself failed
    """
    from benchmarks.gate import Decision

    try:
        return _judge(args)  # an error that nobody foresaw would end with 1, which says "reject"
    except (CsanmtError, OSError):
        raise  # these end with a status of their own, which is not 1
    except Exception:
        traceback.print_exc()
        return Decision.UNJUDGED


def _judge(args: argparse.Namespace) -> int:
    from benchmarks.gate import judge, unjudged
    from benchmarks.outputs import write_evidence, write_report

    if args.sign and not (args.out and args.sign.is_file()):
        raise InvalidInputError(f"--sign {args.sign}: needs --out DIR and a key that exists")
    waivers = _waivers(args)
    measured = measuring = None
    try:
        measuring = Measuring.of(args)
        speed = measuring.policy.speed is not None
        measured = _measure(measuring, args.candidate, args.baseline, speed=speed)
        verdict = judge(measured, measuring.policy, waivers)
        if args.out:
            write_report(args.out, measured, verdict, measuring.policy)
    except CsanmtError as error:
        verdict = unjudged(args.candidate, args.baseline, f"{error.code}: {error}")
    except Exception as error:
        traceback.print_exc()
        what = f"internal: {type(error).__name__}: {error}"
        verdict = unjudged(args.candidate, args.baseline, what)
    if args.out and measuring is not None:
        evidence = write_evidence(args.out, measured, verdict, measuring.policy, SOURCE_TREE)
        if args.sign:
            sign(evidence, args.sign)
        elif waivers:
            note("a release accepts evidence with a waiver only signed (csanmt bench sign)")
    if args.json:
        print_json(verdict.to_json())
    else:
        _print_verdict(verdict, args.out)
    return int(verdict.decision)


def _waivers(args: argparse.Namespace) -> list[Waiver]:
    """``--waive "RULE=REASON"``, all answered for by ``--waived-by``.

    Raises:
        InvalidInputError: no such rule, or no reason or name.
    """
    from benchmarks.gate import Waiver

    given = (text.partition("=") for text in args.waive)
    return [Waiver(rule.strip(), why.strip(), args.waived_by) for rule, _, why in given]


def _print_verdict(verdict: Verdict, out: Path | None) -> None:
    print(
        f"{verdict.decision.word.upper()} ({verdict.scope}): {verdict.candidate} "
        f"against {verdict.baseline}"
    )
    passed = sum(rule.status == "pass" for rule in verdict.rules)
    print(f"{passed} of {len(verdict.rules)} rule results pass, {len(verdict.failed)} fail")
    for rule in verdict.rules:
        if rule.status == "waived":
            print(f"  - waived: {rule.rule} {rule.subject}: {rule.reason}")
    for reason in verdict.reasons:
        print(f"  - {reason}")
    if verdict.scope_reasons:
        print(f"{verdict.scope}, so this verdict releases nothing:")
        for reason in verdict.scope_reasons:
            print(f"  - {reason}")
    if out and verdict.rules:
        note(f"report: {out / 'report.html'}")
