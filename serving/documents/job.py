"""One document on its way: whose it is, how far it is, and its folder.

Nothing of a document stays in the gateway's memory. The folders lie in one that is named
after the server's process, below the system's folder for temporary files; it is removed
when the server stops, and when the next one starts where it could not.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Literal
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from csanmt.documents.leftovers import Left
from csanmt.documents.protocol import Format
from csanmt.errors import CsanmtError
from serving.documents.process import RESULT
from serving.http.allowance import Account
from serving.texts import Terms

CHUNK = 256 * 1024  # bytes of a result sent at once
PREFIX = "csanmt-documents-"  # of the folder around all documents of a server
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


class JobFolders:
    """Folders of this server's documents; the one around them is made when it is needed."""

    def __init__(self) -> None:
        self._root: Path | None = None

    def new(self) -> Path:
        """An empty folder. Raises OSError where there is no room for one."""
        if self._root is None:
            _remove_abandoned(Path(tempfile.gettempdir()))
            self._root = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        return Path(tempfile.mkdtemp(dir=self._root))

    def remove(self) -> None:
        """All of them."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = None


def _remove_abandoned(folder: Path) -> None:
    """Folders of our servers that are gone without having removed them."""
    for path in folder.glob(f"{PREFIX}*-*"):
        owner = path.name.removeprefix(PREFIX).partition("-")[0]
        with contextlib.suppress(OSError):
            ours = path.lstat().st_uid == os.getuid() and not path.is_symlink()
            if ours and owner.isdigit() and not Path(f"/proc/{owner}").exists():
                shutil.rmtree(path, ignore_errors=True)
