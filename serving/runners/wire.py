"""What gateway and runner say to each other: JSON frames with a length in front.

A frame is a 4-byte big-endian length and that many bytes of UTF-8 JSON. JSON
and not pickle: neither side can make the other run code. Messages:

======================  ==========================================================
gateway to runner       ``{"batch": id, "sources": [...], "options": {...}}``
                        ``{"cancel": id}``
runner to gateway       ``{"ready": {...facts...}}``, ``{"failed": {...}}`` at start
                        ``{"batch": id, "translations": [...], "seconds": s}``
                        ``{"batch": id, "error": {"code", "message"}}``
======================  ==========================================================
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any, BinaryIO

from csanmt.translator import DecodingOptions, Hypothesis, Translation

LENGTH_BYTES = 4
MARK_BYTES = 8  # the number of a batch, little-endian
MAX_FRAME_BYTES = 256 * 1024 * 1024


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class WireError(Exception):
    """The other side closed the connection in mid-frame or sent something else."""


def pack(message: dict[str, Any]) -> bytes:
    """One frame of bytes for ``message``."""
    body = _ENCODER.encode(message).encode()
    if len(body) > MAX_FRAME_BYTES:
        raise WireError(f"frame of {len(body)} bytes; allowed is {MAX_FRAME_BYTES}")
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def frame_length(header: bytes) -> int:
    """Body length that a frame's first ``LENGTH_BYTES`` bytes announce."""
    length = int.from_bytes(header, "big")
    if length > MAX_FRAME_BYTES:
        raise WireError(f"frame of {length} bytes; allowed is {MAX_FRAME_BYTES}")
    return length


def read_frame(stream: BinaryIO) -> dict[str, Any] | None:
    """Next message of a blocking stream; None when it ended between frames."""
    header = stream.read(LENGTH_BYTES)
    if not header:
        return None
    body = stream.read(frame_length(header))
    if len(header) < LENGTH_BYTES or len(body) < frame_length(header):
        raise WireError("the stream ended inside a frame")
    return unpack(body)


def unpack(body: bytes) -> dict[str, Any]:
    """The message in a frame's body."""
    message = json.loads(body)
    if not isinstance(message, dict):
        raise WireError("a frame holds no JSON object")
    return message


def write_mark(page: mmap.mmap, batch: int) -> None:
    """Say in the shared page that ``batch`` has been begun."""
    page[:MARK_BYTES] = batch.to_bytes(MARK_BYTES, "little")


def read_mark(page: mmap.mmap) -> int:
    """The batch that was begun last; 0 before any."""
    return int.from_bytes(page[:MARK_BYTES], "little")


@lru_cache(maxsize=256)
def dump_options(options: DecodingOptions) -> dict[str, Any]:
    return asdict(options)


def load_options(data: dict[str, Any]) -> DecodingOptions:
    terms = tuple((source, target) for source, target in data.get("terms", ()))
    return DecodingOptions(**{**data, "terms": terms, "protect": tuple(data.get("protect", ()))})


def dump_translations(translations: Sequence[Translation]) -> list[Any]:
    """Translations as nested lists; the source is not sent back."""
    return [
        [
            item.source_tokens,
            item.faults,
            [[h.text, h.score, h.tokens, h.hit_limit, h.alignment] for h in item.hypotheses],
        ]
        for item in translations
    ]


def load_translations(data: list[Any], sources: Sequence[str]) -> list[Translation]:
    """Inverse of ``dump_translations``, given the sources that were sent."""
    if len(data) != len(sources):
        raise WireError(f"{len(data)} translations for {len(sources)} sentences")
    return [
        Translation(source, tuple(map(_load_hypothesis, hypotheses)), tokens, tuple(faults))
        for source, (tokens, faults, hypotheses) in zip(sources, data, strict=True)
    ]


def _load_hypothesis(data: list[Any]) -> Hypothesis:
    text, score, tokens, hit_limit, alignment = data
    if alignment is not None:
        alignment = tuple(((s[0], s[1]), (t[0], t[1])) for s, t in alignment)
    return Hypothesis(text, score, tokens, hit_limit, alignment)
