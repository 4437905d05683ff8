"""Where an image comes from, in the shape of SLSA provenance v1 (in-toto statement).

Unsigned by itself: the checksum file covers it, and the signed verdict covers that. It claims no
SLSA level; it records what this build knows.
"""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from release.build.bento import Bento
from release.build.checksums import file_digest
from release.build.image import Image
from release.build.version import Checkout
from release.running.containers import Builder


def write_provenance(
    path: Path,
    lock: Path,
    checkout: Checkout,
    source: str,
    bento: Bento,
    image: Image | None,
    builder: Builder | None,
) -> dict[str, Any]:
    """Write the statement about one build to ``path`` and return it.

    Args:
        lock: the packages that were installed.
        source: address of the sources, or ``unpublished``.
    """
    subjects = [_subject(f"bento:{bento.tag}", bento.digest)]
    materials = [
        {"uri": f"git+{source}", "digest": {"gitCommit": checkout.sha}},
        _subject(f"model:{bento.model_tag}", bento.model_digest),
        _subject(lock.name, file_digest(lock)),
    ]
    tools = {"python": platform.python_version(), "bentoml": version("bentoml")}
    if image:
        subjects.append(_subject(image.name, image.facts.config_digest))
        materials.append(_subject(f"base:{image.base.name}", image.base.digest))
    if builder:
        tools[builder.tool] = builder.version()
    started = datetime.fromtimestamp(checkout.commit_time, UTC).isoformat()
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:csanmt-bento:release-build:v1",
                "externalParameters": {"source": source, "version": bento.version},
                "internalParameters": {"sourceDateEpoch": checkout.commit_time},
                "resolvedDependencies": materials,
            },
            "runDetails": {
                "builder": {"id": "urn:csanmt-bento:make-build", "version": tools},
                "metadata": {"invocationId": bento.version, "startedOn": started},
            },
        },
    }
    path.write_text(json.dumps(statement, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return statement


def _subject(name: str, digest: str) -> dict[str, Any]:
    algorithm, _, value = digest.partition(":")
    return {"name": name, "digest": {algorithm: value}}
