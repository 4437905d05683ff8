"""Corpora → tokenizer and packed ids: the first step of every recipe."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from csanmt.errors import InvalidInputError
from csanmt.tokenization import load_tokenizer
from training.contamination import ContaminationFilter, suite_files
from training.corpus import Pair, read_pairs
from training.filtering import FilterReport, filter_pairs, normalise_source, normalise_target
from training.inputs import inputs_of
from training.packed import DESCRIPTION, lines_of, write_description, write_split
from training.recipe import DataSettings, Recipe
from training.vocabulary import Vocabularies, train_vocabularies

RECIPES = Path(__file__).resolve().parent / "recipes"
FINAL_STOP = re.compile(r"[。.]$")


def prepare(recipe: Recipe, data: Path, out: Path) -> dict[str, object]:
    """Filter, sample, learn the vocabularies, write ids.

    Args:
        recipe: which corpora, limits, weights and sizes.
        data: directory the recipe's file names are relative to.
        out: packed directory to write.

    Returns:
        what ``packed.json`` records: the settings, pairs kept and dropped by rule and origin.

    Raises:
        InvalidInputError: nothing is left to train on.
    """
    settings, report = recipe.data, FilterReport()
    named = [data / name for name in (*settings.exclude, settings.dev) if name]
    exclusion = ContaminationFilter.from_files([*suite_files(), *named], settings.languages)
    raw = read_pairs([_locate(data, name) for name in settings.corpora], settings.languages)
    wanted = (pair for pair in raw if _wanted(pair.origin, settings))
    clean = exclusion.clean(filter_pairs(wanted, settings.filter, report), report)
    pairs = sample(label_short(clean, settings.short_words), settings, recipe.training.seed)
    pairs.extend(bare_variants(pairs, settings, recipe.training.seed))
    if not pairs:
        raise InvalidInputError("no pair passed the filter; is the data section right?")
    random.Random(recipe.training.seed).shuffle(pairs)
    vocabularies = _vocabularies(pairs, recipe, out / "tokenizer")
    limits = (settings.max_source_tokens, settings.max_target_tokens)
    (out / DESCRIPTION).unlink(missing_ok=True)  # a kill leaves no old one beside new ids
    counts = write_split(pairs, vocabularies, out, "train", limits)
    dev = [
        Pair(normalise_source(pair.source), normalise_target(pair.target), pair.origin)
        for pair in read_pairs([data / settings.dev], settings.languages)
    ]
    write_split(dev, vocabularies, out, "dev", limits)
    description: dict[str, object] = {
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


def _vocabularies(pairs: list[Pair], recipe: Recipe, directory: Path) -> Vocabularies:
    """Those of the model that is continued, else new ones learned from the pairs."""
    if recipe.start.initial_model:
        load_tokenizer(recipe.start.initial_model).save(directory)
        return Vocabularies(directory)
    lines = lines_of(_vocabulary_sample(pairs, recipe))
    return train_vocabularies(*lines, recipe.vocabulary, directory)


def _locate(data: Path, name: str) -> Path:
    """A corpus in ``data``, or else among the files that come with the recipes."""
    shipped = RECIPES / name
    return shipped if shipped.is_file() and not (data / name).is_file() else data / name


def _wanted(origin: str, settings: DataSettings) -> bool:
    """Read only origins with a weight: their own or that of their short part."""
    return settings.weight(origin) > 0 or settings.weight(f"{origin}:short") > 0


def label_short(pairs: Iterable[Pair], words: int) -> Iterator[Pair]:
    """Rename ``origin`` to ``origin:short`` for targets of at most ``words`` words."""
    for pair in pairs:
        if words and len(pair.target.split()) <= words:
            yield Pair(pair.source, pair.target, f"{pair.origin}:short")
        else:
            yield pair


def sample(pairs: Iterable[Pair], settings: DataSettings, seed: int) -> list[Pair]:
    """At most ``settings.cap`` pairs an origin, chosen uniformly (reservoir sampling)."""
    chance = random.Random(seed)
    kept: dict[str, list[Pair]] = defaultdict(list)
    seen: dict[str, int] = defaultdict(int)
    for pair in pairs:
        if settings.weight(pair.origin) <= 0:
            continue
        seen[pair.origin] += 1
        reservoir = kept[pair.origin]
        if len(reservoir) < settings.cap:
            reservoir.append(pair)
        else:
            place = chance.randrange(seen[pair.origin])
            if place < settings.cap:
                reservoir[place] = pair
    return [pair for origin in sorted(kept) for pair in kept[origin]]


def bare_variants(pairs: list[Pair], settings: DataSettings, seed: int) -> list[Pair]:
    """Copies without the final full stop: people type sentences without one."""
    chance = random.Random(seed + 1)
    variants = []
    for pair in pairs:
        stops = FINAL_STOP.search(pair.source) and FINAL_STOP.search(pair.target)
        if stops and chance.random() < settings.bare_share:
            variants.append(Pair(pair.source[:-1], pair.target[:-1], pair.origin))
    return [pair for pair in variants if pair.source and pair.target]


def _vocabulary_sample(pairs: list[Pair], recipe: Recipe) -> list[Pair]:
    """Pairs in the proportions of training, so that the pieces fit what is trained."""
    weight = recipe.data.weight
    chance = random.Random(recipe.training.seed + 2)
    total = sum(weight(pair.origin) for pair in pairs)
    scale = recipe.vocabulary.sample_pairs / max(total, 1e-9)
    return [pair for pair in pairs if chance.random() < scale * weight(pair.origin)]
