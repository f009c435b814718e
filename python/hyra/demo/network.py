"""A small EDSR-like super-resolution network, and the trained weights that ship with the package.

Everything between input and output is learned: no bicubic or bilinear image skips past the network. A skip would put a
low-pass filter into the impulse response by construction, and the response is what these networks are here to show.
"""

from __future__ import annotations

import math
from importlib.resources import as_file, files
from pathlib import Path

import torch
from torch import Tensor, nn

from hyra._util.extra import extra
from hyra._util.files import replacing

BUNDLED = ((4, "l1"), (2, "l1"))
"""The (scale, kind) of every network that ships with the package."""


def _convolution(channels_in: int, channels_out: int) -> nn.Conv2d:
    """3x3, without a bias and with replicated borders: see `Network`."""
    return nn.Conv2d(channels_in, channels_out, 3, padding=1, padding_mode="replicate", bias=False)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions without normalisation, added to their input (EDSR)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_convolution(width, width), nn.ReLU(inplace=True), _convolution(width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Features [N, width, h, w] to features of the same shape."""
        out: Tensor = x + self.body(x)
        return out


class Network(nn.Module):
    """RGB images [N, 3, h, w] in 0..1 to RGB images [N, 3, scale*h, scale*w], not clamped.

    The layers are named after their part: `head`, `body` (residual blocks, with a skip around all of them), `upsampler`
    (one sub-pixel step from `width` channels to `hr_width`) and `last`.

    No convolution has a bias, so black gives black and k times an image gives k times the output: the response to a
    white pixel on black is the same at every amplitude, and its literal and affine forms agree. Borders are replicated,
    since FSDS weights them most.
    """

    def __init__(self, scale: int, *, width: int = 32, blocks: int = 6, hr_width: int = 16) -> None:
        super().__init__()
        self.scale = scale
        self.blocks = blocks
        self.head = _convolution(3, width)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.upsampler = nn.Sequential(_convolution(width, hr_width * scale**2), nn.PixelShuffle(scale))
        self.last = _convolution(hr_width, 3)

    @property
    def receptive_field(self) -> int:
        """Side, in LR pixels, of the square of input that one LR pixel's cell of output depends on."""
        lr_convolutions = 1 + 2 * self.blocks + 1
        # The last 3x3 convolution works on HR pixels, and from a cell's edge it reaches one LR pixel farther.
        return 2 * (lr_convolutions + 1) + 1

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        features = self.head(x)
        out: Tensor = self.last(self.upsampler(features + self.body(features)))
        return out


def save(network: Network, file: Path) -> None:
    """Write the weights as float16 safetensors."""
    with extra("demo", "hyra.demo"):
        from safetensors.torch import save as to_bytes

    weights = {name: weight.half().contiguous() for name, weight in network.state_dict().items()}
    with replacing(file) as opened:
        opened.write(to_bytes(weights))


def read(file: Path) -> Network:
    """What `save` wrote, ready to use: evaluation mode, float32, no gradients for its weights."""
    with extra("demo", "hyra.demo"):
        from safetensors.torch import load_file

    with torch.device("cpu"):  # whatever the user's default is
        weights: dict[str, Tensor] = load_file(file)
        hr_width = weights["last.weight"].shape[1]
        network = Network(math.isqrt(len(weights["upsampler.0.weight"]) // hr_width), hr_width=hr_width)
    network.load_state_dict({name: weight.float() for name, weight in weights.items()}, assign=True)
    return network.eval().requires_grad_(requires_grad=False)


def load(scale: int = 4, kind: str = "l1") -> Network:
    """A bundled network, ready to use: evaluation mode, float32, no gradients for its weights.

    Args:
        scale: 4 or 2.
        kind: what it was trained with: `"l1"`, the L1 loss.

    Returns:
        A module from [N, 3, h, w] in 0..1 to [N, 3, scale*h, scale*w], not clamped.

    Raises:
        ValueError: there is no such network.
        ModuleNotFoundError: safetensors is missing; the message names the extra to install.

    Example:
        >>> import torch
        >>> from hyra import demo
        >>> network = demo.load(scale=4)
        >>> network(torch.zeros(1, 3, 16, 20)).shape
        torch.Size([1, 3, 64, 80])
        >>> network.receptive_field
        31
    """
    if (scale, kind) not in BUNDLED:
        offered = ", ".join(f"scale={s} kind={k!r}" for s, k in BUNDLED)
        raise ValueError(f"scale and kind must name a bundled network ({offered}); got scale={scale!r} kind={kind!r}")
    with as_file(files("hyra.demo") / "weights" / f"x{scale}-{kind}.safetensors") as file:
        return read(file)


@torch.no_grad()
def super_resolve(network: nn.Module, lr: Tensor) -> Tensor:
    """One image [3, h, w] through a network, clamped to 0..1."""
    sr: Tensor = network(lr[None])[0]
    return sr.clamp(0, 1)
