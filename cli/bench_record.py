"""``csanmt bench``'s smaller actions: pins, evidence, the list of suites, blind sheets."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from cli.bench_options import sign, signing_key
from cli.output import action, answer, answer_table, gone
from csanmt.errors import IntegrityError, InvalidInputError

if TYPE_CHECKING:
    from cli.output import Actions


def register(actions: Actions) -> None:
    """Add the actions to ``csanmt bench``."""
    pin = action(actions, "pin", _pin)
    pin.add_argument("source", metavar="SOURCE", help="the Chinese sentence")
    pin.add_argument("--require", action="append", default=[], metavar="PHRASE")
    pin.add_argument("--forbid", action="append", default=[], metavar="PHRASE")
    pin.add_argument("--note", default="", help="why")
    pin.add_argument("--pins", type=Path, metavar="FILE", help="default: the product's own")
    signs = action(actions, "sign", _sign)
    signs.add_argument("evidence", type=Path, metavar="FILE")
    signs.add_argument(
        "--key",
        type=Path,
        metavar="KEY",
        default=signing_key(),
        help="default: $CSANMT_SIGNING_KEY",
    )
    verifies = action(actions, "verify", _verify)
    verifies.add_argument("evidence", type=Path, metavar="FILE")
    verifies.add_argument("--signers", type=Path, metavar="FILE", help="OpenSSH's allowed signers")
    verifies.add_argument("--model-digest", metavar="SHA256", help="the model it must be about")
    action(actions, "suites", _suites)
    sheet = action(actions, "sheet", _sheet)
    sheet.add_argument("changes", type=Path, metavar="CHANGES")
    sheet.add_argument("--out", type=Path, required=True, metavar="FILE")
    sheet.add_argument("--limit", type=int, default=200, help="most sentences (default: 200)")
    gone(actions, "csanmt bench", "matrix", "python -m tests.benchmarks.yardstick DIR --out FILE")


def _pin(args: argparse.Namespace) -> None:
    """Make a correction a test that the gate runs for ever.

    Phrases are plain text; case and spacing are ignored, words are matched whole.

      csanmt bench pin "他姓白。" --require "surname is Bai" --forbid "white"
    """
    from datetime import UTC, datetime

    from benchmarks.pins import DEFAULT_PINS, Pin, add_pin

    path = args.pins or DEFAULT_PINS
    pin = Pin(args.source, tuple(args.require), tuple(args.forbid), args.note)
    added = add_pin(path, pin, datetime.now(UTC).date())
    facts = {"file": str(path), "source": added.source, "added": added.added}
    answer(args, facts, f"pinned in {path}")


def _sign(args: argparse.Namespace) -> None:
    """Sign off an evidence file, after its report was read.

    Writes FILE.sig by `ssh-keygen -Y sign`. The key is a private key, or a public one
    whose private half an agent holds. Whom a release accepts stands in release.toml.
    """
    from benchmarks.evidence import verify

    if args.key is None:
        raise InvalidInputError("say with --key (or $CSANMT_SIGNING_KEY) which key signs")
    decision = verify(args.evidence, promoted=False).decision.word
    signature = sign(args.evidence, args.key)
    facts = {"signature": str(signature), "decision": decision}
    answer(args, facts, f"signed a verdict that says {decision}: {signature}")


def _verify(args: argparse.Namespace) -> None:
    """Check an evidence file and its signature.

    Exit status 3 if it was changed, is about another model, does not say promote, or
    its signature does not fit; with --signers also if none of them has signed it.
    """
    from benchmarks.evidence import verify
    from release.ledger.signed_file import verify_file

    found = verify(args.evidence, model_digest=args.model_digest)
    signer = verify_file(args.evidence, args.signers)
    if found.waivers and not signer:
        raise IntegrityError(f"{args.evidence} waives a rule and is not signed")
    facts = {
        "decision": found.decision.word,
        "scope": found.content["scope"],
        "model_digest": found.model_digest,
        "digest": found.digest,
        "created": found.content["created"],
        "waived": "; ".join(found.waivers) or "nothing",
        "signature": signer or "not signed",
    }
    answer_table(args, facts, ("fact", "value"), facts.items())


def _suites(args: argparse.Namespace) -> None:
    """List the built-in suites."""
    from benchmarks.suite import builtin_names, load_suite

    suites = [load_suite(name) for name in builtin_names()]
    found = [
        {"name": s.name, "sentences": len(s.sources), "licence": s.licence,
         "digest": s.digest, "description": s.description}
        for s in suites
    ]  # fmt: skip
    rows = [(s.name, len(s.sources), s.licence, s.description) for s in suites]
    answer_table(args, found, ("suite", "sentences", "licence", "description"), rows)


def _sheet(args: argparse.Namespace) -> None:
    """Write the changed sentences as a blind sheet to be judged.

    CHANGES is changes.jsonl of `bench compare --out` or `bench gate --out`. Somebody who
    reads both languages writes A, B or = into the column `better`; the filled sheet is
    given to `bench gate --human`, which tells A from B by the answers themselves.
    """
    from benchmarks.second_opinion import write_sheet

    try:
        rows = [json.loads(line) for line in args.changes.read_text("utf-8").splitlines()]
        changes = [
            (r["suite"], r["index"], r["source"], r["baseline"], r["candidate"]) for r in rows
        ]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InvalidInputError(f"{args.changes} is no changes.jsonl: {error}") from None
    count = write_sheet(args.out, changes, args.limit)
    facts = {"file": str(args.out), "sentences": count, "changed": len(changes)}
    answer(args, facts, f"{count} of {len(changes)} changed sentences: {args.out}")
