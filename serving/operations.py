"""Routes for those who run the service: probes, metrics, version."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from serving import metric_names as names
from serving.apis.api import Api
from serving.metrics import CONTENT_TYPE, resident_bytes
from serving.openapi.document import HERE
from serving.provenance import Provenance
from serving.translating import TranslationService

PROBES = ("/livez", "/readyz", "/healthz")


class Operations:
    """Answers ``/livez /readyz /healthz /metrics /version``."""

    def __init__(self, service: TranslationService, provenance: Provenance) -> None:
        self._service, self._provenance = service, provenance
        self._pool, self._queue = service.pool, service.queue
        self._settings, self._metrics = service.settings, service.metrics

    def api(self) -> Api:
        routes = [
            Route("/livez", self.livez),
            Route("/readyz", self.readyz),
            Route("/healthz", self.healthz),
            Route("/metrics", self.metrics),
            Route("/version", self.version),
        ]
        description = HERE / "operations.yaml"
        return Api(routes, description, probes=PROBES, scopes={"/metrics": "metrics"})

    async def livez(self, request: Request) -> Response:
        """The process answers. Nothing else is checked: a restart heals nothing else."""
        return JSONResponse({"status": "alive"})

    @property
    def _ready(self) -> bool:
        """A runner has translated its warm-up sentences and takes requests."""
        return self._pool.ready and self._queue.unavailable is None

    def _probed(self, body: dict[str, Any]) -> Response:
        if self._ready:
            return JSONResponse(body)
        return JSONResponse(body, 503, headers={"Retry-After": "1"})

    async def readyz(self, request: Request) -> Response:
        if self._ready:
            return self._probed({"status": "ready", "model": self._settings.model})
        return self._probed({"status": "failing" if self._pool.problem else "starting"})

    async def healthz(self, request: Request) -> Response:
        """Ready, with what an operator looks at first. 503 when not ready."""
        return self._probed(
            {
                "status": "ok" if self._ready else "unavailable",
                "model": self._settings.model,
                "runners": {
                    "ready": len(self._pool.pids),
                    "configured": self._settings.runner_count,
                },
                "queue": {"sentences": self._queue.waiting},
            }
        )

    async def metrics(self, request: Request) -> Response:
        self._sample()
        await self._service.recall.sample()
        text = await asyncio.to_thread(self._metrics.render)
        return PlainTextResponse(text, headers={"Content-Type": CONTENT_TYPE})

    def _sample(self) -> None:
        """Gauges that are read when asked for."""
        for endpoint, active in self._metrics.in_progress.items():
            self._metrics.set(names.IN_PROGRESS, active, endpoint)
        pids = self._pool.pids
        self._metrics.set(names.RUNNERS_READY, len(pids))
        self._metrics.set(names.QUEUE_SENTENCES, self._queue.waiting)
        self._metrics.set(names.RESIDENT_MEMORY, resident_bytes([os.getpid()]), "gateway")
        self._metrics.set(names.RESIDENT_MEMORY, resident_bytes(pids), "runners")
        facts, known = self._service.facts, self._provenance
        labels = (known.model_digest, known.bento, known.git_commit, facts.engine, facts.isa)
        self._metrics.set(names.BUILD_INFO, 1, *labels)

    async def version(self, request: Request) -> Response:
        facts, settings = self._service.facts, self._settings
        body = {
            **self._provenance.as_dict(),
            "engine": {"name": facts.engine, "isa": facts.isa or None},
            "languages": {"source": facts.source_language, "target": facts.target_language},
            "decoding": {
                name: getattr(facts, name) for name in ("beam", "length_penalty", "max_length")
            },
            "memory": self._service.recall.available,
            "limits": {
                "characters": settings.max_characters,
                "texts": settings.max_texts,
                "segments": settings.max_segments,
                "body_bytes": settings.max_body_bytes,
                "document_bytes": settings.max_document_bytes,
                "document_characters": settings.max_document_characters,
                "beam": settings.max_beam,
                "n_best": settings.max_beam,
                "alternatives": settings.max_beam - 1,
                "max_length": settings.max_length,
                "seconds": settings.timeout,
            },
        }
        return JSONResponse(body)
