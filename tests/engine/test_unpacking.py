"""engine.bin read back: the weights it was packed from, to the step of their rounding."""

import itertools

import numpy as np
import pytest
import torch

from csanmt.configuration import CsanmtConfig
from csanmt.engine.packing import pack
from csanmt.engine.unpacking import unpack
from csanmt.errors import CheckpointError, NotFoundError
from csanmt.modeling import CsanmtForConditionalGeneration, load_model

SHAPES = {
    "plain": {},
    "relative": {"position_type": "relative"},
    "post-norm": {"normalization": "post"},
    "shared": {"share_embeddings": True},
    "untied": {"tie_softmax": False},
    "without augmentation": {"use_augmentation": False},
    "padded heads": {"hidden_size": 48, "num_attention_heads": 4},
    "two vocabularies": {"target_vocab_size": 70},
}


def random_model(**changes: object) -> CsanmtForConditionalGeneration:
    settings = {
        "vocab_size": 130,
        "target_vocab_size": 130,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_attention_heads": 2,
        "num_encoder_layers": 2,
        "num_decoder_layers": 2,
        "num_semantic_encoder_layers": 1,
    }
    torch.manual_seed(3)
    model = CsanmtForConditionalGeneration(CsanmtConfig(**{**settings, **changes}))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return model


@pytest.mark.parametrize("changes", SHAPES.values(), ids=SHAPES.keys())
def test_unpacked_weights_differ_by_half_a_step_at_most(tmp_path, changes):
    model = random_model(**changes)
    pack(model, tmp_path / "engine.bin")
    weights = unpack(tmp_path / "engine.bin")
    own = {name: value.numpy() for name, value in model.state_dict().items()}
    assert weights.keys() == own.keys()
    for name, value in own.items():
        assert weights[name].shape == value.shape, name
        rows = value.reshape(len(value), -1) if value.ndim > 1 else value[:, None]
        step = np.abs(rows).max(axis=1, keepdims=True) / 127
        apart = np.abs(rows - weights[name].reshape(rows.shape))
        assert (apart <= 0.5001 * step).all(), name


def test_a_second_round_keeps_every_code(tmp_path):
    pack(random_model(), tmp_path / "first.bin")
    first = unpack(tmp_path / "first.bin")
    pack(first, tmp_path / "second.bin", config=random_model().config)
    second = unpack(tmp_path / "second.bin")
    for name, value in first.items():
        np.testing.assert_allclose(second[name], value, rtol=1e-6, atol=1e-9, err_msg=name)


def test_a_version_without_float_weights_loads_in_torch(tmp_path):
    model = random_model()
    model.config.save_pretrained(tmp_path)
    pack(model, tmp_path / "engine.bin")
    loaded = load_model(tmp_path).state_dict()
    torch.testing.assert_close(loaded["encoder.norm.weight"], model.encoder.norm.weight.detach())


def test_packed_weights_of_another_shape_are_named(tmp_path):
    pack(random_model(), tmp_path / "engine.bin")
    random_model(num_encoder_layers=3).config.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"engine\.bin does not fit config\.json; missing: "):
        load_model(tmp_path)


def test_every_damaged_byte_is_refused(tmp_path):
    path = tmp_path / "engine.bin"
    pack(random_model(), path)
    sound = path.read_bytes()
    for place in itertools.chain(range(0, 48), (300, len(sound) // 2, len(sound) - 1)):
        damaged = bytearray(sound)
        damaged[place] ^= 0x41
        path.write_bytes(damaged)
        if damaged[12:16] == sound[12:16]:  # the header's own length is not read
            with pytest.raises(CheckpointError):
                unpack(path)
    path.write_bytes(sound[:-64])
    with pytest.raises(CheckpointError, match="truncated"):
        unpack(path)
    with pytest.raises(NotFoundError):
        unpack(tmp_path / "absent.bin")
