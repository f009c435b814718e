"""An adversarial loss with its own small patch discriminator."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


def _discriminator() -> nn.Sequential:
    """Scores [N, 1, h, w] for the overlapping patches of [N, 3, H, W]: four convolutions, spectrally normalised."""
    widths = (3, 32, 64, 64)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [spectral_norm(nn.Conv2d(before, after, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1)))


class AdversarialLoss(nn.Module):
    """L1 plus `weight` times the hinge generator loss; each call first trains the discriminator by one step.

    The discriminator sees `preds` unclamped, so that values below 0 or above 1 give a prediction away.
    """

    def __init__(self, weight: float = 0.05, learning_rate: float = 2e-4) -> None:
        super().__init__()
        self.weight = weight
        self.discriminator = _discriminator()
        self.optimizer = torch.optim.Adam(self.discriminator.parameters(), learning_rate, betas=(0.5, 0.9))

    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        """Images [N, 3, H, W] to a scalar."""
        self._train_discriminator(preds.detach(), target)
        self.discriminator.requires_grad_(requires_grad=False)
        scores: Tensor = self.discriminator(preds)
        self.discriminator.requires_grad_(requires_grad=True)
        return F.l1_loss(preds, target) - self.weight * scores.mean()

    def _train_discriminator(self, preds: Tensor, target: Tensor) -> None:
        hinge: Tensor = F.relu(1 + self.discriminator(preds)).mean() + F.relu(1 - self.discriminator(target)).mean()
        self.optimizer.zero_grad()
        hinge.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def get_extra_state(self) -> dict[str, Any]:
        """The optimiser's part of a checkpoint."""
        return self.optimizer.state_dict()

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Counterpart of `get_extra_state`."""
        self.optimizer.load_state_dict(state)
