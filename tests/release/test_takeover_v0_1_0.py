"""The commands of the real v0.1.0 put a site into service; today's take it over and go back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from csanmt.source_tree import SOURCE_TREE
from release.running.launchers import Place, ProcessLauncher
from tests.ports import free_addresses
from tests.release.load import Load
from tests.release.nginx_site import WORKERS
from tests.release.test_nginx import nginx_missing, wait_for

V0_1_0 = "9f447d6"
STUB = Path(__file__).with_name("stub_bentoml")
FIRST, SECOND, THIRD = "v0.1.0-aaaaaaa", "v0.1.1-bbbbbbb", "v0.2.0-ccccccc"


def absent() -> bool:
    """As in a shallow clone."""
    words = ["git", "-C", str(SOURCE_TREE), "cat-file", "-e", f"{V0_1_0}^{{commit}}"]
    return subprocess.run(words, capture_output=True, check=False).returncode != 0


pytestmark = [
    pytest.mark.skipif(nginx_missing, reason="nginx is not installed"),
    pytest.mark.skipif(absent(), reason="the commit of v0.1.0 is not in this clone"),
]


@dataclass
class Town:
    """A site, and the command lines of two versions."""

    site: Path
    old: Path
    address: str
    environment: dict[str, str]

    def csanmt(self, tree: Path, *words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "csanmt", "release", *words, "--json"],
            cwd=tree,
            env={**self.environment, "PYTHONPATH": f"{tree}:{STUB}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    def before(self, *words: str) -> Any:
        return self.csanmt(self.old, *words)

    def now(self, *words: str) -> Any:
        return self.csanmt(SOURCE_TREE, *words)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    old, site, store = tmp_path / "v0.1.0", tmp_path / "site", tmp_path / "store"
    old.mkdir()
    site.mkdir()
    parts = ("csanmt", "cli", "release", "model_store", "benchmarks", "serving", "deploy",
             "service.py", "pyproject.toml", "release.toml")  # fmt: skip
    archive = subprocess.run(
        ["git", "-C", str(SOURCE_TREE), "archive", V0_1_0, *parts], capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", str(old)], input=archive.stdout, check=True)
    listen, blue, green = free_addresses(3)
    for release in (FIRST, SECOND, THIRD):
        (store / "bentos" / "csanmt" / release).mkdir(parents=True)
    (site / "rollout.toml").write_text(
        f'[nginx]\nlisten = "{listen}"\nblue = "{blue}"\ngreen = "{green}"\nuser = "{WORKERS}"\n'
        "rate_per_second = 100000\nburst = 10000\n"
    )
    environment = {
        **os.environ,
        "BENTOML_HOME": str(store),
        "CSANMT_LEDGER": str(tmp_path / "ledger.sqlite3"),
        "CSANMT_SITE": str(site),
    }
    yield Town(site, old, listen, environment)
    launcher = ProcessLauncher(site / "colours", store)
    for colour, address in (("blue", blue), ("green", green)):
        launcher.stop(Place(colour, address), deadline_seconds=2)
    subprocess.run(["pkill", "-QUIT", "-F", str(site / "nginx" / "nginx.pid")], check=False)


def put(command: Any, release: str) -> None:
    command("deploy", release, "--force", "test", "--skip-api-tests")
    command("promote", release)


@pytest.mark.timeout(240)
def test_todays_release_takes_over_what_it_runs_and_goes_back(town: Town) -> None:
    """Its nginx is reloaded once, which closes idle connections: one of them may be in use then."""
    put(town.before, FIRST)
    put(town.before, SECOND)
    with Load(town.address, clients=8, per_second=40) as load:
        wait_for(lambda: len(load.answers) > 20)
        put(town.now, THIRD)
        moment = time.monotonic()
        wait_for(lambda: load.versions(since=moment)[f"m:{THIRD}"] > 8)
        assert town.now("rollback")["release"] == SECOND
        moment = time.monotonic()
        wait_for(lambda: load.versions(since=moment)[f"m:{SECOND}"] > 8)
    assert set(load.versions(since=moment)) == {f"m:{SECOND}"}
    assert len(load.lost()) <= 1
    assert load.mislabelled() == []
    state = town.now("status")
    assert (state["active"], state["served"][:3]) == (SECOND, [SECOND, THIRD, FIRST])
    assert [entry["version"] for entry in town.before("history", "--kind", "rollback")] == [SECOND]

    town.before("promote", THIRD)  # its own commands go on, and today's after them
    shares = {side["release"]: side["share"] for side in town.now("status")["traffic"]["sides"]}
    assert shares == {THIRD: 100, SECOND: 0}
    put(town.now, FIRST)
    with Load(town.address, clients=2) as load:
        wait_for(lambda: len(load.answers) > 20)
    assert set(load.versions()) == {f"m:{FIRST}"}
    assert town.now("rollback")["release"] == THIRD
