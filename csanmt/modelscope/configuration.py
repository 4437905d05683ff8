"""ModelScope's ``configuration.json`` → our configuration, decoding defaults and file names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from csanmt.errors import ConfigurationError, NotFoundError
from csanmt.translator import MAX_BEAM, MAX_LENGTH

CONFIGURATION = "configuration.json"
# Before anything is made of them; the published model has 24 layers and 50,000 words.
Layers = Annotated[int, Field(gt=0, le=256)]
Size = Annotated[int, Field(gt=0, le=10_000_000)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class _File(_Part):
    file: Text


class _Model(_Part):
    type: Literal["csanmt-translation"] = "csanmt-translation"
    src_vocab_size: Size
    trg_vocab_size: Size
    hidden_size: Size
    filter_size: Size
    num_heads: Size
    num_encoder_layers: Layers
    num_decoder_layers: Layers
    num_semantic_encoder_layers: Layers
    position_info_type: Literal["absolute", "relative"]
    max_relative_dis: Size
    layer_preproc: Text
    layer_postproc: Text
    shared_source_target_embedding: bool
    shared_embedding_and_softmax_weights: bool
    residual_dropout: Rate = 0.0
    attention_dropout: Rate = 0.0
    relu_dropout: Rate = 0.0
    beam_size: Size = 4
    max_decoded_trg_len: Size = 100
    lp_rate: Annotated[float, Field(ge=0, le=5)] = 0.6

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.shared_source_target_embedding and self.src_vocab_size != self.trg_vocab_size:
            raise ValueError(
                "shared_source_target_embedding is true, but src_vocab_size is "
                f"{self.src_vocab_size} and trg_vocab_size {self.trg_vocab_size}"
            )
        if self.hidden_size % self.num_heads or self.hidden_size % 2:
            raise ValueError(
                f"hidden_size is {self.hidden_size} and num_heads {self.num_heads}; "
                "allowed is an even hidden_size that num_heads divides"
            )
        if {self.layer_preproc, self.layer_postproc} != {"layer_norm", "none"}:
            raise ValueError(
                f"layer_preproc is {self.layer_preproc!r} and layer_postproc "
                f"{self.layer_postproc!r}; allowed is layer_norm in exactly one of them and none "
                "in the other"
            )
        return self


class _Preprocessor(_Part):
    src_lang: Text
    tgt_lang: Text
    src_bpe: _File


class _Dataset(_Part):
    src_vocab: _File
    trg_vocab: _File


class _Configuration(_Part):
    model: _Model
    preprocessor: _Preprocessor
    dataset: _Dataset


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
    read = _load(directory)
    model = read.model
    return ModelScopeConfiguration(
        config=_config(read),
        generation={
            "beam": min(model.beam_size, MAX_BEAM),
            "length_penalty": model.lp_rate,
            "max_length": min(model.max_decoded_trg_len, MAX_LENGTH),
        },
        source_vocabulary=_file(directory, read.dataset.src_vocab),
        target_vocabulary=_file(directory, read.dataset.trg_vocab),
        source_bpe=_file(directory, read.preprocessor.src_bpe),
        notes=tuple(
            f"{key} {value} was lowered to {most}, the most allowed here"
            for key, value, most in (
                ("beam_size", model.beam_size, MAX_BEAM),
                ("max_decoded_trg_len", model.max_decoded_trg_len, MAX_LENGTH),
            )
            if value > most
        ),
    )


def _config(read: _Configuration) -> dict[str, Any]:
    model = read.model
    return {
        "vocab_size": model.src_vocab_size,
        "target_vocab_size": model.trg_vocab_size,
        "hidden_size": model.hidden_size,
        "intermediate_size": model.filter_size,
        "num_attention_heads": model.num_heads,
        "num_encoder_layers": model.num_encoder_layers,
        "num_decoder_layers": model.num_decoder_layers,
        "num_semantic_encoder_layers": model.num_semantic_encoder_layers,
        "position_type": model.position_info_type,
        "max_relative_distance": model.max_relative_dis,
        "normalization": "pre" if model.layer_preproc == "layer_norm" else "post",
        "share_embeddings": model.shared_source_target_embedding,
        "tie_softmax": model.shared_embedding_and_softmax_weights,
        "use_augmentation": True,
        "dropout": model.residual_dropout,
        "attention_dropout": model.attention_dropout,
        "activation_dropout": model.relu_dropout,
        "source_language": read.preprocessor.src_lang,
        "target_language": read.preprocessor.tgt_lang,
    }


def _load(directory: Path) -> _Configuration:
    if not directory.is_dir():
        raise NotFoundError(f"no directory {str(directory)!r}")
    path = directory / CONFIGURATION
    if not path.is_file():
        raise NotFoundError(
            f"{str(directory)!r} is not a ModelScope model: {CONFIGURATION} is missing"
        )
    try:
        return _Configuration.model_validate(json.loads(path.read_text(encoding="utf-8-sig")))
    except ValidationError as error:
        found = error.errors()[0]
        key = ".".join(map(str, found["loc"])) or "the file"
        what = "" if isinstance(found["input"], dict) else f" is {found['input']!r}"
        raise ConfigurationError(f"{CONFIGURATION}: {key}{what}: {found['msg']}") from error
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON: {error}") from error


def _file(directory: Path, entry: _File) -> Path:
    path = (directory / entry.file).resolve()
    if not path.is_relative_to(directory.resolve()):
        raise ConfigurationError(
            f"{CONFIGURATION}: file {entry.file!r} leaves the model's directory"
        )
    if not path.is_file():
        raise NotFoundError(f"{entry.file} is missing in {str(directory)!r}")
    return path
