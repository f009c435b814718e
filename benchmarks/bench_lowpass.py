"""The low-pass baseline against a convolution as large as the image, a separable one in plain torch, and bicubic."""

import math

import pytest
import torch
import torch.nn.functional as F

import hyra
from hyra.filters import lowpass

TAPS = 16
RELEASED = {**lowpass.RELEASED, "rescale_range": False}


def full_convolution(lr, scale):
    """Zeros inserted, and a kernel as large as the image that nobody knows to be separable: the paper's way."""
    reach = lr.shape[-1] // 2
    padded = F.pad(lr[:, None], (reach,) * 4, mode="reflect")
    inserted = padded.new_zeros(len(lr), 1, *(scale * n for n in padded.shape[-2:]))
    inserted[..., ::scale, ::scale] = padded
    line = torch.sinc(torch.arange(-scale * reach, scale * reach + 1) / scale)
    return F.conv2d(inserted, (line[:, None] * line)[None, None])[:, 0]


def transposed_convolutions(lr, scale):
    """A Hann-windowed sinc of 16 LR pixels, normalised, one axis after the other (even scales)."""
    reach = TAPS // 2
    t = (torch.arange(scale * (TAPS + 1)) - (scale - 1) / 2) / scale - reach
    kernel = torch.sinc(t) * torch.cos(math.pi * t / TAPS).square() * (t.abs() <= reach)
    phases = kernel.view(-1, scale)
    kernel = (phases / phases.sum(0)).flatten()
    out = F.pad(lr[:, None], (reach,) * 4, mode="reflect")
    keep = slice(scale * (TAPS), -scale * TAPS)
    out = F.conv_transpose2d(out, kernel[None, None, :, None], stride=(scale, 1))[:, :, keep]
    return F.conv_transpose2d(out, kernel[None, None, None], stride=(1, scale))[:, 0, :, keep]


@pytest.mark.parametrize("contender", ["hyra", "full-image conv2d"])
def bench_full_support(contend, benchmark, contender):
    lr = torch.rand(1, 252, 252)
    job = "lowpass_upsample x2 1x252x252 float32, kernel of the image's size"

    def ours():
        return hyra.lowpass_upsample(lr, 2, **RELEASED)

    if contender == "hyra":
        contend(job, contender, ours)
        return
    benchmark.group = job  # some ten seconds: once is enough
    benchmark.extra_info.update(contender=contender)
    result = benchmark.pedantic(full_convolution, (lr, 2), rounds=1)
    exact = hyra.lowpass_upsample(lr.double(), 2, **RELEASED).float()
    torch.testing.assert_close(ours(), exact, rtol=0, atol=1e-5)
    torch.testing.assert_close(
        result, exact, rtol=0, atol=5e-5
    )  # its sums of 64,000 products in float32 are off by 2e-5


@pytest.mark.parametrize("contender", ["hyra", "two conv_transpose2d", "F.interpolate bicubic"])
@pytest.mark.parametrize(("scale", "size"), [(2, (252, 252)), (4, (64, 64)), (4, (339, 510)), (2, (678, 1020))])
def bench_windowed(contend, contender, scale, size):
    lr = torch.rand(3, *size)
    contenders = {
        "hyra": lambda: hyra.lowpass_upsample(lr, scale, taps=TAPS),
        "two conv_transpose2d": lambda: transposed_convolutions(lr, scale),
        "F.interpolate bicubic": lambda: F.interpolate(lr[None], scale_factor=scale, mode="bicubic"),
    }
    job = f"lowpass_upsample x{scale} 3x{size[0]}x{size[1]} float32, default window"
    result = contend(job, contender, contenders[contender])
    if contender == "two conv_transpose2d":
        torch.testing.assert_close(contenders["hyra"](), result, rtol=0, atol=1e-5)
