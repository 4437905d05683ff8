"""The service's bench against a stub of a checkout: what it starts, asks, counts and ends."""

from __future__ import annotations

import asyncio
import sys

import pytest

from benchmarks import service
from benchmarks.service_process import birth
from tests.ports import free_port

STUB = """
import json, subprocess, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(json.dumps({"runners": {"ready": 2}}).encode())

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        events = b"event: segment\\ndata: {}\\n\\nevent: done\\ndata: {}\\n\\n"
        self.answer(events if self.path.endswith("stream") else b'{"translation": "x"}')

    def log_message(self, *words):
        pass

runner = [sys.executable, "-c", "import time; time.sleep(600)", "serving.runner"]
children = [subprocess.Popen(runner) for _ in range(2)]
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[-1])), Handler).serve_forever()
"""


@pytest.fixture
def checkout(tmp_path):
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    (tmp_path / "stub.py").write_text(STUB)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path}/stub.py "$@"\n')
    python.chmod(0o755)
    return tmp_path


def test_it_asks_a_checkouts_service_and_ends_all_of_it(checkout, capsys):
    with service.Service("this", checkout, free_port(), checkout) as running:
        assert [p.is_running() for p in running.runners] == [True, True]
        assert running.gateway.pid == running.runners[1].parent().pid
        found = asyncio.run(service.latencies(running, service.SHORT, 4, 32))
        assert len(found) == 32
        assert 0 < asyncio.run(service.until_first_segment(running, "一。二。")) < 10
        assert all(seconds >= 0 for seconds in running.processor_seconds())
        service.streaming([running], 1)
    assert "| this: " in capsys.readouterr().out
    assert not any(birth(p.pid) for p in running.runners)
