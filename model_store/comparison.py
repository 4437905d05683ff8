"""What differs between two versions: configuration, files, tokenizer, scores, labels."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from csanmt.errors import CsanmtError
from csanmt.tables import changes, flatten
from csanmt.version import TOKENIZER, read_config
from model_store.digests import FileDigest
from model_store.store import ModelStore


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
