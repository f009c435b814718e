"""References in a folder beside a file of networks, and what their evaluation gives."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F

from hyra import images
from hyra.evaluate.evaluation import evaluate
from hyra.evaluate.inputs.running import NetworkSpec
from hyra.evaluate.work.plan import Plan

PLAN = Plan(("psnr", "ssim", "fsds"), "y")

NETWORKS = '''
import torch
from torch import nn
import torch.nn.functional as F


class Windows(nn.Module):
    """Takes multiples of 8 only."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 3, padding=1)

    def forward(self, x):
        if x.shape[-1] % 8 or x.shape[-2] % 8:
            raise RuntimeError("sizes must be multiples of 8")
        return F.pixel_shuffle(self.conv(x), 2)


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 3, padding=1, bias=False)

    def forward(self, x):
        return F.pixel_shuffle(self.conv(x), 2)


class Luma(nn.Module):
    """One channel."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.ones_(self.conv.weight)

    def forward(self, x):
        return F.interpolate(self.conv(x), scale_factor=2, mode="nearest")


def limited(x):
    """Where memory is short."""
    if x.shape[-1] > 400:
        raise torch.OutOfMemoryError("no memory is left")
    return F.interpolate(x, scale_factor=2, mode="bicubic")


def short(x):
    """Where there is memory for a tile, and hardly more."""
    if x.shape[-1] > 150:
        raise torch.OutOfMemoryError("no memory is left")
    return F.interpolate(x, scale_factor=2, mode="bicubic")


def far_where_bright(x):
    """It looks farther on bright images than an impulse shows."""
    return limited(x) + (x.mean() > 0.6) * F.interpolate(x, scale_factor=2).roll(100, -1)


def limited_and_pooled(x):
    return limited(x) + x.mean((2, 3), keepdim=True)


def clamped(x):
    return F.interpolate(x, scale_factor=2, mode="bicubic").clamp(0, 1)


def dimmed(x, gain, offset=0):
    return F.interpolate(x, scale_factor=2, mode="nearest") * torch.as_tensor(gain).reshape(-1)[0].to(x) + offset


def fixed(x):
    assert x.shape[-2:] == (16, 16)
    return F.interpolate(x, scale_factor=2, mode="nearest")


def blur(x):
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def noise(x):
    y = F.interpolate(x, scale_factor=2, mode="nearest")
    return y + 0.1 * torch.randn_like(y)


def whole(x):
    return F.interpolate(x, scale_factor=2, mode="nearest") + 0.1 * x.mean()


def broken(x):
    return F.interpolate(x, scale_factor=2, mode="nearest") * (float("nan") if x.max() > 0.5 else 1)
'''


def make(folder: Path) -> None:
    """References of three sizes, one of them no multiple of 2, and networks in a file."""
    generator = torch.Generator().manual_seed(5)
    for name, size in {"a": (48, 40), "b": (40, 44), "c": (41, 47)}.items():
        small = torch.rand(1, 3, 12, 12, generator=generator)
        hr = F.interpolate(small, size=size, mode="bicubic").clamp(0, 1)[0]
        images.write(hr, folder / "hr" / f"{name}.png")
    (folder / "nets.py").write_text(NETWORKS)


def named(folder: Path, name: str, **options: object) -> NetworkSpec:
    """One of the networks."""
    return NetworkSpec.find(f"{folder / 'nets.py'}:{name}", **options)


def outcomes(methods, workers=1, plan=PLAN, **options):
    """Of the images cut to multiples of the scale."""
    plan = Plan(plan.scores, plan.protocol, modcrop=True)
    return evaluate(methods, plan, workers=workers, progress=False, **options).outcomes


def values(found):
    return [[value for _, value in sorted(each.values.items(), key=lambda item: item[0].name)] for each in found]


def lr_of(hr: Path, scale: int) -> torch.Tensor:
    """The definition, in bytes."""
    pixels = (images.read(hr) * 255).round().to(torch.uint8)
    height, width = (side // scale for side in pixels.shape[1:])
    return images.imresize(pixels[:, : scale * height, : scale * width], size=(height, width))
