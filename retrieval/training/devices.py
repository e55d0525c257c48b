"""Which processor a run trains on: one rule for all commands."""

from __future__ import annotations

import torch

from retrieval.errors import InvalidSetting


def pick(name: str) -> torch.device:
    """"auto" is the first GPU where there is one, else the CPU. Raises InvalidSetting for one that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InvalidSetting(f"no device is called {name!r}", hint="auto, cpu, or cuda") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise InvalidSetting(f"device {name!r} was asked for, but torch sees no GPU", hint="leave the device to auto")
    return device
