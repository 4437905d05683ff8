"""Packing float weights for the CPU engine, of a directory or of a stored version."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from csanmt.errors import ConflictError, InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from model_store.provenance import Record
    from model_store.store import ModelStore

ENGINE = "engine.bin"
FLOAT = "model.safetensors"


def pack_to_file(store: ModelStore, source: str, out: str) -> tuple[Path, int]:
    """Write ``out`` and give its path and size in bytes; nothing is left behind on failure.

    Raises:
        NotFoundError: no such version or directory.
        InvalidInputError: it has no float weights.
        ConflictError: ``out`` exists.
    """
    from model_store.staging import storage_errors

    directory = _float_model(store, source)
    target = Path(out)
    if target.exists():
        raise ConflictError(f"{out!r} exists already")
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    with storage_errors(f"write {out!r}", target.parent):
        try:
            run_pack(directory, draft)
            os.link(draft, target)  # unlike a rename this replaces nothing
        finally:
            draft.unlink(missing_ok=True)
    return target, target.stat().st_size


def pack_as_version(store: ModelStore, source: str, tag: str, *, slim: bool) -> Record:
    """Save ``source`` with an ``engine.bin`` made of its float weights as a new version."""
    from model_store.provenance import read_origin
    from model_store.staging import storage_errors
    from model_store.tags import ModelTag

    wanted, directory = ModelTag.parse(tag), _float_model(store, source)
    with (
        storage_errors(f"pack {source!r}", store.home),
        tempfile.TemporaryDirectory(prefix="csanmt-pack-") as scratch,
    ):
        draft = Path(scratch, "model")
        shutil.copytree(directory, draft, ignore=_leave_out(slim=slim))
        run_pack(directory, draft / ENGINE)
        origin, _ = read_origin(directory)
        return store.save(draft, wanted, provenance={**origin, "packed_from": _name(source)})


def run_pack(directory: Path, out: Path) -> None:
    """Call the library's packer."""
    from csanmt.engine.packing import pack

    pack(directory, out)


def _float_model(store: ModelStore, source: str) -> Path:
    directory = model_directory(store, source)
    if not (directory / FLOAT).is_file():
        raise InvalidInputError(f"{source!r} has no {FLOAT} to pack")
    return directory


def model_directory(store: ModelStore, source: str) -> Path:
    """The directory that ``source`` names: a path that exists, else a tag in the store.

    Raises:
        NotFoundError: there is neither.
        IntegrityError: the stored version is damaged.
    """
    if Path(source).is_dir():
        return Path(source)
    if ":" not in source:
        raise NotFoundError(f"no directory {source!r}, and a tag would be name:vX.Y.Z")
    return store.open(source)


def _name(source: str) -> str:
    return Path(source).name if Path(source).is_dir() else source


def _leave_out(*, slim: bool) -> Callable[[Any, list[str]], set[str]]:
    unwanted = {"model.yaml", "provenance.json", ENGINE} | ({FLOAT} if slim else set())

    def ignore(_folder: Any, names: list[str]) -> set[str]:
        return unwanted & set(names)

    return ignore
