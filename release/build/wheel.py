"""The native engine as a wheel, so that no compiler has to be in the image."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from csanmt.errors import EngineUnavailableError
from release.build.checksums import tree_digest
from release.running.command import run_command

IMAGE_PYTHON = (3, 11)
"""Python of the image; a wheel for another one would not install there."""

EARLIEST_ZIP_TIME = "315532800"
"""1980-01-01, the first moment a zip archive can name."""


def engine_wheel(sources: Path, cache: Path) -> Path:
    """Return the wheel of ``sources`` (the ``engine/`` folder), building it when not cached.

    The cache is keyed by the content of the sources. Builds with the tools of the
    development set, without network, and with one constant time in the archive.

    Raises:
        EngineUnavailableError: this interpreter is not the image's Python.
        CommandError: the compiler failed.
    """
    if sys.version_info[:2] != IMAGE_PYTHON:
        raise EngineUnavailableError(
            "the image has Python {}.{}; build with the same, not {}.{}".format(
                *IMAGE_PYTHON, *sys.version_info[:2]
            )
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
        run_command(command, environment=environment, log=_log(scratch))
        place.mkdir(parents=True, exist_ok=True)
        for wheel in (scratch / "wheel").glob("*.whl"):
            wheel.replace(place / wheel.name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return sorted(place.glob("*.whl"))[0]


def _log(scratch: Path) -> Path:
    return scratch / "build.log"
