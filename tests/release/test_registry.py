"""A pushed version never changes: to a real registry and into an archive.

Needs skopeo and, for the registry, Debian's `docker-registry`; otherwise skips and says so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from csanmt.errors import ConflictError, NotFoundError
from release.build import registry
from release.build.checksums import check_checksums, write_checksums
from release.build.registry import push_image
from release.running import containers
from tests.ports import free_port

pytestmark = pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")

CONFIG = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: 127.0.0.1:{port}}}
"""


@pytest.fixture
def local(tmp_path: Path, monkeypatch) -> dict[str, Path]:
    """Images as OCI folders, standing in for the storage of a builder."""
    images: dict[str, Path] = {}
    for name, text in (("one", "hello"), ("other", "good bye")):
        images[name] = make_image(tmp_path / name, text)
    real = containers.run_command

    def located(word: str) -> str:
        stored = word.startswith("containers-storage:")
        return f"oci:{images[word.rpartition(':')[2]]}" if stored else word

    def from_folder(command, **more):
        words = [
            f"oci:{images[word.rpartition(':')[2]]}"
            if word.startswith("containers-storage:")
            else word
            for word in command
        ]
        return real(words, **more)

    for module in (registry, containers):
        monkeypatch.setattr(module, "run_command", from_folder)
    return images


def make_image(folder: Path, text: str) -> Path:
    """The smallest image there is: one layer with one file."""
    import hashlib

    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (folder / "hello").write_text(text)
    os.utime(folder / "hello", (1, 1))
    with tarfile.open(folder / "layer.tar", "w") as archive:
        archive.add(folder / "hello", "hello")
    layer = (folder / "layer.tar").read_bytes()

    def blob(data: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {
            "mediaType": f"application/vnd.oci.image.{kind}",
            "digest": f"sha256:{digest}",
            "size": len(data),
        }

    described = blob(layer, "layer.v1.tar")
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"text": text}},
        "rootfs": {"type": "layers", "diff_ids": [described["digest"]]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob(json.dumps(config).encode(), "config.v1+json"),
        "layers": [described],
    }
    index = {
        "schemaVersion": 2,
        "manifests": [blob(json.dumps(manifest).encode(), "manifest.v1+json")],
    }
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


@pytest.fixture
def repository(tmp_path: Path, monkeypatch) -> Iterator[str]:
    if shutil.which("docker-registry") is None:
        pytest.skip("docker-registry is not installed")
    with running_registry(tmp_path, free_port()) as address:
        know_plain(address, tmp_path, monkeypatch)
        yield f"{address}/translation/csanmt"


def know_plain(address: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell the container tools that a registry speaks without TLS."""
    folder = home / ".config" / "containers"
    folder.mkdir(parents=True)
    words = f'[[registry]]\nlocation = "{address}"\ninsecure = true\n'
    (folder / "registries.conf").write_text(words)
    monkeypatch.setenv("HOME", str(home))


@contextmanager
def running_registry(folder: Path, port: int) -> Iterator[str]:
    """The address of a registry that keeps its images in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "registry.yml"
    config.write_text(CONFIG.format(root=folder / "registry", port=port))
    process = subprocess.Popen(
        ["docker-registry", "serve", str(config)],
        env={n: v for n, v in os.environ.items() if not n.startswith("REGISTRY_")},  # its settings
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1)
            break
        except OSError:
            assert process.poll() is None, "the registry ended"
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=30)


def exercise(destination: str) -> None:
    first = push_image("one", destination, tool="buildah")
    assert not first.already_there
    assert first.digest.startswith("sha256:")
    again = push_image("one", destination, tool="buildah")
    assert (again.already_there, again.digest) == (True, first.digest)
    with pytest.raises(ConflictError, match=r"layers, labels differ.*raise the version"):
        push_image("other", destination, tool="buildah")


def test_a_registry_gets_an_image_once(local, repository: str) -> None:
    exercise(f"docker://{repository}:v1.2.0-abc1234")
    other = f"docker://{repository}:v1.2.1-abc1234"
    assert not push_image("other", other, tool="buildah").already_there


def test_an_archive_gets_an_image_once(local, tmp_path: Path) -> None:
    path = tmp_path / "image.oci.tar"
    exercise(f"oci-archive:{path}:csanmt:v1.2.0-abc1234")
    assert tarfile.is_tarfile(path)


def test_a_push_that_was_cut_short_leaves_no_archive(local, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "dist" / "image.oci.tar"
    path.parent.mkdir()
    target = f"oci-archive:{path}:csanmt:v1.2.0-abc1234"
    real = containers.run_command

    def cut_short(command, **more):
        if command[1] == "copy":
            Path(command[-1].split(":")[1]).write_bytes(b"half of it")
            raise KeyboardInterrupt
        return real(command, **more)

    monkeypatch.setattr(registry, "run_command", cut_short)
    with pytest.raises(KeyboardInterrupt):
        push_image("one", target, tool="buildah")
    assert list(path.parent.iterdir()) == []
    path.with_name(".image.oci.tar").write_bytes(b"half of it, and then kill -9")
    write_checksums(path.parent)
    assert check_checksums(path.parent) == 0  # a draft is no artefact
    monkeypatch.setattr(registry, "run_command", real)
    assert not push_image("one", target, tool="buildah").already_there
    assert push_image("one", target, tool="buildah").already_there
    assert {file.name for file in path.parent.iterdir()} == {path.name, "SHA256SUMS"}


def test_a_registry_that_does_not_answer_is_an_error_not_an_empty_one(local) -> None:
    port = free_port()
    target = f"docker://{f'127.0.0.1:{port}/csanmt-404'[0:]}:{'v1.2.0-abc1404'}"
    with pytest.raises(Exception, match="skopeo inspect"):
        push_image("one", target, tool="buildah")


def test_an_image_that_was_not_built_is_said_to_be_missing(tmp_path: Path) -> None:
    target = f"oci-archive:{tmp_path / 'a.tar'}:csanmt:v1.2.0-abc1234"
    with pytest.raises(NotFoundError, match="no image localhost/no-such-image"):
        push_image("localhost/no-such-image:v0.0.0-0000000", target, tool="buildah")
