"""A ModelScope model's directory becomes a version in the store: converted, packed, checked."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from csanmt import __version__
from csanmt.modelscope.conversion import ConversionReport, convert
from model_store.provenance import Record
from model_store.staging import storage_errors
from model_store.store import ModelStore
from model_store.tags import ModelTag


def import_modelscope(
    store: ModelStore,
    directory: Path,
    tag: str | ModelTag,
    *,
    origin: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    floats: bool = True,
    compare: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Record, ConversionReport]:
    """Import a directory as ModelScope publishes it; nothing is saved unless all of it is sound.

    Returns the version that was saved, and what the conversion found.

    Args:
        origin: where the directory comes from, for the provenance; by default its name alone,
            not where it lay.
        floats, compare: as ``convert`` takes them.
        progress: told in a few words what is being done.

    Raises:
        ConflictError: the version exists.
        StorageError: the disk is full, in the store or where temporary files go.
        CsanmtError: what ``convert`` raises.
    """
    store.require_absent(ModelTag.parse(tag))
    with tempfile.TemporaryDirectory(prefix="csanmt-import-") as scratch:
        draft = Path(scratch, "model")
        with storage_errors(f"convert {directory.name!r}", Path(scratch)):
            report = convert(
                directory, draft, floats=floats, int8=True, compare=compare, progress=progress
            )
        progress("saving the version")
        found = report.to_json()
        source = {"kind": "modelscope", "location": directory.resolve().name, **(origin or {})}
        source["files"] = found.pop("source")
        provenance = {
            "source": source,
            "packing": found.pop("packing"),
            "conversion": found,
            "made_by": __version__,
        }
        record = store.save(draft, tag, labels=labels, metadata=metadata, provenance=provenance)
    return record, report
