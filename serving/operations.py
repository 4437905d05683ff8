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
from serving.metrics import CONTENT_TYPE, Metrics, resident_bytes
from serving.openapi.document import HERE, Description
from serving.provenance import Provenance
from serving.runners.batching import BatchQueue
from serving.runners.pool import RunnerPool
from serving.settings import Settings
from serving.translating import TranslationService

GROUP = "Operation"
PROBES = ("/livez", "/readyz", "/healthz")


class Operations:
    """Answers ``/livez /readyz /healthz /metrics /version``."""

    def __init__(
        self,
        settings: Settings,
        service: TranslationService,
        pool: RunnerPool,
        queue: BatchQueue,
        metrics: Metrics,
        provenance: Provenance,
    ) -> None:
        self._settings = settings
        self._service = service
        self._pool = pool
        self._queue = queue
        self._metrics = metrics
        self._provenance = provenance

    def api(self) -> Api:
        routes = [
            Route("/livez", self.livez),
            Route("/readyz", self.readyz),
            Route("/healthz", self.healthz),
            Route("/metrics", self.metrics),
            Route("/version", self.version),
        ]
        description = Description(HERE / "operations.yaml")
        return Api(routes, description, probes=PROBES, scopes={"/metrics": "metrics"})

    async def livez(self, request: Request) -> Response:
        """The process answers. Nothing else is checked: a restart heals nothing else."""
        return JSONResponse({"status": "alive"})

    async def readyz(self, request: Request) -> Response:
        """A runner has translated its warm-up sentences and takes requests."""
        if self._pool.ready and self._queue.unavailable is None:
            return JSONResponse({"status": "ready", "model": self._settings.model})
        body = {"status": "starting" if not self._pool.problem else "failing"}
        return JSONResponse(body, 503, headers={"Retry-After": "1"})

    async def healthz(self, request: Request) -> Response:
        """Ready, with what an operator looks at first. 503 when not ready."""
        ready = self._pool.ready and self._queue.unavailable is None
        body = {
            "status": "ok" if ready else "unavailable",
            "model": self._settings.model,
            "runners": {"ready": len(self._pool.pids), "configured": self._settings.runner_count},
            "queue": {"sentences": self._queue.waiting},
        }
        headers = {} if ready else {"Retry-After": "1"}
        return JSONResponse(body, 200 if ready else 503, headers=headers)

    async def metrics(self, request: Request) -> Response:
        self._sample()
        await self._service.recall.sample()
        text = await asyncio.to_thread(self._metrics.render, self._provenance.bento)
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
        return JSONResponse(self._version())

    def _version(self) -> dict[str, Any]:
        facts, settings = self._service.facts, self._settings
        return {
            **self._provenance.as_dict(),
            "engine": {"name": facts.engine, "isa": facts.isa or None},
            "languages": {"source": facts.source_language, "target": facts.target_language},
            "decoding": facts.decoding,
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
