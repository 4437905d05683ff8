"""From a model's directory to a translator that is ready to work."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pkgutil
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from csanmt.errors import (
    CheckpointError,
    ConfigurationError,
    EngineUnavailableError,
    NotFoundError,
)
from csanmt.text_translator import TextTranslator
from csanmt.tokenization import DESCRIPTION, Tokenizer, read_description
from csanmt.translator import Engine
from csanmt.version import (
    CONFIG,
    FLOAT_WEIGHTS,
    PACKED_WEIGHTS,
    TOKENIZER,
    behaviour,
    read_config,
    read_version,
)

_TAG = re.compile(r"[^/:\\]+:v[^/:\\]+")
ENGINES = ("native", "torch")
_KINDS = {
    "sentencepiece": "csanmt.tokenization_sentencepiece:SentencePieceTokenizer",
    "modelscope": "csanmt.modelscope.tokenization:ModelScopeTokenizer",
}


def load_translator(
    directory: str | os.PathLike[str],
    *,
    engine: str | None = None,
    model_tag: str | None = None,
    isa: str | None = None,
    threads: int = 1,
) -> TextTranslator:
    """The translator of a model version's directory.

    Args:
        directory: holds config.json, tokenizer/ and model.safetensors or engine.bin; or the tag
            of a stored version, ``name:vX.Y.Z``.
        engine: ``native`` or ``torch``; None takes the native one if it can run here.
        model_tag: what answers are attributed to; by default the tag, or the directory's name.
        isa, threads: of the native engine, as ``NativeEngine`` takes them.

    Raises:
        NotFoundError: the directory, its configuration, tokenizer or weights are missing.
        ConfigurationError: config.json is not usable, or the engine's name is unknown.
        CheckpointError: tokenizer and weights do not belong together, or are damaged.
        EngineUnavailableError: the engine asked for cannot run here.
    """
    version = read_version(find_version(directory))
    place, own = version.directory, version.behaviour
    tokenizer = load_tokenizer(place)
    _check_sizes(tokenizer, version.config, place)
    return TextTranslator(
        tokenizer,
        load_engine(place, engine, isa=isa, threads=threads),
        model_tag=model_tag or (place.name if Path(directory).is_dir() else str(directory)),
        source_language=own.source_language,
        target_language=own.target_language,
        decoding=version.decoding,
        max_source_tokens=own.max_source_tokens,
        repair_numbers=own.repair_numbers,
    )


def find_version(place: str | os.PathLike[str]) -> Path:
    """The directory of a version that is named by its directory or by its tag.

    What finds a tag is an entry point of the product, ``csanmt.versions``: this package knows
    no store.

    Raises:
        NotFoundError: there is no such version, or no store installed that could find it.
        IntegrityError: the stored version is damaged.
    """
    if Path(place).is_dir() or not _TAG.fullmatch(str(place)):
        return Path(place)
    for finder in importlib.metadata.entry_points(group="csanmt.versions"):
        found: Path = finder.load()(str(place))
        return found
    raise NotFoundError(f"no directory {str(place)!r}, and no store is installed to look a tag up")


def load_tokenizer(directory: str | os.PathLike[str]) -> Tokenizer:
    """The tokenizer saved in ``directory``, or in its ``tokenizer/`` (a model's directory).

    A model's ``config.json`` also says which pieces are copy tokens and whether traditional
    characters are read as simplified ones.

    Raises:
        NotFoundError: there is no description or a file it names is missing.
        ConfigurationError: the description is not JSON or of an unknown type, or the
            copy tokens are not pieces of both vocabularies, or only a vocabulary of ours
            can do what the configuration asks for.
    """
    place = Path(directory)
    config: Mapping[str, Any] = {}
    if (place / TOKENIZER / DESCRIPTION).is_file():
        if (place / CONFIG).is_file():
            config = read_config(place)
        place = place / TOKENIZER
    description = read_description(place)
    kind = description.get("type")
    if kind not in _KINDS:
        raise ConfigurationError(
            f"{place / DESCRIPTION}: type is {kind!r}; allowed is {', '.join(sorted(_KINDS))}"
        )
    kinds: Any = pkgutil.resolve_name(_KINDS[kind])  # imported when it is needed
    tokenizer: Tokenizer = kinds.load(place, description)
    own = behaviour(config)
    tokenizer.declare_copy_tokens(own.copy_tokens)
    if own.simplify_source:
        if kind != "sentencepiece":
            raise ConfigurationError("simplify_source: this kind of tokenizer cannot do that")
        tokenizer.simplify_source = True
    return tokenizer


def load_engine(
    directory: str | os.PathLike[str],
    engine: str | None = None,
    *,
    isa: str | None = None,
    threads: int = 1,
) -> Engine:
    """The engine of a model's directory; arguments and errors as ``load_translator``."""
    place = Path(directory)
    if engine not in (None, *ENGINES):
        raise ConfigurationError(f"engine is {engine!r}; allowed is {', '.join(ENGINES)}")
    packed = (place / PACKED_WEIGHTS).is_file()
    if not packed and not (place / FLOAT_WEIGHTS).is_file():
        raise NotFoundError(f"{str(place)!r} holds neither {FLOAT_WEIGHTS} nor {PACKED_WEIGHTS}")
    if engine == "native" and not packed:
        raise EngineUnavailableError(f"the native engine needs {PACKED_WEIGHTS} in {str(place)!r}")
    if (engine or best_engine(place)) == "native":
        from csanmt.engine.native import NativeEngine

        factor = behaviour(read_config(place)).max_length_factor
        return NativeEngine(
            place / PACKED_WEIGHTS, isa=isa, threads=threads, max_length_factor=factor
        )
    return _torch_engine(place)


def best_engine(directory: str | os.PathLike[str]) -> str:
    """The engine that ``load_engine`` takes when it is not told: native if it can run here."""
    packed = (Path(directory) / PACKED_WEIGHTS).is_file()
    return "native" if packed and importlib.util.find_spec("csanmt_engine") else "torch"


def _torch_engine(place: Path) -> Engine:
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            raise EngineUnavailableError(
                f"no engine for {str(place)!r}: the native one needs csanmt-engine and "
                f"{PACKED_WEIGHTS} ('csanmt models pack' makes it), the torch one the package "
                f"{package!r}, which is not installed"
            )
    from csanmt.engine.torch_reference import TorchEngine

    return TorchEngine.load(place)


def _check_sizes(tokenizer: Tokenizer, config: Mapping[str, Any], place: Path) -> None:
    vocab = config.get("vocab_size")
    target = config.get("target_vocab_size") or vocab
    for side, size, limit in (
        ("source", tokenizer.source_size, vocab),
        ("target", tokenizer.target_size, target),
    ):
        if isinstance(limit, int) and size > limit:
            raise CheckpointError(
                f"{place}: the {side} tokenizer has {size} ids but the model only {limit}; "
                "tokenizer and weights are of different models"
            )
