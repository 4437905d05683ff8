"""A model version on disk: its files, its configuration and how it decodes by default.

Everybody who opens a version asks here, so that a file means one thing to the command line, the
gate, the service and training. A version is saved only if all of it can be read
(``require_readable``). One that an earlier release saved still opens: what cannot be read of its
decoding defaults is said once and the reference's are taken.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from csanmt.errors import ConfigurationError, NotFoundError
from csanmt.tables import build
from csanmt.tokenization_copy import check_names
from csanmt.translator import DecodingOptions

DEFAULT_TAG = "csanmt-zh-en:v1.5.0"  # the model that comes with the product
CONFIG = "config.json"
GENERATION = "generation_config.json"
TOKENIZER = "tokenizer"
PACKED_WEIGHTS = "engine.bin"
FLOAT_WEIGHTS = "model.safetensors"
WEIGHTS = (PACKED_WEIGHTS, FLOAT_WEIGHTS)
CARD = "model_card.md"
MODEL_TYPE = "csanmt"
SOURCE_LANGUAGE, TARGET_LANGUAGE = "zh", "en"  # of a version that does not say
TOKEN_IDS = dict.fromkeys(
    ("eos_token_id", "pad_token_id", "bos_token_id", "decoder_start_token_id"), 0
)
# Our key, and transformers' for the same thing.
_DECODING_KEYS: Mapping[str, tuple[str, ...]] = {
    "beam": ("beam", "num_beams"),
    "length_penalty": ("length_penalty",),
    "max_length": ("max_length",),
}
_LANGUAGE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What ``config.json`` says beside the model's shape.

    Attributes:
        source_language, target_language: ISO codes.
        copy_tokens: pieces of both vocabularies (``csanmt.tokenization_copy``), or none.
        simplify_source: traditional characters are read as simplified ones.
        repair_numbers: a sentence whose answer lost a quantity is decoded again with it forced.
        max_source_tokens: longer sentences are cut into clauses, since the model was trained on
            none; None where the version does not say.
        max_length_factor: an answer has at most so many tokens a source token (eos counts),
            however many ``max_length`` allows (Marian's ``max-length-factor``); None: no limit.

    Raises:
        ConfigurationError: names the key, its value and what is allowed.
    """

    source_language: str = SOURCE_LANGUAGE
    target_language: str = TARGET_LANGUAGE
    copy_tokens: tuple[str, ...] = ()
    simplify_source: bool = False
    repair_numbers: bool = False
    max_source_tokens: int | None = None
    max_length_factor: int | None = None

    def __post_init__(self) -> None:
        for key in ("source_language", "target_language"):
            code = getattr(self, key)
            if not _LANGUAGE.fullmatch(code):
                raise ConfigurationError(f"{key} is {code!r}; allowed is a code such as 'zh'")
        check_names(self.copy_tokens)
        for key, least in (("max_source_tokens", 8), ("max_length_factor", 1)):
            if (value := getattr(self, key)) is not None and value < least:
                raise ConfigurationError(f"{key} is {value!r}; allowed is {least} or more")


def behaviour(config: Mapping[str, Any]) -> Behaviour:
    """That of a configuration; errors as ``Behaviour``."""
    return build(Behaviour, {f.name: config[f.name] for f in fields(Behaviour) if f.name in config})


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """What a version's small files say: ``config.json`` and ``generation_config.json``."""

    directory: Path
    config: Mapping[str, Any]
    behaviour: Behaviour
    decoding: DecodingOptions


def read_version(directory: str | os.PathLike[str]) -> ModelVersion:
    """Read a version to use it; its decoding defaults as ``read_decoding``.

    Raises:
        NotFoundError: there is no such directory, or no ``config.json`` in it.
        ConfigurationError: ``config.json`` is not usable.
    """
    place = Path(directory)
    config = read_config(place)
    try:
        own = behaviour(config)
    except ConfigurationError as error:
        raise ConfigurationError(f"{str(place / CONFIG)!r}: {error}") from None
    return ModelVersion(place, config, own, read_decoding(place))


def read_decoding(directory: str | os.PathLike[str]) -> DecodingOptions:
    """How a version decodes unless it is told otherwise; the reference's where it is silent.

    A ``generation_config.json`` that cannot be read is warned of, once a process, and not used.
    """
    try:
        return _decoding(Path(directory))
    except ConfigurationError as error:
        _warn(f"{error}; this version decodes as one without {GENERATION}")
        return DecodingOptions()


def require_readable(directory: str | os.PathLike[str]) -> None:
    """See that a version may be saved: nothing in it is left for a guess.

    Raises:
        NotFoundError, ConfigurationError: as ``read_version``, or the decoding defaults
            cannot be read.
    """
    read_version(directory)
    _decoding(Path(directory))


def read_config(directory: str | os.PathLike[str]) -> dict[str, Any]:
    """``config.json`` as a dictionary, its ``model_type`` checked; errors as ``read_version``."""
    place = Path(directory)
    if not place.is_dir():
        raise NotFoundError(f"no model directory {str(place)!r}, nor a tag (name:vX.Y.Z)")
    if not (place / CONFIG).is_file():
        raise NotFoundError(f"{str(place)!r} is not a model version: {CONFIG} is missing")
    config = read_json_object(place / CONFIG)
    kind = config.get("model_type")
    if kind != MODEL_TYPE:
        raise ConfigurationError(
            f"{str(place / CONFIG)!r}: model_type is {kind!r}; allowed is {MODEL_TYPE!r}"
        )
    return config


def missing_files(paths: list[str]) -> Iterator[str]:
    """What a version of these files (relative paths) lacks, in words."""
    if CONFIG not in paths:
        yield CONFIG
    if not any(name in paths for name in WEIGHTS):
        yield " or ".join(WEIGHTS)
    if not any(path.startswith(f"{TOKENIZER}/") for path in paths):
        yield f"{TOKENIZER}/"


def write_decoding(directory: Path, decoding: DecodingOptions) -> None:
    """Write ``generation_config.json``: our keys and those of transformers' ``generate``."""
    table = {key: asdict(decoding)[key] for key in _DECODING_KEYS}
    write_json(directory / GENERATION, {**table, "num_beams": decoding.beam, **TOKEN_IDS})


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """The house's layout of a JSON file that people read too."""
    text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    path.write_text(text, encoding="utf-8")


def _decoding(place: Path) -> DecodingOptions:
    """Raises ConfigurationError: it is no JSON object, or a value is not allowed."""
    path = place / GENERATION
    if not path.is_file():
        return DecodingOptions()
    table = read_json_object(path)
    values: dict[str, Any] = {}
    for option, keys in _DECODING_KEYS.items():
        given = [key for key in keys if table.get(key) is not None]
        if given:
            values[option] = _number(table[given[0]], f"{str(path)!r}: {given[0]}", option)
    try:
        return DecodingOptions(**values)
    except ConfigurationError as error:
        raise ConfigurationError(f"{str(path)!r}: {error}") from None


def _number(value: Any, place: str, option: str) -> float:
    whole = option != "length_penalty"
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value % 1):
        kind = "a whole number" if whole else "a number"
        raise ConfigurationError(f"{place} is {value!r}; allowed is {kind}")
    return int(value) if whole else float(value)


def read_json_object(path: Path) -> dict[str, Any]:
    """A file that holds a JSON object. Raises ConfigurationError: it does not."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{str(path)!r} is not JSON: {error}") from None
    except OSError as error:
        raise ConfigurationError(f"{str(path)!r} cannot be read: {error.strerror}") from None
    if not isinstance(value, dict):
        raise ConfigurationError(f"{str(path)!r} must hold a JSON object")
    return value


@cache
def _warn(message: str) -> None:
    log.warning(message)
