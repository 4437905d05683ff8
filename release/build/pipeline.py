"""The first half of the release path as one call: commit → bento → image → records."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from model_store import ModelStore
from release.build.bento import Bento, build_bento
from release.build.checksums import write_checksums
from release.build.image import (
    CONTAINERFILE,
    Image,
    build_image,
    choose_base,
    size_report,
)
from release.build.manifest import Manifest, read_manifest
from release.build.provenance import write_provenance
from release.build.sbom import read_inventory, write_sbom
from release.build.version import (
    Checkout,
    ReleaseTag,
    decide,
    package_version,
    read_checkout,
    refuse_reuse,
)
from release.ledger.ledger import Entry, Kind, Ledger
from release.running.containers import BUILDERS, Builder, find_tool

BUILD_RECORD = "build.json"


@dataclass(frozen=True)
class Places:
    """Where a build reads and writes."""

    root: Path
    """the repository"""
    store_home: Path
    """BENTOML_HOME"""
    artefacts: Path
    """a folder per version is made in it"""
    cache: Path
    """engine wheels"""


@dataclass(frozen=True)
class BuildResult:
    """What a build made, and the words about it."""

    tag: str
    bento: Bento
    image: Image | None
    artefacts: Path
    entry: Entry
    repeated: bool
    """the very same content was built before"""
    size: str
    """one line on the image's size, or empty"""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "tag": self.tag,
            "bento": {"tag": self.bento.tag, "digest": self.bento.digest},
            "model": {"tag": self.bento.model_tag, "digest": self.bento.model_digest},
            "image": self.image.to_json() if self.image else None,
            "artefacts": str(self.artefacts),
            "repeated": self.repeated,
            "size": self.size,
            "entry": self.entry.sequence,
        }


@dataclass(frozen=True)
class Request:
    """What was asked of a build."""

    version: str
    who: str
    why: str
    builder: str | None = None
    """tool; the first of those installed when None"""
    with_image: bool = True
    replacing: bool = False
    """give a version that never left this machine another content"""
    source: str = ""
    """address of the sources when release.toml names none"""
    local_base: bool = False
    """stand on the local base image without trying to pull the pinned one"""


def build_release(
    places: Places, ledger: Ledger, request: Request, tell: Callable[[str], None] = lambda _: None
) -> BuildResult:
    """Build the version that is checked out, and record it.

    Args:
        tell: told what is being done, since it takes minutes.

    Raises:
        CsanmtError: a rule refused (with the reason) or a tool failed.
    """
    checkout = read_checkout(places.root)
    tag = decide(request.version, package_version(places.root), checkout)
    manifest = read_manifest(places.root)
    named = replace(manifest.release, source=manifest.release.source or request.source)
    manifest = replace(manifest, release=named)
    store = ModelStore(places.store_home)
    folder = places.artefacts / str(tag)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "build.log"
    log.write_text("")
    builder = (
        Builder(find_tool(BUILDERS, request.builder), checkout.commit_time)
        if request.with_image
        else None
    )
    tell(f"{tag}: engine and bento; what the tools say is in {log}")
    bento = build_bento(places.root, tag, checkout, manifest, store, cache=places.cache, log=log)
    content = {"bento": bento.digest, "model": bento.model_digest}
    earlier = refuse_reuse(tag, content, ledger.history(), replacing=request.replacing)
    image = None
    if builder:
        tell(f"{tag}: image, by {builder.tool}")
        base = choose_base(manifest, builder, log, local=request.local_base)
        image = build_image(
            bento, tag, checkout, manifest, builder, base=base, store=store, log=log
        )
    entry = _record(ledger, request, checkout, tag, bento, image, earlier)
    tell(f"{tag}: bill of materials, provenance, checksums")
    _write_artefacts(folder, places.root, checkout, manifest, bento, image, builder)
    size = size_report(image, manifest.image.budget_megabytes) if image else ""
    result = BuildResult(str(tag), bento, image, folder, entry, earlier is not None, size)
    _write_json(folder / BUILD_RECORD, result.to_json())
    write_checksums(folder)
    return result


def _record(
    ledger: Ledger,
    request: Request,
    checkout: Checkout,
    tag: ReleaseTag,
    bento: Bento,
    image: Image | None,
    earlier: Entry | None,
) -> Entry:
    digests = {"bento": bento.digest, "model": bento.model_digest}
    if image:
        digests |= {"image": image.facts.digest or image.facts.config_digest}
        digests |= {"base": image.base.digest}
    if earlier is not None and digests.items() <= earlier.digests.items():
        return earlier
    return ledger.append(
        Kind.BUILD, str(tag), who=request.who, why=request.why, digests=digests,
        detail={
            "revision": checkout.sha,
            "model": bento.model_tag,
            "image": image.name if image else None,
            "base": image.base.name if image else None,
            "replacing": request.replacing,
        },
    )  # fmt: skip


def _write_artefacts(
    folder: Path,
    root: Path,
    checkout: Checkout,
    manifest: Manifest,
    bento: Bento,
    image: Image | None,
    builder: Builder | None,
) -> None:
    if image and builder:
        inventory = read_inventory(builder, image.name)
        write_sbom(folder / "sbom.cdx.json", bento, image, checkout, inventory)
    write_provenance(folder / "provenance.json", root, checkout, manifest, bento, image, builder)
    (folder / "Containerfile").write_bytes(CONTAINERFILE.read_bytes())


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
