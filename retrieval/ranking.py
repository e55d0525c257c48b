"""Which of the first hits is the pictured product, and how sure that is: evidence beside the vectors, weighed.

The probability that hit i is the product, of n hits or of none of them, is a conditional logit (McFadden 1974):

    p_i = exp(w . f_i) / (exp(none) + sum_j exp(w . f_j))

so that two hits that look equally right share what one of them alone would have, and a photo of what the shop does not
carry has low ones throughout. An isotonic curve then makes of it how often that was right. w, `none` and the curve are
fitted on products kept for calibration, half of them taken out of the shop (`retrieval.training.ranking`); they hold for
one model's weights alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from retrieval import resources
from retrieval.errors import ModelUnavailable
from retrieval.items import Closeness, Swatch
from retrieval.ports import Space

FILE = "weights/ranking.json"
REFIT = "fit them again: outfit train ranking"


@dataclass(frozen=True, slots=True)
class Ranking:
    """Weights of the evidence by name, the logit of "none of them", and the probability from which it is said that this
    is the product. `model` and `revision` say which space they were fitted for; `text` is the weight of what is asked
    for in words beside a picture, a share in [0, 1] of the whole, and `kind` that of the log probability that category and
    gender are the picture's.
    """

    model: str
    revision: str
    weights: Mapping[str, float]
    none: float
    curve: Sequence[tuple[float, float]]  # points (what the logit says, how often that was right), both rising; () for none
    sure: float
    twins: float  # least cosine of two items' photos that are one picture
    text: float
    kind: float
    figures: Mapping[str, float]

    def fits(self, space: Space) -> bool:
        return (self.model, self.revision) == (space.model, space.revision)

    def logits(self, evidence: Mapping[str, np.ndarray]) -> np.ndarray:
        """(n,) float64 of evidence by name, each (n,). What no weight was fitted for does not count."""
        return sum(weight * np.asarray(evidence[name], np.float64) for name, weight in self.weights.items())

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """(n,) logits of hits -> (n,) probabilities that sum to less than 1; the rest is that it is none of them.

        >>> Ranking("m", "r", {}, 0.0, (), 0.5, 1.0, 0.5, 0.0, {}).probabilities(np.log([2.0, 1.0])).tolist()
        [0.5, 0.25]
        >>> Ranking("m", "r", {}, 0.0, ((0, 0), (1, 0.5)), 0.5, 1.0, 0.5, 0.0, {}).probabilities(np.log([2.0, 1.0])).tolist()
        [0.25, 0.125]
        """
        top = max(float(logits.max(initial=-np.inf)), self.none)
        powers = np.exp(logits - top)
        return bent(powers / (np.exp(self.none - top) + powers.sum()), self.curve)

    def closeness(self, p_same: float) -> Closeness:
        return Closeness.SAME if p_same >= self.sure else Closeness.CLOSE


def bent(p: np.ndarray, curve: Sequence[tuple[float, float]]) -> np.ndarray:
    """(..., k) probabilities of hits, the likeliest brought along a curve that is straight between its points; the others
    shrink or grow with it, as far as all sum to 1 at most.

    >>> bent(np.array([0.5, 0.4]), ((0.0, 0.0), (0.5, 0.8), (1.0, 1.0))).round(2).tolist()
    [0.8, 0.16]
    """
    if not len(curve) or not p.shape[-1]:
        return p
    said, right = np.array(curve, np.float64).T
    at = p.argmax(-1)[..., None]
    first = np.take_along_axis(p, at, -1)
    made = np.interp(first, said, right)
    factor = np.minimum(made / np.maximum(first, 1e-12), (1 - made) / np.maximum(1 - first, 1e-12))
    result = p * factor
    np.put_along_axis(result, at, made, -1)
    return result


def load(file: Path | None = None) -> Ranking | None:
    """What was fitted last, None where nothing was. Raises ModelUnavailable for a file of another form."""
    file = file or resources.path(FILE)
    if not file.is_file():
        return None
    try:
        return Ranking(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ModelUnavailable(f"{file} does not say how hits are ranked: {error}", hint=REFIT) from error


def save(ranking: Ranking, file: Path | None = None) -> Path:
    file = file or resources.path(FILE)
    file.write_text(json.dumps(asdict(ranking), indent=1) + "\n", encoding="utf-8")
    return file


def palette_likeness(a: Sequence[Swatch], b: Sequence[Swatch]) -> float:
    """How alike two palettes are: minus the mean CIE76 distance of each swatch to the nearest of the other, by share, both
    ways, in units of 20; 0 for the same colours, -1 where nothing is known of one.

    >>> red, blue = (Swatch("", "", lab, "", 1.0) for lab in ((50.0, 60.0, 0.0), (50.0, 0.0, 0.0)))
    >>> palette_likeness([red], [red]), palette_likeness([red], [blue])
    (0.0, -3.0)
    """
    if not a or not b:
        return -1.0
    labs = [np.array([s.lab for s in side]) for side in (a, b)]
    shares = [np.array([s.share for s in side]) for side in (a, b)]
    apart = np.linalg.norm(labs[0][:, None] - labs[1][None], axis=2)
    there = float(apart.min(1) @ shares[0] / shares[0].sum())
    back = float(apart.min(0) @ shares[1] / shares[1].sum())
    return -(there + back) / 2 / 20 + 0.0


def fold(twins: Sequence[np.ndarray], least: float) -> list[int]:
    """For each of n unit vectors, best first, the place of the first one that it is the same picture as: its own, or an
    earlier one with a cosine of `least` or more.

    >>> fold([np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([1.0, 0.0])], 0.99)
    [0, 1, 0]
    """
    heads: list[int] = []
    for i, vector in enumerate(twins):
        heads.append(next((j for j in heads[:i] if heads[j] == j and float(twins[j] @ vector) >= least), i))
    return heads
