"""Shadow traffic through a real nginx: answers stay as they are, differences are counted."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from release.rollout import shadow as shadow_module
from release.rollout.nginx import NginxRouter
from release.rollout.settings import NginxSettings
from release.rollout.shadow import Collector
from release.rollout.traffic import COLOURS, Colour, Traffic
from tests.ports import free_addresses
from tests.release.load import Load
from tests.release.nginx_site import WORKERS

nginx_missing = not (shutil.which("nginx") or Path("/usr/sbin/nginx").exists())
pytestmark = pytest.mark.skipif(nginx_missing, reason="nginx is not installed")


class Translator(BaseHTTPRequestHandler):
    """Answers like the service; ``server.answer`` makes the translation."""

    def do_POST(self) -> None:
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        server = self.server
        assert isinstance(server, Service)
        server.count += 1
        body = json.dumps({"translation": server.answer(text), "model": server.name}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Model-Version", server.name)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class Service(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Translator)
        self.name = name
        self.count = 0
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, text: str) -> str:
        return text if self.name == "echo" and "天气" in text else "an answer"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def services() -> Iterator[dict[Colour, Service]]:
    found: dict[Colour, Service] = {"blue": Service("good"), "green": Service("echo")}
    yield found
    for service in found.values():
        service.shutdown()
        service.server_close()


@pytest.fixture
def router(tmp_path: Path, services: dict[Colour, Service]) -> Iterator[NginxRouter]:
    (listen,) = free_addresses(1)
    settings = NginxSettings(
        listen,
        services["blue"].address,
        services["green"].address,
        rate_per_second=100_000,
        burst=10_000,
        user=WORKERS,
    )
    router = NginxRouter(tmp_path, settings)
    router.switch(Traffic(100, 0))
    yield router
    router.stop()


def ask(router: NginxRouter, text: str) -> str:
    body = json.dumps({"text": text}).encode()
    url = f"http://{router.settings.listen}/translate"
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["translation"])


def test_shadowing_changes_no_answer_and_counts_differences(
    router: NginxRouter, services: dict[Colour, Service]
) -> None:
    urls = {c: f"http://{s.address}" for c, s in services.items()}
    with Collector(urls, router.shadow_socket) as collector:
        router.switch(Traffic(100, 0, shadow=100))
        answers = {ask(router, text) for text in ["你好", "天气很好", "再见", "天气很冷"]}
        end = time.monotonic() + 10
        while collector.report().compared < 4 and time.monotonic() < end:
            time.sleep(0.01)
        report = collector.report()
    assert answers == {"an answer"}
    assert (report.compared, report.churn) == (4, 0.5)
    assert report.sides["green"]["health"]["echoed"] == 0.5
    assert report.sides["blue"]["health"] == {}


def test_a_sample_is_a_sample(router: NginxRouter, services: dict[Colour, Service]) -> None:
    urls = {c: f"http://{s.address}" for c, s in services.items()}
    with Collector(urls, router.shadow_socket):
        router.switch(Traffic(100, 0, shadow=20))
        for _ in range(300):
            ask(router, "你好")
        end = time.monotonic() + 10
        while services["green"].count < 20 and time.monotonic() < end:
            time.sleep(0.01)
    assert 20 <= services["green"].count <= 110  # 60 expected; 5 sigma is 35


def test_a_dead_collector_harms_nobody(router: NginxRouter) -> None:
    router.switch(Traffic(100, 0, shadow=100))
    assert {ask(router, "你好") for _ in range(20)} == {"an answer"}


def test_the_load_accounts_for_every_request_over_a_switch(router: NginxRouter) -> None:
    with Load(router.settings.listen, clients=4) as load:
        router.switch(Traffic.of("green"))
        moment = time.monotonic()
        while not load.versions(since=moment)["echo"]:
            time.sleep(0.01)
    assert load.lost() == []
    assert load.mislabelled() == []
    assert {a.version for a in load.answers if a.began >= moment} == {"echo"}


class Dying(Translator):
    """Ends in the middle of its answer."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"{")


def test_a_colour_that_dies_in_mid_answer_is_an_error_and_ends_no_worker(
    services: dict[Colour, Service], tmp_path: Path
) -> None:
    services["green"].RequestHandlerClass = Dying
    urls = {c: f"http://{s.address}" for c, s in services.items()}
    body = json.dumps({"text": "你好"}).encode()
    with Collector(urls, tmp_path / "s", workers=2) as collector:
        for _ in range(6):
            collector.receive("/translate", body, {})
        end = time.monotonic() + 10
        while collector.report().sides["green"]["answers"] < 6 and time.monotonic() < end:
            time.sleep(0.01)
        sides = collector.report().sides
    assert (sides["green"]["answers"], sides["green"]["errors"]) == (6, 6)
    assert (sides["blue"]["answers"], sides["blue"]["errors"]) == (6, 0)


def test_a_collector_ends_with_a_full_queue_and_stuck_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow_module, "QUEUE", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        urls = dict.fromkeys(COLOURS, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with Collector(urls, tmp_path / "s", timeout=2) as collector:
            while not collector.report().dropped:
                collector.receive("/translate", b"{}", {})
            leaving = time.monotonic()
    assert time.monotonic() - leaving < 1
