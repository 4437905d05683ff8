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
    parser.add_argument(
        "--label",
        "--labels",
        dest="labels",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="short texts to select by, e.g. stage=candidate",
    )
    parser.add_argument(
        "--metadata",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="values kept with the version; read as JSON where possible, else as text",
    )


def version_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """``tag``, ``labels`` and ``metadata`` for ``ModelStore.save``, checked."""
    from model_store.tags import ModelTag

    return {
        "tag": ModelTag(args.name, args.version),
        "labels": _pairs(args.labels, "--label"),
        "metadata": {
            key: _json_or_text(v) for key, v in _pairs(args.metadata, "--metadata").items()
        },
    }


def _pairs(words: Sequence[str], option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise InvalidInputError(f"{option} {word!r} is not KEY=VALUE")
        if key in pairs:
            raise InvalidInputError(f"{option} {key!r} is given twice")
        pairs[key] = value
    return pairs


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
