"""ModelScope's ``configuration.json`` → our configuration, decoding defaults and file names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AliasPath, BaseModel, ConfigDict, Field, ValidationError, model_validator

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


class _Model(_Part):
    """The fields are those of ``CsanmtConfig``, but for what decoding and the import need."""

    type: Literal["csanmt-translation"] = Field("csanmt-translation", exclude=True)
    vocab_size: Size = Field(alias="src_vocab_size")
    target_vocab_size: Size = Field(alias="trg_vocab_size")
    hidden_size: Size
    intermediate_size: Size = Field(alias="filter_size")
    num_attention_heads: Size = Field(alias="num_heads")
    num_encoder_layers: Layers
    num_decoder_layers: Layers
    num_semantic_encoder_layers: Layers
    position_type: Literal["absolute", "relative"] = Field(alias="position_info_type")
    max_relative_distance: Size = Field(alias="max_relative_dis")
    share_embeddings: bool = Field(alias="shared_source_target_embedding")
    tie_softmax: bool = Field(alias="shared_embedding_and_softmax_weights")
    dropout: Rate = Field(0.0, alias="residual_dropout")
    attention_dropout: Rate = 0.0
    activation_dropout: Rate = Field(0.0, alias="relu_dropout")
    layer_preproc: Text = Field(exclude=True)
    layer_postproc: Text = Field(exclude=True)
    beam_size: Size = Field(4, exclude=True)
    max_decoded_trg_len: Size = Field(100, exclude=True)
    lp_rate: Annotated[float, Field(ge=0, le=5)] = Field(0.6, exclude=True)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.share_embeddings and self.vocab_size != self.target_vocab_size:
            raise ValueError(
                "shared_source_target_embedding is true, but src_vocab_size is "
                f"{self.vocab_size} and trg_vocab_size {self.target_vocab_size}"
            )
        if self.hidden_size % self.num_attention_heads or self.hidden_size % 2:
            raise ValueError(
                f"hidden_size is {self.hidden_size} and num_heads {self.num_attention_heads}; "
                "allowed is an even hidden_size that num_heads divides"
            )
        if {self.layer_preproc, self.layer_postproc} != {"layer_norm", "none"}:
            raise ValueError(
                f"layer_preproc is {self.layer_preproc!r} and layer_postproc "
                f"{self.layer_postproc!r}; allowed is layer_norm in exactly one of them and none "
                "in the other"
            )
        return self


class _Configuration(_Part):
    model: _Model
    source_language: Text = Field(validation_alias=AliasPath("preprocessor", "src_lang"))
    target_language: Text = Field(validation_alias=AliasPath("preprocessor", "tgt_lang"))
    source_bpe: Text = Field(validation_alias=AliasPath("preprocessor", "src_bpe", "file"))
    source_vocabulary: Text = Field(validation_alias=AliasPath("dataset", "src_vocab", "file"))
    target_vocabulary: Text = Field(validation_alias=AliasPath("dataset", "trg_vocab", "file"))


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
        config={
            **model.model_dump(),
            "normalization": "pre" if model.layer_preproc == "layer_norm" else "post",
            "use_augmentation": True,
            "source_language": read.source_language,
            "target_language": read.target_language,
        },
        generation={
            "beam": min(model.beam_size, MAX_BEAM),
            "length_penalty": model.lp_rate,
            "max_length": min(model.max_decoded_trg_len, MAX_LENGTH),
        },
        source_vocabulary=_file(directory, read.source_vocabulary),
        target_vocabulary=_file(directory, read.target_vocabulary),
        source_bpe=_file(directory, read.source_bpe),
        notes=tuple(
            f"{key} {value} was lowered to {most}, the most allowed here"
            for key, value, most in (
                ("beam_size", model.beam_size, MAX_BEAM),
                ("max_decoded_trg_len", model.max_decoded_trg_len, MAX_LENGTH),
            )
            if value > most
        ),
    )


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


def _file(directory: Path, name: str) -> Path:
    path = (directory / name).resolve()
    if not path.is_relative_to(directory.resolve()):
        raise ConfigurationError(f"{CONFIGURATION}: file {name!r} leaves the model's directory")
    if not path.is_file():
        raise NotFoundError(f"{name} is missing in {str(directory)!r}")
    return path
