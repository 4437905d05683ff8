"""Training data as token ids on disk, made once and memory-mapped ever after.

A packed directory holds, for each split, flat ``uint16`` ids of both sides, their
``int64`` offsets, and the origin of every pair; beside them the tokenizer and
``packed.json`` with counts and what it was made with, so that stale data is refused instead of
reused. Ids carry no eos: the batch maker appends it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csanmt.durable import file_sha256
from csanmt.errors import CheckpointError, ConfigurationError, InvalidInputError, NotFoundError
from csanmt.tables import changes, flatten
from csanmt.version import CONFIG, TOKENIZER, WEIGHTS, write_json
from training.corpus import SentencePair, corpus_files
from training.recipe import Recipe, recipe_from_dict, recipe_to_dict
from training.vocabulary import Vocabularies

FORMAT = 1
DESCRIPTION = "packed.json"
HELD = "held.tsv"  # lines held out of training, as text, for data prepared later
MODEL_FILES = (CONFIG, *WEIGHTS, f"{TOKENIZER}/*")
ARRAYS = ("source_ids", "source_offsets", "target_ids", "target_offsets", "origin")


@dataclass(frozen=True)
class PackedSplit:
    """N pairs of token ids; arrays are memory-mapped.

    source_ids, target_ids: flat uint16; source_offsets, target_offsets: (N+1,) int64;
    origin: (N,) unsigned index into ``origins``.
    """

    source_ids: NDArray[np.uint16]
    source_offsets: NDArray[np.int64]
    target_ids: NDArray[np.uint16]
    target_offsets: NDArray[np.int64]
    origin: NDArray[np.uint16]
    origins: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.origin)

    def source_lengths(self) -> NDArray[np.int64]:
        """(N,) tokens of each source, without eos."""
        return np.diff(self.source_offsets)

    def target_lengths(self) -> NDArray[np.int64]:
        """(N,) tokens of each target, without eos."""
        return np.diff(self.target_offsets)

    def source(self, index: int) -> NDArray[np.uint16]:
        return self.source_ids[self.source_offsets[index] : self.source_offsets[index + 1]]

    def target(self, index: int) -> NDArray[np.uint16]:
        return self.target_ids[self.target_offsets[index] : self.target_offsets[index + 1]]


def write_split(
    pairs: Sequence[SentencePair],
    vocabularies: Vocabularies,
    directory: Path,
    name: str,
    limits: tuple[int, int],
) -> dict[str, int]:
    """Tokenize pairs and write one split.

    Args:
        limits: most source and target tokens; longer pairs are left out.

    Returns:
        pairs written per origin.
    """
    sources = [vocabularies.encode(pair.source, "source") for pair in pairs]
    targets = [vocabularies.encode(pair.target, "target") for pair in pairs]
    origins = sorted({pair.origin for pair in pairs})
    place = {origin: i for i, origin in enumerate(origins)}
    kept = [
        i
        for i, (source, target) in enumerate(zip(sources, targets, strict=True))
        if 0 < len(source) <= limits[0] and 0 < len(target) <= limits[1]
    ]
    directory.mkdir(parents=True, exist_ok=True)
    for side, ids in (("source", sources), ("target", targets)):
        lengths = [len(ids[i]) for i in kept]
        rows = [np.asarray(ids[i], np.uint16) for i in kept]
        np.save(
            directory / f"{name}.{side}_ids.npy", np.concatenate([np.empty(0, np.uint16), *rows])
        )
        np.save(
            directory / f"{name}.{side}_offsets.npy",
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        )
    origin = np.asarray([place[pairs[i].origin] for i in kept], np.uint16)
    np.save(directory / f"{name}.origin.npy", origin)
    (directory / f"{name}.origins.json").write_text(json.dumps(origins) + "\n")
    return {o: int((origin == place[o]).sum()) for o in origins}


def read_split(directory: Path, name: str) -> PackedSplit:
    """Memory-map one split.

    Raises:
        NotFoundError: the directory holds no such split.
        CheckpointError: offsets and ids disagree.
    """
    try:
        arrays = {a: np.load(directory / f"{name}.{a}.npy", mmap_mode="r") for a in ARRAYS}
        origins = tuple(json.loads((directory / f"{name}.origins.json").read_text()))
    except FileNotFoundError as error:
        raise NotFoundError(f"{str(directory)!r} holds no packed split {name!r}") from error
    split = PackedSplit(**arrays, origins=origins)
    for ids, offsets in (
        (split.source_ids, split.source_offsets),
        (split.target_ids, split.target_offsets),
    ):
        if len(offsets) != len(split) + 1 or int(offsets[-1]) != len(ids):
            raise CheckpointError(f"packed split {name!r} in {directory} is damaged")
    return split


def write_lines(pairs: Sequence[SentencePair], path: Path) -> None:
    """Write pairs as text: source, target, origin."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"{pair.source}\t{pair.target}\t{pair.origin}\n" for pair in pairs)
    path.write_text("".join(lines), encoding="utf-8")


def write_description(directory: Path, description: dict[str, object]) -> None:
    """Write ``packed.json``."""
    write_json(directory / DESCRIPTION, {"format": FORMAT, **description})


def read_description(directory: Path) -> dict[str, Any]:
    """Read ``packed.json``.

    Raises:
        NotFoundError: the directory is not a packed data set.
        CheckpointError: it was written by another format version.
    """
    path = directory / DESCRIPTION
    if not path.is_file():
        raise NotFoundError(f"{str(directory)!r} is not a packed data set (no packed.json)")
    body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if body.get("format") != FORMAT:
        raise CheckpointError(f"{path} has format {body.get('format')!r}; this reads {FORMAT}")
    return body


# --- what it was made with -------------------------------------------------------------------


def model_files(directory: Path) -> list[Path]:
    """What a model version translates with: shape, weights and tokenizer."""
    return sorted(path for name in MODEL_FILES for path in directory.glob(name) if path.is_file())


def model_digest(directory: Path) -> str:
    """SHA-256 over the names and contents of ``model_files``."""
    lines = [
        f"{path.relative_to(directory).as_posix()} {file_sha256(path)}\n"
        for path in model_files(directory)
    ]
    return sha256("".join(lines).encode()).hexdigest()


def corpora_digests(paths: Iterable[Path]) -> list[str]:
    """SHA-256 of every file of these corpora, in order.

    Raises:
        NotFoundError: a file is missing.
    """
    digests = []
    for path in (file for corpus in paths for file in corpus_files(corpus)):
        if not path.is_file():
            raise NotFoundError(f"no corpus file {str(path)!r}")
        digests.append(file_sha256(path))
    return digests


def inputs_of(recipe: Recipe) -> dict[str, Any]:
    """Everything of a recipe that its packed data depends on, as ``packed.json`` records it."""
    initial = recipe.start.initial_model
    values = recipe_to_dict(recipe)
    return {
        "data": values["data"],
        "vocabulary": values["vocabulary"],
        "seed": recipe.training.seed,
        "initial_model": model_digest(Path(initial)) if initial else "",
    }


def check_packed(recipe: Recipe, packed: Path) -> None:
    """Refuse packed data that this recipe would not make.

    Raises:
        NotFoundError, CheckpointError: as ``read_description``.
        InvalidInputError: names every setting that differs.
    """
    made_with = read_description(packed).get("made_with")
    if not isinstance(made_with, dict):
        raise InvalidInputError(f"{packed} does not say what it was made with; {PREPARE}")
    different = differing(_completed(made_with), inputs_of(recipe))
    if different:
        raise InvalidInputError(
            f"{packed} was made with other settings than the recipe's: "
            f"{', '.join(different)}; {PREPARE}"
        )


def _completed(made_with: dict[str, Any]) -> dict[str, Any]:
    """What was recorded, with the defaults of settings that did not exist then."""
    sections = {key: made_with.get(key, {}) for key in ("data", "vocabulary")}
    try:
        recipe = recipe_to_dict(recipe_from_dict({"name": "", **sections}))
    except ConfigurationError:  # of settings that exist no longer
        return made_with
    return {**made_with, **{key: recipe[key] for key in sections}}


PREPARE = (
    "prepare the data anew (csanmt train --restart if it lies in the run's directory, else "
    "csanmt train prepare) or name the recipe it was made with"
)


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Dotted names of the values that differ, or that only one of the two has."""
    return list(changes(flatten(old), flatten(new)))
