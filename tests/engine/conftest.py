"""Tiny random models of every kind, as torch models and as engine files."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("csanmt_engine", reason="the native engine is not installed")
torch = pytest.importorskip("torch", reason="torch is the oracle of these tests")

from csanmt.engine.native import NativeEngine  # noqa: E402
from csanmt.engine.packing import pack  # noqa: E402

KINDS: dict[str, dict[str, Any]] = {
    "published": {},
    "relative": {"position_type": "relative", "max_relative_distance": 4},
    "post-norm": {"normalization": "post"},
    "post-norm relative": {"normalization": "post", "position_type": "relative"},
    "shared": {"share_embeddings": True, "vocab_size": 261},
    "shared untied": {"share_embeddings": True, "vocab_size": 261, "tie_softmax": False},
    "untied": {"tie_softmax": False},
    "plain transformer": {"use_augmentation": False},
    "width 48": {"hidden_size": 48, "num_attention_heads": 3, "intermediate_size": 112},
    "wide heads": {"hidden_size": 160, "num_attention_heads": 2},
}


def make_model(kind: str, seed: int = 0) -> Any:
    from csanmt.configuration import CsanmtConfig
    from csanmt.modeling import CsanmtForConditionalGeneration

    settings: dict[str, Any] = {
        "vocab_size": 500,
        "target_vocab_size": 261,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_encoder_layers": 3,
        "num_decoder_layers": 2,
        "num_semantic_encoder_layers": 2,
    }
    torch.manual_seed(seed)
    model = CsanmtForConditionalGeneration(CsanmtConfig(**(settings | KINDS[kind]))).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.08)
    return model


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Any, Path]]:
    """kind → (torch model, engine.bin), made once."""
    made: dict[str, tuple[Any, Path]] = {}
    folder = tmp_path_factory.mktemp("engines")

    def get(kind: str) -> tuple[Any, Path]:
        if kind not in made:
            model = make_model(kind)
            path = folder / kind.replace(" ", "-") / "engine.bin"
            path.parent.mkdir()
            pack(model, path)
            made[kind] = model, path
        return made[kind]

    return get


@pytest.fixture
def engine(packed: Callable[[str], tuple[Any, Path]]) -> NativeEngine:
    return NativeEngine(packed("published")[1])
