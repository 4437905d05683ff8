"""Splits a directory into parts of a chosen size, with digests, and joins them again.

Standard library alone, one file: a copy of it travels beside the parts as
``split_archive.py`` and joins them on a machine that has nothing of ours:

    python split_archive.py join PARTS OUT
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

MANIFEST = "package.json"
CHUNK = 1 << 20


class PartsError(Exception):
    """A part is missing or its bytes are not those that were written."""


def split_directory(directory: Path, out: Path, part_size: int) -> list[Path]:
    """Write ``directory`` as ``part-000`` … of at most ``part_size`` bytes, and the manifest.

    Args:
        directory: what to send; its files keep their relative paths.
        out: directory for the parts, created.
        part_size: bytes, at least 1.

    Returns:
        the parts, in order.
    """
    if part_size < 1:
        raise PartsError(f"part size is {part_size}; allowed is 1 byte or more")
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("part-*"):
        old.unlink()
    archive = out / "package.tar.xz"
    with tarfile.open(archive, "w:xz", preset=2) as tar:  # ids shrink to half
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                tar.add(path, path.relative_to(directory).as_posix())
    parts, entries = [], []
    for number, data in enumerate(_slices(archive, part_size)):
        part = out / f"part-{number:03d}"
        part.write_bytes(data)
        parts.append(part)
        entries.append(
            {"name": part.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        )
    whole = {"bytes": archive.stat().st_size, "sha256": file_digest(archive)}
    archive.unlink()
    manifest = json.dumps({"format": 1, "whole": whole, "parts": entries}, indent=2)
    (out / MANIFEST).write_text(manifest + "\n", encoding="utf-8")
    shutil.copyfile(__file__, out / "split_archive.py")
    return parts


def join_parts(parts: Path, out: Path) -> None:
    """Check every part's digest, put them together, unpack into ``out``.

    Nothing is written to ``out`` unless everything is whole.

    Raises:
        PartsError: the manifest or a part is missing, shorter, longer or altered, or
            the archive would write outside ``out``.
    """
    manifest = _read_manifest(parts)
    archive = parts / "package.tar.xz.joining"
    try:
        with archive.open("wb") as whole:
            for entry in manifest["parts"]:
                whole.write(_checked(parts, entry))
        if file_digest(archive) != manifest["whole"]["sha256"]:
            raise PartsError(f"{parts}: the parts are whole but do not form the package")
        with tarfile.open(archive) as tar:
            tar.extractall(out, filter="data")
    except tarfile.TarError as error:
        raise PartsError(f"{parts}: not a package: {error}") from error
    finally:
        archive.unlink(missing_ok=True)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _checked(parts: Path, entry: dict) -> bytes:  # type: ignore[type-arg]
    path = parts / Path(entry["name"]).name
    if not path.is_file():
        raise PartsError(f"part {entry['name']} is missing in {parts}")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise PartsError(
            f"part {entry['name']} is damaged: {len(data)} bytes of {entry['bytes']}, "
            "SHA-256 differs; fetch it again"
        )
    return data


def _read_manifest(parts: Path) -> dict:  # type: ignore[type-arg]
    path = parts / MANIFEST
    if not path.is_file():
        raise PartsError(f"{parts} holds no {MANIFEST}")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        manifest["whole"]["sha256"], manifest["parts"]
    except (ValueError, KeyError, TypeError) as error:
        raise PartsError(f"{path} is damaged: {error}") from error
    return dict(manifest)


def _slices(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while data := stream.read(size):
            yield data


def main(arguments: list[str]) -> int:
    """``join PARTS OUT`` or ``split DIRECTORY OUT BYTES``; 0 if it went well."""
    try:
        if len(arguments) == 3 and arguments[0] == "join":
            join_parts(Path(arguments[1]), Path(arguments[2]))
        elif len(arguments) == 4 and arguments[0] == "split":
            split_directory(Path(arguments[1]), Path(arguments[2]), int(arguments[3]))
        else:
            sys.stderr.write("usage: split_archive.py join PARTS OUT | split DIRECTORY OUT BYTES\n")
            return 2
    except PartsError as error:
        sys.stderr.write(f"split_archive.py: {error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
