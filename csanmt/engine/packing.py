"""Pack a CSANMT model into ``engine.bin``, the int8 file the native engine maps.

Weights become symmetric int8 with one scale an output channel, stored as unsigned
(+128) in the order the kernels read them: ``[outputs/64][inputs/4][64][4]``. Embeddings
become int8 with one scale a row, the factor sqrt(H) included. Norms, biases and relative
position tables stay float32. Heads are padded with zero columns to a multiple of 16.
The container is ``csanmt.engine.container``'s.

Needs numpy and safetensors only; a live torch model is accepted too.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csanmt.engine.container import write_container
from csanmt.engine.shape import Shape
from csanmt.errors import CheckpointError, ConfigurationError, NotFoundError, StorageError

Floats = NDArray[np.float32]
Weights = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class PackReport:
    """What was written: path, size in bytes, SHA-256 of the whole file."""

    path: Path
    bytes: int
    sha256: str


def pack(model: Any, out_path: str | os.PathLike[str], config: Any = None) -> PackReport:
    """Write ``engine.bin`` for a model.

    Args:
        model: a model directory (``config.json`` and ``model.safetensors``), a
            ``CsanmtForConditionalGeneration``, or a mapping from parameter name to
            float array (then ``config``, a mapping or CsanmtConfig, is needed).
        out_path: the file to write; replaced only when complete.

    Raises:
        NotFoundError: the directory lacks a file.
        CheckpointError: a weight is missing, misshapen or not finite.
        ConfigurationError: the dimensions cannot be packed.
        StorageError: the file cannot be written.
    """
    weights, settings = _open(model, config)
    sections = _Sections(weights, Shape.from_config(settings))
    target = Path(out_path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        write_container(temporary, sections.shape, sections)
        digest = _sha256(temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return PackReport(target, target.stat().st_size, digest)


def _open(model: Any, config: Any) -> tuple[Weights, Mapping[str, Any]]:
    if isinstance(model, (str, os.PathLike)):
        directory = Path(model)
        return _read_safetensors(directory / "model.safetensors"), _read_config(directory)
    if hasattr(model, "state_dict"):
        weights = {k: v.detach().float().cpu().numpy() for k, v in model.state_dict().items()}
        return weights, model.config.to_dict()
    if config is None:
        raise ConfigurationError("weights given as a mapping need their config")
    return model, config if isinstance(config, Mapping) else config.to_dict()


def _read_config(directory: Path) -> Mapping[str, Any]:
    path = directory / "config.json"
    try:
        loaded: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(f"{path} is missing") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}") from error
    return loaded


def _read_safetensors(path: Path) -> Weights:
    """All tensors as float32; bfloat16 is widened without torch."""
    from safetensors import SafetensorError, deserialize

    try:
        tensors = deserialize(path.read_bytes())
    except FileNotFoundError as error:
        raise NotFoundError(f"{path} is missing") from error
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error
    return {name: _as_float(name, tensor) for name, tensor in tensors}


def _as_float(name: str, tensor: Mapping[str, Any]) -> Floats:
    kinds = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16, "F64": np.float64}
    if tensor["dtype"] not in kinds:
        raise CheckpointError(f"{name} has dtype {tensor['dtype']}; expected a float type")
    raw = np.frombuffer(tensor["data"], dtype=kinds[tensor["dtype"]]).reshape(tensor["shape"])
    if tensor["dtype"] == "BF16":
        return (raw.astype(np.uint32) << 16).view(np.float32)
    return raw.astype(np.float32, copy=False)


def quantise_rows(matrix: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Symmetric int8 by row: (N, K) float32 → (N, K) int8 in ±127 and scales (N,)."""
    scale = np.abs(matrix).max(axis=1).astype(np.float32) / np.float32(127)
    divisor = np.where(scale > 0, scale, 1).astype(np.float32)
    codes = np.rint(matrix / divisor[:, None]).clip(-127, 127).astype(np.int8)
    return codes, scale


def pack_matrix(codes: NDArray[np.int8]) -> NDArray[np.uint8]:
    """(N, K) int8 → (ceil(N/64), K/4, 64, 4) uint8, +128, missing rows zero (128)."""
    rows, inputs = codes.shape
    full = np.full((-(-rows // 64) * 64, inputs), 128, dtype=np.uint8)
    full[:rows] = codes.view(np.uint8) ^ 0x80
    return np.ascontiguousarray(full.reshape(-1, 64, inputs // 4, 4).transpose(0, 2, 1, 3))


class _Sections:
    """The named arrays of a model, in the order the engine reads them."""

    def __init__(self, weights: Weights, shape: Shape) -> None:
        self._weights = weights
        self.shape = shape

    def __iter__(self) -> Iterator[tuple[str, NDArray[Any]]]:
        s = self.shape
        target = "source_embedding" if s.shared else "target_embedding"
        if not s.shared:
            yield from self._embedding("source_embedding", s.source_vocabulary)
        if s.augmentation:
            yield from self._embedding("semantic_embedding", s.source_vocabulary)
            for i in range(s.semantic_layers):
                layer = f"semantic_encoder.layers.{i}"
                yield from self._encoder_layer(layer, f"semantic.{i}", relative=True)
            yield from self._linear("semantic_encoder.pooling", "semantic.pooling")
            if not s.post_norm:
                yield from self._norm("semantic_encoder.norm", "semantic.norm")
        yield "encoder.input_bias", self._get("encoder.input_bias", (s.hidden,))
        for i in range(s.encoder_layers):
            yield from self._encoder_layer(f"encoder.layers.{i}", f"encoder.{i}", s.relative)
        if not s.post_norm:
            yield from self._norm("encoder.norm", "encoder.norm")
        for i in range(s.decoder_layers):
            yield from self._decoder_layer(f"decoder.layers.{i}", f"decoder.{i}")
        if not s.post_norm:
            yield from self._norm("decoder.norm", "decoder.norm")
        if not s.tied:
            yield from self._embedding(target, s.target_vocabulary, "target_embedding")
        projection = f"{target}.weight" if s.tied else "softmax.weight"
        matrix = self._get(projection, (s.target_vocabulary, s.hidden))
        yield from self._matrix("projection", matrix, None)

    def _get(self, name: str, shape: tuple[int, ...]) -> Floats:
        if name not in self._weights:
            raise CheckpointError(f"the model lacks {name}")
        value = np.ascontiguousarray(self._weights[name], dtype=np.float32)
        if value.shape != shape:
            raise CheckpointError(f"{name} has shape {value.shape}; expected {shape}")
        if not np.isfinite(value).all():
            raise CheckpointError(f"{name} holds values that are not finite")
        return value

    def _embedding(
        self, source: str, rows: int, name: str | None = None
    ) -> Iterator[tuple[str, NDArray[Any]]]:
        codes, scale = quantise_rows(self._get(f"{source}.weight", (rows, self.shape.hidden)))
        yield f"{name or source}.weight", codes
        yield f"{name or source}.scale", scale * np.float32(math.sqrt(self.shape.hidden))

    def _matrix(
        self, name: str, matrix: Floats, bias: Floats | None
    ) -> Iterator[tuple[str, NDArray[Any]]]:
        codes, scale = quantise_rows(matrix)
        padding = -len(scale) % 64
        yield f"{name}.weight", pack_matrix(codes)
        yield f"{name}.scale", np.pad(scale, (0, padding))
        full = np.zeros_like(scale) if bias is None else bias
        yield f"{name}.bias", np.pad(full, (0, padding))

    def _linear(
        self, source: str, name: str, inputs: int | None = None, outputs: int | None = None
    ) -> Iterator[tuple[str, NDArray[Any]]]:
        inputs, outputs = inputs or self.shape.hidden, outputs or self.shape.hidden
        matrix = self._get(f"{source}.weight", (outputs, inputs))
        yield from self._matrix(name, matrix, self._get(f"{source}.bias", (outputs,)))

    def _heads_out(
        self, source: str, name: str, groups: int, scaled: bool
    ) -> Iterator[tuple[str, NDArray[Any]]]:
        """A projection into ``groups`` sets of heads; the first is the query if ``scaled``."""
        s = self.shape
        matrix = self._get(f"{source}.weight", (groups * s.hidden, s.hidden))
        bias = self._get(f"{source}.bias", (groups * s.hidden,))
        both = np.concatenate([matrix, bias[:, None]], axis=1)  # scale and pad both alike
        both = both.reshape(groups, s.heads, s.head_dim, s.hidden + 1).copy()
        if scaled:
            both[0] *= np.float32(s.head_dim**-0.5)
        extra = s.padded_head_dim - s.head_dim
        both = np.pad(both, ((0, 0), (0, 0), (0, extra), (0, 0))).reshape(-1, s.hidden + 1)
        yield from self._matrix(name, np.ascontiguousarray(both[:, :-1]), both[:, -1])

    def _heads_in(self, source: str, name: str) -> Iterator[tuple[str, NDArray[Any]]]:
        """The projection back from the (padded) heads to the hidden width."""
        s = self.shape
        matrix = self._get(f"{source}.weight", (s.hidden, s.hidden))
        extra = s.padded_head_dim - s.head_dim
        split = matrix.reshape(s.hidden, s.heads, s.head_dim)
        padded = np.pad(split, ((0, 0), (0, 0), (0, extra))).reshape(s.hidden, -1)
        yield from self._matrix(name, padded, self._get(f"{source}.bias", (s.hidden,)))

    def _norm(self, source: str, name: str) -> Iterator[tuple[str, NDArray[Any]]]:
        yield f"{name}.gain", self._get(f"{source}.weight", (self.shape.hidden,))
        yield f"{name}.bias", self._get(f"{source}.bias", (self.shape.hidden,))

    def _feed_forward(
        self, source: str, name: str, inner: int
    ) -> Iterator[tuple[str, NDArray[Any]]]:
        yield from self._linear(f"{source}.input", f"{name}.input", outputs=inner)
        yield from self._linear(f"{source}.output", f"{name}.output", inputs=inner)

    def _self_attention(
        self, source: str, name: str, relative: bool
    ) -> Iterator[tuple[str, NDArray[Any]]]:
        yield from self._heads_out(f"{source}.self_attention.qkv", f"{name}.qkv", 3, scaled=True)
        if relative:
            s = self.shape
            count, extra = 2 * s.max_distance + 1, s.padded_head_dim - s.head_dim
            keys = self._get(f"{source}.self_attention.relative_key", (count, s.head_dim))
            values = self._get(f"{source}.self_attention.relative_value", (count, s.head_dim))
            yield f"{name}.relative_key", np.pad(keys, ((0, -count % 16), (0, extra))).T
            yield f"{name}.relative_value", np.pad(values, ((0, 0), (0, extra)))
        yield from self._heads_in(f"{source}.self_attention.output", f"{name}.output")
        yield from self._norm(f"{source}.self_attention_norm", f"{name}.attention_norm")

    def _encoder_layer(
        self, source: str, name: str, relative: bool
    ) -> Iterator[tuple[str, NDArray[Any]]]:
        yield from self._self_attention(source, name, relative)
        yield from self._feed_forward(f"{source}.feed_forward", f"{name}.inner", self.shape.inner)
        yield from self._norm(f"{source}.feed_forward_norm", f"{name}.inner_norm")

    def _decoder_layer(self, source: str, name: str) -> Iterator[tuple[str, NDArray[Any]]]:
        s = self.shape
        if s.augmentation:
            own = f"{name}.augmentation"
            yield from self._feed_forward(f"{source}.augmentation", own, s.hidden)
            yield from self._norm(f"{source}.augmentation_norm", f"{name}.augmentation_norm")
        yield from self._self_attention(source, name, s.relative)
        cross = f"{source}.cross_attention"
        yield from self._heads_out(f"{cross}.query", f"{name}.cross_query", 1, scaled=True)
        yield from self._heads_out(f"{cross}.key_value", f"{name}.cross_key_value", 2, scaled=False)
        yield from self._heads_in(f"{cross}.output", f"{name}.cross_output")
        yield from self._norm(f"{source}.cross_attention_norm", f"{name}.cross_norm")
        yield from self._feed_forward(f"{source}.feed_forward", f"{name}.inner", s.inner)
        yield from self._norm(f"{source}.feed_forward_norm", f"{name}.inner_norm")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
