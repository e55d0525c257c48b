"""Searches by words that come at the same time are answered together: reading the index once for all of them costs
little more than for one, and one thread does not wait for another's turn at the interpreter.

A search alone is answered at once; the next batch is whatever has come meanwhile.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from retrieval.items import Hit
from retrieval.ports import Where
from retrieval.search import Search

_MOST = 32  # searches of one batch


@dataclass(frozen=True, slots=True)
class _Wanted:
    text: str
    where: Where
    k: int
    found: asyncio.Future[list[Hit]]


class WordSearch:
    """Batches in front of `Search.by_texts`. Of one event loop."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._waiting: list[_Wanted] = []
        self._working: asyncio.Task[None] | None = None

    async def search(self, text: str, where: Where, k: int) -> list[Hit]:
        """The k items whose titles are closest to a text, best first. Raises what the search raises."""
        wanted = _Wanted(text, where, k, asyncio.get_running_loop().create_future())
        self._waiting.append(wanted)
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await wanted.found

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._answer(batch)
        finally:
            self._working = None

    async def _answer(self, batch: list[_Wanted]) -> None:
        try:
            most = max(one.k for one in batch)
            rows = await run_in_threadpool(
                self._search.by_texts, [one.text for one in batch], [one.where for one in batch], k=most
            )
        except Exception as error:
            if len(batch) > 1:  # one that cannot be answered must not cost the others theirs
                for one in batch:
                    await self._answer([one])
            elif not batch[0].found.done():
                batch[0].found.set_exception(error)
            return
        for one, hits in zip(batch, rows, strict=True):
            if not one.found.done():  # whoever asked may have left
                one.found.set_result(hits[: one.k])
