"""Views of a garment, made in batches: as a catalogue shows it, and as a shopper photographs it.

Pictures are (n, 3, h, w) float32 in [0, 1]; masks (n, 1, h, w) in [0, 1]; they may lie on a GPU. All chance comes from the
generator passed in, which draws on the CPU: what is chosen is known without waiting for a GPU, and is the same there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F


def uniform(n: int, low: float, high: float, rng: torch.Generator) -> torch.Tensor:
    return torch.rand(n, generator=rng) * (high - low) + low


def to_float(pictures: np.ndarray | torch.Tensor) -> torch.Tensor:
    """(n, h, w, 3) uint8 -> (n, 3, h, w) float32 in [0, 1]."""
    return torch.as_tensor(pictures).permute(0, 3, 1, 2).float().div_(255)


def to_bytes(pictures: torch.Tensor) -> np.ndarray:
    """(n, 3, h, w) float in [0, 1] -> (n, h, w, 3) uint8."""
    return (pictures * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()


def chosen(pictures: np.ndarray | torch.Tensor, at: torch.Tensor) -> np.ndarray | torch.Tensor:
    """Rows of an array, or of a tensor wherever it lies."""
    return pictures[at.numpy()] if isinstance(pictures, np.ndarray) else pictures[at.to(pictures.device, non_blocking=True)]


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
    device = pictures.device
    y, x = torch.meshgrid(
        (torch.arange(height, device=device) + 0.5) / height * 2 - 1,
        (torch.arange(width, device=device) + 0.5) / width * 2 - 1, indexing="ij",
    )  # fmt: skip
    x, y, matrix = x.reshape(1, -1), y.reshape(1, -1), matrix.to(device, non_blocking=True)
    across, down, depth = (m[:, 0:1] * x + m[:, 1:2] * y + m[:, 2:3] for m in matrix.unbind(1))
    depth = depth.clamp_min_(0.2)
    grid = torch.stack((across.div_(depth), down.div_(depth)), -1).reshape(-1, height, width, 2)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def relight(x: torch.Tensor, rng: torch.Generator, strength: float) -> torch.Tensor:
    """Brightness, contrast, a colour cast, gamma and a soft gradient of light; strength 1 is a poor room lamp."""
    n, _, h, w = x.shape
    gain = torch.exp(uniform(n, -0.45, 0.25, rng) * strength)[:, None, None, None]
    cast = torch.exp((torch.rand(n, 3, 1, 1, generator=rng) - 0.5) * 0.3 * strength)
    contrast = torch.exp(uniform(n, -0.35, 0.3, rng) * strength)[:, None, None, None].to(x.device, non_blocking=True)
    gamma = torch.exp(uniform(n, -0.3, 0.3, rng) * strength)[:, None, None, None].to(x.device, non_blocking=True)
    slope = (torch.rand(n, 2, 1, 1, generator=rng) - 0.5) * 0.6 * strength
    ramp = 1 + slope[:, :1] * torch.linspace(-1, 1, w) + slope[:, 1:] * torch.linspace(-1, 1, h)[:, None]
    x = x.clamp(1e-3, 1) ** gamma * (gain * cast).to(x.device, non_blocking=True) * ramp.to(x.device, non_blocking=True)
    mean = x.mean((1, 2, 3), keepdim=True)
    return ((x - mean) * contrast + mean).clamp(0, 1)


def _grounds(n: int, grounds: np.ndarray | torch.Tensor, rng: torch.Generator, height: int, width: int) -> torch.Tensor:
    """Photos, whole or crops of them, mirrored and turned at times, as (n, 3, height, width)."""
    at = torch.randint(len(grounds), (n,), generator=rng)
    matrix = homographies(n, rng, zoom=(1.0, 3.0), turn_deg=20, shift=0.2, bend=0.0, aspect=width / height)
    pictures = to_float(chosen(grounds, at))
    y = warp(torch.cat((pictures, torch.ones_like(pictures[:, :1])), 1), matrix, height, width)
    edge = pictures.mean((2, 3), keepdim=True)
    return y[:, :3] + (1 - y[:, 3:]) * edge


def jpeg(x: torch.Tensor, which: torch.Tensor, rng: torch.Generator, quality: tuple[int, int] = (25, 80)) -> None:
    """Give the pictures for which `which` (n,) is true, in place, what JPEG of a quality in `quality` (from 1, the end excluded) leaves of them."""
    at = torch.nonzero(which).flatten().to(x.device, non_blocking=True)
    if len(at):
        x[at] = through_jpeg(x[at], torch.randint(quality[0], quality[1], (len(at),), generator=rng))


def through_jpeg(x: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """(n, 3, h, w) as JPEG of these qualities, (n,) in 1 to 100, would show it: baseline, 4:2:0, the standard's tables scaled
    as libjpeg scales them (ITU-T T.81, annex K). Entropy coding loses nothing and is left out.
    """
    h, w = x.shape[2:]
    y = F.pad((x * 255).round().clamp(0, 255), (0, -w % 16, 0, -h % 16), mode="replicate")
    y = torch.einsum("kc,nchw->nkhw", _TO_YCC.to(x.device, non_blocking=True), y)
    luma = _quantised(y[:, :1] - 128, _LUMA, quality) + 128
    chroma = _quantised(F.avg_pool2d(y[:, 1:], 2), _CHROMA, quality)
    chroma = F.interpolate(chroma, scale_factor=2, mode="bilinear", align_corners=False)
    y = torch.einsum("ck,nkhw->nchw", torch.linalg.inv(_TO_YCC).to(x.device, non_blocking=True), torch.cat((luma, chroma), 1))
    return y[:, :, :h, :w].round().clamp(0, 255) / 255


def _quantised(plane: torch.Tensor, table: torch.Tensor, quality: torch.Tensor) -> torch.Tensor:
    """A plane after the cosine transform of its 8 x 8 blocks was rounded to the steps of `table` at each `quality`."""
    scale = torch.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    steps = ((table * scale[:, None, None] + 50) // 100).clamp(1, 255).to(plane.device, plane.dtype, non_blocking=True)[:, None, None, :, None, :]
    cosines = _COSINES.to(plane.device, non_blocking=True)
    blocks = plane.unflatten(3, (-1, 8)).unflatten(2, (-1, 8))
    waves = torch.einsum("ui,nchiwj,vj->nchuwv", cosines, blocks, cosines)
    waves = (waves / steps).round() * steps
    return torch.einsum("ui,nchuwv,vj->nchiwj", cosines, waves, cosines).flatten(4, 5).flatten(2, 3)


_TO_YCC = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])  # JFIF 1.02
_LUMA = torch.tensor([
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
])  # fmt: skip
_CHROMA = torch.tensor([
    [17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99],
])  # fmt: skip
_CHROMA = F.pad(_CHROMA, (0, 4, 0, 4), value=99)
_COSINES = torch.tensor(
    [[math.cos((2 * i + 1) * u * math.pi / 16) * (math.sqrt(1 / 8) if u == 0 else 0.5) for i in range(8)] for u in range(8)]
)


@dataclass(frozen=True, slots=True)
class Size:
    width: int
    height: int


def catalogue_view(pictures: torch.Tensor, size: Size, rng: torch.Generator) -> torch.Tensor:
    """A mild change: mirrored, moved and turned a little on white, light as in another studio."""
    n = len(pictures)
    matrix = homographies(n, rng, zoom=(0.9, 1.15), turn_deg=4, shift=0.06, bend=0.0, aspect=size.width / size.height)
    y = warp(pictures - 1, matrix, size.height, size.width) + 1
    return relight(y, rng, 0.12)


def shopper_view(
    pictures: torch.Tensor, masks: torch.Tensor, grounds: np.ndarray | torch.Tensor, size: Size, rng: torch.Generator
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
    on_plain = (kind >= 0.88)[:, None, None, None].to(pictures.device, non_blocking=True)
    on_white = on_white.to(pictures.device, non_blocking=True)
    alpha = torch.where(on_white[:, None, None, None], torch.ones_like(masks), masks)
    layer = warp(torch.cat((pictures * alpha, alpha), 1), matrix, h, w)
    plain = torch.rand(n, 3, 1, 1, generator=rng).to(pictures.device, non_blocking=True).expand(n, 3, h, w)
    ground = torch.where(on_plain, plain, _grounds(n, grounds, rng, h, w))
    ground = torch.where(on_white[:, None, None, None], torch.ones_like(ground), ground)
    depth = (uniform(n, 0.0, 0.6, rng).to(pictures.device, non_blocking=True) * ~on_white)[:, None, None, None]
    shadow = F.avg_pool2d(F.pad(layer[:, 3:], (3, 1, 3, 1)), 5, 1)
    ground = ground * (1 - depth * shadow)
    y = layer[:, :3] + ground * (1 - layer[:, 3:])
    y = _occlude(y, pictures.roll(1, 0), masks.roll(1, 0), size, rng, share=0.35)
    y = relight(y, rng, 1.0)
    y = _lose_detail(y, rng)
    y = _normal(y, rng).mul_(uniform(n, 0, 0.03, rng)[:, None, None, None].to(y.device, non_blocking=True)).add_(y).clamp_(0, 1)
    jpeg(y, torch.rand(n, generator=rng) < 0.35, rng)
    return y


def _normal(like: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Normal draws in the shape of `like`."""
    seed = int(torch.randint(2**31, (1,), generator=rng))
    if like.is_cuda:
        return torch.empty_like(like).normal_(generator=torch.Generator(like.device).manual_seed(seed))
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(like.shape, np.float32))  # ten times as fast there


def _occlude(
    y: torch.Tensor, others: torch.Tensor, masks: torch.Tensor, size: Size, rng: torch.Generator, share: float
) -> torch.Tensor:
    """Another garment reaches in from a side of some pictures, or a bar of plain colour covers a part."""
    n = len(y)
    at = torch.nonzero(torch.rand(n, generator=rng) < share).flatten().to(y.device, non_blocking=True)
    if not len(at):
        return y
    k = len(at)
    matrix = homographies(k, rng, zoom=(0.5, 0.9), turn_deg=60, shift=0.0, bend=0.0, aspect=size.width / size.height)
    direction = uniform(k, 0, 2 * math.pi, rng)
    matrix[:, 0, 2] = 1.6 * torch.cos(direction)
    matrix[:, 1, 2] = 1.6 * torch.sin(direction)
    front = warp(torch.cat((others[at] * masks[at], masks[at]), 1), matrix, size.height, size.width)
    y = y.clone()
    y[at] = front[:, :3] + y[at] * (1 - front[:, 3:])
    return y


def _lose_detail(y: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Some pictures are shrunk and enlarged again, as a garment far off in a photo is."""
    h, w = y.shape[2:]
    draw = torch.rand(len(y), generator=rng)
    y = y.clone()
    for low, high, factor in ((0.0, 0.15, 0.5), (0.15, 0.25, 0.35), (0.25, 0.4, 0.7)):
        at = torch.nonzero((draw >= low) & (draw < high)).flatten().to(y.device, non_blocking=True)
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
