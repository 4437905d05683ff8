"""The watcher's way to the front: its own requests, and what its log says of the users'."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from release.rollout.front import Answer, NginxFront
from release.rollout.nginx import NginxRouter
from release.rollout.settings import NginxSettings
from release.rollout.traffic import Traffic
from tests.ports import free_port
from tests.release.nginx_site import WORKERS
from tests.release.test_nginx import Upstream, nginx_missing, post, wait_for
from tests.serving.live_application import Live, live_application

needs_nginx = pytest.mark.skipif(nginx_missing, reason="nginx is not installed")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_application(tmp_path_factory.mktemp("service")) as live:
        yield live


def counted(service: Live) -> dict[str, float]:
    """What the service has counted of translations, by metric and endpoint."""
    lines = httpx.get(f"{service.url}/metrics", trust_env=False).text.splitlines()
    found = {}
    for line in lines:
        name, _, value = line.rpartition(" ")
        if name.startswith(("csanmt_requests_total", "csanmt_segments_total")):
            found[name.partition("{")[0] + name.partition('endpoint="')[2].partition('"')[0]] = (
                float(value)
            )
    return found


def translate(service: Live, headers: dict[str, str]) -> None:
    url = f"{service.url}/translate"
    answer = httpx.post(url, json={"text": "你好世界"}, headers=headers, trust_env=False)
    assert answer.status_code == 200


def test_a_watchers_requests_are_in_nobodys_numbers(service: Live) -> None:
    translate(service, {})
    before = counted(service)
    translate(service, {"X-CSANMT-Probe": "1"})
    after = counted(service)
    assert after.pop("csanmt_requests_totalprobe") == 1
    users = ("csanmt_requests_total/translate", "csanmt_segments_total")
    assert [after[name] for name in users] == [before[name] for name in users]


@pytest.fixture
def upstreams() -> Iterator[dict[str, Upstream]]:
    servers = {"blue": Upstream("blue"), "green": Upstream("green")}
    yield servers
    for server in servers.values():
        server.close()


@pytest.fixture
def router(tmp_path: Path, upstreams: dict[str, Upstream]) -> Iterator[NginxRouter]:
    settings = NginxSettings(
        f"127.0.0.1:{free_port()}",
        upstreams["blue"].address,
        upstreams["green"].address,
        rate_per_second=1,
        burst=3,
        user=WORKERS,
    )
    router = NginxRouter(tmp_path, settings)
    router.switch(Traffic(100, 0))
    yield router
    router.stop()


def front(router: NginxRouter) -> NginxFront:
    return NginxFront(router.settings.listen, router.directory / "access.log")


@needs_nginx
def test_a_probe_reaches_the_colour_it_asks_for_and_no_limit(
    router: NginxRouter, upstreams: dict[str, Upstream]
) -> None:
    asking = front(router)
    assert {asking.probe("green").colour for _ in range(20)} == {"green"}
    assert upstreams["green"].last_headers["X-CSANMT-Probe"] == "1"
    assert post(router, headers={"X-CSANMT-Probe": "1"})[1] == "blue"
    assert "X-CSANMT-Probe" not in upstreams["blue"].last_headers


@needs_nginx
def test_a_probe_tells_who_answered_instead_and_that_nobody_did(
    router: NginxRouter, upstreams: dict[str, Upstream]
) -> None:
    asking = front(router)
    upstreams["green"].close()
    assert asking.probe("green").colour == "blue"
    router.stop()
    wait_for(lambda: asking.probe("green") == Answer(0, pytest.approx(0, abs=5), ""))


@needs_nginx
def test_the_log_tells_what_users_got_since_the_last_look(
    router: NginxRouter, upstreams: dict[str, Upstream]
) -> None:
    asking = front(router)
    for server in upstreams.values():
        server.status = 500
    assert post(router)[0] == 500
    asking.probe("blue")
    wait_for(lambda: '"status":500' in (router.directory / "access.log").read_text())
    assert asking.served("green") == []
    upstreams["blue"].status = 200
    before = front(router)
    wait_for(lambda: post(router)[0] == 200)  # nginx spares blue for a moment
    wait_for(lambda: before.served("blue"))


def line(status: int, chosen: str = "blue", path: str = "/translate") -> str:
    return json.dumps({"path": path, "chosen": chosen, "status": status, "seconds": 0.5}) + "\n"


def test_a_log_that_is_rotated_cut_or_strange_is_read_on(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(line(200) * 3)
    asking = NginxFront("127.0.0.1:1", log)
    assert asking.served("blue") == []  # what was there before is nobody's
    with log.open("a") as file:
        file.write(line(200) + line(503) + line(200, "green") + line(200, path="/docs") + "{half")
    assert asking.served("blue") == [Answer(200, 0.5), Answer(503, 0.5)]
    with log.open("a") as file:
        file.write("\n" + line(200))
    assert asking.served("blue") == [Answer(200, 0.5)]
    log.write_text(line(200))  # logrotate's copytruncate
    assert asking.served("blue") == [Answer(200, 0.5)]
    log.rename(tmp_path / "access.log.1")
    assert asking.served("blue") == []
    log.write_text(line(502) * 50)
    assert asking.served("blue") == [Answer(502, 0.5)] * 50
