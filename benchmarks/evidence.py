"""The evidence of a verdict: one JSON file that the release path requires and verifies.

It names by digest everything the verdict depends on, holds the verdict itself and a
SHA-256 over its own content. That shows damage and careless edits; against someone who
computes it anew stands the signature beside it (``csanmt bench sign``), which the release
path checks.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.gate import Decision, Verdict
from benchmarks.measurements import Measurements
from benchmarks.policy import Policy
from benchmarks.subject import SubjectInfo
from csanmt.durable import file_sha256, replacing
from csanmt.errors import IntegrityError, NotFoundError, StorageError
from csanmt.source_tree import head_commit

FORMAT = 1
SEAL = "content_sha256"
SIGNATURE_SUFFIX = ".sig"
PACKAGES = (
    "csanmt-bento",
    "csanmt-engine",
    "sacrebleu",
    "numpy",
    "sentencepiece",
    "torch",
    "transformers",
    "bentoml",
)
_KEYS = {
    "format", "created", "decision", "scope", "candidate", "baseline", "policy", "suites",
    "digests", "code", "dependencies", "signatures", "machine", "verdict", SEAL,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evidence:
    """A verified evidence file."""

    path: Path
    content: Mapping[str, Any]

    @property
    def decision(self) -> Decision:
        return Decision[self.content["decision"].upper()]

    @property
    def model_digest(self) -> str | None:
        """Digest of the candidate."""
        digest: str | None = self.content["candidate"]["digest"]
        return digest

    @property
    def waivers(self) -> tuple[str, ...]:
        """What was waived, why and by whom, in words; such evidence must be signed."""
        found = self.content["verdict"].get("waivers", ())
        return tuple(f"{w['rule']}: {w['reason']} ({w['name']})" for w in found)

    @property
    def digest(self) -> str:
        """The file's own seal, to be kept in a ledger."""
        return str(self.content[SEAL])


def build(
    verdict: Verdict,
    measured: Measurements | None,
    policy: Policy,
    *,
    root: Path,
) -> dict[str, Any]:
    """The content of an evidence file, sealed.

    Args:
        measured: None where nothing could be measured.
        root: the working tree whose commit and frozen requirements are recorded.
    """
    suites = measured.suites if measured else ()
    unknown = partial(SubjectInfo, kind="")
    content: dict[str, Any] = {
        "format": FORMAT,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "decision": verdict.decision.word,
        "scope": verdict.scope,
        "candidate": asdict(measured.candidate if measured else unknown(verdict.candidate)),
        "baseline": asdict(measured.baseline if measured else unknown(verdict.baseline)),
        "policy": {"sha256": policy.digest, "text": policy.text},
        "suites": {s.name: s.digest for s in suites},
        "digests": dict(measured.digests) if measured else {},
        "code": code_state(root),
        "dependencies": dependencies(root),
        "signatures": {s.name: {m.metric: m.signature for m in s.metrics} for s in suites},
        "machine": machine(),
        "verdict": verdict.to_json(),
    }
    return seal(content)


def seal(content: Mapping[str, Any]) -> dict[str, Any]:
    """Add the SHA-256 over the canonical JSON of everything else."""
    body = {key: value for key, value in content.items() if key != SEAL}
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return {**body, SEAL: hashlib.sha256(text.encode()).hexdigest()}


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write the file, whole or not at all; a signature of what was there before goes.

    Raises:
        StorageError: it cannot be written.
    """
    body = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    try:
        with replacing(path) as stream:
            stream.write(body.encode())
            path.with_name(path.name + SIGNATURE_SUFFIX).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error


def verify(
    path: str | Path,
    *,
    model_digest: str | None = None,
    promoted: bool = True,
) -> Evidence:
    """Check that a file is whole, is about this model, and releases it.

    Args:
        model_digest: digest of the model to be released, with or without ``sha256:``;
            None leaves the model unchecked.
        promoted: it must say promote, of all that the policy demands: a quality-only or
            partial verdict releases nothing. False accepts any.

    Raises:
        NotFoundError: there is no such file.
        IntegrityError: it was changed or damaged, is about another model, or does not
            hold the decision; the message says which.
    """
    path = Path(path)
    content = _read(path)
    if set(content) != _KEYS or content.get("format") != FORMAT:
        raise IntegrityError(f"{path} is not an evidence file of format {FORMAT}")
    if seal(content)[SEAL] != content[SEAL]:
        raise IntegrityError(f"{path} was changed after it was written (its seal does not fit)")
    found = Evidence(path, content)
    _check_consistency(found)
    wanted = _bare(model_digest)
    if wanted is not None and _bare(found.model_digest) != wanted:
        raise IntegrityError(
            f"{path} is about model {found.model_digest}, not about {model_digest}"
        )
    said, scope = found.decision, content["scope"]
    if promoted and (said != Decision.PROMOTE or scope != "full"):
        key = "reasons" if said != Decision.PROMOTE else "scope_reasons"
        why = "; ".join(content["verdict"].get(key, ())) or "no reason given"
        raise IntegrityError(f"{path} says {said.word} ({scope}), not promote (full): {why}")
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"no evidence file {path}") from None
    except (OSError, ValueError) as error:
        raise IntegrityError(f"{path} cannot be read as evidence: {error}") from None
    if not isinstance(content, dict):
        raise IntegrityError(f"{path} is not an evidence file")
    return content


def _check_consistency(found: Evidence) -> None:
    """The summary must agree with the rules it was drawn from."""
    verdict = found.content["verdict"]
    failed = [rule for rule in verdict["rules"] if rule["status"] in ("fail", "open")]
    waived = [rule for rule in verdict["rules"] if rule["status"] == "waived"]
    named = {waiver["rule"] for waiver in verdict.get("waivers", ())}
    policy = found.content["policy"]
    agree = (
        verdict["decision"] == found.content["decision"]
        and (found.decision != Decision.PROMOTE or (bool(verdict["rules"]) and not failed))
        and (found.decision != Decision.REJECT or bool(failed))
        and all(named & {rule["rule"], f"{rule['rule']} {rule['subject']}"} for rule in waived)
        and hashlib.sha256(policy["text"].encode()).hexdigest() == policy["sha256"]
    )
    if not agree:
        raise IntegrityError(f"{found.path} contradicts itself")


def _bare(digest: str | None) -> str | None:
    return digest.removeprefix("sha256:").lower() if digest is not None else None


def code_state(root: Path) -> dict[str, Any]:
    """The commit of the working tree and whether it had changes; nulls outside git."""
    command = ["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"]
    commit, dirty = head_commit(root), None
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, timeout=30, check=True)
        dirty = bool(done.stdout.strip())
    return {"commit": commit or None, "dirty": dirty}


def dependencies(root: Path) -> dict[str, Any]:
    """Digest of the frozen requirements and the versions that are really installed."""
    frozen = root / "requirements-frozen.txt"
    found: dict[str, str | None] = dict.fromkeys(PACKAGES)
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    digest = file_sha256(frozen) if frozen.is_file() else None
    return {"frozen_sha256": digest, "installed": found}


def machine() -> dict[str, Any]:
    """What the speed was measured on: processor, cores, memory, system. No host name."""
    names = ""
    with suppress(OSError):
        names = Path("/proc/cpuinfo").read_text("utf-8")
    named = re.search(r"^model name\s*:\s*(.*)$", names, re.MULTILINE)
    return {
        "processor": named[1] if named else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
