"""Queries for visual search, measured: where the garment is, how much of it another one hides, and that seeds repeat."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("scipy", reason="cutting out needs scipy (extra [train])")

from retrieval.errors import InvalidInput  # noqa: E402
from retrieval.evaluation import ladder, queries, shoppers  # noqa: E402
from retrieval.training.cache import Row  # noqa: E402
from retrieval.training.split import is_calibration, is_held_out  # noqa: E402

BLUE, RED, GREEN = (20, 30, 200), (210, 20, 20), (40, 160, 40)


def product(colour=BLUE, size=(120, 160)) -> Image.Image:
    """A plain rectangle of 60 % x 70 % in the middle of white."""
    w, h = size
    image = Image.new("RGB", size, "white")
    image.paste(colour, (round(0.2 * w), round(0.15 * h), round(0.8 * w), round(0.85 * h)))
    return image


def share_of(image: Image.Image, channel: int) -> float:
    """Share of pixels of which that channel is clearly the strongest."""
    rgb = np.asarray(image, int)
    others = np.delete(rgb, channel, axis=2).max(2)
    return float((rgb[..., channel] > others + 40).mean())


def made(level: str, seed: int) -> ladder.Query:
    return ladder.make(level, product(), Image.new("RGB", (300, 400), GREEN), product(RED), np.random.default_rng(seed))


@pytest.mark.parametrize("level", ladder.LEVELS)
def test_the_same_seed_gives_the_same_query_and_another_seed_another(level):
    a, b, c = (made(level, seed) for seed in (3, 3, 4))
    assert np.array_equal(np.asarray(a.picture), np.asarray(b.picture)) and a.box == b.box
    assert a.picture.size != c.picture.size or not np.array_equal(np.asarray(a.picture), np.asarray(c.picture))


def test_photometric_stays_on_white_and_is_its_own_crop():
    query = made("photometric", 1)
    assert query.box is None and share_of(query.picture, 1) < 0.01 and share_of(query.picture, 2) > 0.3


def test_real_has_the_garment_in_its_box_on_the_photo_and_sometimes_another_one_in_front():
    reds = []
    for seed in range(20):
        query = made("real", seed)
        inside = query.picture.crop(tuple(map(int, query.box.as_tuple())))
        assert share_of(inside, 2) > 0.45  # a turned rectangle fills more than half of its box, less what is hidden
        rest = np.asarray(query.picture, int).copy()
        x0, y0, x1, y1 = (round(v) for v in query.box.as_tuple())
        rest[max(0, y0 - 1) : y1 + 1, max(0, x0 - 1) : x1 + 1] = 0
        assert (rest[..., 2] > rest[..., :2].max(2) + 60).mean() < 0.01  # no blue outside of the box
        reds.append(share_of(query.picture, 0) > 0.01)
    assert 3 <= sum(reds) <= 14  # 40 % of 20 would be 8


def test_another_garment_hides_the_share_that_was_asked_for():
    garment = shoppers.cut_out(product())
    own = np.asarray(garment.getchannel("A")) > 127
    for seed in range(8):
        covered = ladder._covered(garment, product(RED), np.random.default_rng(seed), (0.35, 0.5))
        rgb = np.asarray(covered.convert("RGB"), int)
        hidden = (rgb[..., 0] > rgb[..., 2] + 60)[own].mean()
        assert 0.2 < hidden < 0.65


def test_hard_is_a_whole_frame_of_which_the_garment_takes_a_part_half_hidden():
    for seed in range(6):
        query = made("hard", seed)
        assert query.picture.size == ladder.FRAME_PX
        frame = ladder.FRAME_PX[0] * ladder.FRAME_PX[1]
        assert 0.08 < query.box.area / frame < 0.55 and query.box == query.box.clip(*ladder.FRAME_PX)
        assert share_of(query.picture, 0) > 0.01


def archive(folder, name: str, pictures: dict[str, Image.Image]) -> None:
    with zipfile.ZipFile(folder / name, "w") as file:
        for path, picture in pictures.items():
            data = io.BytesIO()
            picture.save(data, "JPEG")
            file.writestr(path, data.getvalue())


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Three held-out products, one with a photo, one large; a calibration and a training product; two grounds."""
    folder = tmp_path_factory.mktemp("data")
    held = [str(i) for i in range(200) if is_held_out(str(i))][:3]
    kept = next(str(i) for i in range(2000) if is_calibration(str(i)))
    train = next(str(i) for i in range(200) if not is_held_out(str(i)) and not is_calibration(str(i)))
    rows = [Row(sku, f"Title {sku}", ("Tshirts", "", "Men", "Blue", "", "")) for sku in (*held, kept, train)]
    sizes = [(60, 80), (168, 224), (60, 80), (60, 80), (60, 80)]
    archive(folder, "catalog-images.zip",
            {f"images/{r.sku}.jpg": product(size=s) for r, s in zip(rows, sizes, strict=True)})  # fmt: skip
    archive(folder, "photos.zip", {f"photos/{held[0]}.jpg": product(size=(600, 800))})
    archive(folder, "user-photos.zip", {
        f"user-photos/{part}/hat/1.jpg": Image.new("RGB", (300, 400), GREEN) for part in ("train", "validation")
    })  # fmt: skip
    return folder, rows


def test_queries_are_of_their_part_alone_and_made_once(source, tmp_path):
    folder, rows = source
    asked = queries.load(folder, rows, "held-out", tmp_path, progress=lambda _: None)
    assert set(asked.rows.tolist()) == {0, 1, 2}
    by_source = {s: set(asked.rows[asked.sources == s].tolist()) for s in queries.SOURCES}
    assert by_source == {"photo": {0}, "large": {1}, "thumbnail": {2}}
    assert [int((asked.levels == level).sum()) for level in ladder.LEVELS] == [5, 5, 5]  # three draws of the photo
    again = queries.load(folder / "gone", rows, "held-out", tmp_path)  # from the file
    assert again.pictures == asked.pictures and np.array_equal(again.boxes, asked.boxes, equal_nan=True)
    assert set(queries.load(folder, rows, "calibration", tmp_path, progress=lambda _: None).rows.tolist()) == {3}
    with pytest.raises(InvalidInput, match="no calibration product"):
        queries.load(folder, rows[:3], "calibration", tmp_path)


class Blind:
    name = "blind"

    def detect(self, image, labels=()):
        return []


def test_hard_queries_go_through_the_detector_and_what_it_misses_is_not_found(source, tmp_path):
    folder, rows = source
    asked = queries.load(folder, rows, "held-out", tmp_path, progress=lambda _: None)
    drawn, missed = queries.crops_of(asked), queries.crops_of(asked, Blind())
    hard = asked.levels == "hard"
    assert drawn.found.all() and not missed.found[hard].any() and missed.found[~hard].all()
    assert np.array_equal(drawn.pixels[~hard], missed.pixels[~hard])
    assert not np.array_equal(drawn.pixels[hard], missed.pixels[hard])
