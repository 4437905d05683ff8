"""A directory that looks like a model, for tests that need no translations."""

from __future__ import annotations

import json
from pathlib import Path


def write_model(directory: Path, *, engine: bytes = b"CSANMT" * 99, **config: object) -> Path:
    """A directory that has the shape of a model; its weights are not weights."""
    (directory / "tokenizer").mkdir(parents=True)
    settings = {"model_type": "csanmt", "hidden_size": 32, "source_language": "zh", **config}
    (directory / "config.json").write_text(json.dumps(settings))
    (directory / "engine.bin").write_bytes(engine)
    (directory / "tokenizer" / "tokenizer_config.json").write_text('{"type": "sentencepiece"}')
    (directory / "tokenizer" / "source.model").write_bytes(b"\nsource pieces")
    (directory / "model_card.md").write_text("# card\n")
    return directory
