"""The peak signal-to-noise ratio."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from hyra._util import validate


def psnr(preds: Tensor, target: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of two images in 0..1, over all elements; `preds` is clamped first.

    Raises:
        ValueError: there is no pixel.
    """
    validate.images("preds", preds)
    validate.not_empty("preds", preds)
    return -10 * float(F.mse_loss(preds.clamp(0, 1), target).log10())
