"""Blue-green on a real nginx with real services, under load: nothing lost, illness undone."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from csanmt.errors import CsanmtError
from release.alerts import StubAlert
from release.colours import Colours
from release.deployment import deploy
from release.drill import drill
from release.launchers import ProcessLauncher
from release.ledger import Kind, Ledger
from release.load import Load
from release.metrics_source import ServiceMetrics
from release.nginx import NginxRouter, NginxSettings
from release.processes import birth
from release.promotion import Plan, promote, watch
from release.rollback import rollback
from release.site import Site
from release.standing import standing
from release.thresholds import Thresholds
from release.traffic import COLOURS, Colour

ROOT = Path(__file__).resolve().parents[2]
nginx_missing = not (shutil.which("nginx") or Path("/usr/sbin/nginx").exists())
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(nginx_missing, reason="nginx is not installed"),
]
FIRST, SECOND = "v1.0.0-aaaaaaa", "v1.1.0-bbbbbbb"
MODELS = {FIRST: "csanmt-zh-en:v1.0.0", SECOND: "csanmt-zh-en:v1.1.0"}


@dataclass(frozen=True)
class SickLauncher:
    """Starts ``sick_service.py``; otherwise the real process launcher."""

    directory: Path
    real: ProcessLauncher
    kind: str = "process"

    def illness(self, release: str) -> Path:
        return self.directory / f"{release}.illness"

    def require(self, bento: str) -> None:
        assert bento.partition(":")[2] in MODELS

    def start(self, bento: str, colour: Colour, address: str) -> str:
        release = bento.partition(":")[2]
        self.illness(release).write_text("well")
        script = Path(__file__).with_name("sick_service.py")
        port = address.rpartition(":")[2]
        with (self.directory / f"{colour}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, script, port, MODELS[release], self.illness(release)],
                cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        return f"{process.pid}:{birth(process.pid)}"

    def alive(self, handle: str) -> bool:
        return self.real.alive(handle)

    def stop(self, handle: str, deadline_seconds: float = 60.0) -> None:
        self.real.stop(handle, min(deadline_seconds, 3.0))


@dataclass
class Place:
    site: Site
    router: NginxRouter
    launcher: SickLauncher

    @property
    def address(self) -> str:
        return self.router.settings.listen

    def fall_ill(self, release: str, illness: str) -> None:
        self.launcher.illness(release).write_text(illness)

    def pid(self, release: str) -> int:
        return int(self.site.colours.running(release).handle.partition(":")[0])


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """FIRST in service on blue, SECOND ready on green."""
    listen, blue, green = (f"127.0.0.1:{port}" for port in free_ports(3))
    settings = NginxSettings(
        listen, blue, green, rate_per_second=100_000, burst=10_000, read_timeout_seconds=3
    )
    router = NginxRouter(tmp_path / "nginx", settings)
    launcher = SickLauncher(tmp_path, ProcessLauncher(tmp_path, tmp_path / "store"))
    addresses: dict[Colour, str] = {"blue": blue, "green": green}
    site = Site(
        home=tmp_path,
        router=router,
        colours=Colours(tmp_path / "colours"),
        launcher=launcher,
        ledger=Ledger(tmp_path / "ledger.sqlite3"),
        metrics=ServiceMetrics({c: f"http://{addresses[c]}" for c in COLOURS}),
        thresholds=Thresholds(
            min_requests=10, min_segments=10, max_p95_ratio=2.0, health_increase={"echoed": 0.05}
        ),
        addresses=addresses,
        who="test",
        alert=StubAlert(),
        ready_seconds=90,
    )
    try:
        deploy(site, FIRST, f"csanmt:{FIRST}", force="test")
        promote(site, FIRST, Plan())
        deploy(site, SECOND, f"csanmt:{SECOND}", force="test")
        yield Place(site, router, launcher)
    finally:
        for colour in COLOURS:
            if found := site.colours.get(colour):
                pid = int(found.handle.partition(":")[0])
                if launcher.alive(found.handle):
                    os.kill(pid, signal.SIGCONT)
                launcher.stop(found.handle)
        router.stop()


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come about in time"
        time.sleep(0.05)


def test_a_drill_under_sixteen_clients_loses_nothing(place: Place) -> None:
    result = drill(place.site, place.address, clients=16, seconds=2.0)
    assert result.requests > 50
    assert (result.lost, result.mislabelled) == (0, 0)
    assert place.site.ledger.last(Kind.DRILL) is not None
    assert place.router.state().blue == 100


def test_every_answer_names_the_version_that_made_it(place: Place) -> None:
    with Load(place.address, clients=4) as load:
        wait_for(lambda: len(load.answers) > 10)
        promote(place.site, SECOND, Plan())
        moment = time.monotonic()
        wait_for(lambda: load.versions(since=moment)[MODELS[SECOND]] > 10)
    assert load.lost() == []
    assert load.mislabelled() == []
    assert set(load.versions(since=moment)) == {MODELS[SECOND]}


@pytest.mark.parametrize(
    ("illness", "words"),
    [
        ("crash", "does not answer"),
        ("hang", ""),  # seen as slow, as errors, or as silence, whichever shows first
        ("errors", "answers are errors"),
        ("slow", "times the other colour"),
        ("echo", "echoed"),
    ],
)
def test_a_version_that_falls_ill_in_service_is_rolled_back(
    place: Place, illness: str, words: str
) -> None:
    with Load(place.address, clients=4, timeout=60) as load:
        wait_for(lambda: len(load.answers) > 40)  # the baseline
        promote(place.site, SECOND, Plan())
        place.fall_ill(SECOND, illness)
        if illness == "hang":
            wait_for(lambda: place.router.state().green == 100)
            os.kill(place.pid(SECOND), signal.SIGSTOP)
        seen = watch(place.site, seconds=60, poll=2.0)
        moment = time.monotonic()
        wait_for(lambda: load.versions(since=moment)[MODELS[FIRST]] > 5)
    assert seen.breaches
    assert words in "; ".join(breach.message for breach in seen.breaches)
    assert place.router.state().blue == 100
    entry = place.site.ledger.last(Kind.ROLLBACK)
    assert entry is not None
    assert entry.version == FIRST
    assert isinstance(place.site.alert, StubAlert)
    assert FIRST in place.site.alert.sent[0][0]
    if illness in ("crash", "errors"):  # nginx asked the other colour for these
        assert load.lost() == []


def test_a_promotion_really_killed_by_signal_nine_can_be_rolled_back(place: Place) -> None:
    (place.site.home / "rollout.toml").write_text(
        "[nginx]\n"
        + "".join(
            f'{key} = "{getattr(place.router.settings, key)}"\n'
            for key in ("listen", "blue", "green")
        )
    )
    command = [
        sys.executable, "-c",
        "import argparse; from cli import rollout; p = argparse.ArgumentParser();"
        "rollout.register(p.add_subparsers()); a = p.parse_args(); a.run(a)",
        "promote", SECOND, "--canary", "50,100", "--interval", "10m",
        "--site", str(place.site.home),
    ]  # fmt: skip
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CSANMT_LEDGER": str(place.site.ledger.path),
        "BENTOML_HOME": str(place.site.home / "store"),
    }
    process = subprocess.Popen(command, env=environment, cwd=place.site.home)
    try:
        wait_for(lambda: place.router.state().green == 50)
        with pytest.raises(CsanmtError, match="is under way"):
            promote(place.site, SECOND, Plan())
    finally:
        process.kill()
        process.wait()
    assert any("unfinished" in remark for remark in standing(place.site, 0.01).remarks)
    back = rollback(place.site, why="the command was killed")
    assert back.release == FIRST
    assert place.router.state().blue == 100
