"""Opens the translator that the settings name, and says what was opened."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from csanmt.engine.container import recorded_checksum
from csanmt.engine.native import NativeEngine
from csanmt.errors import CsanmtError, NotFoundError
from csanmt.translator import Translator
from csanmt.version import PACKED_WEIGHTS, read_decoding
from serving.logs import log_fault
from serving.settings import Settings

log = logging.getLogger("csanmt.runner")


@dataclass(frozen=True, slots=True)
class TranslatorFacts:
    """What a runner tells the gateway about the model it serves.

    Attributes:
        beam, length_penalty, max_length: the model's own decoding defaults.
        max_source_tokens: sentences of more are cut into clauses.
        checksum: of the weights that were loaded, where they are packed.
    """

    model: str
    engine: str
    isa: str = ""
    source_language: str = "zh"
    target_language: str = "en"
    beam: int = 4
    length_penalty: float = 0.6
    max_length: int = 100
    max_source_tokens: int | None = None
    checksum: str = ""


def open_translator(settings: Settings) -> tuple[Translator, TranslatorFacts]:
    """Load the model of ``settings.model_directory`` with ``settings.engine``.

    Raises:
        NotFoundError: the directory is missing.
        CsanmtError: whatever loading finds wrong with the model or the engine.
    """
    if settings.translator:
        module, _, name = settings.translator.partition(":")
        opened: tuple[Translator, TranslatorFacts] = getattr(import_module(module), name)(settings)
        return opened
    directory = Path(settings.model_directory)
    if not settings.model_directory or not directory.is_dir():
        raise NotFoundError(f"model {settings.model}: no directory {settings.model_directory!r}")
    from csanmt.loading import load_translator

    engine = None if settings.engine == "auto" else settings.engine
    translator = load_translator(
        directory,
        engine=engine,
        model_tag=settings.model,
        isa=settings.isa or "auto",
        threads=settings.threads,
    )
    return translator, _facts(translator, directory, settings)


def token_counter(settings: Settings) -> Callable[[str], int]:
    """What counts a text's tokens in the gateway, which holds the tokenizer but no weights."""
    if settings.translator:
        return len
    from csanmt.loading import load_tokenizer

    tokenizer = load_tokenizer(settings.model_directory)
    return lambda text: len(tokenizer.encode(text))


def engine_fault(error: Exception) -> CsanmtError:
    """What a caller is told of a bug below; the log gets its kind and place."""
    log_fault(log, "engine failed", error)
    return CsanmtError("the engine failed on this text")


def _facts(translator: Translator, directory: Path, settings: Settings) -> TranslatorFacts:
    engine = getattr(translator, "engine", None)
    engine_is_native = isinstance(engine, NativeEngine)
    decoding = read_decoding(directory)
    return TranslatorFacts(
        model=settings.model,
        engine=str(getattr(engine, "name", settings.engine)),
        isa=str(getattr(engine, "info", {}).get("isa", "")),
        source_language=translator.source_language,
        target_language=translator.target_language,
        beam=min(decoding.beam, settings.max_beam),
        length_penalty=decoding.length_penalty,
        max_length=min(decoding.max_length, settings.max_length),
        max_source_tokens=translator.max_source_tokens,
        checksum=recorded_checksum(directory / PACKED_WEIGHTS) if engine_is_native else "",
    )
