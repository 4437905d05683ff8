"""Pairs in and out: TMX 1.4, tab-separated values, and the JSON lines that /suggest writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, tostring

from csanmt.errors import InvalidInputError
from csanmt.memory.entries import ANY_MODEL, Direction, Entry, TranslationUnit

LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
ENDINGS = (".tmx", ".tsv", ".jsonl")
NATIVE_CODE = ("bpt", "ept", "it", "ph", "ut")  # TMX's inline tags that hold no text


def read_pairs(path: Path, direction: Direction) -> Iterator[TranslationUnit]:
    """The pairs of a file, by its ending, in the given languages.

    Raises:
        InvalidInputError: the file is not what its ending says; names the line.
    """
    ending = path.suffix.lower()
    if ending == ".tmx":
        return read_tmx(path, direction, path.name)
    if ending in (".tsv", ".jsonl"):
        return _lines(path, direction)
    raise InvalidInputError(f"{str(path)!r} is none of " + ", ".join(ENDINGS))


def read_tmx(file: Path | IO[str], direction: Direction, origin: str) -> Iterator[TranslationUnit]:
    """The pairs of a TMX file in the given languages, without what its inline tags hold.

    Raises:
        InvalidInputError: it cannot be read.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    try:
        for _, element in iterparse(file, events=("end",)):
            if element.tag.rpartition("}")[2] != "tu":
                continue
            found = {_language(tuv): _segment(tuv) for tuv in element.iterfind("{*}tuv")}
            source, target = found.get(direction.source), found.get(direction.target)
            if source and target:
                yield TranslationUnit(source, target, origin)
            element.clear()
    except (ParseError, DefusedXmlException, ValueError) as error:  # ValueError: its encoding
        raise InvalidInputError(f"{origin!r} is not a TMX that can be read: {error}") from error


def _language(tuv: Element) -> str:
    """``zh`` of ``xml:lang="zh-CN"`` (TMX 1.4) or ``lang`` (1.1)."""
    return (tuv.get(LANGUAGE) or tuv.get("lang") or "").replace("_", "-").split("-")[0].lower()


def _segment(tuv: Element) -> str:
    """The text of ``seg``, without the code that its inline tags hold."""
    seg = tuv.find("{*}seg")
    return "" if seg is None else _text(seg).strip()


def _text(element: Element) -> str:
    parts = [element.text or ""]
    for child in element:
        parts.append("" if child.tag.rpartition("}")[2] in NATIVE_CODE else _text(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _lines(path: Path, direction: Direction) -> Iterator[TranslationUnit]:
    parse = _suggestion if path.suffix.lower() == ".jsonl" else _columns
    with path.open("rb") as stream:
        for number, raw in enumerate(stream, 1):
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                pair = parse(line, direction, path.name) if line.strip() else None
            except (ValueError, KeyError, TypeError) as error:
                raise InvalidInputError(f"{path.name}, line {number}: {error}") from error
            if pair:
                yield pair


def _columns(line: str, direction: Direction, origin: str) -> TranslationUnit:
    columns = line.split("\t")
    if len(columns) < 2:
        raise ValueError("has no tab between source and translation")
    return TranslationUnit(columns[0], columns[1], origin)


def _suggestion(line: str, direction: Direction, origin: str) -> TranslationUnit | None:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")
    languages = (value.get("source", direction.source), value.get("target", direction.target))
    if languages not in ((direction.source, direction.target), ("auto", direction.target)):
        return None
    return TranslationUnit(str(value["q"]), str(value["s"]), origin)


def write_pairs(entries: Iterable[Entry], sink: IO[bytes], ending: str) -> int:
    """Write entries as ``ending`` says; returns how many.

    Raises:
        InvalidInputError: the ending is none of ``ENDINGS``.
    """
    if ending not in ENDINGS:
        raise InvalidInputError(f"the ending is {ending!r}; allowed is " + ", ".join(ENDINGS))
    head, render, tail = {
        ".tmx": (_TMX_HEAD, _as_unit, b"</body>\n</tmx>\n"),
        ".tsv": (b"", _as_columns, b""),
        ".jsonl": (b"", _as_json, b""),
    }[ending]
    sink.write(head)
    count = 0
    for entry in entries:
        sink.write(render(entry) + b"\n")
        count += 1
    sink.write(tail)
    return count


def _as_columns(entry: Entry) -> bytes:
    return "\t".join(" ".join(s.split()) for s in (entry.pair.source, entry.pair.target)).encode()


def _as_json(entry: Entry) -> bytes:
    value = {
        "q": entry.pair.source,
        "s": entry.pair.target,
        "source": entry.direction.source,
        "target": entry.direction.target,
        "model": entry.direction.model or None,
        "origin": entry.pair.origin,
        "at": entry.created,
        "hits": entry.hits,
    }
    return json.dumps(value, ensure_ascii=False).encode()


_TMX_HEAD = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4">\n'
    b'<header creationtool="csanmt" creationtoolversion="1" segtype="sentence" o-tmf="csanmt"'
    b' adminlang="en" srclang="*all*" datatype="plaintext"/>\n<body>\n'
)


def _as_unit(entry: Entry) -> bytes:
    unit = Element("tu", usagecount=str(entry.hits))
    if entry.direction.model != ANY_MODEL:
        SubElement(unit, "prop", type="model").text = entry.direction.model
    for language, text in (
        (entry.direction.source, entry.pair.source),
        (entry.direction.target, entry.pair.target),
    ):
        variant = SubElement(unit, "tuv", {"xml:lang": language})
        SubElement(variant, "seg").text = _allowed(text)
    indent(unit)
    return tostring(unit, "utf-8", xml_declaration=False)


def _allowed(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(c for c in text if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff"))
