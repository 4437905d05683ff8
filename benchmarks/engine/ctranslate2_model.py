"""A CTranslate2 int8 model of the same dimensions, without CSANMT's semantic parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.engine.models import Dimensions, RandomWeights

BOS, EOS, UNK = "<s>", "</s>", "<unk>"


def token_name(token: int) -> str:
    """Id → vocabulary entry; id 0 is the end of sentence."""
    return EOS if token == 0 else f"t{token}"


def ctranslate2_model(dimensions: Dimensions, directory: Path) -> Path:
    """Convert the random weights once."""
    if not (directory / "model.bin").exists():
        directory.mkdir(parents=True, exist_ok=True)
        spec = _spec(dimensions, RandomWeights(dimensions))
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
    spec.encoder.scale_embeddings = True
    spec.decoder.scale_embeddings = True
    spec.encoder.embeddings[0].weight = weights["source_embedding.weight"]
    spec.decoder.embeddings.weight = weights["target_embedding.weight"]
    spec.decoder.projection.weight = spec.decoder.embeddings.weight
    _norm(spec.encoder.layer_norm, weights, "encoder.norm")
    _norm(spec.decoder.layer_norm, weights, "decoder.norm")
    for i, layer in enumerate(spec.encoder.layer):
        name = f"encoder.layers.{i}"
        _self_attention(layer.self_attention, weights, name)
        _feed_forward(layer.ffn, weights, name)
    for i, layer in enumerate(spec.decoder.layer):
        name = f"decoder.layers.{i}"
        _self_attention(layer.self_attention, weights, name)
        _cross_attention(layer.attention, weights, name)
        _feed_forward(layer.ffn, weights, name)
    return spec


def _linear(spec: Any, weights: RandomWeights, name: str) -> None:
    spec.weight, spec.bias = weights[f"{name}.weight"], weights[f"{name}.bias"]


def _norm(spec: Any, weights: RandomWeights, name: str) -> None:
    spec.gamma, spec.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]


def _self_attention(spec: Any, weights: RandomWeights, name: str) -> None:
    _norm(spec.layer_norm, weights, f"{name}.self_attention_norm")
    _linear(spec.linear[0], weights, f"{name}.self_attention.qkv")
    _linear(spec.linear[1], weights, f"{name}.self_attention.output")


def _cross_attention(spec: Any, weights: RandomWeights, name: str) -> None:
    _norm(spec.layer_norm, weights, f"{name}.cross_attention_norm")
    _linear(spec.linear[0], weights, f"{name}.cross_attention.query")
    _linear(spec.linear[1], weights, f"{name}.cross_attention.key_value")
    _linear(spec.linear[2], weights, f"{name}.cross_attention.output")


def _feed_forward(spec: Any, weights: RandomWeights, name: str) -> None:
    _norm(spec.layer_norm, weights, f"{name}.feed_forward_norm")
    _linear(spec.linear_0, weights, f"{name}.feed_forward.input")
    _linear(spec.linear_1, weights, f"{name}.feed_forward.output")
