"""The default model: its files come with the source tree and go into the store on first use."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from csanmt.errors import ConflictError, NotFoundError
from csanmt.version import DEFAULT_TAG, PACKED_WEIGHTS
from model_store.digests import digest_file
from model_store.provenance import RECORD_NAME, Record, others, read_origin
from model_store.store import ModelStore

DEFAULT_SOURCE = Path(__file__).resolve().parent / "default"


def ensure_default(
    store: ModelStore | None = None, *, tag: str = DEFAULT_TAG, source: Path = DEFAULT_SOURCE
) -> Record:
    """Put the default model into the store unless it is there; gives its record.

    Any number of processes may call this at once: one saves, the others find it.
    When the version is present this reads two small files (and the model's, if the
    source tree does not record their digests).

    Raises:
        NotFoundError: the source tree comes without the model.
        IntegrityError: the stored record, or a file of the source, is damaged.
        ConflictError: the store holds other files under this tag.
    """
    store = store or ModelStore.from_environment()
    try:
        return _same_files(store.show(tag), source)
    except NotFoundError:
        pass
    if not (source / RECORD_NAME).is_file():
        raise NotFoundError(
            f"the default model {tag} is neither in the store nor in {str(source)!r}; "
            "save one with 'csanmt models save' or 'csanmt import-modelscope'"
        )
    try:
        return store.save(source, tag, labels={"origin": "shipped"})
    except ConflictError:  # another process was faster
        return _same_files(store.show(tag), source)


def open_version(
    tag: str, *, store: ModelStore | None = None, deferred: Collection[str] = (PACKED_WEIGHTS,)
) -> Path:
    """The directory of a stored version; the default model is put into the store for it.

    Args:
        deferred: as ``ModelStore.open`` takes it.

    Raises:
        NotFoundError: there is no such version.
        IntegrityError: it is damaged.
    """
    store = store or ModelStore.from_environment()
    if tag == DEFAULT_TAG:
        ensure_default(store)
    return store.open(tag, deferred=deferred)


def _same_files(stored: Record, source: Path) -> Record:
    """``stored``, unless the source tree has other files that change answers under its tag.

    The author's recorded digests are believed; without them the files are read.
    """
    if not (source / RECORD_NAME).is_file():
        return stored
    _, recorded = read_origin(source)
    found = recorded or {
        path: digest_file(source / path) for path in stored.files if (source / path).is_file()
    }
    # A better text about the model is not another model.
    other = [path for path in others(stored.files, found) if not path.endswith(".md")]
    if other:
        raise ConflictError(
            f"the store's {stored.tag} is not the one that comes with this source tree "
            f"({', '.join(other)} differ); export it if you need it, remove it with "
            f"'bentoml models delete {stored.tag}', or set another BENTOML_HOME"
        )
    return stored
