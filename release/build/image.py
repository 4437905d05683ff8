"""From a bento to the image that ships, and what that image weighs."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from csanmt.errors import EngineUnavailableError, NotFoundError
from model_store import ModelStore
from release.build.bento import Bento
from release.build.manifest import Manifest
from release.build.version import Checkout, version_of
from release.running.command import CommandError, run_command
from release.running.containers import Builder, ImageFacts

CONTAINERFILE = Path(__file__).with_name("Containerfile")
MODEL_LABEL = "org.csanmt.model.tag"
MODEL_DIGEST_LABEL = "org.csanmt.model.digest"
BENTO_DIGEST_LABEL = "org.csanmt.bento.digest"


@dataclass(frozen=True)
class BaseImage:
    """The base that a build really stands on."""

    name: str
    digest: str
    is_fallback: bool  # made here from Debian packages because the pinned one cannot be reached


@dataclass(frozen=True)
class Image:
    """A built image in local storage."""

    name: str  # ``localhost/csanmt:v1.2.0-abc1234``
    facts: ImageFacts
    base: BaseImage


def choose_base(
    manifest: Manifest, builder: Builder, log: Path, *, local: bool = False
) -> BaseImage:
    """The pinned base image, or the local fallback where it cannot be pulled.

    Args:
        local: take the fallback without trying to pull.

    Raises:
        NotFoundError: neither is to be had; the message says how to make the fallback.
    """
    if not local:
        try:
            if not builder.exists(manifest.image.base):
                run_command([builder.tool, "pull", manifest.image.base], log=log, timeout=300)
            digest = manifest.image.base.rpartition("@")[2]
            return BaseImage(manifest.image.base, digest, is_fallback=False)
        except CommandError:
            pass
    if not builder.exists(manifest.image.fallback):
        raise NotFoundError(
            f"{manifest.image.base} cannot be pulled and there is no {manifest.image.fallback}: "
            "run scripts/make_base_image.sh"
        )
    facts = builder.inspect(manifest.image.fallback)
    return BaseImage(manifest.image.fallback, facts.digest or facts.config_digest, is_fallback=True)


def build_image(
    bento: Bento,
    tag: str,
    checkout: Checkout,
    manifest: Manifest,
    builder: Builder,
    *,
    base: BaseImage,
    store: ModelStore,
    log: Path,
) -> Image:
    """Build the Containerfile on what the bento holds and what its packages need.

    Raises:
        EngineUnavailableError: uv is not installed here to be copied in.
        CommandError: a tool failed; its last lines are in the message, all in ``log``.
    """
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        raise EngineUnavailableError("uv is not installed: make install-release")
    name = f"localhost/{manifest.release.name}:{tag}"
    model, _, version = bento.model_tag.partition(":")
    with tempfile.TemporaryDirectory(prefix=".image-", dir=store.home) as context:
        inside = Path(context) / "bento"
        shutil.copytree(bento.path, inside)
        shutil.copytree(store.path(bento.model_tag), inside / "models" / model / version)
        (inside / "models" / model / "latest").write_text(version)  # as BentoML lays them out
        shutil.copy(uv, context)
        builder.build(
            CONTAINERFILE,
            Path(context),
            name,
            arguments={"BASE_IMAGE": base.name},
            labels=image_labels(bento, tag, checkout, manifest, base),
            log=log,
        )
    return Image(name, builder.inspect(name), base)


def image_labels(
    bento: Bento, tag: str, checkout: Checkout, manifest: Manifest, base: BaseImage
) -> dict[str, str]:
    """The labels by which an image is traced back to all that went into it."""
    created = datetime.fromtimestamp(checkout.commit_time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "org.opencontainers.image.title": manifest.release.name,
        "org.opencontainers.image.version": version_of(tag),
        "org.opencontainers.image.revision": checkout.sha,
        "org.opencontainers.image.created": created,
        "org.opencontainers.image.ref.name": tag,
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.base.name": base.name,
        "org.opencontainers.image.base.digest": base.digest,
        "org.opencontainers.image.source": manifest.release.source,
        MODEL_LABEL: bento.model_tag,
        MODEL_DIGEST_LABEL: bento.model_digest,
        BENTO_DIGEST_LABEL: bento.digest,
    }


def size_report(total: int, model: int, budget_megabytes: int) -> tuple[str, bool]:
    """What an image of so many bytes weighs without its model, and whether that is allowed."""
    bare = (total - model) / 1e6
    fits = bare <= budget_megabytes
    return (
        f"{total / 1e6:.0f} MB, of which the model {model / 1e6:.0f} MB; without it "
        f"{bare:.0f} MB, {'within' if fits else 'OVER'} the budget of {budget_megabytes} MB"
    ), fits
