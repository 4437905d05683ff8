"""How model versions and their differences are printed."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.output import answer, human_size

if TYPE_CHECKING:
    from model_store.comparison import Difference
    from model_store.provenance import Record
    from model_store.retirement import Verdict


def summary(record: Record) -> dict[str, Any]:
    return {
        "tag": str(record.tag),
        "created": record.created,
        "digest": record.digest,
        "size": record.size,
        "labels": record.labels,
        "metadata": record.metadata,
    }


def short(digest: str) -> str:
    """The first twelve hexadecimal digits."""
    return digest.removeprefix("sha256:")[:12]


def labels_text(record: Record) -> str:
    return " ".join(f"{key}={value}" for key, value in sorted(record.labels.items()))


def print_made(done: str, record: Record, args: argparse.Namespace) -> None:
    """What a command says at its end that put a version into the store."""
    words = f"{done} {record.tag} ({human_size(record.size)}, {record.digest})"
    answer(args, summary(record), words)


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "tag": str(verdict.record.tag),
        "retire": verdict.retire,
        "reason": verdict.reason or None,
        "size": verdict.record.size,
    }


def print_record(record: Record, path: Path) -> None:
    """Everything about one version."""
    print(f"{record.tag}\n  path     {path}\n  created  {record.created}")
    print(f"  digest   {record.digest}\n  size     {human_size(record.size)}")
    for title, mapping in (
        ("labels", record.labels),
        ("metadata", record.metadata),
        ("provenance", record.origin),
    ):
        if mapping:
            print(f"{title}:")
            print_nested(mapping)
    print("files:")
    for name, entry in sorted(record.files.items()):
        print(f"  {entry.sha256}  {entry.size:>11}  {name}")


def print_nested(mapping: dict[str, Any]) -> None:
    """Nested values, one indented ``key: value`` line each."""
    from csanmt.tables import flatten

    for key, value in flatten(mapping).items():
        print(f"  {key}: {value if isinstance(value, str) else json.dumps(value)}")


def print_difference(difference: Difference) -> None:
    """Two versions, what is equal and what is not."""
    print(f"--- {difference.before.tag}  {difference.before.digest}")
    print(f"+++ {difference.after.tag}  {difference.after.digest}")
    if difference.same_digest:
        print("files: all equal")
    print(f"tokenizer: {'same' if difference.tokenizer_same else 'differs'}")
    print_changes("config", difference.config)
    print_file_changes(difference)
    print_changes("labels", difference.labels)
    print_changes("metadata", difference.metadata)
    print_changes("provenance", difference.origin)


def print_changes(title: str, changes: dict[str, tuple[Any, Any]]) -> None:
    if changes:
        print(f"{title}:")
    for key, (before, after) in changes.items():
        growth = ""
        if _is_number(before) and _is_number(after):
            growth = f"  ({after - before:+g})"
        print(f"  {key}: {_value(before)} -> {_value(after)}{growth}")


def print_file_changes(difference: Difference) -> None:
    if difference.files:
        print("files:")
    for path, (before, after) in difference.files.items():
        sides = [
            f"{entry.sha256[:12]} ({human_size(entry.size)})" if entry else "absent"
            for entry in (before, after)
        ]
        print(f"  {path}: {sides[0]} -> {sides[1]}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _value(value: Any) -> str:
    return "absent" if value is None else json.dumps(value, ensure_ascii=False)
