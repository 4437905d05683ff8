"""A model's way into a pipeline, and a verdict's way out of it to the machine that deploys."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from csanmt.errors import ConflictError, CsanmtError, IntegrityError, NotFoundError
from model_store import ModelStore
from release.build.checksums import write_checksums
from release.build.manifest import PinnedModel, pin_model, read_manifest
from release.build.model import fetch_model, publish_model, update_model
from release.build.verdict import accept_verdict, write_verdict
from release.ledger.ledger import Kind, Ledger
from release.ledger.state import fold
from release.rollout.deployment import deploy
from tests.model_store.tiny_model import write_model
from tests.ports import free_port
from tests.release.stub_site import World
from tests.release.test_registry import know_plain, running_registry

ROOT = Path(__file__).resolve().parents[2]
TAG, VERSION = "csanmt-zh-en:v9.5.0", "v0.2.1-abc1234"


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    """With one version that is not the default."""
    (tmp_path / "model").mkdir()
    write_model(tmp_path / "model")
    store = ModelStore(tmp_path / "bentoml")
    store.save(tmp_path / "model", TAG)
    return store


@pytest.fixture
def registry(tmp_path: Path, monkeypatch) -> Iterator[str]:
    if not (shutil.which("docker-registry") and shutil.which("skopeo")):
        pytest.skip("docker-registry or skopeo is not installed")
    with running_registry(tmp_path / "registry", free_port()) as address:
        know_plain(address, tmp_path / "home", monkeypatch)
        yield f"oci:{address}/csanmt-models"


@pytest.fixture(params=["folder", "registry"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "folder":
        return str(tmp_path / "models")
    return str(request.getfixturevalue("registry"))


def test_the_pinned_model_reaches_an_empty_store(
    store: ModelStore, source: str, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "release.toml", tmp_path)
    archive = publish_model(store, TAG, source)
    digest = store.show(TAG).digest
    manifest = pin_model(tmp_path, TAG, digest, source=source, archive=archive)
    empty = ModelStore(tmp_path / "pipeline")
    assert fetch_model(empty, manifest, tmp_path) == f"{TAG} came from {source}"
    assert empty.show(TAG).digest == digest
    assert fetch_model(empty, manifest, tmp_path) == f"{TAG} is in the store"
    wrong = replace(manifest, model=replace(manifest.model, sha256="sha256:" + "0" * 64))
    with pytest.raises(IntegrityError, match=r"release\.toml pins"):
        fetch_model(empty, wrong, tmp_path)
    other = replace(manifest, model=replace(manifest.model, archive="sha256:" + "0" * 64))
    with pytest.raises(IntegrityError):
        fetch_model(ModelStore(tmp_path / "another"), other, tmp_path)


def test_a_model_that_nobody_has_is_named_with_the_command(tmp_path: Path) -> None:
    manifest = read_manifest(ROOT)
    manifest = replace(manifest, model=PinnedModel(TAG, manifest.model.sha256))
    with pytest.raises(NotFoundError, match=f"csanmt release model {TAG} --publish"):
        fetch_model(ModelStore(tmp_path), manifest, tmp_path)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What of a repository a model update touches."""
    clone = tmp_path / "clone"
    (clone / "csanmt").mkdir(parents=True)
    shutil.copy(ROOT / "release.toml", clone)
    (clone / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "0.2.0"\n')
    (clone / "csanmt" / "__init__.py").write_text('__version__ = "0.2.0"\n')
    (clone / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n### Added\n- A thing.\n\n### Changed\n- Something.\n"
        "\n## [0.2.0] - today\n\n### Changed\n- Other.\n"
    )
    for words in (
        ["init", "-q"],
        ["config", "user.name", "test"],
        ["config", "user.email", "t@example.org"],
        ["add", "."],
        ["commit", "-qm", "first"],
    ):
        subprocess.run(["git", *words], cwd=clone, check=True)
    return clone


def test_a_model_update_is_one_commit(clone: Path) -> None:
    assert update_model(clone, TAG, "sha256:" + "1" * 64, source="models") == "v0.2.1"
    manifest = read_manifest(clone)
    assert (manifest.model.tag, manifest.model.source) == (TAG, "models")
    assert 'version = "0.2.1"' in (clone / "pyproject.toml").read_text()
    assert '__version__ = "0.2.1"' in (clone / "csanmt" / "__init__.py").read_text()
    changelog = (clone / "CHANGELOG.md").read_text()
    today = changelog.partition("## [0.2.1] - ")[2][:10]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", today)
    assert changelog == (
        f"# Changelog\n\n## [Unreleased]\n\n## [0.2.1] - {today}\n\n### Added\n- A thing.\n\n"
        f"### Changed\n- The served model is `{TAG}`.\n- Something.\n"
        "\n## [0.2.0] - today\n\n### Changed\n- Other.\n"
    )
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=clone, capture_output=True, check=True
    )
    assert done.stdout == b""
    tag = subprocess.run(
        ["git", "describe", "--exact-match"], cwd=clone, capture_output=True, text=True, check=True
    )
    assert tag.stdout == "v0.2.1\n"  # annotated, so that git push --follow-tags takes it along
    with pytest.raises(ConflictError, match="pinned already"):
        update_model(clone, TAG, "sha256:" + "1" * 64, source="models")


def test_a_model_update_refuses_a_tree_that_differs(clone: Path) -> None:
    (clone / "release.toml").write_text("changed")
    with pytest.raises(ConflictError, match="differs from its commit"):
        update_model(clone, TAG, "sha256:" + "1" * 64)


# -- the verdict -----------------------------------------------------------------------------


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """A signing key, and the file of those who may sign."""
    key, signers = tmp_path / "key", tmp_path / "signers"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    signers.write_text(f"ci@example.org {key.with_suffix('.pub').read_text()}")
    return key, signers


@pytest.fixture
def artefacts(tmp_path: Path, keys: tuple[Path, Path]) -> Path:
    """What a pipeline publishes of a version that it found ready."""
    ledger = Ledger(tmp_path / "pipeline.sqlite3")
    ledger.append(Kind.BUILD, VERSION, who="ci", why="build", digests={"model": "sha256:m"})
    ledger.append(
        Kind.VERDICT, VERSION, who="ci", why="verify", detail={"ready": True, "reasons": []}
    )
    folder = tmp_path / "dist" / VERSION
    folder.mkdir(parents=True)
    (folder / "build.json").write_text("{}")
    write_checksums(folder)
    write_verdict(folder, ledger, VERSION, keys[0])
    return folder


def test_a_signed_verdict_lets_another_machine_deploy_without_force(
    world: World, artefacts: Path, keys: tuple[Path, Path]
) -> None:
    site = world.site
    with pytest.raises(ConflictError, match="csanmt release accept"):
        deploy(site, VERSION, f"csanmt:{VERSION}")
    found = accept_verdict(artefacts, site.ledger, signers=keys[1], unsigned="", who="ada")
    assert found == VERSION
    assert deploy(site, VERSION, f"csanmt:{VERSION}").release == VERSION
    assert fold(site.ledger.history()).versions[VERSION].digests["model"] == "sha256:m"
    assert "signed by ci@example.org" in site.ledger.last(Kind.VERDICT).why  # type: ignore[union-attr]


def unsigned(folder: Path) -> None:
    (folder / "verdict.json.sig").unlink()


def edited(folder: Path) -> None:
    path = folder / "verdict.json"
    path.write_text(path.read_text().replace("sha256:m", "sha256:n"))


def other_file(folder: Path) -> None:
    (folder / "build.json").write_text('{"other": 1}')


@pytest.mark.parametrize("change", [unsigned, edited, other_file])
def test_a_verdict_that_was_touched_is_refused(
    world: World, artefacts: Path, keys: tuple[Path, Path], change
) -> None:
    change(artefacts)
    with pytest.raises(IntegrityError):
        accept_verdict(artefacts, world.site.ledger, signers=keys[1], unsigned="", who="ada")
    assert world.site.ledger.history() == []


def test_an_unsigned_verdict_needs_a_reason_and_one_against_it_is_no_verdict_for_it(
    world: World, artefacts: Path
) -> None:
    ledger = world.site.ledger
    with pytest.raises(CsanmtError, match="--unsigned REASON"):
        accept_verdict(artefacts, ledger, signers=None, unsigned="", who="ada")
    assert accept_verdict(artefacts, ledger, signers=None, unsigned="a lab", who="ada") == VERSION
    path = artefacts / "verdict.json"
    content = json.loads(path.read_text())
    content["verdict"]["detail"] = {"ready": False, "reasons": ["slow"]}
    path.write_text(json.dumps(content))
    (artefacts / "verdict.json.sig").unlink()
    with pytest.raises(IntegrityError, match="judged not ready: slow"):
        accept_verdict(artefacts, ledger, signers=None, unsigned="a lab", who="ada")
