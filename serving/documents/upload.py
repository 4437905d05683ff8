"""Reads an uploaded file and the fields beside it, within limits."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from csanmt.errors import CancelledError, CsanmtError
from serving.documents.process import SOURCE
from serving.http.errors import (
    BadRequestError,
    ForbiddenError,
    TooLargeError,
    UnsupportedMediaTypeError,
)
from serving.http.fields import MULTIPART
from serving.http.headers import declared_length, media_type
from serving.http.json_body import require_well_formed
from serving.settings import Settings

FORM_OVERHEAD = 64 * 1024  # bytes: boundaries, headers and the other fields
MOST_FIELDS = 40
LONGEST_NAME = 200
_NO_NAME = re.compile(r'[\x00-\x1f\x7f<>:"|?*]|[\ud800-\udfff]')


@dataclass(frozen=True, slots=True)
class Upload:
    """What came: ``name`` is the last part of the file's, and harmless; the file is the
    source in ``folder``."""

    name: str
    folder: Path
    fields: Mapping[str, str]


def most_bytes(settings: Settings) -> int:
    """Of a body that holds a document."""
    return settings.max_document_bytes + FORM_OVERHEAD


async def read_upload(request: Request, settings: Settings, folder: Path) -> Upload | None:
    """The file in the field ``file``, put into ``folder``; None when the form holds none.

    Raises:
        ForbiddenError: this server takes no documents.
        UnsupportedMediaTypeError: the body is no multipart form.
        TooLargeError: the body is longer than a document may be.
        BadRequestError: the form cannot be read.
        InvalidInputError: a field holds half of a surrogate pair.
        CancelledError: the client went away.
        OSError: the disk did not take it.
    """
    if not settings.max_document_bytes:
        raise ForbiddenError("this server takes no documents")
    if media_type(request) != MULTIPART:
        raise UnsupportedMediaTypeError(f"the content type must be {MULTIPART}")
    try:
        form = await Request(request.scope, _limited(request, settings)).form(
            max_files=1, max_fields=MOST_FIELDS, max_part_size=FORM_OVERHEAD
        )
    except ClientDisconnect:
        raise CancelledError("the client went away while sending the file") from None
    except (CsanmtError, OSError):
        raise
    except HTTPException as error:
        raise BadRequestError(f"the form cannot be read: {error.detail}") from None
    except Exception as error:  # python-multipart raises several kinds
        raise BadRequestError(f"the form cannot be read: {type(error).__name__}") from None
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            return None
        fields = {key: value for key, value in form.multi_items() if isinstance(value, str)}
        require_well_formed("".join(key + value for key, value in fields.items()))
        await asyncio.to_thread(_store, file, folder)
        return Upload(safe_name(file.filename or ""), folder, fields)
    finally:
        await form.close()


def _store(file: UploadFile, folder: Path) -> None:
    with (folder / SOURCE).open("wb") as stream:
        shutil.copyfileobj(file.file, stream, 1 << 20)


def safe_name(name: str) -> str:
    """The last part of a path, without what file systems and headers cannot take."""
    last = name.replace("\\", "/").rpartition("/")[2]
    clean = _NO_NAME.sub("", last).strip(" .")
    return clean[-LONGEST_NAME:]


def _limited(request: Request, settings: Settings) -> Receive:
    """A request's body that may not be longer than a file and its form."""
    left = most_bytes(settings)
    error = TooLargeError(f"a document may have {settings.max_document_bytes} bytes")
    if (declared_length(request.scope) or 0) > left:
        raise error

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise error
        return message

    return receive
