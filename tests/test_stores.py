"""Image stores: a folder, a zip and a bucket behave alike, and no name leads out of them."""

from __future__ import annotations

import zipfile

import pytest

from retrieval.errors import InvalidInput, StoreError, StoreUnreachable
from retrieval.feeds import read_feed
from retrieval.ingest import ingest
from retrieval.stores import check_name, open_store
from tests.databases import free_port
from tests.faults import Shop, first_feed


@pytest.fixture(params=["folder", "zip", "s3"])
def store(request, tmp_path):
    files = {"a.jpg": b"first", "deep/er/b.PNG": b"second", "notes.txt": b"no picture", "ü 夏.webp": b"third"}
    if request.param == "s3":
        put = request.getfixturevalue("s3")
        put("beside.jpg", b"not of this store")
        for name, data in files.items():
            put(f"pictures/{name}", data)
        return open_store("s3://shop/pictures")
    root = tmp_path / "photos"
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    if request.param == "folder":
        return open_store(root)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for name in files:
            archive.write(root / name, name)
    return open_store(tmp_path / "photos.zip")


def test_pictures_are_listed_and_read(store):
    assert sorted(store.names()) == ["a.jpg", "deep/er/b.PNG", "ü 夏.webp"]
    assert store.read("deep/er/b.PNG", max_bytes=100) == b"second"
    assert store.read("a.jpg", max_bytes=2) == b"fir"  # one more than allowed, so that the reader sees it
    assert store.fingerprint("a.jpg") and store.fingerprint("a.jpg") != store.fingerprint("ü 夏.webp")


def test_what_is_not_there(store):
    assert store.fingerprint("c.jpg") is None
    with pytest.raises(StoreError, match="'c.jpg'"):
        store.read("c.jpg", max_bytes=100)


HOSTILE = [
    "", "..", "../a.jpg", "deep/../../a.jpg", "/etc/passwd", "~/a.jpg", "file:///etc/passwd", "s3://bucket/a.jpg",
    "simplecache::file:///etc/passwd", "a::b", "夏::b.jpg", "C:\\a.jpg", "c:/a.jpg", "..\\a.jpg", "a\x00.jpg", "a\n.jpg", "x" * 2_000, "a\udcff.jpg",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_leads_out_is_refused(store, name):
    with pytest.raises(InvalidInput):
        store.fingerprint(name)
    with pytest.raises(InvalidInput):
        store.read(name, max_bytes=100)


@pytest.mark.parametrize("name", ["a.jpg", "a..b.jpg", "a b (1).jpg", "夏/装.jpg", "x:y".replace(":", "-"), ".hidden.png"])
def test_plain_names_are_taken_as_they_are(name):
    assert check_name(name) == name


def test_links_out_of_a_folder_are_refused_and_links_within_are_not(tmp_path):
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    root = tmp_path / "photos"
    root.mkdir()
    (root / "a.jpg").write_bytes(b"first")
    (root / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "up").symlink_to(tmp_path)
    (root / "in.jpg").symlink_to(root / "a.jpg")
    store = open_store(root)
    for name in ("out.jpg", "up/secret.jpg"):
        with pytest.raises(InvalidInput, match="link out"):
            store.read(name, max_bytes=100)
    assert store.read("in.jpg", max_bytes=100) == b"first"


def test_a_damaged_zip_entry_costs_that_entry_alone(tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", b"first " * 200)
        archive.writestr("b.jpg", b"second " * 200)
    data = bytearray(path.read_bytes())
    at = data.index(b"a.jpg") + len("a.jpg")
    data[at : at + 8] = b"\xff" * 8
    path.write_bytes(data)
    store = open_store(path)
    with pytest.raises(StoreError, match="'a.jpg'"):
        store.read("a.jpg", max_bytes=10_000)
    assert store.read("b.jpg", max_bytes=10_000) == b"second " * 200


def test_a_zip_bomb_is_cut_off(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", bytes(50_000_000))
    assert len(open_store(tmp_path / "photos.zip").read("a.jpg", max_bytes=1_000)) == 1_001


@pytest.mark.parametrize("name", ["nowhere", "file.txt", "broken.zip"])
def test_a_place_without_pictures(tmp_path, name):
    (tmp_path / "file.txt").write_text("text")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(StoreError) as caught:
        open_store(tmp_path / name)
    assert "--images" in caught.value.hint


# --- a bucket ---------------------------------------------------------------------------------------------------------------


def test_a_bucket_without_a_folder_and_an_empty_file(s3):
    s3("a.jpg", b"")
    s3("b/c.jpg", b"data")
    store = open_store("s3://shop")
    assert (store.location, sorted(store.names())) == ("s3://shop", ["a.jpg", "b/c.jpg"])
    assert store.read("a.jpg", max_bytes=10) == b"" and store.read("b/c.jpg", max_bytes=10) == b"data"


def test_a_file_that_was_replaced_in_a_bucket_has_another_fingerprint(s3):
    s3("a.jpg", b"one")
    before = open_store("s3://shop").fingerprint("a.jpg")
    s3("a.jpg", b"two")
    assert open_store("s3://shop").fingerprint("a.jpg") != before


def test_a_bucket_that_is_not_there(s3):
    with pytest.raises(StoreError, match="no-such-bucket") as caught:
        list(open_store("s3://no-such-bucket/pictures").names())
    assert caught.value.hint


def test_a_server_that_is_not_there(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreError, match="cannot be listed") as caught:
        list(open_store("s3://shop").names())
    assert "AWS_ENDPOINT_URL" in caught.value.hint


@pytest.mark.parametrize("location", ["s3://", "s3://key:secret@shop/x", "s3://Shop!/x", "s3://shop/x?y", "file:///etc", "simplecache::s3://shop"])
def test_an_address_that_is_no_bucket(location):
    with pytest.raises(StoreError) as caught:
        open_store(location)
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint
    with pytest.raises(InvalidInput):
        open_store("s3://shop/../other")


def test_a_feed_with_pictures_in_a_bucket_is_ingested_and_shown(s3, tmp_path):
    shop = Shop(tmp_path / "shop")
    first_feed(shop)
    hostile = ("file:///etc/passwd", "../1.png", "simplecache::file:///etc/passwd", "s3://other/1.png", "up/../1.png")
    for file in shop.photos.iterdir():
        s3(f"photos/{file.name}", file.read_bytes())
    header = "id,gender,articleType,baseColour,productDisplayName,images"
    lines = [f"{i},Men,Shirts,Blue,Shirt {i},{name}" for i, name in enumerate((*hostile, "3.png"))]
    shop.feed.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    with shop.open() as opened:
        summary = ingest(read_feed(shop.feed), "s3://shop/photos", **opened.parts)
        assert (summary.added, summary.rejected) == (1, len(hostile))
        assert [reject.sku for reject in opened.catalogue.rejects()] == [str(i) for i in range(len(hostile))]
        assert opened.catalogue.picture_bytes("5") == (shop.photos / "3.png").read_bytes()
        assert ingest(read_feed(shop.feed), "s3://shop/photos", **opened.parts).unchanged == 1


def test_a_bucket_that_stops_answering_rejects_no_picture_and_retires_nothing(s3, tmp_path, monkeypatch):
    shop = Shop(tmp_path / "shop")
    first_feed(shop)
    for file in shop.photos.iterdir():
        s3(f"photos/{file.name}", file.read_bytes())
    with shop.open() as opened:
        ingest(read_feed(shop.feed), "s3://shop/photos", **opened.parts)
        ready = opened.catalogue.count()
        for number in (3, 4):
            s3(f"photos/{number}.png", (shop.photos / "5.png").read_bytes())  # changed, so they are read anew
        store = open_store("s3://shop/photos")
        list(store.names())
        monkeypatch.setattr(store._files, "cat_file", lambda *_, **__: (_ for _ in ()).throw(TimeoutError("timed out")))
        with pytest.raises(StoreUnreachable):
            ingest(read_feed(shop.feed), store, **opened.parts)
        assert opened.catalogue.count() == ready and opened.faults() == []
