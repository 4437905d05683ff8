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

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
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
    root = Component(
        type=ComponentType.CONTAINER,
        bom_ref="image",
        name=bento.name,
        version=bento.version,
        hashes=[_hash(digest)],
        purl=PackageURL("oci", name=bento.name, version=digest),
    )
    components = [
        *(_python(item) for item in inventory["python"]),
        *(_debian(item, inventory) for item in inventory["debian"]),
        _model(bento),
    ]
    bom = Bom(components=components, serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"oci:{digest}"))
    bom.metadata.component = root
    bom.metadata.timestamp = datetime.fromtimestamp(checkout.commit_time, UTC)
    bom.register_dependency(root, components)
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise IntegrityError(f"the bill of materials breaks its schema: {error}")
    path.write_text(text + "\n", encoding="utf-8")
    return len(bom.components)


def _python(item: Mapping[str, Any]) -> Component:
    name, version, text = item["name"], item["version"], item["license"].strip()
    if not 0 < len(text) <= LONGEST_LICENSE or text.upper() == "UNKNOWN":
        text = next(iter(item["classifiers"]), "")
    licenses = [LicenseFactory().make_from_string(text)] if text else []
    purl = PackageURL("pypi", name=name, version=version)
    return Component(name=name, version=version, purl=purl, bom_ref=str(purl), licenses=licenses)


def _debian(item: Mapping[str, Any], inventory: Mapping[str, Any]) -> Component:
    name, version, system = item["name"], item["version"], inventory["distribution"]
    where = {"arch": item["arch"], "distro": f"{system}-{inventory['distribution_version']}"}
    purl = PackageURL("deb", system, name, version, where)
    return Component(name=name, version=version, purl=purl, bom_ref=str(purl))


def _model(bento: Bento) -> Component:
    name, _, version = bento.model_tag.partition(":")
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"model:{bento.model_tag}",
        name=name,
        version=version,
        hashes=[_hash(bento.model_digest)],
        properties=[Property(name="csanmt:digest", value=bento.model_digest)],
    )


def _hash(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest.removeprefix("sha256:"))
