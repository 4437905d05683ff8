"""Which TensorFlow variable becomes which weight of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csanmt.errors import CheckpointError
from csanmt.modelscope.checkpoint import Checkpoint

# What training leaves in a checkpoint: slots of the optimizers, counters, and the
# target side's semantic embedding, which only the contrastive objective reads.
_LEFTOVER = re.compile(
    r"/(Adam|Adam_1|Momentum|Adagrad|RMSProp(_1)?|Adadelta(_1)?|Ftrl(_1)?|grad_acc)$"
    r"|^(.*/)?(beta1_power|beta2_power|global_step|iter|save_counter)$"
    r"|^NmtModel/Target_Semantic_Embedding/Weights$"
)
_NAMED_AT_MOST = 8


@dataclass(frozen=True, slots=True)
class Variable:
    """One expected variable: its name and shape there, its name here.

    ``transposed``: TensorFlow keeps matrices as (inputs, outputs), torch as (outputs, inputs).
    """

    name: str
    shape: tuple[int, ...]
    weight: str
    transposed: bool = False


def expected_variables(config: Mapping[str, Any]) -> list[Variable]:
    """Every variable a model of this configuration has; keys of ``CsanmtConfig``."""
    return list(_Walk(config).variables())


class CheckpointWeights(Mapping[str, NDArray[np.float32]]):
    """A checkpoint's weights under our names, each read when it is asked for.

    Args:
        config: keys of ``CsanmtConfig``; says which variables there must be.

    Attributes:
        shapes: of every weight, in the model's order.
        leftovers: variables that only training needs.

    Raises:
        CheckpointError: names every variable that is missing, unexpected, misshapen or not
            float32; from a look-up: the data is damaged or not finite.
    """

    def __init__(self, checkpoint: Checkpoint, config: Mapping[str, Any]) -> None:
        variables = expected_variables(config)
        self.leftovers = _check(checkpoint, variables)
        self._checkpoint = checkpoint
        self._variables = {variable.weight: variable for variable in variables}
        self.shapes = {v.weight: v.shape[::-1] if v.transposed else v.shape for v in variables}

    def __getitem__(self, weight: str) -> NDArray[np.float32]:
        variable = self._variables[weight]
        value = self._checkpoint.read(variable.name).astype(np.float32, copy=False)
        if not np.isfinite(value).all():
            raise CheckpointError(f"variable {variable.name!r} holds values that are not finite")
        return np.ascontiguousarray(value.T if variable.transposed else value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


def _check(checkpoint: Checkpoint, expected: Sequence[Variable]) -> list[str]:
    names = {variable.name for variable in expected}
    present = checkpoint.entries
    missing = [v.name for v in expected if v.name not in present]
    others = [name for name in present if name not in names]
    leftovers = [name for name in others if _LEFTOVER.search(name)]
    unexpected = [name for name in others if not _LEFTOVER.search(name)]
    misshapen = [
        f"{v.name} is {list(present[v.name].shape)}, configuration.json makes it {list(v.shape)}"
        for v in expected
        if v.name in present and present[v.name].shape != v.shape
    ]
    mistyped = [
        f"{v.name} is {present[v.name].dtype}"
        for v in expected
        if v.name in present and present[v.name].dtype != "float32"
    ]
    problems = [
        f"{title}: {_listed(items)}"
        for title, items in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("wrong shape", misshapen),
            ("not float32", mistyped),
        )
        if items
    ]
    if problems:
        raise CheckpointError(
            f"checkpoint {str(checkpoint.prefix)!r} does not fit its configuration.json; "
            + "; ".join(problems)
        )
    return leftovers


def _listed(items: Sequence[str]) -> str:
    shown = ", ".join(items[:_NAMED_AT_MOST])
    rest = len(items) - _NAMED_AT_MOST
    return f"{shown} and {rest} more" if rest > 0 else shown


class _Walk:
    """Walks the model as the reference builds it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.hidden = int(config["hidden_size"])
        self.inner = int(config["intermediate_size"])
        self.pre_norm = config["normalization"] == "pre"
        head = self.hidden // int(config["num_attention_heads"])
        self.relative_shape = (2 * int(config["max_relative_distance"]) + 1, head)

    def variables(self) -> Iterator[Variable]:
        for variable in self._all():
            name = f"NmtModel/{variable.name}"
            yield Variable(name, variable.shape, variable.weight, variable.transposed)

    def _all(self) -> Iterator[Variable]:
        config = self.config
        relative = config["position_type"] == "relative"
        yield from self._embeddings()
        yield Variable("encoder_input_bias", (self.hidden,), "encoder.input_bias")
        yield from self._encoder("encoder", "encoder", config["num_encoder_layers"], relative)
        yield from self._encoder(
            "mini_xlm_encoder", "semantic_encoder", config["num_semantic_encoder_layers"], True
        )
        yield from self._linear(
            "mini_xlm_encoder/pooling_layer/linear",
            "semantic_encoder.pooling",
            self.hidden,
            self.hidden,
        )
        for i in range(config["num_decoder_layers"]):
            yield from self._decoder_layer(f"decoder/layer_{i}", f"decoder.layers.{i}", relative)
        if self.pre_norm:
            yield from self._norm("decoder/layer_norm", "decoder.norm")

    def _embeddings(self) -> Iterator[Variable]:
        config = self.config
        source = (int(config["vocab_size"]), self.hidden)
        target = (int(config["target_vocab_size"]), self.hidden)
        if config["share_embeddings"]:
            yield Variable("Shared_Embedding/Weights", source, "source_embedding.weight")
            yield Variable("Shared_Semantic_Embedding/Weights", source, "semantic_embedding.weight")
        else:
            yield Variable("Source_Embedding/Weights", source, "source_embedding.weight")
            yield Variable("Target_Embedding/Weights", target, "target_embedding.weight")
            yield Variable("Source_Semantic_Embedding/Weights", source, "semantic_embedding.weight")
        if not config["tie_softmax"]:
            yield Variable("Softmax", target, "softmax.weight")

    def _encoder(self, scope: str, ours: str, layers: int, relative: bool) -> Iterator[Variable]:
        for i in range(layers):
            there, here = f"{scope}/layer_{i}", f"{ours}.layers.{i}"
            yield from self._self_attention(f"{there}/encoder_self_attention", here, relative)
            yield from self._norm(f"{there}/layer_norm", f"{here}.self_attention_norm")
            yield from self._feed_forward(f"{there}/ffn_layer", f"{here}.feed_forward", self.inner)
            yield from self._norm(f"{there}/layer_norm_1", f"{here}.feed_forward_norm")
        if self.pre_norm:
            yield from self._norm(f"{scope}/layer_norm", f"{ours}.norm")

    def _decoder_layer(self, there: str, here: str, relative: bool) -> Iterator[Variable]:
        yield from self._feed_forward(
            f"{there}/embedding_augmentation_layer", f"{here}.augmentation", self.hidden
        )
        yield from self._norm(f"{there}/layer_norm", f"{here}.augmentation_norm")
        yield from self._self_attention(f"{there}/decoder_self_attention", here, relative)
        yield from self._norm(f"{there}/layer_norm_1", f"{here}.self_attention_norm")
        cross, ours = f"{there}/encdec_attention", f"{here}.cross_attention"
        width = self.hidden
        yield from self._linear(f"{cross}/q_transform", f"{ours}.query", width, width)
        yield from self._linear(f"{cross}/kv_transform", f"{ours}.key_value", width, 2 * width)
        yield from self._linear(f"{cross}/output_transform", f"{ours}.output", width, width)
        yield from self._norm(f"{there}/layer_norm_2", f"{here}.cross_attention_norm")
        yield from self._feed_forward(f"{there}/ffn_layer", f"{here}.feed_forward", self.inner)
        yield from self._norm(f"{there}/layer_norm_3", f"{here}.feed_forward_norm")

    def _self_attention(self, there: str, layer: str, relative: bool) -> Iterator[Variable]:
        here, width = f"{layer}.self_attention", self.hidden
        yield from self._linear(f"{there}/qkv_transform", f"{here}.qkv", width, 3 * width)
        yield from self._linear(f"{there}/output_transform", f"{here}.output", width, width)
        if relative:
            yield Variable(f"{there}/rpr_k", self.relative_shape, f"{here}.relative_key")
            yield Variable(f"{there}/rpr_v", self.relative_shape, f"{here}.relative_value")

    def _feed_forward(self, there: str, here: str, inner: int) -> Iterator[Variable]:
        yield from self._linear(f"{there}/input_layer/linear", f"{here}.input", self.hidden, inner)
        yield from self._linear(
            f"{there}/output_layer/linear", f"{here}.output", inner, self.hidden
        )

    def _linear(self, there: str, here: str, inputs: int, outputs: int) -> Iterator[Variable]:
        yield Variable(f"{there}/matrix", (inputs, outputs), f"{here}.weight", transposed=True)
        yield Variable(f"{there}/bias", (outputs,), f"{here}.bias")

    def _norm(self, there: str, here: str) -> Iterator[Variable]:
        yield Variable(f"{there}/layer_norm_scale", (self.hidden,), f"{here}.weight")
        yield Variable(f"{there}/layer_norm_offset", (self.hidden,), f"{here}.bias")
