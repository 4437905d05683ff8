"""Readers, filter, contamination, batches."""

from __future__ import annotations

import gzip
import lzma
import re
from pathlib import Path

import numpy as np
import pytest

from csanmt.errors import InvalidInputError, NotFoundError
from training.batches import bucket, pad, plan_round
from training.contamination import SMOKE_SENTENCES, ContaminationFilter, fingerprint
from training.corpus import SentencePair, read_pairs
from training.filtering import (
    FilterReport,
    FilterSettings,
    filter_pairs,
    first_broken_rule,
    normalise_target,
)
from training.packed import PackedSplit
from training.preparation import label_short, sample
from training.recipe import DataSettings
from training.variants import bare_variants

REPOSITORY = Path(__file__).parents[2]


# --- readers -------------------------------------------------------------------------------------


def test_tsv_is_read_plain_and_compressed_with_or_without_origin(tmp_path: Path):
    line = "你好\thello\tchat\n"
    (tmp_path / "a.tsv").write_text("一\tone\n" + line, encoding="utf-8")
    (tmp_path / "b.tsv.xz").write_bytes(lzma.compress(line.encode()))
    (tmp_path / "c.tsv.gz").write_bytes(gzip.compress(line.encode()))
    pairs = list(read_pairs([tmp_path / name for name in ("a.tsv", "b.tsv.xz", "c.tsv.gz")]))
    assert pairs == [SentencePair("一", "one", "a")] + [SentencePair("你好", "hello", "chat")] * 3


def test_moses_halves_are_read_in_step(tmp_path: Path):
    (tmp_path / "corpus.zh").write_text("一\n二\n", encoding="utf-8")
    (tmp_path / "corpus.en").write_text("one\ntwo\n", encoding="utf-8")
    expected = [SentencePair("一", "one", "corpus"), SentencePair("二", "two", "corpus")]
    assert list(read_pairs([tmp_path / "corpus"])) == expected


def test_moses_halves_of_different_length_are_refused(tmp_path: Path):
    (tmp_path / "corpus.zh").write_text("一\n二\n", encoding="utf-8")
    (tmp_path / "corpus.en").write_text("one\n", encoding="utf-8")
    with pytest.raises(
        InvalidInputError, match=r"corpus\.en ends before its other half, at line 2"
    ):
        list(read_pairs([tmp_path / "corpus"]))


def test_tmx_is_read_with_inline_markup_and_other_languages_left_out(tmp_path: Path):
    (tmp_path / "memory.tmx").write_text(
        """<?xml version="1.0"?><tmx version="1.4"><header/><body>
        <tu><tuv xml:lang="zh-CN"><seg>打开<bpt i="1">&lt;b&gt;</bpt>门<ept i="1"/>。</seg></tuv>
            <tuv xml:lang="en-US"><seg>Open the
            door.</seg></tuv></tu>
        <tu><tuv xml:lang="fr"><seg>porte</seg></tuv><tuv xml:lang="en"><seg>door</seg></tuv></tu>
        </body></tmx>""",
        encoding="utf-8",
    )
    assert list(read_pairs([tmp_path / "memory.tmx"])) == [
        SentencePair("打开门。", "Open the door.", "memory")
    ]


def test_what_cannot_be_read_says_which_file_and_line(tmp_path: Path):
    (tmp_path / "bad.tsv").write_text("一\tone\nonly\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"bad\.tsv:2: expected source"):
        list(read_pairs([tmp_path / "bad.tsv"]))
    with pytest.raises(NotFoundError, match="no corpus file"):
        list(read_pairs([tmp_path / "none.tsv"]))
    (tmp_path / "bad.tmx").write_text("<tmx><tu>", encoding="utf-8")
    with pytest.raises(InvalidInputError, match=r"bad\.tmx' is not a TMX that can be read"):
        list(read_pairs([tmp_path / "bad.tmx"]))


# --- filter --------------------------------------------------------------------------------------

DOCS, PROSE, CHAT = "docs", "prose", "chat"
SETTINGS = FilterSettings(
    max_source_characters=40, max_target_words=20, trusted=(CHAT,), prose=(PROSE,)
)


@pytest.mark.parametrize(
    ("source", "target", "origin", "rule"),
    [
        ("他每天早上都去公园跑步。", "He runs in the park every morning.", DOCS, None),
        ("", "He runs.", DOCS, "empty"),
        ("走" * 41, "He runs in the park.", DOCS, "length"),
        ("他走了。", "word " * 20 + "end.", DOCS, "length"),
        ("Hello there friend.", "Hello there friend.", DOCS, "script"),
        ("他走了。", "他走了 and left.", DOCS, "script"),
        ("他走了。", "He left and then never came back to see us again.", DOCS, "ratio"),
        ("请点击 <b>这里</b> 继续。", "Please click <b>here</b> to continue.", DOCS, "markup"),
        ("请访问我们的网站。", "Visit https://example.org now please.", DOCS, "markup"),
        ("他有 3 个苹果。", "He has 5 apples.", DOCS, "numbers"),
        ("使用 Docker 运行它。", "Run it with something else.", DOCS, "names"),
        ("保存文件", "Save file", DOCS, "fragment"),
        ("保存文件。", "save the file now.", DOCS, "fragment"),
        ("一只猫在睡觉", "A cat sleeping", PROSE, None),
        ("走吧", "Let's go", CHAT, None),
    ],
)
def test_filter_rules(source, target, origin, rule):
    assert first_broken_rule(SentencePair(source, target, origin), SETTINGS) == rule


def test_duplicates_are_dropped_and_counted():
    pair = SentencePair("他走了。", "He left.", CHAT)
    report = FilterReport()
    kept = list(
        filter_pairs([pair, SentencePair("他走了。", "he  left.", CHAT), pair], SETTINGS, report)
    )
    assert kept == [pair]
    assert report.dropped == {"duplicate": 2}
    assert report.kept == {CHAT: 1}


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("“Yes”, he said – it’s  fine…", '"Yes", he said - it\'s fine...'),
        ("a man 's hat, do n't", "a man's hat, don't"),
        ("ＡＢＣ 😀", "ABC 😀"),
    ],
)
def test_targets_get_one_typography(raw, clean):
    assert normalise_target(raw) == clean


# --- contamination -------------------------------------------------------------------------------


def benchmark_lines() -> dict[str, list[str]]:
    suites = sorted((REPOSITORY / "benchmarks" / "suites").glob("*/*.zh"))
    suites += sorted((REPOSITORY / "benchmarks" / "suites").glob("*/*.en"))
    return {str(path): path.read_text(encoding="utf-8").splitlines() for path in suites}


def test_no_benchmark_sentence_passes_in_whatever_spelling():
    lines = [line for suite in benchmark_lines().values() for line in suite if fingerprint(line)]
    if not lines:
        pytest.skip("the benchmark suites are not in this source tree")
    guard = ContaminationFilter(lines)
    for line in lines[:: max(1, len(lines) // 400)]:
        assert guard.refuses(SentencePair(line, "Some other sentence.", "x"))
        assert guard.refuses(SentencePair("另一个句子。", line.upper() + " !", "x"))
        assert guard.refuses(SentencePair(f"“{line}”", "Some other sentence.", "x"))


@pytest.mark.parametrize("sentence", SMOKE_SENTENCES)
def test_smoke_sentences_never_pass_not_even_inside_a_longer_line(sentence):
    guard = ContaminationFilter([])
    assert guard.refuses(SentencePair(sentence, "anything", "x"))
    assert guard.refuses(SentencePair(f"他说：“{sentence}”然后走了。", "anything", "x"))
    assert not guard.refuses(SentencePair("今天天气怎么样？", "How is the weather today?", "x"))


def test_a_planted_test_sentence_does_not_survive_preparation(tmp_path: Path):
    from training.packed import read_split
    from training.preparation import prepare
    from training.recipe import recipe_from_dict
    from training.vocabulary import Vocabularies

    tiny = REPOSITORY / "training" / "recipes" / "tiny"
    lines = (tiny / "train.tsv").read_text(encoding="utf-8").splitlines()[:400]
    planted = ["我们的秘密测试句子。\tWe planted this sentence.\ttatoeba", lines[7]]
    (tmp_path / "train.tsv").write_text("\n".join([*lines, *planted]) + "\n", encoding="utf-8")
    (tmp_path / "dev.tsv").write_text((tiny / "dev.tsv").read_text(encoding="utf-8"))
    (tmp_path / "test.zh").write_text("我们的秘密测试句子\n", encoding="utf-8")
    (tmp_path / "test.en").write_text(lines[7].split("\t")[1].lower() + "\n", encoding="utf-8")
    recipe = recipe_from_dict(
        {
            "name": "planted",
            "data": {
                "corpora": ["train.tsv"],
                "exclude": ["test.zh", "test.en"],
                "default_weight": 1.0,
                "filter": {"trusted": ["tatoeba"]},
            },
            "vocabulary": {"source_size": 1300, "target_size": 800, "source_coverage": 0.98},
        }
    )
    description = prepare(recipe, tmp_path, tmp_path / "packed")
    assert description["dropped"]["contamination"] >= 2
    split = read_split(tmp_path / "packed", "train")
    words = Vocabularies(tmp_path / "packed" / "tokenizer")
    targets = {fingerprint(words.decode(split.target(i).tolist())) for i in range(len(split))}
    assert fingerprint("We planted this sentence.") not in targets
    assert fingerprint(lines[7].split("\t")[1]) not in targets
    assert fingerprint(lines[9].split("\t")[1]) in targets  # the rest is there


def test_a_test_set_is_excluded_in_whatever_form_it_comes(tmp_path: Path):
    (tmp_path / "a.tmx").write_text(
        """<tmx version="1.4"><header/><body>
        <tu><tuv xml:lang="zh"><seg>秘密<b>句子</b>。</seg></tuv>
            <tuv xml:lang="en"><seg>A secret
            sentence.</seg></tuv></tu></body></tmx>""",
        encoding="utf-8",
    )
    (tmp_path / "b.zh").write_text("秘密句子。\n", encoding="utf-8")
    (tmp_path / "b.en").write_text("A secret sentence.\n", encoding="utf-8")
    (tmp_path / "c.tsv.gz").write_bytes(gzip.compress("秘密句子。\tA secret sentence.\n".encode()))
    for name in ("a.tmx", "b", "c.tsv.gz"):
        guard = ContaminationFilter.from_files([tmp_path / name])
        assert guard.refuses(SentencePair("秘密句子", "x", "o")), name
        assert guard.refuses(SentencePair("别的", "a secret sentence", "o")), name
    plain = ContaminationFilter.from_files([tmp_path / "b.zh"])
    assert plain.refuses(SentencePair("秘密句子", "x", "o"))


def test_the_gates_suites_are_excluded_whatever_the_recipe_says(tiny, packed, tmp_path):
    from training.packed import read_description
    from training.preparation import prepare

    assert not tiny.data.exclude
    place = REPOSITORY / "training" / "recipes" / "tiny"
    lines = (place / "train.tsv").read_text(encoding="utf-8").splitlines()
    ordinary = re.compile(r"([a-z]+ ){5,7}\w+\.", re.IGNORECASE)  # passes every other rule
    planted = [
        f"这是一句奇怪的话{mark}。\t{sentence}\ttatoeba"
        for path, found in benchmark_lines().items()
        if path.endswith(".en")
        for mark, sentence in zip("甲乙丙", filter(ordinary.fullmatch, found), strict=False)
    ]
    assert len(planted) == 9
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "train.tsv").write_text("\n".join([*lines, *planted]), encoding="utf-8")
    (tmp_path / "tiny" / "dev.tsv").write_text((place / "dev.tsv").read_text(encoding="utf-8"))
    found = prepare(tiny, tmp_path, tmp_path / "packed")["dropped"]["contamination"]
    without = read_description(packed)["dropped"]["contamination"]
    assert found == without + len(planted)


def test_a_missing_test_set_is_an_error_not_an_empty_filter(tmp_path: Path):
    with pytest.raises(NotFoundError):
        ContaminationFilter.from_files([tmp_path / "gone.zh"])


# --- sampling and batches ------------------------------------------------------------------------


def test_sampling_caps_an_origin_and_is_repeatable():
    pairs = [SentencePair(str(i), "x", "big") for i in range(100)] + [
        SentencePair("a", "b", "unwanted")
    ]
    settings = DataSettings(weights={"big": 1.0}, cap=10)
    first = sample(pairs, settings, seed=3)
    assert len(first) == 10
    assert {pair.origin for pair in first} == {"big"}
    assert first == sample(pairs, settings, seed=3) != sample(pairs, settings, seed=4)


def test_short_targets_get_an_origin_of_their_own():
    pairs = [SentencePair("一", "one two", "a"), SentencePair("二", "one two three", "a")]
    assert [pair.origin for pair in label_short(pairs, 2)] == ["a:short", "a"]


def test_variants_lose_the_final_stop_on_both_sides():
    pairs = [SentencePair("他走了。", "He left.", "a"), SentencePair("走吗？", "Shall we go?", "a")]
    assert bare_variants(pairs, 1.0, 1) == [SentencePair("他走了", "He left", "a")]


def random_split(count: int) -> PackedSplit:
    chance = np.random.default_rng(0)
    sizes = [chance.integers(1, 30, count) for _ in range(2)]
    offsets = [np.concatenate([[0], np.cumsum(size)]) for size in sizes]
    flat = [chance.integers(1, 50, int(o[-1])).astype(np.uint16) for o in offsets]
    origin = chance.integers(0, 2, count).astype(np.uint8)
    return PackedSplit(flat[0], offsets[0], flat[1], offsets[1], origin, ("a", "b"))


def test_a_round_holds_every_weighted_pair_within_the_token_budget():
    split = random_split(500)
    batches = plan_round(split, {"a": 1.0, "b": 2.5}.__getitem__, 256, seed=1, number=0)
    used = np.concatenate(batches)
    counts = np.bincount(used, minlength=500)
    assert (counts[split.origin == 0] == 1).all()
    assert set(counts[split.origin == 1]) == {2, 3}
    for indices in batches:
        widest = max(split.source_lengths()[indices].max(), split.target_lengths()[indices].max())
        assert (widest + 1) * len(indices) <= 256


def test_rounds_differ_and_repeat_exactly():
    split = random_split(200)
    plans = [plan_round(split, lambda _o: 0.5, 128, 1, number) for number in (0, 0, 1)]
    assert all((a == b).all() for a, b in zip(plans[0], plans[1], strict=True))
    assert len(plans[0]) != len(plans[2]) or any(
        len(a) != len(b) or (a != b).any() for a, b in zip(plans[0], plans[2], strict=True)
    )


def test_buckets_waste_little():
    split = random_split(2000)
    batches = bucket(np.arange(2000), split, 1024, np.random.default_rng(0))
    lengths = split.target_lengths() + 1
    used = sum(int(lengths[b].sum()) for b in batches)
    padded = sum(int(lengths[b].max()) * len(b) for b in batches)
    assert used > 0.9 * padded


def test_padding_appends_one_eos_that_the_mask_includes():
    flat, offsets = np.asarray([9, 5, 6, 7], np.uint16), np.asarray([0, 1, 3, 4])
    ids, mask = pad(flat, offsets, np.asarray([1, 2]))
    assert ids.tolist() == [[5, 6, 0], [7, 0, 0]]
    assert mask.tolist() == [[True, True, True], [True, True, False]]
    assert pad(flat, offsets, np.asarray([2]))[0].tolist() == [[7, 0]]


def test_the_shipped_list_of_names_holds_no_smoke_sentence_and_no_benchmark_line():
    names = list(read_pairs([REPOSITORY / "training" / "recipes" / "own-names.tsv"]))
    lines = [line for suite in benchmark_lines().values() for line in suite]
    guard = ContaminationFilter(lines)
    assert len(names) > 700
    assert not [pair for pair in names if guard.refuses(pair)]
    assert not [pair for pair in names if "天气" in pair.source or "世界" in pair.source]
