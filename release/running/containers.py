"""The container tools that may be there, and how each is told the same thing."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from csanmt.errors import EngineUnavailableError, NotFoundError
from release.running.command import CommandError, run_command

BUILDERS = ("buildah", "podman", "docker")  # tools that can build, in the order of preference

RUNTIMES = ("podman", "docker")  # tools that can run an image, in the order of preference

_ABSENT = re.compile(  # a port or a digest may hold the digits 404, too
    r"manifest unknown|name unknown|not found|no such file|does not exist|not an image"
    r"|status\s?code: 404\b",
    re.IGNORECASE,
)
# Mounted read-only while packages are installed, so that a site's own authority is known.
HOST_CERTIFICATES = Path("/etc/ssl/certs")


def find_tool(candidates: Sequence[str], chosen: str | None = None) -> str:
    """The first of ``candidates`` that is installed, or ``chosen``.

    Raises:
        EngineUnavailableError: none is installed.
    """
    for name in (chosen,) if chosen else candidates:
        if shutil.which(name):
            return name
    raise EngineUnavailableError(f"none of {', '.join(candidates)} is installed")


@dataclass(frozen=True)
class Builder:
    """One of :data:`BUILDERS`, told how to build without a daemon and without a clock."""

    tool: str
    commit_time: int  # seconds since 1970: the time of every file and of the image

    def build(
        self,
        containerfile: Path,
        context: Path,
        name: str,
        *,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        log: Path,
    ) -> None:
        """Build ``containerfile`` as image ``name``.

        The image is in Docker's format, the only one that has a HEALTHCHECK.
        """
        command = [self.tool, *self._build_words(), "--file", str(containerfile), "--tag", name]
        for key, value in arguments.items():
            command += ["--build-arg", f"{key}={value}"]
        for key, value in sorted(labels.items()):
            command += ["--label", f"{key}={value}"]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(self.commit_time)}
        run_command([*command, str(context)], environment=environment, log=log)

    def _build_words(self) -> list[str]:
        if self.tool != "docker":  # without a daemon
            certificates = f"{HOST_CERTIFICATES}:{HOST_CERTIFICATES}:ro"
            return [
                "build", "--format", "docker", "--isolation", "chroot", "--network", "host",
                "--timestamp", str(self.commit_time), "--layers", "--no-cache", "--pull=never",
                *(["--volume", certificates] if HOST_CERTIFICATES.is_dir() else []),
            ]  # fmt: skip
        return ["buildx", "build", "--load", "--no-cache", "--provenance=false"]

    def exists(self, image: str) -> bool:
        """Whether ``image`` is in local storage."""
        return bool(_try([self.tool, "inspect", "--type", "image", image]))

    def where(self, image: str) -> str:
        """Name a local image as skopeo does."""
        return f"{'docker-daemon' if self.tool == 'docker' else 'containers-storage'}:{image}"

    def inspect(self, image: str) -> ImageFacts:
        """What is known of a local image.

        Raises:
            NotFoundError: there is none of that name.
        """
        facts = read_image(self.where(image)) if self.exists(image) else None
        if facts is None:
            raise NotFoundError(f"no image {image} in the storage of {self.tool}")
        return facts

    def remove(self, image: str) -> None:
        """Forget a local image; nothing happens when there is none."""
        words = ["rmi"] if self.tool != "docker" else ["image", "rm"]
        _try([self.tool, *words, image])

    def fetch(self, reference: str, name: str) -> None:
        """Pull an image from a registry and give it a local name.

        Raises:
            CommandError: it could not be pulled.
        """
        run_command([self.tool, "pull", reference])
        run_command([self.tool, "tag", reference, name])

    def run_inside(self, image: str, command: Sequence[str]) -> str:
        """Run ``command`` in ``image`` without network, as its user, and return its output.

        Raises:
            CommandError: it failed.
        """
        if not shutil.which("buildah"):
            entry = ["--entrypoint", command[0], image, *command[1:]]
            return run_command([self.tool, "run", "--rm", "--network", "none", *entry])
        container = run_command(["buildah", "from", "--pull-never", image]).strip()
        try:
            words = ["buildah", "run", "--isolation", "chroot", container, "--"]
            return run_command([*words, *command])
        finally:
            _try(["buildah", "rm", container])

    def version(self) -> str:
        """What the tool says its version is."""
        return run_command([self.tool, "--version"]).strip()


@dataclass(frozen=True)
class ImageFacts:
    """What an image says of itself.

    Attributes:
        digest: of the manifest, ``sha256:<hex>``.
        config_digest: of the configuration: the image's id.
        layers: digests of the uncompressed layers, bottom first.
        start: entry point and arguments.
        bytes: of all layers as they lie there; in local storage, uncompressed.
    """

    digest: str
    config_digest: str
    layers: tuple[str, ...]
    labels: dict[str, str]
    user: str
    bytes: int
    start: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()


def read_image(reference: str) -> ImageFacts | None:
    """What is known of an image by its name as skopeo has it; None where there is none.

    Raises:
        EngineUnavailableError: skopeo is not installed.
        CommandError: it cannot be asked.
    """
    command = ["skopeo", "inspect", reference]
    try:
        raw = run_command([*command, "--raw"])
    except CommandError as error:
        if _ABSENT.search(str(error)):
            return None
        raise
    manifest, facts = json.loads(raw), json.loads(run_command([*command, "--config"]))
    config: Mapping[str, Any] = facts.get("config") or {}
    return ImageFacts(
        digest=f"sha256:{hashlib.sha256(raw.encode()).hexdigest()}",
        config_digest=manifest["config"]["digest"],
        layers=tuple((facts.get("rootfs") or {}).get("diff_ids") or ()),
        labels=dict(config.get("Labels") or {}),
        user=str(config.get("User") or ""),
        bytes=sum(layer["size"] for layer in manifest["layers"]),
        start=(*(config.get("Entrypoint") or ()), "", *(config.get("Cmd") or ())),
        environment=tuple(sorted(config.get("Env") or ())),
    )


def _try(command: Sequence[str]) -> str:
    try:
        return run_command(command)
    except CommandError:
        return ""
