"""What every text encoder holds. A suite inherits it and names its encoder in an `encoder` fixture."""

from __future__ import annotations

import numpy as np
import pytest

TEXTS = [
    "Nike Men Black Running Shoes",
    "女士黑色紧身牛仔裤",
    "",
    "   ",
    "!!! ??? ...",
    "🧥👗",
    "\x00\x07\u200b",
    "word " * 3000,
    "x" * 20000,
    "Ünïcödé Ｆｕｌｌｗｉｄｔｈ עברית العربية",
]


class TextEncoderContract:
    @pytest.mark.parametrize("role", ["encode_queries", "encode_documents"])
    def test_rows_are_float32_of_norm_1_whatever_the_text(self, encoder, role):
        rows = getattr(encoder, role)(TEXTS)
        assert rows.shape == (len(TEXTS), encoder.space.dim)
        assert rows.dtype == np.float32
        assert np.isfinite(rows).all()
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-4)

    @pytest.mark.parametrize("role", ["encode_queries", "encode_documents"])
    def test_no_texts_give_no_rows(self, encoder, role):
        assert getattr(encoder, role)([]).shape == (0, encoder.space.dim)

    def test_a_text_gives_the_same_row_alone_and_in_company(self, encoder):
        together = encoder.encode_documents(TEXTS)
        alone = np.concatenate([encoder.encode_documents([text]) for text in TEXTS])
        np.testing.assert_allclose(together, alone, atol=1e-4)

    def test_the_space_is_a_text_space_with_a_revision(self, encoder):
        assert encoder.space.modality == "text"
        assert encoder.space.dim > 0
        assert encoder.space.model and encoder.space.revision

    @pytest.mark.parametrize("query", ["women's red dress", "女士红色连衣裙"])
    def test_the_title_that_is_meant_comes_before_others(self, encoder, query):
        titles = [
            "Puma Men Black Running Shoes",
            "Doodle Boys Blue Striped T-shirt",
            "Avirate Women Red Dress",
            "Titan Men Silver Dial Watch",
            "Baggit Women Brown Handbag",
        ]
        scores = encoder.encode_documents(titles) @ encoder.encode_queries([query])[0]
        assert titles[int(scores.argmax())] == "Avirate Women Red Dress"
