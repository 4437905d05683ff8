"""From a commit to a bento whose digest depends on nothing but what went in.

The bento is built from ``git archive`` of the commit, never from the working
tree, in a scratch BENTOML_HOME; then every time in it is set to the commit's,
its digest is taken, and it moves into the store whole.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from csanmt.durable import replace_text
from csanmt.errors import ConflictError, EngineUnavailableError, NotFoundError
from model_store import ModelStore
from model_store.integrity import require_intact
from release.build.checksums import set_times, tree_digest
from release.build.manifest import Manifest
from release.build.model import pinned_model
from release.build.version import Checkout
from release.running.command import run_command, timed

LOCK = "requirements-frozen.txt"
# where the service looks for what its image installs; made here, not committed
IMAGE_REQUIREMENTS = "requirements/serving.txt"

IMAGE_PYTHON = (3, 11)  # Python of the image; a wheel for another one would not install there

EARLIEST_ZIP_TIME = "315532800"  # 1980-01-01, the first moment a zip archive can name


@dataclass(frozen=True)
class Bento:
    """A built bento in the store."""

    name: str
    version: str
    path: Path
    digest: str  # ``sha256:<hex>`` over its files, see :func:`release.build.checksums.tree_digest`
    model_tag: str
    model_digest: str

    @property
    def tag(self) -> str:
        """``name:version`` as BentoML knows it."""
        return f"{self.name}:{self.version}"


def build_bento(
    root: Path,
    tag: str,
    checkout: Checkout,
    manifest: Manifest,
    store: ModelStore,
    *,
    cache: Path,
    log: Path,
    tell: Callable[[str], None] = lambda _: None,
) -> Bento:
    """Build the bento of a commit, or return the equal one that is in the store.

    Args:
        root: the repository.
        cache: where built engine wheels are kept.
        log: receives what the tools print.

    Raises:
        ConflictError: the store holds another content under this tag.
        IntegrityError: the stored model is damaged, or not the pinned one.
        CommandError: a tool failed.
    """
    model = pinned_model(manifest, store)
    require_intact(store.path(model.tag), model)
    store.home.mkdir(parents=True, exist_ok=True)
    # The stage is not below the store: BentoML refuses files in hidden folders, and a
    # store may well lie in one. The new bento is, so that moving it is one rename.
    with (
        tempfile.TemporaryDirectory(prefix="csanmt-build-") as outside,
        tempfile.TemporaryDirectory(prefix=".build-", dir=store.home) as inside,
    ):
        stage, home = Path(outside) / "stage", Path(inside) / "home"
        export_commit(root, checkout.sha, stage)
        with timed(tell, "the engine's wheel"):
            add_engine(stage, cache)
        add_revision(stage / "bentofile.yaml", checkout.sha)
        set_times(stage, checkout.commit_time)
        home.mkdir()
        (home / "models").symlink_to(store.models)
        environment = {
            **os.environ,
            "BENTOML_HOME": str(home),
            "BENTOML_DO_NOT_TRACK": "true",
            "CSANMT_MODEL": manifest.model.tag,
            "CSANMT_ENGINE": "native",
            "CSANMT_BASE_IMAGE": manifest.image.base,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": str(stage),
        }
        for name in ("CSANMT_MODEL_DIRECTORY", "CSANMT_GIT_COMMIT"):
            environment.pop(name, None)
        with timed(tell, "bento"):
            run_command(
                [sys.executable, "-m", "bentoml", "build", "--version", tag, str(stage)],
                cwd=stage,
                environment=environment,
                log=log,
            )
        built = home / "bentos" / manifest.release.name / tag
        if not built.is_dir():
            raise NotFoundError(f"bentoml built no {manifest.release.name}:{tag}; see {log}")
        normalise_bento(built, checkout.commit_time)
        path = _publish(built, store.home / "bentos" / manifest.release.name)
    return Bento(
        manifest.release.name,
        tag,
        path,
        tree_digest(path),
        manifest.model.tag,
        model.digest,
    )


def export_commit(root: Path, sha: str, target: Path) -> None:
    """Write the files of a commit into ``target``; nothing that is not committed gets there."""
    target.mkdir(parents=True)
    with subprocess.Popen(
        ["git", "-C", str(root), "archive", "--format=tar", sha], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            archive.extractall(target, filter="data")
    if process.returncode != 0:
        raise NotFoundError(f"git cannot export commit {sha} of {root}")


def add_engine(stage: Path, cache: Path) -> None:
    """Put the engine's wheel into the stage, and what the image installs into one file."""
    wheel = engine_wheel(stage / "engine", cache)
    (stage / "wheels").mkdir()
    shutil.copyfile(wheel, stage / "wheels" / wheel.name)
    lock = (stage / LOCK).read_text(encoding="utf-8").splitlines()
    pins = [line for line in lock if not line.lstrip().startswith("#")]
    lines = [*pins, f"./wheels/{wheel.name}", ""]
    (stage / IMAGE_REQUIREMENTS).write_text("\n".join(lines), encoding="utf-8")


def engine_wheel(sources: Path, cache: Path) -> Path:
    """The wheel of ``sources`` (the ``engine/`` folder), building it when not cached.

    The cache is keyed by the content of the sources. Builds with the tools of the
    development set, without network, and with one constant time in the archive.

    Raises:
        EngineUnavailableError: this interpreter is not the image's Python.
        CommandError: the compiler failed.
    """
    if sys.version_info[:2] != IMAGE_PYTHON:
        raise EngineUnavailableError(
            "the image has Python {}.{}: build with it".format(*IMAGE_PYTHON)
        )
    place = cache / tree_digest(sources).removeprefix("sha256:")[:16]
    if found := sorted(place.glob("*.whl")):
        return found[0]
    scratch = place.with_suffix(f".{os.getpid()}")
    # A path of its own content's name: whatever a compiler embeds of it is the same next time.
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(sources, scratch / "engine")
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": EARLIEST_ZIP_TIME,
        "CXXFLAGS": f"{os.environ.get('CXXFLAGS', '')} -ffile-prefix-map={scratch}=.".strip(),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    command = [
        sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index",
        "--disable-pip-version-check", "--wheel-dir", str(scratch / "wheel"),
        str(scratch / "engine"),
    ]  # fmt: skip
    try:
        run_command(command, environment=environment, log=scratch / "build.log")
        place.mkdir(parents=True, exist_ok=True)
        for wheel in (scratch / "wheel").glob("*.whl"):
            wheel.replace(place / wheel.name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return sorted(place.glob("*.whl"))[0]


def add_revision(bentofile: Path, sha: str) -> None:
    """Label what is built with its commit, which the service tells (``serving/provenance.py``)."""
    options: dict[str, Any] = yaml.safe_load(bentofile.read_text(encoding="utf-8"))
    options["labels"]["revision"] = sha
    bentofile.write_text(yaml.safe_dump(options, sort_keys=True), encoding="utf-8")


def normalise_bento(bento: Path, commit_time: int) -> None:
    """Replace the time of the build by the commit's, in ``bento.yaml`` and on every file."""
    path = bento / "bento.yaml"
    description: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    moment = datetime.fromtimestamp(commit_time, UTC)
    description["creation_time"] = moment
    for part in (description, *description.get("services", ())):
        for model in part.get("models", ()):
            model["creation_time"] = moment
    path.write_text(yaml.safe_dump(description, sort_keys=True), encoding="utf-8")
    for cached in bento.rglob("__pycache__"):
        shutil.rmtree(cached)
    set_times(bento, commit_time)


def _publish(built: Path, versions: Path) -> Path:
    """Move a finished bento into the store, or find the equal one there."""
    target = versions / built.name
    versions.mkdir(parents=True, exist_ok=True)
    if target.exists():
        if tree_digest(target) != tree_digest(built):
            raise ConflictError(
                f"the store holds another bento {versions.name}:{built.name}; "
                f"remove it with 'bentoml delete {versions.name}:{built.name}' if it is a leftover"
            )
        return target
    built.rename(target)  # one file system: there in full or not at all
    replace_text(versions / "latest", target.name)  # BentoML's own; nothing of ours reads it
    return target
