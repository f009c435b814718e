"""Images of any size for networks of some sizes: continued at their end by reflection, and the output cut."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from hyra.ops.boundary import extend


@dataclass(frozen=True)
class Padding:
    """LR pixels that an image is continued by, below and on the right, by reflection about its last pixel.

    Example:
        >>> import torch
        >>> padding = Padding(0, 2)
        >>> padding.extended(torch.arange(3.0).view(1, 1, 1, 3)).tolist(), bool(padding), bool(Padding())
        ([[[[0.0, 1.0, 2.0, 1.0, 0.0]]]], True, False)
    """

    bottom: int = 0
    right: int = 0

    def __bool__(self) -> bool:
        return self.bottom > 0 or self.right > 0

    def __str__(self) -> str:
        return f"{self.bottom} rows below and {self.right} columns on the right, by reflection"

    def extended(self, images: Tensor) -> Tensor:
        """Images `[..., h, w]` continued to `[..., h + bottom, w + right]`."""
        if not self:
            return images
        height, width = images.shape[-2:]
        return extend(images, "reflect", (0, 0), (height + self.bottom, width + self.right))

    def cropped(self, outputs: Tensor, scale: int) -> Tensor:
        """Outputs `[..., H, W]` for extended images, without what belongs to the padding."""
        height, width = outputs.shape[-2:]
        return outputs[..., : height - scale * self.bottom, : width - scale * self.right]
