"""Which parameters of a model stand in which sections of ``engine.bin``, in the file's order.

``packing`` writes by this table and ``unpacking`` reads by it; ``engine/src/model.cpp`` asks for
the same names and sizes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from csanmt.engine.shape import Shape


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


def layout(shape: Shape) -> Iterator[Entry]:
    """Every parameter of a model of this shape."""
    s = shape
    target = "source_embedding" if s.shared else "target_embedding"
    if not s.shared:
        yield _embedding("source_embedding", "source_embedding", s.source_vocabulary)
    if s.augmentation:
        yield _embedding("semantic_embedding", "semantic_embedding", s.source_vocabulary)
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
        yield _embedding("target_embedding", target, s.target_vocabulary)
    softmax = target if s.tied else "softmax"
    yield Entry(Kind.PROJECTION, "projection", softmax, s.target_vocabulary, s.hidden)


def _embedding(section: str, parameter: str, rows: int) -> Entry:
    return Entry(Kind.EMBEDDING, section, parameter, rows)


def _final_norm(s: Shape, section: str, parameter: str) -> Iterator[Entry]:
    if not s.post_norm:
        yield Entry(Kind.NORM, section, parameter)


def _feed_forward(s: Shape, section: str, parameter: str, inner: int) -> Iterator[Entry]:
    yield Entry(Kind.LINEAR, f"{section}.input", f"{parameter}.input", inner, s.hidden)
    yield Entry(Kind.LINEAR, f"{section}.output", f"{parameter}.output", s.hidden, inner)


def _self_attention(s: Shape, section: str, parameter: str, relative: bool) -> Iterator[Entry]:
    own = f"{parameter}.self_attention"
    yield Entry(Kind.HEADS_OUT, f"{section}.qkv", f"{own}.qkv", groups=3, scaled=True)
    if relative:
        yield Entry(Kind.RELATIVE, section, own)
    yield Entry(Kind.HEADS_IN, f"{section}.output", f"{own}.output")
    yield Entry(Kind.NORM, f"{section}.attention_norm", f"{parameter}.self_attention_norm")


def _encoder_layer(s: Shape, section: str, parameter: str, relative: bool) -> Iterator[Entry]:
    yield from _self_attention(s, section, parameter, relative)
    yield from _feed_forward(s, f"{section}.inner", f"{parameter}.feed_forward", s.inner)
    yield Entry(Kind.NORM, f"{section}.inner_norm", f"{parameter}.feed_forward_norm")


def _decoder_layer(s: Shape, section: str, parameter: str) -> Iterator[Entry]:
    if s.augmentation:
        own = f"{section}.augmentation", f"{parameter}.augmentation"
        yield from _feed_forward(s, *own, s.hidden)
        yield Entry(Kind.NORM, f"{own[0]}_norm", f"{own[1]}_norm")
    yield from _self_attention(s, section, parameter, s.relative)
    own = f"{section}.cross", f"{parameter}.cross_attention"
    yield Entry(Kind.HEADS_OUT, f"{own[0]}_query", f"{own[1]}.query", groups=1, scaled=True)
    yield Entry(Kind.HEADS_OUT, f"{own[0]}_key_value", f"{own[1]}.key_value", groups=2)
    yield Entry(Kind.HEADS_IN, f"{own[0]}_output", f"{own[1]}.output")
    yield Entry(Kind.NORM, f"{own[0]}_norm", f"{own[1]}_norm")
    yield from _feed_forward(s, f"{section}.inner", f"{parameter}.feed_forward", s.inner)
    yield Entry(Kind.NORM, f"{section}.inner_norm", f"{parameter}.feed_forward_norm")
