"""``ModelStore``: immutable model versions in BentoML's store, saved whole or not at all.

A version lies where BentoML keeps it, ``BENTOML_HOME/models/<name>/<version>/``,
so ``bentoml.models.get``, ``bentoml models list`` and ``BentoModel`` work on it.
Reading needs neither a lock nor write access nor BentoML itself.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from csanmt.errors import (
    ConflictError,
    CsanmtError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
)
from csanmt.version import CARD, PACKED_WEIGHTS, read_config, require_readable
from model_store.digests import FileDigest, digest_file, digest_stream, model_digest
from model_store.envelope import iso, point_latest, write_envelope
from model_store.home import store_home
from model_store.integrity import Findings, examine, model_files, require_intact
from model_store.provenance import ENVELOPE_NAME, RECORD_NAME, RESERVED, Record, others, read_origin
from model_store.staging import publish, storage_errors, writing
from model_store.tags import ModelTag


class ModelStore:
    """The versions below one ``BENTOML_HOME``."""

    def __init__(self, home: str | Path, *, on_wait: Callable[[], None] | None = None) -> None:
        """
        Args:
            home: BENTOML_HOME; created by the first save.
            on_wait: called once when a save has to wait for another writer.
        """
        self.home = Path(home)
        self.models = self.home / "models"
        self._on_wait = on_wait

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] = os.environ, *, on_wait: Callable[[], None] | None = None
    ) -> ModelStore:
        """The store of our commands: ``$BENTOML_HOME``, else as ``model_store.home`` says."""
        return cls(store_home(environ), on_wait=on_wait)

    # --- reading ---------------------------------------------------------------------------

    def path(self, tag: str | ModelTag) -> Path:
        """The directory of a version, unchecked.

        Raises:
            InvalidInputError: the tag is malformed.
            NotFoundError: names the versions there are.
        """
        tag = ModelTag.parse(tag)
        directory = self.models / tag.name / tag.version
        if not directory.is_dir():
            there = ", ".join(map(str, self._tags(None))) or "nothing"
            raise NotFoundError(f"no model {tag} in {str(self.models)!r}; there is {there}")
        return directory

    def show(self, tag: str | ModelTag) -> Record:
        """The record of a version.

        Raises:
            NotFoundError: there is no such version.
            IntegrityError: its record is damaged, or another program saved it.
        """
        tag = ModelTag.parse(tag)
        directory = self.path(tag)
        if not (directory / RECORD_NAME).is_file():
            raise IntegrityError(f"{tag} has no {RECORD_NAME}: it was not saved by this store")
        record = Record.read(directory)
        if record.tag != tag:
            raise IntegrityError(f"the version saved as {tag} says that it is {record.tag}")
        return record

    def scan(self, name: str | None = None) -> Iterator[tuple[ModelTag, Record | CsanmtError]]:
        """Every version (of ``name``), by name and oldest first, with its record or what is wrong.

        What other programs keep in BentoML's store is passed over in silence.
        """
        found: dict[ModelTag, Record | CsanmtError] = {}
        for tag in self._tags(name):
            try:
                found[tag] = self.show(tag)
            except CsanmtError as error:
                found[tag] = error
        yield from sorted(found.items(), key=_scan_order)

    def list(self, name: str | None = None) -> list[Record]:
        """The records of all sound versions (of ``name``), by name and oldest first."""
        return [record for _, record in self.scan(name) if isinstance(record, Record)]

    def open(self, tag: str | ModelTag, *, deferred: Collection[str] = (PACKED_WEIGHTS,)) -> Path:
        """The directory of a version, after a check fast enough for every start.

        Args:
            deferred: files whose size alone is compared (see ``integrity.examine``): the
                packed weights have a checksum that the engine checks while loading.

        Raises:
            IntegrityError: names every changed, missing or extra file.
        """
        record = self.show(tag)
        directory = self.path(tag)
        advice = "; repair it with 'csanmt models import' of an export, or use another version"
        require_intact(directory, record, deferred=deferred, advice=advice)
        return directory

    def verify(self, tag: str | ModelTag) -> Findings:
        """Recompute the SHA-256 of every file of a version.

        Raises:
            IntegrityError: the record itself is damaged.
        """
        return examine(self.path(tag), self.show(tag))

    def require_absent(self, tag: ModelTag) -> None:
        """Raise ConflictError if there is a version under ``tag``, sound or not."""
        target = self.models / tag.name / tag.version
        if target.is_dir() and any(target.iterdir()):
            raise ConflictError(
                f"{tag} exists already; versions never change, so save under a new version"
            )

    # --- writing ---------------------------------------------------------------------------

    def save(
        self,
        directory: str | Path,
        tag: str | ModelTag,
        *,
        labels: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> Record:
        """Copy ``directory`` into the store as a new version.

        Args:
            labels: short texts to select by, kept by BentoML too.
            metadata: JSON values, kept by BentoML too.
            provenance: source, data, recipe, git_commit, scores, …; joins (and
                overrides) the free keys of ``directory/provenance.json``. If that
                file lists digests, the files must still agree with them.

        Raises:
            InvalidInputError: the tag or the directory is not acceptable, or the model's
                settings cannot be read (``csanmt.version``).
            ConflictError: the version exists; versions never change.
            IntegrityError: a file disagrees with the directory's own record.
            StorageError: disk full, no permission; nothing is left behind.
        """
        tag, source = ModelTag.parse(tag), Path(directory)
        labels = _checked(labels or {})
        paths = model_files(source)
        require_readable(source)
        origin, recorded = read_origin(source)
        origin |= {key: item for key, item in (provenance or {}).items() if key not in RESERVED}
        with (
            storage_errors(f"save {tag}", self.home),
            writing(self.home, on_wait=self._on_wait) as work,
        ):
            self.require_absent(tag)
            version = work / "version"
            files = {path: _copy(source / path, version / path) for path in paths}
            _agree(source, files, recorded)
            if CARD not in files:
                card = _card(tag, read_config(version), labels, origin)
                (version / CARD).write_text(card, encoding="utf-8")
                files[CARD] = digest_file(version / CARD)
            created, digest, kept = datetime.now(UTC), model_digest(files), dict(metadata or {})
            described = {**kept, "digest": digest}
            write_envelope(version, tag, created=created, labels=labels, metadata=described)
            envelope = digest_file(version / ENVELOPE_NAME)
            record = Record(tag, iso(created), digest, files, envelope, labels, kept, origin)
            record.write(version)
            self.place(version, record)
        return record

    def place(self, version: Path, record: Record, *, repair: bool = False) -> None:
        """Make a complete staged folder visible; call it while ``writing``.

        Args:
            repair: put it in the place of the same version if that is damaged.

        Raises:
            ConflictError: the version exists.
        """
        target = self.models / record.tag.name / record.tag.version
        if repair and target.is_dir() and self._is_damaged_copy_of(record):
            target.rename(version.with_name("damaged"))
        self.require_absent(record.tag)
        newest = max((other.created for other in self.list(record.tag.name)), default="")
        if record.created >= newest:
            point_latest(target.parent, record.tag.version)
        publish(version, target)

    def remove(self, tag: ModelTag) -> None:
        """Take a version away; a reader sees all of it or none. ``retirement`` decides which."""
        with (
            storage_errors(f"remove {tag}", self.home),
            writing(self.home, on_wait=self._on_wait) as work,
        ):
            directory = self.path(tag)
            directory.rename(work / "retired")
            rest = self.list(tag.name)
            newest = max(rest, key=lambda record: record.created, default=None)
            point_latest(directory.parent, newest.tag.version if newest else None)
            if newest is None and not any(directory.parent.iterdir()):
                directory.parent.rmdir()

    # --- parts -----------------------------------------------------------------------------

    def _tags(self, name: str | None) -> Iterator[ModelTag]:
        for path in sorted(self.models.glob(f"*/*/{RECORD_NAME}")):
            with suppress(CsanmtError):
                tag = ModelTag(path.parent.parent.name, path.parent.name)
                if name in (None, "", tag.name):
                    yield tag

    def _is_damaged_copy_of(self, record: Record) -> bool:
        """The stored version of that tag is broken, and nothing says that it was another one."""
        try:
            return self.show(record.tag) == record and not self.verify(record.tag).ok
        except IntegrityError:
            return True


def _checked(labels: Mapping[str, str]) -> dict[str, str]:
    for key, value in labels.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise InvalidInputError(f"label {key!r} is {value!r}; allowed is text")
    return dict(labels)


def _copy(source: Path, target: Path) -> FileDigest:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as reader, target.open("xb") as writer:
        digest = digest_stream(reader, writer)
    shutil.copymode(source, target)
    return digest


def _card(
    tag: ModelTag,
    config: Mapping[str, Any],
    labels: Mapping[str, str],
    origin: Mapping[str, Any],
) -> str:
    """Markdown for a version without a card: configuration, labels, provenance, nothing guessed."""
    lines = [f"# {tag}", "", "A CSANMT translation model (Wei et al., ACL 2022).", ""]
    shape = {key: value for key, value in config.items() if isinstance(value, str | int)}
    rows = [(key.replace("_", " "), value) for key, value in shape.items()]
    rows += [(f"label `{key}`", value) for key, value in sorted(labels.items())]
    if rows:
        lines += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]
    if origin:
        text = json.dumps(origin, ensure_ascii=False, indent=2, sort_keys=True)
        lines += ["## Provenance", "", "```json", text, "```", ""]
    lines += ["No scores or limitations were written down by its author.", ""]
    return "\n".join(lines)


def _agree(
    source: Path, files: Mapping[str, FileDigest], recorded: Mapping[str, FileDigest]
) -> None:
    """Refuse files that are not those their author recorded (a bad download, a half checkout)."""
    if wrong := others(files, recorded):
        raise IntegrityError(
            f"{', '.join(wrong)} in {str(source)!r}: not as recorded in its {RECORD_NAME}; "
            "fetch them again, or remove 'files' there if the change is meant"
        )


def _scan_order(item: tuple[ModelTag, Record | CsanmtError]) -> tuple[Any, ...]:
    tag, record = item
    created = record.created if isinstance(record, Record) else ""
    return tag.name, tag.precedence(created)
