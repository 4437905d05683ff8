"""``release.toml``: the committed answer to "what is this release made of?"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from csanmt.errors import ConfigurationError, NotFoundError
from csanmt.tables import read_toml

FILE_NAME = "release.toml"
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")

# section -> key -> (type, required)
_SCHEMA: dict[str, dict[str, type]] = {
    "release": {"name": str, "source": str},
    "model": {"tag": str, "sha256": str},
    "image": {"base": str, "fallback": str, "budget_megabytes": int},
    "push": {"repository": str},
    "gate": {"signers": str},
}
OPTIONAL = {"model": {"source": str, "archive": str}}


@dataclass(frozen=True)
class Manifest:
    """The content of ``release.toml``, validated."""

    name: str
    """of the bento and the image"""
    source: str
    """address of the sources for the image's label, or empty"""
    model_tag: str
    model_sha256: str
    """the store's digest of the pinned version, ``sha256:<64 hex>``"""
    base: str
    """base image, by digest"""
    fallback: str
    """local base image for where no registry can be reached"""
    budget_megabytes: int
    """of the image without its model, uncompressed, 10**6 bytes"""
    repository: str
    """where `push` goes, or empty for an archive"""
    signers: Path | None = None
    """OpenSSH's allowed signers of the gate's evidence; None: it need not be signed"""
    model_source: str = ""
    """where the pinned version is fetched from: a folder, or ``oci:REPOSITORY``"""
    model_archive: str = ""
    """digest of its archive there"""


def read_manifest(root: Path) -> Manifest:
    """Read and validate ``release.toml`` in ``root``.

    Raises:
        NotFoundError: there is none.
        ConfigurationError: names the key, its value and what is allowed.
    """
    path = root / FILE_NAME
    if not path.is_file():
        raise NotFoundError(f"no {FILE_NAME} in {root}")
    data = read_toml(path)
    _check_shape(data)
    manifest = Manifest(
        name=data["release"]["name"],
        source=data["release"]["source"],
        model_tag=data["model"]["tag"],
        model_sha256=data["model"]["sha256"],
        base=data["image"]["base"],
        fallback=data["image"]["fallback"],
        budget_megabytes=data["image"]["budget_megabytes"],
        repository=data["push"]["repository"],
        signers=root / data["gate"]["signers"] if data["gate"]["signers"] else None,
        model_source=data["model"].get("source", ""),
        model_archive=data["model"].get("archive", ""),
    )
    _check_values(manifest)
    return manifest


def _check_shape(data: Mapping[str, Any]) -> None:
    for section in data.keys() | _SCHEMA.keys():
        keys = _SCHEMA.get(section)
        if keys is None:
            raise ConfigurationError(f"{FILE_NAME}: unknown section [{section}]")
        found = data.get(section)
        if not isinstance(found, dict):
            raise ConfigurationError(f"{FILE_NAME}: section [{section}] is missing")
        keys = keys | {k: t for k, t in OPTIONAL.get(section, {}).items() if k in found}
        for key in found.keys() | keys.keys():
            if key not in keys:
                raise ConfigurationError(
                    f"{FILE_NAME}: unknown key {key!r} in [{section}]; allowed: {', '.join(keys)}"
                )
            if not isinstance(found.get(key), keys[key]) or isinstance(found.get(key), bool):
                raise ConfigurationError(
                    f"{FILE_NAME}: {section}.{key} is {found.get(key)!r}, "
                    f"must be a {'number' if keys[key] is int else 'string'}"
                )


def _check_values(manifest: Manifest) -> None:
    if not _NAME.fullmatch(manifest.name):
        raise ConfigurationError(f"{FILE_NAME}: release.name {manifest.name!r} is no image name")
    if "@sha256:" not in manifest.base:
        raise ConfigurationError(
            f"{FILE_NAME}: image.base {manifest.base!r} must end in @sha256:<digest>; a tag moves"
        )
    if manifest.model_sha256 and not _SHA256.fullmatch(manifest.model_sha256):
        raise ConfigurationError(
            f"{FILE_NAME}: model.sha256 {manifest.model_sha256!r} must be sha256:<64 hex digits>"
        )
    if manifest.budget_megabytes <= 0:
        raise ConfigurationError(f"{FILE_NAME}: image.budget_megabytes must be positive")


def pin_model(
    root: Path, tag: str, digest: str, *, source: str = "", archive: str = ""
) -> Manifest:
    """Write the model's tag and digest into ``release.toml``; the rest stays as it is.

    Args:
        source, archive: where it can be fetched from, and its archive's digest there.

    Raises:
        ConfigurationError: the file has no such keys, or the digest is malformed.
    """
    if not _SHA256.fullmatch(digest):
        raise ConfigurationError(f"{digest!r} is not sha256:<64 hex digits>")
    path = root / FILE_NAME
    read_manifest(root)
    section = ""
    values = {"tag": tag, "sha256": digest, "source": source, "archive": archive}
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    last = 0
    for number, line in enumerate(lines):
        if header := re.match(r"\[(\w+)\]", line):
            section = header[1]
        elif section == "model" and (key := re.match(r"(tag|sha256|source|archive)\s*=", line)):
            lines[number] = f'{key[1]} = "{values.pop(key[1])}"\n'
            if key[1] == "sha256":
                last = number
    more = [f'{name} = "{value}"\n' for name, value in values.items() if value]
    lines[last + 1 : last + 1] = more
    path.write_text("".join(lines), encoding="utf-8")
    return read_manifest(root)
