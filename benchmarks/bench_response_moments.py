"""Mean, variance and deviations of aligned responses against gathering the windows and two passes over them."""

import pytest
import torch

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

    def plain_torch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        windows = outputs.unfold(2, window, spacing).unfold(3, window, spacing)
        windows = windows.permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, window, window)
        off = (windows - reference).square().sum((1, 2, 3)).sqrt()
        variance, mean = torch.var_mean(windows.double(), dim=0, correction=0)
        return mean, variance, off / reference.square().sum().sqrt()

    contenders = {
        "hyra": lambda: response_moments(outputs, origins, reference, half, state),
        "plain torch": plain_torch,
        "read once": outputs.sum,  # the floor
    }
    job = f"response_moments {origins.shape[0] * origins.shape[1]} windows 3x{window}x{window} float32"
    result = contend(job, contender, contenders[contender], bytes=outputs.nbytes)
    if contender == "plain torch":
        seen, mean, m2, deviation = response_moments(outputs, origins, reference, half, state)
        torch.testing.assert_close(mean, result[0])
        torch.testing.assert_close(m2 / seen, result[1])
        torch.testing.assert_close(deviation[..., 0].flatten().float(), result[2], rtol=1e-4, atol=0)
