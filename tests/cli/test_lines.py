from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.lines import line_batches
from csanmt.errors import InvalidInputError


def _read(path: Path, content: bytes, size: int = 3) -> list[list[tuple[str, str]]]:
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return [
            [(line.text, line.ending) for line in batch]
            for batch in line_batches(descriptor, size, "the input")
        ]
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a", [("a", "")]),
        (b"a\n", [("a", "\n")]),
        (b"\n\n", [("", "\n"), ("", "\n")]),
        (b"a\r\nb\n", [("a", "\r\n"), ("b", "\n")]),
        (b"a\rb", [("a\rb", "")]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", [("a", "\n"), ("\ufeffb", "")]),
        ("一\x0b二\x0c三\u2028四\x85五\n".encode(), [("一\x0b二\x0c三\u2028四\x85五", "\n")]),
        ("好".encode() * 50_000, [("好" * 50_000, "")]),  # longer than one read
    ],
)
def test_only_a_line_feed_ends_a_line(
    tmp_path: Path, content: bytes, lines: list[tuple[str, str]]
) -> None:
    found = _read(tmp_path / "f", content)
    assert [line for batch in found for line in batch] == lines


def test_a_file_comes_in_full_batches(tmp_path: Path) -> None:
    assert [len(batch) for batch in _read(tmp_path / "f", b"x\n" * 8)] == [3, 3, 2]


@settings(deadline=None)
@given(text=st.text(max_size=200), size=st.integers(1, 5))
def test_nothing_is_lost_or_reordered(tmp_path_factory, text: str, size: int) -> None:
    path = tmp_path_factory.getbasetemp() / "lines"
    batches = _read(
        path, text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").encode(), size
    )
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    assert "".join(t + e for batch in batches for t, e in batch).encode() == content
    assert all(len(batch) <= size for batch in batches)


def test_bytes_that_are_not_utf8_name_their_line(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes("好\n".encode() + "ok 你".encode("gb18030") + b"\n")
    descriptor = os.open(path, os.O_RDONLY)
    batches = line_batches(descriptor, 9, "the input")
    assert [line.text for line in next(batches)] == ["好"]
    with pytest.raises(InvalidInputError, match="the input, line 2: not UTF-8 at byte 4"):
        next(batches)
    os.close(descriptor)


def test_whoever_writes_slowly_is_answered_after_every_line() -> None:
    read, write = os.pipe()
    batches = line_batches(read, 100, "the pipe")
    for text in ("one", "two"):
        os.write(write, f"{text}\n".encode())
        assert [line.text for line in next(batches)] == [text]
    os.write(write, b"three\nfour\nfi")
    assert [line.text for line in next(batches)] == ["three", "four"]
    os.write(write, b"ve")
    os.close(write)
    assert [line.text for line in next(batches)] == ["five"]
    assert next(batches, None) is None
    os.close(read)
