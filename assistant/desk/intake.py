"""From the main path to the desk, behind the shopper's back: nobody waits for it, and what fails there harms no answer."""

from __future__ import annotations

import logging
import queue
import random
import threading

from assistant.desk.cases import cases_of
from assistant.desk.photos import Crops
from assistant.desk.store import DeskStore, Filter
from assistant.looks import Proposal
from retrieval.errors import OutfitError

_LOG = logging.getLogger(__name__)
_WAITING = 100  # proposals; what comes while so many wait is left out
MOST_OPEN = 5_000  # looks are added up to here; what is contested always is
_SWEEP_S = 600.0


class Intake:
    """Keeps `share` of the proposals as cases, in a thread of its own, and deletes crops that are over their time."""

    def __init__(self, store: DeskStore, crops: Crops, share: float = 1.0) -> None:
        self._store, self._crops, self._share = store, crops, share
        self._waiting: queue.Queue[Proposal | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
        self.left_out = 0  # proposals that came while too many waited

    def start(self) -> None:
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, name="desk", daemon=True)
        self._thread.start()

    def take(self, proposal: Proposal) -> None:
        """Never waits, never raises."""
        if self._share < 1 and random.random() >= self._share:
            return
        try:
            self._waiting.put_nowait(proposal)
        except queue.Full:
            self.left_out += 1
            if self.left_out == 1 or self.left_out % 100 == 0:
                _LOG.warning("the stylists' desk cannot keep up: %d answers were left out so far", self.left_out)

    def settle(self) -> None:
        """Wait until everything that was taken is kept."""
        self._waiting.join()

    def stop(self) -> None:
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(10)
            self._thread = None

    def _run(self) -> None:
        while True:
            try:
                proposal = self._waiting.get(timeout=_SWEEP_S)
            except queue.Empty:
                self._guarded(self._crops.sweep)
                continue
            try:
                if proposal is None:
                    return
                self._guarded(lambda kept=proposal: self.keep(kept))
            finally:
                self._waiting.task_done()

    def _guarded(self, work) -> None:
        try:
            work()
        except OutfitError as error:
            _LOG.warning("the stylists' desk: %s", error)
        except Exception:
            _LOG.exception("the stylists' desk")

    def keep(self, proposal: Proposal) -> list[int]:
        """Keep what should be looked over of one answer, right here. Gives the cases' ids."""
        self._crops.sweep()
        new = cases_of(proposal)
        if self._store.count(Filter()) >= MOST_OPEN:
            new = [case for case in new if case.is_contested]
        if not new:
            return []
        garment = proposal.answer.garment
        has_own = garment is not None and garment.sku is None and garment.picture is not None
        return self._store.add(new, self._crops.put(garment.picture) if has_own else None)
