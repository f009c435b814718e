"""The peak signal-to-noise ratio."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def psnr(preds: Tensor, target: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of two images in 0..1, over all elements; `preds` is clamped first."""
    return -10 * float(F.mse_loss(preds.clamp(0, 1), target).log10())
