"""What the folder of a model version must and must not hold."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from csanmt.errors import InvalidInputError, NotFoundError
from csanmt.version import missing_files, read_config
from model_store.digests import walk_files
from model_store.provenance import ENVELOPE_NAME, RECORD_NAME

_NO_WEIGHTS = "pkl pickle dill joblib pt pth ckpt npy npz h5 hdf5 keras py pyc so"
_REFUSED = frozenset(_NO_WEIGHTS.split())
_PICKLE_HEAD = re.compile(rb"\x80[\x02-\x05]")  # protocols 2 to 5
_ZIP_HEAD = b"PK\x03\x04"  # what torch.save writes


def model_files(directory: Path) -> list[str]:
    """Relative paths of the files of a version-to-be, checked, sorted.

    Raises:
        NotFoundError: there is no such directory.
        InvalidInputError: names everything missing, the file that may not be in a model, or
            what cannot be read of ``config.json``.
    """
    if not directory.is_dir():
        raise NotFoundError(f"no model directory {str(directory)!r}")
    paths = [path for path in walk_files(directory) if path not in (RECORD_NAME, ENVELOPE_NAME)]
    if missing := list(missing_files(paths)):
        raise InvalidInputError(f"{str(directory)!r} is not a model: missing {', '.join(missing)}")
    for path in paths:
        _refuse_code(directory, path)
    read_config(directory)
    return paths


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
