"""Which files a run reads, of which formats, and the names of its outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from bulk.line_formats import JsonLinesFormat, LineFormat, TabFormat
from bulk.parquet import ParquetFormat
from bulk.records import Layout, Record
from csanmt.errors import InvalidInputError, NotFoundError

BY_ENDING = {
    ".txt": "txt",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
Format: TypeAlias = LineFormat | ParquetFormat
_CLASSES: dict[str, Callable[[Layout], Format]] = {
    "txt": LineFormat,
    "tsv": TabFormat,
    "jsonl": JsonLinesFormat,
    "parquet": ParquetFormat,
}
FIRST_SHOWN = 5  # places of bad records kept for each problem


@dataclass(frozen=True, slots=True)
class Survey:
    """What one reading of an input found.

    Attributes:
        name: of the input, and of its output below the output folder.
        records, characters: how many, bad records among the former.
        problems: what is wrong with how many records, and the numbers of the first of them.
    """

    name: str
    records: int
    characters: int
    problems: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def bad(self) -> int:
        return sum(problem["count"] for problem in self.problems.values())


def format_of(name: str, layout: Layout) -> str | None:
    """The format of a file of this name; None if its ending says nothing."""
    plain = name.lower().removesuffix(".gz").removesuffix(".xz")
    return layout.format or BY_ENDING.get(Path(plain).suffix)


def open_format(name: str, layout: Layout) -> Format:
    """How to read and write the file called ``name``.

    Raises:
        InvalidInputError: the name says no format.
        ConfigurationError: the layout lacks what the format needs.
        EngineUnavailableError: the format needs a package that is not installed.
    """
    chosen = format_of(name, layout)
    if chosen is None:
        endings = ", ".join(BY_ENDING)
        raise InvalidInputError(f"{name!r} is none of {endings} (.gz, .xz); give --format")
    return _CLASSES[chosen](layout)


def find_inputs(places: Sequence[Path], layout: Layout, output: Path) -> dict[str, Path]:
    """The files that ``places`` (files and folders) name, by their outputs' names, sorted.

    In a folder, hidden files and those that are of none of the formats are passed over.

    Raises:
        NotFoundError: a place does not exist.
        InvalidInputError: a folder holds nothing to translate, two outputs would have the
            same name, or an output would be written over or among the inputs.
    """
    found: dict[str, Path] = {}
    for place in places:
        if not place.exists():
            raise NotFoundError(f"no such file or folder: {str(place)!r}")
        inside = list(_folder(place, layout)) if place.is_dir() else [(place, place.name)]
        if not inside:
            raise InvalidInputError(f"{str(place)!r} holds no .txt, .tsv, .jsonl or .parquet file")
        for path, name in inside:
            if name in found and not path.samefile(found[name]):
                both = f"{str(found[name])!r} and {str(path)!r}"
                raise InvalidInputError(f"{both} would both become {name!r} in the output")
            found[name] = path
        _keep_apart(place, output)
    return dict(sorted(found.items()))


def _folder(place: Path, layout: Layout) -> Iterator[tuple[Path, str]]:
    for path in sorted(place.rglob("*")):
        relative = path.relative_to(place)
        hidden = any(part.startswith(".") for part in relative.parts)
        if path.is_file() and not hidden and format_of(path.name, layout):
            yield path, relative.as_posix()


def _keep_apart(place: Path, output: Path) -> None:
    folder = place.resolve() if place.is_dir() else place.resolve().parent
    target = output.resolve()
    if target == folder or (place.is_dir() and folder in target.parents):
        raise InvalidInputError(
            f"--output {str(output)!r} lies in the input's folder {str(folder)!r}; choose another"
        )


def survey(name: str, found: Iterable[Record]) -> Survey:
    """Read the records of an input once from end to end. Raises as ``Format.read``."""
    count = characters = 0
    problems: dict[str, dict[str, Any]] = {}
    for record in found:
        count += 1
        characters += len(record.text or "")
        if record.text is None:
            entry = problems.setdefault(record.problem, {"count": 0, "first": []})
            entry["count"] += 1
            if len(entry["first"]) < FIRST_SHOWN:
                entry["first"].append(record.number)
    return Survey(name, count, characters, problems)
