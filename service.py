"""The bento: one page that wires model, runners, API and page together.

``bentoml serve service:CsanmtService`` runs it from a checkout, ``bentoml serve
csanmt:VERSION`` from a built bento; ``csanmt serve`` does the first and checks
beforehand what can be checked.
"""

from __future__ import annotations

import gc
import os
import sys

# BentoML merges the metrics of many processes through files, at a system call and a lock a
# count. There is one gateway, and the files of a second server in the same home would mix in.
os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # before prometheus_client is imported

from collections.abc import Awaitable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import bentoml
from starlette.types import Receive, Scope, Send

from csanmt.errors import CsanmtError
from serving import provenance
from serving.apis.native.schemas import TranslateRequest, TranslateResponse
from serving.app import Application, build
from serving.bento_adapter import (
    CsanmtBentoService,
    end_with_supervisor,
)
from serving.http.keys import KeyRing
from serving.image import serving_image
from serving.logs import configure_logging, write_held_lines
from serving.memory import open_memory
from serving.runners.remote import Runner
from serving.runners.translators import token_counter
from serving.settings import Settings

ROOT = Path(__file__).resolve().parent
PINNED = provenance.pinned_model(provenance.bento_manifest(ROOT))


def _put_default_where_bentoml_looks(tag: str) -> None:
    """A plain ``bentoml serve`` of a checkout finds the model too, in BentoML's own store."""
    from model_store import DEFAULT_TAG, ModelStore, ensure_default
    from model_store.home import bentomls_home

    store = ModelStore(bentomls_home(os.environ))
    if tag == DEFAULT_TAG and not (store.models / tag.replace(":", "/")).is_dir():
        ensure_default(store)


os.environ.setdefault("BENTOML_DO_NOT_TRACK", "true")  # a translation server calls nobody
try:
    settings = Settings.from_environment(os.environ)
    keys = KeyRing.load(settings.api_keys_file) if settings.api_keys_file else None
except CsanmtError as error:  # one line, as of `csanmt serve`
    sys.stderr.write(f"csanmt: error: {error}\n")
    raise SystemExit(error.exit_code) from None
if not settings.trust_proxy:  # else uvicorn believes what any client on this machine says it is
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
if PINNED:
    settings = replace(settings, model=PINNED)
given = settings.translator or settings.model_directory
if not (given or PINNED):
    _put_default_where_bentoml_looks(settings.model)
model = None if given else bentoml.models.BentoModel(settings.model)


class Worker:
    """What a worker process serves; built when it starts, not where it is only described."""

    @cached_property
    def application(self) -> Application:
        configure_logging(settings.log_format, settings.model)
        directory = Path(model.resolve().path if model else settings.model_directory)
        located = replace(settings, model_directory=str(directory))

        def make_runner() -> Runner:
            return Runner({**os.environ, **located.to_environment()})

        return build(
            located,
            make_runner,
            provenance=provenance.collect(settings.model, directory, ROOT, settings.git_commit),
            count_tokens=token_counter(located),
            keys=keys,
            page=ROOT / "ui",
            memory=open_memory(settings),
            bento_schema=CsanmtService.schema,
        )

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self.application.asgi(scope, receive, send)


worker = Worker()


@bentoml.service(
    name="csanmt",
    service_class=CsanmtBentoService,
    image=serving_image(os.environ, ROOT),
    workers=1,  # one gateway; CSANMT_WORKERS counts the runners behind it
    traffic={"timeout": 86400},  # CSANMT_TIMEOUT is ours and answers in our shape
    metrics={"enabled": False},  # ours say more, at a fraction of the price
    logging={"access": {"enabled": False}},  # ours names the request id and the model
    http={"host": settings.host, "port": settings.port},
    envs=[{"name": "BENTOML_DO_NOT_TRACK", "value": "true"}],
)
class CsanmtService:
    """Gateway of the translation service: HTTP, batching, and the runners it keeps alive."""

    model_version = model

    # Requests over HTTP never get here: the application in front answers them.
    # It is what BentoML's clients and bento.yaml know of /translate.
    @bentoml.api(input_spec=TranslateRequest, output_spec=TranslateResponse)
    async def translate(self, **fields: Any) -> Any:
        """Translate a text or a list of texts, as POST /translate does."""
        raise RuntimeError("ask over HTTP, where the application in front answers")

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def start(self) -> None:
        end_with_supervisor()
        gc.freeze()  # what was imported stays: no collection looks through it again
        gc.set_threshold(10_000)  # a request is freed as it ends, and leaves next to no cycles
        await worker.application.pool.start()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def stop(self) -> None:
        await worker.application.documents.stop()
        await worker.application.pool.stop()
        write_held_lines()


CsanmtService.application = worker
