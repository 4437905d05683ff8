"""Copy tokens in pairs, the other variants, and the table of sources."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from training.copying import MARK, MOST, copied, copies, copy_marked, copy_named, insert_tokens
from training.corpus import FAMILIES, SentencePair, sources
from training.preparation import prepare, simplified
from training.recipe import DataSettings, load_recipe, recipe_from_dict
from training.synthetic import ORIGINS
from training.variants import joined_variants, variants
from training.vocabulary import Vocabularies

RECIPES = Path(__file__).parents[2] / "training" / "recipes"


def shown(text: str) -> str:
    """A text of a pair with ``#`` for every copy token."""
    return MARK.sub("#", text)


@pytest.mark.parametrize(
    ("source", "target", "wanted"),
    [
        ("请看https://a.io/?y，谢谢", "See https://a.io/?y now", ("请看#，谢谢", "See # now")),
        ("写信给 me@a.org 即可", "Write to me@a.org.", ("写信给 # 即可", "Write to #.")),
        ("你好 {name}，共 %d 条", "Hello {name}, %d all", ("你好 #，共 # 条", "Hello #, # all")),
        ("运行 `ls -l` 命令", "Run `ls -l`", ("运行 # 命令", "Run #")),
        ("打开 /etc/hosts 文件", "Open /etc/hosts", ("打开 # 文件", "Open #")),
        ("点击<b>这里</b>", "Click <b>here</b>", ("点击#这里#", "Click #here#")),
        ("使用 --force 选项", "Use --force", ("使用 # 选项", "Use #")),
        ("见 {a} 与 {a}", "See {a} and {a}", ("见 {a} 与 {a}", "See {a} and {a}")),
        ("见 {a}", "See {b}", ("见 {a}", "See {b}")),
        ("设置 my_key", "Set my_keys", ("设置 my_key", "Set my_keys")),
        ("增长了50%左右", "up 50% or so", ("增长了50%左右", "up 50% or so")),
    ],
)
def test_marked_spans_that_stand_once_on_each_side_are_exchanged(source, target, wanted):
    pair = copy_marked(SentencePair(source, target, "x"), random.Random(1))
    assert (shown(pair.source), shown(pair.target)) == wanted
    assert sorted(MARK.findall(pair.source)) == sorted(MARK.findall(pair.target))
    assert len(set(MARK.findall(pair.source))) == len(MARK.findall(pair.source))


def test_names_and_long_numbers_are_exchanged_in_part():
    pair = SentencePair(
        "Debian 12.4.1 和 Linux Mint 都有", "Debian 12.4.1 and Linux Mint have it", "x"
    )
    made = {shown(copy_named(pair, random.Random(seed)).target) for seed in range(20)}
    assert made >= {"# and # have it", "Debian 12.4.1 and # have it"}
    plain = SentencePair("他有 5 只猫", "He has 5 cats", "x")
    assert copy_named(plain, random.Random(1)) == plain


def test_no_pair_gets_more_tokens_than_the_model_is_promised():
    names = [f"{{a{i}}}" for i in range(12)]
    pair = copy_marked(
        SentencePair("和" + "和".join(names), " and ".join(names), "x"), random.Random(1)
    )
    assert len(MARK.findall(pair.source)) == MOST


def test_tokens_are_put_between_words_at_like_places_and_the_words_stay():
    source, target = "今天天气很好，我们去公园吧。", "It is nice today, so let us go to the park."
    words = ["今天", "天气", "很", "好", "，", "我们", "去", "公园", "吧", "。"]
    for seed in range(30):
        made = insert_tokens(
            SentencePair(source, target, "x"), lambda _: list(words), random.Random(seed)
        )
        assert made is not None
        marks = MARK.findall(made.source)
        assert 1 <= len(marks) <= len(words) // 4
        assert sorted(MARK.findall(made.target)) == sorted(marks)
        assert MARK.sub("", made.source).replace(" ", "") == source
        assert " ".join(MARK.sub("", made.target).split()) == target
        if f"，{marks[0]}" in made.source:
            assert f", {marks[0]} so" in made.target


def test_a_pair_is_cut_for_the_tokenizer():
    assert copies(f"见{copied(3)}。{copied(15)}") == [(1, 3), (3, 15)]
    assert copies("见") == []


def test_joined_lines_keep_to_one_origin_and_a_length():
    sentence = "word " * 19 + "end."
    pairs = [
        SentencePair("字" * 30 + "。", sentence, origin) for origin in ("a", "b", "a:short") * 30
    ]
    made = joined_variants(pairs, 1.0, 1)
    assert {pair.origin for pair in made} == {"a", "b"}
    assert all(40 <= len(pair.target.split()) <= 90 for pair in made)
    assert all(len(pair.source) <= 180 for pair in made)
    assert joined_variants(pairs, 0.0, 1) == []


def test_tokens_come_only_where_the_vocabulary_has_them():
    pairs = [
        SentencePair(
            "今天 Debian 天气很好，我们一起去公园。",
            "Debian is nice today, let us go to the park.",
            "a",
        )
    ]
    settings = DataSettings(copy_share=1.0, insert_share=1.0)
    assert variants(pairs * 9, settings, copies=False, seed=1) == []
    assert all(MARK.search(pair.source) for pair in variants(pairs * 9, settings, True, 1))


def test_traditional_characters_are_converted_and_simplified_text_stays():
    lines = [
        ("他們說這個問題很複雜。", "他们说这个问题很复杂。"),
        ("皇后后来看着我。", "皇后后来看着我。"),
    ]
    pairs = list(simplified(SentencePair(line, "x", "y") for line, _ in lines))
    assert [pair.source for pair in pairs] == [simple for _, simple in lines]


def test_every_source_of_the_shipped_recipes_has_a_domain_and_a_licence():
    table = sources()
    assert {source.family for source in table.values()} <= set(FAMILIES)
    assert all(source.domain and source.licence and source.place for source in table.values())
    assert {"tatoeba", "lctt", "odoo", "cedict"} <= set(table)


def test_every_generated_origin_is_exact_and_has_a_weight_in_the_shipped_recipe():
    recipe = load_recipe(RECIPES / "small-cpu-long.toml")
    assert set(recipe.data.filter.exact) == set(ORIGINS) <= set(sources())
    assert all(recipe.data.weights[origin] > 0 for origin in ORIGINS)


def test_a_licence_family_can_be_left_out():
    recipe = recipe_from_dict(
        {"name": "x", "data": {"default_weight": 1.0, "without_families": ["gpl"]}}
    )
    assert recipe.data.weight("wesnoth") == recipe.data.weight("wesnoth:short") == 0.0
    assert recipe.data.weight("tatoeba") == recipe.data.weight("my-own-text") == 1.0


def test_kinds_of_origins_share_a_weight():
    data = recipe_from_dict(
        {"name": "x", "data": {"weights": {"back": 0.5, "back:news": 2.0}}}
    ).data
    weights = [data.weight(o) for o in ("back:news", "back:news:short", "back:fiction", "other")]
    assert weights == [2.0, 2.0, 0.5, 0.0]


def test_prepared_data_holds_tokens_and_the_pairs_held_out_are_not_in_it(tiny, tmp_path: Path):
    from dataclasses import replace

    from training.packed import read_split

    lines = [
        f"请访问 https://a.io/{i} 第{i}页。\tSee https://a.io/{i} on page {i}.\tdocs"
        for i in range(400)
    ]
    (tmp_path / "train.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "dev.tsv").write_text("今天好。\tGood day.\n", encoding="utf-8")
    data = replace(
        tiny.data,
        corpora=("train.tsv", "synthetic:60"),
        dev="dev.tsv",
        held_out=10,
        filter=replace(tiny.data.filter, trusted=("docs",)),
    )
    sizes = replace(
        tiny.vocabulary, source_size=700, target_size=600, copy_tokens=True, source_coverage=1.0
    )
    recipe = replace(tiny, data=data, vocabulary=sizes)
    prepare(recipe, tmp_path, tmp_path / "packed")
    split = read_split(tmp_path / "packed", "train")
    tokenizer = Vocabularies(tmp_path / "packed" / "tokenizer").tokenizer
    assert any(origin.startswith("synthetic-") for origin in split.origins)
    place = int(np.flatnonzero(split.origin == split.origins.index("docs"))[0])
    for ids, side in ((split.source(place), "source"), (split.target(place), "target")):
        assert len(set(ids.tolist()) & set(tokenizer.copy_ids(side))) == 1
