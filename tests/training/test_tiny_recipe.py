"""The whole path by the command line: text → tokenizer → two stages → store → translation."""

from __future__ import annotations

import json
import lzma
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from cli.main import main
from csanmt.errors import ConfigurationError, InvalidInputError
from csanmt.loading import load_translator
from csanmt.translator import DecodingOptions
from tests.stub_translator import StubTranslator
from training.corpus import SentencePair, read_pairs
from training.distillation import distil, monolingual
from training.filtering import HAN
from training.packed import read_split
from training.preparation import prepare
from training.recipe import Recipe, load_recipe
from training.run import RunResult, train
from training.status import read_metrics
from training.vocabulary import Vocabularies

REPOSITORY = Path(__file__).parents[2]
RECIPES = REPOSITORY / "training" / "recipes"


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.e2e
def test_tiny_recipe_from_text_to_a_translation_out_of_the_store(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "home"))
    out = tmp_path / "run"
    status = main(
        [
            "train",
            "--recipe",
            str(RECIPES / "tiny.toml"),
            "--out",
            str(out),
            "--weights",
            "float32",
            "--save",
            "tiny-zh-en:v0.1.0",
            "--json",
        ]
    )
    result = json.loads(capsys.readouterr().out)
    assert status == 0
    assert result["saved"] == "tiny-zh-en:v0.1.0"
    assert result["steps"] == 90
    lines = read_metrics(out / "metrics.jsonl")
    for stage, fall in (("contrastive", 0.5), ("translation", 1.5)):
        losses = [x["loss"] for x in lines if x["event"] == "step" and x["stage"] == stage]
        assert mean(losses[:5]) - mean(losses[-5:]) > fall, stage
    curves = ElementTree.parse(out / "curves.svg").getroot()
    assert len(curves.findall("{*}polyline")) == 2
    status = main(["translate", "--model", "tiny-zh-en:v0.1.0", "--engine", "torch", "我走了。"])
    assert status == 0
    assert capsys.readouterr().out.strip()


def test_the_plain_transformer_of_the_ablation_trains_too(short, packed, tmp_path):
    plain = replace(short, model=replace(short.model, use_augmentation=False))
    evaluation = replace(plain.evaluation, max_source_tokens=40, max_length_factor=3)
    plain = replace(plain, evaluation=evaluation)
    outcome = train(plain, packed, tmp_path, clock=lambda: 0.0, weights="float32")
    stages = {line["stage"] for line in read_metrics(tmp_path / "metrics.jsonl")}
    assert stages == {"translation"}
    config = json.loads((outcome.version / "config.json").read_text())
    assert config["use_augmentation"] is False
    assert (config["simplify_source"], config["max_source_tokens"]) == (True, 40)
    assert config["max_length_factor"] == 3
    translator = load_translator(outcome.version, engine="torch")
    assert translator.tokenizer.simplify_source
    assert translator.max_source_tokens == 40


def test_bf16_training_gives_finite_falling_losses(short, packed, tmp_path):
    settings = replace(short.training, precision="bf16", max_steps=12)
    train(replace(short, training=settings), packed, tmp_path, clock=lambda: 0.0, weights="bf16")
    steps = [x for x in read_metrics(tmp_path / "metrics.jsonl") if x.get("stage") == "translation"]
    losses = [x["loss"] for x in steps if x["event"] == "step"]
    assert losses[-1] < losses[0]


def test_finetuning_continues_from_the_models_own_weights(short, packed, tmp_path):
    first = train(short, packed, tmp_path / "first", clock=lambda: 0.0, weights="float32")
    tuned = replace(short, start=replace(short.start, initial_model=str(first.version)))
    prepare(tuned, RECIPES, tmp_path / "packed")
    train(tuned, tmp_path / "packed", tmp_path / "second", clock=lambda: 0.0, weights="float32")

    def first_loss(run: str) -> float:
        lines = read_metrics(tmp_path / run / "metrics.jsonl")
        return next(x["loss"] for x in lines if x.get("stage") == "translation")

    assert first_loss("second") < first_loss("first")


def test_a_share_of_the_first_weights_is_kept(short, packed, tmp_path):
    first = train(short, packed, tmp_path / "first", clock=lambda: 0.0, weights="float32").version
    tuned = replace(short, start=replace(short.start, initial_model=str(first)))
    prepare(tuned, RECIPES, tmp_path / "packed")

    def trained(recipe: Recipe) -> tuple[RunResult, dict[str, Tensor]]:
        arguments = (recipe, tmp_path / "packed", tmp_path / "second")
        outcome = train(*arguments, clock=lambda: 0.0, weights="float32", changed=True)
        return outcome, load_file(outcome.version / "model.safetensors")

    alone, after = trained(tuned)
    mixed, both = trained(replace(tuned, start=replace(tuned.start, kept=0.25)))
    before = load_file(first / "model.safetensors")
    for name, weight in both.items():
        assert torch.allclose(weight, 0.75 * after[name] + 0.25 * before[name], atol=1e-6), name
    assert mixed.steps == alone.steps
    assert mixed.dev["loss"] != alone.dev["loss"]
    described = json.loads((mixed.version / "provenance.json").read_text(encoding="utf-8"))
    assert described["dev"]["loss"] == round(mixed.dev["loss"], 4)


def test_int8_export_packs_one_engine_file(short, packed, tmp_path):
    outcome = train(short, packed, tmp_path, clock=lambda: 0.0, weights="int8")
    assert (outcome.version / "engine.bin").is_file()
    assert not (outcome.version / "model.safetensors").exists()


# --- distillation --------------------------------------------------------------------------------

PAIRS = [SentencePair(f"句子{i}。", "unused", "corpus") for i in range(10)]


def test_distillation_writes_the_teachers_answers_with_scores(tmp_path):
    out = tmp_path / "teacher.tsv"
    written = distil(StubTranslator(), [*PAIRS, PAIRS[0]], out, DecodingOptions(), batch=3)
    lines = [line.split("\t") for line in out.read_text(encoding="utf-8").splitlines()]
    assert written == len(lines) == 10
    expected = StubTranslator().translate([PAIRS[0].source], DecodingOptions())[0]
    assert lines[0][:3] == [PAIRS[0].source, expected.text, "corpus"]
    assert float(lines[0][3]) == pytest.approx(expected.hypotheses[0].score)
    assert len(list(read_pairs([out]))) == 10  # and training can read it


def test_back_translation_writes_the_answer_first_and_the_line_second(tmp_path):
    lines = "He left — at once.\tnews\nShe stayed.\tnews\n"
    (tmp_path / "english.tsv.xz").write_bytes(lzma.compress(lines.encode()))
    out = tmp_path / "back.tsv"
    teacher = StubTranslator({"He left - at once.": "他马上走了。"})
    pairs = monolingual([tmp_path / "english.tsv.xz"])
    assert distil(teacher, pairs, out, DecodingOptions(), back=True) == 2
    made = list(read_pairs([out]))
    assert made[0] == SentencePair("他马上走了。", "He left - at once.", "back:news")
    assert made[1].target == "She stayed."


def test_a_recipe_into_chinese_learns_from_the_same_files(short, tmp_path):
    sizes = {
        "source_size": 800,
        "target_size": 1300,
        "source_coverage": 1.0,
        "target_coverage": 0.98,
    }
    other = replace(
        short,
        data=replace(short.data, languages=("en", "zh")),
        vocabulary=replace(short.vocabulary, **sizes),
    )
    prepare(other, RECIPES, tmp_path / "packed")
    for name in ("train", "dev"):
        split = read_split(tmp_path / "packed", name)
        target = Vocabularies(tmp_path / "packed" / "tokenizer").decode(split.target(0).tolist())
        assert HAN.search(target), name
    outcome = train(other, tmp_path / "packed", tmp_path / "run", clock=lambda: 0.0)
    config = json.loads((outcome.version / "config.json").read_text(encoding="utf-8"))
    assert (config["source_language"], config["target_language"]) == ("en", "zh")


def test_interrupted_distillation_goes_on_without_gaps_or_doubles(tmp_path):
    whole, broken = tmp_path / "whole.tsv", tmp_path / "broken.tsv"
    distil(StubTranslator(), PAIRS, whole, DecodingOptions(), batch=3)

    class Interrupted(Exception):
        pass

    def stop(done: int) -> None:
        if done >= 6:
            raise Interrupted

    with pytest.raises(Interrupted):
        distil(StubTranslator(), PAIRS, broken, DecodingOptions(), batch=3, progress=stop)
    with broken.open("a", encoding="utf-8") as stream:
        stream.write("half a li")  # what a kill in mid-write leaves
    distil(StubTranslator(), PAIRS, broken, DecodingOptions(), batch=3)
    assert broken.read_text(encoding="utf-8") == whole.read_text(encoding="utf-8")


def test_distillation_does_not_go_on_with_other_settings(tmp_path):
    out = tmp_path / "teacher.tsv"
    made_with = {"teacher": "a", "corpora": ["1"]}
    distil(StubTranslator(), PAIRS, out, DecodingOptions(beam=4), made_with=made_with)
    for other, options, named in (
        ({"teacher": "b", "corpora": ["1"]}, DecodingOptions(beam=4), "teacher"),
        ({"teacher": "a", "corpora": ["2"]}, DecodingOptions(beam=4), "corpora"),
        (made_with, DecodingOptions(beam=1), r"options\.beam"),
    ):
        with pytest.raises(InvalidInputError, match=f"begun with other settings: {named};"):
            distil(StubTranslator(), PAIRS, out, options, made_with=other)
    assert distil(StubTranslator(), PAIRS, out, DecodingOptions(beam=4), made_with=made_with) == 0


def test_an_imported_modelscope_model_is_finetuned_on_own_text(short, tmp_path):
    from csanmt.modelscope.conversion import convert

    convert(REPOSITORY / "tests" / "goldens" / "A" / "model", tmp_path / "imported")
    lines = (RECIPES / "tiny" / "train.tsv").read_text(encoding="utf-8").splitlines()[:60]
    (tmp_path / "train.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "dev.tsv").write_text("\n".join(lines[:5]) + "\n", encoding="utf-8")
    finetune = load_recipe(RECIPES / "finetune.toml")
    recipe = replace(
        short,
        data=replace(short.data, corpora=("train.tsv",), dev="dev.tsv", exclude=()),
        start=replace(short.start, initial_model=str(tmp_path / "imported")),
        contrastive=replace(finetune.contrastive, max_steps=2, batch=16),
        augmentation=finetune.augmentation,
        training=replace(short.training, max_steps=3),
    )
    recipe = replace(recipe, data=replace(recipe.data, max_target_tokens=200))
    prepare(recipe, tmp_path, tmp_path / "packed")
    outcome = train(
        recipe, tmp_path / "packed", tmp_path / "run", clock=lambda: 0.0, weights="float32"
    )
    assert outcome.steps == 3
    steps = [x for x in read_metrics(tmp_path / "run" / "metrics.jsonl") if x["event"] == "step"]
    assert [x["stage"] for x in steps] == ["contrastive"] * 2 + ["translation"] * 3
    description = json.loads((outcome.version / "tokenizer" / "tokenizer_config.json").read_text())
    assert description["type"] == "modelscope"


def test_sampling_around_vectors_that_nothing_trains_is_refused(short, packed, tmp_path):
    untrained = replace(short, contrastive=replace(short.contrastive, share=0.0))
    with pytest.raises(ConfigurationError, match=r"contrastive\.share is 0\.0 .* share above 0"):
        train(untrained, packed, tmp_path, clock=lambda: 0.0)
    assert not list(tmp_path.iterdir())
    plain = replace(untrained, augmentation=replace(short.augmentation, num_of_samples=0))
    train(plain, packed, tmp_path, clock=lambda: 0.0, weights="float32")


def test_the_model_a_recipe_goes_on_from_is_found_beside_the_recipe(tmp_path, capsys):
    recipe = tmp_path / "more.toml"
    recipe.write_text('[start]\ninitial_model = "absent/version"\n', encoding="utf-8")
    arguments = ["train", "prepare", "--recipe", str(recipe), "--out", str(tmp_path / "packed")]
    assert main(arguments) == 4
    assert "no model version" in capsys.readouterr().err
    assert not (tmp_path / "packed").exists()


def test_training_goes_on_from_packed_weights(short, packed, tmp_path):
    first = train(short, packed, tmp_path / "first", clock=lambda: 0.0, weights="int8")
    assert not (first.version / "model.safetensors").exists()
    more = replace(short, start=replace(short.start, initial_model=str(first.version)))
    prepare(more, RECIPES, tmp_path / "packed")
    train(more, tmp_path / "packed", tmp_path / "more", clock=lambda: 0.0, weights="int8")

    def losses(run: str) -> list[float]:
        lines = read_metrics(tmp_path / run / "metrics.jsonl")
        return [x["loss"] for x in lines if x["event"] == "step" and x["stage"] == "translation"]

    assert mean(losses("more")[:3]) < mean(losses("first")[:3]) - 0.1
