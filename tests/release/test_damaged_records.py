"""A colour's record that cannot be read stops no look, no way back and no repair."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from csanmt.errors import ConflictError
from release.rollout import standing as standing_module
from release.rollout.deployment import deploy
from release.rollout.promotion import Plan, promote
from release.rollout.rollback import rollback
from release.rollout.standing import standing
from release.rollout.traffic import Colour
from tests.release.stub_site import World, put, three_served, two_versions


def record(world: World, colour: Colour) -> Path:
    return world.site.colours.directory / f"{colour}.json"


def truncate(path: Path) -> None:
    path.write_text(path.read_text()[:20])


def test_status_remarks_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    two_versions(world)
    monkeypatch.setattr(standing_module, "ready", lambda url, timeout: True)
    truncate(record(world, "blue"))
    now = standing(world.site)
    assert [side.state for side in now.sides] == ["unknown", "ready"]
    assert now.remarks[0].endswith("deploy blue again")
    assert now.remarks[1:] == ("blue has 100% of the traffic and is unknown",)


def test_deploying_again_repairs_it(world: World) -> None:
    two_versions(world)
    truncate(record(world, "green"))
    told: list[str] = []
    deploy(world.site, "v2.0.0-bbb", "csanmt:v2.0.0-bbb", force="repair", tell=told.append)
    assert world.site.colours.running("v2.0.0-bbb").colour == "green"
    assert "green.json is damaged" in told[0]


def test_what_still_listens_is_not_taken_for_the_new_version(world: World) -> None:
    two_versions(world)
    truncate(record(world, "green"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        world.site.addresses["green"] = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ConflictError, match="end what listens on"):
            put(world, "v2.0.0-bbb")


def test_a_rollback_leaves_a_sick_version_whose_record_is_damaged(world: World) -> None:
    two_versions(world)
    promote(world.site, "v2.0.0-bbb", Plan())
    truncate(record(world, "green"))
    assert rollback(world.site, why="v2 echoes").release == "v1.0.0-aaa"


def test_a_rollback_passes_over_a_way_back_whose_record_is_damaged(world: World) -> None:
    three_served(world)
    truncate(record(world, "green"))
    back = rollback(world.site, why="v3 echoes")
    assert (back.release, back.colour, back.started) == ("v2.0.0-bbb", "green", True)


def test_a_promotion_needs_no_record_but_its_own(world: World) -> None:
    two_versions(world)
    truncate(record(world, "blue"))
    assert promote(world.site, "v2.0.0-bbb", Plan()).completed


def test_fields_of_a_newer_version_are_passed_over(world: World) -> None:
    two_versions(world)
    path = record(world, "blue")
    path.write_text(json.dumps({**json.loads(path.read_text()), "zone": "b"}))
    assert world.site.colours.running("v1.0.0-aaa").colour == "blue"
