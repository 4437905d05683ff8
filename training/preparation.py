"""Corpora → tokenizer and packed ids: the first step of every recipe."""

from __future__ import annotations

import random
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from csanmt import simplification
from csanmt.errors import InvalidInputError
from csanmt.loading import load_tokenizer
from training.contamination import ContaminationFilter, suite_files
from training.copying import MARK, copy_marked
from training.corpus import SentencePair, open_text, read_pairs
from training.filtering import FilterReport, filter_pairs, normalise_source, normalise_target
from training.packed import (
    DESCRIPTION,
    HELD,
    inputs_of,
    write_description,
    write_lines,
    write_split,
)
from training.recipe import DataSettings, Recipe
from training.synthetic import generate
from training.variants import variants
from training.vocabulary import Vocabularies, train_vocabularies

RECIPES = Path(__file__).resolve().parent / "recipes"
GENERATED = "synthetic"
COLUMNS = ("zh", "en")  # of .tsv; the filter's rules know no other languages


def prepare(recipe: Recipe, data: Path, out: Path, like: Path | None = None) -> dict[str, Any]:
    """Filter, sample, learn the vocabularies, write ids.

    Args:
        recipe: which corpora, limits, weights and sizes.
        data: directory the recipe's file names are relative to.
        out: packed directory to write.
        like: an earlier packed directory, whose tokenizer and held-out lines are taken, so
            that a run that began with it can go on with this one.

    Returns:
        what ``packed.json`` records: the settings, pairs kept and dropped by rule and origin.

    Raises:
        InvalidInputError: nothing is left to train on.
    """
    settings, report = recipe.data, FilterReport()
    seed, copies = recipe.training.seed, recipe.vocabulary.copy_tokens
    exclusion = _exclusion(settings, data)
    pairs = list(_clean_pairs(recipe, data, exclusion, report))
    pairs, held = _held_out(pairs, settings, seed, like)
    write_lines(held, out / HELD)
    pairs = sample(label_short(pairs, settings.short_words), settings, seed)
    random.Random(seed).shuffle(pairs)
    pairs.extend(variants(pairs, settings, copies, seed))
    if not pairs:
        raise InvalidInputError("no pair passed the filter; is the data section right?")
    pairs, held = _directed(pairs, settings), _directed(held, settings)
    vocabularies = _vocabularies(pairs, recipe, data, out / "tokenizer", like)
    limits = (settings.max_source_tokens, settings.max_target_tokens)
    (out / DESCRIPTION).unlink(missing_ok=True)  # a kill leaves no old one beside new ids
    counts = write_split(pairs, vocabularies, out, "train", limits)
    dev = [
        SentencePair(normalise_source(pair.source), normalise_target(pair.target), pair.origin)
        for pair in read_pairs([data / settings.dev], COLUMNS)
    ]
    write_split(_directed(dev, settings), vocabularies, out, "dev", limits)
    write_split(held, vocabularies, out, "held", limits)
    description: dict[str, Any] = {
        "recipe": recipe.name,
        "made_with": inputs_of(recipe),
        "pairs": counts,
        "kept": dict(report.kept.most_common()),
        "dropped": dict(report.dropped.most_common()),
        "excluded_sentences": len(exclusion),
        "vocabulary": {
            "source": vocabularies.sizes[0],
            "target": vocabularies.sizes[1],
        },
    }
    write_description(out, description)
    return description


def _exclusion(settings: DataSettings, data: Path) -> ContaminationFilter:
    named = [data / name for name in (*settings.exclude, settings.dev) if name]
    return ContaminationFilter.from_files([*suite_files(), *named], COLUMNS)


def _clean_pairs(
    recipe: Recipe, data: Path, exclusion: ContaminationFilter, report: FilterReport
) -> Iterator[SentencePair]:
    """Pairs of the corpora that may be trained on, marked spans exchanged for copy tokens."""
    settings = recipe.data
    chance = random.Random(recipe.training.seed + 5)
    raw = chain.from_iterable(_read(data, name, recipe.training.seed) for name in settings.corpora)
    wanted = (
        pair
        for pair in simplified(raw)
        if any(settings.weight(pair.origin + part) > 0 for part in ("", ":short"))
    )
    clean = exclusion.clean(wanted, report)
    if not recipe.vocabulary.copy_tokens:
        return filter_pairs(clean, settings.filter, report)
    return filter_pairs(clean, settings.filter, report, lambda pair: copy_marked(pair, chance))


def _held_out(
    pairs: list[SentencePair], settings: DataSettings, seed: int, like: Path | None
) -> tuple[list[SentencePair], list[SentencePair]]:
    """What is left to train on, and the pairs kept back: those of ``like``, new of new origins.

    A pair that equals one kept back on either side is neither.
    """
    held = [] if like is None else list(read_pairs([like / HELD]))
    known = {pair.origin for pair in held}
    by_origin: dict[str, list[SentencePair]] = defaultdict(list)
    for pair in pairs:
        if pair.origin not in known and not MARK.search(pair.source):
            by_origin[pair.origin].append(pair)
    chance = random.Random(seed + 6)
    for origin in sorted(by_origin):
        group = by_origin[origin]
        held += chance.sample(group, min(settings.held_out, len(group) // 20))
    guard = ContaminationFilter((side for p in held for side in (p.source, p.target)), ())
    return [pair for pair in pairs if not guard.refuses(pair)], held


def _directed(pairs: Iterable[SentencePair], settings: DataSettings) -> list[SentencePair]:
    """The pairs with the side first that is the recipe's source."""
    if settings.languages == COLUMNS:
        return list(pairs)
    return [SentencePair(pair.target, pair.source, pair.origin) for pair in pairs]


def _vocabularies(
    pairs: list[SentencePair], recipe: Recipe, data: Path, directory: Path, like: Path | None
) -> Vocabularies:
    """Those of earlier data or of the model that is continued, else new ones."""
    if like is not None:
        shutil.copytree(like / "tokenizer", directory, dirs_exist_ok=True)
        return Vocabularies(directory)
    if recipe.start.initial_model:
        load_tokenizer(recipe.start.initial_model).save(directory)
        return Vocabularies(directory)
    chosen = _vocabulary_sample(pairs, recipe)
    sources = [MARK.sub("", pair.source) for pair in chosen]
    targets = [MARK.sub("", pair.target) for pair in chosen]
    for name in recipe.vocabulary.target_text:
        targets += _lines(data / name, recipe.vocabulary.target_lines)
    return train_vocabularies(sources, targets, recipe.vocabulary, directory)


def _lines(path: Path, most: int) -> list[str]:
    """The first column of the first ``most`` lines, in the target's typography."""
    with open_text(path) as stream:
        return [normalise_target(line.split("\t")[0]) for line in islice(stream, most)]


def _read(data: Path, name: str, seed: int) -> Iterable[SentencePair]:
    """Pairs of a corpus in ``data``, or else among the files that come with the recipes;
    ``synthetic:1000`` are so many of ``training.synthetic``."""
    kind, _, count = name.partition(":")
    if kind == GENERATED and count.isdigit():
        return generate(int(count), seed)
    shipped = (RECIPES / name).is_file() and not (data / name).is_file()
    return read_pairs([(RECIPES if shipped else data) / name], COLUMNS)


def label_short(pairs: Iterable[SentencePair], words: int) -> Iterator[SentencePair]:
    """Rename ``origin`` to ``origin:short`` for targets of at most ``words`` words."""
    for pair in pairs:
        if words and len(pair.target.split()) <= words:
            yield SentencePair(pair.source, pair.target, f"{pair.origin}:short")
        else:
            yield pair


def sample(pairs: Iterable[SentencePair], settings: DataSettings, seed: int) -> list[SentencePair]:
    """At most ``settings.cap`` pairs an origin, chosen uniformly."""
    chance = random.Random(seed)
    by_origin: dict[str, list[SentencePair]] = defaultdict(list)
    for pair in pairs:
        if settings.weight(pair.origin) > 0:
            by_origin[pair.origin].append(pair)
    chosen = (chance.sample(group, min(len(group), settings.cap)) for group in by_origin.values())
    return [pair for group in chosen for pair in group]


def _vocabulary_sample(pairs: list[SentencePair], recipe: Recipe) -> list[SentencePair]:
    """Pairs in the proportions of training, so that the pieces fit what is trained."""
    weight = recipe.data.weight
    chance = random.Random(recipe.training.seed + 2)
    total = sum(weight(pair.origin) for pair in pairs)
    scale = recipe.vocabulary.sample_pairs / max(total, 1e-9)
    return [pair for pair in pairs if chance.random() < scale * weight(pair.origin)]


def simplified(pairs: Iterable[SentencePair]) -> Iterator[SentencePair]:
    """The pairs, traditional characters of their sources made simplified, as when serving."""
    for pair in pairs:
        yield replace(pair, source=simplification.simplified(pair.source))
