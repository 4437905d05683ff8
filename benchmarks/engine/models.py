"""The same random model for every contender, at published dimensions.

The end of sentence is never chosen: its target embedding is zero, so its logit is 0,
far under the best of the others. Every search therefore runs to the length limit and
all contenders do the same work.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csanmt.engine.packing import pack

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Dimensions:
    """The size of one benchmark model, in the words of ``CsanmtConfig``."""

    num_encoder_layers: int
    num_decoder_layers: int
    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    vocab_size: int = 50000
    num_semantic_encoder_layers: int = 4


SIZES = {
    "base": Dimensions(24, 3, 512, 2048, 8),
    "large": Dimensions(24, 6, 1024, 4096, 16),
    "tiny": Dimensions(2, 1, 64, 128, 2, vocab_size=2000, num_semantic_encoder_layers=1),
}


class RandomWeights(Mapping[str, Floats]):
    """Seeded by parameter name and made when asked for, so that memory stays small."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        import torch

        from csanmt.configuration import CsanmtConfig
        from csanmt.modeling import CsanmtForConditionalGeneration

        with torch.device("meta"):
            model = CsanmtForConditionalGeneration(CsanmtConfig(**config))
        self._shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def __getitem__(self, name: str) -> Floats:
        shape = self._shapes[name]
        if len(shape) == 1:
            return (np.ones if name.endswith("norm.weight") else np.zeros)(shape, np.float32)
        random = np.random.default_rng(zlib.crc32(name.encode()))
        value = random.standard_normal(shape, dtype=np.float32)
        value *= np.float32(shape[1] ** -0.5)
        if name == "target_embedding.weight":
            value[0] = 0.0
        return value


def native_model(dimensions: Dimensions, directory: Path) -> Path:
    """engine.bin of the random model, packed once into ``directory``."""
    path = directory / "engine.bin"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        pack(RandomWeights(asdict(dimensions)), path, asdict(dimensions))
    return path


def source_sentences(dimensions: Dimensions, count: int, length: int) -> list[list[int]]:
    """Random ids without the end of sentence, the same in every run."""
    random = np.random.default_rng(7)
    return random.integers(1, dimensions.vocab_size, (count, length)).tolist()


# --- CTranslate2 -----------------------------------------------------------------------------

BOS, EOS, UNK = "<s>", "</s>", "<unk>"


def token_name(token: int) -> str:
    """Id → vocabulary entry; id 0 is the end of sentence."""
    return EOS if token == 0 else f"t{token}"


def ctranslate2_model(dimensions: Dimensions, directory: Path) -> Path:
    """An int8 model of the same dimensions without CSANMT's semantic parts, made once."""
    if not (directory / "model.bin").exists():
        directory.mkdir(parents=True, exist_ok=True)
        spec = _spec(dimensions, RandomWeights(asdict(dimensions)))
        spec.validate()
        spec.optimize(quantization="int8")
        spec.save(str(directory))
    return directory


def _spec(dimensions: Dimensions, weights: RandomWeights) -> Any:
    from ctranslate2.specs import TransformerSpec

    layers = (dimensions.num_encoder_layers, dimensions.num_decoder_layers)
    spec = TransformerSpec.from_config(layers, dimensions.num_attention_heads, pre_norm=True)
    spec.config.decoder_start_token = BOS
    vocabulary = [token_name(t) for t in range(dimensions.vocab_size - 2)] + [BOS, UNK]
    spec.register_source_vocabulary(vocabulary)
    spec.register_target_vocabulary(vocabulary)
    spec.encoder.scale_embeddings = spec.decoder.scale_embeddings = True
    spec.encoder.embeddings[0].weight = weights["source_embedding.weight"]
    spec.decoder.embeddings.weight = weights["target_embedding.weight"]
    spec.decoder.projection.weight = spec.decoder.embeddings.weight

    def fill(place: Any, name: str) -> None:
        """A LayerNorm or a linear layer."""
        fields = ("gamma", "beta") if hasattr(place, "gamma") else ("weight", "bias")
        for field, part in zip(fields, ("weight", "bias"), strict=True):
            setattr(place, field, weights[f"{name}.{part}"])

    for side, stack in (("encoder", spec.encoder), ("decoder", spec.decoder)):
        fill(stack.layer_norm, f"{side}.norm")
        for i, layer in enumerate(stack.layer):
            attention, feed = layer.self_attention, layer.ffn
            places = {
                "self_attention_norm": attention.layer_norm,
                "self_attention.qkv": attention.linear[0],
                "self_attention.output": attention.linear[1],
                "feed_forward_norm": feed.layer_norm,
                "feed_forward.input": feed.linear_0,
                "feed_forward.output": feed.linear_1,
            }
            if side == "decoder":
                cross = layer.attention
                names = ("query", "key_value", "output")
                places["cross_attention_norm"] = cross.layer_norm
                places |= {f"cross_attention.{n}": cross.linear[k] for k, n in enumerate(names)}
            for name, place in places.items():
                fill(place, f"{side}.layers.{i}.{name}")
    return spec
