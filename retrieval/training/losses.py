"""Losses as pure functions of tensors."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def multi_positive_nce(logits: torch.Tensor, positive: torch.Tensor) -> torch.Tensor:
    """Mean over rows of -log(sum of exp over positives / sum of exp over all): InfoNCE with several right answers.

    `logits` (n, m), already divided by the temperature; `positive` (n, m) bool, at least one True a row.
    With one positive a row it is cross-entropy.
    """
    return (torch.logsumexp(logits, 1) - torch.logsumexp(logits.masked_fill(~positive, -torch.inf), 1)).mean()


def labelled_cross_entropy(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Cross-entropy over rows whose label is known (>= 0); zero, with a gradient of zero, where none is."""
    known = labels >= 0
    if not bool(known.any()):
        return logits.sum() * 0.0
    return F.cross_entropy(logits[known], labels[known], label_smoothing=smoothing)


def coarse_cross_entropy(logits: torch.Tensor, labels: torch.Tensor, compatible: torch.Tensor) -> torch.Tensor:
    """Cross-entropy where a coarse label stands for several fine classes: -log of their summed probability.

    `logits` (n, fine); `labels` (n,) coarse; `compatible` (coarse, fine) bool, at least one True a row.
    """
    logs = F.log_softmax(logits, 1)
    return -torch.logsumexp(logs.masked_fill(~compatible[labels], -torch.inf), 1).mean()
