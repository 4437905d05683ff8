"""What differs between two versions: configuration, files, tokenizer, scores, labels."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from csanmt.errors import CsanmtError
from csanmt.tables import changes, flatten
from csanmt.version import TOKENIZER, read_config
from model_store.digests import FileDigest
from model_store.provenance import Record
from model_store.store import ModelStore


@dataclass(frozen=True, slots=True)
class Difference:
    """Each mapping goes from a key or path to ``(before, after)``; None is absent.

    Attributes:
        files: ``(FileDigest | None, FileDigest | None)`` of every file that differs.
        tokenizer_same: both turn text into the same ids, judged by their files.
        origin: the author's provenance, flattened (``scores.wmt20.bleu``).
    """

    before: Record
    after: Record
    config: dict[str, tuple[Any, Any]]
    files: dict[str, tuple[FileDigest | None, FileDigest | None]]
    labels: dict[str, tuple[Any, Any]]
    metadata: dict[str, tuple[Any, Any]]
    origin: dict[str, tuple[Any, Any]]

    @property
    def same_digest(self) -> bool:
        return self.before.digest == self.after.digest

    @property
    def tokenizer_same(self) -> bool:
        return not any(path.startswith(f"{TOKENIZER}/") for path in self.files)

    def to_json(self) -> dict[str, Any]:
        files = {
            path: [entry and asdict(entry) for entry in pair] for path, pair in self.files.items()
        }
        return {
            "before": {"tag": str(self.before.tag), "digest": self.before.digest},
            "after": {"tag": str(self.after.tag), "digest": self.after.digest},
            "same_digest": self.same_digest,
            "tokenizer_same": self.tokenizer_same,
            "config": self.config,
            "files": files,
            "labels": self.labels,
            "metadata": self.metadata,
            "provenance": self.origin,
        }


def compare(store: ModelStore, before: str, after: str) -> Difference:
    """Compare two stored versions by their records and configurations.

    Raises:
        NotFoundError: one of them is not there.
        IntegrityError: a record is damaged.
    """
    one, two = store.show(before), store.show(after)
    return Difference(
        before=one,
        after=two,
        config=changes(_config(store, before), _config(store, after)),
        files=changes(one.files, two.files),
        labels=changes(one.labels, two.labels),
        metadata=changes(flatten(one.metadata), flatten(two.metadata)),
        origin=changes(flatten(one.origin), flatten(two.origin)),
    )


def _config(store: ModelStore, tag: str) -> dict[str, Any]:
    try:
        return flatten(read_config(store.path(tag)))
    except (CsanmtError, OSError):
        return {}  # a damaged configuration shows among the files; `verify` names it
