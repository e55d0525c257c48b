"""Which candidates are admitted: each is judged beside the shopper's garment, and only a clear yes is shown.

Candidates of a slot are asked in rank order, as many at once as pieces are missing; each refusal lets the next one in,
within bounds (self-correction). What is admitted is therefore the first `per_slot` candidates that got a yes, in rank
order, whatever the order in which the answers came. Undecided, failed and late candidates are withheld, each with its
reason: the stylist's desk sees them.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from assistant import turn
from assistant.looks import Candidate, Piece
from assistant.stylists import Answer, StylistModel, Verdict
from assistant.verdicts import verdict_key
from retrieval.errors import InvalidSetting, OutfitError
from retrieval.images import pixel_digest
from retrieval.items import Garment, Item, Lang, Slot

if TYPE_CHECKING:
    from PIL.Image import Image

_LOG = logging.getLogger(__name__)

_POLL_S = 0.1  # how often a waiting conversation looks whether its shopper left


@dataclass(frozen=True, slots=True)
class Policy:
    """How many pieces a slot needs, and how hard to look for them.

    At most `per_slot * max_rounds` candidates of a slot are asked. `both_orders` asks each pair twice, once with the
    pictures swapped: a disagreement is undecided. A yes of a lower `p_yes` than `least_p_yes` is undecided too.
    """

    per_slot: int = 4
    max_rounds: int = 3
    both_orders: bool = False
    least_p_yes: float = 0.0

    def __post_init__(self) -> None:
        if self.per_slot < 1 or self.max_rounds < 1:
            raise InvalidSetting(
                f"guardrail policy per_slot={self.per_slot}, max_rounds={self.max_rounds}: expected both at least 1"
            )


@dataclass(frozen=True, slots=True)
class Admitted:
    """`pieces` by slot and `withheld` in rank order. `short` slots got none although there were candidates.

    `counts`, of candidates: asked = yes + no + undecided + failed + late; duplicates (left out as the same item or
    picture as a better one); locked. Of ordered pairs: calls (to the model), cached (answered by the cache).
    """

    pieces: dict[Slot, tuple[Piece, ...]]
    withheld: tuple[Piece, ...]
    counts: dict[str, float]

    @property
    def short(self) -> tuple[Slot, ...]:
        return tuple(slot for slot, pieces in self.pieces.items() if not pieces)


class Cache(Protocol):
    def get(self, key: str) -> Verdict | None: ...

    def put(self, key: str, verdict: Verdict) -> None: ...


def admit(
    reference: Garment,
    candidates: Mapping[Slot, Sequence[Candidate]],
    *,
    stylist: StylistModel,
    pictures: Callable[[Item], Image | None],
    policy: Policy = Policy(),
    lang: Lang = "en",
    cache: Cache | None = None,
    locked: Mapping[str, Verdict] | None = None,
    approved: Collection[str] = (),
    more: Callable[[tuple[Slot, ...]], Mapping[Slot, Sequence[Candidate]]] | None = None,
    progress: Callable[[int, int], None] | None = None,
    deadline: float | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Admitted:
    """Judge candidates, given by slot and best first, beside `reference`; see the head of this module.

    Calls run in a pool of `stylist.concurrency` threads that all conversations share; a stylist of concurrency 1 is
    called right here. A judge that fails with an OutfitError costs its own candidate only. `locked` pieces (verdict by
    sku) were admitted in an earlier turn and are not asked again. A sku in `approved` was admitted by a stylist of the
    shop, whatever the model says of it. `more` is asked once, for the slots that got nothing:
    the model may name other items then. `progress(done, asked)` counts candidates. `deadline` is a `time.monotonic()`
    in seconds, after which whatever is still open is withheld; `cancelled()` turning true raises turn.Cancelled.
    """
    with turn.within(deadline, cancelled) as now:
        court = _Court(reference, stylist, pictures, policy, lang, cache, now, frozenset(approved))
        queues = {slot: _Queue.of(slot, ranked, policy, locked or {}) for slot, ranked in candidates.items()}
        _hear(court, list(queues.values()), progress)
        short = tuple(slot for slot, queue in queues.items() if not queue.admitted)
        if more is not None and short and not now.is_over:
            seen = frozenset(entry.candidate.item.sku for queue in queues.values() for entry in queue.entries)
            second = [
                _Queue.of(slot, [c for c in ranked if c.item.sku not in seen], policy, {})
                for slot, ranked in more(short).items()
            ]
            _hear(court, second, progress)
            for queue in second:
                queues.setdefault(queue.slot, _Queue(queue.slot, 0, policy)).extend(queue)
    return _result(queues, court)


def combine(one: Verdict, other: Verdict, lang: Lang) -> Verdict:
    """Both orders of a pair as one verdict: they agree, or it is undecided. `p_yes` is the mean where both have one."""
    p_yes = None if one.p_yes is None or other.p_yes is None else (one.p_yes + other.p_yes) / 2
    orders = (one.p_yes, other.p_yes)
    if one.answer is other.answer:
        return Verdict(one.answer, p_yes, one.reason or other.reason, one.model, orders)
    if {one.answer, other.answer} == {Answer.YES, Answer.NO}:
        return Verdict(Answer.UNDECIDED, p_yes, _WITHHELD["disagreed"][lang], one.model, orders)
    undecided = one if one.answer is Answer.UNDECIDED else other
    return Verdict(Answer.UNDECIDED, p_yes, undecided.reason, undecided.model, orders)


def upheld(verdict: Verdict, lang: Lang) -> Verdict:
    """The verdict on a piece that a stylist approved: yes. The model's reason stays where it said yes as well."""
    if verdict.answer is Answer.YES:
        return verdict
    return replace(verdict, answer=Answer.YES, reason=_APPROVED[lang], model=BY_A_STYLIST)


def to_ask(missing: int, in_flight: int, asked: int, available: int) -> int:
    """How many further candidates of a slot to ask now: as many as could still be needed, never more than there are."""
    return max(0, min(missing - in_flight, available - asked))


# --- one slot's candidates --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Entry:
    candidate: Candidate
    verdict: Verdict | None = None
    heard: dict[bool, _Heard] = field(default_factory=dict)  # by whether the pictures were swapped
    trouble: str = ""
    is_locked: bool = False

    def settle(self, court: _Court) -> None:
        first, *second = (self.heard[swapped] for swapped in sorted(self.heard))
        self.verdict = combine(first.verdict, second[0].verdict, court.lang) if second else first.verdict
        self.trouble = next((h.trouble for h in self.heard.values() if h.trouble), "")
        if self.verdict.answer is Answer.YES and (self.verdict.p_yes or 1.0) < court.policy.least_p_yes:
            self.verdict = replace(self.verdict, answer=Answer.UNDECIDED, reason=_WITHHELD["unsure"][court.lang])
        if self.candidate.item.sku in court.approved:
            self.verdict, self.trouble = upheld(self.verdict, court.lang), ""

    def piece(self) -> Piece:
        c = self.candidate
        return Piece(c.slot, c.item, self.verdict, c.score, c.is_closest, self.is_locked)


@dataclass(slots=True)
class _Queue:
    slot: Slot
    duplicates: int
    policy: Policy
    entries: list[_Entry] = field(default_factory=list)
    asked: int = 0
    in_flight: int = 0

    @classmethod
    def of(cls, slot: Slot, ranked: Sequence[Candidate], policy: Policy, locked: Mapping[str, Verdict]) -> _Queue:
        kept = without_duplicates(ranked)
        queue = cls(slot, len(ranked) - len(kept), policy)
        for candidate in kept:
            verdict = locked.get(candidate.item.sku)
            entry = _Entry(candidate, verdict, is_locked=verdict is not None)
            queue.entries.append(entry)
        # Locked pieces stand first: they are in every look, and need no place in the line of those to be asked.
        queue.entries.sort(key=lambda entry: not entry.is_locked)
        queue.asked = sum(entry.is_locked for entry in queue.entries)
        return queue

    @property
    def admitted(self) -> list[_Entry]:
        return [e for e in self.entries if e.verdict is not None and e.verdict.answer is Answer.YES]

    def next(self) -> list[_Entry]:
        n_locked = sum(entry.is_locked for entry in self.entries)
        bound = min(len(self.entries), n_locked + self.policy.per_slot * self.policy.max_rounds)
        n = to_ask(self.policy.per_slot - len(self.admitted), self.in_flight, self.asked, bound)
        chosen = self.entries[self.asked : self.asked + n]
        self.asked += n
        self.in_flight += n
        return chosen

    def extend(self, other: _Queue) -> None:
        self.entries += other.entries
        self.duplicates += other.duplicates


def without_duplicates(ranked: Sequence[Candidate]) -> list[Candidate]:
    """The same item, or another item with the very same picture, stays once: at its best rank."""
    kept, skus, views = [], set(), set()
    for candidate in ranked:
        item = candidate.item
        view = item.views[0].digest if item.views else None
        if item.sku in skus or (view and view in views):
            continue
        skus.add(item.sku)
        views.add(view)
        kept.append(candidate)
    return kept


# --- asking -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Heard:
    """What came back for one ordered pair; `trouble` is "failed" or "late" where the model gave no verdict."""

    verdict: Verdict
    trouble: str = ""


class _Court:
    """Everything that judging one pair needs, and how often the model and the cache were asked."""

    def __init__(
        self,
        reference: Garment,
        stylist: StylistModel,
        pictures: Callable[[Item], Image | None],
        policy: Policy,
        lang: Lang,
        cache: Cache | None,
        now: turn.Turn,
        approved: frozenset[str],
    ) -> None:
        self.approved = approved
        self.reference, self.stylist, self.pictures = reference, stylist, pictures
        self.policy, self.lang, self.now = policy, lang, now
        # A stylist without a fingerprint of model and prompts cannot be cached: nothing would tell its versions apart.
        self._fingerprint: str = getattr(stylist, "fingerprint", "")
        self._cache = cache if self._fingerprint and reference.picture is not None else None
        self._reference_digest = pixel_digest(reference.picture) if self._cache is not None else ""
        self.calls = 0
        self.cached = 0
        self._lock = threading.Lock()

    def judge(self, item: Item, swapped: bool) -> _Heard:
        """One ordered pair: from the cache, or from the model. Failures become verdicts that withhold."""
        try:
            self.now.check()
            candidate = item.as_garment(self.pictures(item))
            pair = (candidate, self.reference) if swapped else (self.reference, candidate)
            key = self._key(item, candidate, pair, swapped)
            kept = self._cache.get(key) if key else None
            with self._lock:
                self.calls += kept is None
                self.cached += kept is not None
            if kept is not None:
                return _Heard(kept)
            verdict = self.stylist.judge(*pair, self.lang)
            # A fall-back's verdict is not the model's own: it must not be remembered as such.
            if key and verdict.model == self.stylist.name:
                self._cache.put(key, verdict)
            return _Heard(verdict)
        except turn.Cancelled:
            raise
        except turn.TurnOver:
            return self.late()
        except OutfitError as error:
            _LOG.warning("candidate %s is withheld, it could not be judged: %s", item.sku, error)
            return self._no_verdict("failed")

    def late(self) -> _Heard:
        return self._no_verdict("late")

    def _key(self, item: Item, candidate: Garment, pair: tuple[Garment, Garment], swapped: bool) -> str:
        if self._cache is None or candidate.picture is None:
            return ""
        digest = item.views[0].digest if item.views else pixel_digest(candidate.picture)
        digests = (digest, self._reference_digest) if swapped else (self._reference_digest, digest)
        return verdict_key(self._fingerprint, *pair, self.lang, digests)

    def _no_verdict(self, trouble: str) -> _Heard:
        return _Heard(Verdict(Answer.UNDECIDED, None, _WITHHELD[trouble][self.lang], self.stylist.name), trouble)


BY_A_STYLIST = "stylist"  # who judged, where a person did
_APPROVED = {"en": "A stylist of the shop chose this piece for it.", "zh": "这是本店造型师为它挑选的。"}
_WITHHELD = {
    "failed": {
        "en": "Could not be checked: the model gave no usable answer.",
        "zh": "未能核对：模型没有给出可用的回答。",
    },
    "late": {"en": "Could not be checked in time.", "zh": "未能及时核对。"},
    "unsure": {"en": "The model said yes, but is not sure enough.", "zh": "模型认为可以，但把握不足。"},
    "disagreed": {
        "en": "Asked twice with the pictures swapped, the model did not agree with itself.",
        "zh": "交换图片顺序后再问，模型前后判断不一致。",
    },
}


def _hear(court: _Court, queues: Sequence[_Queue], progress: Callable[[int, int], None] | None) -> None:
    """Ask until every slot has enough or has run out, or the turn is over."""
    submit = _pool(court.stylist)
    open_calls: dict[Future, tuple[_Queue, _Entry, bool]] = {}
    orders = (False, True) if court.policy.both_orders else (False,)
    done = 0
    try:
        while True:
            if not court.now.is_over:
                for queue in queues:
                    for entry in queue.next():
                        for swapped in orders:
                            call = submit(court.judge, entry.candidate.item, swapped)
                            open_calls[call] = (queue, entry, swapped)
            if not open_calls:
                break
            finished, _ = wait(open_calls, timeout=court.now.remaining_s(_POLL_S), return_when=FIRST_COMPLETED)
            court.now.check_cancelled()
            for call in finished:
                queue, entry, swapped = open_calls.pop(call)
                entry.heard[swapped] = call.result()
                if len(entry.heard) == len(orders):
                    entry.settle(court)
                    queue.in_flight -= 1
                    done += 1
                    if progress is not None:
                        progress(done, sum(q.asked for q in queues))
            if not finished and court.now.is_over:
                break
        for _, entry, _ in open_calls.values():
            entry.heard = {False: court.late()}
            entry.settle(court)
    finally:
        for call in open_calls:
            call.cancel()


def _result(queues: Mapping[Slot, _Queue], court: _Court) -> Admitted:
    counts = dict.fromkeys(("asked", "yes", "no", "undecided", "failed", "late", "duplicates", "locked"), 0.0)
    counts |= {"calls": float(court.calls), "cached": float(court.cached)}
    withheld: list[Piece] = []
    for queue in queues.values():
        counts["duplicates"] += queue.duplicates
        for entry in queue.entries:
            if entry.is_locked:
                counts["locked"] += 1
            elif entry.verdict is not None:
                counts["asked"] += 1
                counts[entry.trouble or entry.verdict.answer.value] += 1
            if entry.verdict is not None and entry.verdict.answer is not Answer.YES:
                withheld.append(entry.piece())
    pieces = {slot: tuple(entry.piece() for entry in queue.admitted) for slot, queue in queues.items()}
    return Admitted(pieces, tuple(withheld), counts)


# --- the pool ---------------------------------------------------------------------------------------------------------

_POOLS: weakref.WeakKeyDictionary[StylistModel, ThreadPoolExecutor] = weakref.WeakKeyDictionary()
_POOLS_LOCK = threading.Lock()


def _pool(stylist: StylistModel) -> Callable[..., Future]:
    """`submit` of the pool that all conversations with this stylist share, or a call right here."""
    if stylist.concurrency <= 1:
        return _inline
    with _POOLS_LOCK:
        pool = _POOLS.get(stylist)
        if pool is None:
            pool = ThreadPoolExecutor(stylist.concurrency, thread_name_prefix="guardrail")
            _POOLS[stylist] = pool
            weakref.finalize(stylist, pool.shutdown, wait=False)
    return lambda work, *args: pool.submit(contextvars.copy_context().run, work, *args)


def _inline(work: Callable, *args: object) -> Future:
    future: Future = Future()
    try:
        future.set_result(work(*args))
    except BaseException as error:  # handed on unchanged by future.result()
        future.set_exception(error)
    return future
