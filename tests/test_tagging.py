"""Shot tags: asked of a model about every photo, kept in SQL, stopped and gone on with, reported, and split by."""

from __future__ import annotations

import json
import threading

import pytest
from PIL import Image
from sqlalchemy import update
from typer.testing import CliRunner

from assistant.cli import app
from assistant.commands import tags
from assistant.settings import Settings
from retrieval import tag_report, tagging
from retrieval.catalogue import Catalogue
from retrieval.encoders.compact_shots import SHOT_HEADS, CompactShots
from retrieval.errors import InvalidReply, ModelUnavailable, StoreEmpty, StoreFull
from retrieval.items import ShotTags
from retrieval.tables import views
from retrieval.tagging import Asked
from retrieval.tags import Tagged, TagStore
from retrieval.training import catalogue_split
from tests.servers import Behaviour, ModelServer
from tests.test_catalogue import add

STUDIO = ShotTags(False, 0, False, False, "front", True, "Shirts", 0.9, {"worn": 0.98})


@pytest.fixture
def catalogue(tmp_path):
    """Twelve items of one photo each, "a" of two; the photos are there as files."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    opened = Catalogue.open(tmp_path / "home" / "shop" / "catalogue.db", create=True)
    for at, sku in enumerate("abcdefghijkl"):
        names = ("main", "back") if sku == "a" else ("main",)
        for name in names:
            Image.new("RGB", (60, 80), (20 * at, 90, 120)).save(pictures / f"{sku}_{name}.png")
        add(opened, sku, names, pictures)
    yield opened
    opened.close()


def opener(catalogue):
    return lambda photo: catalogue.picture(photo.sku, photo.view)


def run(catalogue, ask=lambda image: Asked(STUDIO, 300, 40), **options) -> tagging.Progress:
    store = TagStore(catalogue)
    return tagging.tag_all(store, store.missing("m"), opener(catalogue), ask, tagger="m", **options)


# the store ------------------------------------------------------------------------------------------------------------


def test_what_is_written_is_read_again_value_by_value(catalogue):
    store = TagStore(catalogue)
    photos = store.missing("m")
    assert [(p.sku, p.view) for p in photos][:3] == [("a", "main"), ("a", "back"), ("b", "main")]
    told = ShotTags(True, 2, None, True, None, False, None, 0.25, {"whole": 0.75})
    store.write([Tagged(photos[0], "m", told, "", 10, 2, 0.5), Tagged(photos[1], "m", ShotTags(), "no answer")])
    kept = list(store.all())
    assert kept[0].tags == told and (kept[0].prompt_tokens, kept[0].answer_tokens, kept[0].seconds) == (10, 2, 0.5)
    assert kept[1].fault == "no answer"
    assert store.taggers() == {"m": 1}


def test_missing_are_those_never_asked_asked_in_vain_or_changed_since(catalogue):
    run(catalogue)
    store = TagStore(catalogue)
    assert store.missing("m") == [] and store.photo_count() == 13
    assert store.missing("better") == [] and len(store.missing("better", again=True)) == 13
    with catalogue.writing() as connection:
        connection.execute(update(views).where(views.c.sku == "c").values(digest="f" * 64))
    assert [p.sku for p in store.missing("m")] == ["c"]
    assert "c" not in {t.photo.sku for t in store.all()}  # what was said of the old photo no longer counts


# the loop -------------------------------------------------------------------------------------------------------------


def test_every_photo_is_asked_about_once_and_the_cost_is_summed(catalogue):
    asked = []
    done = run(catalogue, lambda image: asked.append(image.getpixel((0, 0))) or Asked(STUDIO, 300, 40))
    assert len(asked) == 13 and (done.done, done.total, done.faults) == (13, 13, 0)
    assert (done.prompt_tokens, done.answer_tokens) == (3900, 520)
    assert "340 a photo" in done.text()


def test_several_photos_are_asked_about_at_a_time(catalogue):
    together = threading.Barrier(4, timeout=20)  # breaks unless four are there at once

    def ask(image):
        if not together.broken:
            together.wait()
        return Asked(STUDIO)

    store = TagStore(catalogue)
    done = tagging.tag_all(store, store.missing("m")[:12], opener(catalogue), ask, tagger="m", concurrency=4)
    assert done.done == 12 and not together.broken


def test_a_stopped_run_goes_on_where_it_stopped(catalogue):
    asked: list[int] = []
    first = run(catalogue, lambda image: asked.append(1) or Asked(STUDIO), stop=lambda: len(asked) >= 5)
    assert 5 <= first.done < 13
    second = run(catalogue, lambda image: asked.append(1) or Asked(STUDIO))
    assert first.done + second.done == 13 == len(asked)


def test_a_killed_run_keeps_what_was_answered(catalogue, monkeypatch):
    monkeypatch.setattr(tagging, "KEPT_AT_ONCE", 2)
    asked = []

    def ask(image):
        asked.append(1)
        if len(asked) == 8:
            raise KeyboardInterrupt
        return Asked(STUDIO)

    with pytest.raises(KeyboardInterrupt):
        run(catalogue, ask)
    kept = len(list(TagStore(catalogue).all()))
    assert kept >= 6
    assert run(catalogue).done == 13 - kept


def test_a_photo_that_cannot_be_read_or_answered_is_kept_with_the_reason(catalogue, tmp_path):
    (tmp_path / "pictures" / "b_main.png").write_bytes(b"no picture")
    (tmp_path / "pictures" / "c_main.png").unlink()
    calls = []

    def ask(image):
        calls.append(1)
        if len(calls) == 3:
            raise InvalidReply("it said: maybe")
        return Asked(STUDIO)

    done = run(catalogue, ask)
    assert (done.done, done.faults) == (13, 3)
    faults = {t.photo.sku: t.fault for t in TagStore(catalogue).all() if t.fault}
    assert set(faults) >= {"b", "c"} and "it said: maybe" in faults.values()
    assert len(TagStore(catalogue).missing("m")) == 3  # asked about again by the next run


def test_a_model_that_has_gone_ends_the_run_and_says_how_to_go_on(catalogue):
    answered = []

    def ask(image):
        if len(answered) < 2:
            answered.append(1)
            return Asked(STUDIO)
        raise ModelUnavailable("connection refused")

    with pytest.raises(ModelUnavailable, match="8 photos in a row: connection refused") as caught:
        run(catalogue, ask)
    assert "goes on where it stopped" in caught.value.hint
    assert TagStore(catalogue).taggers() == {"m": 2}


def test_a_full_disk_ends_the_run_with_the_stores_own_words(catalogue, monkeypatch):
    def full(self, found):
        raise StoreFull("no space left", hint="free some space")

    monkeypatch.setattr(TagStore, "write", full)
    with pytest.raises(StoreFull):
        run(catalogue)


# the report -----------------------------------------------------------------------------------------------------------


def test_the_distribution_counts_values_and_what_could_not_be_told(catalogue):
    answers = iter([STUDIO] * 9 + [ShotTags(real_scene=True, quality=0.1)] * 4)
    run(catalogue, lambda image: Asked(next(answers)))
    counts = tag_report.distribution(TagStore(catalogue).all())
    assert counts["real_scene"] == {"no": 9, "yes": 4}
    assert counts["angle"] == {"front": 9, "cannot tell": 4}
    assert counts["model_count"] == {"0": 9, "cannot tell": 4}
    assert counts["quality"] == {"0.7 and above": 9, "below 0.3": 4}


def test_a_contact_sheet_for_each_value_shows_its_photos(catalogue, tmp_path):
    run(catalogue)
    chosen = tag_report.choose(TagStore(catalogue).all(), 5)
    assert {len(ones) for ones in chosen.values()} == {5}
    assert chosen == tag_report.choose(list(TagStore(catalogue).all()), 5)
    written = tag_report.draw_sheets(chosen, opener(catalogue), tmp_path / "sheets")
    assert {f.name for f in written} >= {"angle-front.png", "worn-no.png", "category-shirts.png", "quality-0.7-and-above.png"}
    sheet = Image.open(tmp_path / "sheets" / "worn-no.png").convert("RGB")
    first = chosen["worn", "no"][0].photo
    assert catalogue.picture(first.sku, first.view).getpixel((5, 5)) in {c for _, c in sheet.getcolors(100_000)}


# the split ------------------------------------------------------------------------------------------------------------


def test_the_catalogue_is_split_by_its_tags_with_a_reason_for_every_photo(catalogue, tmp_path):
    store = TagStore(catalogue)
    photos = {(p.sku, p.view): p for p in store.missing("m")}
    special = {"a": ShotTags(real_scene=True), "b": ShotTags(whole=False), "c": ShotTags(quality=0.1)}
    told = [Tagged(p, "m", special.get(sku, STUDIO)) for (sku, view), p in photos.items() if sku not in "kl" and view == "main"]
    store.write([*told, Tagged(photos["k", "main"], "m", ShotTags(), "it said: maybe")])
    with catalogue.writing() as connection:  # all look alike as they were made: now only "a" and "e" do
        for at, sku in enumerate("bcdfghijkl"):
            other = f"{int('1' * 20, 16) << (4 * 4 * at):064x}"[-64:]
            connection.execute(update(views).where(views.c.sku == sku).values(perceptual_hash=other))
    placed = {p.name: p for p in catalogue_split.place(catalogue)}
    assert len(placed) == 13
    assert placed["e/main"].reason == "repeats a picture of a test product"
    assert (placed["a/main"].part, placed["a/main"].role) == ("test", "query")
    assert placed["b/main"].reason == "shows only a part"
    assert placed["k/main"].reason == "not tagged: it said: maybe"
    assert placed["l/main"].reason == placed["a/back"].reason == "not tagged yet"
    assert placed["d/main"].part == "train"
    copied = catalogue_split.copy(catalogue, list(placed.values()), tmp_path / "out")
    assert copied == sum(p.part != "left out" for p in placed.values())
    assert (tmp_path / "out" / "train" / "Shirts" / "d" / "main.png").is_file()
    assert (tmp_path / "out" / "test" / "query" / "Shirts" / "a" / "main.png").is_file()


def test_a_catalogue_without_tags_says_what_comes_first(catalogue):
    with pytest.raises(StoreEmpty) as caught:
        catalogue_split.place(catalogue)
    assert caught.value.hint == "outfit tag"


# the commands ---------------------------------------------------------------------------------------------------------


def call(*words: str):
    return CliRunner().invoke(app, words, catch_exceptions=True)


def test_the_vision_model_of_the_settings_is_asked_and_its_tokens_are_counted(catalogue, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OUTFIT_HOME", str(tmp_path / "home"))
    with ModelServer(Behaviour()) as server:
        monkeypatch.setenv("OUTFIT_VLM_URL", server.url)
        done = call("tag", "--limit", "4")
        assert done.exit_code == 0, done.exception
        assert "4 of 4 photos" in done.output and "tokens" in done.output and "InternVL2-8B/" in done.output
        assert "13 of 13" not in done.output
        done = call("tag")
        assert "9 of 9 photos" in done.output
    tagged = list(TagStore(catalogue).all())
    assert len(tagged) == 13 and all(t.tagger.startswith("InternVL2-8B/") and t.prompt_tokens > 0 for t in tagged)
    shown = call("tag", "--report", "--sheets", str(tmp_path / "sheets"))
    assert shown.exit_code == 0, shown.exception
    assert "real_scene" in shown.output and "contact sheets in" in shown.output
    split = call("split", "--out", str(tmp_path / "split.json"))
    assert split.exit_code == 0, split.exception
    assert sum(json.loads((tmp_path / "split.json").read_text())["counts"].values()) == 13


def test_without_a_catalogue_the_commands_say_what_comes_first(tmp_path, monkeypatch):
    monkeypatch.setenv("OUTFIT_HOME", str(tmp_path / "home"))
    for command in ("tag", "split"):
        error = call(command).exception
        assert isinstance(error, StoreEmpty) and "outfit ingest" in error.hint


def test_the_embedded_heads_tag_where_the_weights_have_them(catalogue, tmp_path):
    try:
        CompactShots()
    except ModelUnavailable as error:
        assert "outfit train shots" in error.hint
        pytest.skip("the shipped image model has no heads for shots yet")
    tagger = tags.open_tagger(Settings.load(home=tmp_path), catalogue)
    asked = tagger.ask(Image.new("RGB", (60, 80), "white"))
    assert tagger.concurrency == 1 and set(asked.tags.confidence) >= {"worn", "real_scene", "whole", "angle"}
    assert len(SHOT_HEADS) == 6
