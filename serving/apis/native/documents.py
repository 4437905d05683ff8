"""Our own routes for documents: send, ask, fetch, cancel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from csanmt.errors import ConflictError
from serving.documents.jobs import DocumentJob, DocumentJobs
from serving.documents.upload import read_upload
from serving.http.errors import BadRequestError, error_body
from serving.http.guard import Caller, charge
from serving.http.middleware import ENDPOINT
from serving.settings import Settings

Endpoint = Callable[[Request], Awaitable[Response]]
ONE = "/documents/{id}"


class DocumentRoutes:
    """``POST /documents``, and ``GET``, ``DELETE``, ``…/content`` of each."""

    def __init__(self, jobs: DocumentJobs, settings: Settings) -> None:
        self._jobs = jobs
        self._settings = settings

    def routes(self) -> list[Route]:
        return [
            Route("/documents", self.create, methods=["POST"]),
            Route(ONE, named(ONE, self.show)),
            Route(ONE, named(ONE, self.cancel), methods=["DELETE"]),
            Route(f"{ONE}/content", named(f"{ONE}/content", self.content)),
        ]

    async def create(self, request: Request) -> Response:
        upload = await read_upload(request, self._settings)
        if upload is None:
            raise BadRequestError("the form lacks the field 'file' with a file")
        job = await self._jobs.submit(upload, caller(request), partial(charge, request))
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
        return self._jobs.get(request.path_params["id"], caller(request))


def caller(request: Request) -> str:
    who: Caller = request.state.caller
    return who.name


def named(endpoint: str, answer: Endpoint) -> Endpoint:
    """Let metrics and logs name the route, not the document."""

    async def wrapped(request: Request) -> Response:
        request.scope["state"][ENDPOINT] = endpoint
        return await answer(request)

    return wrapped


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
    if job.error is not None:
        body |= error_body(job.error.code, str(job.error))
    return body


def file_response(job: DocumentJob) -> Response:
    """The translated file, to be saved and never shown as a page of ours."""
    plain = job.result_name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    name = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(job.result_name, safe='')}"
    headers = {"Content-Disposition": name, "Cache-Control": "no-store"}
    return Response(job.result, media_type=job.format.media_type, headers=headers)
