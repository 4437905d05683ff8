"""Every parameter of a model, and the sections of ``engine.bin`` that it stands in, in order.

``packing`` writes by this table, ``unpacking`` reads by it, an import finds the variables of a
checkpoint by it; ``engine/src/model.cpp`` asks for the same names and sizes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

FIELDS = 16  # integers of a shape in the header of the file


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes and the kind of a model, which the layout depends on.

    They stand in the header as ``Dimensions`` of ``engine/src/model_file.h``.
    """

    source_vocabulary: int
    target_vocabulary: int
    hidden: int
    inner: int
    heads: int
    encoder_layers: int
    decoder_layers: int
    semantic_layers: int
    max_distance: int
    relative: bool
    post_norm: bool
    shared: bool
    tied: bool
    augmentation: bool

    @property
    def head_dim(self) -> int:
        return self.hidden // self.heads

    @property
    def padded_head_dim(self) -> int:
        return -(-self.head_dim // 16) * 16

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Shape:
        """Read the keys of ``CsanmtConfig``, with its defaults."""
        augmentation = bool(config.get("use_augmentation", True))
        source = int(config.get("vocab_size", 50000))
        return cls(
            source_vocabulary=source,
            target_vocabulary=int(config.get("target_vocab_size") or source),
            hidden=int(config.get("hidden_size", 512)),
            inner=int(config.get("intermediate_size", 2048)),
            heads=int(config.get("num_attention_heads", 8)),
            encoder_layers=int(config.get("num_encoder_layers", 24)),
            decoder_layers=int(config.get("num_decoder_layers", 3)),
            semantic_layers=int(config.get("num_semantic_encoder_layers", 4)) * augmentation,
            max_distance=int(config.get("max_relative_distance", 16)),
            relative=config.get("position_type", "absolute") == "relative",
            post_norm=config.get("normalization", "pre") == "post",
            shared=bool(config.get("share_embeddings", False)),
            tied=bool(config.get("tie_softmax", True)),
            augmentation=augmentation,
        )

    @classmethod
    def from_fields(cls, fields: Sequence[int]) -> Shape:
        """The inverse of ``fields()``."""
        flags, *sizes = fields
        kinds = [bool(flags >> bit & 1) for bit in range(5)]
        values: list[Any] = [*sizes[:5], *sizes[7:11], *kinds]
        return cls(*values)

    def fields(self) -> tuple[int, ...]:
        """The sixteen header integers, in the order of ``Dimensions`` in the C++ reader."""
        kinds = (self.relative, self.post_norm, self.shared, self.tied, self.augmentation)
        return (
            sum(kind << bit for bit, kind in enumerate(kinds)),
            self.source_vocabulary, self.target_vocabulary, self.hidden, self.inner, self.heads,
            self.head_dim, self.padded_head_dim, self.encoder_layers, self.decoder_layers,
            self.semantic_layers, self.max_distance, self.decoder_layers - 1, self.hidden, 0, 0,
        )  # fmt: skip


class Kind(Enum):
    """How a parameter is stored, with the sections it takes."""

    VECTOR = auto()  # the section itself
    NORM = auto()  # .gain, .bias
    EMBEDDING = auto()  # .weight (rows of int8), .scale (holds the factor sqrt(H))
    PROJECTION = auto()  # .weight, .scale, .bias (zero, and no parameter)
    LINEAR = auto()  # .weight, .scale, .bias
    HEADS_OUT = auto()  # as LINEAR, outputs are heads, padded to a multiple of 16
    HEADS_IN = auto()  # as LINEAR, inputs are heads, padded likewise
    RELATIVE = auto()  # .relative_key (transposed), .relative_value


@dataclass(frozen=True, slots=True)
class Entry:
    """One parameter (or weight and bias) and its sections.

    Attributes:
        outputs, inputs: of its matrix; a vector has outputs alone.
        groups: of HEADS_OUT: sets of heads side by side (query, key, value).
        scaled: of HEADS_OUT: the first group is a query and holds the factor head_dim**-0.5.
    """

    kind: Kind
    section: str
    parameter: str
    outputs: int = 0
    inputs: int = 0
    groups: int = 1
    scaled: bool = False

    def parameters(self, shape: Shape) -> dict[str, tuple[int, ...]]:
        """Names and shapes of what it stores, as the model's ``state_dict`` has them."""
        matrix = (self.outputs, self.inputs)
        if self.kind is Kind.VECTOR:
            return {self.parameter: (self.outputs,)}
        if self.kind in (Kind.EMBEDDING, Kind.PROJECTION):
            return {f"{self.parameter}.weight": matrix}
        if self.kind is Kind.RELATIVE:
            table = (2 * shape.max_distance + 1, shape.head_dim)
            return {f"{self.parameter}.relative_{side}": table for side in ("key", "value")}
        weight = (self.outputs,) if self.kind is Kind.NORM else matrix
        return {f"{self.parameter}.weight": weight, f"{self.parameter}.bias": (self.outputs,)}


def layout(shape: Shape) -> Iterator[Entry]:
    """Every parameter of a model of this shape."""
    s = shape
    target = "source_embedding" if s.shared else "target_embedding"
    if not s.shared:
        yield _embedding(s, "source_embedding", "source_embedding", s.source_vocabulary)
    if s.augmentation:
        yield _embedding(s, "semantic_embedding", "semantic_embedding", s.source_vocabulary)
        for i in range(s.semantic_layers):
            yield from _encoder_layer(s, f"semantic.{i}", f"semantic_encoder.layers.{i}", True)
        pooling = "semantic.pooling", "semantic_encoder.pooling"
        yield Entry(Kind.LINEAR, *pooling, s.hidden, s.hidden)
        yield from _final_norm(s, "semantic.norm", "semantic_encoder.norm")
    yield Entry(Kind.VECTOR, "encoder.input_bias", "encoder.input_bias", s.hidden)
    for i in range(s.encoder_layers):
        yield from _encoder_layer(s, f"encoder.{i}", f"encoder.layers.{i}", s.relative)
    yield from _final_norm(s, "encoder.norm", "encoder.norm")
    for i in range(s.decoder_layers):
        yield from _decoder_layer(s, f"decoder.{i}", f"decoder.layers.{i}")
    yield from _final_norm(s, "decoder.norm", "decoder.norm")
    if not s.tied:
        yield _embedding(s, "target_embedding", target, s.target_vocabulary)
    softmax = target if s.tied else "softmax"
    yield Entry(Kind.PROJECTION, "projection", softmax, s.target_vocabulary, s.hidden)


def _embedding(s: Shape, section: str, parameter: str, rows: int) -> Entry:
    return Entry(Kind.EMBEDDING, section, parameter, rows, s.hidden)


def _norm(s: Shape, section: str, parameter: str) -> Entry:
    return Entry(Kind.NORM, section, parameter, s.hidden)


def _heads_out(s: Shape, section: str, parameter: str, groups: int, scaled: bool) -> Entry:
    return Entry(Kind.HEADS_OUT, section, parameter, groups * s.hidden, s.hidden, groups, scaled)


def _final_norm(s: Shape, section: str, parameter: str) -> Iterator[Entry]:
    if not s.post_norm:
        yield _norm(s, section, parameter)


def _feed_forward(s: Shape, section: str, parameter: str, inner: int) -> Iterator[Entry]:
    yield Entry(Kind.LINEAR, f"{section}.input", f"{parameter}.input", inner, s.hidden)
    yield Entry(Kind.LINEAR, f"{section}.output", f"{parameter}.output", s.hidden, inner)


def _self_attention(s: Shape, section: str, parameter: str, relative: bool) -> Iterator[Entry]:
    own = f"{parameter}.self_attention"
    yield _heads_out(s, f"{section}.qkv", f"{own}.qkv", 3, True)
    if relative:
        yield Entry(Kind.RELATIVE, section, own)
    yield Entry(Kind.HEADS_IN, f"{section}.output", f"{own}.output", s.hidden, s.hidden)
    yield _norm(s, f"{section}.attention_norm", f"{parameter}.self_attention_norm")


def _encoder_layer(s: Shape, section: str, parameter: str, relative: bool) -> Iterator[Entry]:
    yield from _self_attention(s, section, parameter, relative)
    yield from _feed_forward(s, f"{section}.inner", f"{parameter}.feed_forward", s.inner)
    yield _norm(s, f"{section}.inner_norm", f"{parameter}.feed_forward_norm")


def _decoder_layer(s: Shape, section: str, parameter: str) -> Iterator[Entry]:
    if s.augmentation:
        own = f"{section}.augmentation", f"{parameter}.augmentation"
        yield from _feed_forward(s, *own, s.hidden)
        yield _norm(s, f"{own[0]}_norm", f"{own[1]}_norm")
    yield from _self_attention(s, section, parameter, s.relative)
    own = f"{section}.cross", f"{parameter}.cross_attention"
    yield _heads_out(s, f"{own[0]}_query", f"{own[1]}.query", 1, True)
    yield _heads_out(s, f"{own[0]}_key_value", f"{own[1]}.key_value", 2, False)
    yield Entry(Kind.HEADS_IN, f"{own[0]}_output", f"{own[1]}.output", s.hidden, s.hidden)
    yield _norm(s, f"{own[0]}_norm", f"{own[1]}_norm")
    yield from _feed_forward(s, f"{section}.inner", f"{parameter}.feed_forward", s.inner)
    yield _norm(s, f"{section}.inner_norm", f"{parameter}.feed_forward_norm")


def misfits(expected: Mapping[str, Sequence[int]], found: Mapping[str, Sequence[int]]) -> str:
    """What is wrong with weights (or variables) of these names and shapes; nothing if they fit."""
    problems = {
        "missing": [name for name in expected if name not in found],
        "unexpected": [name for name in found if name not in expected],
        "wrong shape": [
            f"{name} is {list(found[name])}, the configuration makes it {list(shape)}"
            for name, shape in expected.items()
            if name in found and list(found[name]) != list(shape)
        ],
    }
    return "; ".join(
        f"{title}: {', '.join(names[:8])}{f' and {len(names) - 8} more' * (len(names) > 8)}"
        for title, names in problems.items()
        if names
    )
