"""Training data as token ids on disk, made once and memory-mapped ever after.

A packed directory holds, for each split, flat ``uint16`` ids of both sides, their
``int64`` offsets, and the origin of every pair; beside them the tokenizer and
``packed.json`` with counts and the settings it was made with. Ids carry no eos: the
batch maker appends it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csanmt.errors import CheckpointError, NotFoundError
from training.corpus import SentencePair
from training.vocabulary import Vocabularies

FORMAT = 1
DESCRIPTION = "packed.json"
HELD = "held.tsv"  # lines held out of training, as text, for data prepared later
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
    body = {"format": FORMAT, **description}
    text = json.dumps(body, indent=2, ensure_ascii=False)
    (directory / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


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
