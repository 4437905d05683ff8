"""The translation memory within the service: looked up on request, never in the way.

Lookups run beside the event loop. A memory that fails costs its hits, not the translation.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, TypeVar

from csanmt.errors import InvalidInputError, StorageError
from csanmt.memory.entries import Direction, Match, TranslationUnit
from serving import metric_names as names
from serving.metrics import Metrics
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings

if TYPE_CHECKING:
    from csanmt.memory.store import TranslationMemory

log = logging.getLogger("csanmt.memory")

Mode = Literal["off", "exact", "fuzzy"]
Result = TypeVar("Result")
MOST_FUZZY = 32  # sentences of one request that are compared with the whole memory


def open_memory(settings: Settings) -> TranslationMemory | None:
    """The memory of ``CSANMT_MEMORY_FILE``, if there is one. Raises StorageError."""
    if not settings.memory_file:
        return None
    from csanmt.memory.store import TranslationMemory  # with what compares sentences: not for all

    return TranslationMemory(settings.memory_file, most=settings.memory_entries)


class Recall:
    """Finds sentences in ``memory``; None is a service without one."""

    def __init__(self, memory: TranslationMemory | None, metrics: Metrics) -> None:
        self._memory, self._metrics = memory, metrics
        # Threads of its own: those of everybody else are not to wait for a slow disk.
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="memory-reader")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="memory-writer")

    async def _read(self, work: Callable[..., Result], *arguments: object) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, work, *arguments)

    @property
    def available(self) -> bool:
        return self._memory is not None

    async def find(
        self, sentences: Sequence[str], mode: Mode, facts: TranslatorFacts
    ) -> dict[str, Match]:
        """What is remembered of ``sentences``: the same ones, and with ``fuzzy`` similar ones.

        Raises:
            InvalidInputError: the service has no memory to ask.
        """
        if mode == "off":
            return {}
        if self._memory is None:
            raise InvalidInputError(
                f"memory is {mode!r}, but this server keeps no translation memory; allowed is 'off'"
            )
        if not sentences:
            return {}
        direction = Direction(facts.source_language, facts.target_language, facts.model)
        try:
            found = await self._read(_look_up, self._memory, direction, sentences, mode == "fuzzy")
        except StorageError as error:
            log.warning("memory failed", extra={"error": str(error)})
            self._metrics.count(names.MEMORY_LOOKUPS, "failed", amount=len(sentences))
            return {}
        kinds = Counter("exact" if match.exact else "fuzzy" for match in found.values())
        kinds["none"] = len(sentences) - len(found)
        for kind, count in kinds.items():
            self._metrics.count(names.MEMORY_LOOKUPS, kind, amount=count)
        return found

    async def remember(self, pair: TranslationUnit, facts: TranslatorFacts) -> None:
        """Store a person's translation, for this model and those after it.

        Raises:
            StorageError, InvalidInputError: as ``TranslationMemory.add``.
        """
        if self._memory is not None:
            direction = Direction(facts.source_language, facts.target_language)
            try:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._writer, self._memory.add, direction, [pair])
            except StorageError as error:  # its message names a file of the server's
                log.warning("memory failed", extra={"error": str(error)})
                raise StorageError("the translation memory cannot be written now") from None

    async def sample(self) -> None:
        """Set the gauge of entries."""
        if self._memory is not None:
            try:
                count = await self._read(len, self._memory)
            except StorageError as error:
                log.warning("memory failed", extra={"error": str(error)})
                return
            self._metrics.set(names.MEMORY_ENTRIES, count)


def _look_up(
    memory: TranslationMemory, direction: Direction, sentences: Sequence[str], fuzzy: bool
) -> dict[str, Match]:
    found = memory.exact(direction, sentences)
    others = [sentence for sentence in sentences if sentence not in found]
    for sentence in others[:MOST_FUZZY] if fuzzy else ():
        match = memory.similar(direction, sentence)
        if match:
            found[sentence] = match
    return found
