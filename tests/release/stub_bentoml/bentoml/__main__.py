"""``python -m bentoml serve TAG --host H --port P``: as much of a bento as the release path meets.

Like the real one, a main process with a worker in a session of its own, which goes on serving
when the main process is killed. The model is named after the bento.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BENTO = sys.argv[2]
MODEL = f"m:{BENTO.partition(':')[2]}"
HOST, PORT = sys.argv[sys.argv.index("--host") + 1], int(sys.argv[sys.argv.index("--port") + 1])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    count = 0

    def do_GET(self) -> None:
        metrics = (
            f'csanmt_requests_total{{model="{MODEL}",endpoint="/translate",status="200"}} '
            f'{Handler.count}\ncsanmt_segments_total{{model="{MODEL}"}} {Handler.count}\n'
        )
        texts = {
            "/readyz": "ready",
            "/version": json.dumps({"model": {"tag": MODEL}, "bento": BENTO}),
            "/metrics": metrics,
        }
        self._answer(texts.get(self.path, ""), 200 if self.path in texts else 404)

    def do_POST(self) -> None:
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        Handler.count += not self.headers.get("X-CSANMT-Probe")
        words = ["an answer" for _ in text] if isinstance(text, list) else "an answer"
        self._answer(json.dumps({"translation": words, "model": MODEL}))

    def _answer(self, text: str, status: int = 200) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Model-Version", MODEL)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class Server(ThreadingHTTPServer):
    """Finishes what it began before it ends."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 256
    allow_reuse_address = True


def work(listening: socket.socket) -> None:
    os.setsid()
    server = Server((HOST, PORT), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(0.02)
    os._exit(0)


def main() -> None:
    listening = socket.create_server((HOST, PORT), backlog=256)
    worker = os.fork()
    if not worker:
        work(listening)
    listening.close()
    signal.signal(signal.SIGTERM, lambda *_: os.kill(worker, signal.SIGTERM))
    while True:
        try:
            _, status = os.waitpid(worker, 0)
            sys.exit(os.waitstatus_to_exitcode(status))
        except InterruptedError:
            time.sleep(0.01)


if __name__ == "__main__":
    main()
