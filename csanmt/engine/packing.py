"""Pack a CSANMT model into ``engine.bin``, the int8 file the native engine maps.

Weights become symmetric int8 with one scale an output channel, stored as unsigned
(+128) in the order the kernels read them: ``[outputs/64][inputs/4][64][4]``. Embeddings
become int8 with one scale a row, the factor sqrt(H) included. Norms, biases and relative
position tables stay float32. Heads are padded with zero columns to a multiple of 16.
The container is ``csanmt.engine.container``'s.

Needs numpy and safetensors only; a live torch model is accepted too.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from csanmt.engine.container import write_container
from csanmt.engine.layout import Entry, Kind, Shape, layout
from csanmt.errors import CheckpointError, ConfigurationError, NotFoundError, StorageError
from csanmt.version import FLOAT_WEIGHTS, read_config

Floats = NDArray[np.float32]
Weights = Mapping[str, Floats]


def pack(model: Any, out_path: str | os.PathLike[str], config: Any = None) -> None:
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
    shape = Shape.from_config(settings)
    for key, value in (("hidden_size", shape.hidden), ("intermediate_size", shape.inner)):
        if value % 16:
            raise ConfigurationError(f"{key} is {value}; the native engine needs a multiple of 16")
    target = Path(out_path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        write_container(temporary, shape, _sections(shape, weights))
        os.replace(temporary, target)
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _open(model: Any, config: Any) -> tuple[Weights, Mapping[str, Any]]:
    if isinstance(model, (str, os.PathLike)):
        directory = Path(model)
        return _read_safetensors(directory / FLOAT_WEIGHTS), read_config(directory)
    if hasattr(model, "state_dict"):
        weights = {k: v.detach().float().cpu().numpy() for k, v in model.state_dict().items()}
        return weights, model.config.to_dict()
    if config is None:
        raise ConfigurationError("weights given as a mapping need their config")
    return model, config if isinstance(config, Mapping) else config.to_dict()


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


Sections = Iterator[tuple[str, NDArray[Any]]]


def _sections(shape: Shape, weights: Weights) -> Sections:
    """The named arrays of a model, in the order of ``layout``."""
    for entry in layout(shape):
        own = [_checked(weights, name, size) for name, size in entry.parameters(shape).items()]
        yield from _packed(shape, entry, own)


def _checked(weights: Weights, name: str, shape: tuple[int, ...]) -> Floats:
    if name not in weights:
        raise CheckpointError(f"the model lacks {name}")
    value = np.ascontiguousarray(weights[name], dtype=np.float32)
    if value.shape != shape:
        raise CheckpointError(f"{name} has shape {value.shape}; expected {shape}")
    if not np.isfinite(value).all():
        raise CheckpointError(f"{name} holds values that are not finite")
    return value


def _packed(s: Shape, e: Entry, own: list[Floats]) -> Sections:
    extra = s.padded_head_dim - s.head_dim
    if e.kind is Kind.VECTOR:
        yield e.section, own[0]
    elif e.kind is Kind.NORM:
        yield from zip((f"{e.section}.gain", f"{e.section}.bias"), own, strict=True)
    elif e.kind is Kind.EMBEDDING:
        codes, scale = quantise_rows(own[0])
        yield f"{e.section}.weight", codes
        yield f"{e.section}.scale", scale * np.float32(math.sqrt(s.hidden))
    elif e.kind is Kind.RELATIVE:
        keys, values = own
        yield f"{e.section}.relative_key", np.pad(keys, ((0, -len(keys) % 16), (0, extra))).T
        yield f"{e.section}.relative_value", np.pad(values, ((0, 0), (0, extra)))
    elif e.kind is Kind.HEADS_OUT:
        both = np.concatenate([own[0], own[1][:, None]], axis=1)  # scale and pad both alike
        both = both.reshape(e.groups, s.heads, s.head_dim, s.hidden + 1)
        if e.scaled:
            both[0] *= np.float32(s.head_dim**-0.5)
        both = np.pad(both, ((0, 0), (0, 0), (0, extra), (0, 0))).reshape(-1, s.hidden + 1)
        yield from _matrix(e.section, np.ascontiguousarray(both[:, :-1]), both[:, -1])
    elif e.kind is Kind.HEADS_IN:
        split = own[0].reshape(s.hidden, s.heads, s.head_dim)
        padded = np.pad(split, ((0, 0), (0, 0), (0, extra))).reshape(s.hidden, -1)
        yield from _matrix(e.section, padded, own[1])
    else:
        yield from _matrix(e.section, *own)


def _matrix(name: str, matrix: Floats, bias: Floats | None = None) -> Sections:
    codes, scale = quantise_rows(matrix)
    padding = -len(scale) % 64
    yield f"{name}.weight", pack_matrix(codes)
    yield f"{name}.scale", np.pad(scale, (0, padding))
    yield f"{name}.bias", np.pad(np.zeros_like(scale) if bias is None else bias, (0, padding))
