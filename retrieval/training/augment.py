"""Views of a garment, made in batches: as a catalogue shows it, and as a shopper photographs it.

Pictures are (n, 3, h, w) float32 in [0, 1]; masks (n, 1, h, w) in [0, 1]. All chance comes from the generator passed in.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image


def uniform(n: int, low: float, high: float, rng: torch.Generator) -> torch.Tensor:
    return torch.rand(n, generator=rng) * (high - low) + low


def to_float(pictures: np.ndarray) -> torch.Tensor:
    """(n, h, w, 3) uint8 -> (n, 3, h, w) float32 in [0, 1]."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div_(255)


def normalise(pictures: torch.Tensor) -> torch.Tensor:
    """[0, 1] -> what the net reads: (255 x - 127.5) / 64, about [-2, 2]."""
    return (pictures * 255 - 127.5) / 64


def homographies(
    n: int, rng: torch.Generator, *, zoom: tuple[float, float], turn_deg: float, shift: float, bend: float,
    aspect: float,
) -> torch.Tensor:
    """(n, 3, 3) maps from output to input coordinates, both in [-1, 1]: flip, turn, zoom, shift, perspective.

    `zoom` > 1 enlarges the garment; `shift` is in half-widths, `bend` the perspective terms, `aspect` w / h in pixels.
    """
    angle = uniform(n, -turn_deg, turn_deg, rng) * math.pi / 180
    low, high = math.log(zoom[0]), math.log(zoom[1])
    scale = torch.exp(-uniform(n, low, high, rng))
    stretch = torch.exp(uniform(n, -0.1, 0.1, rng))
    flip = torch.where(torch.rand(n, generator=rng) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(angle), torch.sin(angle)
    matrix = torch.zeros(n, 3, 3)
    matrix[:, 0, 0], matrix[:, 0, 1] = scale * stretch * cos * flip, -scale * sin / aspect * flip
    matrix[:, 1, 0], matrix[:, 1, 1] = scale * sin * aspect, scale / stretch * cos
    matrix[:, 0, 2], matrix[:, 1, 2] = uniform(n, -shift, shift, rng), uniform(n, -shift, shift, rng)
    matrix[:, 2, 0], matrix[:, 2, 1] = uniform(n, -bend, bend, rng), uniform(n, -bend, bend, rng)
    matrix[:, 2, 2] = 1
    return matrix


def warp(pictures: torch.Tensor, matrix: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Resample by homographies to `height` x `width`; outside is zero."""
    y, x = torch.meshgrid(
        (torch.arange(height) + 0.5) / height * 2 - 1, (torch.arange(width) + 0.5) / width * 2 - 1, indexing="ij"
    )
    x, y = x.reshape(1, -1), y.reshape(1, -1)
    across, down, depth = (m[:, 0:1] * x + m[:, 1:2] * y + m[:, 2:3] for m in matrix.unbind(1))
    depth = depth.clamp_min_(0.2)
    grid = torch.stack((across.div_(depth), down.div_(depth)), -1).reshape(-1, height, width, 2)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def relight(x: torch.Tensor, rng: torch.Generator, strength: float) -> torch.Tensor:
    """Brightness, contrast, a colour cast, gamma and a soft gradient of light; strength 1 is a poor room lamp."""
    n, _, h, w = x.shape
    gain = torch.exp(uniform(n, -0.45, 0.25, rng) * strength)[:, None, None, None]
    cast = torch.exp((torch.rand(n, 3, 1, 1, generator=rng) - 0.5) * 0.3 * strength)
    contrast = torch.exp(uniform(n, -0.35, 0.3, rng) * strength)[:, None, None, None]
    gamma = torch.exp(uniform(n, -0.3, 0.3, rng) * strength)[:, None, None, None]
    slope = (torch.rand(n, 2, 1, 1, generator=rng) - 0.5) * 0.6 * strength
    ramp = 1 + slope[:, :1] * torch.linspace(-1, 1, w) + slope[:, 1:] * torch.linspace(-1, 1, h)[:, None]
    x = x.clamp(1e-3, 1) ** gamma * gain * cast * ramp
    mean = x.mean((1, 2, 3), keepdim=True)
    return ((x - mean) * contrast + mean).clamp(0, 1)


def _grounds(n: int, grounds: np.ndarray, rng: torch.Generator, height: int, width: int) -> torch.Tensor:
    """Photos, whole or crops of them, mirrored and turned at times, as (n, 3, height, width)."""
    at = torch.randint(len(grounds), (n,), generator=rng).numpy()
    matrix = homographies(n, rng, zoom=(1.0, 3.0), turn_deg=20, shift=0.2, bend=0.0, aspect=width / height)
    pictures = to_float(grounds[at])
    y = warp(torch.cat((pictures, torch.ones_like(pictures[:, :1])), 1), matrix, height, width)
    edge = pictures.mean((2, 3), keepdim=True)
    return y[:, :3] + (1 - y[:, 3:]) * edge


def jpeg(x: torch.Tensor, chosen: torch.Tensor, rng: torch.Generator, quality: tuple[int, int] = (25, 80)) -> None:
    """Encode and decode the chosen pictures in place."""
    for i in torch.nonzero(chosen).flatten().tolist():
        pixels = (x[i] * 255).round().clamp(0, 255).byte().permute(1, 2, 0).contiguous().numpy()
        q = int(torch.randint(quality[0], quality[1], (1,), generator=rng))
        with io.BytesIO() as file:
            Image.fromarray(pixels).save(file, "JPEG", quality=q)
            x[i] = to_float(np.array(Image.open(file))[None])[0]


@dataclass(frozen=True, slots=True)
class Size:
    width: int
    height: int


def catalogue_view(pictures: torch.Tensor, size: Size, rng: torch.Generator) -> torch.Tensor:
    """A mild change: mirrored, moved and turned a little on white, light as in another studio."""
    n = len(pictures)
    matrix = homographies(n, rng, zoom=(0.9, 1.15), turn_deg=4, shift=0.06, bend=0.0, aspect=size.width / size.height)
    y = warp(pictures - 1, matrix, size.height, size.width) + 1
    return relight(y, rng, 0.25)


def shopper_view(
    pictures: torch.Tensor, masks: torch.Tensor, grounds: np.ndarray, size: Size, rng: torch.Generator
) -> torch.Tensor:
    """A strong change. A good quarter stays on white and is cropped and turned; the rest is cut out and set on a photo or a
    plain colour, with perspective, shadow, another garment in front at times. All: light, loss of detail, JPEG.
    """
    n, h, w = len(pictures), size.height, size.width
    aspect = w / h
    kind = torch.rand(n, generator=rng)
    on_white = kind < 0.28
    close = homographies(n, rng, zoom=(0.9, 1.7), turn_deg=18, shift=0.22, bend=0.1, aspect=aspect)
    loose = homographies(n, rng, zoom=(0.55, 1.3), turn_deg=28, shift=0.2, bend=0.18, aspect=aspect)
    matrix = torch.where(on_white[:, None, None], close, loose)
    alpha = torch.where(on_white[:, None, None, None], torch.ones_like(masks), masks)
    layer = warp(torch.cat((pictures * alpha, alpha), 1), matrix, h, w)
    plain = torch.rand(n, 3, 1, 1, generator=rng).expand(n, 3, h, w)
    ground = torch.where((kind < 0.88)[:, None, None, None], _grounds(n, grounds, rng, h, w), plain)
    ground = torch.where(on_white[:, None, None, None], torch.ones_like(ground), ground)
    depth = (uniform(n, 0.0, 0.6, rng) * ~on_white)[:, None, None, None]
    shadow = F.avg_pool2d(F.pad(layer[:, 3:], (3, 1, 3, 1)), 5, 1)
    ground = ground * (1 - depth * shadow)
    y = layer[:, :3] + ground * (1 - layer[:, 3:])
    y = _occlude(y, pictures.roll(1, 0), masks.roll(1, 0), size, rng, share=0.35)
    y = relight(y, rng, 1.0)
    y = _lose_detail(y, rng)
    grain = np.random.default_rng(int(torch.randint(2**31, (1,), generator=rng)))  # numpy draws normals ten times faster
    noise = torch.from_numpy(grain.standard_normal(y.shape, np.float32))
    y = noise.mul_(uniform(n, 0, 0.03, rng)[:, None, None, None]).add_(y).clamp_(0, 1)
    jpeg(y, torch.rand(n, generator=rng) < 0.35, rng)
    return y


def _occlude(
    y: torch.Tensor, others: torch.Tensor, masks: torch.Tensor, size: Size, rng: torch.Generator, share: float
) -> torch.Tensor:
    """Another garment reaches in from a side of some pictures, or a bar of plain colour covers a part."""
    n = len(y)
    chosen = torch.nonzero(torch.rand(n, generator=rng) < share).flatten()
    if not len(chosen):
        return y
    k = len(chosen)
    matrix = homographies(k, rng, zoom=(0.5, 0.9), turn_deg=60, shift=0.0, bend=0.0, aspect=size.width / size.height)
    direction = uniform(k, 0, 2 * math.pi, rng)
    matrix[:, 0, 2] = 1.6 * torch.cos(direction)
    matrix[:, 1, 2] = 1.6 * torch.sin(direction)
    front = warp(torch.cat((others[chosen] * masks[chosen], masks[chosen]), 1), matrix, size.height, size.width)
    y = y.clone()
    y[chosen] = front[:, :3] + y[chosen] * (1 - front[:, 3:])
    return y


def _lose_detail(y: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Some pictures are shrunk and enlarged again, as a garment far off in a photo is."""
    h, w = y.shape[2:]
    draw = torch.rand(len(y), generator=rng)
    y = y.clone()
    for low, high, factor in ((0.0, 0.15, 0.5), (0.15, 0.25, 0.35), (0.25, 0.4, 0.7)):
        at = torch.nonzero((draw >= low) & (draw < high)).flatten()
        if len(at):
            less = F.interpolate(y[at], (round(h * factor), round(w * factor)), mode="area")
            y[at] = F.interpolate(less, (h, w), mode="bilinear", align_corners=False)
    return y


def people_view(pictures: torch.Tensor, size: Size, rng: torch.Generator) -> torch.Tensor:
    """A person's own photo, cropped, turned and lit a little differently."""
    matrix = homographies(
        len(pictures), rng, zoom=(0.9, 1.5), turn_deg=15, shift=0.18, bend=0.08, aspect=size.width / size.height
    )
    return relight(warp(pictures - 1, matrix, size.height, size.width) + 1, rng, 0.6)


def far_people_view(pictures: torch.Tensor, size: Size, rng: torch.Generator) -> torch.Tensor:
    """The same changed more, with less detail at times: for few photos that are seen very often."""
    matrix = homographies(
        len(pictures), rng, zoom=(0.85, 1.8), turn_deg=20, shift=0.2, bend=0.12, aspect=size.width / size.height
    )
    return _lose_detail(relight(warp(pictures - 1, matrix, size.height, size.width) + 1, rng, 1.0), rng)
