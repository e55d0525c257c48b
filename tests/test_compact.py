"""The compact encoders behind their ports: a tiny net made here, and the weights that ship."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from retrieval import resources
from retrieval.encoders import compact
from retrieval.errors import ModelUnavailable
from retrieval.items import Gender, Slot

pytest.importorskip("onnxruntime")


def plain_text_file(folder, dim: int = 6, seed: int = 0):
    """A text tower of random arrays, written as the exporter writes them."""
    rng = np.random.default_rng(seed)
    token = 4
    arrays = {
        "rows": rng.integers(-127, 128, (16_384, token), dtype=np.int8),
        "row_scales": rng.random(16_384, np.float32) * 0.01 + 0.001,
        "weights": rng.random(16_384, np.float32) + 0.1,
        "norm_scale": np.ones(token, np.float32), "norm_bias": np.zeros(token, np.float32),
        "up": rng.normal(size=(5, token)).astype(np.float16), "up_bias": rng.normal(size=5).astype(np.float32),
        "down": rng.normal(size=(token, 5)).astype(np.float16), "down_bias": rng.normal(size=token).astype(np.float32),
        "out": rng.normal(size=(dim, token)).astype(np.float16), "out_bias": rng.normal(size=dim).astype(np.float32),
    }  # fmt: skip
    np.savez(folder / compact.TEXT_FILE, **arrays)
    return arrays


def slow_text(arrays, text: str) -> np.ndarray:
    """The tower by its definition, token by token."""
    a = {k: v.astype(np.float64) for k, v in arrays.items()}
    total, weight = np.zeros(4), 0.0
    for i in compact.token_ids(text):
        total += a["weights"][i] * a["row_scales"][i] * a["rows"][i]
        weight += a["weights"][i]
    x = total / weight
    x = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
    x = x + a["down"] @ np.maximum(a["up"] @ x + a["up_bias"], 0) + a["down_bias"]
    y = a["out"] @ x + a["out_bias"]
    return y / np.linalg.norm(y)


def test_the_text_tower_agrees_with_its_definition(tmp_path):
    arrays = plain_text_file(tmp_path)
    tower = compact.load_text(tmp_path)
    texts = ["Men Navy Blue Shirt", "women red dress, size M", "!!"]
    got = tower.encode(texts)
    assert got.dtype == np.float32 and got.shape == (3, 6)
    assert np.allclose(got, [slow_text(arrays, t) for t in texts], atol=1e-4)
    assert tower.encode([]).shape == (0, 6)


def test_chinese_is_read_by_the_lexicon(tmp_path):
    plain_text_file(tmp_path)
    tower = compact.load_text(tmp_path)
    chinese, english = tower.encode(["红色连衣裙", compact.to_english("红色连衣裙")])
    assert np.array_equal(chinese, english)


def test_missing_weights_name_the_file_and_the_next_step(tmp_path):
    for make in (compact.CompactImageEncoder, compact.CompactTextEncoder, compact.CompactDescriber):
        with pytest.raises(ModelUnavailable, match="cannot be read") as caught:
            make(tmp_path)
        assert "outfit train export" in caught.value.hint


def test_files_that_are_no_models_are_refused(tmp_path):
    (tmp_path / compact.IMAGE_FILE).write_bytes(b"no model")
    (tmp_path / compact.TEXT_FILE).write_bytes(b"no arrays")
    with pytest.raises(ModelUnavailable, match="not a compact image model"):
        compact.CompactImageEncoder(tmp_path)
    with pytest.raises(ModelUnavailable, match="not a compact text model"):
        compact.CompactText(tmp_path / compact.TEXT_FILE)


def test_letterbox_keeps_proportion_and_pads_with_white():
    wide = compact.letterbox(Image.new("RGB", (400, 100), (10, 20, 30)))
    pixels = np.asarray(wide)
    assert pixels.shape == (80, 64, 3)
    assert (pixels[:30] == 255).all() and (pixels[-30:] == 255).all()
    assert (pixels[34:46] == (10, 20, 30)).all()
    exact = Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 64, 3), dtype=np.uint8))
    assert np.array_equal(np.asarray(compact.letterbox(exact)), np.asarray(exact))


def test_a_head_applies_temperature_then_shift():
    head = compact.Head(("a", "b"), 2.0, np.array([0.0, np.log(3.0)], np.float32), 0.5)
    assert np.allclose(head.probabilities(np.zeros((1, 2), np.float32)), [[0.25, 0.75]])
    assert np.allclose(head.probabilities(np.array([[2 * np.log(3.0), 0.0]], np.float32)), [[0.5, 0.5]])


# the weights that ship ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped():
    if not (resources.path("weights") / compact.IMAGE_FILE).is_file():
        pytest.skip("no compact weights in data/weights")
    return resources.path("weights")


def pictures(n: int = 3) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (90 + i, 70, 3), dtype=np.uint8)) for i in range(n)]


def test_rows_have_norm_one_and_do_not_depend_on_the_batch(shipped):
    for make in (compact.CompactImageEncoder, compact.CompactSharedImageEncoder):
        encoder = make(shipped)
        many = encoder.encode_images(pictures())
        assert many.dtype == np.float32 and many.shape == (3, encoder.space.dim)
        assert np.allclose(np.linalg.norm(many, axis=1), 1, atol=1e-4)
        assert np.allclose(encoder.encode_images(pictures()[1:2])[0], many[1], atol=2e-3)
        assert encoder.encode_images([]).shape == (0, encoder.space.dim)


def test_one_pass_serves_all_who_ask_about_the_same_pictures(shipped):
    model = compact.CompactModel(shipped / compact.IMAGE_FILE)
    runs = []
    session = model._session

    class Counting:
        def run(self, names, feed):
            runs.append(len(feed["pixels"]))
            return session.run(names, feed)

    model._session = Counting()
    first = model.outputs(pictures(3))
    second = model.outputs([*pictures(3), pictures(1)[0]])
    assert runs == [3]  # the same pictures, and one twice: nothing is computed again
    assert np.array_equal(first["category"], second["category"][:3])
    assert np.array_equal(second["category"][0], second["category"][3])


def test_a_colour_is_read_with_what_the_pixels_measure():
    head = compact.Head(("Black", "Red", "Silk"), 1.0, np.zeros(3, np.float32), 0.0, palette=0.5)
    red = np.full((80, 64, 3), (200, 20, 30), np.uint8)
    measured = compact.palette_evidence([red], head.classes)
    assert measured.shape == (1, 3) and measured[0].argmax() == 1
    assert measured[0, 2] == pytest.approx(np.log(compact.PALETTE_FLOOR))  # none of the catalogue's colours
    unsure = np.array([[0.2, 0.0, 0.1]], np.float32)
    by_hand = np.exp(unsure + 0.5 * measured)
    assert np.allclose(head.probabilities(unsure, measured), by_hand / by_hand.sum(), atol=1e-6)
    assert head.probabilities(unsure).argmax() == 0 and head.probabilities(unsure, measured).argmax() == 1


def test_heads_answer_for_a_picture_and_its_mirror_image_alike(shipped):
    model = compact.CompactModel(shipped / compact.IMAGE_FILE)
    pixels = [np.asarray(compact.letterbox(p), np.uint8) for p in pictures(2)]
    mirrored = [p[:, ::-1] for p in pixels]
    own, other, both = model.outputs_of(pixels), model.outputs_of(mirrored), model.answers_of(pixels)
    assert np.abs(own["category"] - other["category"]).max() > 0.01
    assert np.allclose(both["category"], (own["category"] + other["category"]) / 2)
    assert np.allclose(both["category"], model.answers_of(mirrored)["category"], atol=1e-5)
    assert np.array_equal(both["shared"], own["shared"]) and np.array_equal(both["instance"], own["instance"])


def test_both_sides_of_the_shared_space_are_one_space(shipped):
    image, text = compact.CompactSharedImageEncoder(shipped), compact.CompactTextEncoder(shipped)
    assert (image.space.model, image.space.revision, image.space.dim) == (
        text.space.model, text.space.revision, text.space.dim)  # fmt: skip
    assert image.space.revision != compact.CompactImageEncoder(shipped).space.revision


def test_noise_is_told_with_less_confidence_than_a_garment_and_fields_are_consistent(shipped, shared_data):
    import io
    import zipfile

    with zipfile.ZipFile(shared_data / "catalog-images.zip") as archive:
        shirt = Image.open(io.BytesIO(archive.read("images/15970.jpg"))).convert("RGB")  # a man's navy blue shirt
    told, noise = compact.CompactDescriber(shipped).describe([shirt, pictures(1)[0]])
    assert told.slot is Slot.TOP and told.gender is Gender.MEN
    assert told.confidence["category"] > noise.confidence["category"]
    assert set(told.confidence) == {"category", "sub_category", "gender", "colour", "season", "usage", "slot"}
    assert all(0 <= c <= 1 + 1e-6 for c in told.confidence.values())
