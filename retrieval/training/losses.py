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
    """Cross-entropy over rows whose label is known (>= 0); zero, with a gradient of zero, where none is. `labels` may lie on
    the CPU while `logits` do not.
    """
    if not bool((labels >= 0).any()):
        return logits.sum() * 0.0
    return F.cross_entropy(logits, labels.to(logits.device, non_blocking=True), ignore_index=-1, label_smoothing=smoothing)


def coarse_cross_entropy(logits: torch.Tensor, labels: torch.Tensor, compatible: torch.Tensor) -> torch.Tensor:
    """Cross-entropy where a coarse label stands for several fine classes: -log of their summed probability.

    `logits` (n, fine); `labels` (n,) coarse; `compatible` (coarse, fine) bool, at least one True a row.
    """
    logs = F.log_softmax(logits, 1)
    return -torch.logsumexp(logs.masked_fill(~compatible[labels.to(compatible.device, non_blocking=True)], -torch.inf), 1).mean()


def divergence(logits: torch.Tensor, taught: torch.Tensor) -> torch.Tensor:
    """Mean over rows of KL(softmax(taught) || softmax(logits)): what a teacher knows beside the label (Hinton et al. 2015,
    at temperature 1).
    """
    return F.kl_div(F.log_softmax(logits, 1), F.log_softmax(taught, 1), reduction="batchmean", log_target=True)
