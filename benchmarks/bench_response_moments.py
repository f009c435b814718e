"""Mean, variance and deviations of aligned responses against gathering the windows and two passes over them."""

import pytest
import torch

import peers
from hyra.ops import response_moments


@pytest.mark.parametrize("contender", ["hyra", "plain torch", "read once"])
def bench_response_moments(contend, contender):
    size, spacing, window = 1024, 128, 128
    outputs = torch.rand(4, 3, size, size)
    row = torch.arange(spacing // 2, size, spacing)
    origins = torch.cartesian_prod(row, row).expand(4, -1, -1)
    reference = outputs[0, :, :window, :window].clone()
    zero = torch.zeros(3, window, window, dtype=torch.float64)
    state = [torch.zeros(window, window, dtype=torch.int64), zero, zero]
    half = [window // 2, window // 2]

    contenders = {
        "hyra": lambda: response_moments(outputs, origins, reference, half, state),
        "plain torch": lambda: peers.response_moments(outputs, reference, spacing),
        "read once": outputs.sum,  # the floor
    }
    job = f"response_moments {origins.shape[0] * origins.shape[1]} windows 3x{window}x{window} float32"
    result = contend(job, contender, contenders[contender], bytes=outputs.nbytes)
    if contender == "plain torch":
        _, mean, m2, deviation = response_moments(outputs, origins, reference, half, state)
        torch.testing.assert_close(mean, result[0])
        torch.testing.assert_close(m2, result[1])
        torch.testing.assert_close(deviation[..., 0].flatten().float(), result[2], rtol=1e-4, atol=0)
