"""Whose glossaries a request may see, and which terms it asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from starlette.requests import Request

from csanmt.errors import InvalidInputError, NotFoundError
from csanmt.glossary import Term, checked
from serving.glossaries.store import GlossaryStore
from serving.http.allowance import Account
from serving.translating import TranslationService

INLINE_TERMS = 1000
Result = TypeVar("Result")


def owner(request: Request) -> str:
    """The key's name; everybody is one where keys are off."""
    key = Account.of(request).key
    return key.name if key else ""


class Glossaries:
    """Finds the terms that a request means."""

    def __init__(self, store: GlossaryStore, service: TranslationService) -> None:
        self.store = store
        self._service = service
        # Threads of its own: those of everybody else are not to wait for a slow disk.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="glossaries")

    async def kept(self, work: Callable[..., Result], request: Request, *given: Any) -> Result:
        """``work``, a method of the store, for the caller's glossaries; beside the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, work, owner(request), *given)

    async def stored(self, request: Request, names: Iterable[str]) -> tuple[Term, ...]:
        """Pairs of stored glossaries for the served direction; an earlier one has precedence.

        Raises:
            NotFoundError: there is no such glossary, or it holds nothing for that direction.
        """
        languages = self._service.languages
        found: dict[str, str] = {}
        for name in names:
            pairs = await self.kept(self.store.pairs, request, name, languages)
            if pairs is None:
                raise NotFoundError(
                    f"No dictionary found for language pair {'-'.join(languages)} in this glossary"
                )
            for source, target in pairs:
                found.setdefault(source, target)
        return tuple(found.items())

    async def terms(self, request: Request, value: Any) -> tuple[Term, ...]:
        """Of our own ``glossary`` field: a name, an object, or None.

        Raises:
            InvalidInputError: two targets of one source, or not a term pair.
            NotFoundError: there is no such glossary.
        """
        if value is None:
            return ()
        if isinstance(value, str):
            return await self.stored(request, [value])
        pairs = list(value.items())
        if len(pairs) > INLINE_TERMS:
            raise InvalidInputError(
                f"glossary: {len(pairs)} terms; allowed in a request are {INLINE_TERMS}; store it"
            )
        return checked(pairs)
