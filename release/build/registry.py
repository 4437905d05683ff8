"""Bring an image to a registry or into an archive, once and never differently.

Two images are the same when their layers, labels, user and start command are:
that survives the change of format and compression that a transfer brings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from csanmt.durable import sync
from csanmt.errors import ConflictError, NotFoundError
from release.ledger.ledger import Kind, Ledger
from release.running.command import CommandError, run_command
from release.running.containers import find_tool

_ABSENT = re.compile(  # a port or a digest may hold the digits 404, too
    r"manifest unknown|name unknown|not found|no such file|does not exist|not an image"
    r"|status\s?code: 404\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Destination:
    """Where an image goes, as skopeo names it."""

    reference: str
    """``docker://registry/repository:tag`` or ``oci-archive:FILE:name:tag``"""
    insecure: bool = False
    """plain HTTP or an unknown certificate is accepted; for a registry on this machine"""

    @property
    def is_archive(self) -> bool:
        """Whether this is a file."""
        return self.reference.startswith("oci-archive:")


@dataclass(frozen=True)
class Pushed:
    """What a push did."""

    reference: str
    digest: str
    """of the manifest at the destination"""
    already_there: bool


def registry_destination(repository: str, tag: str, *, insecure: bool = False) -> Destination:
    """Return ``repository:tag`` in a registry."""
    return Destination(f"docker://{repository}:{tag}", insecure)


def archive_destination(path: Path, name: str, tag: str) -> Destination:
    """Return an OCI archive file."""
    return Destination(f"oci-archive:{path}:{name}:{tag}")


def push_image(image: str, destination: Destination, *, tool: str) -> Pushed:
    """Copy a local image to ``destination`` unless the very same is there.

    Args:
        image: name in local storage.
        tool: the builder whose storage holds it (docker's daemon has one of its own).

    Raises:
        ConflictError: another content has this name there.
        EngineUnavailableError: skopeo is not installed.
        CommandError: the transfer failed.
    """
    find_tool(("skopeo",))
    source = f"docker-daemon:{image}" if tool == "docker" else f"containers-storage:{image}"
    mine = _content(source, Destination(source))
    if mine is None:
        raise NotFoundError(f"no image {image} in the storage of {tool}")
    theirs = _content(destination.reference, destination)
    if theirs is not None and theirs != mine:
        raise ConflictError(
            f"{destination.reference} exists with another content "
            f"({_difference(mine, theirs)}): a pushed version never changes, raise the version"
        )
    if theirs is None:
        _copy(source, destination)
    return Pushed(destination.reference, manifest_digest(destination), theirs is not None)


def record_push(ledger: Ledger, tag: str, done: Pushed, *, who: str, why: str) -> None:
    """Write a push into the ledger; one that did nothing only if the ledger lacks it.

    It does where an earlier push was killed between the copy and its entry.
    """
    known = ledger.history(kind=Kind.PUSH, version=tag)
    if done.already_there and done.reference in [e.detail.get("reference") for e in known]:
        return
    ledger.append(
        Kind.PUSH, tag, who=who, why=why,
        digests={"pushed": done.digest}, detail={"reference": done.reference},
    )  # fmt: skip


def manifest_digest(destination: Destination) -> str:
    """Return the digest by which the destination knows the image."""
    text = _skopeo_inspect(destination, "--format", "{{.Digest}}")
    if text is None:
        raise NotFoundError(f"nothing at {destination.reference}")
    return text.strip()


def _copy(source: str, destination: Destination) -> None:
    """Copy an image; an archive appears whole, by a rename, or not at all."""
    flags = ["--dest-tls-verify=false"] if destination.insecure else []
    command = ["skopeo", "copy", *flags, source]
    if not destination.is_archive:
        run_command([*command, destination.reference], timeout=1800)
        return
    kind, file, name = destination.reference.split(":", 2)
    path = Path(file)
    draft = path.with_name(f".{path.name}")
    draft.unlink(missing_ok=True)  # skopeo would add to what a killed push left
    try:
        run_command([*command, f"{kind}:{draft}:{name}"], timeout=1800)
        sync(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)


def _content(reference: str, destination: Destination) -> dict[str, Any] | None:
    """Return what makes an image the image it is, or None when there is none."""
    if destination.is_archive and not Path(reference.split(":")[1]).exists():
        return None
    text = _skopeo_inspect(destination, "--config")
    if text is None:
        return None
    data: Mapping[str, Any] = json.loads(text)
    config = data.get("config") or {}
    return {
        "layers": (data.get("rootfs") or {}).get("diff_ids"),
        "labels": config.get("Labels") or {},
        "user": config.get("User"),
        "start": [config.get("Entrypoint"), config.get("Cmd")],
        "environment": sorted(config.get("Env") or ()),
    }


def _difference(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    return ", ".join(key for key in mine if mine[key] != theirs.get(key)) + " differ"


def _skopeo_inspect(destination: Destination, *flags: str) -> str | None:
    secure = ["--tls-verify=false"] if destination.insecure else []
    try:
        return run_command(["skopeo", "inspect", *secure, *flags, destination.reference])
    except CommandError as error:
        if _ABSENT.search(str(error)):
            return None
        raise
