"""CycloneDX bill of materials of an image: Python packages, Debian packages, the model.

What is listed was read inside the image, not from a lock: it is what runs.
The document is a function of the image: equal images give equal bytes.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.spdx import fixup_id, is_expression
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from csanmt.errors import IntegrityError
from release.build.bento import Bento
from release.build.image import Image
from release.build.version import Checkout
from release.running.containers import Builder

# Runs inside the image with nothing but its standard library.
INVENTORY = """
import importlib.metadata as m, json, subprocess
python = [{"name": d.metadata["Name"], "version": d.version,
           "license": d.metadata.get("License-Expression") or d.metadata.get("License") or "",
           "classifiers": [c.rpartition(" :: ")[2] for c in d.metadata.get_all("Classifier") or []
                           if c.startswith("License")]}
          for d in m.distributions()]
debian = []
try:
    listed = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version} ${Architecture}\\n"],
                            capture_output=True, text=True, check=True).stdout
    debian = [dict(zip(("name", "version", "arch"), line.split())) for line in listed.splitlines()]
except (OSError, subprocess.CalledProcessError):
    pass
release = dict(line.rstrip().split("=", 1) for line in open("/etc/os-release") if "=" in line)
print(json.dumps({"python": sorted(python, key=lambda item: item["name"].lower()),
                  "debian": debian, "distribution": release.get("ID", "debian").strip('"'),
                  "distribution_version": release.get("VERSION_ID", "").strip('"')}))
"""

LONGEST_LICENSE = 64  # some packages paste a whole licence text where its name belongs


def read_inventory(builder: Builder, image: str) -> dict[str, Any]:
    """List what is installed in ``image`` by running its own Python.

    Raises:
        CommandError: the image does not start.
    """
    found: dict[str, Any] = json.loads(builder.run_inside(image, ["python", "-I", "-c", INVENTORY]))
    return found


def write_sbom(
    path: Path, bento: Bento, image: Image, checkout: Checkout, inventory: Mapping[str, Any]
) -> int:
    """Write the bill of materials and return how many components it lists.

    Raises:
        IntegrityError: the document does not follow the CycloneDX schema.
    """
    digest = image.facts.config_digest
    components = [
        *(_python(item) for item in inventory["python"]),
        *(_debian(item, inventory) for item in inventory["debian"]),
        _model(bento),
    ]
    root = {
        "bom-ref": "image",
        "type": "container",
        "name": bento.name,
        "version": bento.version,
        "hashes": [_hash(digest)],
        "purl": PackageURL("oci", name=bento.name, version=digest).to_string(),
    }
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'oci:{digest}')}",
        "metadata": {
            "timestamp": datetime.fromtimestamp(checkout.commit_time, UTC).isoformat(),
            "component": root,
        },
        "components": components,
        "dependencies": [{"ref": "image", "dependsOn": [item["bom-ref"] for item in components]}],
    }
    text = json.dumps(document, indent=2)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise IntegrityError(f"the bill of materials breaks its schema: {error}")
    path.write_text(text + "\n", encoding="utf-8")
    return len(components)


def _python(item: Mapping[str, Any]) -> dict[str, Any]:
    name, version = item["name"], item["version"]
    purl = PackageURL("pypi", name=name.lower().replace("_", "-"), version=version)
    found = _library(f"pypi:{name.lower()}@{version}", name, version, purl)
    text = item["license"].strip()
    if not 0 < len(text) <= LONGEST_LICENSE or text.upper() == "UNKNOWN":
        text = next(iter(item["classifiers"]), "")
    if known := fixup_id(text):
        found["licenses"] = [{"license": {"id": known}}]
    elif text and is_expression(text):
        found["licenses"] = [{"expression": text}]
    elif text:
        found["licenses"] = [{"license": {"name": text}}]
    return found


def _debian(item: Mapping[str, Any], inventory: Mapping[str, Any]) -> dict[str, Any]:
    name, version, system = item["name"], item["version"], inventory["distribution"]
    where = {"arch": item["arch"], "distro": f"{system}-{inventory['distribution_version']}"}
    return _library(
        f"deb:{name}@{version}", name, version, PackageURL("deb", system, name, version, where)
    )


def _library(ref: str, name: str, version: str, purl: PackageURL) -> dict[str, Any]:
    return {
        "bom-ref": ref,
        "type": "library",
        "name": name,
        "version": version,
        "purl": purl.to_string(),
    }


def _model(bento: Bento) -> dict[str, Any]:
    name, _, version = bento.model_tag.partition(":")
    return {
        "bom-ref": f"model:{bento.model_tag}",
        "type": "machine-learning-model",
        "name": name,
        "version": version,
        "hashes": [_hash(bento.model_digest)],
        "properties": [{"name": "csanmt:digest", "value": bento.model_digest}],
    }


def _hash(digest: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": digest.removeprefix("sha256:")}
