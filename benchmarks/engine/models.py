"""The same random model for every contender, at published dimensions.

The end of sentence is never chosen: its target embedding is zero, so its logit is 0,
far under the best of the others. Every search therefore runs to the length limit and
all contenders do the same work.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from csanmt.engine.packing import pack

if TYPE_CHECKING:
    from csanmt.modeling import CsanmtForConditionalGeneration

# Of a configuration, what gives the size.
KEYS = (
    "num_encoder_layers",
    "num_decoder_layers",
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "vocab_size",
    "num_semantic_encoder_layers",
)
Dimensions = Mapping[str, int]
SIZES: dict[str, Dimensions] = {
    name: dict(zip(KEYS, sizes, strict=True))
    for name, sizes in {
        "base": (24, 3, 512, 2048, 8, 50_000, 4),
        "large": (24, 6, 1024, 4096, 16, 50_000, 4),
        "tiny": (2, 1, 64, 128, 2, 2_000, 1),
    }.items()
}


def random_model(config: Mapping[str, Any]) -> CsanmtForConditionalGeneration:
    """The same weights for the same dimensions; norms and biases as a new model has them."""
    import torch

    from csanmt.configuration import CsanmtConfig
    from csanmt.modeling import CsanmtForConditionalGeneration

    torch.manual_seed(7)
    model = CsanmtForConditionalGeneration(CsanmtConfig(**config))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=parameter.shape[1] ** -0.5)
            if name == "target_embedding.weight":
                parameter[0] = 0.0
    return model


def native_model(dimensions: Dimensions, directory: Path) -> Path:
    """engine.bin of the random model, packed once into ``directory``."""
    path = directory / "engine.bin"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        pack(random_model(dimensions), path)
    return path


def source_sentences(dimensions: Dimensions, count: int, length: int) -> list[list[int]]:
    """Random ids without the end of sentence, the same in every run."""
    random = np.random.default_rng(7)
    return random.integers(1, dimensions["vocab_size"], (count, length)).tolist()


# --- CTranslate2 -----------------------------------------------------------------------------

BOS, EOS, UNK = "<s>", "</s>", "<unk>"


def token_name(token: int) -> str:
    """Id → vocabulary entry; id 0 is the end of sentence."""
    return EOS if token == 0 else f"t{token}"


def ctranslate2_model(dimensions: Dimensions, directory: Path) -> Path:
    """An int8 model of the same dimensions without CSANMT's semantic parts, made once."""
    if not (directory / "model.bin").exists():
        directory.mkdir(parents=True, exist_ok=True)
        spec = _spec(dimensions)
        spec.validate()
        spec.optimize(quantization="int8")
        spec.save(str(directory))
    return directory


def _spec(dimensions: Dimensions) -> Any:
    from ctranslate2.specs import TransformerSpec

    weights = {name: p.detach().numpy() for name, p in random_model(dimensions).named_parameters()}
    layers = (dimensions["num_encoder_layers"], dimensions["num_decoder_layers"])
    spec = TransformerSpec.from_config(layers, dimensions["num_attention_heads"], pre_norm=True)
    spec.config.decoder_start_token = BOS
    vocabulary = [token_name(t) for t in range(dimensions["vocab_size"] - 2)] + [BOS, UNK]
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
