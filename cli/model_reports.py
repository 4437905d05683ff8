"""How model versions and their differences are printed."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from cli.output import answer, human_size
from csanmt.tables import flatten

if TYPE_CHECKING:
    from model_store.provenance import Record


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


def print_difference(found: dict[str, Any]) -> None:
    """Two versions, what is equal and what is not (``model_store.comparison``)."""
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
