"""The model as transformers knows it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer

from csanmt.configuration import CsanmtConfig
from csanmt.engine.packing import pack
from csanmt.engine.torch_reference import TorchEngine
from csanmt.errors import ConfigurationError, InvalidInputError
from csanmt.loading import load_tokenizer
from csanmt.modeling import CsanmtForConditionalGeneration, load_model
from csanmt.search import banned_tokens, most_copies
from csanmt.translator import DecodingOptions
from csanmt.version import write_decoding
from tests.csanmt.golden import GOLDENS, Golden
from tests.fixtures_tiny import tiny_model_dir

SOURCES = [[5, 6, 7, 8], [9, 10]]
PADDED = torch.tensor([[5, 6, 7, 8, 0], [9, 10, 0, 0, 0]])
VARIANTS: list[dict[str, Any]] = [
    {},
    {"position_type": "relative", "max_relative_distance": 2},
    {"normalization": "post"},
    {"tie_softmax": False},
    {"share_embeddings": True},
    {"use_augmentation": False},
]


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda v: "-".join(v) or "base")
def variant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_dir(tmp_path_factory.mktemp("variant") / "model", **request.param)


def test_auto_classes_find_the_model_and_saving_round_trips(variant: Path, tmp_path: Path) -> None:
    assert isinstance(AutoConfig.from_pretrained(variant), CsanmtConfig)
    model = AutoModelForSeq2SeqLM.from_pretrained(variant)
    assert isinstance(model, CsanmtForConditionalGeneration)
    model.save_pretrained(tmp_path)
    again = load_model(tmp_path)
    assert not list(tmp_path.glob("*.bin"))
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_greedy_generate_agrees_with_the_engine(variant: Path) -> None:
    model = load_model(variant)
    options = DecodingOptions(beam=1, max_length=10, repetition_guard=False)
    expected = TorchEngine(model).translate_ids(SOURCES, options)
    generated = model.generate(PADDED, num_beams=1, do_sample=False, max_new_tokens=10)
    for row, (best,) in zip(generated.tolist(), expected, strict=True):
        ids = [token for token in row[1:] if token != 0]
        assert tuple(ids) == best.ids


def test_beam_generate_runs_and_padding_changes_nothing(variant: Path) -> None:
    model = load_model(variant)
    both = model.generate(PADDED, num_beams=3, do_sample=False, max_new_tokens=6)
    alone = model.generate(PADDED[1:, :3], num_beams=3, do_sample=False, max_new_tokens=6)
    short = min(both.shape[1], alone.shape[1])
    assert both[1, :short].tolist() == alone[0, :short].tolist()


def test_cached_decoding_is_teacher_forcing_step_by_step(variant: Path) -> None:
    model = load_model(variant)
    engine = TorchEngine(model)
    options = DecodingOptions(beam=2, max_length=8, repetition_guard=False, length_penalty=0.0)
    (best, *_) = engine.translate_ids(SOURCES[:1], options)[0]
    target = torch.tensor([[*best.ids, *([] if best.hit_limit else [0])]])
    inputs = torch.nn.functional.pad(target[:, :-1], (1, 0))
    with torch.inference_mode():
        logits = model(input_ids=PADDED[:1], decoder_input_ids=inputs).logits
    total = logits.log_softmax(-1).gather(2, target.unsqueeze(-1)).sum()
    assert float(total) == pytest.approx(best.score, abs=1e-4)


def test_training_forward_ignores_masked_labels_and_reaches_every_weight(variant: Path) -> None:
    model = load_model(variant).train()
    labels = torch.tensor([[4, 5, 6, 0], [7, 0, -100, -100]])
    loss = model(input_ids=PADDED, labels=labels).loss
    loss.backward()
    assert torch.isfinite(loss)
    untouched = [n for n, p in model.named_parameters() if p.grad is None]
    assert untouched == []


def test_loss_without_smoothing_is_the_mean_over_target_tokens(golden: Any) -> None:
    opened: Golden = golden("A")
    train = np.load(GOLDENS / "A" / "train.npz")
    model = opened.model
    source = torch.nn.functional.pad(torch.tensor(train["src"]), (0, 1))
    target = torch.nn.functional.pad(torch.tensor(train["trg"]), (0, 1))
    valid = torch.ones_like(target, dtype=torch.bool)
    valid[:, 1:] = target[:, :-1] != 0
    with torch.inference_mode():
        out = model(input_ids=source, labels=target.masked_fill(~valid, -100))
    logits = torch.tensor(train["det_logits"])
    picked = -logits.log_softmax(-1).gather(2, target.unsqueeze(-1)).squeeze(-1)
    assert float(out.loss) == pytest.approx(float(picked[valid].mean()), abs=2e-4)
    _, vocabulary = logits.shape[1:]
    off = 0.1 / (vocabulary - 1)
    smoothed = (0.9 - off) * picked - off * logits.log_softmax(-1).sum(-1)
    assert float(smoothed[valid].mean()) == pytest.approx(float(train["det_loss"]), abs=1e-4)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hidden_size", 0),
        ("num_attention_heads", 3),
        ("position_type", "rotary"),
        ("normalization", "none"),
        ("hidden_size", 33),
    ],
)
def test_a_bad_configuration_names_key_and_value(key: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=key):
        CsanmtConfig(**{"num_attention_heads": 1, "hidden_size": 32, key: value})


def test_prefixes_are_kept_and_bad_ids_refused(tiny_directory: Path) -> None:
    engine = TorchEngine(load_model(tiny_directory))
    options = DecodingOptions(max_length=8)
    for best, *_ in engine.translate_ids(SOURCES, options, prefixes=[[11, 12], [13]]):
        assert best.ids[: 2 if best.ids[0] == 11 else 1] in ((11, 12), (13,))
    with pytest.raises(InvalidInputError, match="one each"):
        engine.translate_ids(SOURCES, options, prefixes=[[1]])
    with pytest.raises(InvalidInputError, match="prefix id 0 is outside 1"):
        engine.translate_ids(SOURCES, options, prefixes=[[0], [1]])
    with pytest.raises(InvalidInputError, match="source id 999999"):
        engine.translate_ids([[999999]], options)


def test_batches_change_no_hypothesis(tiny_directory: Path) -> None:
    model = load_model(tiny_directory)
    options = DecodingOptions(beam=3, n_best=3, max_length=12, alignment=True)
    one = TorchEngine(model).translate_ids(SOURCES, options)
    many = TorchEngine(model, batch_size=8).translate_ids(SOURCES, options)
    for a, b in zip(one, many, strict=True):
        assert [h.ids for h in a] == [h.ids for h in b]
        assert [h.alignment for h in a] == [h.alignment for h in b]
        assert [h.score for h in a] == pytest.approx([h.score for h in b], abs=1e-5)


@pytest.mark.parametrize(
    ("ids", "source", "banned"),
    [
        ([7] * 7, [], []),
        ([7] * 8, [], [7]),
        ([7] * 8, [5, 6, *[4] * 9], []),
        ([7] * 9, [5, 6, *[4] * 9], [7]),
        ([1, 2] * 2, [], []),
        ([1, 2] * 3, [3, 3, 3], [1]),
        ([1, 2] * 3, [3, 3, 3, 3], []),
        ([1, 2] * 4, [3, 4, 5] * 4, [1]),
        ([1, 2, 3, 4, 5] * 3, [], [1]),
        ([1, 2, 3, 4, 5] * 2, [], []),
        (list(range(17)) * 3, [], []),
        ([], [], []),
    ],
)
def test_only_a_loop_is_banned(ids: list[int], source: list[int], banned: list[int]) -> None:
    """What the source itself repeats may be repeated as often."""
    assert list(dict.fromkeys(banned_tokens(ids, most_copies(source)))) == banned


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version as it is served: packed weights alone, and defaults of its own."""
    directory = tiny_model_dir(tmp_path_factory.mktemp("packed") / "model")
    pack(load_model(directory), directory / "engine.bin")
    (directory / "model.safetensors").unlink()
    write_decoding(directory, DecodingOptions(beam=3, length_penalty=0.9, max_length=12))
    return directory


LOADING = """
import sys
{imports}
assert "torch" not in sys.modules or {early}
from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoTokenizer
directory = sys.argv[1]
tokenizer = AutoTokenizer.from_pretrained(directory)
model = AutoModelForSeq2SeqLM.from_pretrained(directory)
assert AutoConfig.from_pretrained(directory).model_type == "csanmt"
batch = tokenizer(["今天天气很好。", "请问去火车站怎么走？"], return_tensors="pt", padding=True)
print(tokenizer.batch_decode(model.generate(**batch), skip_special_tokens=True))
"""


@pytest.mark.parametrize(
    ("imports", "early"),
    [("import csanmt", False), ("import transformers\nimport csanmt", True)],
)
def test_auto_classes_load_a_packed_version_after_our_import(
    packed: Path, imports: str, early: bool
) -> None:
    program = LOADING.format(imports=imports, early=early)
    done = subprocess.run(
        [sys.executable, "-c", program, packed], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(ast.literal_eval(done.stdout)) == 2


def test_a_version_generates_by_its_own_defaults(packed: Path) -> None:
    model = AutoModelForSeq2SeqLM.from_pretrained(packed)
    generation = model.generation_config
    assert (generation.num_beams, generation.length_penalty) == (3, 0.9)
    assert generation.max_length == 13
    assert AutoModelForSeq2SeqLM.from_pretrained(packed, dtype=torch.bfloat16).dtype == (
        torch.bfloat16
    )


def test_a_tokenizer_of_transformers_is_ours(packed: Path, tmp_path: Path) -> None:
    ours, theirs = load_tokenizer(packed), AutoTokenizer.from_pretrained(packed)
    text, english = "今天</s>天气\n很好。", "The weather is fine."
    assert theirs(text)["input_ids"] == [*ours.encode(text), 0]
    labels = theirs(text_target=english)["input_ids"]
    assert labels[-1] == 0
    assert theirs.decode([0, *labels]) == ours.decode(labels) == english
    assert theirs(["今天天气很好。", "好"], padding=True)["attention_mask"][1][-1] == 0
    theirs.save_pretrained(tmp_path)
    assert load_tokenizer(tmp_path).encode(text) == ours.encode(text)
