"""Packing float weights for the CPU engine, of a directory or of a stored version."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from csanmt.errors import InvalidInputError, NotFoundError
from csanmt.version import FLOAT_WEIGHTS, PACKED_WEIGHTS

if TYPE_CHECKING:
    from model_store.provenance import Record
    from model_store.store import ModelStore


def pack_as_version(store: ModelStore, source: str, tag: str, *, slim: bool) -> Record:
    """Save ``source`` with an ``engine.bin`` made of its float weights as a new version."""
    from csanmt.engine.packing import pack
    from model_store.provenance import read_origin
    from model_store.staging import storage_errors
    from model_store.tags import ModelTag

    wanted, directory = ModelTag.parse(tag), _float_model(store, source)
    left_out = ("model.yaml", "provenance.json", PACKED_WEIGHTS, *([FLOAT_WEIGHTS] * slim))
    with (
        storage_errors(f"pack {source!r}", store.home),
        tempfile.TemporaryDirectory(prefix="csanmt-pack-") as scratch,
    ):
        draft = Path(scratch, "model")
        shutil.copytree(directory, draft, ignore=shutil.ignore_patterns(*left_out))
        pack(directory, draft / PACKED_WEIGHTS)
        origin, _ = read_origin(directory)
        packed_from = directory.name if Path(source).is_dir() else source
        return store.save(draft, wanted, provenance={**origin, "packed_from": packed_from})


def _float_model(store: ModelStore, source: str) -> Path:
    """The directory that ``source`` names: a path that exists, else a tag in the store."""
    directory = Path(source)
    if not directory.is_dir():
        if ":" not in source:
            raise NotFoundError(f"no directory {source!r}, and a tag would be name:vX.Y.Z")
        directory = store.open(source)
    if not (directory / FLOAT_WEIGHTS).is_file():
        raise InvalidInputError(f"{source!r} has no {FLOAT_WEIGHTS} to pack")
    return directory
