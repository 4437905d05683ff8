"""Load by the real wrk against real sockets; servers of known speed."""

from __future__ import annotations

import itertools
import json
import shutil
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.load import LoadPlan, Slice, _level, _slice_seconds, measure_load
from benchmarks.remote import UrlSubject
from benchmarks.significance import ratio_interval
from cli.main import main
from csanmt.errors import EngineUnavailableError, UnavailableError

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
SENTENCES = ["你好世界", '他说："好"', "今天天气很好。"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        number = next(self.server.numbers)
        self.server.seen.append((body, self.headers["Authorization"]))
        time.sleep(self.server.delay)
        refused = self.server.refuse_every and number % self.server.refuse_every == 0
        data = json.dumps({"translation": body["text"], "model": "m:v1"}).encode()
        self.send_response(503 if refused else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_):
        """wrk closes its connections in the middle of the last requests."""


@pytest.fixture
def serve():
    servers = []

    def start(delay, refuse_every=0):
        server = Quiet(("127.0.0.1", 0), Handler)
        server.delay, server.refuse_every, server.seen = delay, refuse_every, []
        server.numbers = itertools.count(1)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        subject = UrlSubject(f"http://127.0.0.1:{server.server_port}", api_key="secret")
        return server, subject

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@needs_wrk
def test_a_slower_server_has_the_lower_throughput_at_every_level(serve):
    (fast, a), (_, b) = serve(0.02), serve(0.08)
    rows = measure_load(a, b, SENTENCES, LoadPlan(clients=(1, 3), pairs=2, max_pairs=2))
    assert [row.clients for row in rows] == [1, 3]
    assert all(row.ratio > 1.5 and row.baseline > row.candidate > 0 for row in rows)
    assert all(row.candidate_p95 > 80 for row in rows)
    assert rows[1].candidate > 1.5 * rows[0].candidate
    assert {tuple(body["text"]) for body, _ in fast.seen} == {(s,) for s in SENTENCES}
    assert {key for _, key in fast.seen} == {"Bearer secret"}


@needs_wrk
def test_refused_requests_are_no_throughput(serve):
    (_, a), (_, b) = serve(0.02), serve(0.02, refuse_every=2)
    (row,) = measure_load(a, b, SENTENCES, LoadPlan(clients=(2,), pairs=2, max_pairs=2))
    assert row.candidate_failed > 0
    assert row.baseline_failed == 0
    assert row.ratio > 1.5


@needs_wrk
def test_a_server_that_refuses_everything_or_is_away_is_not_measured(serve):
    (_, a), (_, b) = serve(0.001), serve(0.001, refuse_every=1)
    plan = LoadPlan(clients=(1,))
    with pytest.raises(UnavailableError, match="nothing was answered"):
        measure_load(b, a, SENTENCES, plan)
    with pytest.raises(UnavailableError, match=r"wrk ended with \d"):
        measure_load(UrlSubject("http://127.0.0.1:9"), a, SENTENCES, plan)


def test_without_the_tool_the_gate_says_so_before_it_measures(serve, tmp_path, monkeypatch, capsys):
    server, subject = serve(0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineUnavailableError, match="apt-get install wrk"):
        measure_load(subject, subject, SENTENCES)
    arguments = ["bench", "gate", subject.url, "--baseline", subject.url, "--quiet"]
    assert main([*arguments, "--suite", "smoke", "--no-cache"]) == 2
    assert "wrk, which is not installed" in capsys.readouterr().out
    assert len(server.seen) == 1


def play(rates, plan):
    """A level on scripted slices: rates[which] are answered in turn."""
    left = [list(rates[0]), list(rates[1])]
    commands = [lambda _clients, _seconds: ["0"], lambda _clients, _seconds: ["1"]]

    def run(command):
        rate = left[int(command[0])].pop(0)
        return Slice(rate, 0, 10.0, rate)

    return _level(4, 1, commands, plan, run), left


def test_slices_end_as_soon_as_the_interval_excludes_the_limit():
    plan = LoadPlan(pairs=3, max_pairs=8, limit=1.25)
    row, left = play(([100, 101, 99, 100, 100], [100, 100, 100, 100, 100]), plan)
    assert [len(rest) for rest in left] == [2, 2]
    assert row.interval.high < 1.25
    noisy = [60, 140, 80, 120, 60, 140, 80, 120]
    row, left = play((noisy, noisy[::-1]), plan)
    assert left == [[], []]
    assert row.interval.low < 1.25 < row.interval.high


@pytest.mark.parametrize(
    ("a_second", "seconds"), [((50, 50), 1), ((3, 50), 4), ((50, 3), 4), ((0.1, 50), 16)]
)
def test_a_slow_machine_gets_longer_slices(a_second, seconds):
    commands = [lambda _c, s: ["0", str(s)], lambda _c, s: ["1", str(s)]]

    def run(command):
        answered = int(a_second[int(command[0])] * int(command[1]))
        return Slice(0.0, 0, 0.0, answered)

    assert _slice_seconds(commands, LoadPlan(), run) == seconds


def test_a_server_that_answers_nothing_in_the_longest_slice_is_not_measured():
    with pytest.raises(UnavailableError, match="nothing was answered in 1 s"):
        play(([0], [0]), LoadPlan())


def test_the_interval_of_ratios_is_students():
    """Logs 0, 0.1, 0.2: mean 0.1, standard error 0.0577, t = 4.30 for two degrees."""
    found = ratio_interval([1.0, 1.105171, 1.221403])
    assert (found.low, found.high) == pytest.approx((0.8622, 1.4166), abs=2e-3)
