"""From an offer at /suggest to a test of the gate."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from benchmarks.pins import load_pins
from cli.main import main
from csanmt.errors import StorageError
from serving.suggestions import Suggestion, SuggestionFile, read_suggestions

OFFERS = [("他姓白。", "His surname is Bai."), ("谢谢！", "Thank you!\tReally")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kept" / "suggestions.jsonl"
    kept = SuggestionFile(path)
    for q, s in OFFERS:
        kept.add(Suggestion(1_700_000_000.0, "m:v1", q, s, "zh", "en"))
    return path


def test_what_was_offered_is_listed_with_numbers(file: Path, capsys) -> None:
    assert main(["suggestions", "list", str(file), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["number"], row["q"], row["s"]) for row in rows] == [
        (n, *offer) for n, offer in enumerate(OFFERS, 1)
    ]
    assert main(["suggestions", "list", str(file)]) == 0
    assert "2023-11-14" in capsys.readouterr().out


def test_export_is_tab_separated(file: Path, capsys) -> None:
    assert main(["suggestions", "export", str(file)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "\t".join(OFFERS[0])
    assert second == '谢谢！\t"Thank you!\tReally"'


def test_a_pin_demands_the_suggestion_and_is_made_once(file: Path, tmp_path: Path) -> None:
    pins = tmp_path / "pins.toml"
    for _ in range(2):
        assert main(["suggestions", "pin", str(file), "1", "2", "--pins", str(pins)]) == 0
    one, two = load_pins(pins)
    assert (one.source, one.require) == (OFFERS[0][0], (OFFERS[0][1],))
    assert one.note == "suggested 2023-11-14, m:v1"
    assert one.judge("his surname is  Bai .") is None
    assert two.judge("Thanks.")


def test_a_pin_may_demand_less(file: Path, tmp_path: Path) -> None:
    pins = tmp_path / "pins.toml"
    ask = ["suggestions", "pin", str(file), "1", "--require", "Bai", "--forbid", "white"]
    assert main([*ask, "--pins", str(pins)]) == 0
    (pin,) = load_pins(pins)
    assert (pin.require, pin.forbid) == (("Bai",), ("white",))


@pytest.mark.parametrize("more", [["0"], ["3"], ["1", "2", "--require", "x"]])
def test_what_cannot_be_pinned_is_refused(file: Path, tmp_path: Path, more) -> None:
    pins = tmp_path / "pins.toml"
    assert main(["suggestions", "pin", str(file), *more, "--pins", str(pins)]) == 2
    assert not pins.exists()


def test_damaged_lines_are_left_out_and_named(file: Path, tmp_path: Path, capsys) -> None:
    with file.open("ab") as stream:
        stream.write(b'{"q": 1}\n\xff\n{"at": 0, "mod')  # the last as a crash leaves it
    SuggestionFile(file).add(Suggestion(0.0, "m", "再见。", "Bye.", "zh", "en"))
    assert main(["suggestions", "list", str(file), "--json"]) == 0
    said = capsys.readouterr()
    assert [row["s"] for row in json.loads(said.out)] == [*(s for _, s in OFFERS), "Bye."]
    assert [f"line {n}: not a suggestion" in said.err for n in (2, 3, 4, 5, 6)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert main(["suggestions", "list", str(tmp_path / "none")]) == 4


def test_what_strangers_wrote_cannot_command_the_terminal(file: Path, capsys) -> None:
    evil = Suggestion(
        0.0, "m", "你\x1b[2J好", "a\x1b]0;pwned\x07b\nforged\u2028row\u202e", "zh", "en"
    )
    SuggestionFile(file).add(evil)
    assert main(["suggestions", "list", str(file)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1 + len(OFFERS) + 1
    assert "你\\x1b[2J好" in shown
    assert not {"\x1b", "\x07", "\u2028", "\u202e"} & set(shown)


def test_a_full_disk_leaves_the_file_as_it_was(file: Path, monkeypatch) -> None:
    before = file.read_bytes()
    written = []

    def half_then_full(descriptor: int, data: memoryview) -> int:
        if written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(write(descriptor, data[:10]))
        return written[0]

    write = os.write
    offer = Suggestion(0.0, "m", "再见。", "Bye.", "zh", "en")
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", half_then_full)
        with pytest.raises(StorageError, match="No space left"):
            SuggestionFile(file).add(offer)
    assert written == [10]
    assert file.read_bytes() == before
    SuggestionFile(file).add(offer)
    assert read_suggestions(file)[1] == []


def test_the_file_does_not_grow_without_bound(file: Path) -> None:
    kept = SuggestionFile(file, most=file.stat().st_size + 10)
    before = file.read_bytes()
    with pytest.raises(StorageError, match="bytes of suggestions"):
        kept.add(Suggestion(0.0, "m", "q", "s", "zh", "en"))
    assert file.read_bytes() == before


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError):
        SuggestionFile(tmp_path / "folder").add(Suggestion(0.0, "m", "q", "s", "zh", "en"))
