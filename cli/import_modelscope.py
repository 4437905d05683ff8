"""``csanmt import-modelscope``: a ModelScope checkpoint becomes a version in the store."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.suite import read_lines
from cli.output import add_json_flag, note, print_json
from cli.versions import add_version_options, print_made, summary, version_arguments
from csanmt.errors import (
    EngineUnavailableError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)

if TYPE_CHECKING:
    from csanmt.modelscope.conversion import ConversionReport

_HUB_ID = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")

DESCRIPTION = """\
Read a CSANMT model as ModelScope publishes it (configuration.json, vocabularies, BPE
codes, TensorFlow checkpoint) without TensorFlow, convert it, translate a sentence to
check the result, pack it for the CPU engine, and save it as a new version. Any language
pair of the family will do.

Checksums of the checkpoint are verified and every variable must be accounted for: what
is missing, unexpected or misshapen is named and nothing is saved. What only training
needs is left out and listed.

Where PyTorch is installed, the packed weights answer 200 sentences made from the
vocabulary beside the floats; how far they are apart is told, with a warning above 0.1
nats a token (of models above 1 GiB only with --compare: the floats have to fit into memory).
"""

EPILOG = """\
examples:
  csanmt import-modelscope ./nlp_csanmt_translation_zh2en --name csanmt-zh-en --version v1.1.0
  csanmt import-modelscope damo/nlp_csanmt_translation_zh2en --revision v1.0.1 \\
      --name csanmt-zh-en --version v1.1.0 --labels stage=candidate size=large

A hub id such as damo/nlp_csanmt_translation_zh2en is downloaded by ModelScope's own
client, which has to be installed beside this program: pip install modelscope. That one
step is covered by tests with a stand-in for the client only, not against the hub itself.

How much memory and disk it takes: docs/model-store.md.
"""


def register(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    parser.epilog = EPILOG
    parser.add_argument("source", metavar="DIR_OR_HUB_ID", help="the model's directory, or hub id")
    parser.add_argument("--revision", help="with a hub id: which one (default: the hub's)")
    add_version_options(parser)
    parser.add_argument("--int8-only", action="store_true", help="leave the float weights out")
    parser.add_argument(
        "--compare", metavar="FILE", help="compare int8 with the floats on these lines too"
    )
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Import; prints the version and what the conversion found."""
    from cli.loading import open_store
    from model_store.importing import import_modelscope

    wanted = version_arguments(args)
    store = open_store()
    store.require_absent(wanted["tag"])  # before anything is downloaded
    lines = read_lines(Path(args.compare)) if args.compare else ()
    directory = find_source(args.source, args.revision)
    hub = {} if Path(args.source).is_dir() else {"location": args.source}
    record, found = import_modelscope(
        store,
        directory,
        **wanted,
        origin=hub | ({"revision": args.revision} if args.revision else {}),
        floats=not args.int8_only,
        compare=[line for line in lines if line.strip()],
        progress=(lambda _: None) if args.json else note,
    )
    report = found.to_json()
    if args.json:
        packing = report.pop("packing")
        print_json({**summary(record), "conversion": report, "packing": packing})
        return
    _print_findings(found)
    print_made("saved", record, args)


def _print_findings(report: ConversionReport) -> None:
    for remark in report.notes:
        note(remark)
    if report.ignored:
        note(f"{len(report.ignored)} variables that only training needs were left out")
    if found := report.agreement:
        words = (
            f"{found['same_answers']:.1%} of {found['sentences']} answers equal the floats', "
            f"{found['drift']:.3f} nats a token apart (at most {found['most_drift']:g})"
        )
        note(f"int8: {words}" if found["fine"] else f"warning: int8 costs quality: {words}")
    check = report.self_check
    if "sentence" in check:
        said = check["translation"] or "nothing (look at this version's answers)"
        print(f"self-check ({check['engine']}): {check['sentence']} -> {said}")


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
    try:
        from modelscope.hub.snapshot_download import snapshot_download
    except ImportError as error:
        raise EngineUnavailableError(
            f"no directory {source!r}; to download it from ModelScope's hub install the client: "
            f"{shlex.quote(sys.executable)} -m pip install modelscope"
        ) from error
    try:
        return Path(snapshot_download(source, revision=revision))
    except Exception as error:  # the client raises what its many dependencies raise
        raise UnavailableError(f"ModelScope's hub did not deliver {source!r}: {error}") from error
