"""A site that v0.1.0 runs, nginx and records of its own making, taken over and led on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from release.ledger.ledger import Kind, Ledger
from release.rollout.deployment import deploy
from release.rollout.nginx import NginxRouter
from release.rollout.promotion import PromotionPlan, promote
from release.rollout.rollback import rollback
from release.rollout.site import Site, apply_settings, open_site
from release.rollout.status import look, standing
from release.rollout.traffic import COLOURS
from release.running.launchers import ProcessLauncher
from tests.ports import free_addresses
from tests.release.load import Load
from tests.release.nginx_site import WORKERS
from tests.release.test_nginx import nginx_missing, wait_for

pytestmark = pytest.mark.skipif(nginx_missing, reason="nginx is not installed")

DATA = Path(__file__).with_name("data")
STUB = Path(__file__).with_name("stub_bentoml")
FIRST, SECOND, THIRD = "v0.1.0-aaaaaaa", "v0.1.1-bbbbbbb", "v0.2.0-ccccccc"


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[partial[Site]]:
    """SECOND in service on green, FIRST beside it on blue, as v0.1.0 left them running."""
    monkeypatch.setenv("PYTHONPATH", str(STUB))
    home, store, ledger = tmp_path / "site", tmp_path / "store", tmp_path / "ledger.sqlite3"
    listen, blue, green = free_addresses(3)
    (home / "nginx" / "tmp").mkdir(parents=True)
    for release in (FIRST, SECOND, THIRD):
        (store / "bentos" / "csanmt" / release).mkdir(parents=True)
    (home / "rollout.toml").write_text(
        f'[nginx]\nlisten = "{listen}"\nblue = "{blue}"\ngreen = "{green}"\nuser = "{WORKERS}"\n'
        "drain_seconds = 60\nrate_per_second = 100000\nburst = 10000\n"
    )
    words = {"@RUN@": str(home / "nginx"), "@LISTEN@": listen, "@BLUE@": blue, "@GREEN@": green}
    for name in ("nginx", "traffic"):
        text = (DATA / f"{name}-v0.1.0.conf").read_text()
        for word, value in words.items():
            text = text.replace(word, value)
        text = text.replace("user @USER@;", f"user {WORKERS};" if WORKERS else "")
        (home / "nginx" / f"{name}.conf").write_text(text)
    launcher = ProcessLauncher(home / "colours", store)
    opened = partial(open_site, home, store, ledger, "test", applied=True)
    site = opened()
    record = Ledger(ledger)
    for colour, release in (("blue", FIRST), ("green", SECOND)):
        address = green if colour == "green" else blue
        handle = launcher.start(f"csanmt:{release}", site.place(colour))  # type: ignore[arg-type]
        (home / "colours" / f"{colour}.json").write_text(json.dumps({
            "colour": colour, "release": release, "bento": f"csanmt:{release}", "kind": "process",
            "handle": handle, "address": address, "started_at": "then", "model": f"m:{release}",
            "digest": "", "ending": False,
        }))  # fmt: skip
        detail = {"colour": colour, "weight": 100, "generation": 12 if colour == "green" else 11}
        record.append(Kind.SWITCH, release, who="ada", why="promotion", detail=detail)
    wait_for(lambda: all(site.services[colour].ready() for colour in COLOURS))
    router = site.router
    assert isinstance(router, NginxRouter)
    router.program.start(router.main, listen)
    wait_for(lambda: router.live() is not None)
    yield opened
    for colour in COLOURS:
        launcher.stop(site.place(colour), deadline_seconds=2)
    router.stop()


def test_what_it_runs_is_seen_as_it_is(opened: partial[Site]) -> None:
    now = look(opened())
    assert [(side.release, side.share, side.state) for side in now.sides.values()] == [
        (FIRST, 0, "ready"),
        (SECOND, 100, "ready"),
    ]
    assert standing(opened(), window=0).remarks == ()


@pytest.mark.parametrize("first", ["rollback", "promotion", "start"])
def test_it_is_led_on_and_back(opened: partial[Site], first: str) -> None:
    """The one reload of v0.1.0's nginx closes idle connections; one of them may be in use then."""
    router = opened().router
    assert isinstance(router, NginxRouter)
    with Load(router.settings.listen, clients=8, per_second=40) as load:
        wait_for(lambda: len(load.answers) > 20)
        if first == "rollback":
            assert rollback(opened(), why="first of all").release == FIRST
            promote(opened(), SECOND, PromotionPlan())
        elif first == "start":
            router.start()
            assert look(opened()).sides["green"].share == 100
        apply_settings(opened())
        deploy(opened(), THIRD, f"csanmt:{THIRD}", force="test")
        promote(opened(), THIRD, PromotionPlan())
        assert look(opened()).sides["blue"].share == 100
        wait_for(lambda: f"m:{THIRD}" in {answer.version for answer in load.answers})
        assert rollback(opened(), why="back").release == SECOND
        before = len(load.answers)
        wait_for(lambda: f"m:{SECOND}" in {answer.version for answer in load.answers[before:]})
    assert len(load.lost()) <= 1
    assert load.mislabelled() == []
    assert {answer.version for answer in load.answers} >= {f"m:{SECOND}", f"m:{THIRD}"}
    assert opened().ledger.check()


def test_its_rollback_is_one_command_of_the_new_command_line(opened: partial[Site]) -> None:
    site = opened()
    done = subprocess.run(
        [sys.executable, "-m", "csanmt", "release", "rollback", "--site", str(site.home)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "CSANMT_LEDGER": str(site.ledger.path)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"all traffic goes to {FIRST} (blue)")
