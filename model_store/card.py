"""A model card for versions that come without one: facts alone, nothing guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from model_store.tags import ModelTag


def render_card(
    tag: ModelTag,
    config: Mapping[str, Any],
    labels: Mapping[str, str],
    origin: Mapping[str, Any],
) -> str:
    """Markdown made of the configuration, the labels and the author's provenance."""
    lines = [f"# {tag}", "", "A CSANMT translation model (Wei et al., ACL 2022).", ""]
    shape = {key: value for key, value in config.items() if isinstance(value, str | int)}
    rows = [(key.replace("_", " "), value) for key, value in shape.items()]
    rows += [(f"label `{key}`", value) for key, value in sorted(labels.items())]
    if rows:
        lines += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]
    if origin:
        text = json.dumps(origin, ensure_ascii=False, indent=2, sort_keys=True)
        lines += ["## Provenance", "", "```json", text, "```", ""]
    lines += ["No scores or limitations were written down by its author.", ""]
    return "\n".join(lines)
