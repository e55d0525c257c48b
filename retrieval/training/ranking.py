"""How hits are weighed and when it is said that one is the product: fitted on calibration products. numpy and scipy.

See `retrieval.ranking` for the model. A case is one picture and its first hits; each is met twice, once with the pictured
product in the shop and once without, so that "none of these" has its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from retrieval.ranking import bent

GAIN = 0.005  # of mean rank-1 in cross-validation that a kind of evidence has to bring
FOLDS = 5
PRECISION = 0.9  # of what is called "this is it", on the calibration products
_PENALTY = 1e-3  # on squared weights of scaled evidence, per case


@dataclass(frozen=True, slots=True)
class Cases:
    """`evidence` by name, each (n, k) with -inf in `cosine` where a case has fewer hits; `truth` (n,) the place of the
    pictured product among the hits, -1 where it is not there; `group` (n,) the product, for folds; `stratum` (n,) the
    level, each of which counts alike in a mean."""

    evidence: Mapping[str, np.ndarray]
    truth: np.ndarray
    group: np.ndarray
    stratum: np.ndarray

    def __len__(self) -> int:
        return len(self.truth)

    def part(self, at: np.ndarray) -> Cases:
        return Cases({n: v[at] for n, v in self.evidence.items()}, self.truth[at], self.group[at], self.stratum[at])

    def without_truth(self) -> Cases:
        """The same in a shop that does not carry the pictured products."""
        there = self.truth >= 0
        cosine = self.evidence["cosine"].copy()
        cosine[there, self.truth[there]] = -np.inf
        return Cases({**self.evidence, "cosine": cosine}, np.full(len(self), -1), self.group, self.stratum)


@dataclass(frozen=True, slots=True)
class Fit:
    weights: dict[str, float]
    none: float
    curve: tuple[tuple[float, float], ...] = ()

    def logits(self, cases: Cases) -> np.ndarray:
        """(n, k), -inf where there is no hit."""
        total = np.zeros(cases.evidence["cosine"].shape)
        there = np.isfinite(cases.evidence["cosine"])
        for name, weight in self.weights.items():
            total += weight * np.where(there, cases.evidence[name], 0.0)
        return np.where(there, total, -np.inf)

    def probabilities(self, cases: Cases) -> np.ndarray:
        """(n, k) that each hit is the product."""
        logits = self.logits(cases)
        top = np.maximum(logits.max(1), self.none)[:, None]
        powers = np.exp(logits - top)
        return bent(powers / (powers.sum(1, keepdims=True) + np.exp(self.none - top)), self.curve)

    def first(self, cases: Cases) -> tuple[np.ndarray, np.ndarray]:
        """Of the first hit of each case, with the product in the shop and then without: its probability, and whether it
        is right; (2 n,) each."""
        p, right = [], []
        for part in (cases, cases.without_truth()):
            all_p = self.probabilities(part)
            best = self.logits(part).argmax(1)
            p.append(all_p[np.arange(len(part)), best])
            right.append((best == part.truth) & (part.truth >= 0))
        return np.concatenate(p), np.concatenate(right)


def fit(cases: Cases, names: Sequence[str]) -> Fit:
    """Most likely weights of the named evidence and of "none of them" (L-BFGS on a convex loss)."""
    from scipy.optimize import minimize

    both = [cases, cases.without_truth()]
    there = np.concatenate([np.isfinite(c.evidence["cosine"]) for c in both])
    x = np.stack([np.concatenate([c.evidence[name] for c in both]) for name in names], axis=2)
    x = np.where(there[..., None], x, 0.0)
    scale = x[there].std(0) + 1e-9
    x = x / scale
    truth = np.concatenate([c.truth for c in both])
    truth = np.where((truth >= 0) & there[np.arange(len(truth)), truth], truth, -1)
    right = np.flatnonzero(truth >= 0)
    n = len(truth)

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        logits = np.where(there, x @ w[:-1], -np.inf)
        top = np.maximum(logits.max(1), w[-1])[:, None]
        powers = np.exp(logits - top)
        null = np.exp(w[-1] - top[:, 0])
        total = powers.sum(1) + null
        p, p_none = powers / total[:, None], null / total
        own = np.where(truth >= 0, p[np.arange(n), truth], p_none)
        value = -np.log(np.maximum(own, 1e-300)).mean() + _PENALTY * float(w[:-1] @ w[:-1])
        slope = p.copy()
        slope[right, truth[right]] -= 1
        grad = np.einsum("nk,nkd->d", slope, x) / n + 2 * _PENALTY * w[:-1]
        return float(value), np.append(grad, (p_none - (truth < 0)).mean())

    found = minimize(loss, np.append(np.ones(len(names)), 0.0), jac=True, method="L-BFGS-B")
    return Fit({name: float(v) for name, v in zip(names, found.x[:-1] / scale, strict=True)}, float(found.x[-1]))


def fit_curve(done: Fit, cases: Cases) -> tuple[tuple[float, float], ...]:
    """How often first hits were right by what the logit says of them, with the product in the shop and without: isotonic
    regression by pooling adjacent violators, a point for each pool."""
    return isotonic(*replace(done, curve=()).first(cases))


def isotonic(p: np.ndarray, right: np.ndarray, least: int = 50) -> tuple[tuple[float, float], ...]:
    """Points (mean p, share right) of pools of neighbours, at least `least` cases each, shares rising; ends at 0 and 1.

    >>> isotonic(np.array([0.1, 0.2, 0.3, 0.4]), np.array([1, 0, 1, 1]), least=1)
    ((0.0, 0.0), (0.15, 0.5), (0.35, 1.0), (1.0, 1.0))
    """
    order = np.argsort(p, kind="stable")
    pools: list[list[float]] = []  # cases, sum of p, sum right
    for part in np.array_split(order, max(1, len(order) // least)):
        pools.append([len(part), float(p[part].sum()), float(right[part].sum())])
        while len(pools) > 1 and pools[-2][2] * pools[-1][0] >= pools[-1][2] * pools[-2][0]:
            last = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], last, strict=True)]
    points = [(round(said / n, 5), round(hits / n, 5)) for n, said, hits in pools]
    return ((0.0, 0.0), *points, (1.0, max(points[-1][1], points[-1][0])))


def rank1(cases: Cases, logits: np.ndarray) -> float:
    """Mean over the levels of the share of pictures whose first hit is the product."""
    is_right = (logits.argmax(1) == cases.truth) & (cases.truth >= 0)
    return float(np.mean([is_right[cases.stratum == s].mean() for s in np.unique(cases.stratum)]))


def crossed(cases: Cases, names: Sequence[str]) -> tuple[float, float]:
    """Rank-1 and log loss of products that the weights were not fitted on, in FOLDS folds by product."""
    fold = np.unique(cases.group, return_inverse=True)[1] % FOLDS
    logits = np.empty(cases.evidence["cosine"].shape)
    losses = []
    for one in range(FOLDS):
        out = cases.part(np.flatnonzero(fold == one))
        done = fit(cases.part(np.flatnonzero(fold != one)), names)
        logits[fold == one] = done.logits(out)
        losses.append(log_loss(out, done))
    return rank1(cases, logits), float(np.mean(losses))


def log_loss(cases: Cases, done: Fit) -> float:
    """Mean of -log p(what is so), half of the cases in a shop without the product."""
    values = []
    for part in (cases, cases.without_truth()):
        p = done.probabilities(part)
        own = np.where(part.truth >= 0, p[np.arange(len(part)), part.truth], 1 - p.sum(1))
        values.append(-np.log(np.maximum(own, 1e-12)).mean())
    return float(np.mean(values))


def select(cases: Cases, candidates: Sequence[str]) -> tuple[list[str], dict[str, float]]:
    """Evidence beside the cosine that gains GAIN of rank-1 in cross-validation and speaks for a hit, not against it, taken
    one by one, the best first; and the ablation: rank-1 of the cosine, with each candidate alone, and of all that were kept."""
    kept = ["cosine"]
    best, _ = crossed(cases, kept)
    table = {"rank1_cosine": best}
    first = True
    while True:
        rivals = {name: crossed(cases, [*kept, name])[0] for name in candidates if name not in kept}
        if first:
            table |= {f"rank1_with_{name}": value for name, value in rivals.items()}
            first = False
        if not rivals or max(rivals.values()) < best + GAIN:
            return kept, table | {"rank1_kept": best}
        name = max(rivals, key=rivals.get)
        candidates = [other for other in candidates if other != name]
        if min(fit(cases, [*kept, name]).weights.values()) > 0:
            kept, best = [*kept, name], rivals[name]


def fit_sure(p: np.ndarray, is_right: np.ndarray, precision: float = PRECISION) -> float:
    """The least probability from which first hits are right at least `precision` of the time, in steps of 0.01; 0.99
    where none is."""
    for step in np.round(np.arange(0.3, 0.99, 0.01), 2):
        said = p >= step
        if said.any() and float(is_right[said].mean()) >= precision:
            return float(step)
    return 0.99
