"""Where an image comes from, in the shape of SLSA provenance v1 (in-toto statement).

Unsigned by itself: the checksum file covers it and the signature hook signs that.
It claims no SLSA level; it records what this build knows.
"""

from __future__ import annotations

import json
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from release.build.bento import Bento
from release.build.digest import file_digest
from release.build.image import Image
from release.build.manifest import Manifest
from release.build.version import Checkout
from release.running.containers import Builder

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:csanmt-bento:release-build:v1"


def write_provenance(
    path: Path,
    root: Path,
    checkout: Checkout,
    manifest: Manifest,
    bento: Bento,
    image: Image | None,
    builder: Builder | None,
) -> dict[str, Any]:
    """Write the statement about one build to ``path`` and return it."""
    subjects = [_subject(f"bento:{bento.tag}", bento.digest)]
    if image:
        subjects.append(_subject(image.name, image.facts.config_digest))
    started = datetime.fromtimestamp(checkout.commit_time, UTC).isoformat()
    statement = {
        "_type": STATEMENT,
        "subject": subjects,
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "source": manifest.release.source or "unpublished",
                    "version": bento.version,
                },
                "internalParameters": {"sourceDateEpoch": checkout.commit_time},
                "resolvedDependencies": _dependencies(root, checkout, manifest, bento, image),
            },
            "runDetails": {
                "builder": {"id": "urn:csanmt-bento:make-build", "version": _tools(builder)},
                "metadata": {"invocationId": bento.version, "startedOn": started},
            },
        },
    }
    path.write_text(json.dumps(statement, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return statement


def _dependencies(
    root: Path, checkout: Checkout, manifest: Manifest, bento: Bento, image: Image | None
) -> list[dict[str, Any]]:
    source = {"uri": f"git+{manifest.release.source or 'unpublished'}"}
    lock = root / "requirements-frozen.txt"
    found: list[dict[str, Any]] = [
        {**source, "digest": {"gitCommit": checkout.sha}},
        _subject(f"model:{bento.model_tag}", bento.model_digest),
        _subject(lock.name, file_digest(lock)),
    ]
    if image:
        found.append(_subject(f"base:{image.base.name}", image.base.digest))
    return found


def _subject(name: str, digest: str) -> dict[str, Any]:
    algorithm, _, value = digest.partition(":")
    return {"name": name, "digest": {algorithm: value}}


def _tools(builder: Builder | None) -> dict[str, str]:
    tools = {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "bentoml": version("bentoml"),
    }
    if builder:
        tools[builder.tool] = builder.version()
    return tools
