"""Image stores: a folder and a zip behave alike, and no name leads out of them."""

from __future__ import annotations

import zipfile

import pytest

from retrieval.errors import InvalidInput, StoreError
from retrieval.stores import check_name, open_store


@pytest.fixture(params=["folder", "zip"])
def store(request, tmp_path):
    files = {"a.jpg": b"first", "deep/er/b.PNG": b"second", "notes.txt": b"no picture", "ü 夏.webp": b"third"}
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
