"""From trained weights to a model version directory that the product loads and stores."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from csanmt.loading import load_tokenizer
from csanmt.modeling import CsanmtForConditionalGeneration
from csanmt.translator import DecodingOptions
from csanmt.version import (
    FLOAT_WEIGHTS,
    GENERATION,
    PACKED_WEIGHTS,
    TOKENIZER,
    write_decoding,
    write_json,
)
from training.recipe import EvaluationSettings


def export_version(
    model: CsanmtForConditionalGeneration,
    tokenizer: Path,
    out: Path,
    decoding: EvaluationSettings,
    provenance: dict[str, Any],
    *,
    weights: str = "int8",
) -> Path:
    """Write a version directory, aside and then renamed into place; it is returned.

    Args:
        model: the trained (averaged) model.
        tokenizer: directory of its tokenizer.
        out: directory to write; an older one is replaced.
        decoding: becomes ``generation_config.json``, and ``max_source_tokens``,
            ``max_length_factor`` and ``repair_numbers`` of ``config.json``.
        provenance: the author's part of ``provenance.json``.
        weights: ``int8`` (engine.bin), ``bf16`` or ``float32`` (model.safetensors).
    """
    fresh = out.with_name(out.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    if decoding.max_source_tokens:
        model.config.max_source_tokens = decoding.max_source_tokens
    model.config.max_length_factor = decoding.max_length_factor or None
    model.config.repair_numbers = decoding.repair_numbers
    model.config.save_pretrained(fresh)
    (fresh / GENERATION).unlink(missing_ok=True)
    load_tokenizer(tokenizer).save(fresh / TOKENIZER)
    if weights == "int8":
        from csanmt.engine.packing import pack

        pack(model, fresh / PACKED_WEIGHTS)
    else:
        kind = torch.bfloat16 if weights == "bf16" else torch.float32
        tensors = {k: v.detach().to(kind).contiguous() for k, v in model.state_dict().items()}
        save_file(tensors, fresh / FLOAT_WEIGHTS, metadata={"format": "pt"})
    own = DecodingOptions(
        beam=decoding.beam,
        length_penalty=decoding.length_penalty,
        max_length=decoding.max_length,
    )
    write_decoding(fresh, own)
    write_json(fresh / "provenance.json", provenance)
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)
    return out
