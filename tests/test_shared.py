"""What several app processes share: conversations packed and unpacked, files and verdicts in SQL on every engine."""

from __future__ import annotations

import dataclasses
import threading
import zlib
from decimal import Decimal

import pytest
from PIL import Image
from sqlalchemy import text

from assistant import looks, stylists, talk, wish
from assistant.chat import Chat
from assistant.packing import classes_of, pack, unpack
from assistant.shared import SharedFiles, SharedVerdicts, SharedVisits
from assistant.stylists import Answer, Verdict
from assistant.talk import Choose, Lock, Reroll, Say, ShowPhoto, Talk
from retrieval import images, items, resources
from retrieval.catalogue import Catalogue
from retrieval.errors import InvalidInput
from retrieval.items import Attributes, Box, Garment, Gender, Item, Slot

CLASSES = classes_of((items, looks, stylists, talk, wish))


@pytest.fixture
def catalogue(database_url):
    opened = Catalogue.open(database_url, create=True)
    yield opened
    opened.close()


# --- packing ----------------------------------------------------------------------------------------------------------------


def test_values_come_back_equal_and_what_stood_once_stands_once():
    item = Item("1", "👗 Dress", "Dresses", Slot.ONE_PIECE, Gender.WOMEN, price=Decimal("12.30"))
    value = (item, item, Box(0, 0, 1.5, 2), Attributes(confidence={"gender": 0.5}), frozenset({"b", "a"}), [None, True, 3])
    back = unpack(pack(value), CLASSES)
    assert back == value
    assert back[0] is back[1]
    assert type(back[0].slot) is Slot and type(back[0].price) is Decimal


def test_a_picture_comes_back_to_the_pixel():
    picture = Image.effect_noise((37, 23), 60).convert("RGB")
    back = unpack(pack(Garment("Shirt", Attributes(), picture=picture)), CLASSES).picture
    assert (back.mode, back.size, back.tobytes()) == ("RGB", (37, 23), picture.tobytes())


def test_twenty_steps_of_undo_cost_little_more_than_one():
    step = Talk(detections=tuple(items.Detection(Box(0, 0, i + 1, 2), "shirt", 0.5, Slot.TOP) for i in range(100)))
    long = step
    for number in range(20):
        long = long.changed(photo=str(number))
    assert len(pack(long)) < 3 * len(pack(step))
    assert unpack(pack(long), CLASSES) == long


@pytest.mark.parametrize(
    "data",
    [
        b"", b"no bytes of ours", zlib.compress(b"{}"), zlib.compress(b"[[], [\"ref\", 0]]"), zlib.compress(b"[[], [\"x\", 0]]"),
        zlib.compress(b"[[[\"os.system\", {\"command\": \"true\"}]], [\"ref\", 0]]"),
        zlib.compress(b"[[[\"retrieval.items.Item\", {\"sku\": \"1\", \"colours\": 2}]], [\"ref\", 0]]"),
        zlib.compress(b"[[[\"retrieval.items.Slot\", {}]], [\"ref\", 0]]"), zlib.compress(b"[" * 100_000),
        zlib.compress(b"[[[\"picture\", \"AAAA\"]], [\"ref\", 0]]"), zlib.compress(bytes(300 * 2**20)),
    ],
    ids=range(11),
)  # fmt: skip
def test_bytes_that_are_none_of_ours_make_nothing(data):
    with pytest.raises(InvalidInput):
        unpack(data, CLASSES)


def test_what_is_not_a_value_cannot_be_packed():
    with pytest.raises(TypeError, match="Lock"):
        pack((threading.RLock(),))


def test_a_real_conversation_goes_on_after_every_turn_as_if_it_had_stayed(demo):
    """Each turn begins from what was packed; a twin that stayed in memory says the same."""
    photo = images.read(next(iter(sorted(resources.path("demo/photos").glob("worn_woman*")))))
    chat = Chat(demo.stylist, lambda name: photo)
    kept = stayed = Talk()
    for number in range(5):
        asks = [
            ShowPhoto("photo"), Choose(None), Say("under 200 in all"),
            *([Lock(stayed.pieces()[0].item.sku)] if stayed.pieces() else []), Reroll(),
        ]  # fmt: skip
        ask = asks[min(number, len(asks) - 1)]
        kept = unpack(pack(_after(chat, kept, ask)), CLASSES)
        stayed = _after(chat, stayed, ask)
        assert [piece.item.sku for piece in kept.pieces()] == [piece.item.sku for piece in stayed.pieces()]
        assert (kept.wish, kept.passed, kept.lang) == (stayed.wish, stayed.passed, stayed.lang)
    assert stayed.pieces()


def _after(chat: Chat, before: Talk, ask: talk.Ask) -> Talk:
    *_, reply = chat.turn(before, ask)
    return reply.talk


# --- conversations ------------------------------------------------------------------------------------------------------------


def test_a_conversation_is_there_for_every_process_until_its_time_is_over(catalogue):
    now = [1_000_000.0]
    mine, theirs = (SharedVisits(catalogue, CLASSES, 60, lambda: now[0]) for _ in range(2))
    first, second = Talk(photo="a"), Talk(photo="b", wish=wish.Wish(lang="zh"))
    mine.put("one", first)
    mine.put("two", second)
    assert (theirs.get("one"), theirs.get("two"), theirs.get("three")) == (first, second, None)
    now[0] += 50
    theirs.put("one", second)
    assert mine.get("one") == second
    now[0] += 20
    assert mine.get("two") is None and mine.get("one") == second
    mine.put("three", first)
    with catalogue.reading() as connection:
        assert sorted(connection.execute(text("SELECT session FROM shared_visits")).scalars()) == ["one", "three"]


def test_a_conversation_of_another_version_is_begun_anew(catalogue, caplog):
    SharedVisits(catalogue, CLASSES, 60).put("one", Talk(photo="a"))
    others = {name: of for name, of in CLASSES.items() if of is not Talk}
    assert SharedVisits(catalogue, others, 60).get("one") is None
    assert "begun anew" in caplog.text


def test_many_turns_of_many_sessions_at_once(catalogue):
    visits, wrong = SharedVisits(catalogue, CLASSES, 60), []

    def turns(session: str) -> None:
        try:
            for number in range(5):
                visits.put(session, Talk(photo=f"{session} {number}"))
                assert visits.get(session).photo == f"{session} {number}"
        except Exception as error:  # noqa: BLE001 - reported below
            wrong.append(error)

    threads = [threading.Thread(target=turns, args=(f"session {i}",)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- files --------------------------------------------------------------------------------------------------------------------


def test_files_of_any_length_come_back_and_are_dropped(catalogue):
    files = SharedFiles(catalogue, 60, 2**30)
    contents = {"empty": b"", "short": b"\0\xff" * 10, "a part": bytes(range(256)) * 4_096, "parts": bytes(range(251)) * 10_000}
    for name, data in contents.items():
        files.put(name, data, "image/jpeg", "photo.jpg")
    assert {name: files.get(name) for name in contents} == {name: (data, "image/jpeg", "photo.jpg") for name, data in contents.items()}
    files.put("parts", b"shorter", "", "")
    assert files.get("parts") == (b"shorter", "", "")
    files.drop("short")
    assert files.get("short") is None and len(files) == 3 and files.get("x" * 5_000) is None


def test_a_file_goes_when_its_time_is_over_or_others_need_its_place(catalogue):
    now = [1_000_000.0]
    files = SharedFiles(catalogue, 100, 250, lambda: now[0])
    for name in ("a", "b"):
        files.put(name, bytes(100), "", "")
        now[0] += 10
    now[0] += 40
    assert files.get("a")  # asked for: its time begins anew
    files.put("c", bytes(100), "", "")
    assert [files.get(name) is not None for name in "abc"] == [True, False, True]
    now[0] += 101
    assert len(files) == 0
    files.put("too large", bytes(1_000), "", "")
    assert files.get("too large")


# --- verdicts -----------------------------------------------------------------------------------------------------------------


def test_verdicts_are_found_by_every_process(catalogue):
    mine, theirs = SharedVerdicts(catalogue), SharedVerdicts(catalogue)
    verdicts = [
        Verdict(Answer.YES, 0.1 + 0.2, "Beide passen 👗 夏.", "m"), Verdict(Answer.NO, None, "", "m"), Verdict(Answer.UNDECIDED, 1e-17, "?", "m"),
    ]  # fmt: skip
    for place, verdict in enumerate(verdicts):
        mine.put(f"{place:064}", verdict)
    assert [theirs.get(f"{place:064}") for place in range(3)] == verdicts
    theirs.put(f"{0:064}", verdicts[1])
    assert mine.get(f"{0:064}") == verdicts[1] and len(mine) == 3 and mine.get("f" * 64) is None


def test_a_verdict_that_was_changed_is_asked_again(catalogue):
    kept = SharedVerdicts(catalogue)
    kept.put("k" * 64, Verdict(Answer.NO, 0.1, "No.", "m"))
    with catalogue.writing() as connection:
        connection.execute(text("UPDATE shared_verdicts SET answer = 'yes'"))
    assert kept.get("k" * 64) is None and kept.damaged == 1 and len(kept) == 0
    with pytest.raises(ValueError):
        kept.put("k" * 64, Verdict(Answer.YES, float("nan"), "", "m"))


def test_every_value_of_a_conversation_is_of_a_class_that_can_be_read():
    """A field of a new type in another module would be forgotten by the next process."""
    for of in (Talk, looks.Recommendation, looks.Piece, stylists.Verdict, stylists.Suggestion):
        assert f"{of.__module__}.{of.__qualname__}" in CLASSES and dataclasses.is_dataclass(of)
