"""What retention keeps and removes, as a table of ledgers."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.ledger import Kind, Ledger
from release.retention import plan, retain
from release.state import fold


def ledger_of(path: Path, story: str) -> Ledger:
    """``"b1 s1 b2"``: build v1, all traffic to v1, build v2; r1 retires v1."""
    ledger = Ledger(path / "ledger.sqlite3")
    kinds = {"b": Kind.BUILD, "s": Kind.SWITCH, "r": Kind.RETIRE}
    for word in story.split():
        ledger.append(kinds[word[0]], f"v{word[1:]}", who="test", why="story")
    return ledger


@pytest.mark.parametrize(
    ("story", "deployed", "removed"),
    [
        ("", (), ()),
        ("b1 s1", ("v1",), ()),
        ("b1 s1 b2 s2 b3 s3", ("v2", "v3"), ()),
        ("b1 s1 b2 s2 b3 s3 b4 s4", ("v3", "v4"), ("v1",)),
        ("b1 s1 b2 s2 b3 s3 b4 s4", ("v1", "v4"), ()),  # deployed: stays however old
        ("b1 b2 s2 b3 s3 b4 s4", (), ("v1",)),  # never served and overtaken
        ("b1 s1 b2", (), ()),  # built after the newest that served
        ("b1 s1 b2 s2 b3 s3 b4 s4 s1", (), ("v2",)),  # a return to v1 makes it the newest
        ("b1 s1 b2 s2 b3 s3 b4 s4 r1", (), ()),  # gone already
    ],
)
def test_retention(
    tmp_path: Path, story: str, deployed: tuple[str, ...], removed: tuple[str, ...]
) -> None:
    assert plan(fold(ledger_of(tmp_path, story).history()), deployed).remove == removed


def test_removal_is_recorded_before_it_happens(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path, "b1 s1 b2 s2 b3 s3 b4 s4")

    def remove(release: str) -> list[str]:
        assert ledger.last(Kind.RETIRE, release) is not None
        raise OSError("disk is gone")

    with pytest.raises(OSError, match="disk is gone"):
        retain(ledger, (), remove, who="test")
    assert ledger.last(Kind.RETIRE).version == "v1"  # type: ignore[union-attr]
