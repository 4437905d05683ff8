"""What may be built, what may not, and the reason that is given."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from csanmt.errors import ConflictError, CsanmtError, InvalidInputError, NotFoundError
from release.build.version import (
    Checkout,
    decide,
    package_version,
    read_checkout,
    refuse_reuse,
    version_of,
)
from release.ledger.ledger import Entry

SHA = "abc1234def5678900000000000000000000000aa"
CLEAN = Checkout(sha=SHA, short_sha="abc1234", commit_time=1_700_000_000)


@pytest.mark.parametrize(
    ("requested", "package", "changes", "tag"),
    [
        ("v1.2.0", "1.2.0", {}, "v1.2.0-abc1234"),
        ("v1.2.0", "1.2.0", {"tags_here": ("v1.2.0",), "tags": ("v1.2.0",)}, "v1.2.0-abc1234"),
        ("v1.2.0", "1.2.0", {"tags_here": ("nightly",)}, "v1.2.0-abc1234"),
        ("v1.2.0-abc1234", "1.2.0", {}, "v1.2.0-abc1234"),
        (f"v1.2.0-{SHA}", "1.2.0", {}, "v1.2.0-abc1234"),
        ("v1.2.1-fix-parsing", "1.2.1", {}, "v1.2.1-fix-parsing-abc1234"),
        ("v1.2.1-fix-parsing-abc1234", "1.2.1", {}, "v1.2.1-fix-parsing-abc1234"),
        (
            "v1.2.1-fix-a-b",
            "1.2.1",
            {"tags_here": ("v1.2.1-fix-a-b",), "tags": ("v1.2.1", "v1.2.1-fix-a-b")},
            "v1.2.1-fix-a-b-abc1234",
        ),
        ("v0.0.0", "0.0.0", {}, "v0.0.0-abc1234"),
    ],
)
def test_a_version_that_agrees_with_everything_is_built(requested, package, changes, tag) -> None:
    assert decide(requested, package, replace(CLEAN, **changes)) == tag


@pytest.mark.parametrize(
    ("requested", "changes", "error", "reason"),
    [
        ("latest", {}, InvalidInputError, "move, and a release must not"),
        ("csanmt:latest", {}, InvalidInputError, "move, and a release must not"),
        ("main", {}, InvalidInputError, "is not a version"),
        ("v1.2", {}, InvalidInputError, "is not a version"),
        ("1.2.0", {}, InvalidInputError, "is not a version"),
        ("v01.2.0", {}, InvalidInputError, "is not a version"),
        ("v1.2.0+build", {}, InvalidInputError, "is not a version"),
        ("v1.2.0-rc1", {}, InvalidInputError, "is not a version"),
        ("v1.2.0-fix", {}, InvalidInputError, "is not a version"),
        ("v1.2.0-fix-Ünïcode", {}, InvalidInputError, "is not a version"),
        ("v1.2.0\n", {}, InvalidInputError, "is not a version"),
        ("", {}, InvalidInputError, "is not a version"),
        ("v1.3.0", {}, ConflictError, "the package says 1.2.0"),
        ("v1.2.0-0123456", {}, ConflictError, "check 0123456 out"),
        ("v1.2.0", {"dirty": ("a.py", "b.py")}, ConflictError, r"differs .* 2 path.*a\.py, b\.py"),
        ("v1.2.0", {"dirty": tuple("abcdefg")}, ConflictError, "7 path.* …"),
        ("v1.2.0", {"tags": ("v1.2.0",)}, ConflictError, "marks another commit"),
        ("v1.2.0", {"tags_here": ("v1.1.0",), "tags": ("v1.1.0",)}, ConflictError, "tagged v1.1.0"),
        ("v1.2.0-fix-x", {"tags_here": ("v1.2.0",)}, ConflictError, "tagged v1.2.0"),
    ],
)
def test_anything_else_is_refused_with_the_reason(requested, changes, error, reason) -> None:
    with pytest.raises(error, match=reason):
        decide(requested, "1.2.0", replace(CLEAN, **changes))


@pytest.mark.parametrize("text", ["v1.2.0-abc1234", "v1.2.1-fix-parsing-deadbeef", f"v0.1.0-{SHA}"])
def test_a_tag_is_a_version_and_a_commit(text: str) -> None:
    assert version_of(text) == text.rpartition("-")[0]


@pytest.mark.parametrize("text", ["latest", "v1.2.0", "v1.2.0-abc123", "v1.2.0-ABC1234", "main"])
def test_what_is_no_image_tag_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        version_of(text)


def entry(kind: str, version: str, **digests: str) -> Entry:
    return Entry(1, "2026-01-01", kind, version, "me", "why", digests)


CONTENT = {"bento": "sha256:b", "model": "sha256:m"}
TAG = "v1.2.0-abc1234"


@pytest.mark.parametrize(
    ("history", "replacing", "reason"),
    [
        ([entry("build", "v1.2.0-abc1234", bento="sha256:b", model="sha256:x")], False, "model"),
        ([entry("build", "v1.2.0-abc1234", bento="sha256:x", model="sha256:m")], False, "bento"),
        ([entry("build", "v1.2.0-1234567", **CONTENT)], False, "the commit"),
        (
            [entry("build", "v1.2.0-1234567"), entry("push", "v1.2.0-1234567")],
            True,
            "left this machine",
        ),
        ([entry("build", "v1.2.0-1234567"), entry("deploy", "v1.2.0-1234567")], True, "left this"),
    ],
)
def test_a_version_is_never_given_another_content(history, replacing, reason) -> None:
    with pytest.raises(ConflictError, match=reason):
        refuse_reuse(TAG, CONTENT, history, replacing=replacing)


@pytest.mark.parametrize(
    ("history", "replacing", "found"),
    [
        ([], False, False),
        ([entry("build", "v1.1.0-abc1234", bento="sha256:old")], False, False),
        ([entry("build", "v1.2.0-fix-x-abc1234", bento="sha256:old")], False, False),
        ([entry("build", "v1.2.0-abc1234", **CONTENT)], False, True),
        ([entry("retire", "csanmt-zh-en:v1.0.0")], False, False),
        ([entry("build", "v1.2.0-1234567", bento="sha256:old")], True, False),
    ],
)
def test_the_same_content_again_and_new_versions_are_fine(history, replacing, found) -> None:
    assert (refuse_reuse(TAG, CONTENT, history, replacing=replacing) is not None) == found


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )

    git("init", "-q", "-b", "trunk")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / ".gitignore").write_text("ignored\n")
    git("add", "-A")
    git("commit", "-q", "-m", "one")
    git("tag", "v1.2.0")
    return tmp_path


def test_a_real_checkout_is_read(repository: Path) -> None:
    (repository / "ignored").write_text("")
    checkout = read_checkout(repository)
    assert checkout.sha.startswith(checkout.short_sha)
    assert len(checkout.short_sha) >= 7
    assert checkout.dirty == ()
    assert checkout.tags_here == checkout.tags == ("v1.2.0",)
    assert str(decide("v1.2.0", package_version(repository), checkout)).startswith("v1.2.0-")


@pytest.mark.parametrize("name", ["pyproject.toml", "new file.py"])
def test_a_change_in_a_real_checkout_is_refused_by_name(repository: Path, name: str) -> None:
    (repository / name).write_text('[project]\nversion = "1.2.0"\n# changed\n')
    with pytest.raises(ConflictError, match=name):
        decide("v1.2.0", package_version(repository), read_checkout(repository))


def test_no_repository_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_checkout(tmp_path)
    with pytest.raises(CsanmtError, match=r"pyproject\.toml"):
        package_version(tmp_path)
