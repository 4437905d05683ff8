"""Corpora of one record a line: plain text, tab-separated values, JSON objects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from bulk.compression import reading
from bulk.records import Answer, Layout, Record
from csanmt.errors import ConfigurationError, InvalidInputError

BOM = b"\xef\xbb\xbf"
NOT_UTF8 = "not UTF-8"


class LineFormat:
    """A line is a text, and becomes its translation."""

    skipped = 0  # lines before the first record

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def read(self, path: Path) -> Iterator[Record]:
        """The records of a file. Raises InvalidInputError if it is not such a file at all."""
        with reading(path) as stream:
            for number, _, content, _ in _lines(stream):
                if number <= self.skipped:
                    self.check_head(content, path)
                    continue
                try:
                    yield Record.of(number, self.text_of(content.decode("utf-8")))
                except UnicodeDecodeError:
                    yield Record(number, None, NOT_UTF8)
                except _BadLineError as problem:
                    yield Record(number, None, str(problem))

    def write(self, path: Path, answers: Iterable[Answer | None], sink: IO[bytes]) -> None:
        """The file again, with one answer a record; the output is not compressed here."""
        rest = iter(answers)
        with reading(path) as stream:
            for number, mark, content, ending in _lines(stream):
                if number <= self.skipped:
                    line = self.render_head(content)
                elif answer := next(rest):
                    line = self.render(content, answer.text)
                else:
                    copied = self.layout.policy == "copy"
                    line = content if copied else self.render_empty(content)
                sink.write(mark + line + ending)

    def text_of(self, line: str) -> str:
        """Raises _BadLineError."""
        return line

    def render(self, content: bytes, translation: str) -> bytes:
        return _one_line(translation)

    def render_empty(self, content: bytes) -> bytes:
        """A bad record with an empty translation."""
        return self.render(content, "")

    def check_head(self, content: bytes, path: Path) -> None:
        """Look at the lines before the first record. Raises InvalidInputError."""

    def render_head(self, content: bytes) -> bytes:
        return content


def _lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes, bytes, bytes]]:
    """Each line's number, byte order mark, content and ending: ``\\n``, ``\\r\\n`` or nothing.

    Only ``\\n`` ends a line: form feeds and Unicode's line separators are text.
    """
    for number, raw in enumerate(stream, 1):
        content = raw.removesuffix(b"\n").removesuffix(b"\r") if raw.endswith(b"\n") else raw
        mark = BOM if number == 1 and content.startswith(BOM) else b""
        yield number, mark, content.removeprefix(mark), raw[len(content) :]


class _BadLineError(ValueError):
    """The line holds no text to translate; says why."""


class TabFormat(LineFormat):
    """Columns between tabs, without quoting; the translation becomes the last one."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._field = field = layout.field or "1"
        self.skipped = int(layout.header)
        if not layout.header and not (field.isdecimal() and int(field) > 0):
            raise ConfigurationError(
                f"column is {field!r}; allowed is a number from 1, or a name with --header"
            )
        self._column = int(field) - 1 if field.isdecimal() else -1

    def check_head(self, content: bytes, path: Path) -> None:
        names = content.decode("utf-8", "replace").split("\t")
        if self._field in names:
            self._column = names.index(self._field)
        elif not 0 <= self._column < len(names):
            raise InvalidInputError(
                f"{str(path)!r} has no column {self._field!r}; it has " + ", ".join(names)
            )

    def render_head(self, content: bytes) -> bytes:
        return content + b"\t" + self.layout.into.encode()

    def text_of(self, line: str) -> str:
        columns = line.split("\t")
        if len(columns) <= self._column:
            raise _BadLineError(f"no column {self._field}")
        return columns[self._column]

    def render(self, content: bytes, translation: str) -> bytes:
        return content + b"\t" + _one_line(translation).replace(b"\t", b" ")


class JsonLinesFormat(LineFormat):
    """A JSON object a line. The translation is added at its end; the rest keeps its bytes."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._field = layout.field or "text"

    def text_of(self, line: str) -> str:
        value = _json_object(line)
        if value is None:
            raise _BadLineError("not a JSON object")
        if self.layout.into in value:
            raise _BadLineError(f"has a field {self.layout.into!r} already; choose another --into")
        found: Any = value
        for name in self._field.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        if not isinstance(found, str):
            raise _BadLineError(f"no field {self._field!r} with a text")
        return found

    def render(self, content: bytes, translation: str) -> bytes:
        head = content.rstrip()[:-1].rstrip()  # without the last brace
        comma = b"" if head.endswith(b"{") else b", "
        member = f"{json.dumps(self.layout.into)}: {json.dumps(translation, ensure_ascii=False)}"
        return head + comma + member.encode() + b"}"

    def render_empty(self, content: bytes) -> bytes:
        value = _json_object(content)
        return self.render(b"{}" if value is None or self.layout.into in value else content, "")


def _json_object(line: str | bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _one_line(translation: str) -> bytes:
    return translation.replace("\n", " ").encode("utf-8")
