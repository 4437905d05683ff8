"""A real Prometheus scrapes two real services and nginx, by our configuration and our rules.

The files are the committed ones but for addresses and times: minutes become seconds.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from csanmt.source_tree import SOURCE_TREE
from release.rollout.promotion import PromotionPlan, promote, watch
from release.rollout.settings import NginxSettings
from release.rollout.site import Alert
from release.rollout.status import look
from release.rollout.traffic import SHARE_METRIC, Traffic
from tests.e2e.ill_colours import FIRST, MODELS, SECOND, Place, nginx_missing, wait_for
from tests.prometheus import Prometheus, running_prometheus
from tests.release.load import Load

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(nginx_missing, reason="nginx is not installed"),
    pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed"),
]
DEPLOY = SOURCE_TREE / "deploy"
QUICK = {
    "[2m]": "[10s]",
    "[30s]": "[10s]",
    "for: 2m": "for: 1s",
    "for: 1m": "for: 1s",
    "for: 30s": "for: 1s",
    "interval: 10s": "interval: 1s",
    "scrape_interval: 5s": "scrape_interval: 1s",
}


def quick(text: str) -> str:
    for slow, fast in QUICK.items():
        text = text.replace(slow, fast)
    return text


@contextmanager
def prometheus(place: Place, folder: Path) -> Iterator[Prometheus]:
    folder.mkdir()
    ours, here = NginxSettings(), place.router.settings
    for name in ("prometheus.yml", "alerts.yml"):
        text = quick((DEPLOY / "prometheus" / name).read_text())
        for part in ("listen", "blue", "green"):
            text = text.replace(getattr(ours, part), getattr(here, part))
        (folder / name).write_text(text)
    with running_prometheus(folder) as found:
        wait_for(lambda: found.get("targets") is not None)
        yield found


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A webhook's URL and what it was sent."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hook", got
    server.shutdown()
    server.server_close()


def expressions() -> dict[str, str]:
    """Every query of the dashboard, by name."""
    board = json.loads((DEPLOY / "grafana" / "csanmt.json").read_text())
    found = {panel["title"]: panel["targets"][0]["expr"] for panel in board["panels"]}
    found["annotation"] = board["annotations"]["list"][0]["expr"]
    return found


def unanswered(server: Prometheus, queries: dict[str, str], seconds: float = 60) -> dict[str, str]:
    """Those of ``queries`` that gave no number within ``seconds``."""
    end, left = time.monotonic() + seconds, dict(queries)
    while left and time.monotonic() < end:
        for name, expression in queries.items():
            values = [row["value"][1] for row in server.query(quick(expression))]
            if values and "NaN" not in values:
                left.pop(name, None)
        time.sleep(0.2)
    return left


def test_prometheus_sees_what_the_colours_say_and_a_sick_version_goes_back(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = place.site
    with prometheus(place, tmp_path / "prometheus") as server, receiver() as (hook, got):
        with Load(place.address, clients=4, timeout=60) as load:
            wait_for(lambda: len(server.query(SHARE_METRIC)) == 2)
            # Both colours have enough answers in the window only while both have traffic.
            site.router.switch(Traffic.of("green", 50))
            assert unanswered(server, expressions()) == {}
        rules = [rule for group in server.get("rules")["groups"] for rule in group["rules"]]
        assert {rule["health"] for rule in rules} == {"ok"}, rules
        assert server.firing() == set()

        site.alert = Alert(hook)
        with Load(place.address, clients=4, timeout=60) as load:
            promote(site, SECOND, PromotionPlan())
            place.fall_ill(SECOND, "echo")
            wait_for(lambda: "CsanmtHealthEchoed" in server.firing())
            seen = watch(site, seconds=60, poll=2.0)
            moment = time.monotonic()
            wait_for(lambda: load.versions(since=moment)[MODELS[FIRST]] > 5)
        assert "echoed" in "; ".join(breach.message for breach in seen.breaches)
        assert (look(site).sides["blue"].share, load.lost()) == (100, [])
        assert len(got) == 1
        assert re.match(f"rolled back to {FIRST}: {SECOND} on green: .*echoed", got[0]["text"])
        assert (got[0]["release"], got[0]["to"]) == (SECOND, FIRST)
        assert any(
            json.loads(r.message)["event"] == "alert"
            for r in caplog.records
            if r.name == "csanmt.release"
        )
