"""DeepL's ``/v2/document``: upload, status, and a result that can be fetched once.

Reference: DeepL's public OpenAPI document and deepl-python 1.32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from csanmt.documents.limits import DocumentError, UnsupportedDocumentError
from csanmt.errors import NotFoundError, UnavailableError
from serving.apis.deepl.errors import missing, unsupported
from serving.apis.deepl.translate import (
    check_formality,
    check_language,
    glossary_ids,
    refuse_unserved,
)
from serving.documents.job import DocumentJob, file_response
from serving.documents.jobs import DocumentJobs
from serving.documents.upload import Upload, safe_name
from serving.glossaries.owner import Glossaries
from serving.http.allowance import Account
from serving.http.errors import BadRequestError
from serving.http.fields import read_fields
from serving.translating import TranslationService

ONE = "/v2/document/{id}"


class DeepLDocumentRoutes:
    def __init__(
        self, jobs: DocumentJobs, service: TranslationService, glossaries: Glossaries
    ) -> None:
        self._jobs, self._service, self._glossaries = jobs, service, glossaries

    def routes(self) -> list[Route]:
        return [
            Route("/v2/document", self.upload, methods=["POST"]),
            Route(ONE, self.status, methods=["POST"]),
            Route(f"{ONE}/result", self.result, methods=["POST"]),
        ]

    async def upload(self, request: Request) -> Response:
        try:
            async with self._jobs.received(request) as upload:
                job = await self._submit(request, upload)
        except UnsupportedDocumentError as error:
            raise BadRequestError(f"Invalid file extension: {error}") from None
        except DocumentError as error:
            raise BadRequestError(f"Invalid file data: {error}") from None
        return JSONResponse({"document_id": job.identity, "document_key": job.key})

    async def _submit(self, request: Request, upload: Upload | None) -> DocumentJob:
        if upload is None:
            raise missing("file", "the form needs a field 'file' with the document")
        self._check(upload.fields)
        if given := safe_name(upload.fields.get("filename", "")):
            upload = replace(upload, name=given)
        _check_output(upload)
        return await self._jobs.submit(
            upload,
            "deepl",
            Account.of(request),
            terms=await self._glossaries.stored(request, glossary_ids(upload.fields)),
            detect_source=not upload.fields.get("source_lang"),
        )

    async def status(self, request: Request) -> Response:
        job = await self._job(request)
        body: dict[str, Any] = {"document_id": job.identity, "status": job.status}
        if job.status == "translating":
            body["seconds_remaining"] = job.seconds_remaining or 1
        if job.status == "done":
            body["billed_characters"] = job.characters
        if job.error is not None:
            body["error_message"] = str(job.error)
        return JSONResponse(body)

    async def result(self, request: Request) -> Response:
        job = await self._job(request)
        if job.status == "error":
            raise NotFoundError(str(job.error))
        if job.status != "done":
            raise UnavailableError("Document not ready: ask for its status until that is done")
        response = file_response(job)
        self._jobs.discard(job)
        return response

    async def _job(self, request: Request) -> DocumentJob:
        fields = await read_fields(request, self._service.settings)
        key = fields.get("document_key")
        if not isinstance(key, str) or not key:
            raise missing("document_key", "the upload's answer has it")
        key = key.encode("utf-8", "replace").decode()
        return self._jobs.get(request.path_params["id"], "deepl", Account.of(request).name, key)

    def _check(self, fields: Mapping[str, str]) -> None:
        pair = self._service.languages
        check_language(fields, "target_lang", pair.target, required=True)
        check_language(fields, "source_lang", pair.source, required=False)
        check_formality(fields)
        refuse_unserved(fields)


def _check_output(upload: Upload) -> None:
    """A document comes back in the format it came in."""
    wanted = upload.fields.get("output_format", "").lower().lstrip(".")
    if wanted and not upload.name.lower().endswith(f".{wanted}"):
        raise unsupported("output_format", "a document comes back in its own format, leave it out")
