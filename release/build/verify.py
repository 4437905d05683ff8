"""Is a built version ready to deploy? Every check is run, and every failure named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from csanmt.errors import CsanmtError, IntegrityError, NotFoundError
from model_store import ModelStore
from model_store.integrity import require_intact
from release.build.checksums import check_checksums, file_digest, tree_digest
from release.build.gate_evidence import check_evidence
from release.build.image import size_report
from release.build.manifest import Manifest
from release.ledger.ledger import Entry, Kind, Ledger
from release.running.containers import BUILDERS, Builder, find_tool
from release.running.launchers import Launcher, try_version

# What must not be in the image: frameworks, compilers, installers.
FORBIDDEN_PACKAGES = {"torch", "transformers", "gcc", "g++", "clang", "build-essential", "pip"}


@dataclass(frozen=True)
class Check:
    """One question and its answer."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Subject:
    """What is verified, and with what.

    Attributes:
        artefacts: folder of this version.
        evidence: of the gate.
        launcher: starts the version, on ``port``.
    """

    version: str
    ledger: Ledger
    store: ModelStore
    manifest: Manifest
    artefacts: Path
    evidence: Path
    launcher: Launcher
    api_tests: Path
    port: int = 3390

    @property
    def build(self) -> Entry:
        """The ledger's build of this version.

        Raises:
            NotFoundError: there is none.
        """
        entry = self.ledger.last(Kind.BUILD, self.version)
        if entry is None:
            raise NotFoundError(
                f"{self.version} was never built here; see 'csanmt release history'"
            )
        return entry


# Returns what was found; raises a CsanmtError to say what is wrong.
Question = Callable[[Subject], str]


def verify(
    subject: Subject, *, who: str, why: str, told: Callable[[Check], None]
) -> dict[str, Any]:
    """Run every check, write the verdict into the ledger and return it as plain JSON values.

    Args:
        told: called with each check as soon as it is answered.

    Raises:
        NotFoundError: the version was never built.
    """
    build = subject.build
    checks = []
    for name, question in _questions(subject):
        try:
            check = Check(name, True, question(subject))
        except CsanmtError as error:
            check = Check(name, False, " ".join(str(error).split()))
        checks.append(check)
        told(check)
    reasons = [f"{check.name}: {check.detail}" for check in checks if not check.passed]
    there = subject.evidence.is_file()
    evidence = {"evidence": file_digest(subject.evidence)} if there else {}
    subject.ledger.append(
        Kind.VERDICT,
        subject.version,
        who=who,
        why=why,
        digests=build.digests | evidence,
        detail={
            "ready": not reasons,
            "checks": {check.name: check.detail for check in checks if check.passed},
            "reasons": reasons,
        },
    )
    found = [asdict(check) for check in checks]
    return {"ready": not reasons, "reasons": reasons, "version": subject.version, "checks": found}


def _questions(subject: Subject) -> Iterable[tuple[str, Question]]:
    yield "artefacts", _artefacts
    yield "model", _model
    yield "bento", _bento
    if subject.build.detail.get("image"):
        yield "image", _image
        yield "contents", _contents
    yield "service", _service
    yield "gate", _gate


def _artefacts(subject: Subject) -> str:
    return f"{check_checksums(subject.artefacts)} files match their checksums"


def _model(subject: Subject) -> str:
    digest = subject.build.digests["model"]
    if subject.manifest.model.sha256 != digest:
        raise IntegrityError(
            f"release.toml now pins {subject.manifest.model.sha256}, the build has {digest}"
        )
    tag = subject.manifest.model.tag
    require_intact(subject.store.path(tag), subject.store.show(tag))
    return f"{tag} is intact and the pinned one"


def _bento(subject: Subject) -> str:
    path = subject.store.home / "bentos" / subject.manifest.release.name / subject.version
    if not path.is_dir():
        raise NotFoundError(
            f"no bento {subject.manifest.release.name}:{subject.version} in the store"
        )
    found, built = tree_digest(path), subject.build.digests["bento"]
    if found != built:
        raise IntegrityError(f"the bento in the store is {found}, what was built is {built}")
    return "the stored bento is what was built"


def _image(subject: Subject) -> str:
    facts = Builder(find_tool(BUILDERS), 0).inspect(str(subject.build.detail["image"]))
    built = subject.build.digests["image"]
    if built not in (facts.digest, facts.config_digest):
        raise IntegrityError(f"the image is {facts.digest}, what was built is {built}")
    if facts.labels.get("org.opencontainers.image.ref.name") != subject.version:
        raise IntegrityError("the image's labels name another version")
    if facts.user in ("", "0", "root", "0:0"):
        raise IntegrityError("the image runs as root")
    model = subject.store.show(subject.manifest.model.tag).size
    words, fits = size_report(facts.bytes, model, subject.manifest.image.budget_megabytes)
    if not fits:
        raise IntegrityError(words)
    return f"labelled, not root, {words}"


def _contents(subject: Subject) -> str:
    path = subject.artefacts / "sbom.cdx.json"
    try:
        components = json.loads(path.read_text(encoding="utf-8"))["components"]
    except (OSError, ValueError, KeyError) as error:
        raise NotFoundError(f"no bill of materials in {subject.artefacts}: {error}") from error
    names = {str(component["name"]).lower() for component in components}
    if found := sorted(names & FORBIDDEN_PACKAGES):
        raise IntegrityError(f"the image holds {', '.join(found)}")
    return f"{len(components)} components, no framework, compiler or installer among them"


def _service(subject: Subject) -> str:
    bento = f"{subject.manifest.release.name}:{subject.version}"
    if subject.launcher.kind == "container":
        bento = str(subject.build.detail["image"])
    return try_version(subject.launcher, bento, subject.port, subject.api_tests)


def _gate(subject: Subject) -> str:
    if not subject.evidence.is_file():
        raise NotFoundError("no evidence: run 'csanmt bench gate' and give its file by --evidence")
    signers = subject.manifest.signers
    return check_evidence(subject.evidence, subject.build, subject.ledger, signers)
