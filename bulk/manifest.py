"""The record of what a run is: a later one may go on with it only if it would do the same."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bulk.inputs import Survey
from csanmt.durable import replace_text
from csanmt.errors import ConflictError, IntegrityError, InvalidInputError
from csanmt.tables import build, changes, flatten


@dataclass(frozen=True, slots=True)
class Model:
    """What translates: everything that the answers depend on beside the options."""

    tag: str
    digest: str
    engine: str
    csanmt: str  # the product's version: segmentation is code


def as_settings(values: dict[str, Any]) -> dict[str, Any]:
    """Nested values as one table, as JSON has them."""
    return flatten(json.loads(json.dumps(values)))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the answers depend on, the inputs' digests among it, and what the inputs hold."""

    settings: dict[str, Any]
    inputs: tuple[Survey, ...]

    def save(self, path: Path) -> None:
        replace_text(path, json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Raises IntegrityError: the file is damaged, or of another version."""
        try:
            return build(cls, json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, InvalidInputError) as error:
            raise IntegrityError(f"{str(path)!r} is not a manifest of a run: {error}") from error

    def require_same(self, settings: dict[str, Any], folder: Path) -> None:
        """A run with ``settings`` goes on. Raises ConflictError, naming what differs."""
        found = [
            f"{name}: {_shown(old)} then, {_shown(new)} now"
            for name, (old, new) in changes(self.settings, settings).items()
        ]
        if found:
            raise ConflictError(
                f"{str(folder)!r} holds a run with other settings: {'; '.join(found)}. "
                "Use the same ones to go on with it, or another output folder"
            )


def _shown(value: Any) -> str:
    return "nothing" if value in (None, "") else str(value)
