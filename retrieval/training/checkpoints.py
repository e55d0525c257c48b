"""Checkpoints are written whole or not at all: a run that dies while writing keeps the one before."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from retrieval.errors import StoreError


def save(state: dict[str, Any], path: Path) -> None:
    """Write a state that `torch.load(path, weights_only=True)` reads. Raises StoreError where the disk refuses."""
    part = path.with_suffix(".part")
    try:
        torch.save(state, part)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(
            f"checkpoint {path} could not be written: {error.strerror or error}",
            hint="make room on the disk; the run goes on from the last checkpoint that was written",
        ) from error
