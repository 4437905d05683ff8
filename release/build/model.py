"""The pinned model: how another one is pinned, and where it comes from.

A model update is one commit and its tag: the pin, the next patch version, a changelog line. Its
files are an archive in a folder, or an artefact of a registry.

A registry keeps the archive as the one layer of an OCI image, which skopeo makes and carries. What
came is judged by the archive's digest and the version's own, both of which ``release.toml``
pins.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from csanmt.errors import ConfigurationError, ConflictError, IntegrityError, NotFoundError
from model_store import DEFAULT_TAG, ModelStore, Record, ensure_default
from model_store.archive import export_archive, import_archive
from release.build.manifest import Manifest, pin_model
from release.build.version import package_version
from release.running.command import run_command

# A source that begins so names a repository: ``oci:registry.example.org/csanmt-models``.
REGISTRY = "oci:"
CHANGELOG = "CHANGELOG.md"
# Files that state the package's version, and how.
VERSIONED = {"pyproject.toml": r'^version = "{}"$', "csanmt/__init__.py": r'^__version__ = "{}"$'}


def publish_model(store: ModelStore, tag: str, source: str) -> str:
    """Bring a version to ``source``, a folder or ``oci:REPOSITORY``; return its archive's digest.

    Raises:
        CommandError: skopeo failed.
    """
    with tempfile.TemporaryDirectory(prefix="csanmt-model-") as folder:
        receipt = export_archive(store, tag, Path(folder) / _file_name(tag))
        if source.startswith(REGISTRY):
            target = f"docker://{source.removeprefix(REGISTRY)}:{_label(tag)}"
            origin = f"tarball:{receipt.path}"
            run_command(["skopeo", "copy", "--preserve-digests", origin, target])
        else:
            Path(source).mkdir(parents=True, exist_ok=True)
            shutil.copy(receipt.path, Path(source) / receipt.path.name)
    return f"sha256:{receipt.sha256}"


def pinned_model(manifest: Manifest, store: ModelStore) -> Record:
    """The record of the pinned model.

    Raises:
        ConfigurationError: nothing is pinned.
        NotFoundError: it is not in the store.
        IntegrityError: the stored model is another one.
    """
    tag, pinned = manifest.model.tag, manifest.model.sha256
    if not pinned:
        raise ConfigurationError(
            f"release.toml pins no digest for {tag}: csanmt release model {tag} writes it"
        )
    if tag == DEFAULT_TAG:
        ensure_default(store)
    record = store.show(tag)
    if record.digest != pinned:
        raise IntegrityError(
            f"model {tag} in the store is {record.digest}, but release.toml pins {pinned}: "
            "another model is another commit and another version"
        )
    return record


def fetch_model(store: ModelStore, manifest: Manifest, root: Path) -> str:
    """See that the pinned model is in the store, fetching it where it is not; say how.

    Raises:
        NotFoundError: it is not there, and no source has it.
        IntegrityError: what came is not what is pinned.
        CommandError: skopeo failed.
    """
    tag, source = manifest.model.tag, manifest.model.source
    try:
        pinned_model(manifest, store)
    except NotFoundError:
        if not source or not manifest.model.archive:
            raise NotFoundError(
                f"{tag} is not in the store, and release.toml names no [model] source and archive "
                f"to fetch it from: csanmt release model {tag} --publish SOURCE writes both"
            ) from None
    else:
        return f"{tag} is in the store"
    with tempfile.TemporaryDirectory(prefix="csanmt-model-") as folder:
        archive = _archive(manifest, root, Path(folder))
        import_archive(store, archive, manifest.model.archive)
    pinned_model(manifest, store)
    return f"{tag} came from {source}"


def _archive(manifest: Manifest, root: Path, folder: Path) -> Path:
    source, tag = manifest.model.source, manifest.model.tag
    if not source.startswith(REGISTRY):
        return root / source / _file_name(tag)
    origin = f"docker://{source.removeprefix(REGISTRY)}:{_label(tag)}"
    run_command(["skopeo", "copy", origin, f"dir:{folder / 'artefact'}"])
    wanted = manifest.model.archive.removeprefix("sha256:")
    path = folder / "artefact" / wanted
    if not path.is_file():
        raise IntegrityError(f"{origin} does not hold the archive that release.toml pins")
    return path


def _file_name(tag: str) -> str:
    return f"{_label(tag)}.tar"


def _label(tag: str) -> str:
    """``csanmt-zh-en:v1.0.0`` as a file or a registry may name it."""
    return tag.replace(":", "-")


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
    before, *rest = re.split(r"^## \[Unreleased\]$\n?", text, maxsplit=1, flags=re.MULTILINE)
    if not rest:
        raise NotFoundError(f"{path} has no section [Unreleased]")
    entries, *older = re.split(r"^(?=## )", rest[0], maxsplit=1, flags=re.MULTILINE)
    line = f"- The served model is `{tag}`.\n"
    if "\n### Changed\n" not in entries:  # one heading of a kind a section
        entries = f"\n### Changed\n{entries}"
    entries = entries.replace("\n### Changed\n", f"\n### Changed\n{line}", 1)
    today = datetime.now(UTC).date().isoformat()
    head = f"## [Unreleased]\n\n## [{version}] - {today}\n"
    path.write_text("".join([before, head, entries, *older]), encoding="utf-8")
