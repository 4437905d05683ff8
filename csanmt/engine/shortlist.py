"""Lexical shortlists: the target tokens each source token may become.

A sentence's list is the union of its tokens' lists and the common ones; the output
projection is then computed for those columns alone. The file's layout is described in
``engine/src/shortlist.h``. Lists are counted from parallel data (``count_lexicon``) or
asked of the model (``probe_lexicon``). Whether a list costs quality must be measured for
each model; it is off unless the model says so.
"""

from __future__ import annotations

import os
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from csanmt.errors import InvalidInputError, StorageError
from csanmt.translator import DecodingOptions, Engine

MAGIC = b"\x89CSANSL\n"
VERSION = 1

Pairs = Iterable[tuple[Sequence[int], Sequence[int]]]


def save_shortlist(
    path: str | os.PathLike[str],
    lists: Sequence[Sequence[int]],
    common: Sequence[int],
    target_vocabulary: int,
) -> None:
    """Write ``shortlist.bin``.

    Args:
        lists: target ids for every source id, in order of the source vocabulary.
        common: target ids that every sentence may use.

    Raises:
        InvalidInputError: an id is outside the target vocabulary.
        StorageError: the file cannot be written.
    """
    rows = [np.unique(np.asarray(row, dtype=np.int64)) for row in lists]
    begin = np.zeros(len(rows) + 1, dtype="<u8")
    begin[1:] = np.cumsum([len(row) for row in rows])
    flat = np.concatenate([*rows, np.zeros(0, np.int64)])
    shared = np.unique(np.asarray(common, dtype=np.int64))
    for ids in (flat, shared):
        if len(ids) and not 0 <= ids.min() <= ids.max() < target_vocabulary:
            raise InvalidInputError(f"a shortlist id is outside 0 to {target_vocabulary - 1}")
    header = MAGIC + struct.pack(
        "<IIIIQQ", VERSION, len(rows), target_vocabulary, len(shared), len(flat), 0
    )
    body = shared.astype("<u4").tobytes() + begin.tobytes() + flat.astype("<u4").tobytes()
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(header + body)
        os.replace(temporary, target)
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def count_lexicon(
    pairs: Pairs, source_vocabulary: int, each: int = 50, minimum: int = 2
) -> list[list[int]]:
    """The target ids that go best with each source id, by Dice's coefficient.

    Args:
        pairs: source and target ids of parallel sentences.
        each: most target ids a source id gets.
        minimum: sentences two ids must share to be paired at all.
    """
    together: list[Counter[int]] = [Counter() for _ in range(source_vocabulary)]
    sources: Counter[int] = Counter()
    targets: Counter[int] = Counter()
    for source, target in pairs:
        seen = set(target)
        targets.update(seen)
        for token in set(source):
            sources[token] += 1
            together[token].update(seen)

    def best(token: int) -> list[int]:
        scored = [
            (2 * count / (sources[token] + targets[other]), other)
            for other, count in together[token].items()
            if count >= minimum
        ]
        return [other for _, other in sorted(scored, reverse=True)[:each]]

    return [best(token) for token in range(source_vocabulary)]


def frequent_tokens(targets: Iterable[Sequence[int]], count: int) -> list[int]:
    """The ``count`` most frequent target ids; function words fit any sentence."""
    counts: Counter[int] = Counter()
    for ids in targets:
        counts.update(ids)
    return [token for token, _ in counts.most_common(count)]


def probe_lexicon(
    engine: Engine, sentences: Sequence[Sequence[int]], source_vocabulary: int, each: int = 50
) -> list[list[int]]:
    """A lexicon without parallel data: the model's own n-best answers to ``sentences``."""
    options = DecodingOptions(n_best=4, shortlist=False)
    answers = engine.translate_ids(sentences, options)
    pairs = (
        (source, hypothesis.ids)
        for source, row in zip(sentences, answers, strict=True)
        for hypothesis in row
    )
    return count_lexicon(pairs, source_vocabulary, each, minimum=1)
