"""LibreTranslate's ``/translate_file`` and the address from which the result is fetched.

The request waits for the translation, as it does there; a client that goes away
cancels it. Reference: LibreTranslate 1.6, ``libretranslate/app.py``.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from csanmt.documents.limits import UnsupportedDocumentError
from serving.documents.job import DocumentJob, file_response
from serving.documents.jobs import DocumentJobs
from serving.documents.upload import Upload
from serving.http.allowance import Account
from serving.http.disconnect import until_disconnect
from serving.http.errors import BadRequestError
from serving.languages import canonical
from serving.translating import TranslationService

UPLOAD = "/translate_file"
DOWNLOADS = "/download_file/"
DOWNLOAD = DOWNLOADS + "{name}"


class LibreTranslateDocumentRoutes:
    def __init__(self, jobs: DocumentJobs, service: TranslationService) -> None:
        self._jobs = jobs
        self._service = service

    def routes(self) -> list[Route]:
        return [
            Route(UPLOAD, self.translate, methods=["POST"]),
            Route(DOWNLOAD, self.download),
        ]

    async def translate(self, request: Request) -> Response:
        try:
            async with self._jobs.received(request) as upload:
                if upload is None:
                    raise BadRequestError("Invalid request: missing file parameter")
                self._check(upload)
                job = await self._jobs.submit(upload, "libretranslate", Account.of(request))
        except UnsupportedDocumentError:
            raise BadRequestError("Invalid request: file format not supported") from None
        await until_disconnect(request, self._jobs.finished(job))
        return JSONResponse({"translatedFileUrl": self._address(request, job)})

    async def download(self, request: Request) -> Response:
        """Whoever was told the address may fetch it: it holds 96 random bits, and stands in
        the answer to the upload and nowhere else."""
        identity, dot, _ = request.path_params["name"].partition(".")
        if not dot or not identity.isalnum():
            raise BadRequestError("Invalid filename")
        job = self._jobs.get(identity, "libretranslate")
        if job.status != "done":
            raise BadRequestError("Invalid filename")
        return file_response(job)

    def _address(self, request: Request, job: DocumentJob) -> str:
        base = request.base_url
        if self._service.settings.trust_proxy:
            base = base.replace(scheme=request.headers.get("x-forwarded-proto", base.scheme))
        suffix = job.name[job.name.rindex(".") :].lower()
        return str(base.replace(path=f"{DOWNLOADS}{job.identity}{suffix}"))

    def _check(self, upload: Upload) -> None:
        pair = self._service.languages
        for name, served in (("source", pair.source), ("target", pair.target)):
            value = upload.fields.get(name)
            if not value:
                raise BadRequestError(f"Invalid request: missing {name} parameter")
            automatic = name == "source" and value == "auto"
            if not automatic and canonical(value) != served:
                raise BadRequestError(f"{value} is not supported")
        if not upload.name:
            raise BadRequestError("Invalid request: empty file")
