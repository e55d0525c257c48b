"""Vectors that the reference implementation of DINO gives, with seeded weights: what ours must give too.

    python -m tests.golden.dino FOLDER

writes `dino.npz` anew; FOLDER holds `vision_transformer.py` and `utils.py` of github.com/facebookresearch/dino
(revision 7c446df). Needs torch and torchvision. Weights are drawn by numpy, whose stream is frozen over versions.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
from PIL import Image

FILE = Path(__file__).with_name("dino.npz")
# name: (arch, patch size, image size); 224 is what position embeddings are made for, the others interpolate them
CASES = {
    "small-16-224": ("vit_small", 16, 224),
    "small-16-336": ("vit_small", 16, 336),
    "small-8-96": ("vit_small", 8, 96),
    "base-16-224": ("vit_base", 16, 224),
    "base-8-64": ("vit_base", 8, 64),
}


def seeded(shapes: dict[str, tuple[int, ...]], seed: int = 7) -> dict[str, np.ndarray]:
    """Weights by name, float32, large enough that attention and position embeddings matter to the result."""
    drawn = {}
    for place, name in enumerate(sorted(shapes)):
        rng = np.random.RandomState(seed + place)
        values = rng.standard_normal(shapes[name]).astype(np.float32)
        is_scale = name.endswith("weight") and "norm" in name
        drawn[name] = 1 + 0.1 * values if is_scale else (0.5 if "embed" in name or "token" in name else 0.05) * values
    return {name: values.astype(np.float32) for name, values in drawn.items()}


def pictures() -> list[Image.Image]:
    """Three RGB pictures of other sizes and proportions: coarse noise."""
    found = []
    for seed, size in enumerate([(300, 400), (500, 260), (64, 64)]):
        cells = np.random.RandomState(seed).randint(0, 256, (9, 7, 3)).astype(np.uint8)
        found.append(Image.fromarray(cells).resize(size, Image.Resampling.BILINEAR))
    return found


def reference(folder: Path, arch: str, patch_size: int, image_size: int) -> np.ndarray:
    """(3, dim) class tokens, not normalised, by the reference's own network and the transforms of its evaluation."""
    import torch
    from torchvision import transforms

    sys.path.insert(0, str(folder))
    network = getattr(importlib.import_module("vision_transformer"), arch)(patch_size=patch_size, num_classes=0).eval()
    state = seeded({name: tuple(value.shape) for name, value in network.state_dict().items()})
    network.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()}, strict=True)
    prepare = transforms.Compose(
        [
            transforms.Resize(image_size * 256 // 224, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(image_size),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    with torch.inference_mode():
        return network(torch.stack([prepare(picture) for picture in pictures()])).numpy()


if __name__ == "__main__":
    np.savez(FILE, **{name: reference(Path(sys.argv[1]), *case) for name, case in CASES.items()})
