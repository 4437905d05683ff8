"""BentoML's side of a version: its ``model.yaml`` and the ``latest`` mark of a name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from csanmt.durable import replace_text
from csanmt.errors import InvalidInputError
from model_store.provenance import ENVELOPE_NAME
from model_store.tags import ModelTag

_LATEST = "latest"


def write_envelope(
    directory: Path,
    tag: ModelTag,
    *,
    created: datetime,
    labels: dict[str, str],
    metadata: dict[str, Any],
) -> None:
    """Write the ``model.yaml`` that ``bentoml.models.get`` reads.

    BentoML's own dumper does it. ``bentoml.models.create`` would do more than
    that: save in place (see ``staging``) and report the event to BentoML.

    Raises:
        InvalidInputError: BentoML refuses a label or a metadata entry.
    """
    from bentoml._internal.models.model import ModelInfo, ModelOptions
    from bentoml._internal.tag import Tag
    from bentoml.models import ModelContext

    try:
        info = ModelInfo(
            tag=Tag(tag.name, tag.version),
            module="",
            labels=labels,
            options=ModelOptions(),
            metadata=metadata,
            context=ModelContext(framework_name="csanmt", framework_versions={}),
            signatures={},
            api_version="v1",
            creation_time=created,
        )
    except ValueError as error:
        raise InvalidInputError(f"{tag}: {error}") from error
    with (directory / ENVELOPE_NAME).open("w", encoding="utf-8") as stream:
        info.dump(stream)


def check_envelope(directory: Path, tag: ModelTag) -> None:
    """Refuse a ``model.yaml`` from elsewhere that is not what ``write_envelope`` writes.

    BentoML imports the module that it names.

    Raises:
        InvalidInputError: it describes another version, names code, or is not YAML.
    """
    import yaml

    try:
        value = yaml.safe_load((directory / ENVELOPE_NAME).read_bytes())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"{ENVELOPE_NAME} of {tag} is not YAML: {error}") from error
    if not isinstance(value, dict):
        raise InvalidInputError(f"{ENVELOPE_NAME} of {tag} is not a mapping")
    expected = {"name": tag.name, "version": tag.version, "module": "", "options": {}}
    for key, wanted in expected.items():
        if value.get(key) != wanted:
            raise InvalidInputError(
                f"{ENVELOPE_NAME} of {tag}: {key} is {value.get(key)!r}; allowed is {wanted!r}"
            )


def point_latest(folder: Path, version: str | None) -> None:
    """Make ``name:latest`` mean ``version`` for BentoML: its newest created, not its highest.

    Written before a version appears, because BentoML looks again when the mark
    names a version that is not there.
    """
    if version is None:
        (folder / _LATEST).unlink(missing_ok=True)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        replace_text(folder / _LATEST, version)


def iso(moment: datetime) -> str:
    """``2026-11-23T23:20:00.000000Z``: text that sorts as time does."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
