"""The matrix and the audit say what they found, and what they could not ask."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from csanmt.errors import EngineUnavailableError, NotFoundError
from scripts.audit import licence_of, licences, read_advisories
from scripts.compat import (
    COMBINATIONS,
    TABLE_END,
    TABLE_START,
    Outcome,
    one_line,
    shown_versions,
    table,
    write_table,
)

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = {"transformers": "5", "numpy": "2", "torch": "2", "sentencepiece": "0", "bentoml": "1"}


def test_the_table_shows_every_answer_and_the_error_of_each_failure() -> None:
    good = Outcome(
        "good", VERSIONS, dict.fromkeys(("installs", "goldens", "engine", "service"), "")
    )
    bad = Outcome("bad", VERSIONS, {"installs": "no wheel for `numpy`"})
    assert (good.works, bad.works, Outcome("none").works) == (True, False, False)
    text = table([good, bad])
    assert "| good | 5 | 2 | 2 | 0 | 1 | ✅ | ✅ | ✅ | ✅ |" in text
    assert "| bad | 5 | 2 | 2 | 0 | 1 | ❌ | – | – | – |" in text
    assert "- **bad, installs:** `no wheel for 'numpy'`" in text


def test_the_table_replaces_only_what_stands_between_its_marks(tmp_path: Path) -> None:
    path = tmp_path / "doc.md"
    path.write_text(f"before\n{TABLE_START}\nold\n{TABLE_END}\nafter\n")
    write_table(path, "new")
    write_table(path, "newer")
    assert path.read_text() == f"before\n{TABLE_START}\n\nnewer\n\n{TABLE_END}\nafter\n"


def test_an_error_becomes_one_line_without_this_machines_paths() -> None:
    text = f"noise\nValueError: {Path.home()}/x is wrong\nmore noise"
    assert one_line(text) == "ValueError: …/x is wrong"
    assert len(one_line("Error " + "x" * 999)) == 240


def test_the_locked_combination_and_the_articles_are_in_the_matrix() -> None:
    by_name = {combination.name: combination for combination in COMBINATIONS}
    assert dict(by_name["locked"].pins) == {}
    shown = shown_versions(by_name["the article's"])
    assert (shown["transformers"], shown["numpy"], shown["torch"]) == ("4.35.2", "1.23.5", "1.13.1")
    assert len(by_name) == len(COMBINATIONS) >= 6


def test_nothing_asked_is_not_nothing_known() -> None:
    skipped = [{"name": "a", "skip_reason": "not found"}, {"name": "b", "skip_reason": "not found"}]
    with pytest.raises(EngineUnavailableError, match="no database"):
        read_advisories(skipped)


def test_an_advisory_blocks_and_a_single_skipped_package_is_told() -> None:
    found = read_advisories(
        [
            {"name": "a", "skip_reason": "not found"},
            {"name": "b", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]},
            {"name": "c", "version": "1", "vulns": []},
        ]
    )
    assert [(item.package, item.blocking) for item in found] == [("a", False), ("b", True)]
    assert found[1].text == "CVE-1, fixed in 2"


def test_licences_are_read_from_the_packages_themselves() -> None:
    assert "apache" in licence_of("bentoml").lower()
    assert licence_of("no-such-package-at-all") == ""
    assert licences({"numpy": "0", "no-such-package-at-all": "0"}) == []


def notes():
    spec = importlib.util.spec_from_file_location("notes", ROOT / "scripts" / "release_notes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHANGELOG = """# Changelog

## [1.2.0] - 2026-02-02

- new

## [1.1.0] - 2026-01-01

- old
"""


@pytest.mark.parametrize(
    ("version", "text"), [("v1.2.0", "- new"), ("v1.1.0", "- old"), ("v1.1.0-fix-x", "- old")]
)
def test_release_notes_are_the_changelogs_section(version: str, text: str) -> None:
    assert notes().section(CHANGELOG, version) == text


def test_a_version_without_a_changelog_entry_gets_no_notes() -> None:
    with pytest.raises(NotFoundError, match=r"v1\.3\.0"):
        notes().section(CHANGELOG, "v1.3.0")
