"""The transforms by each library, as `hyra.fft` calls them, beside torch's own: what the choice of one is worth."""

import pytest
import torch

import hyra
from hyra.ops import rfft2

SHAPES = [(6, 64, 64), (6, 512, 512), (6, 1024, 1024), (6, 1356, 2040), (6, 113, 113)]


@pytest.mark.parametrize("contender", ["hyra", "torch.fft", *hyra.fft_library_versions()])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def bench_rfft2(contend, contender, shape):
    planes = torch.rand(shape)
    chosen = hyra.fft_library(shape, planes.dtype, "cpu")
    transform = {
        "hyra": lambda: rfft2(planes, chosen),
        "torch.fft": lambda: torch.fft.rfft2(planes),
    }.get(contender, lambda: rfft2(planes, contender))
    job = f"rfft2 {'x'.join(map(str, shape))} float32"
    spectrum = contend(job, contender, transform, shape=shape, fft=chosen, bytes=2 * planes.nbytes)
    torch.testing.assert_close(spectrum, torch.fft.rfft2(planes), rtol=0, atol=1e-3 * float(spectrum.abs().max()))
