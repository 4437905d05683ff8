"""nginx in a container: the same router, told through podman."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from csanmt.errors import UnavailableError
from release.rollout.nginx import NginxRouter
from release.rollout.nginx_program import ContainerNginx
from release.rollout.settings import NginxSettings
from release.rollout.traffic import Traffic
from tests.ports import free_port
from tests.release.test_nginx import Upstream, nginx_missing, post

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(nginx_missing, reason="nginx is not installed"),
    pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="containers without systemd need root"),
]
IMAGE = "localhost/csanmt-test-nginx:1"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image of this machine's nginx and the libraries it needs, and nothing else."""
    root = tmp_path_factory.mktemp("nginx-image")
    binary = shutil.which("nginx") or "/usr/sbin/nginx"
    libraries = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    for name in [binary, *re.findall(r"(/\S+)", libraries), "/etc/passwd", "/etc/group"]:
        target = root / os.path.realpath(os.path.dirname(name)).lstrip("/") / os.path.basename(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, target)
    for name in ("tmp", "var/log/nginx", "dev", "proc", "sys"):
        (root / name).mkdir(parents=True, exist_ok=True)
    if not (root / "lib64").exists():
        (root / "lib64").symlink_to("usr/lib64")
    if not (root / "lib").exists():
        (root / "lib").symlink_to("usr/lib")
    tar = subprocess.run(["tar", "-C", root, "-c", "."], capture_output=True, check=True).stdout
    done = subprocess.run(
        ["podman", "import", "--change", f"ENV=PATH={Path(binary).parent}", "-", IMAGE],
        input=tar,
        capture_output=True,
    )
    if done.returncode:
        pytest.skip(f"podman cannot store images here: {done.stderr.decode()[-200:]}")
    return IMAGE


@pytest.fixture
def router(tmp_path: Path, image: str) -> Iterator[NginxRouter]:
    upstreams = [Upstream("blue"), Upstream("green")]
    settings = NginxSettings(f"127.0.0.1:{free_port()}", *(u.address for u in upstreams))
    program = ContainerNginx(tmp_path, image, f"csanmt-test-nginx-{os.getpid()}")
    router = NginxRouter(tmp_path, settings, program)
    yield router
    router.stop()
    subprocess.run(["podman", "rm", "-f", program.name], capture_output=True)
    for upstream in upstreams:
        upstream.close()


def test_nginx_in_a_container_starts_switches_refuses_and_stops(router: NginxRouter) -> None:
    router.switch(Traffic(100, 0))
    assert post(router) == (200, "blue", "blue")
    applied = router.switch(Traffic.of("green"))
    assert {post(router) for _ in range(10)} == {(200, "green", "green")}
    assert router.live() == router.written() == applied
    good = router.main.read_bytes()
    broken = NginxRouter(router.directory, router.settings, router.program)
    broken.settings = NginxSettings(
        router.settings.listen, router.settings.blue, router.settings.green, user="no such user;"
    )
    with pytest.raises(UnavailableError, match="nothing was changed"):
        broken.configure()
    assert (router.main.read_bytes(), post(router)[1]) == (good, "green")
    router.stop()
    assert not router.running()
    router.start()  # the container is there already, as after a reboot
    assert post(router)[1] == "green"
