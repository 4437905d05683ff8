"""ModelScope's ``configuration.json`` → our configuration, decoding defaults and file names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from csanmt.errors import ConfigurationError, NotFoundError
from csanmt.translator import MAX_BEAM, MAX_LENGTH

CONFIGURATION = "configuration.json"
_MODEL_TYPE = "csanmt-translation"
# Before anything is made of them; the published model has 24 layers and 50,000 words.
MOST_LAYERS = 256
MOST = 10_000_000


@dataclass(frozen=True, slots=True)
class ModelScopeConfiguration:
    """What an import needs to know, validated.

    Attributes:
        config: keys of ``CsanmtConfig``.
        generation: beam, length_penalty, max_length.
        source_vocabulary, target_vocabulary, source_bpe: paths of the files.
        notes: what was adapted, for the report.
    """

    config: dict[str, Any]
    generation: dict[str, Any]
    source_vocabulary: Path
    target_vocabulary: Path
    source_bpe: Path
    notes: tuple[str, ...]


def read_configuration(directory: Path) -> ModelScopeConfiguration:
    """Read and check ``directory/configuration.json``.

    Raises:
        NotFoundError: the directory, the file, or a file it names is missing.
        ConfigurationError: names the key, its value and what is allowed.
    """
    raw = _load(directory)
    model = _Section(raw, "model")
    kind = model.values.get("type", _MODEL_TYPE)
    if kind != _MODEL_TYPE:
        raise ConfigurationError(
            f"{CONFIGURATION}: model.type is {kind!r}; only {_MODEL_TYPE!r} can be imported"
        )
    preprocessor = _Section(raw, "preprocessor")
    source, target = preprocessor.text("src_lang"), preprocessor.text("tgt_lang")
    generation, notes = _generation(model)
    return ModelScopeConfiguration(
        config={**_shape(model), "source_language": source, "target_language": target},
        generation=generation,
        source_vocabulary=_file(directory, raw, "dataset", "src_vocab"),
        target_vocabulary=_file(directory, raw, "dataset", "trg_vocab"),
        source_bpe=_file(directory, raw, "preprocessor", "src_bpe"),
        notes=tuple(notes),
    )


def _shape(model: _Section) -> dict[str, Any]:
    shared = model.flag("shared_source_target_embedding")
    source, target = model.size("src_vocab_size"), model.size("trg_vocab_size")
    if shared and source != target:
        raise ConfigurationError(
            f"{CONFIGURATION}: model.shared_source_target_embedding is true, but "
            f"src_vocab_size is {source} and trg_vocab_size {target}"
        )
    hidden, heads = model.size("hidden_size"), model.size("num_heads")
    if hidden % heads or hidden % 2:
        raise ConfigurationError(
            f"{CONFIGURATION}: model.hidden_size is {hidden} and num_heads {heads}; "
            "allowed is an even hidden_size that num_heads divides"
        )
    return {
        "vocab_size": source,
        "target_vocab_size": target,
        "hidden_size": hidden,
        "intermediate_size": model.size("filter_size"),
        "num_attention_heads": heads,
        "num_encoder_layers": model.size("num_encoder_layers", most=MOST_LAYERS),
        "num_decoder_layers": model.size("num_decoder_layers", most=MOST_LAYERS),
        "num_semantic_encoder_layers": model.size("num_semantic_encoder_layers", most=MOST_LAYERS),
        "position_type": model.choice("position_info_type", ("absolute", "relative")),
        "max_relative_distance": model.size("max_relative_dis"),
        "normalization": _normalization(model),
        "share_embeddings": shared,
        "tie_softmax": model.flag("shared_embedding_and_softmax_weights"),
        "use_augmentation": True,
        "dropout": model.rate("residual_dropout"),
        "attention_dropout": model.rate("attention_dropout"),
        "activation_dropout": model.rate("relu_dropout"),
    }


def _normalization(model: _Section) -> str:
    steps = (model.text("layer_preproc"), model.text("layer_postproc"))
    known = {("layer_norm", "none"): "pre", ("none", "layer_norm"): "post"}
    if steps not in known:
        raise ConfigurationError(
            f"{CONFIGURATION}: model.layer_preproc is {steps[0]!r} and layer_postproc "
            f"{steps[1]!r}; allowed is layer_norm in exactly one of them and none in the other"
        )
    return known[steps]


def _generation(model: _Section) -> tuple[dict[str, Any], list[str]]:
    beam = model.size("beam_size", 4)
    length = model.size("max_decoded_trg_len", 100)
    penalty = model.values.get("lp_rate", 0.6)
    if isinstance(penalty, bool) or not isinstance(penalty, (int, float)) or not 0 <= penalty <= 5:
        raise ConfigurationError(
            f"{CONFIGURATION}: model.lp_rate is {penalty!r}; allowed is 0 to 5"
        )
    notes = [
        f"{key} {value} was lowered to {most}, the most allowed here"
        for key, value, most in (
            ("beam_size", beam, MAX_BEAM),
            ("max_decoded_trg_len", length, MAX_LENGTH),
        )
        if value > most
    ]
    values = {
        "beam": min(beam, MAX_BEAM),
        "length_penalty": float(penalty),
        "max_length": min(length, MAX_LENGTH),
    }
    return values, notes


@dataclass(frozen=True)
class _Section:
    """One object of the file, whose values are checked as they are taken."""

    raw: Mapping[str, Any]
    name: str

    @property
    def values(self) -> Mapping[str, Any]:
        section = self.raw.get(self.name)
        if not isinstance(section, dict):
            raise ConfigurationError(f"{CONFIGURATION}: the section {self.name!r} is missing")
        return section

    def _get(self, key: str, default: Any = None) -> Any:
        value = self.values.get(key, default)
        if value is None:
            raise ConfigurationError(f"{CONFIGURATION}: {self.name}.{key} is missing")
        return value

    def _refuse(self, key: str, value: Any, allowed: str) -> ConfigurationError:
        return ConfigurationError(
            f"{CONFIGURATION}: {self.name}.{key} is {value!r}; allowed is {allowed}"
        )

    def size(self, key: str, default: int | None = None, most: int = MOST) -> int:
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
            raise self._refuse(key, value, f"a positive integer, {most} at most")
        return value

    def rate(self, key: str) -> float:
        value = self._get(key, 0.0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
            raise self._refuse(key, value, "a rate of at least 0 and below 1")
        return float(value)

    def flag(self, key: str) -> bool:
        value = self._get(key)
        if not isinstance(value, bool):
            raise self._refuse(key, value, "true or false")
        return value

    def text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise self._refuse(key, value, "a text")
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in allowed:
            raise self._refuse(key, value, ", ".join(allowed))
        return value


def _load(directory: Path) -> Mapping[str, Any]:
    if not directory.is_dir():
        raise NotFoundError(f"no directory {str(directory)!r}")
    path = directory / CONFIGURATION
    if not path.is_file():
        raise NotFoundError(
            f"{str(directory)!r} is not a ModelScope model: {CONFIGURATION} is missing"
        )
    try:
        raw = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{path} must hold a JSON object")
    return raw


def _file(directory: Path, raw: Mapping[str, Any], section: str, key: str) -> Path:
    entry = _Section(raw, section).values.get(key)
    name = entry.get("file") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"{CONFIGURATION}: {section}.{key}.file is missing")
    path = (directory / name).resolve()
    if not path.is_relative_to(directory.resolve()):
        raise ConfigurationError(
            f"{CONFIGURATION}: {section}.{key}.file is {name!r}, which leaves the model's directory"
        )
    if not path.is_file():
        raise NotFoundError(f"{name} ({section}.{key}) is missing in {str(directory)!r}")
    return path
