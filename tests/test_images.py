"""Pictures from strangers: what is refused, what comes through, and that only pixels do."""

from __future__ import annotations

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, features

from retrieval.errors import ImageTooLarge, InvalidInput, UnsupportedImage
from retrieval.images import (
    Limits,
    decode,
    digest,
    encode_jpeg,
    from_data_url,
    perceptual_hash,
    pixel_digest,
    read,
    thumbnail,
    to_data_url,
)

TINY = Limits(min_side_px=1)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    """A PNG written by hand, so that the expected pixels do not come from the library that reads it."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pixels(image: Image.Image) -> list[tuple[int, int, int]]:
    return [tuple(int(v) for v in row) for row in np.asarray(image).reshape(-1, 3)]


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """Smooth colour noise, so that JPEG keeps it."""
    small = np.random.default_rng(seed).integers(0, 256, (max(2, height // 16), max(2, width // 16), 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


PHOTO = saved(noise(64, 48), "JPEG")


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "0 bytes"),
        (np.random.default_rng(1).bytes(5_000), "not a picture"),
        (PHOTO[: len(PHOTO) // 2], "damaged or incomplete"),
        (PHOTO[:2], "not a picture"),
        (PHOTO[:30], "damaged or incomplete"),
        (saved(noise(64, 48), "PNG")[:-400], "damaged or incomplete"),
        (saved(noise(64, 48), "WEBP")[:-100], "damaged or incomplete"),
        (saved(noise(64, 48), "GIF")[:-900], "damaged or incomplete"),
        (saved(noise(64, 48), "TIFF"), "TIFF"),
        (saved(noise(64, 48), "EPS"), "EPS"),
        (b"8BPS\x00\x01" + bytes(100), "PSD"),
        (b"SIMPLE  =                    T" + bytes(2880), "FITS"),
        (b"%PDF-1.7\n1 0 obj", "PDF"),
        (b"PK\x03\x04" + bytes(40), "ZIP"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "SVG"),
        (b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>', "SVG"),
        (b"<!DOCTYPE html><html><body>not found</body></html>", "web page"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64), "HEIC"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00" + bytes(64), "MP4"),
        (saved(noise(64, 48), "PPM"), "not a picture"),
        (saved(noise(64, 48), "ICO"), "not a picture"),
    ],
)
def test_what_is_not_a_whole_picture_of_an_accepted_format_is_refused_by_name(data, named):
    with pytest.raises(UnsupportedImage, match=named) as caught:
        decode(data)
    assert caught.value.code == "unsupported_image"
    assert caught.value.hint
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_words_of_a_decoder_never_reach_the_message():
    for cut in range(3, len(PHOTO), 97):
        with pytest.raises(UnsupportedImage) as caught:
            decode(PHOTO[:cut])
        text = f"{caught.value} {caught.value.hint}"
        assert not any(sign in text for sign in ("0x", "/", "BytesIO", "Traceback", "object at"))


def test_a_picture_of_too_many_pixels_is_refused_from_its_header():
    rows = zlib.compress(bytes(10_000))
    body = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)) + chunk(b"IDAT", rows)
    bomb = b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")
    with pytest.raises(ImageTooLarge, match="40 megapixels"):
        decode(bomb)
    assert len(bomb) < 200_000


@pytest.mark.parametrize(("width", "height", "fits"), [(100, 50, True), (101, 50, False), (5_001, 1, False)])
def test_the_pixel_limit_is_exact(width, height, fits):
    data = png(width, height, 8, 0, b"".join(b"\x00" + bytes(width) for _ in range(height)))
    limits = Limits(max_pixels=5_000, min_side_px=1)
    if fits:
        assert decode(data, limits=limits).size == (width, height)
    else:
        with pytest.raises(ImageTooLarge, match=f"{width} x {height} px"):
            decode(data, limits=limits)


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 7)])
def test_a_picture_too_thin_to_show_a_garment_is_refused(size):
    with pytest.raises(UnsupportedImage, match=f"{size[0]} x {size[1]} px"):
        decode(saved(Image.new("RGB", size), "PNG"))


def test_too_many_bytes_are_refused_before_anything_is_read():
    with pytest.raises(ImageTooLarge, match="1 MiB"):
        decode(bytes(2**20 + 1), limits=Limits(max_bytes=2**20))


def test_compressed_text_that_unpacks_without_end_is_refused_or_dropped():
    bomb = chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(80_000_000), 9))
    data = png(8, 8, 8, 0, b"".join(b"\x00" + bytes(8) for _ in range(8)), bomb)
    try:
        image = decode(data)
    except UnsupportedImage:
        return
    assert image.info == {}


def test_a_broken_colour_profile_is_dropped():
    data = saved(noise(32, 32), "PNG", icc_profile=b"not a profile" * 40)
    image = decode(data)
    assert image.info == {} and image.size == (32, 32)


# --- one frame of plain RGB, pixels computed by hand ------------------------------------------------------------------


def transparent_palette() -> bytes:
    palette = chunk(b"PLTE", bytes([255, 0, 0, 0, 0, 255]))
    return png(2, 1, 8, 3, b"\x00\x00\x01", palette, chunk(b"tRNS", bytes([0, 255])))


GOLDEN = {
    "grey": (png(3, 1, 8, 0, b"\x00\x00\x80\xff"), [(0,) * 3, (128,) * 3, (255,) * 3]),
    # 16 bits: the high byte counts. 0x1234 -> 0x12, 0xff00 -> 0xff, 0x00ff -> 0.
    "16-bit grey": (png(3, 1, 16, 0, b"\x00\x12\x34\xff\x00\x00\xff"), [(18,) * 3, (255,) * 3, (0,) * 3]),
    "16-bit RGB": (png(1, 1, 16, 2, b"\x00\x12\x34\x80\x00\xff\xff"), [(18, 128, 255)]),
    # over white: c * a/255 + 255 * (1 - a/255): 0 at alpha 0 -> 255; 100 at 255 -> 100; 0 at alpha 51 (= 1/5) -> 204
    "grey and alpha": (png(3, 1, 8, 4, b"\x00\x00\x00\x64\xff\x00\x33"), [(255,) * 3, (100,) * 3, (204,) * 3]),
    "RGB and alpha": (
        png(2, 1, 8, 6, b"\x00\xff\x00\x00\x33\x0a\x14\x1e\xff"),
        [(255, 204, 204), (10, 20, 30)],
    ),
    "palette with a transparent entry": (transparent_palette(), [(255, 255, 255), (0, 0, 255)]),
    "RGB with a transparent colour": (
        png(2, 1, 8, 2, b"\x00\x01\x02\x03\x01\x02\x04", chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))),
        [(255, 255, 255), (1, 2, 4)],
    ),
    # one bit a pixel, 0b101xxxxx
    "1-bit": (png(3, 1, 1, 0, b"\x00\xa0"), [(255,) * 3, (0,) * 3, (255,) * 3]),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_odd_modes_become_the_right_rgb(name):
    data, expected = GOLDEN[name]
    image = decode(data, limits=TINY)
    assert image.mode == "RGB"
    assert pixels(image) == expected


@pytest.mark.parametrize(
    ("ink", "expected"),
    [
        ((0, 0, 0, 0), (255, 255, 255)),
        ((0, 0, 0, 255), (0, 0, 0)),
        ((255, 0, 0, 0), (0, 255, 255)),
        ((0, 255, 255, 0), (255, 0, 0)),
        ((0, 0, 0, 128), (127, 127, 127)),
    ],
)
def test_cmyk_jpeg(ink, expected):
    """R = (1 - C)(1 - K), flat areas of 16 x 16 px, so that JPEG adds at most a few levels."""
    image = decode(saved(Image.new("CMYK", (16, 16), ink), "JPEG", quality=95))
    assert image.mode == "RGB"
    assert np.abs(np.asarray(image, dtype=int) - expected).max() <= 4


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    colours = [(255, 0, 0)] + [(0, value, 255) for value in range(1, 200)]
    frames = [Image.new("RGB", (16, 16), colour) for colour in colours]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=20, lossless=True)
    image = decode(data)
    assert image.size == (16, 16) and image.mode == "RGB"
    assert set(pixels(image)) == {(255, 0, 0)}
    assert getattr(image, "n_frames", 1) == 1


@pytest.mark.skipif(not features.check("avif"), reason="this build of Pillow reads no AVIF")
def test_avif_is_read():
    image = decode(saved(Image.new("RGB", (32, 32), (200, 40, 40)), "AVIF", quality=95))
    assert np.abs(np.asarray(image, dtype=int) - (200, 40, 40)).max() <= 6


def test_bmp_is_read():
    assert pixels(decode(saved(Image.new("RGB", (8, 8), (1, 2, 3)), "BMP")))[0] == (1, 2, 3)


# Exif 2.32, Orientation: where row 0 and column 0 of the stored picture are seen. Stored 3 x 2 from the upright one by hand.
UPRIGHT = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
STORED = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1, :],
    5: UPRIGHT.T,
    6: UPRIGHT.T[::-1, :],
    7: UPRIGHT.T[::-1, ::-1],
    8: UPRIGHT.T[:, ::-1],
}


@pytest.mark.parametrize("orientation", STORED)
def test_every_exif_orientation_comes_out_upright(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(np.ascontiguousarray(STORED[orientation])), "PNG", exif=exif)
    image = decode(data, limits=TINY)
    assert np.array_equal(np.asarray(image)[:, :, 0], UPRIGHT)


def test_a_broken_exif_block_leaves_the_picture_as_it_is():
    data = PHOTO[:2] + b"\xff\xe1" + struct.pack(">H", 2 + 6 + 40) + b"Exif\x00\x00" + b"MM\x00*" + b"\xff" * 36 + PHOTO[2:]
    assert decode(data).size == (64, 48)


def test_what_is_written_again_holds_no_metadata_and_no_tail():
    exif = Image.Exif()
    exif[0x010E] = "home of the sender"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    tail = b"PK\x03\x04 a zip behind it <script>alert(1)</script>"
    data = saved(noise(64, 48), "JPEG", exif=exif, comment=b"secret comment") + tail
    again = encode_jpeg(decode(data))
    for piece in (b"home of the sender", b"secret comment", b"PK\x03\x04", b"<script>", b"Exif"):
        assert piece in data and piece not in again
    assert Image.open(io.BytesIO(again)).info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_read_tells_the_name_of_the_file_but_not_its_folder(tmp_path):
    (tmp_path / "shirt.jpg").write_bytes(PHOTO)
    assert read(tmp_path / "shirt.jpg").size == (64, 48)
    with pytest.raises(InvalidInput, match="'coat.jpg'") as caught:
        read(tmp_path / "coat.jpg")
    assert str(tmp_path) not in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_mutated_picture_is_decoded_or_refused_and_nothing_else(data):
    source = bytearray(data.draw(st.sampled_from(MUTANTS)))
    for _ in range(data.draw(st.integers(1, 8))):
        source[data.draw(st.integers(0, len(source) - 1))] = data.draw(st.integers(0, 255))
    try:
        image = decode(bytes(source), limits=Limits(max_pixels=200_000))
    except (UnsupportedImage, ImageTooLarge):
        return
    assert image.mode == "RGB" and image.info == {}


MUTANTS = [PHOTO] + [saved(noise(32, 24), kind) for kind in ("PNG", "WEBP", "GIF", "BMP")]


# --- identity ---------------------------------------------------------------------------------------------------------


def test_digest_is_sha256():
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1


def test_pixel_digest_tells_shape_and_mode_apart():
    data = bytes(30 * 100)
    wide, high = Image.frombytes("L", (100, 30), data), Image.frombytes("L", (30, 100), data)
    assert pixel_digest(wide) != pixel_digest(high)
    assert pixel_digest(wide) != pixel_digest(Image.frombytes("RGB", (10, 100), data))
    assert pixel_digest(wide) == pixel_digest(wide.copy())


def bits_apart(a: Image.Image, b: Image.Image) -> int:
    return (perceptual_hash(a) ^ perceptual_hash(b)).bit_count()


def test_perceptual_hash_survives_resizing_and_re_encoding_but_not_another_picture():
    photo = noise(240, 320, seed=3)
    again = decode(encode_jpeg(photo.resize((60, 80), Image.Resampling.BICUBIC), quality=60))
    assert bits_apart(photo, again) <= 16
    assert bits_apart(photo, noise(240, 320, seed=4)) > 60
    assert 0 <= perceptual_hash(photo) < 2**256


def test_perceptual_hash_on_photos_stored_in_two_sizes(shared_data):
    import zipfile

    small, large = (zipfile.ZipFile(shared_data / name) for name in ("catalog-images.zip", "photos.zip"))
    ids = sorted(name.removeprefix("photos/") for name in large.namelist() if name.endswith(".jpg"))[:60]
    pairs = [(decode(small.read(f"images/{i}")), decode(large.read(f"photos/{i}"))) for i in ids]
    assert max(bits_apart(a, b) for a, b in pairs) <= 16


# --- out --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "side", "expected"), [((400, 200), 100, (100, 50)), ((30, 20), 100, (30, 20)), ((9, 900), 90, (1, 90))])
def test_thumbnail_keeps_the_proportion_and_never_enlarges(size, side, expected):
    assert thumbnail(Image.new("RGB", size), side).size == expected


def test_a_data_url_comes_back_as_the_picture_it_was():
    photo = noise(80, 60)
    url = to_data_url(photo, max_side_px=40)
    assert url.startswith("data:image/jpeg;base64,")
    assert decode(from_data_url(url)).size == (40, 30)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://example.org/a.jpg",
        "file:///etc/passwd",
        "data:;base64,aGk=",
        "data:base64,aGk=",
        "data:image/png,aGk=",
        "data:text/html;base64,aGk=",
        "data:image/png;base64,aGk",
        "data:image/png;base64,a===",
        "data:image/png;base64,äöü=",
        "data:image/png;base64,aG k=",
    ],
)
def test_a_url_that_holds_no_picture_is_refused(url):
    with pytest.raises(InvalidInput):
        from_data_url(url)


def test_a_data_url_over_the_limit_is_refused_before_it_is_decoded(monkeypatch):
    def decoded(*args, **kwargs):
        raise AssertionError("decoded before its size was checked")

    monkeypatch.setattr(base64, "b64decode", decoded)
    with pytest.raises(ImageTooLarge, match="at most 1 MiB"):
        from_data_url("data:image/png;base64," + "A" * (3 * 2**20), limits=Limits(max_bytes=2**20))
