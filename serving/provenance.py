"""What exactly is running: model tag and digest, bento, commit, decoding settings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from csanmt.source_tree import head_commit


@dataclass(frozen=True, slots=True)
class Provenance:
    """Strings are empty where nothing is known (a checkout has no bento)."""

    model: str
    model_digest: str = ""
    bento: str = ""
    git_commit: str = ""
    created: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {
            "model": {"tag": self.model, "digest": self.model_digest or None},
            "bento": self.bento or None,
            "git_commit": self.git_commit or None,
            "created": self.created or None,
        }


def bento_manifest(service_directory: Path) -> dict[str, Any]:
    """``bento.yaml`` of the built bento whose ``src`` this directory is; {} in a checkout."""
    path = service_directory.parent / "bento.yaml"
    if service_directory.name != "src" or not path.is_file():
        return {}
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data if isinstance(data, dict) else {}


def pinned_model(manifest: dict[str, Any]) -> str | None:
    """Tag of the model that was built into the bento, if there is one."""
    models = list(manifest.get("models") or [])
    for service in manifest.get("services") or []:
        models += service.get("models") or []
    return str(models[0]["tag"]) if models else None


def collect(model: str, model_directory: Path, root: Path, git_commit: str = "") -> Provenance:
    """Read it all: ``model_directory/provenance.json``, ``bento.yaml``, git.

    Args:
        git_commit: known from outside (an image's label); else the bento's label or git's HEAD.
    """
    manifest = bento_manifest(root)
    labels = manifest.get("labels") or {}
    name, version = manifest.get("name"), manifest.get("version")
    return Provenance(
        model=model,
        model_digest=_model_digest(model_directory),
        bento=f"{name}:{version}" if name and version else "",
        git_commit=git_commit
        or str(labels.get("revision") or "")
        or ("" if manifest else head_commit(root)),
        created=str(manifest.get("creation_time") or ""),
    )


def _model_digest(directory: Path) -> str:
    """Digest of the version as its provenance records it."""
    try:
        data = json.loads((directory / "provenance.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(data.get("digest") or "") if isinstance(data, dict) else ""
