"""The real server under load, kills and signals. A stub that costs time stands for the model."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import bentoml
import pytest

from tests.serving.live_server import (
    ROOT,
    STUB,
    LiveServer,
    command_line,
    free_port,
    live_server,
    server_environment,
    wait_until,
)
from tests.serving.load import crowd

pytestmark = pytest.mark.e2e

EXPECTED = {f"第{n}句。": f"[第{n}句。]" for n in range(40)} | {
    f"甲{n}。\n\n乙{n}！丙": f"[甲{n}。]\n\n[乙{n}！] [丙]" for n in range(20)
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    kept = home / "suggestions.jsonl"
    more = {"stub_seconds": 0.002, "suggestions_file": kept, "openai": 1}
    with live_server(home, workers=2, **more, **STUB) as started:
        yield started


def test_crowd_of_32_gets_every_answer_and_the_same_as_alone(server):
    alone = {text: server.translate(text) for text in list(EXPECTED)[:5]}
    assert alone == dict(list(EXPECTED.items())[:5])
    load = asyncio.run(crowd(server.url, EXPECTED, clients=32, requests=600))
    assert load.statuses == {200: 600}
    assert load.wrong == []
    text = server.client.get("/metrics").text
    sizes = [line for line in text.splitlines() if line.startswith("csanmt_batch_sentences_")]
    total = {line.split("{")[0]: float(line.split()[-1]) for line in sizes if "bucket" not in line}
    batched = total["csanmt_batch_sentences_sum"] / total["csanmt_batch_sentences_count"]
    assert batched > 1.5, "requests did not share batches"


def test_killed_runner_in_mid_load_costs_nothing_but_time(server):
    killed: list[int] = []

    def kill() -> None:
        killed.append(server.runner_pids()[0])
        os.kill(killed[0], signal.SIGKILL)

    load = asyncio.run(crowd(server.url, EXPECTED, clients=16, requests=300, meanwhile=kill))
    assert set(load.statuses) <= {200, 503}, load.statuses
    assert load.statuses[503] <= 32, "more than the batches in flight were lost"
    assert load.wrong == []
    wait_until(lambda: len(server.runner_pids()) == 2)
    assert killed[0] not in server.runner_pids()
    assert server.translate("你好。") == "[你好。]"


def test_both_runners_killed_at_once_are_replaced(server):
    wait_until(lambda: len(server.runner_pids()) == 2)
    for pid in server.runner_pids():
        os.kill(pid, signal.SIGKILL)
    assert server.translate("你好。") == "[你好。]"
    wait_until(server.ready)


def test_metrics_name_no_path_that_is_not_there(server):
    for n in range(20):
        assert server.client.get(f"/scan/{n}").status_code == 404
    text = server.client.get("/metrics").text
    assert "csanmt_requests_total" in text
    assert "csanmt_runners_ready" in text
    assert "/scan/" not in text
    assert 'endpoint="other"' in text


def test_bentomls_own_clients_translate(server):
    with bentoml.SyncHTTPClient(server.url) as client:
        assert client.translate(text="你好")["translation"] == "[你好]"
        many = client.translate(["一。", "二。"], alternatives=1, glossary={"一": "one"})
        assert many["translation"] == ["[one。]", "[二。]"]
        assert many["alternatives"] == [["[one。] (2)"], ["[二。] (2)"]]
        with pytest.raises(bentoml.exceptions.UnprocessableEntity, match="at most 8"):
            client.translate(text="你好", beam=99)

    async def ask() -> dict:
        async with bentoml.AsyncHTTPClient(server.url) as client:
            return await client.translate(text="你好")

    assert asyncio.run(ask())["translation"] == "[你好]"


def test_bento_of_a_checkout_is_refused_with_the_command_that_builds_one(tmp_path):
    built = subprocess.run(
        [sys.executable, "-m", "bentoml", "build", "."],
        cwd=ROOT,
        env=server_environment(tmp_path, **STUB),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert built.returncode != 0
    assert "make build VERSION=" in built.stdout + built.stderr
    assert not list(tmp_path.glob("bentos/*/*"))


def test_promtool_accepts_what_a_real_server_publishes(server):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed (Debian package prometheus)")
    text = server.client.get("/metrics").text
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_second_server_may_share_the_home(server):
    with live_server(server.log.parent, workers=1, **STUB) as second:
        assert second.translate("你好。") == server.translate("你好。")
    assert server.ready()


def test_a_gateway_whose_supervisor_was_killed_answers_what_it_has_and_ends(tmp_path):
    with live_server(tmp_path, workers=1, **STUB) as server:
        gateway, runners = server.gateway_pid(), server.runner_pids()
        os.kill(server.process.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(command_line, [gateway, *runners])), seconds=20)


def test_a_body_that_stops_coming_is_answered_and_closed(tmp_path):
    with (
        live_server(tmp_path, workers=1, body_seconds=1, **STUB) as server,
        socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as client,
    ):
        head = "POST /translate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        client.sendall(f"{head}Content-Length: 5000\r\n\r\n".encode() + b"{")
        client.settimeout(20)
        answer = b""
        while chunk := client.recv(4096):
            answer += chunk
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code":"body_timeout"' in answer


def test_taken_port_is_refused_in_one_line(server, tmp_path):
    port = int(server.url.rpartition(":")[2])
    outcome = serve_once(tmp_path, port=port, **STUB)
    assert outcome.returncode == 5
    assert f"port {port}" in one_line(outcome)
    assert "in use" in one_line(outcome)


@pytest.mark.parametrize(
    ("settings", "status", "said"),
    [
        ({"model": "nothing:v1.0.0"}, 4, "no model nothing:v1.0.0"),
        ({"model": "not a tag"}, 2, "not a tag"),
        ({"port": "http"}, 2, "CSANMT_PORT is 'http'"),
        ({"host": "0.0.0.0", **STUB}, 2, "API keys are off"),
        ({"api_keys_file": "/nowhere/keys.json", **STUB}, 2, "/nowhere/keys.json"),
        ({"engine": "stub"}, 2, "CSANMT_ENGINE is 'stub'"),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(tmp_path, settings, status, said):
    outcome = serve_once(tmp_path, **{"port": free_port(), **settings})
    assert outcome.returncode == status, outcome.stderr
    assert said in one_line(outcome)


@pytest.mark.parametrize(
    ("settings", "status", "said"),
    [
        ({"api_keys_file": "/", **STUB}, 2, "key file /: Is a directory"),
        ({"port": "http"}, 2, "CSANMT_PORT is 'http'"),
    ],
)
def test_the_image_says_so_too(tmp_path, settings, status, said):
    """Its command is BentoML's own, which reads service.py first."""
    outcome = subprocess.run(
        [sys.executable, "-m", "bentoml", "serve", "service:CsanmtService"],
        cwd=ROOT,
        env=server_environment(tmp_path, **settings),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert outcome.returncode == status, outcome.stderr
    assert said in one_line(outcome)


def test_damaged_store_is_said_in_one_line(tmp_path):
    version = tmp_path / "models" / "broken" / "v1.0.0"
    version.mkdir(parents=True)
    (version / "provenance.json").write_text("{")
    outcome = serve_once(tmp_path, port=free_port(), model="broken:v1.0.0")
    assert outcome.returncode == 3, outcome.stderr
    assert one_line(outcome)


def test_overload_is_refused_politely_and_passes(tmp_path):
    limits = {"workers": 1, "stub_seconds": 0.01, "queue_seconds": 0.3, "batch_seconds": 0.05}
    with live_server(tmp_path, **limits, **STUB) as server:
        asyncio.run(crowd(server.url, EXPECTED, clients=4, requests=30))  # it learns its speed
        load = asyncio.run(crowd(server.url, EXPECTED, clients=64, requests=400))
        assert set(load.statuses) <= {200, 429, 503}, load.statuses
        assert load.statuses[200] > 0
        assert load.statuses[429] > 0
        assert load.codes["overloaded"] == load.statuses[429]
        assert load.wrong == []
        calm = asyncio.run(crowd(server.url, EXPECTED, clients=1, requests=10))
        assert calm.statuses == {200: 10}


def test_no_client_chooses_its_address(tmp_path):
    with live_server(tmp_path, workers=1, requests_per_minute=2, **STUB) as server:
        claims = [{"X-Forwarded-For": f"192.0.2.{n}"} for n in range(3)]
        answers = [server.client.get("/version", headers=claim) for claim in claims]
        assert [answer.status_code for answer in answers] == [200, 200, 429]


def test_sigterm_drains_what_is_in_flight(tmp_path):
    asked = {"text": "一。二。三。"}
    with live_server(tmp_path, workers=1, stub_seconds=0.5, batch_sentences=1, **STUB) as server:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            answers = [pool.submit(server.client.post, "/translate", json=asked) for _ in range(3)]
            wait_until(lambda: in_flight(server) == len(answers))
            runners = server.runner_pids()
            server.process.send_signal(signal.SIGTERM)
            for answer in answers:  # what waits in the queue is answered too
                assert answer.result(60).json()["translation"] == "[一。] [二。] [三。]"
        assert server.process.wait(60) == 0
        assert server.log.read_text().count('"endpoint": "/translate"') == len(answers)
        assert not any(Path(f"/proc/{pid}").exists() for pid in runners)


def test_ctrl_c_stops_cleanly(tmp_path):
    with live_server(tmp_path, workers=1, **STUB) as server:
        runners = server.runner_pids()
        assert server.stop(signal.SIGINT) == 0
        assert "Traceback" not in server.log.read_text()
        assert not any(Path(f"/proc/{pid}").exists() for pid in runners)


def test_killed_gateway_leaves_no_runner_behind(tmp_path):
    with live_server(tmp_path, workers=1, **STUB) as server:
        (runner,) = server.runner_pids()
        parent = server.gateway_pid()
        assert parent != server.process.pid
        os.kill(parent, signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{runner}").exists(), seconds=10)
        wait_until(server.ready, seconds=60)
        assert server.translate("你好。") == "[你好。]"


def test_timeout_and_departed_clients_free_the_runner(tmp_path):
    with live_server(tmp_path, workers=1, stub_seconds=0.3, timeout=0.5, **STUB) as server:
        slow = server.client.post("/translate", json={"text": "一。二。三。四。五。六。"})
        assert slow.status_code == 504
        assert slow.json()["error"]["code"] == "timeout"
        wait_until(lambda: server.client.get("/healthz").json()["queue"]["sentences"] == 0)


def test_logs_are_json_with_request_id_and_without_text(server):
    request = {"X-Request-ID": "look-for-this"}
    server.client.post("/translate", json={"text": "机密。"}, headers=request)

    def logged() -> list[str]:
        lines = server.log.read_text().splitlines()
        return [line for line in lines if "look-for-this" in line]

    (line,) = wait_until(logged, seconds=10)
    entry = json.loads(line)
    assert entry["event"] == "request"
    assert entry["model"] == "csanmt-zh-en:v9.8.7"
    assert "机密" not in server.log.read_text()


def test_no_operation_of_the_openapi_document_fails_under_fuzzing(server, tmp_path):
    pytest.importorskip("schemathesis", reason="schemathesis is not installed")
    report = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            f"--config-file={Path(__file__).parent / 'schemathesis.toml'}",
            "run",
            f"{server.url}/openapi.json",
            "--checks=all",
            # A glossary made at one API's path can be deleted at another's, which it takes for
            # a resource that was made and is not there.
            "--exclude-checks=ensure_resource_availability",
            "--max-examples=20",
            "--generation-deterministic",
            "--request-timeout=60",
            "--suppress-health-check=all",
            "--no-color",
        ],
        cwd=tmp_path,
        env=server_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert report.returncode == 0, report.stdout[-6000:] + report.stderr[-2000:]


def in_flight(server: LiveServer) -> int:
    """Requests to /translate that have come in and are not answered."""
    name = 'csanmt_requests_in_progress{endpoint="/translate"'
    lines = server.client.get("/metrics").text.splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith(name))


def serve_once(home: Path, **settings) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "csanmt", "serve"],
        cwd=ROOT,
        env=server_environment(home, **settings),
        capture_output=True,
        text=True,
        timeout=60,
    )


def one_line(outcome: subprocess.CompletedProcess[str]) -> str:
    (line,) = outcome.stderr.strip().splitlines()
    return line
