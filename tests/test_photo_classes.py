"""The ten classes of people's photos heard about a category: by hand, and on people's own photos."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from retrieval.encoders.compact import load_image
from retrieval.encoders.photo_classes import COMPATIBLE, heard

NAMES = ("Shorts", "Skirts", "Handbags")
CLASSES = ("shorts", "skirt")


def test_on_a_real_photo_the_class_decides_between_what_it_speaks_of():
    category = np.array([[0.5, 0.3, 0.2]])
    photo = np.array([[0.1, 0.9]])
    # weights .1, .9 and, for the bag, chance of two classes: .05, .27, .1 of .42
    assert heard(category, NAMES, photo, CLASSES, np.array([1.0]))[0] == pytest.approx([0.05 / 0.42, 0.27 / 0.42, 0.1 / 0.42])
    half = heard(category, NAMES, photo, CLASSES, np.array([0.5]))[0]
    assert half == pytest.approx([(0.5 + 0.05 / 0.42) / 2, (0.3 + 0.27 / 0.42) / 2, (0.2 + 0.1 / 0.42) / 2])


def test_a_studio_s_picture_is_read_as_before():
    category = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    assert np.array_equal(heard(category, NAMES, np.array([[0.0, 1.0], [1.0, 0.0]]), CLASSES, np.zeros(2)), category)


def test_every_class_of_the_shipped_head_is_known_and_names_categories():
    heads = load_image().heads
    assert tuple(heads["people"].classes) == tuple(COMPATIBLE)
    for categories in COMPATIBLE.values():
        assert set(categories) & set(heads["category"].classes)


def test_people_s_own_photos_are_read_better_than_by_the_category_head_alone(shared_data):
    archive = zipfile.ZipFile(shared_data / "user-photos.zip")
    names = sorted(n for n in archive.namelist() if "/validation/" in n and n.lower().endswith(".jpg"))
    model = load_image()
    out = model.answers([Image.open(io.BytesIO(archive.read(n))).convert("RGB") for n in names])
    category, photo, scene = (model.heads[h].probabilities(out[h]) for h in ("category", "people", "shot_scene"))
    known = model.heads["category"].classes

    def share(probabilities: np.ndarray) -> float:
        said = [known[k] for k in probabilities.argmax(1)]
        return float(np.mean([s in COMPATIBLE[n.split("/")[-2]] for s, n in zip(said, names, strict=True)]))

    both = heard(category, known, photo, model.heads["people"].classes, scene[:, 1])
    assert share(both) > share(category)
