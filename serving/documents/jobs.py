"""Documents being translated: who owns them, how far they are, when they are forgotten.

A job lives in the gateway's memory and nowhere else: a restart forgets it, and so
does its owner's cancelling, its download where an API allows but one, or its age.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import quote

from starlette.responses import Response

from csanmt.documents.formats import find
from csanmt.documents.limits import Limits
from csanmt.documents.protocol import Format, Languages
from csanmt.documents.translation import Batch, Work
from csanmt.errors import (
    CsanmtError,
    DeadlineExceededError,
    NotFoundError,
    OverloadedError,
    UnavailableError,
)
from serving.documents.upload import Upload
from serving.http.errors import CrashedError
from serving.languages import detect
from serving.logs import log_fault
from serving.markup import aligned
from serving.texts import Terms, decoding, with_terms
from serving.translating import TextAnswer, TranslationService

log = logging.getLogger("csanmt.documents")

AT_ONCE = 2  # documents translated side by side; the others wait
RETRY_SECONDS = 1.0
MOST_TIMEOUTS = 3  # of one part of a document, then it is given up
MOST_FINISHED = 1000  # kept, however small
Status = Literal["queued", "translating", "done", "error"]


@dataclass(slots=True, eq=False)
class DocumentJob:
    """One document.

    Attributes:
        identity: unguessable; whoever knows it and is the owner may ask for the document.
        key: a second secret, for the API that wants one.
        owner: the caller who sent it.
        characters: of text in it, which the owner's allowance was charged.
        terms: a glossary, whose translations are forced.
        error: what went wrong, once ``status`` is ``error``.
    """

    identity: str
    key: str
    owner: str
    name: str
    format: Format
    languages: Languages
    characters: int
    work: Work | None
    terms: Terms = ()
    status: Status = "queued"
    error: CsanmtError | None = None
    result: bytes = b""
    started: float = 0.0
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def finished(self) -> bool:
        return self.status in ("done", "error")

    @property
    def share(self) -> float:
        """How much of the text is translated, 0 to 1."""
        if self.work is None:
            return float(self.status == "done")
        progress = self.work.progress
        return progress.done / progress.total if progress.total else 0.0

    @property
    def seconds_remaining(self) -> int | None:
        """A guess by the pace so far; None before there is one."""
        if self.status != "translating" or not 0 < self.share < 1:
            return None
        passed = time.monotonic() - self.started
        return math.ceil(passed * (1 - self.share) / self.share)

    @property
    def result_name(self) -> str:
        """``report.docx`` becomes ``report.en.docx``."""
        path = PurePosixPath(self.name)
        return f"{path.stem}.{self.languages.target}{path.suffix}"


class DocumentJobs:
    """All jobs of this server: at most ``Settings.document_jobs`` unfinished ones, and finished
    ones for a while, in as many bytes as those might have."""

    def __init__(self, service: TranslationService) -> None:
        self._service = service
        self._settings = service.settings
        self._jobs: dict[str, DocumentJob] = {}
        self._opening = 0
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._disassembly = asyncio.Semaphore(1)  # documents held apart in memory at once

    def __len__(self) -> int:
        return len(self._jobs)

    async def submit(
        self,
        upload: Upload,
        owner: str,
        charge: Callable[[int], None],
        *,
        terms: Terms = (),
        detect_source: bool = False,
    ) -> DocumentJob:
        """Take a document apart, charge its characters, and begin to translate it.

        Args:
            charge: takes characters from the owner's allowance, or raises.
            terms: a glossary.
            detect_source: a document that is in the target language already is an error.

        Raises:
            OverloadedError: too many documents are held already.
            UnsupportedDocumentError, DocumentError, DocumentTooLargeError: as the formats say.
            RateLimitedError: from ``charge``.
        """
        known = find(upload.name)
        unfinished = sum(not job.finished for job in self._jobs.values())
        if unfinished + self._opening >= self._settings.document_jobs:
            raise OverloadedError("too many documents are being translated; try again later")
        facts = self._service.facts
        languages = Languages(facts.source_language, facts.target_language)
        limits = Limits(characters=self._settings.max_document_characters)
        self._opening += 1
        try:
            async with self._disassembly:
                work = await asyncio.to_thread(Work.begin, known, upload.data, limits, languages)
            charge(work.characters)
        finally:
            self._opening -= 1
        identity, key = secrets.token_hex(16).upper(), secrets.token_hex(32).upper()
        job = DocumentJob(
            identity, key, owner, upload.name, known, languages, work.characters, work, terms
        )
        self._jobs[identity] = job
        if (
            detect_source
            and not work.progress.total
            and (detect(work.sample).language == self._service.languages.target)
        ):
            self._fail(job, CsanmtError("Source and target language are equal."))
            self._end(job)
        else:
            job.task = asyncio.create_task(self._run(job))
        return job

    def get(self, identity: str, owner: str | None = None, key: str | None = None) -> DocumentJob:
        """A job of this owner (None: whoever knows its identity), its ``key`` checked if given.

        Raises:
            NotFoundError: there is none, or it is somebody else's: both look the same.
        """
        job = self._jobs.get(identity)
        if job is None or (owner is not None and job.owner != owner):
            raise NotFoundError("there is no such document, or no longer")
        if key is not None and not hmac.compare_digest(job.key.encode(), key.encode()):
            raise NotFoundError("there is no such document, or no longer")
        return job

    async def finished(self, job: DocumentJob) -> DocumentJob:
        """Wait for a job. Cancelling the wait cancels the job. Raises what the job ended with."""
        try:
            if job.task is not None:
                await asyncio.shield(job.task)
        except asyncio.CancelledError:
            self.discard(job)
            raise
        if job.error is not None:
            self.discard(job)
            raise job.error
        return job

    def discard(self, job: DocumentJob) -> None:
        """Stop working on it and forget it; harmless when that is done."""
        self._jobs.pop(job.identity, None)
        if job.task is not None:
            job.task.cancel()

    async def _run(self, job: DocumentJob) -> None:
        try:
            async with self._turn:
                job.status, job.started = "translating", time.monotonic()
                async with asyncio.timeout(self._settings.document_timeout):
                    job.result = await self._translate(job)
            job.status = "done"
        except TimeoutError:
            self._fail(job, DeadlineExceededError("the document took too long"))
        except CsanmtError as error:
            self._fail(job, error)
        except Exception as error:
            log_fault(log, "document failed", error)
            self._fail(job, CsanmtError("the document could not be translated"))
        self._end(job)

    def _end(self, job: DocumentJob) -> None:
        job.work = None
        self._make_room()
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.document_keep, self._jobs.pop, job.identity, None)

    def _make_room(self) -> None:
        """Forget the oldest finished jobs when there are too many, or too large ones."""
        finished = [job for job in self._jobs.values() if job.finished]
        room = self._settings.document_jobs * self._settings.max_document_bytes
        size = sum(len(job.result) for job in finished)
        for job in finished:
            if size <= room and len(finished) <= MOST_FINISHED:
                break
            size -= len(job.result)
            finished = finished[1:]
            del self._jobs[job.identity]

    def _fail(self, job: DocumentJob, error: CsanmtError) -> None:
        job.status, job.error = "error", error

    async def _translate(self, job: DocumentJob) -> bytes:
        work = job.work
        assert work is not None
        for batch in work.batches():
            answers = await self._answers(batch, job.terms)
            work.put(batch, [aligned(answer) for answer in answers])
        async with self._disassembly:
            return await asyncio.to_thread(work.finish)

    async def _answers(self, batch: Batch, terms: Terms) -> list[TextAnswer]:
        """A document has time: where others are turned away it tries again.

        But not what crashes the engine, nor for ever what is never done in time.
        """
        plain = replace(decoding(self._service), alignment=batch.aligned)
        options = await with_terms(plain, terms, batch.texts)
        timeouts = 0
        while True:
            try:
                answers, _ = await self._service.translate(batch.texts, options)
                return answers
            except CrashedError:
                raise
            except DeadlineExceededError:
                timeouts += 1
                if timeouts == MOST_TIMEOUTS:
                    raise
            except (OverloadedError, UnavailableError):
                await asyncio.sleep(RETRY_SECONDS)


def file_response(job: DocumentJob) -> Response:
    """The translated file, to be saved and never shown as a page of ours."""
    plain = job.result_name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    name = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(job.result_name, safe='')}"
    headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
    return Response(job.result, media_type=job.format.media_type, headers=headers)
