"""The verdict as a file beside the image, which the machine that deploys accepts.

The pipeline's ledger stays with the pipeline; what it found travels in ``verdict.json``, signed
by the key that signs the gate's evidence.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from csanmt.errors import IntegrityError, NotFoundError
from release.build.checksums import CHECKSUMS, check_checksums, file_digest
from release.ledger.ledger import Kind, Ledger
from release.ledger.signed_file import sign_file, verify_file
from release.ledger.state import fold
from release.running.containers import BUILDERS, Builder, find_tool

FILE_NAME = "verdict.json"


def write_verdict(folder: Path, ledger: Ledger, version: str, key: Path | None) -> Path:
    """Write what the ledger holds of a version's build and last verdict, signed where a key is."""
    build, verdict = ledger.last(Kind.BUILD, version), ledger.last(Kind.VERDICT, version)
    assert build is not None
    assert verdict is not None  # it was judged a moment ago
    content = {
        "version": version,
        "build": {"digests": build.digests, "detail": build.detail, "at": build.at},
        "verdict": {"digests": verdict.digests, "detail": verdict.detail, "at": verdict.at},
        "layers": _layers(str(build.detail.get("image") or "")),
        "checksums": file_digest(folder / CHECKSUMS),
    }
    path = folder / FILE_NAME
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    if key is not None:
        sign_file(path, key)
    return path


def accept_verdict(
    folder: Path,
    ledger: Ledger,
    *,
    signers: Path | None,
    unsigned: str,
    who: str,
    repository: str = "",
) -> str:
    """Check a verdict that came with its artefacts and record it; return the version.

    Args:
        signers: who may have signed it.
        unsigned: reason to take one that nobody signed.
        repository: where the image is pulled from, ``registry/name``; empty: it is here.

    Raises:
        NotFoundError: there is no verdict in ``folder``, or the image is not here yet.
        IntegrityError: it is not signed and there is no reason, a file beside it changed, the
            image here is another one, or it says that the version is not ready.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise NotFoundError(f"no {FILE_NAME} in {folder}")
    if signers is None and not unsigned:
        raise IntegrityError(
            f"{path}: nobody is named who may sign it: release.toml [gate] signers, "
            "--signers FILE, or --unsigned REASON"
        )
    signer = verify_file(path, signers)
    check_checksums(folder, alone=False)  # a release's page holds more
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["checksums"] != file_digest(folder / CHECKSUMS):
        raise IntegrityError(f"{folder / CHECKSUMS} is not the one that was judged")
    version, build, verdict = content["version"], content["build"], content["verdict"]
    if not verdict["detail"].get("ready"):
        reasons = "; ".join(verdict["detail"].get("reasons", ()))
        raise IntegrityError(f"{version} was judged not ready: {reasons}")
    if (image := build["detail"].get("image")) and repository:
        Builder(find_tool(BUILDERS), 0).fetch(f"{repository}:{version}", image)
    if _layers(image or "") != content["layers"]:
        raise IntegrityError(f"the image {image} here is not the one that was judged")
    why = f"accepted from {folder.name}: {signer or f'not signed, {unsigned}'}"
    known = fold(ledger.history(version=version)).versions.get(version)
    if known is None or not build["digests"].items() <= known.digests.items():
        _record(ledger, Kind.BUILD, version, build, who, why)
    _record(ledger, Kind.VERDICT, version, verdict, who, why)
    return str(version)


def _record(
    ledger: Ledger, kind: Kind, version: str, entry: dict[str, Any], who: str, why: str
) -> None:
    detail = {**entry["detail"], "elsewhere": entry["at"]}
    ledger.append(kind, version, who=who, why=why, digests=entry["digests"], detail=detail)


def _layers(image: str) -> list[str]:
    """Digests of an image's uncompressed layers, which no transfer changes; none without one."""
    if not image:
        return []
    return list(Builder(find_tool(BUILDERS), 0).inspect(image).layers)
