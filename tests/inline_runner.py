"""A runner that is no process: it translates in a thread of the gateway, which tests look into."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from csanmt.errors import CsanmtError
from csanmt.translator import DecodingOptions, Translation, Translator
from serving.quality_signals import examined
from serving.runners.remote import Runner
from serving.runners.translators import TranslatorFacts, engine_fault


class InlineRunner(Runner):
    """Runs batches in a thread of this process."""

    def __init__(self, translator: Translator, facts: TranslatorFacts) -> None:
        self._translator, self._facts = translator, facts
        self._stop_batch = False

    @property
    def pid(self) -> int:
        return os.getpid()

    async def start(self) -> TranslatorFacts:
        return self._facts

    async def run(
        self, sources: Sequence[str], options: DecodingOptions
    ) -> tuple[list[Translation], float]:
        loop = asyncio.get_running_loop()
        started = loop.time()
        self._stop_batch = False
        try:
            translations = await asyncio.to_thread(
                self._translator.translate, sources, options, should_stop=lambda: self._stop_batch
            )
        except CsanmtError:
            raise
        except Exception as error:
            raise engine_fault(error) from None
        return examined(translations), loop.time() - started

    async def ended(self) -> None:
        await asyncio.get_running_loop().create_future()  # not before this process

    def cancel(self) -> None:
        self._stop_batch = True

    async def stop(self) -> None:
        return None

    def kill(self) -> None:
        self._stop_batch = True
