"""The first half of the release path as one call: commit → bento → image → records."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from model_store import ModelStore
from release.build.bento import LOCK, build_bento
from release.build.checksums import file_digest, write_checksums
from release.build.image import build_image, choose_base, size_report
from release.build.manifest import read_manifest
from release.build.sbom import read_inventory, write_sbom
from release.build.version import decide, package_version, read_checkout, refuse_reuse
from release.ledger.ledger import Kind, Ledger
from release.running.command import timed
from release.running.containers import BUILDERS, Builder, find_tool

BUILD_RECORD = "build.json"


def build_release(
    version: str,
    root: Path,
    store: ModelStore,
    ledger: Ledger,
    *,
    artefacts: Path,
    cache: Path,
    who: str,
    why: str,
    builder: str | None = None,
    with_image: bool = True,
    replacing: bool = False,
    source: str = "",
    local_base: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Build the version that is checked out, and record it; returns what ``build.json`` holds.

    Args:
        root: the repository.
        store: with the models, and where the bento goes.
        artefacts: a folder per version is made in it.
        cache: engine wheels.
        builder: tool; the first of those installed when None.
        replacing: give a version that never left this machine another content.
        source: address of the sources when release.toml names none.
        local_base: stand on the local base image without trying to pull the pinned one.
        tell: told how long each step took.

    Raises:
        CsanmtError: a rule refused (with the reason) or a tool failed.
    """
    checkout = read_checkout(root)
    tag = decide(version, package_version(root), checkout)
    manifest = read_manifest(root)
    source = manifest.release.source or source or "unpublished"
    manifest = replace(manifest, release=replace(manifest.release, source=source))
    folder = artefacts / tag
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "build.log"
    log.write_text("")
    tool, image = None, None
    if with_image:
        tool = Builder(find_tool(BUILDERS, builder), checkout.commit_time)
    tell(f"{tag}: what the tools say is in {log}")
    bento = build_bento(root, tag, checkout, manifest, store, cache=cache, log=log, tell=tell)
    digests = {"bento": bento.digest, "model": bento.model_digest}
    earlier = refuse_reuse(tag, digests, ledger.history(), replacing=replacing)
    if tool:
        with timed(tell, "base image"):
            base = choose_base(manifest, tool, log, local=local_base)
        with timed(tell, f"image, by {tool.tool}"):
            image = build_image(
                bento, tag, checkout, manifest, tool, base=base, store=store, log=log
            )
        digests |= {"image": image.facts.digest or image.facts.config_digest, "base": base.digest}
    if earlier is not None and digests.items() <= earlier.digests.items():
        entry = earlier
    else:
        detail = {
            "revision": checkout.sha,
            "model": bento.model_tag,
            "replacing": replacing,
            "image": image.name if image else None,
            "base": image.base.name if image else None,
        }
        entry = ledger.append(Kind.BUILD, tag, who=who, why=why, digests=digests, detail=detail)
    size = ""
    if image and tool:
        with timed(tell, "bill of materials"):
            inventory = read_inventory(tool, image.name)
            write_sbom(folder / "sbom.cdx.json", bento, image, checkout, inventory)
        model = store.show(bento.model_tag).size
        size, _ = size_report(image.facts.bytes, model, manifest.image.budget_megabytes)
    tools = {"python": platform.python_version(), "bentoml": installed("bentoml")}
    record = {
        "tag": tag,
        "bento": {"tag": bento.tag, "digest": bento.digest},
        "model": {"tag": bento.model_tag, "digest": bento.model_digest},
        "image": asdict(image) if image else None,
        "size": size,
        "source": {"address": source, "commit": checkout.sha, LOCK: file_digest(root / LOCK)},
        "tools": tools | ({tool.tool: tool.version()} if tool else {}),
        "artefacts": str(folder),
        "repeated": earlier is not None,
        "entry": entry.sequence,
    }
    words = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / BUILD_RECORD).write_text(words + "\n", encoding="utf-8")
    write_checksums(folder)
    return record
