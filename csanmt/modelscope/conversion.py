"""A ModelScope model's directory → a model version's directory of ours."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from csanmt.errors import CheckpointError, ConflictError, NotFoundError
from csanmt.modelscope.checkpoint import Checkpoint
from csanmt.modelscope.configuration import (
    CONFIGURATION,
    ModelScopeConfiguration,
    read_configuration,
)
from csanmt.modelscope.tokenization import ModelScopeTokenizer, read_text
from csanmt.modelscope.variables import read_weights
from csanmt.translator import DecodingOptions
from csanmt.version import CONFIG, FLOAT_WEIGHTS, TOKENIZER, write_decoding, write_json

CHECKPOINTS = "tf_ckpts"
_PROBES = {
    "zh": "今天天气很好，我们一起去公园散步吧。",
    "en": "The weather is fine today; let us go for a walk in the park.",
    "ja": "今日は天気がいいので、公園を散歩しましょう。",
}
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """What an import read and found.

    Attributes:
        source: SHA-256 of every file read, by path relative to the model's directory.
        variables: how many became weights; ``parameters`` counts their numbers.
        ignored: variables that only training needs.
        notes: what was adapted.
        self_check: what was translated to prove that the result works, and how it came out.
    """

    source: dict[str, str]
    variables: int
    parameters: int
    ignored: tuple[str, ...]
    notes: tuple[str, ...]
    self_check: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def convert(
    directory: str | os.PathLike[str],
    out_directory: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
) -> ConversionReport:
    """Write config.json, model.safetensors, generation_config.json and tokenizer/.

    The result is translated with once before this returns. Nothing in the source is
    executed or unpickled. A failed import leaves files behind only in ``out_directory``.

    Args:
        directory: holds configuration.json, the vocabularies, BPE codes and tf_ckpts/.
        out_directory: new or empty.
        progress: told in a few words what is being done.

    Raises:
        NotFoundError, ConfigurationError: of the source's files; see ``read_configuration``.
        CheckpointError: the checkpoint is damaged or does not fit its configuration.
        ConflictError: ``out_directory`` holds something.
    """
    say = progress or (lambda _: None)
    place, out = Path(directory), Path(out_directory)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConflictError(f"{str(out)!r} is not an empty directory; name a new one")
    say("reading the configuration and the vocabularies")
    configuration = read_configuration(place)
    tokenizer = _tokenizer(configuration)
    prefix = find_checkpoint(place)
    say("reading the checkpoint")
    weights, ignored = read_weights(Checkpoint.open(prefix), configuration.config)
    say("writing the weights")
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(out / TOKENIZER)
    write_json(out / CONFIG, _config_json(configuration))
    write_decoding(out, DecodingOptions(**configuration.generation))
    _write_weights(out / FLOAT_WEIGHTS, weights)
    variables, parameters = len(weights), sum(value.size for value in weights.values())
    del weights
    say("translating a sentence to check the result")
    check = self_check(out, configuration.config["source_language"])
    say("computing digests of the source")
    return ConversionReport(
        source=_digests(place, configuration, prefix),
        variables=variables,
        parameters=parameters,
        ignored=tuple(ignored),
        notes=configuration.notes,
        self_check=check,
    )


def find_checkpoint(directory: Path) -> Path:
    """The prefix of the checkpoint: ``tf_ckpts/ckpt-0``, the one named current, or the only one.

    Raises:
        NotFoundError: there is none.
        ConflictError: there are several and none is named current.
    """
    for folder in (directory / CHECKPOINTS, directory):
        published = folder / "ckpt-0"
        if published.with_name("ckpt-0.index").is_file():
            return published
        current = _current(folder)
        if current is not None:
            return current
        found = sorted(folder.glob("*.index")) if folder.is_dir() else []
        if len(found) == 1:
            return found[0].with_suffix("")
        if found:
            names = ", ".join(path.stem for path in found)
            raise ConflictError(
                f"{str(folder)!r} holds several checkpoints ({names}) and no file 'checkpoint' "
                "says which is current; leave only one"
            )
    raise NotFoundError(
        f"no TensorFlow checkpoint in {str(directory)!r}: {CHECKPOINTS}/ckpt-0.index is missing"
    )


def _current(folder: Path) -> Path | None:
    state = folder / "checkpoint"
    if not state.is_file():
        return None
    for line in state.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model_checkpoint_path":
            # Often an absolute path of the machine it was trained on: only the name counts.
            name = Path(value.strip().strip('"')).name
            if (folder / f"{name}.index").is_file():
                return folder / name
    return None


def self_check(directory: Path, language: str) -> dict[str, Any]:
    """Translate one sentence with the converted model.

    Raises:
        CheckpointError: the tokenizer finds no words in it, or a score is not a number.
    """
    from csanmt.loading import load_translator

    translator = load_translator(directory)
    probe = _PROBES.get(language, _PROBES["en"])
    ids = translator.tokenizer.encode(probe)
    if not ids:
        raise CheckpointError(f"self-check: the tokenizer turns {probe!r} into nothing")
    unknown = sum(token == translator.tokenizer.source_size - 1 for token in ids)
    options = DecodingOptions(beam=4, max_length=32)
    translation = translator.translate([probe], options)[0]
    score = translation.hypotheses[0].score
    if not np.isfinite(score):
        raise CheckpointError(f"self-check: the score of a translation is {score}")
    return {
        "sentence": probe,
        "translation": translation.text,
        "score": round(score, 6),
        "source_tokens": len(ids),
        "unknown_tokens": unknown,
        "engine": translator.engine.name,
    }


def _tokenizer(configuration: ModelScopeConfiguration) -> ModelScopeTokenizer:
    config = configuration.config
    return ModelScopeTokenizer(
        read_text(configuration.source_vocabulary),
        read_text(configuration.target_vocabulary),
        read_text(configuration.source_bpe),
        source_size=config["vocab_size"],
        target_size=config["target_vocab_size"],
        source_language=config["source_language"],
        target_language=config["target_language"],
    )


def _config_json(configuration: ModelScopeConfiguration) -> dict[str, Any]:
    return {
        "model_type": "csanmt",
        "architectures": ["CsanmtForConditionalGeneration"],
        **configuration.config,
        "is_encoder_decoder": True,
        "eos_token_id": 0,
        "pad_token_id": 0,
        "bos_token_id": 0,
        "decoder_start_token_id": 0,
    }


def _write_weights(path: Path, weights: dict[str, Any]) -> None:
    from safetensors.numpy import save_file

    save_file(weights, str(path), metadata={"format": "pt"})


def _digests(place: Path, configuration: ModelScopeConfiguration, prefix: Path) -> dict[str, str]:
    checkpoint = Checkpoint.open(prefix)
    files = [
        place / CONFIGURATION,
        configuration.source_vocabulary,
        configuration.target_vocabulary,
        configuration.source_bpe,
        prefix.with_name(prefix.name + ".index"),
        *(checkpoint.shard_path(shard) for shard in range(checkpoint.shards)),
    ]
    digests = {}
    for path in files:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        digests[os.path.relpath(path.resolve(), place.resolve())] = digest
    return dict(sorted(digests.items()))
