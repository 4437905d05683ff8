"""``provenance.json``: where a version comes from and what its files are.

The free part (source, data, recipe, git_commit, scores, …) is the author's;
the keys in ``RESERVED`` are written by the store alone. ``record_sha256``
covers the whole record, and ``envelope`` covers BentoML's ``model.yaml``, so
that every byte of a stored version is covered by some digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from csanmt.errors import IntegrityError, InvalidInputError
from csanmt.tables import build
from model_store.digests import FileDigest, model_digest
from model_store.tags import ModelTag

RECORD_NAME = "provenance.json"
ENVELOPE_NAME = "model.yaml"  # BentoML's own description of the version
FORMAT = 1
_OURS = "format tag created digest labels metadata files envelope record_sha256"
RESERVED = frozenset(_OURS.split())
_LARGEST_RECORD = 16 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Record:
    """What the store knows of one version.

    Attributes:
        created: ISO 8601 time in UTC.
        digest: ``sha256:<hex>`` over ``files``; equal files give an equal digest.
        files: every file but ``provenance.json`` and ``model.yaml``, by relative path.
        envelope: digest of BentoML's ``model.yaml``.
        origin: the author's part: source, data, recipe, git_commit, scores, …
    """

    tag: ModelTag
    created: str
    digest: str
    files: dict[str, FileDigest]
    envelope: FileDigest
    labels: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all files that the digest covers."""
        return sum(entry.size for entry in self.files.values())

    @property
    def precedence(self) -> tuple[tuple[int, int, int], bool, str, str]:
        return self.tag.precedence(self.created)

    def to_json(self) -> dict[str, Any]:
        """The content of ``provenance.json``."""
        value: dict[str, Any] = {
            "format": FORMAT,
            "tag": str(self.tag),
            "created": self.created,
            "digest": self.digest,
            "labels": dict(sorted(self.labels.items())),
            "metadata": self.metadata,
            **self.origin,
            "files": {path: asdict(self.files[path]) for path in sorted(self.files)},
            "envelope": asdict(self.envelope),
        }
        value["record_sha256"] = _record_sha256(value)
        return value

    def write(self, directory: Path) -> None:
        """Write ``provenance.json``.

        Raises:
            InvalidInputError: the author's part or the metadata is not plain JSON.
        """
        try:
            text = _render(self.to_json())
        except (TypeError, ValueError) as error:
            raise InvalidInputError(f"provenance and metadata must be JSON: {error}") from error
        (directory / RECORD_NAME).write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, directory: Path) -> Record:
        """Read and check the record of a stored version.

        Raises:
            IntegrityError: it is damaged, or was edited without its digest.
        """
        path = directory / RECORD_NAME
        text, value = _parse(path)
        try:
            if value["record_sha256"] != _record_sha256(value) or text != _render(value):
                raise IntegrityError(f"{str(path)!r} was changed after it was written")
            if value["format"] != FORMAT:
                raise IntegrityError(
                    f"{str(path)!r} has format {value['format']!r}; this version reads {FORMAT}"
                )
            own = {key: value[key] for key in RESERVED - {"format", "tag", "record_sha256"}}
            origin = {key: item for key, item in value.items() if key not in RESERVED}
            tag = ModelTag.parse(value["tag"])
            record = build(cls, {"tag": tag, "origin": origin, **own})
        except (KeyError, AttributeError, InvalidInputError) as error:
            raise IntegrityError(f"{str(path)!r} is not a record of this store: {error}") from error
        if record.digest != model_digest(record.files):
            raise IntegrityError(f"{str(path)!r}: the digest does not match the list of files")
        return record


def read_origin(directory: Path) -> tuple[dict[str, Any], dict[str, FileDigest]]:
    """The author's part of a ``provenance.json`` that is about to be saved, if there is one.

    Returns:
        the free keys, and the file digests recorded by the author or by an
        earlier store (empty if none): the saved files must agree with them.
    """
    if not (directory / RECORD_NAME).exists():
        return {}, {}
    try:
        _, value = _parse(directory / RECORD_NAME)
    except IntegrityError as error:
        raise InvalidInputError(str(error)) from error
    origin = {key: item for key, item in value.items() if key not in RESERVED}
    return origin, _recorded_files(value.get("files"))


def others(files: Mapping[str, FileDigest], recorded: Mapping[str, FileDigest]) -> list[str]:
    """The paths of ``recorded`` whose content ``files`` does not have, in order."""
    return [
        path
        for path, entry in sorted(recorded.items())
        if path not in (RECORD_NAME, ENVELOPE_NAME)
        and (path not in files or files[path].sha256 != entry.sha256)
    ]


def _recorded_files(value: object) -> dict[str, FileDigest]:
    """Digests from ``{"path": {"sha256": …}}`` or ``{"path": "<hex>"}``; size -1 is unknown."""
    found: dict[str, FileDigest] = {}
    for path, entry in value.items() if isinstance(value, Mapping) else ():
        sha256 = entry.get("sha256") if isinstance(entry, Mapping) else entry
        if isinstance(sha256, str):
            size = entry.get("size", -1) if isinstance(entry, Mapping) else -1
            found[path] = FileDigest(int(size), sha256.removeprefix("sha256:"))
    return found


def _parse(path: Path) -> tuple[str, dict[str, Any]]:
    if path.stat().st_size > _LARGEST_RECORD:
        raise IntegrityError(f"{str(path)!r} is larger than any record of a model")
    try:
        text = path.read_bytes().decode("utf-8")
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{str(path)!r} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise IntegrityError(f"{str(path)!r} is not a JSON object")
    return text, value


def _render(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _record_sha256(value: Mapping[str, Any]) -> str:
    covered = {key: item for key, item in value.items() if key != "record_sha256"}
    text = json.dumps(covered, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
