from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.encoders.hashing import HashingImageEncoder, HashingTextEncoder, _colours, _gradients
from retrieval.errors import InvalidInput
from retrieval.lexicon import terms
from tests.contracts.image_encoder import ImageEncoderContract, garment
from tests.contracts.text_encoder import TextEncoderContract


class TestHashingTextEncoder(TextEncoderContract):
    @pytest.fixture
    def encoder(self):
        return HashingTextEncoder()

    def test_both_languages_are_the_same_vector(self, encoder):
        english, chinese = encoder.encode_queries(["Women's black skinny jeans", "女士黑色紧身牛仔裤"])
        assert english @ chinese == pytest.approx(1.0, abs=1e-5)

    def test_category_counts_more_than_colour_and_colour_more_than_brand(self, encoder):
        query, *titles = encoder.encode_documents(
            ["Puma Women Black Jeans", "Levis Women Black Jeans", "Puma Women Blue Jeans", "Puma Women Black Handbag"]
        )
        brand, colour, category = (query @ title for title in titles)
        assert brand > colour > category

    def test_a_misspelt_word_is_still_near(self, encoder):
        right, wrong, other = encoder.encode_queries(["timberland", "timbreland", "skechers"])
        assert right @ wrong > right @ other + 0.1

    def test_texts_without_anything_to_say_share_one_defined_vector(self, encoder):
        rows = encoder.encode_queries(["", " ", "...", "的"])
        assert (rows == rows[0]).all()

    def test_words_that_cancel_one_another_still_give_a_unit_vector(self, encoder):
        words = sorted({key[0] for key, term in terms().items() if len(key) == 1 and term.kind in ("cut", "material")})
        rows = encoder.encode_queries(words)
        opposite = np.argwhere(rows @ rows.T < -0.999)
        assert len(opposite), "no two words of the lexicon share a place with opposite signs: choose others"
        first, second = (words[i] for i in opposite[0])
        row = encoder.encode_queries([f"{first} {second}"])[0]
        assert np.isfinite(row).all() and np.linalg.norm(row) == pytest.approx(1.0)

    def test_too_few_dimensions_are_refused(self):
        with pytest.raises(InvalidInput, match="dim is 100"):
            HashingTextEncoder(dim=100)

    def test_spaces_of_different_size_are_different(self):
        assert HashingTextEncoder(512).space != HashingTextEncoder(1024).space
        assert HashingTextEncoder(512).space.revision != HashingTextEncoder(1024).space.revision


class TestHashingImageEncoder(ImageEncoderContract):
    @pytest.fixture
    def encoder(self):
        return HashingImageEncoder()

    def test_shape_counts_before_colour(self, encoder):
        query, recoloured, reshaped = encoder.encode_images(
            [garment("trousers", "navy"), garment("trousers", "darkgreen"), garment("bag", "navy")]
        )
        assert query @ recoloured > query @ reshaped

    def test_colour_tells_two_of_a_shape_apart(self, encoder):
        query, same, other = encoder.encode_images(
            [garment("bag", "crimson"), garment("bag", "crimson", (60, 80)), garment("bag", "royalblue", (60, 80))]
        )
        assert query @ same > query @ other

    def test_another_seed_is_another_space(self, encoder):
        other = HashingImageEncoder(seed=1)
        assert other.space.revision != encoder.space.revision
        picture = [garment("bag", "red")]
        assert not np.allclose(other.encode_images(picture), encoder.encode_images(picture))

    @pytest.mark.parametrize("dim", [0, -1, 2000])
    def test_impossible_sizes_are_refused(self, dim):
        with pytest.raises(InvalidInput, match=f"dim is {dim}"):
            HashingImageEncoder(dim)


def test_an_upright_edge_votes_for_horizontal_gradients_only():
    # left half black, right half white: the gradient points along x, so angle 0 and bin 0 alone
    pixels = np.zeros((1, 80, 64, 3), np.float32)
    pixels[:, :, 32:] = 1.0
    cells = _gradients(pixels).reshape(10, 8, 9)
    assert (cells[..., 1:] == 0).all()
    assert (cells[:, [3, 4], 0] > 0).all()  # the edge lies between the cells 3 and 4 of a row
    assert (cells[:, [0, 1, 2, 5, 6, 7], 0] == 0).all()


def test_colours_are_counted_where_they_are():
    # upper half pure red (hue 0, bright), lower half white ground; 4 x 3 cells, so two rows of cells each
    pixels = np.ones((1, 80, 64, 3), np.float32)
    pixels[:, :40] = [1.0, 0.0, 0.0]
    counts = _colours(pixels).reshape(4, 3, 29)
    assert counts.sum() == 80 * 64
    assert counts[:2, :, 1].sum() == 40 * 64  # bin 1: hue 0, bright
    assert counts[2:, :, 28].sum() == 40 * 64  # the last bin: the ground


def test_vectors_do_not_depend_on_the_process():
    """Python's own hash() changes with PYTHONHASHSEED; an index outlives a process."""
    code = (
        "from retrieval.encoders.hashing import HashingTextEncoder as E;"
        "import hashlib; e = E(); print(e.space.revision, hashlib.sha256(e.encode_queries(['Puma 黑色 T恤']).tobytes()).hexdigest())"
    )
    root = Path(__file__).resolve().parents[1]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_a_picture_with_transparency_or_palette_is_taken_as_rgb():
    encoder = HashingImageEncoder()
    picture = garment("bag", "navy")
    plain, palette = encoder.encode_images([picture, picture.quantize(8)])
    assert plain @ palette > 0.98
    assert Image.new("L", (5, 5)).mode == "L" and encoder.encode_images([Image.new("L", (5, 5))]).shape == (1, 512)
