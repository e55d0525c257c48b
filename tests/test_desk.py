"""The stylists' desk without its page: cases, decisions in SQL, what they do to shoppers' looks, measures, export, knobs."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from assistant.desk import open_desk
from assistant.desk.cases import NewCase, body_of, cases_of, disagree, is_contested, told
from assistant.desk.decisions import Wanted
from assistant.desk.export import lines
from assistant.desk.knobs import RANGES, Knobs, changed_share, effect_of, try_out
from assistant.desk.measures import Agreement, Label, labels_of, latency, measures, quantile
from assistant.desk.photos import SIDE_PX, Crops
from assistant.desk.store import AlreadyDecided, DeskStore, Filter
from assistant.looks import Look, Piece, Proposal, Recommendation, Step, Trace
from assistant.rulings import Book
from assistant.stylists import Answer, Verdict
from assistant.wish import Wish
from retrieval import images
from retrieval.catalogue import Catalogue
from retrieval.errors import InvalidInput
from retrieval.items import Attributes, Garment, Gender, Item, Slot, Swatch
from retrieval.vocabulary import slot_of

ROOT = Path(__file__).resolve().parents[1]
RED = (Swatch("Red", "red", (50.0, 60.0, 40.0), "#cc2222", 0.9),)
SHIRT = Garment(
    "Red shirt", Attributes("Shirts", slot=Slot.TOP, gender=Gender.MEN, colour="Red", confidence={"category": 0.9}), RED
)
KIND = "kind:Men|Shirts|Red"


def piece(sku: str, category: str = "Jeans", answer: str = "yes", p_yes: float | None = 0.8, orders=None) -> Piece:
    item = Item(sku, f"Men {category} {sku}", category, slot_of(category), Gender.MEN, colour="Blue")
    return Piece(item.slot, item, Verdict(Answer(answer), p_yes, f"why {sku}", "rules/1", orders), 0.5)


def proposal(*looks: tuple[str, ...], withheld: tuple[Piece, ...] = (), garment: Garment = SHIRT) -> Proposal:
    """Looks of jeans j.., shoes s.. and bags b.. by sku."""
    kinds = {"j": "Jeans", "s": "Casual Shoes", "b": "Backpacks"}
    made = tuple(
        Look("Easy", tuple(piece(sku, kinds[sku[0]]) for sku in skus), 0.7, "it works") for skus in looks
    )
    trace = Trace((Step("judge", 0.25, {"asked": 4.0, "yes": 3.0}), Step("compose", 0.05)))
    answer = Recommendation((), garment, None, (), made, withheld, trace)
    return Proposal(answer, {Slot.BOTTOM: (piece("j1"), piece("j9"))}, Wish())


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def store(file) -> Iterator[DeskStore]:
    catalogue = Catalogue.open(file, create=True)
    yield DeskStore(catalogue)
    catalogue.close()


def add(store: DeskStore, *looks: tuple[str, ...], **more) -> list[int]:
    return store.add(cases_of(proposal(*looks, **more)))


def yes(who: str = "Mei") -> Wanted:
    return Wanted("approve", who)


def no(sku: str | None = None, reason: str = "colour", who: str = "Mei", words: str = "") -> Wanted:
    return Wanted("reject", who, reason, words, sku)


# --- what is looked over ----------------------------------------------------------------------------------------------


def test_looks_and_what_the_guardrail_was_not_sure_of_become_cases():
    sure, by_a_hair = piece("n1", p_yes=0.05, answer="no"), piece("n2", p_yes=0.41, answer="no")
    unsure, failed = piece("u1", answer="undecided", p_yes=0.5), piece("u2", answer="undecided", p_yes=None)
    wavers = piece("w1", answer="no", p_yes=0.3, orders=(0.7, -0.1))
    found = cases_of(proposal(("j1", "s1"), withheld=(sure, by_a_hair, unsure, failed, wavers)))
    assert [(case.kind, case.skus) for case in found if case.kind == "look"] == [("look", ("j1", "s1"))]
    assert {case.skus[0] for case in found if case.is_contested} == {"n2", "u1", "u2", "w1"}
    assert all(case.reference == KIND for case in found)


def test_one_in_ten_of_the_plain_refusals_is_looked_over_too():
    kept = [case for n in range(400) for case in cases_of(proposal(withheld=(piece(f"n{n}", answer="no", p_yes=0.05),)))]
    assert 20 <= len(kept) <= 60 and not any(case.is_contested for case in kept)
    again = cases_of(proposal(withheld=(piece(f"{kept[0].skus[0]}", answer="no", p_yes=0.05),)))
    assert len(again) == 1  # the same ones every time: not drawn anew


def test_a_garment_of_which_too_little_is_known_gives_no_case():
    unknown = Garment("?", Attributes(colour="Red"))
    assert cases_of(proposal(("j1", "s1"), garment=unknown)) == []
    assert told(unknown, [piece("j1").item], "en") is None


@pytest.mark.parametrize(
    ("orders", "answer"), [((0.9, 0.2), True), ((0.9, 0.6), False), ((0.5, 0.49), True), ((0.9, None), False), (None, False)]
)
def test_two_orders_disagree_when_they_stand_on_two_sides(orders, answer):
    assert disagree(orders) is answer
    assert is_contested(Verdict(Answer.YES, 0.9, "", "m", orders)) is answer


def test_a_bag_does_not_make_another_look():
    assert body_of([("j1", Slot.BOTTOM), ("s1", Slot.SHOES), ("b1", Slot.BAG)]) == ("j1", "s1")
    assert body_of([("s1", Slot.SHOES), ("b1", Slot.BAG)]) == ("s1", "b1")


def test_the_same_thing_is_looked_over_once_and_counted(store):
    first = add(store, ("j1", "s1"), ("j2", "s2"))
    assert add(store, ("s1", "j1")) == first[:1]  # in another order, proposed to another shopper
    assert store.progress()["open"] == 2 and store.case(first[0]).times_seen == 2
    other = replace(SHIRT, attributes=replace(SHIRT.attributes, colour="Blue"))
    assert add(store, ("j1", "s1"), garment=other) != first[:1]


def test_what_is_contested_comes_first_and_pages_follow_each_other(store):
    looks = add(store, *((f"j{n}", f"s{n}") for n in range(5)))
    pairs = add(store, withheld=(piece("u1", answer="undecided"), piece("u2", answer="undecided")))
    order = [*pairs, *looks]
    assert [case.id for case in store.cases(limit=50)] == order
    seen, after = [], None
    while page := store.cases(limit=3, after=after):
        seen += [case.id for case in page]
        after = page[-1].id
    assert seen == order
    assert [c.id for c in store.cases(Filter(kind="pair"))] == pairs
    assert [c.id for c in store.cases(Filter(contested=False, text="s3"))] == [looks[3]]
    assert store.cases(Filter(text="%")) == []
    assert store.categories() == ["Shirts"]


# --- decisions --------------------------------------------------------------------------------------------------------


def test_a_decision_is_kept_with_who_when_and_why_and_survives_a_restart(store, file):
    (case_id,) = add(store, ("j1", "s1"))
    before = datetime.now()
    store.decide([case_id], no("s1", "occasion", "Mei", "too formal"), key_id="ab12cd34")
    with Catalogue.open(file) and sqlite3.connect(file) as raw:
        row = raw.execute("select who, key_id, reason, words, sku, at from desk_decisions").fetchone()
    assert row[:5] == ("Mei", "ab12cd34", "occasion", "too formal", "s1")
    assert abs(datetime.fromisoformat(row[5]) - before) < timedelta(hours=24)
    reopened = Catalogue.open(file)
    again = DeskStore(reopened)
    assert again.case(case_id).state == "rejected" and again.rulings(SHIRT).refused == {"s1"}
    reopened.close()


def test_another_process_sees_a_decision_at_its_next_turn(store, file):
    (case_id,) = add(store, ("j1", "s1", "b1"))
    elsewhere = Catalogue.open(file)
    other = DeskStore(elsewhere)
    assert other.rulings(SHIRT).looks == frozenset()
    outcome = store.decide([case_id], yes())
    assert other.rulings(SHIRT).looks == {frozenset({"j1", "s1", "b1"})}
    other.undo(outcome.batch, "Li")
    assert store.rulings(SHIRT).looks == frozenset() and store.case(case_id).state == "open"
    elsewhere.close()


def test_of_two_stylists_who_decide_one_case_one_is_told_who_was_first(store, file):
    (case_id,) = add(store, ("j1", "s1"))
    start, outcomes = threading.Barrier(6), []

    def decide(number: int) -> None:
        catalogue = Catalogue.open(file)
        mine = DeskStore(catalogue)
        start.wait()
        outcomes.append(mine.decide([case_id], yes(f"stylist {number}")))
        catalogue.close()

    threads = [threading.Thread(target=decide, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [o.decided[0] for o in outcomes if o.decided]
    assert [o.late for o in outcomes if not o.decided] == [((case_id, winner.who),)] * 5
    assert len(list(store.record())) == 1


def test_undo_takes_back_a_whole_batch_once_and_leaves_the_record(store):
    ids = add(store, ("j1", "s1"), ("j2", "s2"))
    outcome = store.decide(ids, no(reason="style"))
    assert store.progress()["rejected"] == 2
    store.undo(outcome.batch, "Mei")
    assert store.progress()["open"] == 2 and store.rulings(SHIRT).refused_looks == frozenset()
    with pytest.raises(AlreadyDecided):
        store.undo(outcome.batch, "Li")
    assert [decision.act for decision, _ in store.record()] == ["reject", "reject", "undo", "undo"]
    assert list(store.record(in_force=True)) == []
    assert store.last_batch("Mei") is None


def test_a_decision_answers_what_it_makes_pointless_and_undo_asks_it_again(store):
    look, other, pair = *add(store, ("j1", "s1"), ("j2", "s2")), *add(store, withheld=(piece("s1", "Casual Shoes", "undecided"),))
    outcome = store.decide([pair], no())
    assert outcome.settled == 1 and store.case(look).state == "settled" and store.case(other).state == "open"
    store.undo(outcome.batch, "Mei")
    assert store.case(look).state == "open" and store.case(pair).state == "open"
    assert store.decide([look], yes()).settled == 1 and store.case(pair).state == "settled"


def test_a_replaced_piece_approves_the_new_look(store):
    (case_id,) = add(store, ("j1", "s1"))
    store.decide([case_id], Wanted("replace", "Mei", sku="j1", instead="j9"))
    held = store.rulings(SHIRT)
    assert held.looks == {frozenset({"j9", "s1"})} and "j9" in held.approved and "j1" not in held.refused


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        (lambda: Wanted("love", "Mei"), "approve, reject or replace"),
        (lambda: Wanted("approve", "  "), "stylist's name"),
        (lambda: Wanted("reject", "Mei"), "colour, occasion"),
        (lambda: Wanted("reject", "Mei", "ugly"), "'ugly'"),
        (lambda: Wanted("approve", "Mei", "colour"), "only a rejection"),
        (lambda: Wanted("replace", "Mei", sku="j1"), "instead"),
        (lambda: Wanted("approve", "Mei", words="x" * 3_000), "3000 characters"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused_and_named(wanted, named):
    with pytest.raises(InvalidInput, match=named):
        wanted()


def test_a_decision_about_what_is_not_there_changes_nothing(store):
    (case_id,) = add(store, ("j1", "s1"))
    for bad, message in ((no("x"), "not a piece"), (Wanted("replace", "Mei", sku="j1", instead="s1"), "already")):
        with pytest.raises(InvalidInput, match=message):
            store.decide([case_id], bad)
    with pytest.raises(InvalidInput, match="no case 99"):
        store.decide([case_id, 99], yes())
    assert store.progress()["open"] == 1 and list(store.record()) == []


def test_a_complaint_of_a_shopper_makes_a_case_contested(store):
    first, second = add(store, ("j1", "s1"), ("j2", "s2"))
    store.say(second, "down", "these shoes?")
    store.say(second, "up", "")
    assert [case.id for case in store.cases()] == [second, first]
    case = store.case(second)
    assert (case.complaints, case.praise) == (1, 1) and store.opinions(second)[1][:2] == ("down", "these shoes?")
    assert [c.id for c in store.cases(Filter(complaints=True))] == [second]


# --- photos -----------------------------------------------------------------------------------------------------------


def test_a_photo_is_kept_as_a_small_crop_and_deleted_after_its_time(store, file):
    clock = [datetime(2026, 1, 1)]
    catalogue = Catalogue.open(file)
    crops = Crops(catalogue, timedelta(days=2), lambda: clock[0])
    noise = Image.effect_noise((900, 700), 80).convert("RGB")
    digest = crops.put(noise)
    kept = crops.get(digest)
    assert max(images.decode(kept).size) == SIDE_PX and len(kept) < 60_000
    clock[0] += timedelta(days=2)
    assert crops.get(digest) is None  # not shown any more, even before it is swept away
    assert crops.sweep() == 1 and crops.sweep() == 0
    with sqlite3.connect(file) as raw:
        assert raw.execute("select count(*) from desk_crops").fetchone() == (0,)
        raw.execute("pragma wal_checkpoint(truncate)")
    assert kept[200:400] not in file.read_bytes()
    assert Crops(catalogue, timedelta(0)).put(noise) is None
    catalogue.close()


def test_the_main_path_shows_its_answers_to_the_desk_without_waiting(file):
    catalogue = Catalogue.open(file, create=True)
    desk = open_desk(catalogue, 14, 1.0)
    desk.intake.take(proposal(("j1", "s1"), garment=replace(SHIRT, picture=Image.new("RGB", (300, 400), "red"))))
    assert desk.store.count() == 0  # nobody is at work yet: nothing was waited for
    desk.intake.start()
    desk.intake.settle()
    (case,) = desk.store.cases()
    assert images.decode(desk.crops.get(case.crop)).size == (192, 256)
    assert case.data["candidates"]["bottom"][1]["sku"] == "j9"
    desk.intake.stop()
    catalogue.close()
    desk.intake.take(proposal(("j2", "s2")))  # after the end: no error for the shopper
    none = open_desk(catalogue, 14, 0.0)
    none.intake.take(proposal(("j1", "s1")))
    none.intake.start()
    none.intake.settle()
    none.intake.stop()
    assert none.store.count(Filter(state=None)) == 1


# --- measures ---------------------------------------------------------------------------------------------------------


def labels(yes_yes: int, yes_no: int, no_yes: int, no_no: int) -> list[Label]:
    counts = {(True, True): yes_yes, (True, False): yes_no, (False, True): no_yes, (False, False): no_no}
    return [Label("1", "Jeans", *both) for both, count in counts.items() for _ in range(count)]


def test_kappa_by_hand():
    # Both yes 20, both no 15, model alone 5, stylist alone 10, of 50: p_o = 35/50 = .7; totals: model 25 yes, stylist
    # 30 yes, so p_e = (25*30 + 25*20)/2500 = .5; kappa = .2/.5 = .4; error = sqrt(.7*.3/(50*.25)) = .1296.
    found = Agreement.of(labels(20, 5, 10, 15))
    assert found.observed == pytest.approx(0.7) and found.expected == pytest.approx(0.5)
    assert found.kappa == pytest.approx(0.4)
    assert found.interval == pytest.approx((0.4 - 1.959964 * 0.129615, 0.4 + 1.959964 * 0.129615), abs=1e-5)
    assert found.false_yes == pytest.approx(5 / 25) and found.false_no == pytest.approx(10 / 25)


def test_kappa_of_little_is_not_made_up():
    assert Agreement.of([]).kappa is None and Agreement.of([]).as_data()["agreement"] is None
    always = Agreement.of(labels(7, 0, 0, 0))
    assert always.observed == 1 and always.kappa is None and always.false_no is None
    assert Agreement.of(labels(0, 5, 5, 0)).kappa == pytest.approx(-1)


def test_what_decisions_say_of_pairs(store):
    a, b, c, d = add(store, ("j1", "s1"), ("j2", "s2"), ("j3", "s3"), ("j4", "s4"))
    undecided, refused = add(store, withheld=(piece("u1", answer="undecided"), piece("n2", answer="no", p_yes=0.45)))
    store.decide([a], yes())  # two pairs, both say yes
    store.decide([b], no("s2"))  # one pair: the model said yes, the stylist no
    store.decide([c], no())  # the whole look: nothing about its pairs
    store.decide([d], Wanted("replace", "Mei", sku="j4", instead="j9"))  # s4 stays: yes, yes
    store.decide([undecided], yes())  # withheld, and a stylist would show it
    store.decide([refused], no())
    record = list(store.record(in_force=True))
    found = [label for one in record for label in labels_of(*one)]
    assert Agreement.of(found) == Agreement(yes_yes=3, yes_no=1, no_yes=1, no_no=1)
    told_of = measures(record, store.answers())
    assert told_of["looks"] == {"approve": 1, "replace": 1, "reject": 2}
    assert {row["sku"]: row["count"] for row in told_of["rejected_items"]} == {"s2": 1, "n2": 1}
    assert told_of["by_category"][0]["category"] == "Casual Shoes" and told_of["by_category"][0]["n"] == 3
    assert told_of["latency"]["n"] == 2 and told_of["latency"]["p50"] == pytest.approx(0.3)


def test_a_piece_that_a_stylist_had_approved_says_nothing_of_the_model(store):
    mine = replace(piece("j1"), verdict=Verdict(Answer.YES, 0.2, "chosen", "stylist"))
    base = proposal(("j1", "s1"))
    look = replace(base.answer.looks[0], pieces=(mine, base.answer.looks[0].pieces[1]))
    ids = store.add(cases_of(replace(base, answer=replace(base.answer, looks=(look,)))))
    store.decide(ids, yes())
    (decided,) = store.record(in_force=True)
    assert [label.sku for label in labels_of(*decided)] == ["s1"]


def test_latency_by_hand():
    traces = [{"seconds": s, "steps": [{"name": "judge", "seconds": s / 2}]} for s in (0.05, 0.15, 0.15, 3.0)]
    found = latency(traces)
    assert found["counts"] == [1, 2, 0, 0, 0, 0, 1, 0, 0]
    assert (found["p50"], found["p95"]) == (0.15, 3.0) and found["steps"][0]["mean_s"] == pytest.approx(0.41875)
    assert quantile([], 0.5) is None and quantile([1, 2, 3, 4], 0.5) == 2


# --- export -----------------------------------------------------------------------------------------------------------


def test_the_record_as_json_lines_and_csv(store):
    (case_id,) = add(store, ("j1", "s1"))
    outcome = store.decide([case_id], no("s1", "other", "=Mei", '太正式, "really"\nno'))
    store.undo(outcome.batch, "Li")
    rows = [json.loads(line) for line in lines(store.record(), "jsonl")]
    assert [row["act"] for row in rows] == ["reject", "undo"] and rows[1]["undoes"] == rows[0]["decision"]
    assert rows[0]["words"] == '太正式, "really"\nno' and rows[0]["skus"] == ["j1", "s1"] and rows[0]["at"].endswith("Z")
    assert rows[0]["pieces"][1]["p_yes"] == 0.8
    table = list(csv.DictReader(io.StringIO("".join(lines(store.record(), "csv")))))
    assert table[0]["words"] == rows[0]["words"] and table[0]["skus"] == "j1 s1"
    assert table[0]["who"] == "'=Mei"  # no formula where a spreadsheet opens it


# --- knobs ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def garments(demo) -> list[Garment]:
    wanted = {"Jeans": Gender.MEN, "Skirts": Gender.WOMEN, "Shirts": Gender.MEN}
    found = {}
    for item in demo.catalogue.all_items():
        if wanted.get(item.category) is item.gender:
            found.setdefault(item.category, item.as_garment())
    return list(found.values())


def test_knobs_that_are_left_alone_change_nothing(demo, garments):
    tried = try_out(demo.stylist, Knobs.of(demo.stylist.plan), garments, "en")
    assert changed_share(tried) == 0
    assert [one.now.looks for one in tried] == [one.then.looks for one in tried]


def test_knobs_do_what_they_say(demo, garments):
    knobs = Knobs.of(demo.stylist.plan)
    book = Book()

    def effect(**changes):
        tried = try_out(demo.stylist, replace(knobs, **changes), garments, "en")
        return effect_of([(one.garment, one.then) for one in tried], book), changed_share(tried)

    plain, _ = effect()
    narrow, changed = effect(admitted_per_slot=1)
    assert narrow["asked"] < plain["asked"] and changed > 0
    both, _ = effect(guardrail_both_orders=True)
    assert both["calls"] == pytest.approx(2 * plain["calls"], rel=0.5) and both["calls"] > plain["calls"]
    strict, _ = effect(guardrail_least_p_yes=0.97)
    assert strict["p_yes"] is None or strict["p_yes"] >= 0.97
    assert (strict["looks"] or 0) <= plain["looks"]
    _, by_text = effect(text_weight=1.0)
    _, by_style = effect(style_weight=0.0, colour_weight=3.0)
    assert by_text > 0 and by_style > 0


def test_the_effect_counts_what_stylists_refused(demo, garments):
    answer = replace(demo.stylist, witness=None).complete(garments[0])
    sku = answer.looks[0].pieces[0].item.sku
    case = NewCase("pair", f"sku:{garments[0].sku}", garments[0], (sku,), answer.looks[0].pieces[0].verdict)
    from assistant.rulings import Ruled

    book = Book.of([Ruled(case.reference, "pair", frozenset({sku}), False)])
    assert effect_of([(garments[0], answer)], book)["refused_shown"] == 1
    assert effect_of([(garments[0], answer)], Book())["refused_shown"] == 0
    assert effect_of([], Book())["looks"] is None


@pytest.mark.parametrize("name", RANGES)
def test_a_knob_out_of_its_range_is_named(demo, name):
    knobs = Knobs.of(demo.stylist.plan)
    with pytest.raises(InvalidInput, match=name):
        replace(knobs, **{name: RANGES[name][1] + 1})
    with pytest.raises(InvalidInput, match=name):
        replace(knobs, **{name: float("nan")})


def test_profiles_are_kept_with_their_effect_and_become_settings(file, demo):
    from assistant.settings import Settings

    catalogue = Catalogue.open(file, create=True)
    desk = open_desk(catalogue, 1, 1.0)
    knobs = replace(Knobs.of(demo.stylist.plan), colour_weight=2.0, guardrail_both_orders=True)
    desk.profiles.save("bold", knobs, {"looks": 2.5}, "Mei")
    desk.profiles.save("bold", knobs, {"looks": 3.0}, "Li")
    (kept,) = desk.profiles.all()
    assert (kept.name, kept.knobs, kept.effect, kept.who) == ("bold", knobs, {"looks": 3.0}, "Li")
    (file.parent / "outfit.toml").write_text(knobs.as_settings())
    import tomllib

    chosen = Settings(**tomllib.loads(knobs.as_settings()))
    assert chosen.colour_weight == 2.0 and chosen.guardrail_both_orders is True
    desk.profiles.remove("bold")
    with pytest.raises(InvalidInput, match="no profile"):
        desk.profiles.remove("bold")
    catalogue.close()


def test_a_profile_put_to_use_holds_in_every_process_and_is_taken_back(file, demo):
    catalogue, elsewhere = Catalogue.open(file, create=True), Catalogue.open(file)
    desk, other = open_desk(catalogue, 1, 1.0), open_desk(elsewhere, 1, 1.0)
    plan = demo.stylist.plan
    one, two = (replace(Knobs.of(plan), admitted_per_slot=n) for n in (1, 2))
    assert other.in_use.now() is None and other.in_use.plan(plan) == plan
    with pytest.raises(AlreadyDecided, match="no choice to take back"):
        desk.in_use.back("Mei")
    with pytest.raises(InvalidInput, match="no profile 'one'"):
        desk.in_use.choose("one", "Mei")
    desk.profiles.save("one", one, {}, "Mei")
    desk.profiles.save("two", two, {}, "Mei")
    desk.in_use.choose("one", "Mei")
    assert other.in_use.plan(plan).policy.per_slot == 1
    assert (other.in_use.now().name, other.in_use.now().who) == ("one", "Mei")
    assert "profile 'one' stands in for the settings" in other.in_use.now().words
    other.in_use.choose("two", "Li")
    desk.profiles.save("two", one, {}, "Mei")  # changed and forgotten since: what was put to use stays
    desk.profiles.remove("two")
    assert desk.in_use.plan(plan).policy.per_slot == 2
    assert desk.in_use.back("Mei").name == "one"
    assert desk.in_use.back("Mei").name is None and desk.in_use.plan(plan) == plan and desk.in_use.now().words == ""
    with pytest.raises(AlreadyDecided):
        desk.in_use.back("Mei")
    desk.in_use.choose("one", "Mei")
    desk.in_use.choose(None, "Mei")
    assert other.in_use.plan(plan) == plan
    assert desk.in_use.back("Li").name == "one"
    catalogue.close()
    elsewhere.close()


def test_the_main_path_goes_by_the_profile_in_use_from_the_next_answer_on(file, demo):
    catalogue = Catalogue.open(file, create=True)
    desk = open_desk(catalogue, 1, 1.0)
    stylist = replace(demo.stylist, chosen=desk.in_use.plan)
    garment = next(iter(demo.catalogue.all_items())).as_garment()

    def asked() -> float:
        (judged,) = (step for step in stylist.complete(garment).trace.steps if step.name == "judge")
        return judged.counts["asked"]

    before = asked()
    desk.profiles.save("one a slot", replace(Knobs.of(stylist.plan), admitted_per_slot=1, guardrail_rounds=1), {}, "Mei")
    assert asked() == before
    desk.in_use.choose("one a slot", "Mei")
    assert asked() < before
    desk.in_use.back("Mei")
    assert asked() == before
    catalogue.close()


def test_a_profile_of_another_version_is_announced_and_the_settings_hold(file, demo, caplog):
    from sqlalchemy import update

    from retrieval.tables import desk_uses

    catalogue = Catalogue.open(file, create=True)
    desk = open_desk(catalogue, 1, 1.0)
    desk.profiles.save("old", Knobs.of(demo.stylist.plan), {}, "Mei")
    desk.in_use.choose("old", "Mei")
    with catalogue.writing() as connection:
        connection.execute(update(desk_uses).values(knobs={"a_knob_of_long_ago": 1}))
    for _ in range(2):
        assert desk.in_use.plan(demo.stylist.plan) == demo.stylist.plan
    assert [record.message for record in caplog.records if "'old' cannot be used" in record.message].__len__() == 1
    catalogue.close()


# --- from a terminal --------------------------------------------------------------------------------------------------


def test_status_and_export_by_commands(tmp_path):
    catalogue = Catalogue.open(tmp_path / "demo" / "catalogue.db", create=True)
    kept = DeskStore(catalogue)
    kept.decide(add(kept, ("j1", "s1"), ("j2", "s2"))[:1], yes())
    catalogue.close()

    def outfit(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"OUTFIT_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        command = [sys.executable, "-m", "assistant.cli", "desk", *arguments]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=240)

    assert "1 open (1 looks, 0 pairs, 0 contested), 1 approved" in outfit("status").stdout
    assert [json.loads(line)["act"] for line in outfit("export").stdout.splitlines()] == ["approve"]
    done = outfit("export", "--out", "decisions.csv")
    assert "1 decisions written" in done.stderr, done.stderr
    assert next(csv.DictReader((tmp_path / "decisions.csv").open()))["who"] == "Mei"
    wrong = outfit("export", "--out", "decisions.xls")
    assert wrong.returncode == 1 and "jsonl or csv" in wrong.stderr and "Traceback" not in wrong.stderr
