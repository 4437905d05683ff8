"""``csanmt release review|history|pin``: the record of releases, and what people sign."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import action, print_json, print_table
from cli.site_action import full_tag, open_ledger
from csanmt.errors import NotFoundError
from csanmt.source_tree import SOURCE_TREE

if TYPE_CHECKING:
    from cli.output import Actions


def register(actions: Actions) -> None:
    """Add the actions to ``csanmt release``'s subparsers."""
    _add_review(actions)
    _add_history(actions)
    _add_pin(actions)
    _add_model(actions)
    _add_accept(actions)


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
    found = SOURCE_TREE / "benchmarks" / "suites" / "tatoeba" / "source.zh"
    if not found.is_file():
        raise NotFoundError(f"no {found} to take sentences from: give --sources FILE")
    return found


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


# --- a model's way in, a verdict's way out -------------------------------------------------------


def _add_model(actions: Actions) -> None:
    model = action(
        actions,
        "model",
        _model,
        "serve another model: pin it, raise the patch version, note it and commit",
        """\
        TAG is a version of the store. The commit is all that the pipeline needs; --publish
        brings the version to where the pipeline fetches it: a folder, or oci:REPOSITORY of
        a registry (skopeo), and release.toml remembers both.
        """,
    )
    model.add_argument("model", metavar="TAG", help="csanmt-zh-en:v1.5.0")
    model.add_argument("--publish", metavar="SOURCE", default="", help="DIR or oci:REPOSITORY")
    model.add_argument("--insecure", action="store_true", help="a registry without TLS")
    fetch = action(
        actions,
        "fetch",
        _fetch,
        "bring the pinned model into the store, from where release.toml says",
        "Nothing happens where it is there; another content than the pinned one is refused.",
    )
    fetch.add_argument(
        "--manifest",
        type=Path,
        default=SOURCE_TREE,
        metavar="DIR",
        help="whose release.toml (this one)",
    )
    fetch.add_argument("--insecure", action="store_true", help="a registry without TLS")


def _model(args: argparse.Namespace) -> None:
    from model_store import DEFAULT_TAG, ModelStore, ensure_default
    from release.build.manifest import read_manifest
    from release.build.model_source import publish_model
    from release.build.model_update import update_model

    store = ModelStore.from_environment()
    if args.model == DEFAULT_TAG:
        ensure_default(store)
    digest = store.show(args.model).digest
    source = args.publish or read_manifest(SOURCE_TREE).model_source
    archive = publish_model(store, args.model, source, insecure=args.insecure) if source else ""
    version = update_model(SOURCE_TREE, args.model, digest, source=source, archive=archive)
    if args.json:
        print_json({"version": version, "model": args.model, "sha256": digest})
    else:
        print(f"{version} serves {args.model}: push the commit and the tag {version}")


def _fetch(args: argparse.Namespace) -> None:
    from model_store import ModelStore
    from release.build.manifest import read_manifest
    from release.build.model_source import fetch_model

    done = fetch_model(
        ModelStore.from_environment(),
        read_manifest(args.manifest),
        SOURCE_TREE,
        insecure=args.insecure,
    )
    if args.json:
        print_json({"model": done})
    else:
        print(done)


def _add_accept(actions: Actions) -> None:
    parser = action(
        actions,
        "accept",
        _accept,
        "take over the verdict of a pipeline, so that its version may be deployed here",
        """\
        FOLDER holds what the pipeline published beside the image: verdict.json, its
        signature, SHA256SUMS and the files they cover. Signature, checksums and the layers
        of the image here are checked; build and verdict go into this machine's ledger.
        """,
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--signers", type=Path, help="who may have signed it (release.toml's)")
    parser.add_argument("--unsigned", metavar="REASON", default="", help="nobody need have")


def _accept(args: argparse.Namespace) -> None:
    from release.build.manifest import read_manifest
    from release.build.verdict import accept_verdict
    from release.ledger.ledger import current_user

    signers = args.signers or read_manifest(SOURCE_TREE).signers
    version = accept_verdict(
        args.folder, open_ledger(), signers=None if args.unsigned else signers,
        unsigned=args.unsigned, who=current_user(),
    )  # fmt: skip
    if args.json:
        print_json({"version": version})
    else:
        print(f"{version} was judged ready: csanmt release ship {version}")
