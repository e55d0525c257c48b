"""A DINO checkpoint, pretrained or fine-tuned, into a ViT of timm: which keys are meant, what fits, what does not."""

from __future__ import annotations

import json
import logging
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.encoders.pixels import Fit
from retrieval.errors import InvalidSetting, ModelUnavailable

if TYPE_CHECKING:
    import torch

_LOG = logging.getLogger(__name__)
LARGEST_PX = 648  # 81 patches of 8 px a side; attention over more does not fit a usual GPU
_WIDTHS = {384: "s", 768: "b"}
_HOLDERS = ("teacher", "state_dict", "model", "student")  # where training scripts keep the weights, best first


@dataclass(frozen=True, slots=True)
class DinoConfig:
    """What a checkpoint is. `arch`: vit_small or vit_base (DINO's words). `image_size` in px, a multiple of `patch_size`.

    `drop_path_rate` is that of training; it changes nothing when encoding. `key`: where in the file the weights are,
    `prefix`: what their names begin with; both are found where they are not given. `strict`: weights of no place in the
    network are refused, else listed in the log; missing ones are always refused. `fit`: see `retrieval.encoders.pixels`.
    """

    arch: str = "vit_small"
    patch_size: int = 16
    image_size: int = 224
    fit: Fit = "pad"
    drop_path_rate: float = 0.0
    checkpoint: str = ""
    key: str = ""
    prefix: str = "backbone."
    strict: bool = True

    def __post_init__(self) -> None:
        if self.arch not in ("vit_small", "vit_base"):
            raise InvalidSetting(f"DINO arch is {self.arch!r}: expected vit_small or vit_base")
        if self.patch_size not in (8, 16):
            raise InvalidSetting(f"DINO patch size is {self.patch_size}: expected 8 or 16 px")
        if not 0 <= self.drop_path_rate < 1:
            raise InvalidSetting(f"DINO drop path rate is {self.drop_path_rate}: expected 0 or more, below 1")
        if not self.patch_size <= self.image_size <= LARGEST_PX or self.image_size % self.patch_size:
            below = min(self.image_size, LARGEST_PX) // self.patch_size * self.patch_size
            raise InvalidSetting(
                f"DINO image size is {self.image_size} px: expected a multiple of {self.patch_size}, at most {LARGEST_PX}",
                hint=f"OUTFIT_IMAGE_SIZE={max(below, self.patch_size)}",
            )

    @property
    def timm_name(self) -> str:
        return f"{self.arch}_patch{self.patch_size}_224.dino"

    @property
    def name(self) -> str:
        """dino-vits16 and the like."""
        return f"dino-vit{self.arch.removeprefix('vit_')[0]}{self.patch_size}"


def read_config(file: Path, base: DinoConfig) -> DinoConfig:
    """A fine-tuned checkpoint's config, TOML or JSON, over `base`; its `checkpoint` is a path beside the file.

    Raises InvalidSetting for a field that is unknown, of another type or out of range, and where no checkpoint is named.
    """
    try:
        text = file.read_text(encoding="utf-8")
        known = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise InvalidSetting(f"{file} cannot be read as {file.suffix[1:].upper()}: {error}", hint="see the README") from error
    if not isinstance(known, dict):
        raise InvalidSetting(f"{file} holds a {type(known).__name__}: expected named values such as arch")
    types = {field.name: type(field.default) for field in fields(DinoConfig)}
    for name, value in known.items():
        if name not in types:
            raise InvalidSetting(f"{file}: unknown field {name!r}: expected of {', '.join(types)}")
        fits = isinstance(value, int | float) if types[name] is float else isinstance(value, types[name])
        if not fits or (isinstance(value, bool) and types[name] is not bool):
            raise InvalidSetting(f"{file}: {name} is {value!r}: expected a value such as {getattr(base, name)!r}")
    config = replace(base, **known)
    if not config.checkpoint:
        raise InvalidSetting(f"{file} names no checkpoint: expected checkpoint = \"model.pth\"")
    return replace(config, checkpoint=str(file.parent / Path(config.checkpoint).expanduser()))


def backbone_state(state: Mapping[str, Any], config: DinoConfig, file: Path) -> dict[str, torch.Tensor]:
    """The weights that are meant: those under `key`, their `module.` and `prefix` stripped.

    Where any name begins with the prefix, the others belong to heads, and are left out. Raises ModelUnavailable where
    the file has no such key or no tensors.
    """
    import torch

    if config.key and config.key not in state:
        names = ", ".join(sorted(map(str, state))[:8])
        raise ModelUnavailable(f"{file} has no key {config.key!r}: there are {names}", hint="correct `key` in the config")
    holder = config.key or next((name for name in _HOLDERS if isinstance(state.get(name), Mapping)), "")
    held = state[holder] if holder else state
    tensors = {str(name).removeprefix("module."): value for name, value in held.items() if torch.is_tensor(value)}
    if not tensors:
        raise ModelUnavailable(f"{file} holds no weights{f' under {holder!r}' if holder else ''}", hint="set `key`")
    if not config.prefix or not any(name.startswith(config.prefix) for name in tensors):
        return tensors
    heads = [name for name in tensors if not name.startswith(config.prefix)]
    if heads:
        _LOG.info("%s: %d weights outside %r are heads, left out: %s", file, len(heads), config.prefix, _few(heads))
    return {n.removeprefix(config.prefix): value for n, value in tensors.items() if n.startswith(config.prefix)}


def fill(network: torch.nn.Module, state: Mapping[str, torch.Tensor], config: DinoConfig, file: Path) -> None:
    """Put the weights into the network; position embeddings of another grid are interpolated.

    Raises ModelUnavailable with a list where weights are missing, of another shape, or (strict) of no place.
    """
    wanted = network.state_dict()
    given = dict(state)
    if "pos_embed" in given and given["pos_embed"].ndim == 3 and given["pos_embed"].shape[-1] == wanted["pos_embed"].shape[-1]:
        given["pos_embed"] = resized_positions(given["pos_embed"], config.image_size // config.patch_size, file)
    missing = [name for name in wanted if name not in given]
    foreign = [name for name in given if name not in wanted]
    unlike = [
        f"{name} {tuple(given[name].shape)} instead of {tuple(value.shape)}"
        for name, value in wanted.items()
        if name in given and given[name].shape != value.shape
    ]
    if missing or unlike or (foreign and config.strict):
        said = [
            f"{len(names)} {what}: {_few(names)}"
            for what, names in (("missing", missing), ("of another shape", unlike), ("of no place here", foreign))
            if names
        ]
        hint = _likely(given) or "check arch, patch_size, key and prefix in the checkpoint's config"
        if foreign and not missing and not unlike:
            hint = "strict = false in the checkpoint's config leaves them out"
        raise ModelUnavailable(f"{file} does not fit DINO {config.arch}, patch {config.patch_size}: {'; '.join(said)}", hint=hint)
    if foreign:
        _LOG.warning("%s: %d weights have no place in %s, left out: %s", file, len(foreign), config.arch, _few(foreign))
    network.load_state_dict({name: given[name] for name in wanted}, strict=True)


def resized_positions(positions: torch.Tensor, side: int, file: Path) -> torch.Tensor:
    """(1, 1 + m * m, d) position embeddings for a grid of `side` x `side` patches.

    Bicubic, with the tenth of a patch added as in the reference implementation (Caron et al., 2021,
    `interpolate_pos_encoding`), so that vectors agree with it at every size.
    """
    import torch

    own = math.isqrt(positions.shape[1] - 1)
    if own * own != positions.shape[1] - 1:
        raise ModelUnavailable(f"{file}: {positions.shape[1]} position embeddings are no square and one", hint="check arch")
    if own == side:
        return positions
    grid = positions[:, 1:].reshape(1, own, own, -1).permute(0, 3, 1, 2).float()
    scale = (side + 0.1) / own
    grown = torch.nn.functional.interpolate(grid, scale_factor=(scale, scale), mode="bicubic")
    return torch.cat([positions[:, :1].float(), grown.permute(0, 2, 3, 1).reshape(1, side * side, -1)], dim=1)


def _likely(state: Mapping[str, torch.Tensor]) -> str:
    """The next step where the shapes say which architecture a checkpoint is of."""
    patches = state.get("patch_embed.proj.weight")
    if patches is None or patches.ndim != 4 or patches.shape[0] not in _WIDTHS:
        return ""
    arch = {"s": "vit_small", "b": "vit_base"}[_WIDTHS[patches.shape[0]]]
    name = f"dino-vit{_WIDTHS[patches.shape[0]]}{patches.shape[-1]}"
    return f"it looks like {arch}, patch {patches.shape[-1]}: OUTFIT_IMAGE_ENCODER={name}, or say so in its config"


def _few(names: list[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
