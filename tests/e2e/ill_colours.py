"""A site of two real services whose translators fall ill on command, behind a real nginx."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import service_process
from release.rollout.deployment import deploy
from release.rollout.nginx import NginxRouter
from release.rollout.promotion import PromotionPlan, promote
from release.rollout.site import Site
from release.rollout.status import look
from release.rollout.thresholds import Thresholds
from release.rollout.traffic import COLOURS
from release.running import launchers as running
from release.running.launchers import ProcessLauncher
from tests.ports import free_addresses
from tests.release.doubles import StubAlert
from tests.release.nginx_site import nginx_site

ROOT = Path(__file__).resolve().parents[2]
nginx_missing = not (shutil.which("nginx") or Path("/usr/sbin/nginx").exists())
FIRST, SECOND = "v1.0.0-aaaaaaa", "v1.1.0-bbbbbbb"
MODELS = {FIRST: "csanmt-zh-en:v1.0.0", SECOND: "csanmt-zh-en:v1.1.0"}


class SickLauncher(ProcessLauncher):
    """Starts ``sick_service.py`` in the place of a bento."""

    def illness(self, release: str) -> Path:
        return self.directory / f"{release}.illness"

    def require(self, bento: str) -> None:
        assert bento.partition(":")[2] in MODELS

    def start(self, bento: str, place: running.Place) -> str:
        release = bento.partition(":")[2]
        self.illness(release).write_text("well")
        script = Path(__file__).with_name("sick_service.py")
        port = place.address.rpartition(":")[2]
        return service_process.start(
            [sys.executable, script, port, MODELS[release], self.illness(release), bento],
            self._make_home(place),
            self._log(place),
            environment={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
        )

    def stop(self, place: running.Place, deadline_seconds: float = 3.0) -> int | None:
        return super().stop(place, min(deadline_seconds, 3.0))


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
        side = look(self.site).of(release)
        assert side is not None
        assert side.record is not None
        return int(side.record.handle.partition(":")[0])


@contextmanager
def two_colours(tmp_path: Path) -> Iterator[Place]:
    """FIRST in service on blue, SECOND ready on green."""
    blue, green = free_addresses(2)
    launcher = SickLauncher(tmp_path, tmp_path / "store")
    site, router = nginx_site(
        tmp_path,
        {"blue": blue, "green": green},
        launcher,
        nginx={"read_timeout_seconds": 3},
        thresholds=Thresholds(
            min_requests=10, min_segments=10, max_p95_ratio=2.0, health_increase={"echoed": 0.05}
        ),
        alert=StubAlert(),
        ready_seconds=90,
    )
    try:
        deploy(site, FIRST, f"csanmt:{FIRST}", force="test")
        promote(site, FIRST, PromotionPlan())
        deploy(site, SECOND, f"csanmt:{SECOND}", force="test")
        yield Place(site, router, launcher)
    finally:
        for colour in COLOURS:
            for pid in service_process.members(tmp_path / f"{colour}-home"):
                os.kill(pid, signal.SIGCONT)
            launcher.stop(site.place(colour))
        router.stop()


def wait_for(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not come about in time"
        time.sleep(0.05)
