"""The record of what a run is: a later one may go on with it only if it would do the same."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bulk.inputs import Survey
from bulk.records import Layout
from csanmt.durable import replacing
from csanmt.errors import ConflictError, IntegrityError, InvalidInputError
from csanmt.tables import build, changes, flatten
from csanmt.translator import DecodingOptions

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Model:
    """What translates: everything that the answers depend on beside the options."""

    tag: str
    digest: str
    engine: str
    csanmt: str  # the product's version: segmentation is code


@dataclass(frozen=True, slots=True)
class Cutting:
    """Where chunks end: after so many records, or before so many characters are exceeded."""

    records: int = 1000
    characters: int = 200_000


@dataclass(frozen=True, slots=True)
class Manifest:
    model: Model
    decoding: DecodingOptions
    layout: Layout
    cutting: Cutting
    inputs: tuple[Survey, ...]

    @property
    def records(self) -> int:
        return sum(survey.records for survey in self.inputs)

    def _settings(self) -> dict[str, Any]:
        """All that must be the same, as JSON has it; of the inputs their digests."""
        inputs = {survey.name: survey.sha256[:12] for survey in self.inputs}
        return flatten(json.loads(json.dumps({**asdict(self), "inputs": "", "input": inputs})))

    def save(self, path: Path) -> None:
        body = json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False, indent=1)
        with replacing(path) as stream:
            stream.write(body.encode() + b"\n")

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Raises IntegrityError: the file is damaged, or of another version."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data.pop("format") != FORMAT:
                raise ValueError(f"its format is not {FORMAT}")
            return build(cls, data)
        except (ValueError, KeyError, TypeError, AttributeError, InvalidInputError) as error:
            raise IntegrityError(f"{str(path)!r} is not a manifest of a run: {error}") from error

    def require_same(self, other: Manifest, folder: Path) -> None:
        """``other`` wants to go on with this run. Raises ConflictError, naming what differs."""
        found = [
            f"{name}: {_shown(old)} then, {_shown(new)} now"
            for name, (old, new) in changes(self._settings(), other._settings()).items()
        ]
        if found:
            more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
            raise ConflictError(
                f"{str(folder)!r} holds a run with other settings: "
                + "; ".join(found[:3])
                + f"{more}. Use the same ones to go on with it, or another output folder"
            )


def _shown(value: Any) -> str:
    return "nothing" if value in (None, "") else str(value)
