"""Sequence-level knowledge distillation: a teacher's beam output becomes the student's target.

Kim and Rush, 2016. The output is a TSV of source, the teacher's best translation,
origin and its length-normalised log probability, so that a later filter can drop what
the teacher itself found unlikely. Writing goes on where an earlier call stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from csanmt.durable import replace_text
from csanmt.errors import InvalidInputError
from csanmt.translator import DecodingOptions, Translator
from training.corpus import SentencePair, open_text
from training.filtering import normalise_target
from training.packed import differing


def distil(
    teacher: Translator,
    pairs: Iterable[SentencePair],
    out: Path,
    options: DecodingOptions,
    *,
    batch: int = 64,
    lowest_score: float = float("-inf"),
    back: bool = False,
    made_with: Mapping[str, object] | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Translate every pair's source and append lines to ``out``.

    Args:
        teacher: any translator; its best hypothesis is taken.
        pairs: only sources and origins are used, each source once.
        lowest_score: hypotheses below this normalised log probability are left out.
        back: back-translation (Sennrich et al., 2016): the sources are what the new model shall
            write, so its answer is the first column and the source the second.
        made_with: what names the teacher and the corpora; a call that goes on with an
            ``out`` that was made with others is refused.
        progress: called with the number of sources done.

    Returns:
        lines written by this call.

    Raises:
        InvalidInputError: ``out`` is not a plain ``.tsv``, so it cannot be appended to,
            or was begun with another teacher, other options or other corpora.
    """
    if out.suffix != ".tsv":
        raise InvalidInputError(f"{out} must end in .tsv: an interrupted run appends to it")
    journal = out.with_name(out.name + ".done")
    settings = {
        **(made_with or {}),
        "options": asdict(options),
        "lowest_score": lowest_score,
        "back": back,
    }
    done = _resume(out, journal, settings)
    written = 0
    unique = islice(_unique(pairs), done, None)
    with out.open("a", encoding="utf-8") as stream:
        while group := list(islice(unique, batch)):
            answers = teacher.translate([pair.source for pair in group], options)
            for pair, answer in zip(group, answers, strict=True):
                best = answer.hypotheses[0] if answer.hypotheses else None
                if best and best.text and not best.hit_limit and best.score >= lowest_score:
                    sides = (pair.source, " ".join(best.text.split()))
                    first, second = reversed(sides) if back else sides
                    stream.write(f"{first}\t{second}\t{pair.origin}\t{best.score:.4f}\n")
                    written += 1
            stream.flush()
            done += len(group)
            entry = {"done": done, "bytes": out.stat().st_size, "made_with": settings}
            replace_text(journal, json.dumps(entry) + "\n")
            if progress:
                progress(done)
    return written


def monolingual(paths: Iterable[Path]) -> Iterator[SentencePair]:
    """English lines (``text[<TAB>source[:part]]``) as targetless pairs of ``back:source``."""
    for path in paths:
        with open_text(path) as lines:
            for line in lines:
                text, _, source = line.rstrip("\r\n").partition("\t")
                origin = source.partition(":")[0] or path.name.split(".")[0]
                yield SentencePair(normalise_target(text), "", f"back:{origin}")


def _resume(out: Path, journal: Path, settings: dict[str, object]) -> int:
    """Sources done by earlier calls; what a killed one wrote beyond its journal is cut off."""
    if not journal.is_file() or not out.is_file():
        out.write_text("", encoding="utf-8")
        return 0
    try:
        entry = json.loads(journal.read_text(encoding="utf-8"))
        size, done, before = int(entry["bytes"]), int(entry["done"]), dict(entry["made_with"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"{journal} is damaged or of an earlier version") from error
    different = differing(before, json.loads(json.dumps(settings)))
    if different:
        raise InvalidInputError(
            f"{out} was begun with other settings: {', '.join(different)}; name another --out, "
            f"or remove it and {journal.name} to begin again"
        )
    with out.open("r+b") as stream:
        stream.truncate(size)
    return done


def _unique(pairs: Iterable[SentencePair]) -> Iterator[SentencePair]:
    seen: set[str] = set()
    for pair in pairs:
        if pair.source not in seen and "\t" not in pair.source:
            seen.add(pair.source)
            yield pair
