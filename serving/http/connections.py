"""What a connection may send and hold before anybody knows who asks."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_GATHERED = 65_536  # bytes
MOST_HEAD_BYTES = 65_536  # of a request, and of what follows its body
MOST_HEADERS = 200
MOST_WAITING = 16  # requests of a connection behind the one that is being answered
FRAMING = 8  # bytes around a byte of a body that comes in the smallest chunks
HEAD_SECONDS = 30.0  # for a request's head to come
READ_SECONDS = 60.0  # for a client to read on, where an answer waits for it


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol, with bounds where it has none, and answers in one piece.

    It takes heads and trailers of any size and any number of requests at once, which become
    objects of twenty to two hundred times that, and waits for a head as long as a client likes;
    it writes the head of an answer and then its body, at a system call and a packet each
    (uvicorn 0.54.0, protocols/http/httptools_impl.py).
    """

    _surplus = 0  # bytes of this message that are not its body
    _in_head = False
    _deadline: asyncio.TimerHandle | None = None  # for the head that is awaited
    _unread: asyncio.TimerHandle | None = None  # while the client does not read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_Gathering(transport, self.loop))  # type: ignore[arg-type]
        self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        self.resume_writing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        self._unread = self.loop.call_later(READ_SECONDS, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        self._surplus += len(data)
        super().data_received(data)
        if self._surplus > MOST_HEAD_BYTES or len(self.headers or ()) > MOST_HEADERS:
            if not self.transport.is_closing():  # it was told already
                self.send_400_response("The head of the request is too long.")
        elif self._in_head and self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MOST_WAITING:
            raise ValueError("too many requests before an answer")  # 400, and the end
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._in_time()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._surplus = max(0, self._surplus - (1 + FRAMING) * len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._surplus = 0
        super().on_message_complete()

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class _Gathering:
    """A transport that sends what is written in one step of the event loop at its end."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)
        if len(data) > MOST_GATHERED:  # so that the transport can say when it is too much
            self._send()

    def _send(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and not self._transport.is_closing():
            self._transport.write(b"".join(pieces))

    def close(self) -> None:
        self._send()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
