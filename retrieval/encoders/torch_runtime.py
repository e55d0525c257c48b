"""What the torch encoders share: device, numbers, checkpoints, and the digest that makes a revision of weights."""

from __future__ import annotations

import argparse
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import InvalidInput, InvalidReply, InvalidSetting, ModelUnavailable
from retrieval.vectors import l2_normalize

if TYPE_CHECKING:
    import torch

_LOG = logging.getLogger(__name__)
PRECISIONS = ("auto", "float32", "float16", "bfloat16")


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where a network runs and what it computes with; `batch` is how many inputs it takes at once."""

    device: str
    dtype: torch.dtype
    batch: int

    def place(self, network: torch.nn.Module) -> torch.nn.Module:
        return network.to(device=self.device, dtype=self.dtype).eval().requires_grad_(False)

    def tensor(self, values: np.ndarray) -> torch.Tensor:
        """An array on the device; floating-point ones in the network's own numbers."""
        import torch

        given = torch.from_numpy(np.ascontiguousarray(values)).to(self.device)
        return given.to(self.dtype) if given.is_floating_point() else given

    def unit_rows(self, out: torch.Tensor) -> np.ndarray:
        """(n, dim) of a network -> (n, dim) float32 with rows of L2 norm 1. Raises InvalidReply where numbers ran over."""
        try:
            return l2_normalize(out.float().cpu().numpy())
        except InvalidInput as error:
            raise InvalidReply(
                f"the network gave no vector with {self.dtype} on {self.device}: {error}",
                hint="OUTFIT_PRECISION=bfloat16, or float32",
            ) from error


def runtime(device: str = "auto", precision: str = "auto", *, batch: int | None = None) -> Runtime:
    """The runtime of these settings. "auto": the first GPU where there is one, with float16; else the processor, with
    float32, which is said in the log. Raises InvalidSetting for an unknown word, ModelUnavailable for a missing GPU."""
    import torch

    if precision not in PRECISIONS:
        raise InvalidSetting(f"precision is {precision!r}: expected {', '.join(PRECISIONS)}")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cpu":
            _LOG.warning("no GPU found: torch models run on the processor, which is slow")
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise InvalidSetting(f"device is {device!r}: expected auto, cpu, cuda, cuda:1 or mps") from error
    if kind == "cuda" and (torch.device(device).index or 0) >= torch.cuda.device_count():
        raise ModelUnavailable(
            f"device {device} is not there: torch sees {torch.cuda.device_count()} GPUs",
            hint="OUTFIT_DEVICE=cpu, or run the models on a machine with a GPU",
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ModelUnavailable("device mps is not there: this is no Mac with a GPU", hint="OUTFIT_DEVICE=cpu")
    if precision == "auto":
        precision = "float32" if kind == "cpu" else "float16"
    return Runtime(device, getattr(torch, precision), batch or (8 if kind == "cpu" else 64))


def digest(state: Mapping[str, torch.Tensor], *facts: object) -> str:
    """16 hex digits that stand for weights, whatever file they came in, and for the facts that shape the vectors."""
    import torch

    total = hashlib.blake2b(digest_size=8)
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        total.update(f"{name}:{tuple(value.shape)}:{value.dtype}".encode())
        total.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    total.update(repr(facts).encode())
    return total.hexdigest()


def read_checkpoint(file: Path) -> dict[str, Any]:
    """What a .safetensors file or a torch checkpoint holds. Nothing in it is run: tensors and plain values alone are read.

    Raises ModelUnavailable where the file is no such thing.
    """
    import torch

    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(file)
        # training scripts keep their arguments beside the weights: names and plain values
        with torch.serialization.safe_globals([argparse.Namespace]):
            state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle's, torch's, zipfile's and safetensors' own kinds
        told = str(error).strip().splitlines()
        raise ModelUnavailable(
            f"checkpoint {file} cannot be read: {told[0][:200] if told else type(error).__name__}",
            hint="save the state dict alone: torch.save(model.state_dict(), FILE)",
        ) from error
    if not isinstance(state, dict):
        raise ModelUnavailable(
            f"checkpoint {file} holds a {type(state).__name__}: expected a dict of tensors",
            hint="save the state dict: torch.save(model.state_dict(), FILE)",
        )
    return state


def weights_file(folder: Path, *, of: str) -> Path:
    """The one file of weights in a folder. Raises ModelUnavailable where there is none."""
    for pattern in ("model.safetensors", "pytorch_model.bin", "*.safetensors", "*.pth", "*.pt", "*.bin"):
        found = sorted(folder.glob(pattern))
        if found:
            return found[0]
    raise ModelUnavailable(
        f"{folder} holds no {of} weights: expected model.safetensors, pytorch_model.bin or a .pth file",
        hint="check the path",
    )
