"""``csanmt release review|history|pin``: the record of releases, and what people sign."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import action, print_json, print_table
from cli.release_action import full_tag, open_ledger
from csanmt.errors import NotFoundError
from csanmt.source_tree import SOURCE_TREE

if TYPE_CHECKING:
    from cli.output import Actions


def register(actions: Actions) -> None:
    """Add the actions to ``csanmt release``'s subparsers."""
    _add_review(actions)
    _add_history(actions)
    _add_pin(actions)


# --- review -----------------------------------------------------------------------------------


def _add_review(actions: Actions) -> None:
    parser = action(
        actions,
        "review",
        _review,
        "show a sample of a version's translations and record who approves or refuses it",
        """\
        Without --approve or --refuse only shows the sample: the same sentences each time
        for one version. The signature covers exactly what was shown.
        """,
    )
    parser.add_argument("version", metavar="VERSION")
    parser.add_argument("--sources", type=Path, help="file with one sentence a line")
    parser.add_argument("--size", type=int, default=20, help="sentences (20)")
    decision = parser.add_mutually_exclusive_group()
    decision.add_argument("--approve", metavar="WHY", default="", help="sign it off")
    decision.add_argument("--refuse", metavar="WHY", default="", help="refuse it")


def _review(args: argparse.Namespace) -> None:
    from csanmt.loading import load_translator
    from model_store import ModelStore
    from release.build.review import make_sample, record_review, sample_digest
    from release.ledger.ledger import Kind, current_user

    ledger = open_ledger()
    tag = full_tag(ledger, args.version)
    build = ledger.last(Kind.BUILD, tag)
    model = str(build.detail["model"]) if build else ""
    directory = ModelStore.from_environment().open(model)
    sources = (args.sources or _review_sources()).read_text(encoding="utf-8").splitlines()
    sample = make_sample(load_translator(directory, model_tag=model), sources, tag, args.size)
    why = args.approve or args.refuse
    if why:
        who = current_user()
        record_review(ledger, tag, sample, approved=bool(args.approve), who=who, why=why)
    if args.json:
        lines = [{"source": line.source, "translation": line.translation} for line in sample]
        print_json({"version": tag, "digest": sample_digest(sample), "lines": lines})
        return
    for line in sample:
        print(f"{line.source}\n  → {line.translation}\n")
    decided = "approved" if args.approve else "refused" if args.refuse else "not signed"
    print(f"{len(sample)} sentences of {tag} with {model}: {decided}")


def _review_sources() -> Path:
    candidates = sorted((SOURCE_TREE / "benchmarks").rglob("tatoeba*.zh"))
    if not candidates:
        raise NotFoundError("no sentences to show: give --sources FILE")
    return candidates[0]


# --- the record -------------------------------------------------------------------------------


def _add_history(actions: Actions) -> None:
    parser = action(
        actions,
        "history",
        _history,
        "list what was done to which version, by whom, when and why",
        "Oldest first. --check walks the chain of hashes and says whether it is whole.",
    )
    parser.add_argument("version", metavar="VERSION", nargs="?")
    parser.add_argument("--kind", help="only entries of one kind (build, verdict, switch, …)")
    parser.add_argument("--limit", type=int, help="only the newest N")
    parser.add_argument("--check", action="store_true", help="verify the ledger's integrity")


def _history(args: argparse.Namespace) -> None:
    ledger = open_ledger()
    if args.check:
        print(f"{ledger.check()} entries, none changed or missing ({ledger.path})")
        return
    entries = ledger.history(kind=args.kind, version=args.version, limit=args.limit)
    if args.json:
        print_json([entry.to_json() for entry in entries])
        return
    rows = [(e.sequence, e.at[:19], e.kind, e.version, e.who, e.why) for e in entries]
    print_table(["#", "TIME (UTC)", "WHAT", "VERSION", "WHO", "WHY"], rows)


def _add_pin(actions: Actions) -> None:
    parser = action(
        actions,
        "pin",
        _pin,
        "write which model a release serves, tag and digest, into release.toml",
        "The model must be in the store. Commit the change: another model is another version.",
    )
    parser.add_argument("model", metavar="TAG", help="csanmt-zh-en:v1.0.0")


def _pin(args: argparse.Namespace) -> None:
    from model_store import DEFAULT_TAG, ModelStore, ensure_default
    from release.build.manifest import pin_model

    store = ModelStore.from_environment()
    if args.model == DEFAULT_TAG:
        ensure_default(store)
    record = store.show(args.model)
    pin_model(SOURCE_TREE, args.model, record.digest)
    if args.json:
        print_json({"model": args.model, "sha256": record.digest})
    else:
        print(f"release.toml pins {args.model} {record.digest}")
