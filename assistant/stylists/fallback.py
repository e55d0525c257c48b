"""Two stylists as one: the model while it is there, the embedded one while it is not, and every change announced."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar

from assistant import turn
from assistant.stylists import ShotTags, StylistModel, Suggestion, Verdict
from assistant.wish import Wish
from retrieval.errors import InvalidReply, ModelError
from retrieval.items import Attributes, Garment, Lang, Slot

if TYPE_CHECKING:
    from PIL.Image import Image

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")


class FallbackStylist:
    """The port StylistModel. A call that the `primary` cannot do is done by the `secondary`, with a notice in the turn.

    The primary gets `share` of the time that the turn has left, so that there is always some for the secondary. A pair
    that the primary judged badly (InvalidReply) is not judged by the secondary: it stays withheld. Nothing is concluded
    from a cancelled turn.
    """

    def __init__(
        self,
        primary: StylistModel,
        secondary: StylistModel,
        announce: Callable[[str], None] | None = None,
        share: float = 0.7,
    ) -> None:
        self.primary, self.secondary = primary, secondary
        self._announce, self._share = announce, share
        self.name, self.concurrency = primary.name, primary.concurrency
        # An embedded stylist that works on one thread is given one at a time.
        self._alone = threading.Lock() if secondary.concurrency == 1 else nullcontext()
        self._lock = threading.Lock()
        self.is_down = False  # what the last call to the primary showed

    @property
    def fingerprint(self) -> str:
        return getattr(self.primary, "fingerprint", "")

    def describe(self, crop: Image) -> Attributes:
        return self._first(lambda stylist: stylist.describe(crop))

    def suggest(self, garment: Garment, wish: Wish, slots: Sequence[Slot]) -> list[Suggestion]:
        return self._first(lambda stylist: stylist.suggest(garment, wish, slots))

    def judge(self, reference: Garment, candidate: Garment, lang: Lang) -> Verdict:
        return self._first(lambda stylist: stylist.judge(reference, candidate, lang), InvalidReply)

    def tag(self, image: Image) -> ShotTags:
        return self._first(lambda stylist: stylist.tag(image))

    def understand(self, message: str, wish: Wish) -> Wish:
        return self._first(lambda stylist: stylist.understand(message, wish))

    def _first(self, ask: Callable[[StylistModel], _T], *not_for: type[ModelError]) -> _T:
        outer = turn.current()
        outer.check()
        deadline = None
        if outer.deadline is not None:
            deadline = time.monotonic() + self._share * (outer.deadline - time.monotonic())
        try:
            with turn.within(deadline):
                answer = ask(self.primary)
        except turn.Cancelled:
            raise
        except not_for:
            raise
        except ModelError as error:
            outer.check()  # the whole turn is over: there is nobody to answer
            self._went_down(error)
        else:
            self._came_back()
            return answer
        with self._alone:
            return ask(self.secondary)

    def _went_down(self, error: ModelError) -> None:
        notice = f"{self.name} is not used ({error}): the embedded stylist {self.secondary.name} stands in for it."
        turn.current().notice(f"{self.name} cannot be used at the moment: the embedded stylist stands in for it.")
        with self._lock:
            is_news, self.is_down = not self.is_down, True
        if is_news:
            _LOG.warning(notice)
            if self._announce is not None:
                self._announce(notice)

    def _came_back(self) -> None:
        with self._lock:
            is_news, self.is_down = self.is_down, False
        if is_news:
            notice = f"{self.name} answers again."
            _LOG.info(notice)
            if self._announce is not None:
                self._announce(notice)
