"""H(I): our polyphase filter against the two plain ways, and against the multiply-adds that the machine can do."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

import peers
from conftest import THREADS
from hyra.ops import polyphase_filter

SCALE, CHANNELS, SIZE = 4, 3, (339, 510)


def zero_inserted(image: torch.Tensor, response: torch.Tensor, origin: int) -> torch.Tensor:
    """The definition as it is written, with a zero boundary: zero-insert, then convolve on the HR grid."""
    h, w = image.shape[-2:]
    inserted = image.new_zeros(1, CHANNELS, SCALE * h, SCALE * w)
    inserted[..., ::SCALE, ::SCALE] = image
    before, after = response.shape[-1] - 1 - origin, origin
    padded = F.pad(inserted, (before, after, before, after))
    return F.conv2d(padded, response.flip(-2, -1)[:, None], groups=CHANNELS)


@pytest.mark.parametrize("contender", ["hyra", "grouped conv2d + pixel_shuffle", "zero-inserted conv2d", "peak"])
@pytest.mark.parametrize("kernel", [44, 256])
def bench_polyphase_filter(contend, contender, kernel, peak):
    if contender in {"zero-inserted conv2d", "peak"} and kernel > 44:
        pytest.skip("minutes, and no limit for an FFT")
    image, response = torch.rand(1, CHANNELS, *SIZE), torch.randn(CHANNELS, kernel, kernel)
    origin = kernel // SCALE // 2 * SCALE
    multiply_adds = CHANNELS * SIZE[0] * SIZE[1] * kernel**2
    per_round = peak(1, THREADS)
    contenders = {
        "hyra": lambda: polyphase_filter(image, response, SCALE, (origin, origin), "zeros"),
        "grouped conv2d + pixel_shuffle": lambda: peers.polyphase_filter(image, response, SCALE, origin),
        "zero-inserted conv2d": lambda: zero_inserted(image, response, origin),
        "peak": lambda: peak(multiply_adds // per_round, THREADS),  # as many multiply-adds, nothing else
    }
    job = f"polyphase_filter x4 3x339x510 float32, response {kernel}x{kernel}"
    result = contend(job, contender, contenders[contender], multiply_adds=multiply_adds)
    if isinstance(result, torch.Tensor):
        exact = peers.polyphase_filter(image.double(), response.double(), SCALE, origin)
        assert (result - exact).abs().max() <= 5e-6 * exact.abs().max()
