"""Our own shape: JSON with ``text``, in full; also as a stream of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from csanmt.errors import CsanmtError, InvalidInputError
from csanmt.markup import PARSERS
from csanmt.memory.entries import Match
from csanmt.segmentation import Segment
from csanmt.translator import DecodingOptions, Hypothesis, Translation
from serving.apis import Incoming
from serving.apis.native.schemas import (
    HypothesisAnswer,
    MemoryAnswer,
    SegmentAnswer,
    TimingAnswer,
    TranslateRequest,
    TranslateResponse,
    parse_request,
)
from serving.glossaries.owner import Glossaries
from serving.http.charging import charged
from serving.http.disconnect import until_disconnect
from serving.http.errors import error_body, error_response
from serving.http.events import EventStream, event
from serving.http.json_body import require_json
from serving.http.middleware import OUTCOME, request_id
from serving.markup import parsed, translate_marked
from serving.texts import with_terms
from serving.translating import Job, SentenceEvent, TextAnswer, Timing, TranslationService


class NativeShape:
    """``{"text": …}`` → ``{"translation": …}``. Claims whatever no other shape does."""

    name = "native"

    def __init__(self, glossaries: Glossaries | None = None) -> None:
        self._glossaries = glossaries

    def claims(self, incoming: Incoming) -> bool:
        return True

    async def answer(self, incoming: Incoming, service: TranslationService) -> Response:
        query = _parse(incoming, service)
        with charged(incoming.request, sum(map(len, query.texts))):
            if query.format != "text":
                return await _answer_markup(query, incoming, service, self._glossaries)
            options = await _options(query, query.texts, incoming, service, self._glossaries)
            answers, timing = await until_disconnect(
                incoming.request, service.translate(query.texts, options, query.memory)
            )
        body = _response(query, answers, timing, service, request_id(incoming.request.scope))
        return JSONResponse(body.model_dump(exclude_none=True))

    def error(self, error: CsanmtError) -> Response:
        return error_response(error)


async def _answer_markup(
    query: TranslateRequest,
    incoming: Incoming,
    service: TranslationService,
    glossaries: Glossaries | None,
) -> Response:
    if query.wants_segments:
        raise InvalidInputError(
            f"format {query.format!r} goes without segments, alignment, n_best and memory"
        )
    documents = await parsed(query.texts, PARSERS[query.format])
    texts = [text.text for document in documents for text in document.texts]
    options = await _options(query, texts, incoming, service, glossaries)
    marked, timing = await until_disconnect(
        incoming.request, translate_marked(service, documents, options)
    )

    shaped = query.shaped
    inner = [answer for document in marked for answer in document.answers]
    body = TranslateResponse(
        translation=shaped([answer.text for answer in marked]),
        model=service.facts.model,
        request_id=request_id(incoming.request.scope),
        truncated=shaped([answer.truncated for answer in marked]),
        alternatives=shaped([a.alternatives for a in marked]) if query.alternatives else None,
        timing=_timing(inner, timing) if query.timing else None,
    )
    return JSONResponse(body.model_dump(exclude_none=True))


async def _options(
    query: TranslateRequest,
    texts: Sequence[str],
    incoming: Incoming,
    service: TranslationService,
    glossaries: Glossaries | None,
) -> DecodingOptions:
    """With the terms of the glossary that ``texts`` hold: those of markup, without its tags."""
    options = query.options(service.facts, service.settings)
    if query.glossary is None or glossaries is None:
        return options
    terms = await glossaries.terms(incoming.request, query.glossary)
    return await with_terms(options, terms, texts)


async def answer_stream(
    incoming: Incoming, service: TranslationService, glossaries: Glossaries | None = None
) -> Response:
    """The same request, answered sentence by sentence as server-sent events.

    ``start`` (how many sentences), ``segment`` for each in order with the layout before it,
    ``done`` with the whole answer, or ``error`` in the usual shape.
    """
    query = _parse(incoming, service)
    if query.format != "text":
        raise InvalidInputError(f"format {query.format!r} cannot be streamed; ask /translate")
    with charged(incoming.request, sum(map(len, query.texts))):
        options = await _options(query, query.texts, incoming, service, glossaries)
        job = await service.begin(query.texts, options, query.memory)
    events = _events(query, job, service, incoming.request.scope)
    return EventStream(events, on_close=job.close)


def _parse(incoming: Incoming, service: TranslationService) -> TranslateRequest:
    require_json(incoming.request)
    return parse_request(incoming.json(), service.settings)


async def _events(
    query: TranslateRequest, job: Job, service: TranslationService, scope: Scope
) -> AsyncIterator[bytes]:
    identity, model = request_id(scope), service.facts.model
    yield event("start", {"request_id": identity, "model": model, "segments": job.segment_count})
    events: list[SentenceEvent] = []
    running = _Running()
    try:
        async for done in job.events():
            events.append(done)
            yield event("segment", running.segment(query, done))
        answers = service.finish(job, events)
        body = _response(query, answers, job.timing(), service, identity)
        yield event("done", body.model_dump(exclude_none=True))
    except CsanmtError as error:  # the answer began with 200: what became of it, only metrics say
        scope["state"] |= {"error_code": error.code, OUTCOME: error.http_status}
        yield event("error", error_body(error.code, str(error)))


class _Running:
    """Where the next sentence of a stream will stand in its translated text."""

    def __init__(self) -> None:
        self._length = 0
        self._previous = ""

    def segment(self, query: TranslateRequest, done: SentenceEvent) -> dict[str, Any]:
        if done.index == 0:
            self._length, self._previous = 0, ""
        text = done.text
        before = done.layout.gap(done.index, self._previous, text)
        after = done.layout.gap(done.index + 1, text, "") if done.last_of_text else ""
        start = self._length + len(before)
        self._length, self._previous = start + len(text), text
        source = done.layout.segments[done.index]
        place = (start, self._length)
        segment = _segment(query, done.translation, source, place, done.match)
        head = {"text_index": done.text_index, "index": done.index}
        return {**head, "before": before, "after": after, **segment.model_dump(exclude_none=True)}


def _response(
    query: TranslateRequest,
    answers: list[TextAnswer],
    timing: Timing,
    service: TranslationService,
    identity: str,
) -> TranslateResponse:
    shaped, most = query.shaped, query.alternatives
    return TranslateResponse(
        translation=shaped([answer.text for answer in answers]),
        model=service.facts.model,
        request_id=identity,
        truncated=shaped([answer.truncated for answer in answers]),
        segments=shaped([_segments(query, a) for a in answers]) if query.wants_segments else None,
        alternatives=shaped([a.alternatives(most) for a in answers]) if most else None,
        timing=_timing(answers, timing) if query.timing else None,
    )


def _segments(query: TranslateRequest, answer: TextAnswer) -> list[SegmentAnswer]:
    parts = zip(answer.sentences, answer.layout.segments, answer.spans, answer.matches, strict=True)
    return [_segment(query, *part) for part in parts]


def _segment(
    query: TranslateRequest,
    sentence: Translation | None,
    source: Segment,
    target: tuple[int, int],
    match: Match | None,
) -> SegmentAnswer:
    if sentence is None:
        sentence = Translation(source.text, (Hypothesis(source.text, 0.0),))
    best = sentence.hypotheses[0]
    hypotheses = [HypothesisAnswer(text=h.text, score=h.score) for h in sentence.hypotheses]
    others = [h for h in hypotheses[1:] if h.text != best.text][: query.alternatives]
    return SegmentAnswer(
        source=source.text,
        translation=best.text,
        source_span=(source.start, source.end),
        target_span=target,
        score=best.score,
        truncated=best.hit_limit,
        hypotheses=hypotheses[: query.n_best] if query.n_best > 1 else None,
        alternatives=others if query.alternatives else None,
        alignment=list(best.alignment or ()) if query.alignment else None,
        memory=_memory(match) if match else None,
    )


def _memory(match: Match) -> MemoryAnswer:
    return MemoryAnswer(
        match=round(match.similarity, 4),
        used=match.exact,
        source=match.pair.source,
        translation=match.pair.target,
        origin=match.pair.origin,
    )


def _timing(answers: list[TextAnswer], timing: Timing) -> TimingAnswer:
    sentences = [s for answer in answers for s in answer.sentences if s]
    return TimingAnswer(
        total_seconds=round(timing.total, 6),
        queue_seconds=round(timing.queue, 6),
        compute_seconds=round(timing.compute, 6),
        segments=len(sentences),
        source_tokens=sum(s.source_tokens for s in sentences),
        target_tokens=sum(s.hypotheses[0].tokens for s in sentences),
    )
