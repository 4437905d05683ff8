"""``csanmt bench``'s smaller actions: pins, evidence, the list of suites, blind sheets."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from cli.bench_options import sign, signing_key
from cli.output import action, gone, note, print_json, print_table
from csanmt.errors import IntegrityError, InvalidInputError

if TYPE_CHECKING:
    from cli.output import Actions


def register(actions: Actions) -> None:
    """Add the actions to ``csanmt bench``."""
    for add in (_add_pin, _add_sign, _add_verify, _add_suites, _add_sheet):
        add(actions)
    gone(actions, "csanmt bench", "matrix", "python -m tests.benchmarks.yardstick DIR --out FILE")


def _add_pin(actions: Actions) -> None:
    parser = action(actions, "pin", _pin)
    parser.add_argument("source", metavar="SOURCE", help="the Chinese sentence")
    parser.add_argument("--require", action="append", default=[], metavar="PHRASE")
    parser.add_argument("--forbid", action="append", default=[], metavar="PHRASE")
    parser.add_argument("--note", default="", help="why")
    parser.add_argument("--pins", type=Path, metavar="FILE", help="default: the product's own")


def _add_sign(actions: Actions) -> None:
    parser = action(actions, "sign", _sign)
    parser.add_argument("evidence", type=Path, metavar="FILE")
    parser.add_argument(
        "--key", type=Path, metavar="KEY", default=signing_key(),
        help="default: $CSANMT_SIGNING_KEY",
    )  # fmt: skip


def _add_verify(actions: Actions) -> None:
    parser = action(actions, "verify", _verify)
    parser.add_argument("evidence", type=Path, metavar="FILE")
    parser.add_argument("--signers", type=Path, metavar="FILE", help="OpenSSH's allowed signers")
    parser.add_argument("--model-digest", metavar="SHA256", help="the model it must be about")


def _add_suites(actions: Actions) -> None:
    action(actions, "suites", _suites)


def _add_sheet(actions: Actions) -> None:
    parser = action(actions, "sheet", _sheet)
    parser.add_argument("changes", type=Path, metavar="CHANGES")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument("--limit", type=int, default=200, help="most sentences (default: 200)")


def _pin(args: argparse.Namespace) -> int:
    """Make a correction a test that the gate runs for ever.

    Phrases are plain text; case and spacing are ignored, words are matched whole.

    csanmt bench pin "他姓白。" --require "surname is Bai" --forbid "white"
    """
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


def _sign(args: argparse.Namespace) -> int:
    """Sign off an evidence file, after its report was read.

    Writes FILE.sig by `ssh-keygen -Y sign`. The key is a private key, or a public one
    whose private half an agent holds. Whom a release accepts stands in release.toml.
    """
    from benchmarks.evidence import verify

    if args.key is None:
        raise InvalidInputError("say with --key (or $CSANMT_SIGNING_KEY) which key signs")
    found = verify(args.evidence, require=None)
    signature = sign(args.evidence, args.key)
    if args.json:
        print_json({"signature": str(signature), "decision": found.decision.word})
    else:
        note(f"signed a verdict that says {found.decision.word}: {signature}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    """Check an evidence file and its signature.

    Exit status 3 if it was changed, is about another model, does not say promote, or
    its signature does not fit; with --signers also if none of them has signed it.
    """
    from benchmarks.evidence import verify
    from release.ledger.signed_file import verify_file

    found = verify(args.evidence, model_digest=args.model_digest)
    signer = verify_file(args.evidence, args.signers)
    if found.waivers and signer is None:
        raise IntegrityError(f"{args.evidence} waives a rule and is not signed")
    facts = {
        "decision": found.decision.word,
        "scope": found.scope,
        "model_digest": found.model_digest,
        "digest": found.digest,
        "created": found.content["created"],
        "waived": "; ".join(found.waivers) or "nothing",
        "signature": str(signer) if signer else "not signed",
    }
    if args.json:
        print_json(facts)
    else:
        print_table(("fact", "value"), facts.items())
    return 0


def _suites(args: argparse.Namespace) -> int:
    """List the built-in suites."""
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


def _sheet(args: argparse.Namespace) -> int:
    """Write the changed sentences as a blind sheet to be judged.

    CHANGES is changes.jsonl of `bench compare --out` or `bench gate --out`. Somebody who
    reads both languages writes A, B or = into the column `better`; the filled sheet is
    given to `bench gate --human`, which tells A from B by the answers themselves.
    """
    from benchmarks.second_opinion import write_sheet

    try:
        lines = args.changes.read_text("utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        changes = [
            (r["suite"], r["index"], r["source"], r["baseline"], r["candidate"]) for r in rows
        ]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InvalidInputError(f"{args.changes} is no changes.jsonl: {error}") from None
    count = write_sheet(args.out, changes, args.limit)
    if args.json:
        print_json({"file": str(args.out), "sentences": count, "changed": len(changes)})
    else:
        note(f"{count} of {len(changes)} changed sentences: {args.out}")
    return 0
