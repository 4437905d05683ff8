"""No pattern and no format takes more than linear time, whatever is repeated in a document.

``make pump`` does the same up to 1 MB (``PUMP_BYTES``); the record is in docs/documents.md.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pkgutil
import re
from collections.abc import Iterator

import pytest

import csanmt.documents
import csanmt.markup
from csanmt.documents.formats import find
from csanmt.documents.limits import Limits
from csanmt.documents.protocol import Languages
from csanmt.errors import CsanmtError
from tests.documents.pumps import CONTAINERS, HEADS, PIECES, STEP, TAILS, superlinear

SIZE = int(os.environ.get("PUMP_BYTES", "24000")) // STEP
ENDLESS = Limits(characters=1 << 40, units=1 << 40)


def patterns() -> dict[str, re.Pattern]:
    """Every compiled pattern of the modules that read documents."""
    found = {}
    for package in (csanmt.documents, csanmt.markup):
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for name, value in vars(module).items():
                for key, one in value.items() if isinstance(value, dict) else [("", value)]:
                    if isinstance(one, re.Pattern):
                        found[f"{info.name}.{name}{key}"] = one
    return found


@pytest.fixture(autouse=True)
def _no_garbage_collection() -> Iterator[None]:
    """Parsers have none within a document either; what was there before is not looked at."""
    gc.disable()
    gc.freeze()
    yield
    gc.unfreeze()
    gc.enable()


PATTERNS = patterns()
# Patterns that are only asked for at one place, where they go over blanks for themselves.
ANCHORED = frozenset({
    "messages._COLON", "markdown._MARKER", "markdown._DEFINITION", "opendocument._PARTS",
})  # fmt: skip


@pytest.mark.parametrize("name", PATTERNS)
def test_every_pattern_is_linear(name) -> None:
    pattern = PATTERNS[name]
    as_bytes = isinstance(pattern.pattern, bytes)
    for piece in PIECES:

        def scan(size: int, piece: str = piece) -> None:
            text = piece * (size // len(piece))
            if name in ANCHORED:
                pattern.match(text)
                return
            for _ in pattern.finditer(text.encode() if as_bytes else text):
                pass

        assert not superlinear(scan, SIZE), piece


@pytest.mark.parametrize("suffix", HEADS)
def test_every_format_is_read_in_linear_time(suffix) -> None:
    known = find(f"a{suffix}")
    for piece in PIECES:

        def read(size: int, piece: str = piece) -> None:
            text = HEADS[suffix] + piece * (size // len(piece.encode())) + TAILS.get(suffix, "")
            with contextlib.suppress(CsanmtError):
                known.open(text.encode(), ENDLESS, Languages())

        assert not superlinear(read, SIZE), piece


@pytest.mark.parametrize("kind", CONTAINERS)
def test_every_container_is_read_and_written_in_linear_time(kind) -> None:
    pack, pieces = CONTAINERS[kind]
    known = find(f"a{kind.partition('/')[0]}")
    for piece in pieces:

        def read(size: int, piece: str = piece) -> None:
            data = pack(piece * (size // len(piece.encode())))
            with contextlib.suppress(CsanmtError):
                document = known.open(data, ENDLESS, Languages())
                document.save()

        assert not superlinear(read, SIZE), piece
