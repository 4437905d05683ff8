"""The router on a real nginx with two tiny upstreams."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from csanmt.errors import ConfigurationError, UnavailableError
from release.rollout import nginx as nginx_module
from release.rollout.file_lock import lock
from release.rollout.nginx import NginxRouter, NginxSettings
from release.rollout.nginx_program import LocalNginx, NginxProgram, Signal
from release.rollout.traffic import Traffic, TrafficMovedError
from tests.ports import free_port

nginx_missing = not (shutil.which("nginx") or Path("/usr/sbin/nginx").exists())
pytestmark = pytest.mark.skipif(nginx_missing, reason="nginx is not installed")


class Upstream(ThreadingHTTPServer):
    """Answers every request with its name and status; ``seen`` counts them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.name = name
        self.status = 200
        self.last_headers: dict[str, str] = {}
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"  # one connection a request: closing is noticed at once
    server: Upstream

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.last_headers = dict(self.headers.items())
        self.send_response(self.server.status)
        self.send_header("X-Model-Version", f"csanmt-zh-en:{self.server.name}")
        self.end_headers()
        self.wfile.write(self.server.name.encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def upstreams() -> Iterator[dict[str, Upstream]]:
    servers = {"blue": Upstream("blue"), "green": Upstream("green")}
    yield servers
    for server in servers.values():
        server.close()


@pytest.fixture
def router(tmp_path: Path, upstreams: dict[str, Upstream]) -> Iterator[NginxRouter]:
    settings = NginxSettings(
        listen=f"127.0.0.1:{free_port()}",
        blue=upstreams["blue"].address,
        green=upstreams["green"].address,
        rate_per_second=100_000,
        burst=10_000,
        max_body_bytes=1000,
        max_document_bytes=5000,
    )
    router = NginxRouter(tmp_path, settings)
    router.configure(Traffic(100, 0))
    router.start()
    yield router
    router.stop()


def post(
    router: NginxRouter,
    body: bytes = b"x",
    headers: dict[str, str] | None = None,
    path: str = "/translate",
) -> tuple[int, str, str]:
    """Status, body and colour header of one request through nginx."""
    url = f"http://{router.settings.listen}{path}"
    request = urllib.request.Request(url, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode(), answer.headers.get("X-Colour", "")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers.get("X-Colour", "")


def share(router: NginxRouter, requests: int) -> dict[str, float]:
    counts = Counter(post(router)[1] for _ in range(requests))
    return {name: 100 * count / requests for name, count in counts.items()}


def logged(router: NginxRouter, request_id: str) -> dict[str, object]:
    """The access log's line of a request; nginx writes it after the answer."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        lines = (router.directory / "access.log").read_text().splitlines()
        for entry in map(json.loads, lines):
            if entry["request_id"] == request_id:
                return dict(entry)
        time.sleep(0.01)
    raise AssertionError(f"{request_id} is not in the access log")


def test_the_colour_is_told_and_a_switch_moves_every_new_request(router: NginxRouter) -> None:
    assert post(router) == (200, "blue", "blue")
    applied = router.switch(Traffic.of("green"))
    assert {post(router) for _ in range(20)} == {(200, "green", "green")}
    assert router.state() == applied == router.live()


def test_weights_are_met_within_three_points(router: NginxRouter) -> None:
    """Over 2,000 requests by chance; 3 points are 6 standard deviations of a 5% canary."""
    router.switch(Traffic.of("green", 5))
    assert share(router, 2000)["green"] == pytest.approx(5, abs=3)


def test_sticky_weights_are_met_within_three_points(router: NginxRouter) -> None:
    """Over 2,000 clients, whose colours depend on their names alone: never on chance."""
    router.switch(Traffic.of("green", 25, sticky=True))
    clients = [{"Authorization": f"client-{number}"} for number in range(2000)]
    served = Counter(post(router, headers=client)[1] for client in clients)
    assert 100 * served["green"] / 2000 == pytest.approx(25, abs=3)


def test_sticky_sends_a_client_always_to_the_same_colour(router: NginxRouter) -> None:
    router.switch(Traffic.of("green", 50, sticky=True))
    by_client = {
        client: {post(router, headers={"Authorization": client})[1] for _ in range(5)}
        for client in map(str, range(40))
    }
    assert all(len(colours) == 1 for colours in by_client.values())
    assert set.union(*by_client.values()) == {"blue", "green"}


def test_a_dead_colour_costs_no_request(
    router: NginxRouter, upstreams: dict[str, Upstream]
) -> None:
    router.switch(Traffic.of("green"))
    upstreams["green"].close()
    assert {post(router) for _ in range(20)} == {(200, "blue", "blue")}


def test_an_error_of_one_colour_is_answered_by_the_other(
    router: NginxRouter, upstreams: dict[str, Upstream]
) -> None:
    upstreams["blue"].status = 500
    assert post(router) == (200, "green", "green")


def test_both_dead_is_503_in_the_services_error_shape(
    router: NginxRouter, upstreams: dict[str, Upstream]
) -> None:
    for server in upstreams.values():
        server.close()
    status, body, _ = post(router)
    assert (status, json.loads(body)["error"]["code"]) == (503, "unavailable")


def test_a_large_body_is_413_in_the_services_error_shape(router: NginxRouter) -> None:
    status, body, _ = post(router, b"x" * 2000)
    assert (status, json.loads(body)["error"]["code"]) == (413, "too_large")


def test_the_request_id_goes_through_and_bad_ones_are_replaced(
    router: NginxRouter, upstreams: dict[str, Upstream]
) -> None:
    post(router, headers={"X-Request-ID": "abc-123"})
    assert upstreams["blue"].last_headers["X-Request-ID"] == "abc-123"
    post(router, headers={"X-Request-ID": "a b\tc"})
    assert upstreams["blue"].last_headers["X-Request-ID"] != "a b\tc"


def test_the_colours_learn_the_address_that_was_asked(
    router: NginxRouter, upstreams: dict[str, Upstream]
) -> None:
    post(router)
    assert upstreams["blue"].last_headers["Host"] == router.settings.listen
    post(router, headers={"Host": "translate.example.org"})
    assert upstreams["blue"].last_headers["Host"] == "translate.example.org"


def test_the_access_log_names_colour_version_and_request(router: NginxRouter) -> None:
    post(router, headers={"X-Request-ID": "find-me"})
    entry = logged(router, "find-me")
    assert (entry["colour"], entry["version"], entry["status"]) == (
        "blue",
        "csanmt-zh-en:blue",
        200,
    )
    assert float(str(entry["upstream_seconds"])) >= 0


def test_a_configuration_that_nginx_refuses_changes_nothing(router: NginxRouter) -> None:
    good = router.traffic.read_bytes()
    router.settings = replace(router.settings, user="no such user;")
    with pytest.raises(UnavailableError, match="nothing was changed"):
        router.switch(Traffic.of("green"))
    assert router.traffic.read_bytes() == good
    assert post(router)[1] == "blue"


def test_no_request_is_lost_while_switching_back_and_forth(router: NginxRouter) -> None:
    stop = threading.Event()
    outcomes: Counter[int] = Counter()

    def load() -> None:
        while not stop.is_set():
            outcomes[post(router)[0]] += 1

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for step in range(6):
        router.switch(Traffic.of("green" if step % 2 else "blue"))
    stop.set()
    for thread in threads:
        thread.join()
    assert set(outcomes) == {200}


def test_a_new_router_reads_the_state_from_nginx_files_alone(router: NginxRouter) -> None:
    router.switch(Traffic.of("green", 30))
    again = NginxRouter(router.directory, router.settings)
    assert (again.state().green, again.running()) == (30, True)


def test_a_damaged_include_is_named(tmp_path: Path) -> None:
    router = NginxRouter(tmp_path)
    with pytest.raises(UnavailableError, match="nothing was deployed yet"):
        router.state()
    router.traffic.write_text("server {}\n")
    with pytest.raises(UnavailableError, match="does not say who serves"):
        router.state()


@pytest.mark.parametrize(
    "changed", [{"blue": "nowhere"}, {"blue": "127.0.0.1:8080"}, {"listen": "127.0.0.1:99999"}]
)
def test_impossible_addresses_are_refused(changed: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        replace(NginxSettings(), **changed)


@pytest.mark.parametrize("path", ["/documents", "/translate_file", "/v2/document"])
def test_documents_may_be_larger_than_other_bodies(router: NginxRouter, path: str) -> None:
    assert post(router, b"x" * 4000, path=path)[0] == 200
    status, body, _ = post(router, b"x" * 6000, path=path)
    assert (status, "5000 bytes" in body) == (413, True)
    assert post(router, b"x" * 4000, path="/translate")[0] == 413


@pytest.mark.parametrize("path", ["/documents/1", "/v2/document/1/result", "/download_file/1.txt"])
def test_a_document_is_found_at_the_colour_that_holds_it(
    router: NginxRouter, upstreams: dict[str, Upstream], path: str
) -> None:
    upstreams["blue"].status = 404
    for _ in range(10):  # more than the failures after which a colour is left out
        assert post(router, path=path)[:2] == (200, "green")
    assert post(router)[:2] == (404, "blue")  # elsewhere a 404 is an answer
    upstreams["green"].status = 404
    assert post(router, path=path)[0] == 404


class Dawdler:
    """An nginx whose first check lets another command in before it answers."""

    def __init__(self, program: NginxProgram, meanwhile: Callable[[], object]) -> None:
        self._program, self._meanwhile = program, [meanwhile]

    def check(self, config: Path) -> str:
        if self._meanwhile:
            self._meanwhile.pop()()
        return self._program.check(config)

    def start(self, config: Path) -> None:
        self._program.start(config)

    def master(self) -> int | None:
        return self._program.master()

    def tell(self, word: Signal) -> None:
        self._program.tell(word)


def test_a_rollback_during_the_check_of_a_canary_step_is_not_lost(router: NginxRouter) -> None:
    """It waits its turn and comes last; a step that was to follow the state before gives up."""
    second = NginxRouter(router.directory, router.settings)
    rollback = threading.Thread(target=lambda: second.switch(Traffic.of("blue")))

    def someone_rolls_back() -> None:
        rollback.start()
        rollback.join(0.3)  # it would be over by then if it did not wait

    before = router.state().generation
    router.program = Dawdler(router.program, someone_rolls_back)
    step = router.switch(Traffic.of("green", 25), expected=before)
    rollback.join()
    assert (router.state().blue, router.state().generation) == (100, before + 2)
    assert router.live() == router.state()
    with pytest.raises(TrafficMovedError, match="changed meanwhile"):
        router.switch(Traffic.of("green", 50), expected=step.generation)
    assert router.state().blue == 100


def test_a_switch_that_hangs_is_named_to_the_next(
    router: NginxRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nginx_module, "TURN_SECONDS", 0.05)
    with (router.directory / "switch.lock").open("a") as file:
        assert lock(file)
        with pytest.raises(UnavailableError, match="see whether it hangs"):
            router.switch(Traffic.of("green"))
    assert router.switch(Traffic.of("green")).green == 100


def test_a_stranger_with_the_pid_of_a_dead_nginx_gets_no_signal(router: NginxRouter) -> None:
    router.stop()
    with stranger("sleep", "60") as process:
        (router.directory / "nginx.pid").write_text(f"{process.pid}\n")
        assert not router.running()
        router.switch(Traffic.of("green"))
        assert process.poll() is None
    assert router.running()
    assert post(router)[1] == "green"


def test_a_signal_that_is_not_allowed_is_an_error_in_words(
    router: NginxRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with monkeypatch.context() as patched:
        patched.setattr(os, "kill", refuse)
        with pytest.raises(UnavailableError, match="signal HUP: Operation not permitted"):
            router.switch(Traffic.of("green"))


@pytest.mark.parametrize("name", ["run-2", "ru"])
def test_the_nginx_of_another_directory_is_not_taken_for_this_one(
    tmp_path: Path, name: str
) -> None:
    mine = LocalNginx(tmp_path / "run")
    (tmp_path / "run").mkdir()
    title = f"nginx: master process nginx -p {tmp_path}/{name} -e {tmp_path}/{name}/error.log"
    with stranger("bash", "-c", f"exec -a '{title}' sleep 60") as process:
        (tmp_path / "run" / "nginx.pid").write_text(str(process.pid))
        wait_for(lambda: b"nginx" in Path(f"/proc/{process.pid}/cmdline").read_bytes())
        assert mine.master() is None


@contextmanager
def stranger(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "the condition did not come about in time"
        time.sleep(0.01)
