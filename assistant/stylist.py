"""The main path, top to bottom: a photo becomes looks of items that the shop carries, each one checked and explained.

    detect → choose → crop → find → read → suggest → search → judge → compose → Recommendation

Everything that does the work comes by argument; `assistant/compose.py` puts it together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from assistant import candidates as choosing
from assistant import turn
from assistant.compatibility import weighted_affinity
from assistant.guardrail import Admitted, Cache, Policy, admit
from assistant.looks import Candidate, Look, Piece, Proposal, Recommendation, Step, Trace
from assistant.outfit import compose, missing_slots
from assistant.rulings import Rulings
from assistant.stylists import StylistModel
from assistant.wish import Wish
from retrieval.colours import measure_palette
from retrieval.crops import NoGarment, OneGarment, Outcome, SeveralGarments, crop
from retrieval.describe import Carried, fill_gaps, settle_colour, settle_usage, settle_wearer, title_of
from retrieval.finding import see
from retrieval.items import Box, Detection, Garment, Hit, Item, Slot
from retrieval.ports import Detector
from retrieval.search import AVAILABLE, Search

if TYPE_CHECKING:
    from PIL.Image import Image


_ALIKE = 15  # products that look like the garment vote on what the model cannot tell


@dataclass(frozen=True, slots=True)
class Progress:
    """One thing that just happened: the step's name and what it counted, for whoever watches."""

    step: str
    counts: dict[str, float] = field(default_factory=dict)


Watcher = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How wide to look and how much to show."""

    detection_threshold: float = 0.3
    crop_scale: float = 1.0
    per_title: int = 12
    search_threshold: float = 0.6
    same_product: int = 5
    looks: int = 3
    policy: Policy = Policy()
    deadline_s: float = 60.0
    text_weight: float = 0.4  # of a candidate's rank; the rest is how well the pieces go together, by
    colour_weight: float = 1.0
    style_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Stylist:
    """`pictures` gives an item's picture for the judge, or None; `notices` are fallbacks to announce in each answer.

    `carried` is what the shop has of each category. `rulings` gives what stylists decided about a garment, `chosen` the plan that they put to use; `witness` is shown what was proposed for a new question.
    """

    detector: Detector
    model: StylistModel
    search: Search
    pictures: Callable[[Item], Image | None]
    plan: Plan = Plan()
    cache: Cache | None = None
    notices: tuple[str, ...] = ()
    carried: Carried = Carried()
    rulings: Callable[[Garment], Rulings] = lambda _: Rulings()
    chosen: Callable[[Plan], Plan] = lambda plan: plan
    witness: Callable[[Proposal], None] | None = None

    def recommend(
        self,
        photo: Image,
        wish: Wish = Wish(),
        *,
        box: Box | None = None,
        keep: Sequence[Piece] = (),
        watch: Watcher | None = None,
    ) -> Recommendation:
        """Looks around the garment of an RGB photo; around the one in `box` (pixels of the photo) where it is given.

        No garment, or several and no box: the answer says so and has no looks. `keep` are pieces that the shopper
        locked. Raises InvalidBox for a box outside the photo; turn.TurnOver and turn.Cancelled where the turn ends first.
        """
        with self._turn() as now:
            log = _Log(now, watch)
            with log.step("detect", self.detector.name) as counts:
                found = self._see(photo, box)
                counts["garments"] = len(found.detections)
            match found:
                case NoGarment() | SeveralGarments():
                    return Recommendation(found.detections, trace=log.trace(self.notices))
                case OneGarment(detection):
                    picture = crop(photo, detection.box, scale=self.plan.crop_scale)
            with log.step("find", self.search.image_encoder.space.model) as counts:
                alike = self.search.by_image(picture, where=AVAILABLE, k=_ALIKE)
                counts["products"] = len(alike)
            garment = self._describe(picture, detection, alike, wish, log)
            same = self._same_product(picture, alike, garment.attributes.slot)
            return self.as_chosen()._complete(garment, wish, keep, log, found.detections, detection, same)

    def complete(
        self, garment: Garment, wish: Wish = Wish(), *, keep: Sequence[Piece] = (), watch: Watcher | None = None
    ) -> Recommendation:
        """Looks around a garment that is already described: the later turns of a conversation, or an item of the shop."""
        with self._turn() as now:
            return self.as_chosen()._complete(garment, wish, keep, _Log(now, watch))

    def as_chosen(self) -> Stylist:
        """This one with the plan that is in use at this moment."""
        return replace(self, plan=self.chosen(self.plan), chosen=lambda plan: plan)

    def detect(self, photo: Image) -> list[Detection]:
        """The garments of an RGB photo, one box each, surest first."""
        return list(self._see(photo).detections)

    def _turn(self) -> AbstractContextManager[turn.Turn]:
        return turn.within(time.monotonic() + self.plan.deadline_s)

    def _see(self, photo: Image, box: Box | None = None) -> Outcome:
        return see(self.detector, photo, box=box, least=self.plan.detection_threshold)

    def _same_product(self, picture: Image, alike: Sequence[Hit], slot: Slot | None) -> list[Hit]:
        if slot is None:
            return list(alike[: self.plan.same_product])
        worn_there = replace(AVAILABLE, any_of={"slot": frozenset({slot})})
        in_place = self.search.by_image(picture, where=worn_there, k=self.plan.same_product)
        return choosing.same_product(alike, in_place, self.plan.same_product)

    def _describe(
        self, picture: Image, detection: Detection, alike: Sequence[Hit], wish: Wish, log: _Log
    ) -> Garment:
        with log.step("read", self.model.name):
            palette = measure_palette(picture)
            read = fill_gaps(self.model.describe(picture), detection, [hit.item for hit in alike])
            attributes, of_colour = settle_colour(read, palette)
            attributes, of_wearer = settle_wearer(attributes, self.carried)
            attributes, of_usage = settle_usage(attributes, self.carried)
            if wish.gender:
                attributes = replace(attributes, gender=wish.gender)
            for notice in (of_colour, of_wearer, of_usage):
                log.notice(notice)
            return Garment(title_of(attributes), attributes, palette, picture)

    def _complete(
        self,
        garment: Garment,
        wish: Wish,
        keep: Sequence[Piece],
        log: _Log,
        detections: tuple[Detection, ...] = (),
        chosen: Detection | None = None,
        same: Sequence[Hit] = (),
    ) -> Recommendation:
        slots = choosing.open_slots(missing_slots(garment), wish)
        kept = {piece.slot for piece in keep}
        rulings = self.rulings(garment)
        ranked = self._candidates(garment, wish, [slot for slot in slots if slot not in kept], rulings, log)
        for piece in keep:
            ranked[piece.slot] = [Candidate(piece.slot, piece.item, piece.score, is_closest=piece.is_closest)]
        admitted = self._judge(garment, ranked, keep, wish, rulings, log)
        looks = self._compose(garment, admitted, wish, rulings, log)
        trace = log.trace(self.notices)
        answer = Recommendation(detections, garment, chosen, tuple(same), looks, admitted.withheld, trace)
        if self.witness is not None and not keep:
            self.witness(Proposal(answer, admitted.pieces, wish))
        return answer

    def _candidates(
        self, garment: Garment, wish: Wish, slots: Sequence[Slot], rulings: Rulings, log: _Log
    ) -> dict[Slot, list[Candidate]]:
        with log.step("suggest", self.model.name) as counts:
            suggestions = self.model.suggest(garment, wish, slots) if slots else []
            counts["titles"] = len(suggestions)
        with log.step("search", self.search.text_encoder.space.model) as counts:
            wheres = [choosing.conditions(garment, suggestion, wish) for suggestion in suggestions]
            titles = [suggestion.title for suggestion in suggestions]
            hits = self.search.by_texts(titles, wheres, k=self.plan.per_title, exclude=wish.excluded | rulings.refused)
            affinity = weighted_affinity(self.plan.colour_weight, self.plan.style_weight)
            ranked = choosing.rank(
                garment,
                list(zip(suggestions, hits, strict=True)),
                wish,
                affinity=affinity,
                threshold=self.plan.search_threshold,
                text_weight=self.plan.text_weight,
            )
            approved = self.search.catalogue.items(sorted(rulings.approved)).values() if rulings.approved else ()
            ranked = choosing.with_approved(ranked, garment, approved, slots, wish, affinity=affinity)
            counts["items"] = len(self.search)
            counts["candidates"] = sum(map(len, ranked.values()))
        return ranked

    def _judge(
        self,
        garment: Garment,
        ranked: dict[Slot, list[Candidate]],
        keep: Sequence[Piece],
        wish: Wish,
        rulings: Rulings,
        log: _Log,
    ) -> Admitted:
        with log.step("judge", self.model.name) as counts:
            admitted = admit(
                garment,
                ranked,
                stylist=self.model,
                pictures=self.pictures,
                policy=self.plan.policy,
                lang=wish.lang,
                cache=self.cache,
                locked={piece.item.sku: piece.verdict for piece in keep},
                approved=rulings.approved,
                progress=lambda done, asked: log.tell("judge", {"done": done, "asked": asked}),
            )
            counts.update(admitted.counts)
        return admitted

    def _compose(
        self, garment: Garment, admitted: Admitted, wish: Wish, rulings: Rulings, log: _Log
    ) -> tuple[Look, ...]:
        with log.step("compose", None) as counts:
            looks = compose(garment, admitted.pieces, wish, n=self.plan.looks, lang=wish.lang, rulings=rulings)
            counts["looks"] = len(looks)
        return looks


class _Log:
    """Seconds, counts and model calls of each step for the trace, told to the watcher as they come."""

    def __init__(self, now: turn.Turn, watch: Watcher | None) -> None:
        self._now = now
        self._watch = watch
        self._steps: list[Step] = []

    @contextmanager
    def step(self, name: str, model: str | None) -> Iterator[dict[str, float]]:
        """A step of the path; nothing is concluded from one that raises. Ends the turn where nobody waits any more."""
        self._now.check()
        counts: dict[str, float] = {}
        self.tell(name, {})
        started, calls_before = time.perf_counter(), len(self._now.calls)
        yield counts
        seconds = time.perf_counter() - started
        calls = list(self._now.calls)[calls_before:]
        if calls:
            counts["model_calls"] = len(calls)
            counts["planned_tokens"] = sum(call.planned_tokens for call in calls)  # computed before sending
            counts["model_tokens"] = sum(call.prompt_tokens + call.answer_tokens for call in calls)  # the server's count
            counts["shrunk_calls"] = sum(call.is_shrunk for call in calls)
        digests = ",".join(dict.fromkeys(call.prompt_digest for call in calls))
        self._steps.append(Step(name, seconds, counts, model, digests or None))
        self.tell(name, counts)

    def tell(self, name: str, counts: dict[str, float]) -> None:
        if self._watch is not None:
            self._watch(Progress(name, dict(counts)))

    def notice(self, text: str) -> None:
        if text:
            self._now.notice(text)

    def trace(self, notices: tuple[str, ...]) -> Trace:
        return Trace(tuple(self._steps), (*notices, *self._now.notices))
