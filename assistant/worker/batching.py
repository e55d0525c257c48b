"""Requests that arrive together go through a model together: one thread a model, a bounded queue before it."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field
from typing import Any

from retrieval.errors import ModelUnavailable

Work = Callable[[Sequence[Any], Hashable], Sequence[Any]]


class Busy(Exception):
    """The queue is full: to be refused at once, and tried again in a moment."""


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    inputs: Sequence[Any]
    kind: Hashable
    done: Future = field(default_factory=Future)


class Batcher:
    """`work(inputs, kind)` gives one result an input. Only jobs of equal `kind` are put together.

    `most`: inputs of one call. `waiting`: jobs that may wait, above which Busy is raised. `linger_s`: how long the first
    job of a batch waits for others; nobody waits where the model is busy anyway.
    """

    def __init__(self, work: Work, *, name: str, most: int = 64, waiting: int = 256, linger_s: float = 0.003) -> None:
        self._work, self._most, self._linger_s = work, most, linger_s
        self.name = name
        self._jobs: queue.Queue[_Job | None] = queue.Queue(waiting)
        self._kept: _Job | None = None  # taken from the queue, and of another kind than the batch before it
        self._began: float | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=f"batch-{name}", daemon=True)
        self._thread.start()

    def run(self, inputs: Sequence[Any], kind: Hashable = None, *, timeout_s: float) -> Sequence[Any]:
        """The results of the inputs, in their order; waits for them. Raises what `work` raised of these inputs, Busy,
        and ModelUnavailable after `timeout_s`."""
        if not inputs:
            return []
        job = _Job(inputs, kind)
        try:
            self._jobs.put_nowait(job)
        except queue.Full as error:
            raise Busy(self.name) from error
        if self._is_closed:  # it may have been put behind the end
            job.done.cancel()
        try:
            return job.done.result(timeout_s)
        except FutureTimeout as error:
            job.done.cancel()
            raise ModelUnavailable(f"{self.name} gave no answer within {timeout_s:g} s") from error

    @property
    def busy_s(self) -> float:
        """How long the call that is under way has taken, seconds; 0 where none is."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    def close(self) -> None:
        """No more work is taken; what waits is given up."""
        self._is_closed = True
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is not None:
                job.done.cancel()
        self._jobs.put(None)

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            batch = [job for job in batch if job.done.set_running_or_notify_cancel()]
            if not batch:
                continue
            self._began = time.monotonic()
            try:
                self._answer(batch)
            finally:
                self._began = None

    def _next(self) -> list[_Job] | None:
        first = self._kept or self._jobs.get()
        self._kept = None
        if first is None:
            return None
        batch, count, until = [first], len(first.inputs), time.monotonic() + self._linger_s
        while count < self._most:
            try:
                job = self._jobs.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)  # the end comes after this batch
                break
            if job.kind != first.kind or count + len(job.inputs) > self._most:
                self._kept = job
                break
            batch.append(job)
            count += len(job.inputs)
        return batch

    def _answer(self, batch: list[_Job]) -> None:
        """One call for all; where it fails, one for each, so that nobody pays for another's input."""
        try:
            results = self._work([one for job in batch for one in job.inputs], batch[0].kind)
        except Exception as error:
            if len(batch) == 1:
                batch[0].done.set_exception(error)
                return
            for job in batch:
                self._answer([job])
            return
        start = 0
        for job in batch:
            job.done.set_result(results[start : start + len(job.inputs)])
            start += len(job.inputs)
