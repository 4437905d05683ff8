"""release.toml says what a release is made of, or says what is wrong with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from csanmt.errors import ConfigurationError, NotFoundError
from release.build.manifest import pin_model, read_manifest

ROOT = Path(__file__).resolve().parents[2]
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """With a model that stands in the store alone, whatever this checkout pins."""
    shutil.copy(ROOT / "release.toml", tmp_path)
    pin_model(tmp_path, "csanmt-zh-en:v1.0.0", "sha256:" + "b" * 64)
    return tmp_path


def change(root: Path, old: str, new: str) -> None:
    text = (root / "release.toml").read_text(encoding="utf-8")
    assert old in text
    (root / "release.toml").write_text(text.replace(old, new), encoding="utf-8")


def test_the_committed_manifest_is_valid_and_its_base_is_pinned_by_digest() -> None:
    manifest = read_manifest(ROOT)
    assert manifest.release.name == "csanmt"
    assert "@sha256:" in manifest.image.base
    assert manifest.model.tag.startswith("csanmt-zh-en:v")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "csanmt"', 'name = "Not A Name"', "release.name"),
        ('name = "csanmt"', "name = 5", "release.name is 5; allowed is a string"),
        ("@sha256:", "-slim-sha256:", "image.base"),
        ("budget_megabytes = ", "budget_megabytes = -", "budget_megabytes must be positive"),
        (
            "budget_megabytes = ",
            "budget_megabytes = true #",
            "budget_megabytes is True; allowed is a whole number",
        ),
        ("[push]", "[pull]", "pull|push"),
        ('fallback = "', 'fall_back = "', "fall_back|fallback"),
        ("[model]", "[model", "release.toml"),
        ("[gate]", "[gates]", "gates?"),
    ],
)
def test_a_wrong_manifest_is_refused_by_key(root: Path, old: str, new: str, named: str) -> None:
    change(root, old, new)
    with pytest.raises(ConfigurationError, match=named):
        read_manifest(root)


def test_signers_are_a_file_beside_the_manifest_or_nobody(root: Path) -> None:
    assert read_manifest(root).signers is None
    change(root, 'signers = ""', 'signers = "release-signers"')
    assert read_manifest(root).signers == root / "release-signers"


def test_pinning_changes_the_two_lines_and_keeps_the_comments(root: Path) -> None:
    before = (root / "release.toml").read_text(encoding="utf-8").splitlines()
    pinned = pin_model(root, "csanmt-zh-en:v2.0.0", DIGEST)
    assert (pinned.model.tag, pinned.model.sha256) == ("csanmt-zh-en:v2.0.0", DIGEST)
    after = (root / "release.toml").read_text(encoding="utf-8").splitlines()
    changed = [b for a, b in zip(before, after, strict=True) if a != b]
    assert set(changed) <= {'tag = "csanmt-zh-en:v2.0.0"', f'sha256 = "{DIGEST}"'}


@pytest.mark.parametrize("digest", ["", "sha256:abc", "a" * 64, "md5:" + "a" * 64])
def test_a_malformed_digest_is_not_pinned(root: Path, digest: str) -> None:
    before = (root / "release.toml").read_text(encoding="utf-8")
    with pytest.raises(ConfigurationError):
        pin_model(root, "m:v1", digest)
    assert (root / "release.toml").read_text(encoding="utf-8") == before


def test_no_manifest_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_manifest(tmp_path)
