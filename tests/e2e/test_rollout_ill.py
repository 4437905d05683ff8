"""Blue-green on a real nginx with real services, under load: nothing lost, illness undone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from csanmt.errors import CsanmtError
from release.ledger.ledger import Kind
from release.rollout.keeper import keep
from release.rollout.promotion import PromotionPlan, promote, watch
from release.rollout.rollback import rollback
from release.rollout.shipment import Shipments
from release.rollout.status import standing
from release.rollout.traffic import Traffic
from tests.e2e.ill_colours import FIRST, MODELS, ROOT, SECOND, Place, nginx_missing, wait_for
from tests.release.doubles import StubAlert
from tests.release.load import Load


def traffic_of(place: Place) -> Traffic:
    found = place.router.live()
    assert found is not None
    return found


pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(nginx_missing, reason="nginx is not installed"),
]


def test_every_answer_names_the_version_that_made_it(place: Place) -> None:
    with Load(place.address, clients=4) as load:
        wait_for(lambda: len(load.answers) > 10)
        promote(place.site, SECOND, PromotionPlan())
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
        ("errors", "are errors"),
        ("slow", "times the other colour|are errors"),  # both on a busy machine
        ("echo", "echoed"),
    ],
)
def test_a_version_that_falls_ill_in_service_is_rolled_back(
    place: Place, illness: str, words: str
) -> None:
    with Load(place.address, clients=4, timeout=60) as load:
        wait_for(lambda: len(load.answers) > 60)  # the baseline
        promote(place.site, SECOND, PromotionPlan())
        place.fall_ill(SECOND, illness)
        if illness == "hang":
            wait_for(lambda: traffic_of(place).green == 100)
            os.kill(place.pid(SECOND), signal.SIGSTOP)
        seen = watch(place.site, seconds=60, poll=2.0)
        moment = time.monotonic()
        wait_for(lambda: load.versions(since=moment)[MODELS[FIRST]] > 5)
    assert seen.breaches
    assert re.search(words, "; ".join(breach.message for breach in seen.breaches))
    assert traffic_of(place).blue == 100
    entry = place.site.ledger.last(Kind.ROLLBACK)
    assert entry is not None
    assert entry.version == FIRST
    assert isinstance(place.site.alert, StubAlert)
    assert FIRST in place.site.alert.sent[0][0]
    if illness in ("crash", "errors"):  # nginx asked the other colour for these
        assert load.lost() == []


def test_a_promotion_outlives_its_terminal_and_a_killed_keeper_is_noticed(place: Place) -> None:
    front = place.router.settings
    keys = ("listen", "blue", "green", "user", "rate_per_second", "burst", "read_timeout_seconds")
    (place.site.home / "rollout.toml").write_text(
        "[nginx]\n" + "".join(f"{key} = {json.dumps(getattr(front, key))}\n" for key in keys)
    )
    command = [
        sys.executable, "-m", "csanmt", "release", "promote", SECOND, "--canary", "50,100",
        "--interval", "10m", "--site", str(place.site.home),
    ]  # fmt: skip
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CSANMT_LEDGER": str(place.site.ledger.path),
        "BENTOML_HOME": str(place.site.home / "store"),
    }
    process = subprocess.Popen(
        command,
        env=environment,
        cwd=ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # nohup's are inherited
    )
    shipments = Shipments(place.site.home / "keeper")
    try:
        wait_for(lambda: traffic_of(place).green == 50)
        with pytest.raises(CsanmtError, match="is under way"):
            promote(place.site, SECOND, PromotionPlan())
    finally:
        process.send_signal(signal.SIGHUP)
        process.wait()
    assert shipments.keeper_runs()
    os.kill(int((shipments.directory / "keeper.lock").read_text()), signal.SIGKILL)
    wait_for(lambda: not shipments.keeper_runs())
    assert any("unfinished" in remark for remark in standing(place.site, 0.01).remarks)
    assert rollback(place.site, why="the keeper was killed").release == FIRST
    keep(lambda: place.site, shipments, once=True)  # another one leaves it there
    assert shipments.progress().phase == "back"
    assert traffic_of(place).blue == 100
