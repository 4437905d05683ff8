"""CycloneDX bill of materials of an image: Python packages, Debian packages, the model.

What is listed was read inside the image, not from a lock: it is what runs.
The document is a function of the image: equal images give equal bytes.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
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
print(json.dumps({"python": python, "debian": debian,
                  "distribution": release.get("ID", "").strip('"'),
                  "distribution_version": release.get("VERSION_ID", "").strip('"')}))
"""

LONGEST_LICENSE = 64
"""Some packages paste a whole licence text where its name belongs."""


@dataclass(frozen=True)
class Inventory:
    """What is installed in an image."""

    python: tuple[Mapping[str, Any], ...]
    debian: tuple[Mapping[str, Any], ...]
    distribution: str
    distribution_version: str


def read_inventory(builder: Builder, image: str) -> Inventory:
    """List what is installed in ``image`` by running its own Python.

    Raises:
        CommandError: the image does not start.
    """
    data = json.loads(builder.run_inside(image, ["python", "-I", "-c", INVENTORY]))
    return Inventory(
        python=tuple(sorted(data["python"], key=lambda item: str(item["name"]).lower())),
        debian=tuple(data["debian"]),
        distribution=data["distribution"],
        distribution_version=data["distribution_version"],
    )


def write_sbom(
    path: Path, bento: Bento, image: Image, checkout: Checkout, inventory: Inventory
) -> int:
    """Write the bill of materials and return how many components it lists.

    Raises:
        IntegrityError: the document does not follow the CycloneDX schema.
    """
    root = Component(
        name=bento.name,
        version=bento.version,
        type=ComponentType.CONTAINER,
        bom_ref="image",
        hashes=[HashType.from_composite_str(image.facts.config_digest)],
        purl=PackageURL("oci", name=bento.name, version=image.facts.config_digest),
    )
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"oci:{image.facts.config_digest}"),
        metadata=BomMetaData(
            component=root, timestamp=datetime.fromtimestamp(checkout.commit_time, UTC)
        ),
    )
    components = [*_python(inventory), *_debian(inventory), _model(bento)]
    for component in components:
        bom.components.add(component)
    bom.register_dependency(root, components)
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise IntegrityError(f"the bill of materials breaks its schema: {error}")
    path.write_text(text + "\n", encoding="utf-8")
    return len(components)


def _python(inventory: Inventory) -> list[Component]:
    factory = LicenseFactory()
    found: list[Component] = []
    for item in inventory.python:
        name, version = str(item["name"]), str(item["version"])
        text = _license_of(item)
        found.append(
            Component(
                name=name,
                version=version,
                type=ComponentType.LIBRARY,
                bom_ref=f"pypi:{name.lower()}@{version}",
                purl=PackageURL("pypi", name=name.lower().replace("_", "-"), version=version),
                licenses=[factory.make_from_string(text)] if text else [],
            )
        )
    return found


def _license_of(item: Mapping[str, Any]) -> str:
    text = str(item["license"]).strip()
    if text and "\n" not in text and len(text) <= LONGEST_LICENSE and text.upper() != "UNKNOWN":
        return text
    return str(item["classifiers"][0]) if item["classifiers"] else ""


def _debian(inventory: Inventory) -> list[Component]:
    release = f"{inventory.distribution}-{inventory.distribution_version}"
    return [
        Component(
            name=str(item["name"]),
            version=str(item["version"]),
            type=ComponentType.LIBRARY,
            bom_ref=f"deb:{item['name']}@{item['version']}",
            purl=PackageURL(
                "deb",
                inventory.distribution or "debian",
                str(item["name"]),
                str(item["version"]),
                {"arch": str(item["arch"]), "distro": release},
            ),
        )
        for item in inventory.debian
    ]


def _model(bento: Bento) -> Component:
    name, _, version = bento.model_tag.partition(":")
    return Component(
        name=name,
        version=version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"model:{bento.model_tag}",
        hashes=[HashType.from_composite_str(bento.model_digest)],
        properties=[Property(name="csanmt:digest", value=bento.model_digest)],
    )
