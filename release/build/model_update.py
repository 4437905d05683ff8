"""A model update as one commit and its tag: pinned, the next patch version, a changelog line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from csanmt.errors import ConflictError, NotFoundError
from release.build.manifest import pin_model
from release.build.version import package_version
from release.running.command import run_command

CHANGELOG = "CHANGELOG.md"
VERSIONED = {"pyproject.toml": r'^version = "{}"$', "csanmt/__init__.py": r'^__version__ = "{}"$'}
"""Files that state the package's version, and how."""


def update_model(root: Path, tag: str, digest: str, *, source: str = "", archive: str = "") -> str:
    """Pin a model, raise the patch version, note both, commit and tag; return the new version.

    Raises:
        ConflictError: the tree differs from its commit, or that model is pinned already.
        NotFoundError: a file does not state the version where it should.
    """
    if run_command(["git", "-C", str(root), "status", "--porcelain"]).strip():
        raise ConflictError("the tree differs from its commit: commit or put aside what changed")
    before = package_version(root)
    major, minor, patch = before.split(".")
    version = f"{major}.{minor}.{int(patch) + 1}"
    pin_model(root, tag, digest, source=source, archive=archive)
    if not run_command(["git", "-C", str(root), "status", "--porcelain"]).strip():
        raise ConflictError(f"{tag} is pinned already, with this digest")
    for name, form in VERSIONED.items():
        path = root / name
        if path.is_file():
            _replace(path, form.format(re.escape(before)), before, version)
    _note(root / CHANGELOG, version, tag)
    words = f"release: serve {tag}"
    run_command(["git", "-C", str(root), "commit", "--quiet", "--all", "--message", words])
    run_command(["git", "-C", str(root), "tag", "--annotate", "--message", words, f"v{version}"])
    return f"v{version}"


def _replace(path: Path, pattern: str, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    changed, count = re.subn(
        pattern, lambda found: found[0].replace(before, after), text, count=1, flags=re.MULTILINE
    )
    if not count:
        raise NotFoundError(f"{path} does not state version {before}")
    path.write_text(changed, encoding="utf-8")


def _note(path: Path, version: str, tag: str) -> None:
    """What is unreleased becomes the version, with a line about the model."""
    text = path.read_text(encoding="utf-8")
    today = datetime.now(UTC).date().isoformat()
    line = f"- The served model is `{tag}`."
    head = f"## [Unreleased]\n\n## [{version}] - {today}\n\n### Changed\n{line}"
    changed, count = re.subn(r"^## \[Unreleased\]$", lambda _: head, text, count=1, flags=re.M)
    if not count:
        raise NotFoundError(f"{path} has no section [Unreleased]")
    # One heading of a kind a section: what was unreleased joins the new line.
    if f"{head}\n\n### Changed\n" in changed:
        changed = changed.replace(f"{head}\n\n### Changed\n", f"{head}\n", 1)
    path.write_text(changed, encoding="utf-8")
