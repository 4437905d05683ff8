"""Digests, checksums, bill of materials and size of a build, without building."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from csanmt.errors import EngineUnavailableError, IntegrityError, NotFoundError
from release.build.bento import Bento, add_revision, normalise_bento
from release.build.checksums import check_checksums, set_times, tree_digest, write_checksums
from release.build.image import BaseImage, Image, image_labels, size_report
from release.build.manifest import Naming, read_manifest
from release.build.sbom import write_sbom
from release.build.version import Checkout
from release.running.containers import Builder, ImageFacts, find_tool

ROOT = Path(__file__).resolve().parents[2]
SHA = "abc1234" + "0" * 33
CHECKOUT = Checkout(sha=SHA, short_sha="abc1234", commit_time=1_700_000_000)
TAG = "v1.2.0-abc1234"
DIGESTS = [f"sha256:{letter * 64}" for letter in "abcdef"]


def bento(path: Path = Path("/nowhere")) -> Bento:
    return Bento("csanmt", TAG, path, DIGESTS[0], "csanmt-zh-en:v1.0.0", DIGESTS[1])


def image() -> Image:
    facts = ImageFacts(DIGESTS[2], DIGESTS[3], tuple(DIGESTS[:2]), {}, "1034:1034", 300_000_000)
    return Image(f"localhost/csanmt:{TAG}", facts, BaseImage("base", DIGESTS[4], False))


def tree(root: Path) -> Path:
    (root / "a").mkdir(parents=True)
    (root / "a" / "one.py").write_text("1")
    (root / "two").write_text("2")
    (root / "link").symlink_to("two")
    return root


def test_a_tree_has_one_digest_whenever_and_wherever_it_is_made(tmp_path: Path) -> None:
    first, second = tree(tmp_path / "x"), tree(tmp_path / "elsewhere" / "y")
    os.utime(second / "two", (1, 1))
    assert tree_digest(first) == tree_digest(second)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "two").write_text("3"),
        lambda root: (root / "two").rename(root / "three"),
        lambda root: (root / "two").chmod(0o755),
        lambda root: (root / "new").write_text(""),
        lambda root: ((root / "link").unlink(), (root / "link").symlink_to("a")),
        lambda root: ((root / "link").unlink(), (root / "link").write_text("2")),
        lambda root: (root / "a" / "one.py").rename(root / "one.py"),
    ],
)
def test_any_change_of_a_tree_changes_its_digest(tmp_path: Path, change) -> None:
    root = tree(tmp_path / "x")
    before = tree_digest(root)
    change(root)
    assert tree_digest(root) != before


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(IntegrityError, match="pipe"):
        tree_digest(tmp_path)


def test_times_and_modes_become_plain(tmp_path: Path) -> None:
    root = tree(tmp_path / "x")
    (root / "two").chmod(0o600)
    set_times(root, 1_700_000_000)
    status = (root / "two").stat()
    assert (status.st_mode & 0o777, status.st_mtime) == (0o644, 1_700_000_000)
    assert root.stat().st_mtime == 1_700_000_000


def test_a_bento_keeps_no_time_of_its_build(tmp_path: Path) -> None:
    digests = []
    for moment in ("2026-01-01T00:00:00+00:00", "2026-05-05T05:05:05+00:00"):
        root = tmp_path / moment[:4] / moment[5:7]
        (root / "src" / "__pycache__").mkdir(parents=True)
        (root / "src" / "__pycache__" / "x.pyc").write_text(moment)
        (root / "bento.yaml").write_text(
            f"creation_time: {moment}\nname: csanmt\nservices:\n"
            f"- models:\n  - creation_time: {moment}\n    tag: m:v1\n"
        )
        normalise_bento(root, 1_700_000_000)
        digests.append(tree_digest(root))
    assert digests[0] == digests[1]


def test_the_commit_joins_the_labels_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "bentofile.yaml"
    path.write_text("service: s\nlabels:\n  task: translation\n")
    add_revision(path, SHA)
    assert "task: translation" in path.read_text()
    assert f"revision: {SHA}" in path.read_text()


def test_an_image_is_labelled_with_all_that_went_into_it() -> None:
    manifest = replace(read_manifest(ROOT), release=Naming("csanmt", "https://example.org/csanmt"))
    labels = image_labels(bento(), TAG, CHECKOUT, manifest, image().base)
    assert labels["org.opencontainers.image.version"] == "v1.2.0"
    assert labels["org.opencontainers.image.revision"] == SHA
    assert labels["org.opencontainers.image.created"] == "2023-11-14T22:13:20Z"
    assert labels["org.csanmt.model.digest"] == DIGESTS[1]
    assert all(labels.values())


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (265_000_000, "without it 245 MB, within the budget of 250 MB"),
        (300_000_000, "without it 280 MB, OVER the budget of 250 MB"),
    ],
)
def test_the_size_is_said_and_judged(size: int, words: str) -> None:
    said, fits = size_report(size, 20_000_000, 250)
    assert words in said
    assert fits == ("within" in words)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "build.json").write_text("{}")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_text("x")
    (tmp_path / "build.log").write_text("of one run")
    write_checksums(tmp_path)
    return tmp_path


def test_checksums_are_what_sha256sum_reads(folder: Path) -> None:
    assert check_checksums(folder) == 2
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: (f / "build.json").write_text("{ }"), "build.json was changed"),
        (lambda f: (f / "sub" / "file").unlink(), "sub/file is missing"),
        (lambda f: (f / "new").write_text(""), "new is not covered"),
    ],
)
def test_a_changed_artefact_is_named(folder: Path, change, words: str) -> None:
    change(folder)
    with pytest.raises(IntegrityError, match=words):
        check_checksums(folder)


def test_no_checksums_are_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        check_checksums(tmp_path)


INVENTORY = {
    "python": [
        {"name": "numpy", "version": "2.4.6", "license": "BSD-3-Clause", "classifiers": []},
        {"name": "long", "version": "1", "license": "x" * 5000, "classifiers": ["MIT License"]},
        {"name": "none", "version": "1", "license": "UNKNOWN", "classifiers": []},
        {"name": "both", "version": "1", "license": "MIT OR Apache-2.0", "classifiers": []},
    ],
    "debian": [{"name": "libc6", "version": "2.36-9", "arch": "amd64"}],
    "distribution": "debian",
    "distribution_version": "12",
}


def test_the_bill_of_materials_follows_its_schema_and_is_the_same_twice(tmp_path: Path) -> None:
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    assert write_sbom(first, bento(), image(), CHECKOUT, INVENTORY) == 6
    write_sbom(second, bento(), image(), CHECKOUT, INVENTORY)
    assert first.read_bytes() == second.read_bytes()
    found = {item["name"]: item for item in json.loads(first.read_text())["components"]}
    assert found["numpy"]["purl"] == "pkg:pypi/numpy@2.4.6"
    assert found["numpy"]["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert found["long"]["licenses"] == [{"license": {"name": "MIT License"}}]
    assert "licenses" not in found["none"]
    assert found["both"]["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert found["libc6"]["purl"].startswith("pkg:deb/debian/libc6@2.36-9?arch=amd64")
    assert found["csanmt-zh-en"]["type"] == "machine-learning-model"
    assert found["csanmt-zh-en"]["hashes"] == [{"alg": "SHA-256", "content": "b" * 64}]


def test_a_tool_is_chosen_from_those_installed(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "podman").write_text("#!/bin/sh\n")
    (tmp_path / "podman").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_tool(("buildah", "podman", "docker")) == "podman"
    with pytest.raises(EngineUnavailableError, match="docker"):
        find_tool(("buildah", "docker"))
    with pytest.raises(EngineUnavailableError, match="buildah"):
        find_tool(("buildah", "podman"), "buildah")


@pytest.mark.parametrize(
    ("tool", "contained"),
    [("buildah", True), ("podman", True), ("docker", False)],
)
def test_daemonless_builders_are_told_the_commits_time(
    tool: str, contained: bool, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / tool).write_text('#!/bin/sh\necho "$@ $SOURCE_DATE_EPOCH"\n')
    (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    log = tmp_path / "log"
    Builder(tool, 1_700_000_000).build(
        tmp_path / "Containerfile", tmp_path, "name", arguments={}, labels={"a": "b"}, log=log
    )
    said = log.read_text()
    assert said.endswith(f"--label a=b {tmp_path} 1700000000\n")
    assert ("--timestamp 1700000000" in said) == contained
    assert ("--isolation chroot" in said) == contained
