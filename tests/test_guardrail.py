"""What is admitted is the first candidates with a clear yes, in rank order, whatever happens to the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest
from PIL import Image

from assistant import guardrail, turn
from assistant.guardrail import Policy, admit
from assistant.looks import Candidate
from assistant.stylists import Answer, Verdict
from assistant.verdicts import VerdictCache
from retrieval.errors import InvalidReply, InvalidSetting, ModelUnavailable, StoreError
from retrieval.items import Attributes, Garment, Gender, Item, Slot, View

SHIRT = Garment("white shirt", Attributes(category="Shirts", slot=Slot.TOP), picture=Image.new("RGB", (8, 8), "white"))


class ScriptedStylist:
    """Answers by the first word of the candidate's title; notes every call, and how many ran at once."""

    name = "scripted"

    def __init__(self, concurrency: int = 4, fingerprint: str = "", delay_s: float = 0.0) -> None:
        self.concurrency, self.fingerprint, self.delay_s = concurrency, fingerprint, delay_s
        self.calls: list[tuple[str, str]] = []
        self.running = self.most_running = 0
        self.lock = threading.Lock()

    def judge(self, reference: Garment, candidate: Garment, lang: str) -> Verdict:
        with self.lock:
            self.calls.append((reference.title, candidate.title))
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        try:
            words = {reference.title.split()[0], candidate.title.split()[0]}
            if "slow" in words:
                time.sleep(0.15)
            if "hang" in words:
                while not turn.current().is_cancelled and not turn.current().is_over:
                    time.sleep(0.01)
                turn.current().check()
            if "broken" in words:
                raise InvalidReply("nothing that can be read")
            if "fickle" in words and reference.title.startswith("fickle"):
                return Verdict(Answer.NO, 0.2, "not this way round", self.name)
            time.sleep(self.delay_s)
            if words & {"yes", "slow", "fickle"}:
                return Verdict(Answer.YES, 0.9, "they go together", self.name)
            return Verdict(Answer.NO, 0.1, "they clash", self.name)
        finally:
            with self.lock:
                self.running -= 1


def item(sku: str, word: str, digest: str | None = None) -> Item:
    views = (View("front", f"{sku}.jpg", digest or f"digest of {sku}", 8, 8),)
    return Item(sku, f"{word} trousers {sku}", "Trousers", Slot.BOTTOM, Gender.MEN, views=views)


def ranked(words: str, slot: Slot = Slot.BOTTOM, first: str = "b") -> list[Candidate]:
    return [Candidate(slot, item(f"{first}{n}", word), score=1 - n / 100) for n, word in enumerate(words.split())]


def skus(pieces: Sequence) -> list[str]:
    return [piece.item.sku for piece in pieces]


def picture(_: Item) -> Image.Image:
    return Image.new("RGB", (8, 8), "navy")


@pytest.mark.parametrize("concurrency", [1, 2, 8])
@pytest.mark.parametrize(
    "words, per_slot, max_rounds, admitted, withheld, asked",
    [
        ("yes yes yes", 2, 3, "b0 b1", "", 2),  # enough: the third is never asked
        ("no yes no yes yes", 2, 3, "b1 b3", "b0 b2", 4),  # each refusal lets the next one in
        ("slow yes yes", 2, 1, "b0 b1", "", 2),  # a late answer keeps its rank
        ("no no no yes", 1, 3, "", "b0 b1 b2", 3),  # bounded: one place, three rounds
        ("no no", 4, 3, "", "b0 b1", 2),
        ("", 4, 3, "", "", 0),
        ("broken yes broken yes", 2, 2, "b1 b3", "b0 b2", 4),  # two judges fail, the others are kept
    ],
)
def test_first_yes_in_rank_order(concurrency, words, per_slot, max_rounds, admitted, withheld, asked) -> None:
    stylist = ScriptedStylist(concurrency)
    result = admit(
        SHIRT, {Slot.BOTTOM: ranked(words)}, stylist=stylist, pictures=picture, policy=Policy(per_slot, max_rounds)
    )
    assert skus(result.pieces[Slot.BOTTOM]) == admitted.split()
    assert skus(result.withheld) == withheld.split()
    assert len(stylist.calls) == asked == result.counts["asked"]
    assert all(piece.verdict.answer is Answer.YES for piece in result.pieces[Slot.BOTTOM])
    assert not any(piece.verdict.answer is Answer.YES for piece in result.withheld)


def test_a_failed_judge_withholds_its_candidate_and_says_so() -> None:
    result = admit(
        SHIRT, {Slot.BOTTOM: ranked("broken no yes")}, stylist=ScriptedStylist(), pictures=picture, lang="zh",
        policy=Policy(1, 3),
    )  # fmt: skip
    failed, refused = result.withheld
    assert failed.verdict.answer is Answer.UNDECIDED and "未能核对" in failed.verdict.reason
    assert refused.verdict.reason == "they clash"
    assert {k: v for k, v in result.counts.items() if v} == {"asked": 3, "failed": 1, "no": 1, "yes": 1, "calls": 3}


def test_a_picture_that_cannot_be_read_withholds_its_candidate_only() -> None:
    def pictures(wanted: Item) -> Image.Image:
        if wanted.sku == "b0":
            raise StoreError("the picture of b0 cannot be read")
        return picture(wanted)

    result = admit(SHIRT, {Slot.BOTTOM: ranked("yes yes")}, stylist=ScriptedStylist(), pictures=pictures)
    assert skus(result.pieces[Slot.BOTTOM]) == ["b1"] and skus(result.withheld) == ["b0"]


def test_a_mistake_of_ours_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        admit(SHIRT, {Slot.BOTTOM: ranked("yes")}, stylist=ScriptedStylist(), pictures=lambda _: 1 / 0)


def test_the_same_item_or_picture_is_judged_and_shown_once() -> None:
    candidates = [
        Candidate(Slot.BOTTOM, item("a", "yes", "same pixels"), 0.9),
        Candidate(Slot.BOTTOM, item("a", "yes"), 0.8),
        Candidate(Slot.BOTTOM, item("b", "yes", "same pixels"), 0.7),
        Candidate(Slot.BOTTOM, item("c", "yes"), 0.6),
    ]
    stylist = ScriptedStylist()
    result = admit(SHIRT, {Slot.BOTTOM: candidates}, stylist=stylist, pictures=picture)
    assert skus(result.pieces[Slot.BOTTOM]) == ["a", "c"]
    assert len(stylist.calls) == 2 and result.counts["duplicates"] == 2


def test_items_without_pictures_are_not_each_others_duplicates() -> None:
    bare = [Candidate(Slot.BAG, Item(sku, "yes bag", "Handbags", Slot.BAG, Gender.WOMEN), 0.5) for sku in "ab"]
    result = admit(SHIRT, {Slot.BAG: bare}, stylist=ScriptedStylist(), pictures=lambda _: None)
    assert skus(result.pieces[Slot.BAG]) == ["a", "b"]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_both_orders_must_agree(concurrency: int) -> None:
    stylist = ScriptedStylist(concurrency)
    result = admit(
        SHIRT, {Slot.BOTTOM: ranked("fickle yes no")}, stylist=stylist, pictures=picture,
        policy=Policy(3, 1, both_orders=True),
    )  # fmt: skip
    assert skus(result.pieces[Slot.BOTTOM]) == ["b1"]
    fickle, refused = result.withheld
    assert fickle.verdict.answer is Answer.UNDECIDED and "swapped" in fickle.verdict.reason
    assert fickle.verdict.p_yes == pytest.approx((0.9 + 0.2) / 2)
    assert refused.verdict.answer is Answer.NO
    assert len(stylist.calls) == 6 and len(set(stylist.calls)) == 6


@pytest.mark.parametrize(
    "one, other, expected",
    [
        (Answer.YES, Answer.YES, Answer.YES),
        (Answer.NO, Answer.NO, Answer.NO),
        (Answer.YES, Answer.NO, Answer.UNDECIDED),
        (Answer.NO, Answer.YES, Answer.UNDECIDED),
        (Answer.YES, Answer.UNDECIDED, Answer.UNDECIDED),
        (Answer.UNDECIDED, Answer.NO, Answer.UNDECIDED),
        (Answer.UNDECIDED, Answer.UNDECIDED, Answer.UNDECIDED),
    ],
)
def test_combining_two_orders(one: Answer, other: Answer, expected: Answer) -> None:
    a, b = Verdict(one, 0.5, "a", "m"), Verdict(other, None, "b", "m")
    assert guardrail.combine(a, b, "en").answer is expected
    assert guardrail.combine(a, b, "en").p_yes is None  # one order without a probability: no mean


@pytest.mark.parametrize(
    "missing, in_flight, asked, available, expected",
    [(4, 0, 0, 20, 4), (4, 4, 4, 20, 0), (4, 1, 5, 20, 3), (4, 0, 18, 20, 2), (0, 0, 6, 20, 0), (4, 0, 20, 20, 0),
     (1, 2, 3, 20, 0)],
)  # fmt: skip
def test_how_many_to_ask(missing, in_flight, asked, available, expected) -> None:
    assert guardrail.to_ask(missing, in_flight, asked, available) == expected


def test_never_more_at_once_than_the_stylist_allows_over_all_conversations() -> None:
    stylist = ScriptedStylist(concurrency=3, delay_s=0.01)
    results = []

    def converse() -> None:
        candidates = {slot: ranked("yes yes no yes yes", slot, slot.value) for slot in (Slot.BOTTOM, Slot.SHOES)}
        results.append(admit(SHIRT, candidates, stylist=stylist, pictures=picture, policy=Policy(4, 3)))

    people = [threading.Thread(target=converse) for _ in range(5)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert stylist.most_running == 3
    assert all(len(r.pieces[s]) == 4 for r in results for s in (Slot.BOTTOM, Slot.SHOES)) and len(results) == 5


def test_locked_pieces_keep_their_verdict_and_are_not_asked_again() -> None:
    stylist, kept = ScriptedStylist(), Verdict(Answer.YES, 0.8, "as before", "scripted")
    result = admit(
        SHIRT, {Slot.BOTTOM: ranked("no no yes")}, stylist=stylist, pictures=picture, policy=Policy(2, 2),
        locked={"b1": kept},
    )  # fmt: skip
    assert [(p.item.sku, p.is_locked) for p in result.pieces[Slot.BOTTOM]] == [("b1", True), ("b2", False)]
    assert result.pieces[Slot.BOTTOM][0].verdict is kept
    assert "b1" not in " ".join(title for _, title in stylist.calls)


def test_a_second_rung_is_asked_once_for_what_stayed_empty() -> None:
    asked: list[tuple[Slot, ...]] = []

    def more(short: tuple[Slot, ...]) -> dict[Slot, list[Candidate]]:
        asked.append(short)
        return {Slot.BOTTOM: ranked("no yes") + ranked("no yes", first="new")}

    stylist = ScriptedStylist()
    candidates = {Slot.BOTTOM: ranked("no no"), Slot.SHOES: ranked("yes", Slot.SHOES, "s")}
    result = admit(SHIRT, candidates, stylist=stylist, pictures=picture, more=more)
    assert asked == [(Slot.BOTTOM,)]
    assert skus(result.pieces[Slot.BOTTOM]) == ["new1"] and skus(result.pieces[Slot.SHOES]) == ["s0"]
    assert len(stylist.calls) == len(set(stylist.calls)) == 5  # b0 and b1 are not asked twice


def test_time_runs_out_what_was_answered_stays(caplog) -> None:
    stylist, began = ScriptedStylist(4), time.monotonic()
    result = admit(
        SHIRT, {Slot.BOTTOM: ranked("yes hang yes hang")}, stylist=stylist, pictures=picture,
        deadline=time.monotonic() + 0.3,
    )  # fmt: skip
    assert skus(result.pieces[Slot.BOTTOM]) == ["b0", "b2"] and skus(result.withheld) == ["b1", "b3"]
    assert result.counts["late"] == 2 and "in time" in result.withheld[0].verdict.reason
    assert time.monotonic() - began < 5


def test_time_already_over_asks_nobody() -> None:
    stylist = ScriptedStylist(1)
    result = admit(
        SHIRT, {Slot.BOTTOM: ranked("yes yes")}, stylist=stylist, pictures=picture, deadline=time.monotonic() - 1
    )
    assert stylist.calls == [] and result.short == (Slot.BOTTOM,)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_the_shopper_leaves(concurrency: int, caplog) -> None:
    left = threading.Event()
    threading.Timer(0.1, left.set).start()
    with pytest.raises(turn.Cancelled):
        admit(
            SHIRT, {Slot.BOTTOM: ranked("hang hang hang")}, stylist=ScriptedStylist(concurrency), pictures=picture,
            cancelled=left.is_set,
        )  # fmt: skip
    assert "withheld" not in caplog.text  # nothing is concluded about the candidates


def test_verdicts_are_remembered_by_picture_and_model_but_failures_are_not(tmp_path) -> None:
    cache = VerdictCache(tmp_path / "verdicts.sqlite")
    candidates = {Slot.BOTTOM: ranked("yes no broken")}

    def run(stylist: ScriptedStylist, reference: Garment = SHIRT):
        return admit(reference, candidates, stylist=stylist, pictures=picture, cache=cache)

    first = run(ScriptedStylist(fingerprint="model 1"))
    again = ScriptedStylist(fingerprint="model 1")
    second = run(again)
    assert again.calls == [("white shirt", "broken trousers b2")]
    assert [p.verdict for p in second.pieces[Slot.BOTTOM]] == [p.verdict for p in first.pieces[Slot.BOTTOM]]
    assert second.counts["cached"] == 2 and second.counts["calls"] == 1

    other_model = ScriptedStylist(fingerprint="model 2")
    run(other_model)
    assert len(other_model.calls) == 3
    other_photo = ScriptedStylist(fingerprint="model 1")
    run(other_photo, Garment(SHIRT.title, SHIRT.attributes, picture=Image.new("RGB", (8, 8), "ivory")))
    assert len(other_photo.calls) == 3
    nameless = ScriptedStylist()
    run(nameless)
    assert len(nameless.calls) == 3


def test_what_a_fall_back_judged_is_not_remembered_as_the_models_own(tmp_path) -> None:
    class FellBack(ScriptedStylist):
        def judge(self, reference: Garment, candidate: Garment, lang: str) -> Verdict:
            return Verdict(Answer.YES, None, "by rule", "compact")

    cache = VerdictCache(tmp_path / "verdicts.sqlite")
    admit(SHIRT, {Slot.BOTTOM: ranked("yes")}, stylist=FellBack(fingerprint="model 1"), pictures=picture, cache=cache)
    assert len(cache) == 0


def test_progress_counts_up_to_what_was_asked() -> None:
    steps: list[tuple[int, int]] = []
    admit(
        SHIRT, {Slot.BOTTOM: ranked("no no yes yes")}, stylist=ScriptedStylist(), pictures=picture,
        policy=Policy(2, 2), progress=lambda done, asked: steps.append((done, asked)),
    )  # fmt: skip
    assert [done for done, _ in steps] == [1, 2, 3, 4] and steps[-1] == (4, 4)
    assert all(done <= asked for done, asked in steps)


@pytest.mark.parametrize("policy", [{"per_slot": 0}, {"max_rounds": 0}])
def test_a_policy_that_admits_nothing_is_refused(policy: dict) -> None:
    with pytest.raises(InvalidSetting):
        Policy(**policy)


def test_a_stylist_that_is_down_admits_nothing() -> None:
    class Down(ScriptedStylist):
        def judge(self, reference: Garment, candidate: Garment, lang: str) -> Verdict:
            raise ModelUnavailable("no server")

    result = admit(SHIRT, {Slot.BOTTOM: ranked("yes yes yes")}, stylist=Down(), pictures=picture)
    assert result.pieces[Slot.BOTTOM] == () and result.counts["failed"] == 3
