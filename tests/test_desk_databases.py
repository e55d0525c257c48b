"""The stylists' desk on SQLite, MariaDB and PostgreSQL: the same queue, and one winner where several decide at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from PIL import Image

from assistant.desk import Desk, open_desk
from assistant.desk.decisions import Wanted
from assistant.desk.photos import Crops
from assistant.desk.store import AlreadyDecided, DeskStore, Filter, now
from retrieval.catalogue import Catalogue
from tests.test_desk import SHIRT, add, no, piece, yes


@pytest.fixture
def desk(database_url) -> Iterator[tuple[Desk, Catalogue]]:
    catalogue = Catalogue.open(database_url, create=True)
    yield open_desk(catalogue, 14, 1.0), catalogue
    catalogue.close()


def test_the_queue_the_record_and_what_follows_from_it(desk, database_url):
    store = desk[0].store
    looks = add(store, ("j1", "s1", "b1"), ("j2", "s2"))
    pair = add(store, withheld=(piece("u1", answer="undecided"),))
    assert add(store, ("s1", "b1", "j1")) == looks[:1]  # known already
    assert [case.id for case in store.cases()] == [*pair, *looks]
    assert [case.id for case in store.cases(after=looks[0])] == looks[1:]
    assert [case.id for case in store.cases(Filter(text="S2"))] == looks[1:]
    assert store.cases(Filter(text="men|shirts"))[0].data["garment"]["title"] == "Red shirt"
    assert store.progress() | {"settled": 0} == {
        "open": 3, "approved": 0, "rejected": 0, "settled": 0, "looks": 2, "pairs": 1, "contested": 1
    }  # fmt: skip
    store.say(looks[1], "down", "不好看 🙁")
    assert store.opinions(looks[1])[0][:2] == ("down", "不好看 🙁") and store.cases()[0].is_contested
    outcome = store.decide(looks, no(words="太正式 🙁"))
    elsewhere = Catalogue.open(database_url)
    other = DeskStore(elsewhere)
    assert other.rulings(SHIRT).refused_looks == {frozenset({"j1", "s1"}), frozenset({"j2", "s2"})}
    assert [d.words for d, _ in other.record(in_force=True)] == ["太正式 🙁"] * 2
    other.undo(outcome.batch, "Li")
    with pytest.raises(AlreadyDecided):
        store.undo(outcome.batch, "Mei")
    assert store.rulings(SHIRT).refused_looks == frozenset() and store.progress()["open"] == 3
    store.keep_orders(pair[0], {"u1": 0.2})
    assert store.case(pair[0]).data["pieces"][0]["p_yes_swapped"] == 0.2
    assert len(store.answers()) == 2 and store.newest_of_photos(5) and store.categories() == ["Shirts"]
    elsewhere.close()


def test_several_who_decide_and_take_back_at_once_leave_one_record(desk, database_url):
    (case_id,) = add(desk[0].store, ("j1", "s1"))
    start, won, undone = threading.Barrier(5), [], []

    def work(number: int) -> None:
        catalogue = Catalogue.open(database_url)
        mine = DeskStore(catalogue)
        start.wait()
        outcome = mine.decide([case_id], yes(f"stylist {number}"))
        won.extend(outcome.decided)
        start.wait()
        try:
            undone.extend(mine.undo(won[0].batch, f"stylist {number}"))
        except AlreadyDecided:
            pass
        catalogue.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and len(undone) == 1
    assert [d.act for d, _ in desk[0].store.record()] == ["approve", "undo"]
    assert desk[0].store.case(case_id).state == "open"


def test_crops_and_profiles_are_kept_and_go(desk):
    from assistant.desk.knobs import Knobs

    opened, catalogue = desk
    clock = [now()]
    crops = Crops(catalogue, timedelta(days=1), lambda: clock[0])
    noise = Image.effect_noise((600, 600), 90).convert("RGB")
    digest = crops.put(noise)
    assert crops.put(noise) == digest and crops.get(digest)
    clock[0] += timedelta(days=1, seconds=1)
    assert crops.get(digest) is None and crops.sweep() == 1
    knobs = Knobs(0.5, 12, 6, 3, True, 0.0, 0.4, 1.0, 1.0)
    for looks in (2.0, 3.0):
        opened.profiles.save("夏天", knobs, {"looks": looks}, "Mei")
    (kept,) = opened.profiles.all()
    assert (kept.name, kept.knobs, kept.effect) == ("夏天", knobs, {"looks": 3.0})
    assert opened.in_use.choose("夏天", "Mei").id == opened.in_use.now().id
    assert opened.in_use.now().knobs == knobs and opened.in_use.back("Li").name is None
    assert opened.in_use.now().knobs is None and opened.in_use.now().who == "Li"


def test_a_replacement_by_an_item_of_a_long_name(desk):
    store = desk[0].store
    (case_id,) = add(store, ("j1", "s1"))
    store.decide([case_id], Wanted("replace", "Mei", sku="j1", instead="x" * 120))
    assert "x" * 120 in store.rulings(SHIRT).approved
