"""From ``--model`` and ``--engine`` to a translator, for every command that translates.

This is the edge where the environment is read: ``BENTOML_HOME`` and ``CSANMT_ENGINE``.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.output import note
from csanmt.errors import InvalidInputError, NotFoundError
from csanmt.protected.finder import checked_literals

if TYPE_CHECKING:
    from csanmt.translator import DecodingOptions, Translator
    from model_store.store import ModelStore


def find_model(model: str | None, engine: str | None = None) -> tuple[Path, str]:
    """The directory of ``--model`` and the tag that answers are attributed to.

    Args:
        model: a directory, a tag in the store, or None for the model that comes
            with the product, which is put into the store if it is not there.

    Raises:
        NotFoundError: there is no such directory or version.
        IntegrityError: the stored version is damaged.
    """
    from csanmt.version import FLOAT_WEIGHTS, PACKED_WEIGHTS
    from model_store.shipped import DEFAULT_TAG, open_version

    if model and (Path(model).is_dir() or "/" in model):
        if not Path(model).is_dir():
            raise NotFoundError(f"no model directory {model!r}")
        return Path(model), Path(model).resolve().name
    tag = model or DEFAULT_TAG
    # Weights that will not be read need no digest; those that will have it or a checksum.
    unread = (FLOAT_WEIGHTS,) if chosen_engine(engine) == "native" else ()
    return open_version(tag, store=open_store(), deferred=(PACKED_WEIGHTS, *unread)), tag


def open_store() -> ModelStore:
    """The store of ``BENTOML_HOME``."""
    from model_store.store import ModelStore

    return ModelStore.from_environment(on_wait=lambda: note("waiting for another writer"))


def load(args: argparse.Namespace) -> tuple[Translator, DecodingOptions]:
    """The translator and the decoding options that the arguments ask for."""
    import csanmt

    directory, tag = find_model(args.model, args.engine)
    options = options_of(args, directory)
    return csanmt.load(directory, engine=chosen_engine(args.engine), model_tag=tag), options


def options_of(args: argparse.Namespace, directory: Path) -> DecodingOptions:
    """The decoding options of ``csanmt translate``."""
    return decoding_options(
        directory,
        beam=args.beam,
        n_best=args.n_best,
        length_penalty=args.length_penalty,
        max_length=args.max_length,
        terms=_terms(args.glossary) if args.glossary else (),
        protect=checked_literals(args.protect),
    )


def _terms(name: str) -> tuple[tuple[str, str], ...]:
    """The terms of a glossary's file; CSV by its suffix."""
    from csanmt.glossary import overlaps, parse_entries

    path = Path(name)
    if not path.is_file():
        raise NotFoundError(f"no glossary {name!r}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{name} is not UTF-8: byte {error.start}") from None
    pairs = parse_entries(text, "csv" if path.suffix.lower() == ".csv" else "tsv")
    for overlap in overlaps(pairs, 10):
        note(f"glossary: {overlap}")
    return pairs


def chosen_engine(option: str | None) -> str | None:
    """By the option, else by ``CSANMT_ENGINE``: ``native``, ``torch``, or None for the best."""
    engine = option or os.environ.get("CSANMT_ENGINE") or "auto"
    return None if engine == "auto" else engine


def decoding_options(directory: Path, *, n_best: int = 1, **asked: Any) -> DecodingOptions:
    """What was asked for, else the model's defaults, else the reference's.

    A beam narrower than ``n_best`` is widened unless it was asked for.

    Args:
        asked: other fields of ``DecodingOptions``; None is not asked.

    Raises:
        ConfigurationError: a value is out of range.
    """
    from csanmt.version import read_decoding

    own = read_decoding(directory)
    values: dict[str, Any] = {"beam": max(n_best, own.beam), "n_best": n_best}
    values |= {key: value for key, value in asked.items() if value is not None}
    return replace(own, **values)


def digest_of_directory(directory: Path) -> str:
    """The digest the store would record for these files, ``sha256:<hex>``."""
    from model_store.digests import digest_file, model_digest
    from model_store.integrity import model_files

    return model_digest({path: digest_file(directory / path) for path in model_files(directory)})
