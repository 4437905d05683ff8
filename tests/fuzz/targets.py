"""Parsers of what strangers send, each as a function of bytes that must not fail.

An error of our own tree is an answer; any other exception is a finding. ``make fuzz``
hands them to atheris, which is led by coverage; ``test_targets.py`` throws a few hundred
inputs of hypothesis at each in every test run, so that none of them rots.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import struct
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from csanmt.documents.formats import FORMATS
from csanmt.documents.limits import Limits
from csanmt.documents.protocol import Format, Languages
from csanmt.engine.container import CHECKSUM_AT, CHECKSUM_START, HEADER_BYTES, MAGIC, checksum
from csanmt.engine.unpacking import unpack
from csanmt.errors import CsanmtError
from csanmt.loading import load_tokenizer
from csanmt.markup import Placed, html_rules, parse_markup, xml_rules
from csanmt.texts import pieces
from serving.http.fields import form_fields
from serving.http.headers import presented_key
from serving.http.json_body import parse_json_object
from serving.http.keys import KeyRing
from tests.serving.live_application import application, locked_ring

Target = Callable[[bytes], None]
ROOT = Path(__file__).resolve().parents[2]
DEFAULT_MODEL = ROOT / "model_store" / "default"
TARGET_TOKENS = 256


def json_body(data: bytes) -> None:
    """The body of a request as JSON: what is accepted can be said again."""
    with contextlib.suppress(CsanmtError):
        json.dumps(parse_json_object(data))


def form_body(data: bytes) -> None:
    """The body of a request as a form."""
    with contextlib.suppress(CsanmtError):
        form_fields(data)


def key_header(data: bytes) -> None:
    """A header that should hold a key: no such bytes are a key that we know."""
    name, _, value = data.partition(b"\0")
    ring = locked_ring()
    for header in (b"authorization", b"x-api-key", name.lower() or b"x"):
        secret = presented_key({"headers": [(header, value)]})
        assert secret is None or ring.find(secret) is None


def key_file(data: bytes) -> None:
    """The file of keys."""
    with _file(data) as path, contextlib.suppress(CsanmtError):
        KeyRing.load(path)


def segmentation(data: bytes) -> None:
    """A text cut into sentences is still that text."""
    text = data.decode("utf-8", "replace")
    for whole in (True, False):
        cut = pieces(text, len, whole=whole)
        assert "".join(s.before + s.text + s.after for s in cut) == text


def tokenizer(data: bytes) -> None:
    """A text as the shipped model's tokens; any numbers as its target tokens."""
    model = _tokenizer()
    ids, spans = model.encode_with_spans(data.decode("utf-8", "replace"))
    assert len(ids) == len(spans)
    model.decode_with_spans([number % TARGET_TOKENS for number in data])


def html(data: bytes) -> None:
    """HTML: nothing of it is refused."""
    parse_markup(data.decode("utf-8", "replace"), html_rules())


def xml(data: bytes) -> None:
    """XML: nothing of it is refused."""
    parse_markup(data.decode("utf-8", "replace"), xml_rules())


def engine_file(data: bytes) -> None:
    """An engine file whose checksum is right, so that what lies behind is reached."""
    with _file(_sealed(data)) as path, contextlib.suppress(CsanmtError):
        unpack(path)


def request(data: bytes) -> None:
    """A whole request at the application: path, kind of body and headers by the first bytes."""
    choice, kind, key = (*data[:3], 0, 0, 0)[:3]
    status = asyncio.run(_status(choice, kind, bool(key & 1), data[3:]))
    assert status < 500, status


def document(known: Format) -> Target:
    """A document of one format, put together again as it was taken apart."""

    def target(data: bytes) -> None:
        with contextlib.suppress(CsanmtError):
            opened = known.open(data, Limits(characters=100_000), Languages())
            for unit in opened.units:
                text = unit.text
                ranges = tuple((mark.start, mark.end) for mark in text.marks)
                unit.put(Placed(text, text.text + "a", ranges))
            opened.save()

    return target


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        json_body,
        form_body,
        key_header,
        key_file,
        segmentation,
        tokenizer,
        html,
        xml,
        engine_file,
        request,
    )
}
TARGETS |= {f"document_{known.suffixes[0][1:]}": document(known) for known in FORMATS}


@contextlib.contextmanager
def _file(data: bytes) -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(dir=_memory()) as file:
        file.write(data)
        file.flush()
        yield Path(file.name)


@cache
def _memory() -> str | None:
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() else None


@cache
def _tokenizer() -> Any:
    return load_tokenizer(DEFAULT_MODEL)


def _sealed(data: bytes) -> bytes:
    """``data`` behind a header that says its true length and checksum."""
    rest = data + b"\0" * (-len(data) % 4)
    total = max(HEADER_BYTES, CHECKSUM_START + len(rest))
    rest = rest.ljust(total - CHECKSUM_START, b"\0")
    head = (MAGIC + struct.pack("<IIQ", 1, 0, total)).ljust(CHECKSUM_AT, b"\0")
    return head + checksum(io.BytesIO(bytes(CHECKSUM_START) + rest), total) + rest


KINDS = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "text/plain",
    "",
    "application/json; charset=utf-16",
    "application/vnd.a+json",
    "\xff",
)


@cache
def _application(locked: bool) -> Any:
    directory = Path(tempfile.mkdtemp(dir=_memory()))
    return application(directory, locked_ring() if locked else None)


async def _status(choice: int, kind: int, locked: bool, body: bytes) -> int:
    """The application's answer; a translation is not waited for: no runner is started."""
    app = _application(locked)
    route = app.routes[choice % len(app.routes)]
    methods = sorted(route.methods or ("GET",))
    path, query = route.path, ""
    if kind & 64:
        query = "?" + body[:500].hex("%")
    headers = {"content-type": KINDS[kind % len(KINDS)].encode("latin-1")}
    transport = httpx.ASGITransport(app.asgi, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:3000") as client:
        method = methods[choice // len(app.routes) % len(methods)]
        answer = await client.request(method, path + query, content=body, headers=headers)
    # 503 says that no runner is ready, which is true here.
    return 200 if answer.status_code == 503 else answer.status_code
