"""``release.toml``: the committed answer to "what is this release made of?"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from csanmt.errors import ConfigurationError, NotFoundError
from csanmt.tables import build, read_toml

FILE_NAME = "release.toml"
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


@dataclass(frozen=True)
class Naming:
    """``[release]``: the name of bento and image; the sources' address for the label, or empty."""

    name: str
    source: str


@dataclass(frozen=True)
class PinnedModel:
    """``[model]``.

    Attributes:
        sha256: the store's digest of the pinned version, ``sha256:<64 hex>``.
        source: where the version is fetched from: a folder, or ``oci:REPOSITORY``.
        archive: digest of its archive there.
    """

    tag: str
    sha256: str
    source: str = ""
    archive: str = ""


@dataclass(frozen=True)
class ImageRules:
    """``[image]``.

    Attributes:
        base: image, by digest.
        fallback: local one for where no registry can be reached.
        budget_megabytes: of the image without its model, uncompressed, 10**6 bytes.
    """

    base: str
    fallback: str
    budget_megabytes: int


@dataclass(frozen=True)
class Push:
    """``[push]``: the repository it goes to, or empty for an archive."""

    repository: str


@dataclass(frozen=True)
class Gate:
    """``[gate]``: a file of OpenSSH's allowed signers; empty: nothing need be signed."""

    signers: str


@dataclass(frozen=True)
class Manifest:
    """The content of ``release.toml``, validated."""

    release: Naming
    model: PinnedModel
    image: ImageRules
    push: Push
    gate: Gate

    def __post_init__(self) -> None:
        wrong = ""
        if not _NAME.fullmatch(self.release.name):
            wrong = f"release.name is {self.release.name!r}; allowed is a name of an image"
        elif "@sha256:" not in self.image.base:
            wrong = (
                f"image.base is {self.image.base!r}; it must end in @sha256:…, since a tag moves"
            )
        elif self.model.sha256 and not _SHA256.fullmatch(self.model.sha256):
            wrong = f"model.sha256 is {self.model.sha256!r}; allowed is sha256:<64 hex digits>"
        elif self.image.budget_megabytes <= 0:
            wrong = "image.budget_megabytes must be positive"
        if wrong:
            raise ConfigurationError(f"{FILE_NAME}: {wrong}")

    @property
    def signers(self) -> Path | None:
        """Who may sign the gate's evidence; None: it need not be signed."""
        return Path(self.gate.signers) if self.gate.signers else None


def read_manifest(root: Path) -> Manifest:
    """Read and validate ``release.toml`` in ``root``.

    Raises:
        NotFoundError: there is none.
        ConfigurationError: names the key, its value and what is allowed.
    """
    path = root / FILE_NAME
    if not path.is_file():
        raise NotFoundError(f"no {FILE_NAME} in {root}")
    manifest = build(Manifest, read_toml(path), f"{FILE_NAME}: ")
    if manifest.gate.signers:
        manifest = replace(manifest, gate=Gate(str(root / manifest.gate.signers)))
    return manifest


def pin_model(
    root: Path, tag: str, digest: str, *, source: str = "", archive: str = ""
) -> Manifest:
    """Write the model's tag and digest into ``release.toml``; the rest stays as it is.

    Args:
        source, archive: where it can be fetched from, and its archive's digest there.

    Raises:
        ConfigurationError: the file has no such keys, or the digest is malformed.
    """
    before = read_manifest(root)
    replace(before, model=PinnedModel(tag, digest or "none"))  # refuses what is malformed
    path = root / FILE_NAME
    values = {"tag": tag, "sha256": digest, "source": source, "archive": archive}
    lines = [f'{name} = "{value}"\n' for name, value in values.items() if value]
    head = "[model]\n# `csanmt release model TAG` writes it from the model store.\n"
    text = path.read_text(encoding="utf-8")
    changed = re.sub(r"(?ms)^\[model\]$.*?(?=\n\[|\Z)", lambda _: head + "".join(lines), text)
    path.write_text(changed, encoding="utf-8")
    return read_manifest(root)
