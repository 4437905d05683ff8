"""Evidence opens the way for the build it is about, by these rules, signed where it must be.

The signatures are OpenSSH's, made and checked by the real ``ssh-keygen``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmarks import evidence
from benchmarks.policy import DEFAULT_POLICY, parse_policy
from cli.main import main
from csanmt.errors import CsanmtError, IntegrityError, NotFoundError
from release.build.gate_evidence import check_evidence
from release.ledger.ledger import Entry, Kind, Ledger
from release.ledger.signed_file import sign_file, signature_of, verify_file
from release.running.command import CommandError
from tests.release.evidence_file import promoted

MODEL, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
COMMIT = "c" * 40
VERSION, OLDER = "v1.1.0-ccccccc", "v1.0.0-bbbbbbb"
needs_ssh = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed"
)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "ledger.sqlite3")
    for version, model in ((OLDER, OTHER), (VERSION, MODEL)):
        made.append(
            Kind.BUILD,
            version,
            who="ci",
            why="test",
            digests={"model": model},
            detail={"revision": COMMIT},
        )
    made.append(Kind.SWITCH, OLDER, who="ci", why="test", detail={"weight": 100})
    return made


def build(ledger: Ledger) -> Entry:
    found = ledger.last(Kind.BUILD, VERSION)
    assert found is not None
    return found


def test_evidence_about_this_build_against_the_version_in_service_passes(
    tmp_path: Path, ledger: Ledger
) -> None:
    path = promoted(tmp_path / "evidence.json", MODEL, baseline=OTHER, commit=COMMIT)
    assert check_evidence(path, build(ledger), ledger, None) == "promote (full), not signed"


MODEL_INFO = {"label": "new", "kind": "model", "tag": "new", "digest": MODEL, "settings": {}}
MILD = DEFAULT_POLICY.read_text("utf-8").replace("bleu = 1.5", "bleu = 90.0")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": OTHER}, "is about model sha256:bbb"),
        ({"commit": "d" * 40}, "it judges commit ddd"),
        ({"dirty": True}, "working tree that differs"),
        ({"policy": parse_policy(MILD)}, "another policy"),
        ({"suites": {"tatoeba": "0" * 64}}, "suite tatoeba is another"),
        ({"digests": {"pins": "0" * 64}}, "pins cases are not those"),
        ({"baseline": MODEL}, "in service is v1.0.0-bbbbbbb"),
        ({"scope": "partial"}, r"says promote \(partial\)"),
        (
            {"candidate": {**MODEL_INFO, "kind": "url"}},
            "its candidate is no model at hand but a url",
        ),
        ({"candidate": {**MODEL_INFO, "overrides": ["beam 16, not its own 4"]}}, "with beam 16"),
        ({"decision": "reject"}, "contradicts itself"),
    ],
)
def test_evidence_that_speaks_of_something_else_is_refused(
    tmp_path: Path, ledger: Ledger, changes: dict[str, Any], message: str
) -> None:
    given = {"model": MODEL, "baseline": OTHER, "commit": COMMIT} | changes
    path = promoted(tmp_path / "evidence.json", given.pop("model"), **given)
    with pytest.raises(IntegrityError, match=message):
        check_evidence(path, build(ledger), ledger, None)


def test_before_anything_serves_a_model_may_be_its_own_baseline(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite3")
    entry = ledger.append(Kind.BUILD, VERSION, who="ci", why="test", digests={"model": MODEL})
    path = promoted(tmp_path / "evidence.json", MODEL)
    assert check_evidence(path, entry, ledger, None).startswith("promote")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Two keys, ``ada`` and ``eve``, and a file that allows ada."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    for name in ("ada", "eve"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", tmp_path / name],
            check=True,
        )
    kind, key = (tmp_path / "ada.pub").read_text().split()[:2]
    allowed = f'ada@release namespaces="csanmt-evidence" {kind} {key}\n'
    (tmp_path / "signers").write_text(allowed)
    return tmp_path


def edit(path: Path) -> None:
    """What a forger does: change the content and compute the seal anew."""
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(evidence.seal({**content, "created": "2030-01-01T00:00:00+00:00"})))


def test_where_signatures_are_required_only_an_allowed_signer_opens_the_way(
    keys: Path, ledger: Ledger
) -> None:
    path = promoted(keys / "evidence.json", MODEL, baseline=OTHER, commit=COMMIT)
    entry, signers = build(ledger), keys / "signers"
    with pytest.raises(IntegrityError, match="is not signed; one of"):
        check_evidence(path, entry, ledger, signers)
    sign_file(path, keys / "eve")
    with pytest.raises(IntegrityError, match=r"key that .* does not allow"):
        check_evidence(path, entry, ledger, signers)
    sign_file(path, keys / "ada")
    found = check_evidence(path, entry, ledger, signers)
    assert found == "promote (full), signed by ada@release"
    edit(path)
    assert evidence.verify(path)  # its own seal fits: the signature is what tells
    for allowed in (signers, None):
        with pytest.raises(IntegrityError, match=r"changed after signing|does not fit"):
            check_evidence(path, entry, ledger, allowed)


def test_a_signature_for_another_purpose_does_not_pass(keys: Path) -> None:
    path = promoted(keys / "evidence.json", MODEL)
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", keys / "ada", "-n", "git", path], check=True
    )
    with pytest.raises(IntegrityError):
        verify_file(path, keys / "signers")


def test_evidence_written_anew_loses_its_signature(keys: Path) -> None:
    path = promoted(keys / "evidence.json", MODEL)
    sign_file(path, keys / "ada")
    promoted(path, OTHER)
    assert not signature_of(path).exists()
    assert verify_file(path, None) == ""


@needs_ssh
@pytest.mark.parametrize(
    ("key", "error"), [("nowhere", NotFoundError), ("evidence.json", CommandError)]
)
def test_a_key_that_cannot_sign_is_named(
    tmp_path: Path, key: str, error: type[CsanmtError]
) -> None:
    path = promoted(tmp_path / "evidence.json", MODEL)
    with pytest.raises(error, match=key):
        sign_file(path, tmp_path / key)


def test_signing_and_verifying_from_the_command_line(
    keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, signers = promoted(keys / "evidence.json", MODEL), str(keys / "signers")
    assert main(["bench", "verify", str(path), "--signers", signers]) == 3
    assert main(["bench", "sign", str(path), "--key", str(keys / "ada"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["decision"] == "promote"
    assert main(["bench", "verify", str(path), "--signers", signers, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["signature"] == "signed by ada@release"
    assert main(["bench", "sign", str(path)]) == 2
    assert "say with --key" in capsys.readouterr().err


def test_evidence_with_a_waiver_is_accepted_only_signed(keys: Path, ledger: Ledger) -> None:
    path = promoted(keys / "evidence.json", MODEL, baseline=OTHER, commit=COMMIT)
    content = json.loads(path.read_text("utf-8"))
    waiver = {"rule": "checks loop", "reason": "20 newly, 58 no longer", "name": "Ada"}
    content["verdict"]["waivers"] = [waiver]
    path.write_text(json.dumps(evidence.seal(content)), "utf-8")
    with pytest.raises(IntegrityError, match=r"waives checks loop: .* it must be signed"):
        check_evidence(path, build(ledger), ledger, None)
    sign_file(path, keys / "ada")
    found = check_evidence(path, build(ledger), ledger, keys / "signers")
    assert "waived: checks loop: 20 newly, 58 no longer (Ada)" in found
