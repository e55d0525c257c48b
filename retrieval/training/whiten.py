"""A second reading of the compact net's features for "the same product", in closed form, written into its file.

The instance head is trained by contrast within batches. Linear discriminant analysis over the same features (Fisher 1936;
as "learned whitening" in Radenovic et al. 2018, "Fine-tuning CNN image retrieval with no human annotation") sees all
products at once: directions in which a product's pictures differ among themselves count little, those in which products
differ count much. Beside the head it finds what the head alone misses; it is kept only where calibration products say so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from retrieval.encoders.compact import SEARCH_PROPERTY
from retrieval.errors import InvalidInput
from retrieval.training import augment, cache
from retrieval.training.batches import Batches
from retrieval.training.data import TrainData, rng_for

RIDGE = 0.1  # of the mean variance within a product, added to every direction
_CHUNK = 128


@dataclass(frozen=True, slots=True)
class Whitening:
    """(x - mean) @ matrix: features (D,) to (dim,), before they are brought to norm 1. `weight` is beside the head's 1."""

    mean: np.ndarray
    matrix: np.ndarray
    weight: float = 1.0

    def apply(self, features: np.ndarray) -> np.ndarray:
        """(n, D) -> (n, dim) float32 of norm 1."""
        y = (features.astype(np.float32) - self.mean) @ self.matrix
        return y / np.maximum(np.linalg.norm(y, axis=1, keepdims=True), 1e-12)

    def beside(self, head: np.ndarray, features: np.ndarray) -> np.ndarray:
        """(n, d) of norm 1 and (n, D) -> (n, d + dim) of norm 1: what the widened file answers as `instance`."""
        both = np.concatenate((head, self.weight * self.apply(features)), axis=1)
        return both / np.float32(np.sqrt(1 + self.weight**2))


def fit(plain: np.ndarray, views: Sequence[np.ndarray], dim: int, *, ridge: float = RIDGE) -> Whitening:
    """From features of n products: by the catalogue's picture (n, D), and by changed views of the same, each (n, D).

    The scatter within products is that of the differences of their pictures; it is whitened, and the `dim` directions of
    the widest scatter between the catalogue's pictures are kept. Raises InvalidInput for fewer products than directions.
    """
    n, width = plain.shape
    if n < dim:
        raise InvalidInput(f"{n} products for {dim} directions: expected at least as many")
    pictures = [np.asarray(p, np.float64) for p in (plain, *views)]
    within = np.zeros((width, width))
    pairs = 0
    for i, a in enumerate(pictures):
        for b in pictures[i + 1 :]:
            within += (a - b).T @ (a - b)
            pairs += n
    within /= 2 * max(1, pairs)
    within += ridge * np.trace(within) / width * np.eye(width)
    inverse = np.linalg.inv(np.linalg.cholesky(within))
    between = np.cov(pictures[0], rowvar=False)
    _, directions = np.linalg.eigh(inverse @ between @ inverse.T)
    matrix = inverse.T @ directions[:, ::-1][:, :dim]
    return Whitening(pictures[0].mean(0).astype(np.float32), np.ascontiguousarray(matrix, np.float32))


def views_of(data: TrainData, at: np.ndarray, seed: int) -> np.ndarray:
    """The products `at` as shoppers might photograph them: (n, 80, 64, 3) uint8, from large pictures where there are."""
    batches = Batches(data, seed, torch.device("cpu"))
    out = np.empty((len(at), cache.HEIGHT_PX, cache.WIDTH_PX, 3), np.uint8)
    for part in np.array_split(np.arange(len(at)), max(1, len(at) // _CHUNK)):
        made = batches.shopper_views(at[part], rng_for(seed, int(part[0])), from_large=1.0)
        out[part] = augment.to_bytes(made)
    return out


def tap(file: Path, out: Path) -> None:
    """Write the net with one more output, `features`: what its instance head reads. Raises InvalidInput for other files."""
    import onnx

    model, gemm = _opened(file)
    model.graph.output.append(
        onnx.helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["n", _width(model, gemm)])
    )
    model.graph.node.append(onnx.helper.make_node("Identity", [gemm.input[0]], ["features"], name="features"))
    onnx.save(model, out)


def widen(file: Path, out: Path, whitening: Whitening, *, mirrored: bool) -> None:
    """Write the net with the whitened features beside its head in the output `instance`, and in the file whether a picture
    is to count together with its mirror image; nothing else changes.

    Raises InvalidInput for a file that is widened already, or whose `instance` is not a head over features.
    """
    import onnx
    from onnx import helper, numpy_helper

    model, gemm = _opened(file)
    graph = model.graph
    head = next(o for o in graph.output if o.name == "instance")
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == "instance":
                    names[i] = "instance_head"
    scale = float(np.sqrt(1 + whitening.weight**2))
    arrays = {
        "matrix": whitening.matrix,
        "shift": -(whitening.mean @ whitening.matrix),
        "axis": np.array([1], np.int64),
        "least": np.array(1e-12, np.float32),
        "own": np.array(1 / scale, np.float32),
        "added": np.array(whitening.weight / scale, np.float32),
    }
    graph.initializer.extend(
        numpy_helper.from_array(np.ascontiguousarray(a), f"white.{name}") for name, a in arrays.items()
    )
    steps = (
        ("Gemm", [gemm.input[0], "#matrix", "#shift"], "raw"),
        ("ReduceL2", ["#raw", "#axis"], "norm"),
        ("Max", ["#norm", "#least"], "safe"),
        ("Div", ["#raw", "#safe"], "unit"),
        ("Mul", ["#unit", "#added"], "part"),
        ("Mul", ["instance_head", "#own"], "head"),
    )
    for kind, inputs, name in steps:
        named = [i.replace("#", "white.") for i in inputs]
        graph.node.append(helper.make_node(kind, named, [f"white.{name}"], name=f"white.{name}"))
    graph.node.append(
        helper.make_node("Concat", ["white.head", "white.part"], ["instance"], name="instance", axis=1)
    )
    dims = head.type.tensor_type.shape.dim
    dims[1].dim_value += whitening.matrix.shape[1]
    about = {p.key: p.value for p in model.metadata_props}
    about[SEARCH_PROPERTY] = json.dumps(
        {"whitened": whitening.matrix.shape[1], "weight": whitening.weight, "mirrored": mirrored}
    )
    helper.set_model_props(model, about)
    onnx.checker.check_model(model)
    unfinished = out.with_suffix(".part")
    onnx.save(model, unfinished)
    unfinished.replace(out)


def _opened(file: Path):
    """The model of a file, and the node that its instance head is."""
    import onnx

    model = onnx.load(file)
    if any(p.key == SEARCH_PROPERTY for p in model.metadata_props):
        raise InvalidInput(f"{file} is widened already", hint="begin from the file that `outfit train export` wrote")
    by_output = {output: node for node in model.graph.node for output in node.output}
    node = by_output.get("instance")
    while node is not None and node.op_type in ("Div", "LpNormalization", "Identity"):
        node = by_output.get(node.input[0])
    if node is None or node.op_type != "Gemm":
        raise InvalidInput(f"{file} has no instance head over features: expected what `outfit train export` writes")
    return model, node


def _width(model, gemm) -> int:
    weight = next(i for i in model.graph.initializer if i.name == gemm.input[1])
    transposed = any(a.name == "transB" and a.i for a in gemm.attribute)
    return int(weight.dims[1 if transposed else 0])


def features_of(
    read: Callable[[list[np.ndarray]], dict[str, np.ndarray]], pictures: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n, 80, 64, 3) uint8 -> head (n, d) and features (n, D), float32 and half precision, by a tapped net."""
    heads, features = [], []
    for part in np.array_split(np.arange(len(pictures)), max(1, len(pictures) // 512)):
        out = read(list(pictures[part]))
        heads.append(out["instance"])
        features.append(out["features"].astype(np.float16))
    return np.concatenate(heads), np.concatenate(features)
