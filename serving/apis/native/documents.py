"""Our own routes for documents: send, ask, fetch, cancel."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from csanmt.errors import ConflictError
from csanmt.protected.finder import checked_literals
from serving.documents.job import DocumentJob, file_response
from serving.documents.jobs import DocumentJobs
from serving.glossaries.owner import Glossaries
from serving.http.allowance import Account
from serving.http.errors import BadRequestError, error_body

ONE = "/documents/{id}"


class DocumentRoutes:
    """``POST /documents``, and ``GET``, ``DELETE``, ``…/content`` of each."""

    def __init__(self, jobs: DocumentJobs, glossaries: Glossaries) -> None:
        self._jobs, self._glossaries = jobs, glossaries

    def routes(self) -> list[Route]:
        return [
            Route("/documents", self.create, methods=["POST"]),
            Route(ONE, self.show),
            Route(ONE, self.cancel, methods=["DELETE"]),
            Route(f"{ONE}/content", self.content),
        ]

    async def create(self, request: Request) -> Response:
        async with self._jobs.received(request) as upload:
            if upload is None:
                raise BadRequestError("the form lacks the field 'file' with a file")
            terms = await self._glossaries.terms(request, upload.fields.get("glossary") or None)
            lines = re.split("\r?\n", upload.fields.get("protect", ""))
            protect = checked_literals([line for line in lines if line.strip()])
            account = Account.of(request)
            job = await self._jobs.submit(upload, "native", account, terms=terms, protect=protect)
        return JSONResponse(described(job), 202, headers={"Location": f"documents/{job.identity}"})

    async def show(self, request: Request) -> Response:
        return JSONResponse(described(self._job(request)))

    async def cancel(self, request: Request) -> Response:
        self._jobs.discard(self._job(request))
        return Response(status_code=204)

    async def content(self, request: Request) -> Response:
        job = self._job(request)
        if job.error is not None:
            raise job.error.with_traceback(None)  # or it grows by every request's
        if job.status != "done":
            raise ConflictError("the document is not translated yet")
        return file_response(job)

    def _job(self, request: Request) -> DocumentJob:
        return self._jobs.get(request.path_params["id"], "native", Account.of(request).name)


def described(job: DocumentJob) -> dict[str, Any]:
    """A job as our API shows it."""
    body: dict[str, Any] = {
        "id": job.identity,
        "name": job.result_name,
        "format": job.format.name,
        "status": job.status,
        "characters": job.characters,
        "progress": round(job.share, 4),
    }
    if job.seconds_remaining is not None:
        body["seconds_remaining"] = job.seconds_remaining
    if job.left:
        body["warnings"] = [
            {"part": left.part, "count": left.count, "message": str(left)} for left in job.left
        ]
    if job.error is not None:
        body |= error_body(job.error.code, str(job.error))
    return body
