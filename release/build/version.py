"""Which version may be built here: ``vX.Y.Z`` from the package, plus the commit.

The image tag ``vX.Y.Z-<sha>`` (``vX.Y.Z-<fix>-<sha>`` for a hotfix) is the only
name an image ever gets. Every refusal says what is wrong and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from csanmt.errors import ConfigurationError, ConflictError, InvalidInputError, NotFoundError
from csanmt.tables import read_toml
from release.ledger.ledger import Entry, Kind
from release.running.command import CommandError, run_command

SHORT_SHA = 7  # characters of the commit in a tag; longer when git needs more to be unique

_VERSION = r"v((?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2})(?:-(fix(?:-[a-z0-9]+)+))?"
_SHA = r"[0-9a-f]{7,40}"


@dataclass(frozen=True)
class Checkout:
    """What git says about the tree a release is built from.

    Attributes:
        sha: the full commit.
        commit_time: seconds since 1970, UTC: the time of everything that is built.
        dirty: paths that differ from the commit or that git neither tracks nor ignores.
        tags_here: tags of this commit.
        tags: all tags.
    """

    sha: str
    short_sha: str
    commit_time: int
    dirty: tuple[str, ...] = ()
    tags_here: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


def package_of(version: str) -> str:
    """``X.Y.Z`` of ``vX.Y.Z`` or ``vX.Y.Z-fix-NAME``.

    Raises:
        InvalidInputError: anything else.
    """
    match = re.fullmatch(_VERSION, version)
    if not match:
        raise InvalidInputError(
            f"{version!r} is not a version: vMAJOR.MINOR.PATCH is, or vMAJOR.MINOR.PATCH-fix-NAME; "
            "'latest' and branches move, and a release must not"
        )
    return match[1]


def version_of(tag: str) -> str:
    """The version in an image tag, ``vX.Y.Z-<sha>`` or ``vX.Y.Z-fix-NAME-<sha>``.

    Raises:
        InvalidInputError: it is none, ``latest`` first of all.
    """
    version, _, sha = tag.rpartition("-")
    if not re.fullmatch(_SHA, sha):
        raise InvalidInputError(f"{tag!r} is not an image tag: vMAJOR.MINOR.PATCH-<git sha> is")
    package_of(version)
    return version


def decide(requested: str, package_version: str, checkout: Checkout) -> str:
    """The tag to build.

    Args:
        requested: what was asked for: ``v1.2.0``, ``v1.2.1-fix-parsing`` or either
            with this commit's ``-<sha>`` already behind it.
        package_version: ``X.Y.Z`` of the package in this tree.

    Raises:
        InvalidInputError: ``requested`` is a moving name or malformed.
        ConflictError: it disagrees with the package, a tag or the commit, or the
            tree is dirty.
    """
    version = _requested_version(requested, checkout)
    if package_of(version) != package_version:
        raise ConflictError(
            f"{version} was asked for but the package says {package_version}: change the version "
            "in pyproject.toml, commit, and build that"
        )
    if checkout.dirty:
        shown = ", ".join(checkout.dirty[:5]) + (" …" if len(checkout.dirty) > 5 else "")
        raise ConflictError(
            f"the tree differs from commit {checkout.short_sha} in {len(checkout.dirty)} "
            f"path(s) ({shown}): commit or remove them, a release is a commit"
        )
    _agree_with_tags(version, checkout)
    return f"{version}-{checkout.short_sha}"


def _requested_version(requested: str, checkout: Checkout) -> str:
    head, _, sha = requested.rpartition("-")
    if head and re.fullmatch(_SHA, sha):
        if not checkout.sha.startswith(sha):
            raise ConflictError(
                f"{requested} names commit {sha}, but this tree is {checkout.short_sha}: "
                f"check {sha} out first"
            )
        return head
    return requested


def _agree_with_tags(version: str, checkout: Checkout) -> None:
    if version in checkout.tags and version not in checkout.tags_here:
        raise ConflictError(
            f"tag {version} marks another commit than {checkout.short_sha}: check the tag out, or "
            "raise the version"
        )
    here = [tag for tag in checkout.tags_here if re.fullmatch(_VERSION, tag)]
    if here and version not in here:
        raise ConflictError(
            f"commit {checkout.short_sha} is tagged {', '.join(here)}, "
            f"which disagrees with {version}"
        )


def refuse_reuse(
    tag: str,
    digests: Mapping[str, str],
    history: Iterable[Entry],
    *,
    replacing: bool = False,
) -> Entry | None:
    """The earlier build of the very same content, or None when there is none.

    Args:
        digests: what this build holds, for example ``{"bento": …, "model": …}``.
        history: the ledger's entries, oldest first.
        replacing: give a version that never left this machine another content.

    Raises:
        ConflictError: the version was built before with another content.
    """
    version = version_of(tag)
    built: Entry | None = None
    left: Entry | None = None
    for entry in history:
        if entry.version.rpartition("-")[0] != version:
            continue
        if entry.kind == Kind.BUILD:
            built = entry
        elif entry.kind in (Kind.PUSH, Kind.DEPLOY, Kind.SWITCH):
            left = entry
    if built is None:
        return None
    differs = [name for name, value in digests.items() if built.digests.get(name) != value]
    if built.version == tag and not differs:
        return built
    content = ", ".join(differs) or "the commit"
    if not replacing:
        raise ConflictError(
            f"{version} was built before as {built.version} and {content} differs: raise the "
            "version in pyproject.toml, or give --replace REASON if it never left this machine"
        )
    if left is not None:
        raise ConflictError(
            f"{left.version} left this machine ({left.kind} at {left.at}), so {version} keeps "
            "its content for ever: raise the version in pyproject.toml"
        )
    return None


def package_version(root: Path) -> str:
    """The version in ``pyproject.toml``.

    Raises:
        NotFoundError: the file is missing or says none.
    """
    try:
        project = read_toml(root / "pyproject.toml")["project"]
        return str(project["version"])
    except (ConfigurationError, KeyError) as error:
        raise NotFoundError(f"no version in {root / 'pyproject.toml'}: {error}") from error


def read_checkout(root: Path) -> Checkout:
    """Ask git about the tree at ``root``.

    Raises:
        NotFoundError: no repository, or no commit yet.
        EngineUnavailableError: git is not installed.
    """

    def git(*arguments: str) -> str:
        try:
            return run_command(["git", "-C", str(root), *arguments])
        except CommandError as error:
            raise NotFoundError(str(error)) from error

    sha, short_sha, time = git("log", "-1", f"--abbrev={SHORT_SHA}", "--format=%H %h %ct").split()
    status = git("status", "--porcelain", "-z", "--untracked-files=normal")
    return Checkout(
        sha=sha,
        short_sha=short_sha,
        commit_time=int(time),
        dirty=tuple(item[3:] for item in status.split("\0") if len(item) > 3),
        tags_here=tuple(git("tag", "--points-at", "HEAD").split()),
        tags=tuple(git("tag").split()),
    )
