"""Probes, version, metrics, documents, headers, and the page's files."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys

import pytest

from csanmt.errors import CheckpointError
from csanmt.translator import Hypothesis, Translation
from serving import metric_names as names
from serving.logs import Lines, json_line
from serving.runners.translators import TranslatorFacts
from tests.stub_translator import StubTranslator

MODEL = "csanmt-zh-en:v9.8.7"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/version", "/metrics"])
def test_operational_paths_answer_and_carry_the_model(served, path):
    response = served.client.get(path)
    assert response.status_code == 200
    assert response.headers["X-Model-Version"] == MODEL
    assert served.client.head(path).status_code == 200


def test_not_ready_before_a_runner_translated(serve):
    class NeverStarts:
        facts = None
        pid = 0

        async def start(self) -> TranslatorFacts:
            raise CheckpointError("engine.bin is damaged")

        async def stop(self) -> None: ...

    served = serve(make_runner=NeverStarts)
    assert served.client.get("/livez").status_code == 200
    for path in ("/readyz", "/healthz"):
        response = served.client.get(path)
        assert response.status_code == 503
        assert "Retry-After" in response.headers
    response = served.client.post("/translate", json={"text": "你好"})
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "unavailable"


def test_version_says_what_is_running(served):
    body = served.client.get("/version").json()
    assert body["model"] == {"tag": MODEL, "digest": "sha256:ab"}
    assert body["bento"] == "csanmt:v1"
    assert body["git_commit"] == "c0ffee"
    assert body["engine"]["name"] == "stub"
    assert body["decoding"] == {"beam": 4, "length_penalty": 0.6, "max_length": 100}
    assert body["limits"]["characters"] == 50_000
    assert body["limits"]["document_characters"] == 500_000


def test_documents_describe_every_route_and_load_nothing_from_elsewhere(served):
    document = served.client.get("/openapi.json").json()
    assert {"/translate", "/translate/stream", "/version", "/metrics"} <= set(document["paths"])
    assert document["components"]["schemas"]["TranslateRequest"]["required"] == ["text"]
    page = served.client.get("/docs").text
    assert "/translate/stream" in page
    assert "<script" not in page
    assert "src=" not in page
    assert "https://" not in page


def test_security_headers_are_on_every_answer(served):
    for path in ("/docs", "/livez", "/nothing"):
        headers = served.client.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_page_files_are_served_and_nothing_else_of_the_disk(serve, tmp_path):
    (tmp_path / "page" / "assets").mkdir(parents=True)
    (tmp_path / "page" / "index.html").write_text("<title>page</title>")
    (tmp_path / "page" / "assets" / "main.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "page" / "link.txt").symlink_to(tmp_path / "secret.txt")
    served = serve(page=tmp_path / "page")
    assert "<title>page" in served.client.get("/").text
    script = served.client.get("/assets/main.js")
    assert script.headers["content-type"].startswith("text/javascript")
    for path in ("/link.txt", "/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt"):
        response = served.client.get(path)
        assert response.status_code == 404
        assert "secret" not in response.text


class Sick(StubTranslator):
    """Answers that show one sign of illness each."""

    def _one(self, source, options):
        text, cut = {
            "空。": ("", False),
            "照抄。": ("照抄。", False),
            "截。": ("cut", True),
        }.get(source, ("fine", False))
        return Translation(source, (Hypothesis(text, 0.0, 3, cut),), 2)


def test_metrics_count_requests_text_and_health_by_model(serve):
    served = serve(translator=Sick())
    served.translate("空。照抄。\n截。好。")
    served.client.post("/translate", content=b"{", headers={"content-type": "application/json"})
    served.client.get("/a/path/nobody/has")
    metric = served.metric
    assert metric(names.REQUESTS.name, endpoint="/translate", status="200") == 1
    assert metric(names.REQUESTS.name, endpoint="/translate", status="400") == 1
    assert metric(names.REQUESTS.name, endpoint="other", status="404") == 1
    assert metric(names.ERRORS.name, code="bad_request") == 1
    assert metric(names.SEGMENTS.name) == 4
    assert metric(names.CHARACTERS.name, direction="source") == 10
    assert metric(names.TOKENS.name, direction="source") == 8
    assert metric(names.TOKENS.name, direction="target") == 12
    assert metric(names.BATCH_SENTENCES.name + "_count") == 1
    assert metric(names.BATCH_SENTENCES.name + "_sum") == 4
    assert metric(names.QUEUE_SECONDS.name + "_count") == 1
    assert metric(names.RUNNER_STARTS.name) == 1
    health = {s: metric(names.HEALTH.name, signal=s) for s in names.SIGNALS}
    assert {name: count for name, count in health.items() if count} == {
        "empty": 1,
        "echoed": 1,
        "residual_han": 1,
        "truncated": 1,
    }


def test_every_metric_of_the_table_is_published_with_its_model(served):
    served.translate("你好。")
    text = served.client.get("/metrics").text
    for spec in names.ALL:
        assert f"# TYPE {spec.name} {spec.kind}" in text
    samples = [
        line for line in text.splitlines() if line.startswith("csanmt_") and "_created" not in line
    ]
    assert samples
    assert all(f'model="{MODEL}"' in line for line in samples)


def test_promtool_accepts_the_metrics(served):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed (Debian package prometheus)")
    served.translate("你好。")
    text = served.client.get("/metrics").text
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_logs_name_request_and_model_but_never_the_text(serve, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("csanmt"), "propagate", True)
    with caplog.at_level(logging.DEBUG):
        client = serve().client
        headers = {"X-Request-ID": "find-me"}
        client.post("/translate?q=秘密", json={"text": "秘密。"}, headers=headers)
        client.post("/translate", json={"text": "秘密。", "秘密": 1})
        client.get("/秘密")
    ours = [record for record in caplog.records if record.name.startswith("csanmt")]
    lines = [Lines(sys.stderr, json_line(MODEL)).format(record) for record in ours]
    assert "秘密" not in "".join(lines)
    (line,) = [json.loads(line) for line in lines if "find-me" in line]
    assert line["event"] == "request"
    assert line["status"] == 200
    assert line["model"] == MODEL
    assert line["ms"] >= 0
