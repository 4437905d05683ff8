"""The release path for real: a commit becomes an image that runs, answers and drains.

Builds in a clone of this repository, since a release is a commit and the tree tests
run in may be anything. Needs buildah, podman, skopeo and a base image; where one is
missing the tests skip and say which.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.service_process import await_ready
from release.build.manifest import read_manifest
from release.rollout.deployment import smoke
from release.running.launchers import ContainerLauncher, Place
from release.running.service import HttpService
from tests.e2e.workshop import MODEL, VERSION, Workshop
from tests.release.random_model import write_random_model

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("git", "buildah", "podman", "skopeo")
PORT = 3391
BUILD_SECONDS = 1500

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(BUILD_SECONDS)]


def missing() -> str:
    """Why images cannot be built here, or nothing."""
    absent = [tool for tool in TOOLS if not shutil.which(tool)]
    if absent:
        return f"not installed: {', '.join(absent)}"
    if os.geteuid() != 0:
        return "building with chroot isolation needs root"
    base = read_manifest(ROOT).image.fallback
    if subprocess.run(["podman", "image", "exists", base], check=False).returncode:
        return f"no base image {base}: run scripts/make_base_image.sh"
    return ""


@pytest.fixture(scope="module")
def built(workshop: Workshop) -> dict[str, Any]:
    if reason := missing():
        pytest.skip(reason)
    return workshop.json("build", VERSION, "--local-base")


def test_a_bento_is_the_same_wherever_it_is_built_again(workshop: Workshop) -> None:
    first = workshop.json("build", VERSION, "--no-image", "--why", "first")
    shutil.rmtree(workshop.store.home / "bentos")
    again = workshop.json("build", VERSION, "--no-image", "--why", "again")
    assert again["bento"] == first["bento"]
    assert again["repeated"]
    assert first["source"]["commit"].startswith(first["tag"].rpartition("-")[2])
    assert again["entry"] == first["entry"]  # the very same content is recorded once


def test_an_uncommitted_byte_is_refused(workshop: Workshop) -> None:
    path = workshop.clone / "service.py"
    before = path.read_bytes()
    path.write_bytes(before + b"\n# one more line\n")
    done = workshop.csanmt("build", VERSION, "--no-image")
    path.write_bytes(before)
    assert done.returncode == 5
    assert "service.py" in done.stderr


def test_one_changed_byte_of_the_model_is_refused(workshop: Workshop) -> None:
    weights = workshop.store.path(MODEL) / "engine.bin"
    before = weights.read_bytes()
    mode = weights.stat().st_mode
    weights.chmod(0o644)
    weights.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    try:
        done = workshop.csanmt("build", VERSION, "--no-image")
    finally:
        weights.write_bytes(before)
        weights.chmod(mode)
    assert done.returncode == 3
    assert "engine.bin" in done.stderr


def test_another_model_under_the_same_version_is_refused(
    workshop: Workshop, tmp_path: Path
) -> None:
    workshop.json("build", VERSION, "--no-image")
    here = workshop.git("rev-parse", "HEAD")
    workshop.store.save(write_random_model(tmp_path / "other", seed=2), "csanmt-zh-en:v0.0.2")
    workshop.pin("csanmt-zh-en:v0.0.2")
    done = workshop.csanmt("build", VERSION, "--no-image")
    workshop.git("reset", "--quiet", "--hard", here)
    assert done.returncode == 5
    assert "raise the version" in done.stderr


def test_the_image_is_traced_by_its_labels(workshop: Workshop, built: dict[str, Any]) -> None:
    name = built["image"]["name"]
    assert name.endswith(f":{VERSION}-{workshop.git('rev-parse', '--short=7', 'HEAD')}")
    text = subprocess.run(
        ["skopeo", "inspect", "--config", f"containers-storage:{name}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    config = json.loads(text)
    labels = config["config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == VERSION
    assert labels["org.opencontainers.image.revision"] == workshop.git("rev-parse", "HEAD")
    assert labels["org.opencontainers.image.created"] == config["created"]
    assert labels["org.opencontainers.image.source"]
    assert labels["org.csanmt.model.tag"] == MODEL
    assert labels["org.csanmt.model.digest"] == workshop.store.show(MODEL).digest
    assert labels["org.csanmt.bento.digest"] == built["bento"]["digest"]
    assert config["config"]["User"] == "1034:1034"


@pytest.mark.soak
def test_the_image_is_the_same_when_it_is_built_again(
    workshop: Workshop, built: dict[str, Any]
) -> None:
    shutil.rmtree(workshop.store.home / "bentos")
    again = workshop.json("build", VERSION, "--local-base")
    assert again["image"]["facts"]["layers"] == built["image"]["facts"]["layers"]
    assert again["image"]["facts"]["labels"] == built["image"]["facts"]["labels"]


def test_the_image_is_verified_and_only_evidence_is_missing(
    workshop: Workshop, built: dict[str, Any]
) -> None:
    done = workshop.csanmt("verify", VERSION, "--port", str(PORT), "--json")
    verdict = json.loads(done.stdout)
    outcome = {check["name"]: check["passed"] for check in verdict["checks"]}
    assert outcome == {
        "artefacts": True,
        "model": True,
        "bento": True,
        "image": True,
        "contents": True,
        "service": True,
        "gate": False,
    }, verdict["reasons"]
    assert (done.returncode, verdict["ready"]) == (1, False)
    refused = workshop.csanmt("push", VERSION)
    assert refused.returncode == 5
    assert "no evidence" in refused.stderr


def test_the_image_answers_and_finishes_what_it_began_when_stopped(built: dict[str, Any]) -> None:
    launcher, place = ContainerLauncher(), Place("trial", f"127.0.0.1:{PORT}")
    handle = launcher.start(built["image"]["name"], place)
    answers: list[httpx.Response] = []
    try:
        await_ready(place.url, lambda: launcher.alive(handle), lambda: launcher.last_words(place))
        url = f"{place.url}/translate"
        first = httpx.post(url, json={"text": "你好世界"}, timeout=60)
        assert (first.status_code, first.json()["model"]) == (200, MODEL)
        texts = ["今天天气很好，我们去公园散步。" * 20] * 64
        begun = threading.Event()

        def long_request() -> None:
            begun.set()
            answers.append(httpx.post(url, json={"text": texts}, timeout=120))

        client = threading.Thread(target=long_request)
        client.start()
        begun.wait()
        in_flight(place.url)
    finally:
        status = launcher.stop(place)
        launcher.forget(place)
    client.join()
    assert status == 0
    assert [answer.status_code for answer in answers] == [200]
    assert len(answers[0].json()["translation"]) == 64


def test_a_colour_runs_from_the_image(built: dict[str, Any], tmp_path: Path) -> None:
    """The container launcher on the real image: started, tried, replaced, stopped."""
    launcher = ContainerLauncher(environment={"CSANMT_WORKERS": "1"})
    image, place = built["image"]["name"], Place("green", f"127.0.0.1:{PORT}")
    first = launcher.start(image, place)
    try:
        assert launcher.alive(f"csanmt-green-{PORT}")
        second = launcher.start(image, place)  # takes the name of the first
        assert not launcher.alive(first)
        await_ready(place.url, lambda: launcher.alive(second), lambda: launcher.log(place))
        smoke(HttpService(place.url))
    finally:
        launcher.stop(place, deadline_seconds=20)
    assert not launcher.alive(second)
    launcher.forget(place)


def in_flight(url: str) -> None:
    """Return once the service says that it is working on a translation, or has finished it."""
    for _ in range(2000):
        text = httpx.get(f"{url}/metrics", timeout=10).text
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        busy = [line for line in lines if "in_progress" in line or "in_flight" in line]
        if any(float(line.rsplit(" ", 1)[1]) >= 1 for line in busy):
            return
    raise AssertionError("the request was never seen in flight")


def test_pushing_twice_is_a_no_op_and_another_content_is_refused(
    workshop: Workshop, built: dict[str, Any]
) -> None:
    first = workshop.json("push", VERSION, "--force", "test of the archive")
    assert not first["already_there"]
    archive = Path(first["reference"].split(":")[1])
    assert workshop.json("push", VERSION, "--force", "again") == {**first, "already_there": True}
    name, tag = built["image"]["name"].rsplit(":", 1)
    changed = subprocess.run(
        ["buildah", "from", "--pull-never", built["image"]["name"]],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    subprocess.run(["buildah", "config", "--label", "tampered=yes", changed], check=True)
    subprocess.run(["buildah", "commit", "--quiet", "--rm", changed, f"{name}:{tag}"], check=True)
    refused = workshop.csanmt("push", VERSION, "--force", "changed")
    assert refused.returncode == 5
    assert "labels differ" in refused.stderr
    assert archive.exists()
    pushes = workshop.json("history", "--kind", "push")
    assert [entry["why"] for entry in pushes] == ["test of the archive"]
