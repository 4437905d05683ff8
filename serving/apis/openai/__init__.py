"""OpenAI's ``/v1/models`` and ``/v1/chat/completions``, streamed too.

Off unless ``CSANMT_OPENAI=1``.

The text of the chat (see ``prompts``) is translated; sampling options are ignored, and what a
translation model cannot do (tools, several choices, JSON) is refused.
Reference: OpenAI's public OpenAPI document, its clients for Python and Node.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from csanmt.errors import CsanmtError, NotFoundError
from serving.apis.api import Api, Backend, Incoming
from serving.apis.openai.prompts import text_to_translate
from serving.http.disconnect import EventStream
from serving.http.errors import (
    BadRequestError,
    UnauthorizedError,
    error_response,
    reworded,
    status_of,
)
from serving.http.fields import given
from serving.http.middleware import OUTCOME, request_id
from serving.texts import begun, check_texts, decoding, translated
from serving.translating import Answer, Job, TranslationService

REFUSED = ("tools", "functions", "tool_choice", "function_call", "audio")
TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


class ChatRoutes:
    def __init__(self, service: TranslationService) -> None:
        self._service = service

    async def models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [self._model()]})

    async def model(self, request: Request) -> Response:
        if request.path_params["id"] != self._service.facts.model:
            raise NotFoundError(f"there is one model, {self._service.facts.model}")
        return JSONResponse(self._model())

    def _model(self) -> dict[str, Any]:
        tag = self._service.facts.model
        return {"id": tag, "object": "model", "created": 0, "owned_by": "csanmt"}

    async def complete(self, request: Request) -> Response:
        service = self._service
        fields = given((await Incoming.read(request, service)).json())
        _check(fields)
        text = text_to_translate(fields.get("messages"), service.languages)
        check_texts([text], service.settings)
        head = {
            "id": f"chatcmpl-{request_id(request.scope)}",
            "created": int(time.time()),
            "model": service.facts.model,
        }
        options = decoding(service)
        if fields.get("stream"):
            job = await begun(request, service, [text], options)
            counted = bool((fields.get("stream_options") or {}).get("include_usage"))
            chunks = _chunks(head, job, service, request.scope, counted=counted)
            return EventStream(chunks, on_close=job.close)
        found, _ = await translated(request, service, [text], options)
        (answer,) = found
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": answer.text, "refusal": None},
            "logprobs": None,
            "finish_reason": _reason(answer),
        }
        body = {**head, "object": "chat.completion", "choices": [choice], "usage": _usage(answer)}
        return JSONResponse(body)


def _check(fields: Mapping[str, Any]) -> None:
    """Raises BadRequestError: something that no translation can be the answer to."""
    for name in REFUSED:
        if fields.get(name) not in (None, [], "none"):
            raise BadRequestError(f"{name}: this server only translates; leave it out")
    if not isinstance(fields.get("model", ""), str):
        raise BadRequestError("model: must be a string; any is taken")
    if fields.get("n", 1) != 1:
        raise BadRequestError("n: must be 1, since one choice is given")
    form = fields.get("response_format")
    if form is not None and (not isinstance(form, dict) or form.get("type") != "text"):
        raise BadRequestError("response_format: must be of the type text")
    if not isinstance(fields.get("stream", False), bool):
        raise BadRequestError("stream: must be true or false")
    if not isinstance(fields.get("stream_options", {}), dict):
        raise BadRequestError("stream_options: must be an object")


def _reason(answer: Answer) -> str:
    return "length" if answer.truncated else "stop"


def _usage(answer: Answer) -> dict[str, int]:
    source = sum(s.source_tokens for s in answer.sentences())
    target = sum(s.hypotheses[0].tokens for s in answer.sentences())
    return {
        "prompt_tokens": source,
        "completion_tokens": target,
        "total_tokens": source + target,
    }


async def _chunks(
    head: dict[str, Any], job: Job, service: TranslationService, scope: Scope, *, counted: bool
) -> AsyncIterator[bytes]:
    """Sentence by sentence, each with the layout before it."""

    def chunk(delta: dict[str, str], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return _data({**head, "object": "chat.completion.chunk", "choices": [choice]})

    yield chunk({"role": "assistant", "content": ""})
    try:
        async for done in job.events():
            yield chunk({"content": done.text})
        (answer,) = service.finish(job)
        yield chunk({}, _reason(answer))
        if counted:
            whole = {**head, "object": "chat.completion.chunk", "choices": []}
            yield _data({**whole, "usage": _usage(answer)})
    except CsanmtError as error:  # the answer began with 200: what became of it, only metrics say
        scope["state"] |= {"error_code": error.code, OUTCOME: status_of(error)}
        yield _data(_error_body(status_of(error), error.code, str(error)))
    yield b"data: [DONE]\n\n"


def _data(body: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


def _error_body(status: int, code: str, words: str) -> dict[str, Any]:
    kind = TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": words, "type": kind, "param": None, "code": code}}


def openai_error(error: Exception, path: str) -> Response:
    """``{"error": {"message", "type", "param", "code"}}``; what is 413 or 422 with us is 400."""
    plain = error_response(error)
    status = 400 if plain.status_code in (413, 415, 422) else plain.status_code
    code = getattr(error, "code", None) or "http_error"
    words = str(error) if isinstance(error, CsanmtError) else f"nothing answers this at {path}"
    if isinstance(error, UnauthorizedError):
        code = "invalid_api_key"
    elif status == 500:
        words = "internal error"
    return reworded(plain, _error_body(status, str(code), words), status)


def openai_api(backend: Backend) -> Api:
    chat = ChatRoutes(backend.service)
    return Api(
        routes=[
            Route("/v1/models", chat.models),
            Route("/v1/models/{id}", chat.model),
            Route("/v1/chat/completions", chat.complete, methods=["POST"]),
        ],
        description=Path(__file__).with_name("openapi.yaml"),
        error=openai_error,
        prefixes=("/v1/",),
    )
