"""Model tags and directories of the store, for the commands that judge them."""

from __future__ import annotations

from pathlib import Path


def find_tag(tag: str) -> Path:
    """The directory of a version, after the store's quick check.

    Raises:
        NotFoundError: there is no such version. IntegrityError: it was changed.
    """
    from model_store.store import ModelStore

    return ModelStore.from_environment().open(tag)


def digest_of_directory(directory: Path) -> str:
    """The digest the store would record for these files, ``sha256:<hex>``."""
    from model_store.digests import digest_file, model_digest
    from model_store.layout import model_files

    return model_digest({path: digest_file(directory / path) for path in model_files(directory)})
