"""One document on its way: whose it is, how far it is, and its file when it is done."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Literal
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from csanmt.documents.leftovers import Left
from csanmt.documents.protocol import Format
from csanmt.errors import CsanmtError
from serving.documents.folders import RESULT
from serving.http.allowance import Account
from serving.texts import Terms

CHUNK = 256 * 1024  # bytes of a result sent at once
Status = Literal["queued", "translating", "done", "error"]
Api = Literal["native", "libretranslate", "deepl"]


@dataclass(slots=True, eq=False)
class DocumentJob:
    """One document.

    Attributes:
        identity: unguessable; whoever knows it and is the owner may ask for the document.
        key: a second secret, for the API that wants one.
        account: of the caller who sent it.
        api: through which it came, and alone can be fetched.
        characters: of text in it, which the owner's allowance was charged.
        total: characters to translate, of each distinct text once.
        terms: a glossary, whose translations are forced.
        protect: strings that come through untouched.
        left: what of the result is Chinese still.
        error: what went wrong, once ``status`` is ``error``.
    """

    identity: str
    key: str
    account: Account
    api: Api
    name: str
    format: Format
    target: str
    folder: Path
    characters: int
    total: int
    rank: int
    terms: Terms = ()
    protect: tuple[str, ...] = ()
    done: int = 0
    worked: float = 0.0  # seconds
    size: int = 0  # of the result in bytes
    left: tuple[Left, ...] = ()
    status: Status = "queued"
    error: CsanmtError | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def finished(self) -> bool:
        return self.status in ("done", "error")

    @property
    def share(self) -> float:
        """How much of the text is translated, 0 to 1."""
        if self.status == "done":
            return 1.0
        return self.done / self.total if self.total else 0.0

    @property
    def seconds_remaining(self) -> int | None:
        """A guess by the pace so far; None before there is one."""
        if self.status != "translating" or not 0 < self.share < 1:
            return None
        return math.ceil(self.worked * (1 - self.share) / self.share)

    @property
    def result_name(self) -> str:
        """``report.docx`` becomes ``report.en.docx``."""
        path = PurePosixPath(self.name)
        return f"{path.stem}.{self.target}{path.suffix}"


def file_response(job: DocumentJob) -> Response:
    """The translated file, to be saved and never shown as a page of ours.

    It is open already, so that the document may be forgotten before it is sent.
    """
    plain = job.result_name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    name = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(job.result_name, safe='')}"
    headers = {
        "Content-Disposition": name,
        "Content-Length": str(job.size),
        "Cache-Control": "no-store",
    }
    return StreamingResponse(
        _chunks((job.folder / RESULT).open("rb")), media_type=job.format.media_type, headers=headers
    )


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        while chunk := stream.read(CHUNK):
            yield chunk
