"""A model card for versions that come without one: facts alone, nothing guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from model_store.tags import ModelTag

_SHAPE = {
    "source_language": "source language",
    "target_language": "target language",
    "num_encoder_layers": "encoder layers",
    "num_decoder_layers": "decoder layers",
    "num_semantic_encoder_layers": "semantic encoder layers",
    "hidden_size": "width",
    "intermediate_size": "feed-forward width",
    "num_attention_heads": "attention heads",
    "vocab_size": "source vocabulary",
    "target_vocab_size": "target vocabulary",
    "normalization": "layer norm",
    "position_type": "positions",
}


def render_card(
    tag: ModelTag,
    config: Mapping[str, Any],
    labels: Mapping[str, str],
    origin: Mapping[str, Any],
) -> str:
    """Markdown made of the configuration, the labels and the author's provenance."""
    lines = [f"# {tag}", "", "A CSANMT translation model (Wei et al., ACL 2022).", ""]
    rows = [(name, config[key]) for key, name in _SHAPE.items() if key in config]
    rows += [(f"label `{key}`", value) for key, value in sorted(labels.items())]
    if rows:
        lines += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]
    if origin:
        text = json.dumps(origin, ensure_ascii=False, indent=2, sort_keys=True)
        lines += ["## Provenance", "", "```json", text, "```", ""]
    lines += ["No scores or limitations were written down by its author.", ""]
    return "\n".join(lines)
