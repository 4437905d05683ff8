"""``csanmt release history|model|fetch|accept``: the record, models in, verdicts out."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cli.output import action, answer, answer_table
from cli.site_action import open_ledger
from csanmt.source_tree import SOURCE_TREE
from release.ledger.ledger import Kind

if TYPE_CHECKING:
    from cli.output import Actions


def register(actions: Actions) -> None:
    """Add the actions to ``csanmt release``'s subparsers."""
    history = action(actions, "history", _history)
    history.add_argument("version", metavar="VERSION", nargs="?")
    kinds = [kind.value for kind in Kind]
    history.add_argument("--kind", choices=kinds, metavar="KIND", help=f"only {', '.join(kinds)}")
    history.add_argument("--limit", type=int, help="only the newest N")
    history.add_argument("--check", action="store_true", help="verify the ledger's integrity")
    model = action(actions, "model", _model)
    model.add_argument("model", metavar="TAG", help="csanmt-zh-en:v1.5.0")
    model.add_argument("--directory", metavar="DIR", help="files of a version to be saved as TAG")
    model.add_argument("--publish", metavar="SOURCE", default="", help="DIR or oci:REPOSITORY")
    fetch = action(actions, "fetch", _fetch)
    fetch.add_argument(
        "--manifest",
        type=Path,
        default=SOURCE_TREE,
        metavar="DIR",
        help="whose release.toml (this one)",
    )
    accept = action(actions, "accept", _accept)
    accept.add_argument("folder", metavar="FOLDER", type=Path)
    accept.add_argument("--signers", type=Path, help="who may have signed it (release.toml's)")
    accept.add_argument("--unsigned", metavar="REASON", default="", help="nobody need have")
    accept.add_argument(
        "--from",
        dest="repository",
        metavar="REGISTRY/REPOSITORY",
        default="",
        help="pull the image from there first",
    )


# --- the record -------------------------------------------------------------------------------


def _history(args: argparse.Namespace) -> None:
    """List what was done to which version, by whom, when and why.

    Oldest first. --check walks the chain of hashes and says whether it is whole.
    """
    ledger = open_ledger()
    if args.check:
        print(f"{ledger.check()} entries, none changed or missing ({ledger.path})")
        return
    entries = ledger.history(kind=args.kind, version=args.version, limit=args.limit)
    rows = [(e.sequence, e.at[:19], e.kind, e.version, e.who, e.why) for e in entries]
    headers = ["#", "TIME (UTC)", "WHAT", "VERSION", "WHO", "WHY"]
    answer_table(args, [asdict(entry) for entry in entries], headers, rows)


# --- a model's way in, a verdict's way out -------------------------------------------------------


def _model(args: argparse.Namespace) -> None:
    """Serve another model: pin it, raise the patch version, note it and commit.

    TAG is a version of the store; --directory saves it there first. The commit and its
    tag are all that the pipeline needs; --publish brings the version to where the
    pipeline fetches it, a folder or oci:REPOSITORY of a registry (skopeo), and
    release.toml remembers both.
    """
    from model_store import DEFAULT_TAG, ModelStore, ensure_default
    from release.build.manifest import read_manifest
    from release.build.model import publish_model, update_model

    store = ModelStore.from_environment()
    if args.model == DEFAULT_TAG:
        ensure_default(store)
    if args.directory:
        store.save(args.directory, args.model)
    digest = store.show(args.model).digest
    source = args.publish or read_manifest(SOURCE_TREE).model.source
    archive = publish_model(store, args.model, source) if source else ""
    version = update_model(SOURCE_TREE, args.model, digest, source=source, archive=archive)
    answer(
        args,
        {"version": version, "model": args.model, "sha256": digest},
        f"{version} serves {args.model}: git push --follow-tags",
    )


def _fetch(args: argparse.Namespace) -> None:
    """Bring the pinned model into the store, from where release.toml says.

    Nothing happens where it is there; another content than the pinned one is refused.
    """
    from model_store import ModelStore
    from release.build.manifest import read_manifest
    from release.build.model import fetch_model

    done = fetch_model(ModelStore.from_environment(), read_manifest(args.manifest), SOURCE_TREE)
    answer(args, {"model": done}, done)


def _accept(args: argparse.Namespace) -> None:
    """Take over the verdict of a pipeline, so that its version may be deployed here.

    FOLDER holds what the pipeline published beside the image: verdict.json, its
    signature, SHA256SUMS and the files they cover. Signature, checksums and the layers
    of the image here are checked; build and verdict go into this machine's ledger.
    """
    from release.build.manifest import read_manifest
    from release.build.verdict import accept_verdict
    from release.ledger.ledger import current_user

    signers = args.signers or read_manifest(SOURCE_TREE).signers
    version = accept_verdict(
        args.folder,
        open_ledger(),
        signers=None if args.unsigned else signers,
        unsigned=args.unsigned,
        who=current_user(),
        repository=args.repository,
    )
    words = f"{version} was judged ready: csanmt release ship {version}"
    answer(args, {"version": version}, words)
