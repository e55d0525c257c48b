"""A feed into the catalogue and its indexes: what is written, what is left alone, what goes wrong and what remains of it."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import event

from retrieval.duplicates import Look, near_duplicates, same_vectors
from retrieval.errors import FeedError, SpaceMismatch, StoreError, StoreFull, StoreLocked
from retrieval.feeds import read_feed
from retrieval.indexes.exact import ExactIndex
from retrieval.ingest import ingest, rebuild
from retrieval.items import Slot
from retrieval.pipeline import columns_of
from retrieval.ports import Where
from retrieval.summary import Meter
from retrieval.writer import only_writer
from tests.faults import HEADER, FileIndex, GridEncoder, LetterEncoder, Open, Shop, first_feed, mean_colour, second_feed


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path / "shop")


def rows(*ids, **cells) -> list[str]:
    values = {"gender": "Men", "type": "Shirts", "title": "Shirt", "price": "10.00", "stock": "3", **cells}
    return [
        f"{i},{values['gender']},{values['type']},Blue,{values['title']} {i},{values['price']},EUR,{values['stock']}" for i in ids
    ]


def simple(shop: Shop, count: int = 6) -> list[str]:
    for i in range(count):
        shop.photo(f"{i}.png", seed=i)
    lines = rows(*range(count))
    shop.write(lines)
    return lines


# --- the plain way --------------------------------------------------------------------------------------------------------


def test_items_become_ready_with_vectors_palette_and_columns(shop):
    simple(shop)
    with shop.open() as opened:
        summary = opened.run()
        assert (summary.rows, summary.added, summary.ready) == (6, 6, 6)
        assert (summary.pictures_encoded, summary.titles_encoded) == (6, 6)
        item = opened.catalogue.item("3")
        assert (item.title, item.slot, item.price, item.stock) == ("Shirt 3", Slot.TOP, Decimal("10.00"), 3)
        (view,) = item.views
        assert (view.name, view.path, view.width_px, view.height_px) == ("main", "3.png", 12, 16)
        picture = opened.catalogue.picture("3")
        assert np.allclose(view.palette[0].lab, np.asarray(picture).mean(axis=(0, 1)), atol=0.01)
        expected = GridEncoder().encode_images([picture])[0]
        assert np.allclose(opened.pictures.fetch(["3/main"])["3/main"], expected)
        assert np.allclose(opened.titles.fetch(["3"])["3"], LetterEncoder().encode_documents(["Shirt 3"])[0])
        columns = json.loads(opened.pictures.rows()["3/main"][1])
        assert columns == {
            "slot": "top", "gender": "Men", "category": "Shirts", "colour": "Blue", "price": 10.0, "in_stock": 1.0,
        }  # fmt: skip
        assert [id_ for id_, _ in opened.titles.search(LetterEncoder().encode_queries(["Shirt 3"])[0], 1)] == ["3"]


def test_columns_leave_out_what_is_not_known_and_tell_what_is_in_stock(shop):
    simple(shop, 2)
    shop.write([*rows(0, stock="0"), "1,,Gadgets,,Thing,,,"])
    with shop.open() as opened:
        opened.run()
        items = opened.catalogue.items(["0", "1"])
        assert columns_of(items["0"])["in_stock"] == 0.0
        assert columns_of(items["1"]) == {"gender": "Unisex", "category": "Gadgets", "in_stock": 1.0}


def test_the_summary_adds_up_and_names_every_reason(shop):
    first_feed(shop)
    with shop.open() as opened:
        summary = opened.run()
        assert summary.rows == 26
        assert (summary.added, summary.rejected) == (22, 4)  # broken, duplicate, no image, damaged
        assert summary.adds_up
        assert summary.reasons == {
            "... cells": 1, "duplicate id": 1, "no image": 1, "the PNG picture is damaged or incomplete": 1,
        }  # fmt: skip
        assert [(r.line, r.sku) for r in opened.catalogue.rejects()] == [(5, ""), (10, "7"), (11, "5"), (15, "11")]
        assert summary.ready == opened.catalogue.count() == 22
        (run,) = opened.catalogue.runs()
        assert run.summary["added"] == 22 and run.ended_at is not None
        assert "26 rows: 22 added" in summary.text()


def test_progress_ends_at_the_total(shop):
    simple(shop)
    events = []
    with shop.open() as opened:
        opened.run(progress=events.append, batch_size=2)
    assert [event.done for event in events] == sorted(event.done for event in events)
    assert (events[-1].stage, events[-1].done, events[-1].total) == ("rows", 6, 6)


def test_rate_and_time_left_are_those_of_the_last_half_minute(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    events = []
    meter = Meter(events.append, "rows", 1_000)
    for now[0], done in ((1.0, 500), (31.0, 530), (61.0, 560)):  # 500 were there already, then one a second
        meter.show(done)
    assert events[-1].rate_per_s == pytest.approx(1.0)
    assert events[-1].eta_s == pytest.approx(440)


# --- again ------------------------------------------------------------------------------------------------------------------


def test_a_second_run_changes_and_encodes_nothing(shop):
    first_feed(shop)
    with shop.open() as opened:
        opened.run()
        before = opened.state()
        summary = opened.run()
        assert (summary.unchanged, summary.rejected, summary.added, summary.updated) == (22, 4, 0, 0)
        assert (summary.pictures_encoded, summary.titles_encoded) == (0, 0)
        assert opened.state() == before


def test_only_what_has_changed_is_embedded_again(shop):
    lines = simple(shop)
    with shop.open() as opened:
        opened.run()
        lines[1] = rows(1, title="Blouse")[0]
        lines[2] = rows(2, price="12.00")[0]
        lines[3] = rows(3, stock="0")[0]
        shop.photo("4.png", seed=77)
        shop.write(lines)
        seen = opened.images.seen, opened.texts.seen
        before = opened.pictures.rows()
        summary = opened.run()
        assert (summary.updated, summary.unchanged) == (4, 2)
        assert (opened.images.seen - seen[0], opened.texts.seen - seen[1]) == (1, 1)
        after = opened.pictures.rows()
        assert {id_ for id_ in after if after[id_][0] != before[id_][0]} == {"4/main"}
        assert json.loads(after["2/main"][1])["price"] == 12.0
        assert json.loads(after["3/main"][1])["in_stock"] == 0.0
        assert opened.catalogue.item("1").title == "Blouse 1"
        assert opened.catalogue.item("2").price == Decimal("12.00")
        assert opened.faults() == []


def test_a_photo_written_again_with_the_same_content_is_not_embedded_again(shop):
    simple(shop)
    with shop.open() as opened:
        opened.run()
        for path in shop.photos.iterdir():
            os.utime(path, ns=(1, 1))
        seen = opened.images.seen
        opened.run()
        assert opened.images.seen == seen
        assert opened.run().updated == 0


def test_what_leaves_a_full_feed_is_retired_and_comes_back(shop):
    lines = simple(shop)
    with shop.open() as opened:
        opened.run()
        shop.write(lines[:4])
        summary = opened.run()
        assert (summary.retired, summary.ready) == (2, 4)
        assert opened.catalogue.items(["3", "4", "5"]).keys() == {"3"}
        assert opened.pictures.rows().keys() == {f"{i}/main" for i in range(4)}
        assert opened.catalogue.count("retired") == 2
        shop.write(lines)
        summary = opened.run()
        assert (summary.returned, summary.unchanged, summary.ready) == (2, 4, 6)
        assert opened.faults() == []
        assert opened.catalogue.item("5").views[0].palette


def test_a_partial_feed_retires_nothing(shop):
    lines = simple(shop)
    with shop.open() as opened:
        opened.run()
        shop.write(rows(2, title="Coat"))
        summary = opened.run(full=False)
        assert (summary.updated, summary.retired, summary.ready) == (1, 0, 6)
        assert len(lines) == len(opened.titles)


def test_a_feed_that_lacks_most_items_is_taken_for_a_broken_export(shop):
    lines = simple(shop, 120)
    with shop.open() as opened:
        opened.run(batch_size=64)
        shop.write([*lines[:50], *rows(500)])
        shop.photo("500.png", seed=500)
        with pytest.raises(FeedError, match="lacks 70 of 120 items") as caught:
            opened.run()
        assert "--may-shrink" in caught.value.hint
        assert opened.catalogue.count() == 121
        assert opened.run(may_shrink=True).retired == 70


def test_a_feed_of_which_nothing_can_be_used_retires_nothing(shop):
    simple(shop)
    with shop.open() as opened:
        opened.run()
        shop.write(rows(100, 101))
        with pytest.raises(FeedError, match="no row of the feed can be used.*2 x no image"):
            opened.run()
        assert opened.catalogue.count() == 6


def test_photos_may_move_to_a_zip_without_being_embedded_again(shop, tmp_path):
    simple(shop)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in shop.photos.iterdir():
            archive.write(path, f"images/{path.name}")
    with shop.open() as opened:
        opened.run()
        seen = opened.images.seen
        ingest(read_feed(shop.feed), tmp_path / "photos.zip", **opened.parts)
        assert opened.images.seen == seen
        assert opened.catalogue.item("2").views[0].path == "images/2.png"
        assert opened.catalogue.picture("2").size == (12, 16)


# --- views --------------------------------------------------------------------------------------------------------------------


def test_several_photos_of_a_product_by_name(shop):
    for name in ("1", "1_2", "1_10", "1_back", "1_5", "2_side"):
        shop.photo(f"{name}.png", seed=hash(name) % 1000)
    shop.write(rows("1", "1_5", "2"))
    with shop.open() as opened:
        opened.run()
        names = {item.sku: [view.name for view in item.views] for item in opened.catalogue.all_items()}
        assert names == {"1": ["main", "2", "10", "back"], "1_5": ["main"], "2": ["side"]}
        assert opened.pictures.rows().keys() == {"1/main", "1/2", "1/10", "1/back", "1_5/main", "2/side"}


def test_several_photos_of_a_product_by_column_and_one_going_away(shop):
    for name in "abc":
        shop.photo(f"{name}.png", seed=ord(name))

    def write(images: str) -> None:
        shop.feed.write_text(f"id,articleType,title,image\n1,Shirts,Shirt,{images}\n")

    with shop.open() as opened:
        write("b.png|a.png|gone.png")
        summary = opened.run()
        assert (summary.added, summary.rejected, summary.rejected_pictures) == (1, 0, 1)
        assert [(v.name, v.path) for v in opened.catalogue.item("1").views] == [("main", "b.png"), ("2", "a.png")]
        write("b.png")
        assert opened.run().updated == 1
        assert opened.pictures.rows().keys() == {"1/main"}
        assert opened.catalogue.vector_count("image") == 1
        assert opened.run().unchanged == 1
        write("c.png")
        opened.run()
        assert opened.catalogue.item("1").views[0].path == "c.png"
        assert opened.faults() == []


@pytest.mark.parametrize(
    "path", ["../secret.png", "/etc/passwd", "file:///etc/passwd", "simplecache::file:///etc/passwd", "link.png", "a/../../x.png", "C:\\x.png"]
)
def test_a_path_out_of_the_store_is_quarantined_and_the_rest_goes_on(shop, path):
    shop.photo("good.png", seed=1)
    shop.photo("../secret.png", seed=2)
    (shop.photos / "link.png").symlink_to(shop.folder / "secret.png")
    shop.feed.write_text(f"id,articleType,title,image\n1,Shirts,Shirt,{path}\n2,Shirts,Shirt,good.png\n")
    with shop.open() as opened:
        summary = opened.run()
        assert (summary.added, summary.rejected) == (1, 1)
        (why,) = opened.catalogue.rejects()
        assert why.sku == "1" and ("not a plain path" in why.reason or "link out" in why.reason)


def test_a_photo_broken_later_is_rejected_and_its_item_retired_until_it_is_whole_again(shop):
    simple(shop)
    with shop.open() as opened:
        opened.run()
        (shop.photos / "2.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
        summary = opened.run()
        assert (summary.rejected, summary.retired, summary.ready) == (1, 1, 5)
        shop.photo("2.png", seed=2)
        assert opened.run().returned == 1


# --- killed -------------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_killed_at_any_line_the_next_run_ends_the_job(tmp_path):
    """26 kills here; `python -m tests.faults FOLDER --points 1000` for more."""
    command = [sys.executable, "-m", "tests.faults", str(tmp_path), "--points", "26", "--seed", "11"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[1])
    assert done.returncode in (0, 1) and done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert found["killed"] >= 20
    assert found["acknowledged rows"] > 0


@pytest.mark.parametrize("breaks_at", ["intend", "upsert", "settle", "delete", "forget"])
def test_a_run_that_breaks_between_two_steps_is_finished_without_the_feed(shop, breaks_at, monkeypatch, tmp_path):
    """The next run finishes from SQL and the photos even where its own feed says nothing of the product.

    And the feed itself, brought in again, then ends where it would have ended undisturbed.
    """
    undisturbed = Shop(tmp_path / "undisturbed")
    with undisturbed.open() as opened:
        for write in (first_feed, second_feed):
            write(undisturbed)
            opened.run()
        expected = opened.state()
    first_feed(shop)
    with shop.open() as opened:
        opened.run()
        second_feed(shop)
        target = opened.pictures if breaks_at in ("upsert", "delete") else __import__("retrieval.ledger").ledger.Ledger
        right = getattr(target, breaks_at)

        def breaks(*args):
            right(*args)
            raise RuntimeError("pulled the plug")

        with monkeypatch.context() as patched, pytest.raises(RuntimeError):
            patched.setattr(target, breaks_at, breaks)
            opened.run()
        assert opened.faults() == []
        shop.write(rows(0, title="Better shirt"))
        opened.run(full=False)
        assert opened.faults() == []
        assert opened.catalogue.count("pending") == 0
        with opened.catalogue.reading() as connection:
            left = connection.exec_driver_sql("SELECT count(*) FROM vectors WHERE is_written = 0").scalar()
        assert left == 0
        second_feed(shop)
        opened.run()
        state = opened.state()
        assert [name for name in ("items", "vectors", "pictures", "titles") if state[name] != expected[name]] == []


# --- what fails -----------------------------------------------------------------------------------------------------------------


def test_a_second_writer_is_told_who_the_first_one_is(shop):
    simple(shop)
    with shop.open() as opened, shop.open() as other:
        with only_writer(other.catalogue, "ingest of other.csv"):
            with pytest.raises(StoreLocked, match=rf"process {os.getpid()} on .*ingest of other\.csv"):
                opened.run()
        assert opened.run().added == 6


def test_a_second_process_is_told_too(shop):
    simple(shop)
    program = (
        "import sys\nfrom retrieval.catalogue import Catalogue\nfrom retrieval.writer import only_writer\n"
        f"with only_writer(Catalogue.open({str(shop.folder / 'shop.db')!r}, create=True), 'a long job'):\n"
        "    print('held', flush=True)\n    sys.stdin.readline()\n"
    )
    root = Path(__file__).resolve().parents[1]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": root}
    with subprocess.Popen([sys.executable, "-c", program], **pipes) as holder:
        assert holder.stdout.readline() == "held\n"
        with shop.open() as opened:
            with pytest.raises(StoreLocked, match=f"process {holder.pid} .*a long job"):
                opened.run()
            holder.kill()  # a lock dies with its process
            holder.wait()
            assert opened.run().added == 6


def test_another_model_is_refused_until_a_rebuild_and_then_everything_is_of_it(shop):
    simple(shop)
    with shop.open() as opened:
        opened.run()
    other = Open(shop, revision="2")
    with other:
        with pytest.raises(SpaceMismatch, match=r"'grid' \(revision 1.*revision 2") as caught:
            other.run()
        assert "outfit rebuild" in caught.value.hint
        assert other.images.seen == 0
        summary = rebuild(**other.parts)
        assert (summary.rows, summary.updated, other.images.seen, other.texts.seen) == (6, 6, 6, 6)
        assert other.catalogue.spaces()["image"] == other.images.space
        assert other.run().unchanged == 6


def test_an_index_of_another_space_than_its_encoder_is_refused(shop, tmp_path):
    simple(shop)
    with shop.open() as opened:
        index = FileIndex(tmp_path / "other.db", replace(opened.images.space, revision="7"))
        with pytest.raises(SpaceMismatch, match="image index"):
            ingest(read_feed(shop.feed), shop.photos, **{**opened.parts, "image_index": index})


def test_a_lost_index_is_written_again_by_the_next_ingest(shop, caplog):
    simple(shop)
    with shop.open() as opened:
        opened.run()
        before = opened.pictures.rows()
        empty = ExactIndex(opened.images.space)
        opened.titles.delete(["2", "4"])
        parts = {**opened.parts, "image_index": empty}
        summary = ingest(read_feed(shop.feed), shop.photos, **parts)
        assert (summary.resumed, summary.unchanged) == (6, 6)
        assert "lost vectors" in caplog.text
        assert len(opened.titles) == 6
        assert all(np.array_equal(empty.fetch([id_])[id_], np.frombuffer(row, np.float32)) for id_, (row, _) in before.items())
        where = Where(any_of={"gender": frozenset({"Men"})}, at_least={"in_stock": 1.0})
        assert len(empty.search(empty.fetch(["1/main"])["1/main"], 10, where)) == 6


def test_rebuild_keeps_items_whose_photos_are_gone(shop):
    simple(shop)
    with shop.open() as opened:
        opened.run()
        opened.pictures.delete([f"{i}/main" for i in range(6)])
        (shop.photos / "3.png").unlink()
        summary = rebuild(**opened.parts)
        assert (summary.updated, summary.rejected_pictures, summary.ready) == (5, 1, 6)
        assert opened.pictures.rows().keys() == {f"{i}/main" for i in range(6) if i != 3}
        shop.photo("3.png", seed=3)
        rebuild(**opened.parts)
        assert len(opened.pictures) == 6 and opened.faults() == []


def test_no_space_left_for_sql_says_so_and_the_next_run_goes_on(shop):
    simple(shop, 40)
    with shop.open() as opened:

        def limit(pages: int) -> None:
            opened.catalogue.close()  # the limit holds for a connection, so let them all be new
            event.listen(opened.catalogue._engine, "connect", lambda c, _: c.execute(f"PRAGMA max_page_count = {pages}"))

        with opened.catalogue.reading() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        limit(pages + 4)  # SQLite's own limit: the same error as a full disk
        with pytest.raises(StoreFull, match="no space left") as caught:
            opened.run()
        assert "run the same command again" in caught.value.hint
        assert opened.faults() == []
        limit(100_000)
        assert opened.run().ready == 40
        assert opened.faults() == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [(OSError(28, "voll"), StoreFull), (OSError(5, "Input/output error"), StoreError), (RuntimeError("disk is full"), StoreFull)],
)
def test_an_index_whose_disk_fails_leaves_a_state_that_the_next_run_finishes(shop, error, expected):
    simple(shop, 12)
    with shop.open() as opened:

        class Failing(FileIndex):
            left = 2

            def upsert(self, *args):
                self.left -= 1
                if self.left < 0:
                    raise error
                super().upsert(*args)

        failing = Failing(shop.folder / "pictures.db", opened.images.space)
        with pytest.raises(expected):
            ingest(read_feed(shop.feed), shop.photos, **{**opened.parts, "image_index": failing}, batch_size=4)
        assert opened.catalogue.count() == 8
        assert opened.faults() == []
        assert opened.run(batch_size=4).ready == 12
        assert opened.faults() == []


def test_a_vector_that_is_none_costs_its_row_alone(shop):
    simple(shop)
    with shop.open() as opened:

        class Odd(GridEncoder):
            def encode_images(self, images):
                rows = super().encode_images(images)
                rows[1] = np.nan
                rows[2] = 0
                return rows

        summary = ingest(read_feed(shop.feed), shop.photos, **{**opened.parts, "image_encoder": Odd()})
        assert (summary.added, summary.rejected) == (4, 2)
        assert "no usable vector" in opened.catalogue.rejects()[0].reason
        assert opened.faults() == []


def test_photos_are_read_beside_the_encoder_within_bounds(shop):
    """At most three batches of photos are read ahead of what is encoded, however many there are."""
    simple(shop, 60)
    taken, encoded, most = [0], [0], [0]
    lock = threading.Lock()

    class Slow(GridEncoder):
        def encode_images(self, images):
            with lock:
                encoded[0] += len(images)
            return super().encode_images(images)

    def measured(image):
        with lock:
            taken[0] += 1
            most[0] = max(most[0], taken[0] - encoded[0])
        return mean_colour(image)

    with shop.open() as opened:
        parts = {**opened.parts, "image_encoder": Slow(), "measure_palette": measured}
        assert ingest(read_feed(shop.feed), shop.photos, **parts, batch_size=5).added == 60
    assert most[0] <= 20


# --- duplicates -------------------------------------------------------------------------------------------------------------------


def test_the_same_photo_under_two_skus_is_kept_and_reported(shop):
    simple(shop, 4)
    pixels = np.random.default_rng(5).integers(0, 256, (32, 24, 3), dtype=np.uint8)
    large = Image.fromarray(pixels).resize((240, 320), Image.Resampling.BICUBIC)
    large.save(shop.photos / "1.png")
    large.resize((120, 160), Image.Resampling.LANCZOS).save(shop.photos / "9.png")
    shop.write(rows(0, 1, 2, 3, 9))
    with shop.open() as opened:
        summary = opened.run()
        assert summary.ready == 5
        assert summary.near_duplicates == (("1", "9"),)
        assert "look the same" in summary.text()


def slow_groups(looks):
    """Every pair compared, groups by repeated merging."""
    groups = [{look.sku} for look in looks]
    for a in looks:
        for b in looks:
            if (a.hash ^ b.hash).bit_count() <= 16 and (None in (a.lab, b.lab) or math.dist(a.lab, b.lab) <= 6):
                merged = next(g for g in groups if a.sku in g) | next(g for g in groups if b.sku in g)
                groups = [g for g in groups if not g & merged] + [merged]
    return tuple(sorted(tuple(sorted(g)) for g in groups if len(g) > 1))


def test_near_duplicates_agree_with_comparing_every_pair():
    dice = random.Random(3)
    centres = [dice.getrandbits(255) << 1 for _ in range(40)]
    looks = []
    for i in range(160):
        value = dice.choice(centres)
        for bit in dice.sample(range(256), dice.randrange(14)):
            value ^= 1 << bit
        lab = (50.0, dice.uniform(-9, 9), dice.uniform(-9, 9)) if i % 20 else None
        looks.append(Look(f"s{i:03}", value, lab))
    found = near_duplicates(looks)
    assert found == slow_groups(looks)
    assert 1 < len(found) < 100
    assert near_duplicates([]) == near_duplicates(looks[:1]) == ()


def test_the_same_shot_in_another_colour_is_another_product():
    blue, red, also_blue = (20.0, 10.0, -40.0), (40.0, 60.0, 30.0), (21.0, 10.0, -38.0)
    looks = [Look("blue", 7, blue), Look("red", 7, red), Look("navy", 6, also_blue)]
    assert near_duplicates(looks) == (("blue", "navy"),)


# --- the public catalogue ---------------------------------------------------------------------------------------------------------


def test_the_first_rows_of_the_public_catalogue(shop, shared_data):
    with (shared_data / "styles.csv").open(encoding="utf-8") as file:
        lines = [line for _, line in zip(range(401), file, strict=False)]
    no_photo = next(line for line in (shared_data / "styles.csv").open() if line.startswith("39403,"))
    shop.feed.write_text("".join([*lines, no_photo]))
    with shop.open() as opened:
        summary = ingest(read_feed(shop.feed), shared_data / "catalog-images.zip", **opened.parts)
        assert (summary.rows, summary.added, summary.rejected, summary.reasons) == (401, 400, 1, {"no image": 1})
        item = opened.catalogue.item("15970")
        assert item.title == "Turtle Check Men Navy Blue Shirt"
        assert opened.catalogue.picture("15970").size == (item.views[0].width_px, item.views[0].height_px)
        assert HEADER


def test_vectors_that_are_one_picture_agree_with_comparing_every_pair():
    rng = np.random.default_rng(3)
    base = rng.normal(size=(150, 64))
    near = base[:60] + 0.01 * rng.normal(size=(60, 64)) * np.linspace(0, 12, 60)[:, None]  # from the same to merely alike
    rows = np.concatenate((base, near, base[:2]))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    skus = [f"s{i}" for i in range(len(rows) - 2)] + ["twin", "s1"]  # one sku has a picture twice
    cosines = rows @ rows.T
    wanted = {
        frozenset((skus[i], skus[j]))
        for i in range(len(rows)) for j in range(i) if cosines[i, j] >= 0.998 and skus[i] != skus[j]
    }  # fmt: skip
    assert 10 < len(wanted) < 60
    found = same_vectors(skus, rows)
    joined = near_duplicates([Look(sku, i << 100, (10.0 * i, 0, 0)) for i, sku in enumerate(dict.fromkeys(skus))], found)
    assert {frozenset(pair) for pair in found} <= wanted
    assert all(any(pair <= set(group) for group in joined) for pair in wanted)


def test_a_placeholder_under_ten_thousand_skus_is_one_group_at_once():
    rows = np.tile(np.float32([0.6, 0.8]), (10_000, 1))
    assert len(same_vectors([str(i) for i in range(10_000)], rows)) == 9_999
