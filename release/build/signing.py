"""Checksums of a release's artefacts, and their signature where a signer is installed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from csanmt.errors import IntegrityError, NotFoundError
from release.build.digest import file_digest
from release.running.command import run_command

CHECKSUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.bundle"
UNCOVERED = {
    CHECKSUMS, SIGNATURE, "build.log", "evidence.json", "evidence.json.sig", "verdict.json",
    "verdict.json.sig", "image.oci.tar",
    ".image.oci.tar",
}  # fmt: skip
"""Left out of the checksums: themselves, the log of one run, and what comes later and has a
seal, signature or digest of its own (the gate's evidence, the pushed archive and its draft)."""


@dataclass(frozen=True)
class Signature:
    """Whether the checksums are signed, and if not, why."""

    signed: bool
    statement: str


def write_checksums(folder: Path) -> Path:
    """Write ``SHA256SUMS`` over the folder's files, as ``sha256sum -c`` reads it."""
    lines = [
        f"{file_digest(path).removeprefix('sha256:')}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in UNCOVERED
    ]
    target = folder / CHECKSUMS
    target.write_text("".join(lines), encoding="utf-8")
    return target


def check_checksums(folder: Path) -> int:
    """Recompute every checksum and return how many files were checked.

    Raises:
        NotFoundError: there is no checksum file.
        IntegrityError: names every file that is missing, changed or not covered.
    """
    try:
        text = (folder / CHECKSUMS).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"no {CHECKSUMS} in {folder}") from error
    expected = {
        name: digest for digest, name in (line.split("  ", 1) for line in text.splitlines())
    }
    present = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and path.name not in UNCOVERED
    }
    wrong = [f"{name} is missing" for name in sorted(expected.keys() - present.keys())]
    wrong += [f"{name} is not covered" for name in sorted(present.keys() - expected.keys())]
    wrong += [
        f"{name} was changed"
        for name in sorted(expected.keys() & present.keys())
        if file_digest(present[name]) != f"sha256:{expected[name]}"
    ]
    if wrong:
        raise IntegrityError(f"artefacts in {folder}: {'; '.join(wrong)}")
    return len(expected)


def sign(folder: Path, environment: Mapping[str, str]) -> Signature:
    """Sign the checksums with ``cosign`` when it and an identity are there.

    The identity is ``COSIGN_KEY`` (a key file or KMS address) or, in a CI run with an
    OpenID token, none (keyless).

    Raises:
        CommandError: the signer is there and failed; a release must not hide that.
    """
    cosign = shutil.which("cosign")
    if cosign is None:
        return Signature(False, "not signed: cosign is not installed")
    key = environment.get("COSIGN_KEY")
    keyless = bool(environment.get("ACTIONS_ID_TOKEN_REQUEST_URL"))
    if not key and not keyless:
        return Signature(False, "not signed: neither COSIGN_KEY nor an OpenID token is there")
    identity = ["--key", key] if key else []
    command = [
        cosign, "sign-blob", "--yes", *identity, "--bundle", str(folder / SIGNATURE),
        str(folder / CHECKSUMS),
    ]  # fmt: skip
    run_command(command, environment=dict(environment), timeout=300)
    return Signature(True, f"signed with cosign ({'key' if key else 'keyless'})")
