"""What the folder of a model version must and must not hold."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from csanmt.errors import InvalidInputError, NotFoundError
from model_store.digests import walk_files
from model_store.provenance import ENVELOPE_NAME, RECORD_NAME

CONFIG = "config.json"
CARD = "model_card.md"
TOKENIZER = "tokenizer"
WEIGHTS = ("engine.bin", "model.safetensors")
_REFUSED = frozenset(
    (
        "pkl",
        "pickle",
        "dill",
        "joblib",
        "pt",
        "pth",
        "ckpt",
        "npy",
        "npz",
        "h5",
        "hdf5",
        "keras",
        "py",
        "pyc",
        "so",
    )
)
_PICKLE_HEAD = re.compile(rb"\x80[\x02-\x05]")  # protocols 2 to 5
_ZIP_HEAD = b"PK\x03\x04"  # what torch.save writes


def model_files(directory: Path) -> list[str]:
    """Relative paths of the files of a version-to-be, checked, sorted.

    Raises:
        NotFoundError: there is no such directory.
        InvalidInputError: names everything missing, or the file that may not be in a model.
    """
    if not directory.is_dir():
        raise NotFoundError(f"no model directory {str(directory)!r}")
    paths = [path for path in walk_files(directory) if path not in (RECORD_NAME, ENVELOPE_NAME)]
    missing = _missing(paths)
    if missing:
        raise InvalidInputError(f"{str(directory)!r} is not a model: missing {', '.join(missing)}")
    for path in paths:
        _refuse_code(directory, path)
    read_config(directory)
    return paths


def read_config(directory: Path) -> dict[str, Any]:
    """``config.json`` as a dictionary, with ``model_type`` checked."""
    path = directory / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{str(path)!r} is not JSON: {error}") from error
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind != "csanmt":
        raise InvalidInputError(f"{str(path)!r}: model_type is {kind!r}; allowed is 'csanmt'")
    return dict(config)


def _missing(paths: Sequence[str]) -> list[str]:
    missing = [] if CONFIG in paths else [CONFIG]
    if not any(name in paths for name in WEIGHTS):
        missing.append(" or ".join(WEIGHTS))
    if not any(path.startswith(f"{TOKENIZER}/") for path in paths):
        missing.append(f"{TOKENIZER}/")
    return missing


def _refuse_code(directory: Path, path: str) -> None:
    """Refuse what a loader might unpickle or run."""
    kind = PurePosixPath(path).suffix.lower().removeprefix(".")
    with (directory / path).open("rb") as stream:
        head = stream.read(4)
    # A safetensors file begins with a length, which may look like anything.
    disguised = kind != "safetensors" and (_PICKLE_HEAD.match(head) or head == _ZIP_HEAD)
    if disguised or kind in _REFUSED:
        raise InvalidInputError(
            f"{path!r} may not be part of a model: pickles, archives and code are never loaded; "
            "weights are safetensors or engine.bin"
        )
