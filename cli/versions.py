"""Versions of models: the options of commands that save one, and how one is printed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cli.output import answer, human_size
from csanmt.errors import CsanmtError, InvalidInputError
from csanmt.tables import changes, flatten
from csanmt.version import TOKENIZER, read_config

if TYPE_CHECKING:
    from model_store.digests import FileDigest
    from model_store.provenance import Record
    from model_store.store import ModelStore


def add_version_options(parser: argparse.ArgumentParser) -> None:
    """``--name``, ``--version``, ``--labels`` and ``--metadata`` of a version to be saved."""
    parser.add_argument("--name", required=True, help="e.g. csanmt-zh-en")
    parser.add_argument("--version", required=True, help="vX.Y.Z or vX.Y.Z-suffix")
    for options, words in (
        (("--label", "--labels"), "short texts to select by, e.g. stage=candidate"),
        (
            ("--metadata",),
            "values kept with the version; read as JSON where possible, else as text",
        ),
    ):
        parser.add_argument(
            *options,
            dest=options[-1].removeprefix("--"),
            metavar="KEY=VALUE",
            nargs="+",
            action="extend",
            default=[],
            help=words,
        )


def version_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """``tag``, ``labels`` and ``metadata`` for ``ModelStore.save``, checked."""
    from model_store.tags import ModelTag

    metadata = {key: _json_or_text(text) for key, text in _pairs(args.metadata).items()}
    return {
        "tag": ModelTag(args.name, args.version),
        "labels": _pairs(args.labels),
        "metadata": metadata,
    }


def _pairs(words: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key or key in pairs:
            raise InvalidInputError(f"{word!r} is not KEY=VALUE, or its key is given twice")
        pairs[key] = value
    return pairs


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def summary(record: Record) -> dict[str, Any]:
    return {
        "tag": str(record.tag),
        "created": record.created,
        "digest": record.digest,
        "size": record.size,
        "labels": record.labels,
        "metadata": record.metadata,
    }


def list_row(record: Record) -> tuple[str, ...]:
    """Tag, date, size, the digest's first twelve digits, labels."""
    digest = record.digest.removeprefix("sha256:")[:12]
    labels = " ".join(f"{key}={value}" for key, value in sorted(record.labels.items()))
    return str(record.tag), record.created[:19] + "Z", human_size(record.size), digest, labels


def print_made(done: str, record: Record, args: argparse.Namespace) -> None:
    """What a command says at its end that put a version into the store."""
    words = f"{done} {record.tag} ({human_size(record.size)}, {record.digest})"
    answer(args, summary(record), words)


def print_nested(mapping: dict[str, Any]) -> None:
    """Nested values, one ``key: value`` line each."""
    for key, value in flatten(mapping).items():
        print(f"{key}: {_value(value)}")


def compare(store: ModelStore, before: str, after: str) -> dict[str, Any]:
    """Compare two stored versions by their records and configurations.

    Returns:
        tag and digest of both, whether all files and those of the tokenizer are equal, and for
        config, files, labels, metadata and provenance ``{key: (before, after)}`` of what differs,
        None being absent.

    Raises:
        NotFoundError: one of them is not there.
        IntegrityError: a record is damaged.
    """
    one, two = store.show(before), store.show(after)
    files: dict[str, tuple[FileDigest | None, FileDigest | None]] = changes(one.files, two.files)
    return {
        "before": {"tag": str(one.tag), "digest": one.digest},
        "after": {"tag": str(two.tag), "digest": two.digest},
        "same_digest": one.digest == two.digest,
        "tokenizer_same": not any(path.startswith(f"{TOKENIZER}/") for path in files),
        "config": changes(_config(store, before), _config(store, after)),
        "files": {
            path: [entry and asdict(entry) for entry in pair] for path, pair in files.items()
        },
        "labels": changes(one.labels, two.labels),
        "metadata": changes(flatten(one.metadata), flatten(two.metadata)),
        "provenance": changes(flatten(one.origin), flatten(two.origin)),
    }


def _config(store: ModelStore, tag: str) -> dict[str, Any]:
    try:
        return flatten(read_config(store.path(tag)))
    except (CsanmtError, OSError):
        return {}  # a damaged configuration shows among the files; `verify` names it


def print_difference(found: dict[str, Any]) -> None:
    """Two versions, what is equal and what is not (``compare``)."""
    print(f"--- {found['before']['tag']}  {found['before']['digest']}")
    print(f"+++ {found['after']['tag']}  {found['after']['digest']}")
    if found["same_digest"]:
        print("files: all equal")
    print(f"tokenizer: {'same' if found['tokenizer_same'] else 'differs'}")
    for title in ("config", "files", "labels", "metadata", "provenance"):
        for key, (before, after) in found[title].items():
            print(f"{title}.{key}: {_value(before)} -> {_value(after)}")


def _value(value: Any) -> str:
    if value is None:
        return "absent"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
