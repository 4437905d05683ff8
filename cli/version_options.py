"""The options that name and describe a version to be saved, for every command that saves one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from csanmt.errors import InvalidInputError


def add_version_options(parser: argparse.ArgumentParser) -> None:
    """``--name``, ``--version``, ``--labels`` and ``--metadata`` of a version to be saved."""
    parser.add_argument("--name", required=True, help="e.g. csanmt-zh-en")
    parser.add_argument("--version", required=True, help="vX.Y.Z or vX.Y.Z-suffix")
    for options, words in (
        (("--label", "--labels"), "short texts to select by, e.g. stage=candidate"),
        (
            ("--metadata",),
            "values kept with the version; read as JSON where possible, else as text",
        ),
    ):
        parser.add_argument(
            *options,
            dest=options[-1].removeprefix("--"),
            metavar="KEY=VALUE",
            nargs="+",
            action="extend",
            default=[],
            help=words,
        )


def version_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """``tag``, ``labels`` and ``metadata`` for ``ModelStore.save``, checked."""
    from model_store.tags import ModelTag

    metadata = {key: _json_or_text(text) for key, text in _pairs(args.metadata).items()}
    return {
        "tag": ModelTag(args.name, args.version),
        "labels": _pairs(args.labels),
        "metadata": metadata,
    }


def _pairs(words: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key or key in pairs:
            raise InvalidInputError(f"{word!r} is not KEY=VALUE, or its key is given twice")
        pairs[key] = value
    return pairs


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
