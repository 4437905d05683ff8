"""Our own shape: JSON with ``text``, in full; also as a stream of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from csanmt.documents.formats import PARSERS
from csanmt.errors import CsanmtError, InvalidInputError
from csanmt.memory.entries import Match
from csanmt.texts import SegmentTranslation
from serving.apis.api import Incoming
from serving.apis.native.schemas import TranslateRequest, parse_request
from serving.glossaries.owner import Glossaries
from serving.http.disconnect import EventStream, event
from serving.http.errors import error_body, status_of
from serving.http.headers import require_json
from serving.http.middleware import OUTCOME, request_id
from serving.texts import Terms, begun, translated
from serving.translating import Answer, Job, Timing, TranslationService


class NativeShape:
    """``{"text": …}`` → ``{"translation": …}``, and the same as a stream."""

    def __init__(self, service: TranslationService, glossaries: Glossaries) -> None:
        self._service, self._glossaries = service, glossaries

    def claims(self, incoming: Incoming) -> bool:
        return True

    async def answer(self, incoming: Incoming) -> Response:
        service = self._service
        query, terms = await self._parse(incoming)
        if query.format != "text" and query.wants_segments:
            raise InvalidInputError(
                f"format {query.format!r} goes without segments, alignment, n_best and memory"
            )
        answers, timing = await translated(
            incoming.request,
            service,
            query.texts,
            query.options(service.facts, service.settings),
            parse=PARSERS.get(query.format),
            terms=terms,
            memory=query.memory,
        )
        identity = request_id(incoming.request.scope)
        return JSONResponse(_response(query, answers, timing, service, identity))

    async def stream(self, request: Request) -> Response:
        """The same request, answered sentence by sentence as server-sent events.

        ``start`` (how many sentences), ``segment`` for each in order with the layout before it,
        ``done`` with the whole answer, or ``error`` in the usual shape.
        """
        service = self._service
        incoming = await Incoming.read(request, service)
        query, terms = await self._parse(incoming)
        if query.format != "text":
            raise InvalidInputError(f"format {query.format!r} cannot be streamed; ask /translate")
        options = query.options(service.facts, service.settings)
        job = await begun(request, service, query.texts, options, terms=terms, memory=query.memory)
        return EventStream(_events(query, job, service, request.scope), on_close=job.close)

    async def _parse(self, incoming: Incoming) -> tuple[TranslateRequest, Terms]:
        require_json(incoming.request)
        query = parse_request(incoming.json(), self._service.settings)
        return query, await self._glossaries.terms(incoming.request, query.glossary)


async def _events(
    query: TranslateRequest, job: Job, service: TranslationService, scope: Scope
) -> AsyncIterator[bytes]:
    identity, model = request_id(scope), service.facts.model
    yield event("start", {"request_id": identity, "model": model, "segments": job.segment_count})
    try:
        async for done in job.events():
            place = {"text_index": done.text_index, "index": done.index}
            layout = {"before": done.before, "after": done.after}
            yield event("segment", place | layout | _segment(query, done.part, job.matches))
        body = _response(query, service.finish(job), job.timing(), service, identity)
        yield event("done", body)
    except CsanmtError as error:  # the answer began with 200: what became of it, only metrics say
        scope["state"] |= {"error_code": error.code, OUTCOME: status_of(error)}
        yield event("error", error_body(error.code, str(error)))


def _response(
    query: TranslateRequest,
    answers: Sequence[Answer],
    timing: Timing,
    service: TranslationService,
    identity: str,
) -> dict[str, Any]:
    shaped, most = query.shaped, query.alternatives
    body = {
        "translation": shaped([answer.text for answer in answers]),
        "model": service.facts.model,
        "request_id": identity,
        "truncated": shaped([answer.truncated for answer in answers]),
    }
    if query.wants_segments:
        body["segments"] = shaped([_segments(query, answer) for answer in answers])
    if most:
        body["alternatives"] = shaped([answer.alternatives(most) for answer in answers])
    if query.timing:
        body["timing"] = _timing(answers, timing)
    return body


def _segments(query: TranslateRequest, answer: Answer) -> list[dict[str, Any]]:
    (text,) = answer.parts  # a plain one
    return [_segment(query, part, answer.matches) for part in text.segments]


def _segment(
    query: TranslateRequest, part: SegmentTranslation, matches: Mapping[str, Match]
) -> dict[str, Any]:
    sentence = part.translation
    best = sentence.hypotheses[0]
    hypotheses = [{"text": h.text, "score": h.score} for h in sentence.hypotheses]
    body: dict[str, Any] = {
        "source": sentence.source,
        "translation": best.text,
        "source_span": part.source_span,
        "target_span": part.target_span,
        "score": best.score,
        "truncated": best.hit_limit,
    }
    if query.n_best > 1:
        body["hypotheses"] = hypotheses[: query.n_best]
    if query.alternatives:
        others = [h for h in hypotheses[1:] if h["text"] != best.text]
        body["alternatives"] = others[: query.alternatives]
    if query.alignment:
        body["alignment"] = list(best.alignment or ())
    if match := matches.get(sentence.source):
        body["memory"] = {
            "match": round(match.similarity, 4),
            "used": match.exact,
            "source": match.pair.source,
            "translation": match.pair.target,
            "origin": match.pair.origin,
        }
    return body


def _timing(answers: Sequence[Answer], timing: Timing) -> dict[str, float]:
    sentences = [sentence for answer in answers for sentence in answer.sentences()]
    return {
        "total_seconds": round(timing.total, 6),
        "queue_seconds": round(timing.queue, 6),
        "compute_seconds": round(timing.compute, 6),
        "segments": len(sentences),
        "source_tokens": sum(s.source_tokens for s in sentences),
        "target_tokens": sum(s.hypotheses[0].tokens for s in sentences),
    }
