"""Documents being translated: who owns them, how far they are, when they are forgotten.

What is read and written of a document lies in its folder and is touched by a parser, so a
job costs the gateway next to nothing. A restart forgets all jobs: whoever asks for one of
before is told so. So does its owner's cancelling, its download where an API allows but
one, or its age.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from typing import IO, Any

from starlette.requests import Request

from csanmt.documents.formats import find
from csanmt.documents.leftovers import Left
from csanmt.documents.limits import Limits
from csanmt.documents.translation import Batch, batches
from csanmt.errors import (
    CsanmtError,
    DeadlineExceededError,
    NotFoundError,
    OverloadedError,
    UnavailableError,
)
from csanmt.markup import of_translation
from serving.documents.job import Api, DocumentJob, JobFolders
from serving.documents.parsers import ParserPool, storage_error
from serving.documents.process import ANSWERS, TEXTS
from serving.documents.turns import FairTurns
from serving.documents.upload import Upload, read_upload
from serving.http.allowance import Account
from serving.http.errors import CrashedError
from serving.languages import detect
from serving.logs import log_fault
from serving.texts import Terms, decoding, with_terms
from serving.translating import Answer, TranslationService

log = logging.getLogger("csanmt.documents")

AT_ONCE = 2  # batches of documents in the queue of sentences at once
RETRY_SECONDS = 1.0
MOST_TIMEOUTS = 3  # of one part of a document, then it is given up
MOST_FINISHED = 1000  # kept, however small
MARK = 8  # characters of an identity that say which start of the server gave it
IDENTITY = 32


class LostError(NotFoundError):
    """A document of before the server's last start."""

    code = "document_lost"


class DocumentJobs:
    """All jobs of this server: at most ``Settings.document_jobs`` unfinished ones, so many of
    them of one owner, and finished ones for a while, in as many bytes as those might have."""

    def __init__(self, service: TranslationService, parsers: ParserPool | None = None) -> None:
        self._service = service
        self._settings = service.settings
        self._jobs: dict[str, DocumentJob] = {}
        self._opening: Counter[str] = Counter()
        self._turns = FairTurns(AT_ONCE)
        self._parsers = parsers or ParserPool()
        self._folders = JobFolders()
        self._mark = secrets.token_hex(MARK // 2).upper()
        self._rank = count()

    def __len__(self) -> int:
        return len(self._jobs)

    @asynccontextmanager
    async def received(self, request: Request) -> AsyncIterator[Upload | None]:
        """The file that a request sends, in a folder that is gone unless a job took it.

        Raises:
            StorageFullError, UnavailableError: the disk takes it not.
            Others as ``read_upload``.
        """
        try:
            folder = await asyncio.to_thread(self._folders.new)
        except OSError as error:
            raise self._storage(error) from None
        try:
            yield await read_upload(request, self._settings, folder)
        except OSError as error:
            raise self._storage(error) from None
        finally:
            if not any(job.folder is folder for job in self._jobs.values()):
                shutil.rmtree(folder, ignore_errors=True)

    def _storage(self, error: OSError) -> CsanmtError:
        log_fault(log, "document not stored", error, errno=error.errno)
        return storage_error(error.errno)

    async def submit(
        self,
        upload: Upload,
        api: Api,
        account: Account,
        *,
        terms: Terms = (),
        protect: tuple[str, ...] = (),
        detect_source: bool = False,
    ) -> DocumentJob:
        """Take a document apart, charge its characters, and begin to translate it.

        Args:
            terms: a glossary.
            protect: strings that come through untouched.
            detect_source: a document that is in the target language already is an error.

        Raises:
            OverloadedError: too many documents are held already, of all or of this owner.
            UnsupportedDocumentError, DocumentError, DocumentTooLargeError: as the formats say.
            RateLimitedError: from the account.
        """
        known = find(upload.name)
        self._check_room(account.name)
        self._opening[account.name] += 1
        try:
            opened = await self._parse(account.name, "open", upload.folder, upload.name)
            account.take(opened["characters"])
        finally:
            self._opening[account.name] -= 1
        job = DocumentJob(
            identity=self._mark + secrets.token_hex((IDENTITY - MARK) // 2).upper(),
            key=secrets.token_hex(32).upper(),
            account=account,
            api=api,
            name=upload.name,
            format=known,
            target=self._service.facts.target_language,
            folder=upload.folder,
            characters=opened["characters"],
            total=opened["total"],
            rank=next(self._rank),
            terms=terms,
            protect=protect,
        )
        self._jobs[job.identity] = job
        # Where the source has a script of its own, one line in it is enough to be translated.
        by_script = self._service.languages.source in ("zh", "ja")
        told = not by_script or not job.total
        if detect_source and told and detect(opened["sample"]).language == job.target:
            self._fail(job, CsanmtError("Source and target language are equal."))
            self._end(job)
        else:
            job.task = asyncio.create_task(self._run(job))
        return job

    def _check_room(self, owner: str) -> None:
        held = +self._opening
        held.update(job.account.name for job in self._jobs.values() if not job.finished)
        if held.total() >= self._settings.document_jobs:
            raise OverloadedError("too many documents are being translated; try again later")
        if held[owner] >= self._settings.document_jobs_each:
            raise OverloadedError(
                f"{held[owner]} of your documents are being translated; try again later"
            )

    async def _parse(self, owner: str, work: str, folder: Path, name: str) -> dict[str, Any]:
        facts = self._service.facts
        limits = asdict(Limits(characters=self._settings.max_document_characters))
        languages = [facts.source_language, facts.target_language]
        document = {"folder": str(folder), "name": name, "limits": limits, "languages": languages}
        return await self._parsers.run(owner, {"do": work, **document})

    def get(
        self, identity: str, api: Api, owner: str | None = None, key: str | None = None
    ) -> DocumentJob:
        """A job that came through ``api`` (of this owner; its ``key`` checked if given).

        Raises:
            NotFoundError: there is none, or it is somebody else's: both look the same.
            LostError: it was given out before this server started.
        """
        job = self._jobs.get(identity)
        if job is None or job.api != api or (owner is not None and job.account.name != owner):
            if _is_identity(identity) and not identity.startswith(self._mark):
                raise LostError(
                    "there is no such document here: a server that starts again forgets the "
                    "documents of before; send it again"
                )
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
        if self._jobs.pop(job.identity, None) is None:
            return
        if job.task is not None:
            job.task.cancel()
        if not job.finished:
            job.account.give_back(job.characters)
        shutil.rmtree(job.folder, ignore_errors=True)

    async def stop(self) -> None:
        """Forget all documents and end the parsers."""
        for job in list(self._jobs.values()):
            self.discard(job)
        await self._parsers.stop()
        self._folders.remove()

    async def _run(self, job: DocumentJob) -> None:
        try:
            await self._translate(job)
            made = await self._parse(job.account.name, "assemble", job.folder, job.name)
            job.size = made["bytes"]
            job.left = tuple(Left(part, number) for part, number in made["warnings"])
            job.status = "done"
        except TimeoutError:
            self._fail(job, DeadlineExceededError("the document took too long"))
        except CsanmtError as error:
            self._fail(job, error)
        except OSError as error:
            self._fail(job, self._storage(error))
        except Exception as error:
            log_fault(log, "document failed", error)
            self._fail(job, CsanmtError("the document could not be translated"))
        self._end(job)

    def _end(self, job: DocumentJob) -> None:
        """Keep it for a while."""
        self._make_room()
        loop = asyncio.get_running_loop()
        loop.call_later(self._settings.document_keep, self.discard, job)

    def _make_room(self) -> None:
        """Forget the oldest finished jobs of who has most of them, when they are too large
        together or too many."""
        finished = [job for job in self._jobs.values() if job.finished]
        room = self._settings.document_jobs * self._settings.max_document_bytes
        sizes: Counter[str] = Counter()
        for job in finished:
            sizes[job.account.name] += job.size + room // MOST_FINISHED
        while sizes.total() > room * 2 or sum(job.size for job in finished) > room:
            largest = sizes.most_common(1)[0][0]
            oldest = next(job for job in finished if job.account.name == largest)
            sizes[largest] -= oldest.size + room // MOST_FINISHED
            finished.remove(oldest)
            self.discard(oldest)

    def _fail(self, job: DocumentJob, error: CsanmtError) -> None:
        job.status, job.error = "error", error
        job.account.give_back(job.characters)

    async def _translate(self, job: DocumentJob) -> None:
        """Answer all texts, a batch a turn; only the time of its turns counts as the job's."""
        with (
            (job.folder / TEXTS).open(encoding="utf-8") as texts,
            (job.folder / ANSWERS).open("w", encoding="utf-8") as answers,
        ):
            for batch in batches(_texts(texts)):
                async with self._turns.turn(job.account.name, job.rank):
                    job.status, started = "translating", time.monotonic()
                    async with asyncio.timeout(self._settings.document_timeout - job.worked):
                        found = await self._answers(batch, job)
                    job.worked += time.monotonic() - started
                await asyncio.to_thread(_write, answers, batch, found)
                job.done += sum(map(len, batch))

    async def _answers(self, batch: Batch, job: DocumentJob) -> list[Answer]:
        """A document has time: where others are turned away it tries again.

        But not what crashes the engine, nor for ever what is never done in time.
        """
        named = tuple(part for part in job.protect if any(part in text for text in batch))
        aligned = any(batch.values())
        plain = replace(decoding(self._service), alignment=aligned, protect=named)
        options = await with_terms(plain, job.terms, list(batch))
        timeouts = 0
        while True:
            try:
                answers, _ = await self._service.translate(list(batch), options)
                return answers
            except CrashedError:
                raise
            except DeadlineExceededError:
                timeouts += 1
                if timeouts == MOST_TIMEOUTS:
                    raise
            except (OverloadedError, UnavailableError):
                await asyncio.sleep(RETRY_SECONDS)


def _is_identity(text: str) -> bool:
    return len(text) == IDENTITY and all(c in "0123456789ABCDEF" for c in text)


def _texts(lines: IO[str]) -> Iterator[tuple[str, bool]]:
    for line in lines:
        text, tagged = json.loads(line)
        yield text, tagged


def _write(stream: IO[str], batch: Batch, answers: list[Answer]) -> None:
    for answer in answers:
        found = of_translation(answer.parts[0])
        pairs = found.pairs if any(batch.values()) else ()
        stream.write(json.dumps([found.text, pairs, found.sentences], ensure_ascii=False))
        stream.write("\n")
    stream.flush()
