"""What people's own photos tell of a category: ten plain classes that a head was taught on photos, not on a studio's pictures.

The categories' own head learned from studio pictures and takes a skirt on a hanger for shorts more readily than the head of
the ten classes does. On a real photo both are heard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

# what the ten classes of people's photos may be in the catalogue's words
COMPATIBLE: Mapping[str, tuple[str, ...]] = {
    "dress": ("Dresses", "Nightdress", "Kurtas", "Tunics", "Jumpsuit"),
    "hat": ("Caps", "Hat"),
    "longsleeve": ("Tshirts", "Tops", "Sweatshirts", "Sweaters", "Shirts", "Tunics"),
    "outwear": ("Jackets", "Blazers", "Rain Jacket", "Nehru Jackets", "Sweatshirts", "Sweaters", "Waistcoat", "Shrug"),
    "pants": ("Trousers", "Jeans", "Track Pants", "Leggings", "Jeggings", "Capris", "Tights", "Churidar"),
    "shirt": ("Shirts", "Tops", "Kurtas"),
    "shoes": ("Casual Shoes", "Sports Shoes", "Formal Shoes", "Heels", "Flats", "Sandals", "Flip Flops",
              "Sports Sandals"),
    "shorts": ("Shorts",),
    "skirt": ("Skirts",),
    "t-shirt": ("Tshirts", "Tops"),
}  # fmt: skip


def heard(
    category: np.ndarray, names: Sequence[str], photo: np.ndarray, classes: Sequence[str], real: np.ndarray
) -> np.ndarray:
    """(n, len(names)) probabilities of categories, after the ten classes were heard as far as a picture is a real photo.

    `photo` (n, len(classes)): probabilities of the ten classes; `real` (n,): that of a real scene. A category is weighted
    by the probability of the classes that it may belong to, one of which no class speaks (a bag, a watch) by chance.
    """
    fits = _fits(tuple(names), tuple(classes))
    weight = photo @ fits.T
    weight[:, ~fits.any(1)] = 1 / len(classes)
    told = category * weight
    told /= np.maximum(told.sum(1, keepdims=True), np.float32(1e-12))
    return category + (told - category) * real[:, None]


@lru_cache(maxsize=4)
def _fits(names: tuple[str, ...], classes: tuple[str, ...]) -> np.ndarray:
    """(categories, classes): 1 where a category may belong to a class. Asked at every photo, the same for all of them."""
    return np.array([[name in COMPATIBLE[c] for c in classes] for name in names], np.float32)
