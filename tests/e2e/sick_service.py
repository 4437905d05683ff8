"""Our service with a translator whose illness is read from a file before every batch.

    python sick_service.py PORT MODEL_TAG ILLNESS_FILE BENTO

Illnesses: well, errors, slow, echo, hang, crash.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from csanmt.translator import DecodingOptions, Hypothesis, ShouldStop, Translation
from serving.app import build
from serving.provenance import Provenance
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings
from tests.inline_runner import InlineRunner
from tests.stub_translator import StubTranslator

SECONDS = 0.3
"""Long beside what a busy machine adds, so that three times slower looks like that."""


class SickTranslator(StubTranslator):
    """Answers in English words after ``SECONDS``, unless it is ill."""

    illness: Path

    def translate(
        self,
        sources: Sequence[str],
        options: DecodingOptions = DecodingOptions(),
        *,
        should_stop: ShouldStop | None = None,
    ) -> list[Translation]:
        match self.illness.read_text().strip():
            case "errors":
                raise RuntimeError("the translator is ill")
            case "slow":
                time.sleep(2 * SECONDS)  # three times as slow
            case "hang":
                time.sleep(3600)
            case "crash":
                os._exit(1)
            case "echo":
                return [Translation(s, (Hypothesis(s, 0.0, len(s)),), len(s)) for s in sources]
        time.sleep(SECONDS)
        answers = ["a good answer in plain words" if s.strip() else "" for s in sources]
        return [
            Translation(s, (Hypothesis(a, -0.1, 6),), len(s))
            for s, a in zip(sources, answers, strict=True)
        ]


def main() -> None:
    port, tag, illness = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    translator = SickTranslator(model_tag=tag)
    SickTranslator.illness = illness
    settings = Settings(model=tag, workers=1, batch_deadline=600)
    application = build(
        settings,
        lambda: InlineRunner(translator, TranslatorFacts(tag, "stub")),
        provenance=Provenance(tag, f"sha256:{tag}", sys.argv[4], "abc1234"),
        count_tokens=len,
    )

    async def serve() -> None:
        server = uvicorn.Server(uvicorn.Config(application.asgi, port=port, log_level="warning"))
        await application.pool.start()
        await server.serve()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
