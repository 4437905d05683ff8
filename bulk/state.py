"""The state of a run on disk, below its output folder.

::

    OUTPUT/.csanmt-bulk/
        lock                      held by the process that runs
        manifest.json             model, options, digests of the inputs
        parts/FILE/CHUNK.jsonl    answers to one chunk; there or not, never half
        finished/FILE.json        the output of an input is in place; its parts are gone
        writing/                  what is being written; worthless after a crash
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from bulk.inputs import Survey
from bulk.records import Answer, Answers, Chunk
from csanmt.durable import lock, replace_text, replacing
from csanmt.errors import ConflictError, IntegrityError, InvalidInputError
from csanmt.tables import build, changes, flatten

FOLDER = ".csanmt-bulk"


class RunState:
    """What is done and what is not."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.folder = output / FOLDER
        self.manifest = self.folder / "manifest.json"
        self._writing = self.folder / "writing"

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Make the folders and hold the lock, which a killed process lets go of.

        Raises:
            ConflictError: another process runs here.
            OSError: the folder cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a") as file:
            if not lock(file):
                raise ConflictError(f"another process writes to {str(self.output)!r}")
            shutil.rmtree(self._writing, ignore_errors=True)
            for name in ("writing", "parts", "finished"):
                (self.folder / name).mkdir(exist_ok=True)
            yield

    def has_part(self, chunk: Chunk) -> bool:
        return self._part(*chunk.key).exists()

    def save_part(self, chunk: Chunk, answers: Answers) -> None:
        """Keep the answers to a chunk; a second time changes nothing."""
        if len(answers) != len(chunk.texts):
            raise IntegrityError(f"{len(answers)} answers to {len(chunk.texts)} records")
        path = self._part(*chunk.key)
        path.parent.mkdir(exist_ok=True)
        with replacing(path, folder=self._writing) as stream:
            for answer in answers:
                # ASCII: no character of a text ends a line
                stream.write(json.dumps(answer).encode() + b"\n")

    def answers(self, file: int, records: int) -> Iterator[Answer | None]:
        """All answers to an input of so many records.

        Raises:
            IntegrityError: a part is missing or damaged.
        """
        count, folder = 0, self._part(file, 0).parent
        for path in sorted(folder.glob("*.jsonl")):
            try:
                values = [json.loads(line) for line in path.read_bytes().splitlines()]
                found = [None if value is None else Answer(*value) for value in values]
            except (OSError, ValueError, TypeError) as error:
                raise IntegrityError(f"part {str(path)!r} cannot be read: {error}") from error
            count += len(found)
            yield from found
        if count != records:
            raise IntegrityError(
                f"{str(folder)!r} has {count} answers instead of {records}; delete it and run again"
            )

    def writing_output(self, name: str) -> AbstractContextManager[IO[bytes]]:
        path = self.output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return replacing(path, folder=self._writing)

    def finish(self, file: int, name: str, counts: dict[str, Any]) -> None:
        """The output called ``name`` is in place: note its counts and drop the parts."""
        value = {"size": (self.output / name).stat().st_size, "counts": counts}
        with replacing(self._finished(file), folder=self._writing) as stream:
            stream.write(json.dumps(value).encode())
        shutil.rmtree(self.folder / "parts" / f"{file:06d}", ignore_errors=True)

    def finished(self, file: int, name: str) -> dict[str, Any] | None:
        """The counts that ``finish`` noted; None if the output is not, or no more, in place."""
        output, path = self.output / name, self._finished(file)
        if not path.exists() or not output.exists():
            return None
        value: dict[str, Any] = json.loads(path.read_bytes())
        counts: dict[str, Any] = value["counts"]
        return counts if output.stat().st_size == value["size"] else None

    def _part(self, file: int, index: int) -> Path:
        return self.folder / "parts" / f"{file:06d}" / f"{index:09d}.jsonl"

    def _finished(self, file: int) -> Path:
        return self.folder / "finished" / f"{file:06d}.json"


# --- what a run is: a later one may go on with it only if it would do the same -------------------


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
