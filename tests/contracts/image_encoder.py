"""What every image encoder holds. A suite inherits it and names its encoder in an `encoder` fixture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

SIZES = [(1, 1), (3, 900), (900, 3), (60, 80), (640, 480)]  # width, height


def garment(kind: str, colour: str, size: tuple[int, int] = (180, 240), shift: int = 0) -> Image.Image:
    """A flat drawing on white: trousers or a bag, moved sideways by `shift` px."""
    picture = Image.new("RGB", (180, 240), "white")
    draw = ImageDraw.Draw(picture)
    if kind == "trousers":
        draw.polygon(
            [(x + shift, y) for x, y in [(60, 20), (120, 20), (135, 225), (100, 225), (90, 90), (80, 225), (45, 225)]],
            colour,
        )
    else:
        draw.rectangle((35 + shift, 110, 145 + shift, 200), colour)
        draw.arc((60 + shift, 50, 120 + shift, 170), 180, 360, colour, width=9)
    return picture.resize(size)


class ImageEncoderContract:
    def test_rows_are_float32_of_norm_1_whatever_the_size(self, encoder):
        pictures = [Image.new("RGB", size, (200, 30, 60)) for size in SIZES]
        pictures += [Image.new("RGB", (60, 80), colour) for colour in ("white", "black")]
        rows = encoder.encode_images(pictures)
        assert rows.shape == (len(pictures), encoder.space.dim)
        assert rows.dtype == np.float32
        assert np.isfinite(rows).all()
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-4)

    def test_no_pictures_give_no_rows(self, encoder):
        assert encoder.encode_images([]).shape == (0, encoder.space.dim)

    def test_a_picture_gives_the_same_row_alone_and_in_company(self, encoder):
        pictures = [garment("trousers", "navy"), garment("bag", "red"), garment("bag", "black", (60, 80))]
        together = encoder.encode_images(pictures)
        alone = np.concatenate([encoder.encode_images([picture]) for picture in pictures])
        np.testing.assert_allclose(together, alone, atol=1e-3)

    def test_pictures_stay_as_they_were(self, encoder):
        picture = garment("bag", "green")
        before = picture.tobytes(), picture.size
        encoder.encode_images([picture])
        assert (picture.tobytes(), picture.size) == before

    def test_the_space_is_an_image_space_with_a_revision(self, encoder):
        assert encoder.space.modality == "image"
        assert encoder.space.dim > 0
        assert encoder.space.model and encoder.space.revision

    @pytest.mark.parametrize("kind, other", [("trousers", "bag"), ("bag", "trousers")])
    def test_the_same_garment_slightly_moved_is_closer_than_another(self, encoder, kind, other):
        query, same, different = encoder.encode_images(
            [garment(kind, "navy"), garment(kind, "navy", (150, 200), shift=5), garment(other, "firebrick")]
        )
        assert query @ same > query @ different
