"""Packed data of other settings is refused by name, and prepared anew on --restart."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cli.main import main
from csanmt.errors import InvalidInputError, NotFoundError
from training.package import pack_run
from training.packed import check_packed, corpora_digests, model_digest
from training.run import train

TINY = Path(__file__).parents[2] / "training" / "recipes" / "tiny"

RECIPE = """
[data]
corpora = ["train.tsv"]
exclude = [{exclude}]
default_weight = 1.0
[data.filter]
trusted = ["tatoeba"]
[vocabulary]
source_size = 1300
target_size = 800
source_coverage = 0.98
[model]
hidden_size = 32
intermediate_size = 32
num_attention_heads = 2
num_encoder_layers = 1
num_decoder_layers = 1
[contrastive]
max_steps = 1
[training]
max_steps = 1
batch_tokens = 128
precision = "float32"
[evaluation]
sentences = 0
"""


@pytest.mark.parametrize(
    ("section", "change", "named"),
    [
        ("data", {"exclude": ("test.zh",)}, r"data\.exclude;"),
        ("data", {"weights": {"tatoeba": 2.0}}, r"data\.weights\.tatoeba;"),
        ("vocabulary", {"source_size": 900}, r"vocabulary\.source_size;"),
        ("training", {"seed": 8}, r"made with other settings than the recipe's: seed;"),
    ],
)
def test_what_differs_is_named_before_training_and_packing(
    section, change, named, short, packed, tmp_path
):
    other = replace(short, **{section: replace(getattr(short, section), **change)})
    with pytest.raises(InvalidInputError, match=named):
        train(other, packed, tmp_path / "run")
    with pytest.raises(InvalidInputError, match=named):
        pack_run(other, packed, tmp_path / "run.tar.xz")
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "run.tar.xz").exists()


def test_settings_of_training_alone_leave_packed_data_valid(short, packed):
    settings = replace(short.training, minutes=99.0, learning_rate=1.0)
    check_packed(replace(short, training=settings), packed)


def test_packed_data_of_before_a_setting_was_invented_stays_valid(short, packed, tmp_path):
    body = json.loads((packed / "packed.json").read_text(encoding="utf-8"))
    del body["made_with"]["data"]["filter"]["exact"], body["made_with"]["vocabulary"]["copy_tokens"]
    (tmp_path / "packed.json").write_text(json.dumps(body), encoding="utf-8")
    check_packed(short, tmp_path)
    more = replace(short, vocabulary=replace(short.vocabulary, copy_tokens=True))
    with pytest.raises(InvalidInputError, match=r"the recipe.s: vocabulary\.copy_tokens;"):
        check_packed(more, tmp_path)


def test_packed_data_without_a_record_is_refused(short, tmp_path):
    (tmp_path / "packed.json").write_text('{"format": 1}')
    with pytest.raises(InvalidInputError, match="does not say what it was made with; prepare"):
        check_packed(short, tmp_path)


def test_a_new_test_set_stops_the_command_until_restart_prepares_anew(tmp_path, capsys):
    lines = (TINY / "train.tsv").read_text(encoding="utf-8").splitlines()[:400]
    (tmp_path / "train.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "dev.tsv").write_text((TINY / "dev.tsv").read_text(encoding="utf-8"))
    (tmp_path / "test.tsv").write_text("\n".join(lines[:50]) + "\n", encoding="utf-8")
    recipe, out = tmp_path / "recipe.toml", tmp_path / "run"
    command = ["train", "--recipe", str(recipe), "--out", str(out), "--weights", "float32"]

    def excluded() -> int:
        return json.loads((out / "data" / "packed.json").read_text())["dropped"]["contamination"]

    recipe.write_text(RECIPE.format(exclude=""))
    assert main(command) == 0
    before = excluded()
    recipe.write_text(RECIPE.format(exclude='"test.tsv"'))
    assert main(command) == 2
    assert "data.exclude; prepare the data anew" in capsys.readouterr().err
    assert main([*command, "--restart"]) == 0
    assert excluded() > before + 30


def test_a_models_digest_is_of_its_shape_weights_and_tokenizer_alone(tmp_path):
    (tmp_path / "tokenizer").mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer/source.model"):
        (tmp_path / name).write_text("one")
    first = model_digest(tmp_path)
    (tmp_path / "model_card.md").write_text("words")
    assert model_digest(tmp_path) == first
    (tmp_path / "tokenizer" / "source.model").write_text("two")
    assert model_digest(tmp_path) != first


def test_corpora_are_digested_file_by_file(tmp_path):
    (tmp_path / "a.tsv").write_text("一\tone\n")
    (tmp_path / "b.zh").write_text("一\n")
    (tmp_path / "b.en").write_text("one\n")
    assert len(corpora_digests([tmp_path / "a.tsv", tmp_path / "b"])) == 3
    with pytest.raises(NotFoundError, match=r"no corpus file .*c\.zh"):
        corpora_digests([tmp_path / "c"])
