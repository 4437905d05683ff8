"""The ledger folded into the present."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from release.ledger.ledger import Entry
from release.ledger.state import fold

A, B, C = "v1.0.0-aaaaaaa", "v1.1.0-bbbbbbb", "v1.2.0-ccccccc"


def entries(*items: tuple) -> list[Entry]:
    return [
        Entry(
            number,
            f"t{number}",
            kind,
            version,
            "me",
            "why",
            digests={"n": str(number)},
            detail=detail[0] if detail else {},
        )
        for number, (kind, version, *detail) in enumerate(items, start=1)
    ]


@pytest.mark.parametrize(
    ("items", "active", "served"),
    [
        ([], None, ()),
        ([("build", A), ("deploy", A)], None, ()),
        ([("switch", A)], A, (A,)),
        ([("switch", A), ("switch", B, {"weight": 25})], A, (A,)),
        ([("switch", A), ("switch", B, {"weight": 100})], B, (B, A)),
        ([("switch", A), ("switch", B), ("rollback", A)], A, (A, B)),
        ([("switch", A), ("switch", B), ("switch", C), ("rollback", A)], A, (A, C, B)),
        ([("switch", A), ("retire", "m:v1", {"subject": "model"})], A, (A,)),
    ],
)
def test_who_serves_and_who_served(items, active, served) -> None:
    state = fold(entries(*items))
    assert (state.active, state.served, state.entries) == (active, served, len(items))


BACK_FROM_B = ("rollback", A, {"from": B, "from_share": 100})


@pytest.mark.parametrize(
    ("items", "left"),
    [
        ([("switch", A), ("switch", B)], ()),
        ([("switch", A), ("switch", B), BACK_FROM_B], (B,)),
        ([("switch", A), ("rollback", A, {"from": B, "from_share": 25})], (B,)),
        ([("switch", A), ("rollback", A, {"from": B, "from_share": 0})], ()),
        # finished after a kill between nginx and the ledger
        ([("switch", A), ("switch", B), ("rollback", A, {"from": B, "from_share": 0})], (B,)),
        ([("switch", A), ("switch", B), BACK_FROM_B, ("switch", B, {"weight": 25})], (B,)),
        ([("switch", A), ("switch", B), BACK_FROM_B, ("switch", B)], ()),
        # the rollback was undone
        ([("switch", A), ("switch", B), BACK_FROM_B,
          ("rollback", B, {"from": A, "from_share": 100})], ()),
        ([("switch", A), ("switch", B), ("switch", C),
          ("rollback", B, {"from": C, "from_share": 100}), BACK_FROM_B], (C, B)),
    ],
)  # fmt: skip
def test_which_versions_a_rollback_left(items, left) -> None:
    assert fold(entries(*items)).left == left


@pytest.mark.parametrize(
    "drill",
    [
        [
            ("switch", C, {"weight": 100, "purpose": "drill", "generation": 3}),
            ("switch", B, {"weight": 100, "purpose": "drill", "generation": 4}),
        ],
        [("switch", C, {"weight": 100}), ("rollback", B, {"from": C, "from_share": 100})],
    ],
    ids=["now", "v0.1.0"],
)
def test_a_drill_puts_nobody_in_service(drill) -> None:
    items = entries(("switch", A), ("switch", B), *drill, ("drill", C))
    if drill[-1][0] == "rollback":
        items[3] = replace(items[3], why="drill")
    state = fold(items)
    assert (state.active, state.served, state.left) == (B, (B, A), ())


def test_a_version_shows_its_last_verdict() -> None:
    state = fold(
        entries(
            ("build", A),
            ("verdict", A, {"ready": False, "reasons": ["no evidence"]}),
            ("review", A, {"approved": False}),
        )
    ).versions[A]
    assert (state.ready, state.reasons) == (False, ("no evidence",))
    assert state.latest == {"build": "t1", "verdict": "t2", "review": "t3"}


def test_a_new_build_has_proved_nothing() -> None:
    state = fold(
        entries(("build", A), ("verdict", A, {"ready": True}), ("retire", A), ("build", A))
    )
    version = state.versions[A]
    assert (version.ready, version.retired) == (None, False)


def test_state_is_plain_json() -> None:
    state = asdict(fold(entries(("build", A), ("switch", A))))
    assert state["versions"][A]["digests"] == {"n": "2"}
