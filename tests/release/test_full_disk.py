"""A site whose disk is really full: a small file system of its own, down to the last block."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from csanmt.errors import StorageError
from release.rollout.deployment import deploy
from release.rollout.promotion import PromotionPlan, promote
from release.rollout.rollback import rollback
from release.rollout.shipment import Shipment, Shipments
from release.rollout.site import Site, apply_settings
from release.rollout.status import look, standing
from tests.release.conftest import RELEASES, STUB, stub_town
from tests.release.load import Load
from tests.release.test_nginx import nginx_missing, wait_for

pytestmark = [
    pytest.mark.skipif(nginx_missing, reason="nginx is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a file system"),
]
FIRST, SECOND, THIRD = RELEASES


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[partial[Site]]:
    """Nothing can be written any more."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3M", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    monkeypatch.setenv("PYTHONPATH", str(STUB))
    try:
        with stub_town(small, tmp_path / "store") as opened:
            room = os.open(small / "fill", os.O_CREAT | os.O_WRONLY)
            with suppress(OSError):
                while os.write(room, bytes(4096)):
                    pass
            os.close(room)
            yield opened
            (small / "fill").unlink()
    finally:
        subprocess.run(["umount", "--lazy", str(small)], check=True)


@pytest.mark.timeout(120)
def test_traffic_moves_and_nginx_is_replaced_without_room(full: partial[Site]) -> None:
    router = full().router
    with Load(router.settings.listen, clients=8, per_second=40) as load:
        wait_for(lambda: len(load.answers) > 8)
        assert rollback(full(), why="v2 echoes").release == FIRST
        apply_settings(full())
        promote(full(), SECOND, PromotionPlan())
        master = router.program.master()
        assert master is not None
        os.kill(master, signal.SIGKILL)
        wait_for(router.program.orphaned)
        assert rollback(full(), FIRST, why="v2 echoes").release == FIRST
        assert router.running()
        assert standing(full(), window=0).sides[0].share == 100
        before = len(load.answers)
        moment = time.monotonic()
        wait_for(lambda: len(load.answers) > before + 16)
    assert set(load.versions(since=moment)) == {f"m:{FIRST}"}
    assert (load.lost(), load.mislabelled()) == ([], [])


def test_nothing_is_stopped_for_what_could_not_start(full: partial[Site]) -> None:
    with pytest.raises(StorageError, match="is full: nothing is stopped"):
        deploy(full(), THIRD, f"csanmt:{THIRD}", force="test")
    with pytest.raises(OSError, match=r"No space left.*keeper/"):
        Shipments(full().home / "keeper").submit(Shipment(THIRD))
    assert [side.state for side in look(full()).sides.values()] == ["ready", "ready"]
