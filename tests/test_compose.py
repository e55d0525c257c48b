from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from assistant import compose
from assistant.commands.index import move_all
from assistant.doctor import examine
from assistant.settings import Settings
from retrieval import feeds, resources
from retrieval.errors import InvalidInput, ModelNotFound, SpaceMismatch, StoreEmpty, StoreError
from retrieval.indexes import chroma
from retrieval.indexes.engines import Engine

HEADER = "id,gender,articleType,baseColour,productDisplayName\n"
ROWS = "1,Women,Jeans,Black,Women Black Jeans\n2,Women,Tops,Red,Women Red Top\n3,Women,Flats,Black,Women Black Flats\n"


def shop(tmp_path: Path, rows: str = ROWS, **settings) -> tuple[Settings, feeds.Feed, Path]:
    pictures = tmp_path / "pictures"
    pictures.mkdir(exist_ok=True)
    for sku, colour in (("1", "black"), ("2", "red"), ("3", "black")):
        Image.new("RGB", (60, 80), colour).save(pictures / f"{sku}.png")
    (tmp_path / "feed.csv").write_text(HEADER + rows)
    return Settings.load(home=tmp_path / "home", **settings), feeds.read_feed(tmp_path / "feed.csv"), pictures


@pytest.fixture
def own(tmp_path):
    settings, feed, pictures = shop(tmp_path)
    compose.open_shelf(settings).ingest(feed, pictures)
    return settings


def test_the_shops_own_catalogue_comes_before_the_demo(own):
    assistant = compose.build(own)
    assert not assistant.is_demo
    assert [item.sku for item in assistant.catalogue.all_items()] == ["1", "2", "3"]
    assert assistant.search.by_text("red top", k=1)[0].item.sku == "2"


def test_an_empty_catalogue_is_said_with_the_next_command(tmp_path):
    settings, _, _ = shop(tmp_path)
    compose.open_shelf(settings)
    with pytest.raises(StoreEmpty, match="no items") as refused:
        compose.build(settings)
    assert "outfit ingest" in refused.value.hint


def test_a_catalogue_of_another_space_is_refused_and_a_rebuild_mends_it(own):
    other = Settings.load(home=own.home, image_encoder="hashing")
    with pytest.raises(SpaceMismatch) as refused:
        compose.build(other)
    assert "outfit rebuild" in refused.value.hint
    summary = compose.rebuild(other)
    assert summary.ready == 3
    assert compose.build(other).search.by_text("black jeans", k=1)[0].item.sku == "1"


def test_a_lost_vector_store_is_written_again_by_a_rebuild(own):
    chroma.drop(compose.own_folder(own) / "vectors")
    findings = {finding.subject: finding for finding in examine(own)}
    lost = findings["index chroma, titles"]
    assert lost.is_fatal and "0 of 3 vectors" in lost.message and "outfit rebuild" in lost.hint
    compose.rebuild(own)
    assert examine(own)[-1].is_good


def test_another_index_is_a_setting_and_its_vectors_move_without_a_model(own):
    moved_to = Settings.load(home=own.home, index="sqlite")
    with pytest.raises(StoreEmpty, match="3 items, but the index sqlite holds none") as refused:
        compose.build(moved_to)
    assert "outfit index move" in refused.value.hint
    said = {finding.subject: finding for finding in examine(moved_to)}["index sqlite, pictures"]
    assert said.is_fatal and "0 of 3 vectors" in said.message and "outfit index move" in said.hint
    moved = move_all(moved_to, compose.engine(own))
    assert {name: (what.rows, what.copied) for name, what in moved.items()} == {"titles": (3, 3), "pictures": (3, 3)}
    assert move_all(moved_to, compose.engine(own))["titles"].copied == 0
    assert all(finding.is_good for finding in examine(moved_to) if finding.subject.startswith("index"))
    assert compose.build(moved_to).search.by_text("red top", k=1)[0].item.sku == "2"
    with pytest.raises(InvalidInput, match="keep the same vectors"):  # sqlite and exact differ in how they search
        move_all(Settings.load(home=own.home, index="exact"), compose.engine(moved_to))
    assert compose.build(Settings.load(home=own.home, index="exact")).search.by_text("red top", k=1)[0].item.sku == "2"


def test_a_damaged_index_is_named_by_doctor_and_mended_by_a_rebuild(tmp_path):
    settings = shop_with_items(tmp_path, index="sqlite")
    file = compose.own_folder(settings) / "vectors-sqlite" / "titles.sqlite"
    file.write_bytes(b"no database at all " * 1_000)
    for rest in file.parent.glob("titles.sqlite-*"):
        rest.unlink()
    worst = next(finding for finding in examine(settings) if finding.is_fatal)
    assert "titles.sqlite" in worst.message and "outfit rebuild" in worst.hint
    compose.rebuild(settings)
    assert compose.build(settings).search.by_text("red top", k=1)[0].item.sku == "2"


def test_a_move_from_where_nothing_is_or_without_a_catalogue_is_refused(tmp_path, own):
    with pytest.raises(StoreEmpty, match="nothing to move"):
        move_all(own, Engine("sqlite", compose.own_folder(own)))
    fresh = Settings.load(home=tmp_path / "fresh")
    with pytest.raises(StoreEmpty, match="no catalogue"):
        move_all(fresh, Engine("sqlite", compose.own_folder(fresh)))


def test_the_demo_is_built_anew_where_other_models_wrote_it(tmp_path, monkeypatch):
    settings, feed, pictures = shop(tmp_path, image_encoder="hashing")
    demo = tmp_path / "data" / "demo"
    demo.mkdir(parents=True)
    (tmp_path / "feed.csv").rename(demo / "styles.csv")
    pictures.rename(demo / "images")
    shipped = resources.path
    monkeypatch.setattr(resources, "path", lambda name, **kw: demo if name == "demo" else shipped(name, **kw))
    first = compose.demo_shelf(settings)
    first.catalogue.close()
    again = compose.demo_shelf(Settings.load(home=settings.home))
    assert again.pictures.space != first.pictures.space
    assert again.catalogue.count() == 3 and len(again.titles) == 3


def test_a_home_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made") as refused:
        compose.open_shelf(Settings.load(home=tmp_path / "file"))
    assert "OUTFIT_HOME" in refused.value.hint


def test_an_unknown_model_is_refused_with_the_names_there_are(tmp_path):
    with pytest.raises(ModelNotFound, match="no detector is called 'yolo': there are compact"):
        compose.build(shop_with_items(tmp_path, detector="yolo"))


def shop_with_items(tmp_path: Path, **settings) -> Settings:
    chosen, feed, pictures = shop(tmp_path, **settings)
    compose.open_shelf(chosen).ingest(feed, pictures)
    return chosen


def test_without_a_vision_server_nothing_of_it_is_loaded_and_doctor_says_so(own):
    assert compose.vlm_client(own) is None
    assert compose.build(own).stylist.model.name == "compact"
    said = next(finding for finding in examine(own) if finding.subject == "vision-language model")
    assert not said.is_good and not said.is_fatal and "OUTFIT_VLM_URL" in said.hint


def test_a_vision_server_that_cannot_be_reached_is_one_sentence_and_the_turn_still_ends(tmp_path):
    settings = shop_with_items(tmp_path, vlm_url="http://127.0.0.1:9/v1", vlm_timeout_s=2)
    said = next(finding for finding in examine(settings) if finding.subject == "vision-language model")
    assert not said.is_good and "127.0.0.1:9" in said.message
    assistant = compose.build(settings)
    jeans = assistant.catalogue.item("1").as_garment(assistant.catalogue.picture("1"))
    answer = assistant.stylist.complete(jeans)
    assert {piece.item.sku for look in answer.looks for piece in look.pieces} == {"2", "3"}
    assert any("stands in" in notice for notice in answer.trace.notices)
