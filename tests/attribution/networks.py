"""Small networks of several kinds for the tests of attribution."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class WindowAttention(nn.Module):
    """Self-attention within squares of tokens, with a residual, on channels-last features (as in SwinIR)."""

    def __init__(self, width: int, side: int, shift: int) -> None:
        super().__init__()
        self.side, self.shift = side, shift
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        n, h, w, c = x.shape
        side = self.side
        windows = self.norm(x).roll((-self.shift, -self.shift), (1, 2))
        windows = windows.view(n, h // side, side, w // side, side, c).transpose(2, 3).reshape(-1, side * side, c)
        windows, _ = self.attention(windows, windows, windows, need_weights=False)
        windows = windows.view(n, h // side, w // side, side, side, c).transpose(2, 3).reshape(n, h, w, c)
        x = x + windows.roll((self.shift, self.shift), (1, 2))
        return x + self.mlp(x)


class Tokens(nn.Module):
    """A feed-forward block on tokens `[N, h * w, C]`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.gelu(self.linear(self.norm(x)))


class Transformer(nn.Module):
    """x2, of windowed attention on channels-last features and a block on tokens; over the nearest neighbour."""

    def __init__(self, width: int = 8, side: int = 4) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, width, 3, padding=1)
        self.first, self.second = WindowAttention(width, side, 0), WindowAttention(width, side, side // 2)
        self.tokens = Tokens(width)
        self.tail = nn.Sequential(nn.Conv2d(width, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        features = self.second(self.first(self.head(x).movedim(1, -1)))
        n, h, w, c = features.shape
        features = self.tokens(features.view(n, h * w, c)).view(n, h, w, c)
        return F.interpolate(x, scale_factor=2) + self.tail(features.movedim(-1, 1))


class Linear(nn.Module):
    """x2: zero insertion and a convolution from each colour to each, with borders of zeros."""

    def __init__(self, side: int = 5) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.weight = nn.Parameter(torch.randn(3, 3, side, side, generator=generator, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        large = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
        large[..., ::2, ::2] = x
        return F.conv2d(large, self.weight, padding=self.weight.shape[-1] // 2)


def textured(height: int, width: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """A picture `[3, h, w]` with edges, waves and noise."""
    generator = torch.Generator().manual_seed(1)
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    waves = torch.stack([(25 * x * y).sin(), (x > y).float(), (40 * x).cos()])
    return (0.5 + 0.3 * waves + 0.1 * torch.rand(3, height, width, generator=generator)).clamp(0, 1).to(dtype)


class MultipleOf8(nn.Module):
    """x2, of sizes that are multiples of 8 alone, as networks with windows or stages of pooling that pad nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-2] % 8 or x.shape[-1] % 8:
            raise RuntimeError("sides must be multiples of 8")
        return F.pixel_shuffle(self.conv(x), 2)
