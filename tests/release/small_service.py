"""As much of the service as the release path asks, in one small process.

python small_service.py PORT MODEL_TAG
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

METRICS = """\
csanmt_requests_total{{model="{model}",endpoint="/translate",status="200"}} {count}
csanmt_segments_total{{model="{model}"}} {count}
"""


class Handler(BaseHTTPRequestHandler):
    model = sys.argv[2]
    count = 0

    def do_GET(self) -> None:
        texts = {
            "/readyz": "ready",
            "/version": json.dumps({"model": self.model}),
            "/metrics": METRICS.format(model=self.model, count=Handler.count),
        }
        self._answer(texts.get(self.path, ""), 200 if self.path in texts else 404)

    def do_POST(self) -> None:
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        Handler.count += 1
        words = ["an answer" for _ in text] if isinstance(text, list) else "an answer"
        self._answer(json.dumps({"translation": words, "model": self.model}))

    def _answer(self, text: str, status: int = 200) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Model-Version", self.model)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
