"""``csanmt models``: the versions in the store."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.loading import open_store
from cli.output import action, answer, answer_table, human_size, note, print_json, print_table
from cli.progress import digesting
from cli.versions import (
    add_version_options,
    compare,
    list_row,
    print_difference,
    print_made,
    print_nested,
    summary,
    version_arguments,
)
from csanmt.errors import (
    ConflictError,
    CsanmtError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
)
from csanmt.version import FLOAT_WEIGHTS, PACKED_WEIGHTS
from model_store.tags import ModelTag

if TYPE_CHECKING:
    from model_store.store import ModelStore

DESCRIPTION = """\
Model versions live in BentoML's store, where 'csanmt serve' finds them: in
$BENTOML_HOME, else in .bentoml of the source tree (an installed package uses
~/bentoml). They are named name:vX.Y.Z or name:vX.Y.Z-suffix. A version never
changes: saving over one is refused, and a save that is killed leaves nothing
behind. Every file's SHA-256 is on record, and one digest stands for them all.
"""


def register(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    found = action(actions, "list", _list)
    found.add_argument("name", nargs="?", help="only versions of this name")
    action(actions, "show", _show).add_argument("tag", help="name:vX.Y.Z")
    found = action(actions, "verify", _verify)
    found.add_argument("tag", nargs="*", help="name:vX.Y.Z (default: all)")
    found = action(actions, "diff", _diff)
    found.add_argument("before", help="name:vX.Y.Z")
    found.add_argument("after", help="name:vX.Y.Z")
    found = action(actions, "save", _save)
    found.add_argument("directory", help="the model's files")
    add_version_options(found)
    found = action(actions, "pack", _pack)
    found.add_argument("source", help="name:vX.Y.Z, or a directory with model.safetensors")
    target = found.add_mutually_exclusive_group(required=True)
    target.add_argument("--out", metavar="FILE", help="write engine.bin here")
    target.add_argument("--save-as", metavar="TAG", help="save a version that has engine.bin")
    found.add_argument(
        "--slim", action="store_true", help="with --save-as: leave model.safetensors out"
    )
    found = action(actions, "export", _export)
    found.add_argument("tag", help="name:vX.Y.Z")
    found.add_argument(
        "path", nargs="?", default=".", help="file, or directory for NAME-VERSION.tar (default: .)"
    )
    found = action(actions, "import", _import)
    found.add_argument("archive", help="a file written by `csanmt models export`")
    found.add_argument("--sha256", metavar="HEX", required=True, help="the archive's SHA-256")
    _retire_options(action(actions, "retire", _retire))


def _retire_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", help="a name (all its old versions), or one name:vX.Y.Z")
    service = parser.add_mutually_exclusive_group(required=True)
    service.add_argument(
        "--in-service",
        metavar="TAG",
        action="append",
        default=[],
        help="a version that answers requests now, of any colour; repeat for each",
    )
    service.add_argument(
        "--none-in-service", action="store_true", help="nothing of this name is being served"
    )
    parser.add_argument(
        "--served",
        metavar="TAG",
        action="append",
        default=[],
        help="a version that ever served, if known; repeat for each",
    )
    parser.add_argument("--keep", type=int, default=3, help="how many stay (default 3, at least 3)")
    parser.add_argument("--yes", action="store_true", help="remove them; without it, only show")


def _list(args: argparse.Namespace) -> int:
    """List versions, oldest first.

    Versions that cannot be read are listed as damaged, with the reason, and the
    exit status is then 3. Models that other programs keep in BentoML's store are
    not shown.
    """
    found = list(open_store().scan(args.name))
    records = [entry for _, entry in found if not isinstance(entry, CsanmtError)]
    damaged = [(str(tag), str(entry)) for tag, entry in found if isinstance(entry, CsanmtError)]
    if args.json:
        models = [summary(record) for record in records]
        print_json({"models": models, "damaged": [{"tag": t, "reason": r} for t, r in damaged]})
    elif found:
        rows = [list_row(record) for record in records]
        rows += [(tag, "damaged", "-", "-", reason) for tag, reason in damaged]
        print_table(("TAG", "CREATED", "SIZE", "DIGEST", "LABELS"), rows)
    else:
        note("no model versions" + (f" named {args.name}" if args.name else " in the store"))
    return IntegrityError.exit_code if damaged else 0


def _show(args: argparse.Namespace) -> None:
    """Say everything about one version.

    Prints where it lies, its digest, labels, metadata, provenance and files.
    """
    store = open_store()
    found = {"path": str(store.path(args.tag)), **store.show(args.tag).to_json()}
    print_json(found) if args.json else print_nested(found)


def _verify(args: argparse.Namespace) -> int:
    """Recompute the SHA-256 of every file.

    Names every changed, missing or extra file; exit status 3 if there is one.
    Without a tag all versions are verified.
    """
    store = open_store()
    tags = args.tag or [str(tag) for tag, _ in store.scan()]
    sizes = sum(record.size for record in store.list() if str(record.tag) in tags)
    with digesting("verifying", sizes):
        results = [_verify_one(store, tag) for tag in tags]
    if args.json:
        print_json({"versions": results, "ok": all(result["ok"] for result in results)})
    else:
        for result in results:
            print(f"{result['tag']}: {result['summary']}")
        if not results:
            note("no model versions in the store")
    return 0 if all(result["ok"] for result in results) else IntegrityError.exit_code


def _verify_one(store: ModelStore, tag: str) -> dict[str, Any]:
    try:
        findings = store.verify(tag)
    except IntegrityError as error:
        return {"tag": tag, "ok": False, "summary": str(error)}
    return {
        "tag": tag,
        "ok": findings.ok,
        "digest": store.show(tag).digest,
        "changed": findings.changed,
        "missing": findings.missing,
        "extra": findings.extra,
        "summary": str(findings),
    }


def _diff(args: argparse.Namespace) -> None:
    """Show what differs between two versions.

    Compares configuration, files and their digests, tokenizer, labels, metadata
    and provenance with its scores. Exit status 0 whether or not they differ.
    """
    difference = compare(open_store(), args.before, args.after)
    print_json(difference) if args.json else print_difference(difference)


def _save(args: argparse.Namespace) -> None:
    """Save a directory as a new version.

    The directory holds config.json, tokenizer/, engine.bin and/or
    model.safetensors, and optionally generation_config.json,
    model_card.md and provenance.json. Pickles and code are refused. The version
    appears whole or not at all.
    """
    wanted = version_arguments(args)
    files = [path for path in Path(args.directory).rglob("*") if path.is_file()]
    with digesting("saving", sum(path.stat().st_size for path in files)):
        record = open_store().save(args.directory, **wanted)
    print_made("saved", record, args)


def _pack(args: argparse.Namespace) -> None:
    """Pack float weights for the CPU engine.

    Reads model.safetensors of a version or a directory and writes engine.bin:
    int8 weights that the native engine maps into memory. Versions never change,
    so packing a stored version makes a file (--out) or a new version (--save-as).
    """
    from csanmt.engine.packing import pack
    from model_store.provenance import read_origin
    from model_store.staging import storage_errors

    store, source = open_store(), args.source
    if args.slim and not args.save_as:
        raise InvalidInputError("--slim needs --save-as")
    directory = _float_model(store, source)
    if args.out:
        out = Path(args.out)
        if out.exists():
            raise ConflictError(f"{args.out!r} exists already")
        with storage_errors(f"write {args.out!r}", out.parent):
            pack(directory, out)
        size = out.stat().st_size
        found = {"path": str(out), "size": size}
        return answer(args, found, f"packed {out} ({human_size(size)})")
    wanted = ModelTag.parse(args.save_as)
    left_out = ("model.yaml", "provenance.json", PACKED_WEIGHTS, *([FLOAT_WEIGHTS] * args.slim))
    with (
        storage_errors(f"pack {source!r}", store.home),
        tempfile.TemporaryDirectory(prefix="csanmt-pack-") as scratch,
    ):
        draft = Path(scratch, "model")
        shutil.copytree(directory, draft, ignore=shutil.ignore_patterns(*left_out))
        pack(directory, draft / PACKED_WEIGHTS)
        origin, _ = read_origin(directory)
        origin["packed_from"] = directory.name if Path(source).is_dir() else source
        record = store.save(draft, wanted, provenance=origin)
    print_made("saved", record, args)


def _float_model(store: ModelStore, source: str) -> Path:
    """The directory that ``source`` names: a path that exists, else a tag in the store."""
    directory = Path(source)
    if not directory.is_dir():
        if ":" not in source:
            raise NotFoundError(f"no directory {source!r}, and a tag would be name:vX.Y.Z")
        directory = store.open(source)
    if not (directory / FLOAT_WEIGHTS).is_file():
        raise InvalidInputError(f"{source!r} has no {FLOAT_WEIGHTS} to pack")
    return directory


def _export(args: argparse.Namespace) -> None:
    """Write a version as one archive.

    Verifies the version and writes a plain tar, and its SHA-256 beside it as
    ARCHIVE.sha256. The same version always gives the same bytes. Write the
    SHA-256 down: `csanmt models import` asks for it.
    """
    from model_store.archive import export_archive

    store = open_store()
    with digesting("exporting", 2 * store.show(args.tag).size):  # verified, then the archive
        receipt = export_archive(store, args.tag, args.path)
    tag, path, size = str(receipt.record.tag), str(receipt.path), receipt.size
    found = {"tag": tag, "path": path, "size": size, "sha256": receipt.sha256}
    words = f"exported {tag} to {path} ({human_size(size)})\nsha256 {receipt.sha256}"
    answer(args, found | {"digest": receipt.record.digest}, words)


def _import(args: argparse.Namespace) -> None:
    """Bring an exported version into the store.

    The archive's SHA-256 must be given, from whoever exported it: an archive is
    only as trustworthy as the way its SHA-256 came to you. Refused are archives
    that differ from it, are compressed, or hold links, devices or names that
    lead elsewhere. The version keeps its tag, digest and date. If the store holds
    the same version damaged, the import repairs it.
    """
    from model_store.archive import import_archive

    archive = Path(args.archive)
    size = archive.stat().st_size if archive.is_file() else 0
    with digesting("importing", 2 * size):  # the archive, then its files
        record = import_archive(open_store(), archive, args.sha256)
    print_made("imported", record, args)


def _retire(args: argparse.Namespace) -> None:
    """Remove old versions.

    Never removes a version in service, one of the newest three, or one of the
    newest three that served (a rollback needs them). What is in service is not
    known to the store: say it with --in-service, or --none-in-service. Shows what
    would go; --yes does it.
    """
    from model_store.retirement import retire

    verdicts = retire(
        open_store(),
        args.target,
        {ModelTag.parse(tag) for tag in args.in_service},
        served={ModelTag.parse(tag) for tag in args.served},
        keep=args.keep,
        dry_run=not args.yes,
    )
    versions = [
        {"tag": str(r.tag), "retire": not why, "reason": why or None, "size": r.size}
        for r, why in verdicts
    ]
    word = "removed" if args.yes else "would go"
    rows = [(str(r.tag), "stays" if why else word, why) for r, why in verdicts]
    found = {"dry_run": not args.yes, "versions": versions}
    answer_table(args, found, ("TAG", "", "WHY"), rows)
    if not args.yes and not all(why for _, why in verdicts):
        note("nothing was removed; add --yes to do it")
