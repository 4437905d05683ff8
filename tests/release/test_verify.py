"""Ready to deploy, or not and why: every check answers, and the ledger keeps the verdict."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from csanmt.errors import NotFoundError
from model_store import ModelStore
from release.build.checksums import file_digest, tree_digest, write_checksums
from release.build.manifest import Gate, pin_model, read_manifest
from release.build.verify import Check, Subject, verify
from release.ledger.ledger import Kind, Ledger
from release.running.launchers import Place
from tests.model_store.tiny_model import write_model
from tests.release.doubles import StubLauncher
from tests.release.evidence_file import promoted

ROOT = Path(__file__).resolve().parents[2]
VERSION = "v0.1.0-abc1234"
MODEL = "csanmt-zh-en:v0.0.1"


@dataclass(slots=True)
class Stopped(StubLauncher):
    """Starts what a server of the test answers for; it ends with ``status``."""

    status: int = 0

    def stop(self, place: Place, deadline_seconds: float = 60.0) -> int | None:
        StubLauncher.stop(self, place, deadline_seconds)
        return self.status


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of a service that is ready."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Ready) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def subject(tmp_path: Path, port: int) -> Subject:
    store = ModelStore(tmp_path / "bentoml")
    (tmp_path / "source").mkdir()
    write_model(tmp_path / "source")
    digest = store.save(tmp_path / "source", MODEL).digest
    (tmp_path / "release.toml").write_text((ROOT / "release.toml").read_text())
    pin_model(tmp_path, MODEL, digest)
    bento = store.home / "bentos" / "csanmt" / VERSION
    bento.mkdir(parents=True)
    (bento / "bento.yaml").write_text("name: csanmt\n")
    artefacts = tmp_path / "dist" / VERSION
    artefacts.mkdir(parents=True)
    (artefacts / "build.json").write_text("{}")
    write_checksums(artefacts)
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    ledger.append(
        Kind.BUILD,
        VERSION,
        who="ci",
        why="test",
        digests={"bento": tree_digest(bento), "model": digest},
        detail={"model": MODEL},
    )
    tests = tmp_path / "tests" / "api.py"
    tests.parent.mkdir()
    tests.write_text("def test_it():\n    pass\n")
    return Subject(
        VERSION,
        ledger,
        store,
        read_manifest(tmp_path),
        artefacts,
        evidence=artefacts / "evidence.json",
        launcher=Stopped(),
        port=port,
        api_tests=tests,
    )


def judge(subject: Subject) -> dict[str, str]:
    told: list[Check] = []
    verdict = verify(subject, who="ci", why="test", told=told.append)
    assert [asdict(check) for check in told] == verdict["checks"]
    return {check.name: "" if check.passed else check.detail for check in told}


def test_what_is_missing_is_named_and_nothing_else(subject: Subject) -> None:
    answers = judge(subject)
    assert {name for name, wrong in answers.items() if wrong} == {"gate"}
    assert "csanmt bench gate" in answers["gate"]
    entry = subject.ledger.last(Kind.VERDICT, VERSION)
    assert entry is not None
    assert entry.detail["ready"] is False
    assert len(entry.detail["reasons"]) == 1


def test_with_evidence_a_version_is_ready(subject: Subject) -> None:
    path = promoted(subject.artefacts / "evidence.json", subject.build.digests["model"])
    assert set(judge(replace(subject, evidence=path)).values()) == {""}
    entry = subject.ledger.last(Kind.VERDICT, VERSION)
    assert entry is not None
    assert (entry.detail["ready"], entry.detail["reasons"]) == (True, [])
    assert entry.detail["checks"]["gate"] == "promote (full), not signed"
    assert entry.digests["evidence"] == file_digest(path)


def test_where_the_manifest_names_signers_unsigned_evidence_is_refused(subject: Subject) -> None:
    path = promoted(subject.artefacts / "evidence.json", subject.build.digests["model"])
    signers = subject.artefacts.parent / "signers"
    signers.write_text("")
    manifest = replace(subject.manifest, gate=Gate(str(signers)))
    answers = judge(replace(subject, evidence=path, manifest=manifest))
    assert "is not signed" in answers["gate"]


def test_forged_evidence_does_not_pass(subject: Subject) -> None:
    path = subject.artefacts / "evidence.json"
    path.write_text(json.dumps({"format": 1, "decision": "promote"}))
    assert "not an evidence file" in judge(replace(subject, evidence=path))["gate"]


def tamper_artefact(subject: Subject) -> None:
    (subject.artefacts / "build.json").write_text("{ }")


def tamper_bento(subject: Subject) -> None:
    (subject.store.home / "bentos" / "csanmt" / VERSION / "bento.yaml").write_text("name: x\n")


def tamper_model(subject: Subject) -> None:
    path = subject.store.path(MODEL) / "config.json"
    path.chmod(0o644)
    path.write_text(path.read_text() + " ")


@pytest.mark.parametrize(
    ("tamper", "check"),
    [(tamper_artefact, "artefacts"), (tamper_bento, "bento"), (tamper_model, "model")],
)
def test_a_changed_byte_is_found(subject: Subject, tamper, check: str) -> None:
    tamper(subject)
    assert judge(subject)[check]


def test_another_pin_than_the_one_built_is_found(subject: Subject) -> None:
    pinned = replace(subject.manifest.model, sha256="sha256:" + "0" * 64)
    other = replace(subject.manifest, model=pinned)
    assert "now pins" in judge(replace(subject, manifest=other))["model"]


def test_a_service_that_fails_its_tests_or_dies_when_stopped_is_not_ready(subject: Subject) -> None:
    assert subject.api_tests is not None
    subject.api_tests.write_text("def test_it():\n    assert False\n")
    assert "API tests failed" in judge(subject)["service"]
    subject.api_tests.write_text("def test_it():\n    pass\n")
    assert "ended with 137" in judge(replace(subject, launcher=Stopped(status=137)))["service"]
    subject.api_tests.write_text("import pytest\n\ndef test_it():\n    pytest.skip('no')\n")
    assert "no API test ran" in judge(subject)["service"]


def test_a_version_that_was_never_built_has_no_verdict(subject: Subject) -> None:
    with pytest.raises(NotFoundError, match="never built"):
        judge(replace(subject, version="v9.9.9-abc1234"))
    assert subject.ledger.last(Kind.VERDICT) is None
