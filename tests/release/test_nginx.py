"""The router on a real nginx with two tiny upstreams."""

from __future__ import annotations

import errno
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from csanmt.durable import lock
from csanmt.errors import ConfigurationError, StorageError, UnavailableError
from release.rollout import nginx as nginx_module
from release.rollout import routes as routes_module
from release.rollout.nginx import NginxRouter
from release.rollout.nginx_program import LocalNginx, accepting_workers
from release.rollout.settings import NginxSettings
from release.rollout.traffic import Traffic, TrafficMovedError
from tests.ports import free_port
from tests.release.load import Load
from tests.release.nginx_site import WORKERS

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

    def do_GET(self) -> None:
        self.do_POST()

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
        user=WORKERS,
    )
    router = NginxRouter(tmp_path, settings)
    router.switch(Traffic(100, 0))
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
    assert router.written() == applied == router.live()


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


def raw(router: NginxRouter, request: bytes) -> tuple[str, dict[str, object]]:
    """Status line and JSON of what comes back for exactly these bytes."""
    host, _, port = router.settings.listen.rpartition(":")
    answer = b""
    while not answer:  # a connection that is reset with bytes unread may take its answer along
        with (
            socket.create_connection((host, int(port)), timeout=10) as connection,
            suppress(ConnectionResetError, BrokenPipeError),
        ):
            connection.sendall(request)
            for part in iter(lambda: connection.recv(65536), b""):
                answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0].decode(), json.loads(body) if body[:1] == b"{" else {}


def test_a_probe_without_host_reaches_the_colour(
    router: NginxRouter, upstreams: dict[str, Upstream]
) -> None:
    assert raw(router, b"GET /health HTTP/1.0\r\n\r\n")[0] == "HTTP/1.1 200 OK"
    assert upstreams["blue"].last_headers["Host"] == "localhost"


HAN = "%E4%BB%8A"  # nine bytes


@pytest.mark.parametrize(("characters", "status"), [(900, 200), (7200, 200), (7300, 414)])
def test_a_text_in_the_url_may_be_as_long_as_the_colours_read(
    router: NginxRouter, characters: int, status: int
) -> None:
    line = f"GET /translate?langpair=zh%7Cen&q={HAN * characters} HTTP/1.1\r\nHost: a\r\n"
    first, body = raw(router, f"{line}Connection: close\r\n\r\n".encode())
    assert first.split()[1] == str(status)
    assert status == 200 or body["error"] == {
        "code": "too_large",
        "message": "the URL is longer than 64 KiB; send the text in the body of a POST",
    }


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    ],
)
def test_what_nginx_refuses_itself_is_in_the_services_error_shape(
    router: NginxRouter, request_: bytes
) -> None:
    first, body = raw(router, request_)
    assert first.split()[1] == "400"
    assert body["error"]["code"] == "bad_request"  # type: ignore[index]


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
    good = router.main.read_bytes()
    router.settings = replace(router.settings, user="no such user;")
    with pytest.raises(UnavailableError, match=r"nothing was changed: .*invalid number"):
        router.configure()
    assert router.main.read_bytes() == good
    assert router.switch(Traffic.of("green")).green == 100  # the way back asks nothing of it
    assert post(router)[1] == "green"


def test_a_new_configuration_is_taken_up_and_an_equal_one_is_no_reload(
    router: NginxRouter,
) -> None:
    master = router.program.master()
    assert master is not None
    before = accepting_workers(master)
    router.configure()
    assert accepting_workers(master) == before
    router.settings = replace(router.settings, max_body_bytes=3000)
    router.configure()
    assert post(router, b"x" * 2000)[0] == 200
    assert not before & accepting_workers(master)


@contextmanager
def saturated(router: NginxRouter) -> Iterator[Load]:
    """Sixteen clients that repeat nothing ask as fast as they are answered."""
    with Load(router.settings.listen, clients=16) as load:
        wait_for(lambda: len(load.answers) > 100)
        yield load


def test_no_request_is_lost_to_a_hundred_switches(upstreams, router: NginxRouter) -> None:
    with saturated(router) as load:
        for step in range(100):
            router.switch(Traffic.of("green" if step % 2 else "blue"))
    assert (load.lost(), load.closed) == ([], 0)


def test_no_request_is_lost_to_a_new_configuration(router: NginxRouter) -> None:
    with saturated(router) as load:
        for burst in (10_001, 10_002):
            router.settings = replace(router.settings, burst=burst)
            router.configure()
    assert load.lost() == []
    assert load.closed > 0  # each told its client so


def test_an_upload_that_takes_longer_than_a_switch_ends_where_it_began(
    router: NginxRouter, upstreams: dict[str, Upstream]
) -> None:
    """Also over a new configuration: its first half before, its second after."""
    upload = http.client.HTTPConnection(router.settings.listen, timeout=20)
    upload.putrequest("POST", "/translate_file")
    upload.putheader("Content-Length", "4000")
    upload.endheaders(b"x" * 2000)
    router.switch(Traffic.of("green"))
    router.settings = replace(router.settings, burst=9_999)
    router.configure()
    upload.send(b"x" * 2000)
    assert upload.getresponse().read() == b"blue"
    assert post(router)[1] == "green"


def test_workers_without_their_master_are_switched_and_then_replaced(
    router: NginxRouter,
) -> None:
    master = router.program.master()
    assert master is not None
    with saturated(router) as load:
        os.kill(master, signal.SIGKILL)
        wait_for(lambda: not router.running())
        assert "master is gone" in router.ill()
        router.switch(Traffic.of("green"))
        assert (router.running(), router.ill()) == (True, "")
        moment = time.monotonic()
        wait_for(lambda: load.versions(since=moment)["csanmt-zh-en:green"] > 20)
    assert load.lost() == []
    assert set(load.versions(since=moment)) == {"csanmt-zh-en:green"}


@pytest.mark.parametrize("damage", ["garbage", "absent"])
@pytest.mark.parametrize("what", ["active", "active/traffic.json", "last-green", "nginx.conf", ""])
def test_no_damaged_file_keeps_traffic_from_moving(
    router: NginxRouter, what: str, damage: str
) -> None:
    router.switch(Traffic.of("green"))
    path = router.main if what == "nginx.conf" else router.routes / what
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if damage == "garbage":
        path.write_text("garbage")
    assert post(router)[0] == 200
    for colour in ("blue", "green"):
        assert router.switch(Traffic.of(colour)).share(colour) == 100
        assert {post(router)[1] for _ in range(5)} == {colour}


@pytest.mark.parametrize("damage", ["", "garbage", "1"])
def test_a_master_whose_pid_file_is_lost_is_found(router: NginxRouter, damage: str) -> None:
    master = router.program.master()
    path = router.directory / "nginx.pid"
    path.write_text(damage) if damage else path.unlink()
    assert router.program.master() == master
    router.switch(Traffic.of("green"))
    router.stop()
    assert not Path(f"/proc/{master}/cmdline").exists() or not router.running()


def test_where_the_record_is_lost_requests_go_on_to_the_same_colour(router: NginxRouter) -> None:
    router.switch(Traffic.of("green"))
    (router.routes / "active").unlink()
    assert {post(router)[1] for _ in range(5)} == {"green"}
    live = router.live()
    assert live is not None
    assert live.green == 100


@pytest.mark.parametrize("purpose", ["promotion", "rollback"])
def test_a_disk_without_room_lets_all_traffic_go_to_one_colour(
    router: NginxRouter, monkeypatch: pytest.MonkeyPatch, purpose: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    router.switch(Traffic.of("green"))
    monkeypatch.setattr(routes_module, "write_route", full)
    applied = router.switch(Traffic.of("blue", purpose=purpose))
    assert (applied.blue, applied.purpose) == (100, purpose)  # a promotion is no finished way back
    assert router.live() == applied
    assert {post(router)[1] for _ in range(5)} == {"blue"}
    with pytest.raises(StorageError, match=r"routes/\d+: No space left on device"):
        router.switch(Traffic.of("green", 5))


def test_a_killed_reload_does_not_have_connections_closed_for_ever(router: NginxRouter) -> None:
    (router.routes / "closing").touch()
    router.switch(Traffic.of("green"))
    assert not (router.routes / "closing").exists()


@pytest.mark.parametrize(
    ("listen", "more"),
    [
        ("0.0.0.0:80", ""),
        ("[::]:80", ""),
        ("127.0.0.2:80", ""),
        ("front.example.org:80", ""),
        ("192.0.2.7:80", " allow 192.0.2.7;"),
        ("[2001:db8::7]:80", " allow 2001:db8::7;"),
    ],
)
def test_nginx_answers_its_own_address(listen: str, more: str) -> None:
    assert nginx_module._inside(listen) == f"allow 127.0.0.1; allow ::1;{more} deny all;"


def test_a_front_on_the_machines_own_address_is_confirmed(
    router: NginxRouter, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            pytest.skip("this machine has no address of its own")
        host = probe.getsockname()[0]
    settings = replace(router.settings, listen=f"{host}:{free_port()}")
    own = NginxRouter(tmp_path / "own", settings)
    try:
        assert own.switch(Traffic.of("green")).green == 100
    finally:
        own.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's nginx has workers of another user")
def test_a_large_body_reaches_a_colour_below_a_closed_folder(
    router: NginxRouter, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    settings = replace(
        router.settings, listen=f"127.0.0.1:{free_port()}", user="", max_body_bytes=500_000
    )
    before = os.umask(0o077)
    own = NginxRouter(closed / "run", settings)
    try:
        own.switch(Traffic.of("green"))
        assert own.routes.parent == Path("/run")
        assert post(own, b"x" * 400_000)[0] == 200
    finally:
        os.umask(before)
        own.stop()
        shutil.rmtree(own.routes, ignore_errors=True)


def test_a_router_writes_where_the_nginx_that_runs_reads(
    router: NginxRouter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another user, or another mode of a folder above, would have the routes elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    router.switch(Traffic.of("green"))
    monkeypatch.setattr("release.rollout.nginx.routes_of", lambda *_: elsewhere)
    again = NginxRouter(router.directory, router.settings)
    assert again.switch(Traffic.of("blue")).blue == 100
    assert {post(router)[1] for _ in range(5)} == {"blue"}
    router.stop()
    moved = NginxRouter(router.directory, router.settings)  # nothing runs: as if it were new
    assert moved.routes == elsewhere
    moved.start()
    assert {post(router)[1] for _ in range(5)} == {"blue"}


def test_a_new_router_reads_the_state_from_nginx_files_alone(router: NginxRouter) -> None:
    router.switch(Traffic.of("green", 30))
    again = NginxRouter(router.directory, router.settings)
    written = again.written()
    assert written is not None
    assert (written.green, again.running()) == (30, True)


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


def test_a_rollback_during_a_canary_step_is_not_lost(
    router: NginxRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits its turn and comes last; a step that was to follow the state before gives up."""
    second = NginxRouter(router.directory, router.settings)
    rollback = threading.Thread(target=lambda: second.switch(Traffic.of("blue")))
    route = router._route

    def dawdle(traffic: Traffic) -> Traffic:
        rollback.start()
        rollback.join(0.3)  # it would be over by then if it did not wait
        return route(traffic)

    found = router.live()
    assert found is not None
    monkeypatch.setattr(router, "_route", dawdle)
    step = router.switch(Traffic.of("green", 25), expected=found.generation)
    rollback.join()
    monkeypatch.undo()
    now = router.live()
    assert now is not None
    assert (now.blue, now.generation) == (100, found.generation + 2)
    with pytest.raises(TrafficMovedError, match="changed meanwhile"):
        router.switch(Traffic.of("green", 50), expected=step.generation)
    assert router.live() == now


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

    router.settings = replace(router.settings, burst=9)
    with monkeypatch.context() as patched:
        patched.setattr(os, "kill", refuse)
        with pytest.raises(UnavailableError, match="signal HUP: Operation not permitted"):
            router.configure()


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
