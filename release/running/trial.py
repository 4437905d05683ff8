"""A built version started for a trial: awaited, asked the API tests, stopped."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.service_process import await_ready
from csanmt.errors import IntegrityError
from release.running.command import CommandError, run_command
from release.running.launchers import Launcher, Place


def try_version(launcher: Launcher, bento: str, port: int, tests: Path) -> str:
    """Start ``bento`` (or an image) on a free port, run the API tests, stop it; say how it went.

    Raises:
        UnavailableError: it ended, or was not ready in time; with its last words.
        IntegrityError: a test failed, or it did not end with 0 when told to stop.
    """
    place = Place("trial", f"127.0.0.1:{port}")
    handle = launcher.start(bento, place)
    try:
        await_ready(place.url, lambda: launcher.alive(handle), lambda: launcher.last_words(place))
        summary = ask_api(place.url, tests)
    finally:
        status = launcher.stop(place)
        launcher.forget(place)
    if status != 0:
        raise IntegrityError(f"the service ended with {status} when told to stop, not with 0")
    return f"{summary}; drained and stopped"


def ask_api(url: str, tests: Path, api_key: str = "") -> str:
    """Run the API tests against ``url`` and return their summary line.

    Raises:
        IntegrityError: a test failed, or none ran.
    """
    command = [
        sys.executable, "-m", "pytest", str(tests), "-q", "--no-header", "-p", "no:cacheprovider",
        "-W", "ignore", "-p", "pytest_timeout",
    ]  # fmt: skip
    # Without the plugins of browsers, schemas and the rest, which take seconds to load.
    environment = {**os.environ, "CSANMT_URL": url, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    if api_key:
        environment["CSANMT_API_KEY"] = api_key
    try:
        output = run_command(command, cwd=tests.parent.parent, environment=environment, timeout=600)
    except CommandError as error:
        raise IntegrityError(f"the API tests failed: {error}") from error
    summary = output.strip().splitlines()[-1].strip("= ")
    if " passed" not in f" {summary}":
        raise IntegrityError(f"no API test ran: {summary}")
    return f"API tests: {summary}"
