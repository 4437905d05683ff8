"""``csanmt import-modelscope``: a ModelScope checkpoint becomes a version in the store."""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.model_reports import print_saved, summary
from cli.output import add_json_flag, note, print_json
from cli.progress import digesting, directory_size
from cli.version_options import add_version_options, version_arguments
from csanmt.errors import (
    CheckpointError,
    CsanmtError,
    EngineUnavailableError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)

if TYPE_CHECKING:
    from csanmt.modelscope import ConversionReport

_HUB_ID = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_ENGINE = "engine.bin"

DESCRIPTION = """\
Read a CSANMT model as ModelScope publishes it (configuration.json, vocabularies, BPE
codes, TensorFlow checkpoint) without TensorFlow, convert it, translate a sentence to
check the result, pack it for the CPU engine, and save it as a new version. Any language
pair of the family will do.

Checksums of the checkpoint are verified and every variable must be accounted for: what
is missing, unexpected or misshapen is named and nothing is saved. What only training
needs is left out and listed.
"""

EPILOG = """\
examples:
  csanmt import-modelscope ./nlp_csanmt_translation_zh2en --name csanmt-zh-en --version v1.1.0
  csanmt import-modelscope damo/nlp_csanmt_translation_zh2en --revision v1.0.1 \\
      --name csanmt-zh-en --version v1.1.0 --labels stage=candidate size=large

A hub id such as damo/nlp_csanmt_translation_zh2en is downloaded by ModelScope's own
client, an optional extra: pip install 'csanmt-bento[hub]'. That one step is covered by
tests with a stand-in for the client only, not against the hub itself.

The conversion works in a temporary folder ($TMPDIR) that needs about three times the
checkpoint's size without its optimizer state.
"""


def register(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "import-modelscope",
        help="bring a ModelScope checkpoint into the store",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", metavar="DIR_OR_HUB_ID", help="the model's directory, or hub id")
    parser.add_argument("--revision", help="with a hub id: which one (default: the hub's)")
    add_version_options(parser)
    parser.add_argument(
        "--no-engine", action="store_true", help="float weights only; do not pack engine.bin"
    )
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Convert and save; prints the version and what the conversion found."""
    from model_store.staging import storage_errors
    from model_store.store import ModelStore

    say = (lambda _message: None) if args.json else note
    wanted = version_arguments(args)
    store = ModelStore.from_environment(on_wait=lambda: note("waiting for another writer"))
    store.require_absent(wanted["tag"])
    source = find_source(args.source, args.revision)
    with tempfile.TemporaryDirectory(prefix="csanmt-import-") as scratch:
        draft = Path(scratch, "model")
        with storage_errors(f"convert {args.source!r}", Path(scratch)):
            report, packing = _convert(source, draft, say, pack=not args.no_engine)
        origin = _origin(args, report, packing)
        with digesting("saving", directory_size(draft)):
            record = store.save(draft, **wanted, provenance=origin)
    if args.json:
        print_json({**summary(record), "conversion": report.to_json(), "packing": packing})
        return
    for remark in report.notes:
        note(remark)
    if report.ignored:
        note(f"{len(report.ignored)} variables that only training needs were left out")
    check = report.self_check
    print(f"self-check: {check['sentence']} -> {check['translation']}")
    print_saved(record, as_json=False)


def find_source(source: str, revision: str | None = None) -> Path:
    """The directory, or the place a hub id was downloaded to.

    Raises:
        NotFoundError: no such directory, and the name is no hub id.
        EngineUnavailableError: ModelScope's client is not installed.
        UnavailableError: the hub did not deliver.
    """
    if Path(source).is_dir():
        if revision:
            raise InvalidInputError(f"--revision is for hub ids; {source!r} is a directory")
        return Path(source)
    if not _HUB_ID.fullmatch(source):
        raise NotFoundError(f"no directory {source!r}, and a hub id would be owner/name")
    return _download(source, revision)


def _download(hub_id: str, revision: str | None) -> Path:
    try:
        from modelscope.hub.snapshot_download import snapshot_download
    except ImportError as error:
        raise EngineUnavailableError(
            f"no directory {hub_id!r}; to download it from ModelScope's hub install the client: "
            "pip install 'csanmt-bento[hub]'"
        ) from error
    try:
        return Path(snapshot_download(hub_id, revision=revision))
    except Exception as error:  # the client raises what its many dependencies raise
        raise UnavailableError(f"ModelScope's hub did not deliver {hub_id!r}: {error}") from error


def _convert(
    source: Path, draft: Path, say: Any, *, pack: bool
) -> tuple[ConversionReport, dict[str, Any]]:
    from cli.loading import silence_transformers
    from csanmt.modelscope import convert

    silence_transformers()
    report = convert(source, draft, progress=say)
    if not pack:
        return report, {"packed": False, "reason": "--no-engine"}
    return report, _pack(draft, report.self_check, say)


def _pack(draft: Path, reference: dict[str, Any], say: Any) -> dict[str, Any]:
    """Add ``engine.bin`` and translate with it; a model that cannot be packed stays float.

    Args:
        reference: the self-check of the float weights.
    """
    from cli.packing import run_pack
    from csanmt.engine.native import is_available
    from csanmt.modelscope.conversion import self_check
    from csanmt.version import read_version

    say("packing for the CPU engine")
    try:
        run_pack(draft, draft / _ENGINE)
        if not is_available():
            return {"packed": True, "self_check": None}
        check = self_check(draft, read_version(draft).source_language)
        if reference["translation"] and not check["translation"]:
            raise CheckpointError("packed to int8 the model answers the self-check with nothing")
        return {"packed": True, "self_check": check}
    except CsanmtError as error:
        (draft / _ENGINE).unlink(missing_ok=True)
        note(f"no {_ENGINE}, the torch engine will be used: {error}")
        return {"packed": False, "reason": str(error)}


def _origin(
    args: argparse.Namespace, report: ConversionReport, packing: dict[str, Any]
) -> dict[str, Any]:
    """The provenance of an import; of a directory its name alone, not where it lay."""
    from csanmt import __version__

    found = report.to_json()
    location = Path(args.source).resolve().name if Path(args.source).is_dir() else args.source
    source = {"kind": "modelscope", "location": location, "files": found.pop("source")}
    if args.revision:
        source["revision"] = args.revision
    return {"source": source, "conversion": found, "packing": packing, "made_by": __version__}
