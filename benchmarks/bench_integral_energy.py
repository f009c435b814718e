"""The energy of the quadrant integrals from the pixels, against a transform and a scan."""

import pytest
import torch

import peers
from hyra.ops import integral_energy, integral_energy_backward, quadrant_energy
from hyra.spectrum import fft


def energy(planes):
    """Of planes as they are."""
    moments = torch.tensor([[0.0, 1.0]]).expand(len(planes), 2)
    return integral_energy(planes[:0], planes, moments[:0], moments, with_target=True)


@pytest.mark.parametrize("contender", ["hyra", "its FFT and scan", "plain torch", "read once"])
@pytest.mark.parametrize("shape", [(3, 1356, 2040), (3, 1356, 2041), (48, 192, 192)], ids=str)
def bench_integral_energy(contend, contender, shape):
    planes = torch.randn(shape)
    contenders = {
        "hyra": lambda: energy(planes),
        "its FFT and scan": lambda: quadrant_energy(fft.rfft2(planes), "integral"),
        "plain torch": lambda: peers.integral_energy(planes),
        "read once": planes.sum,  # the floor: every byte once
    }
    job = f"integral_energy {'x'.join(map(str, shape))} float32"
    result = contend(job, contender, contenders[contender], bytes=planes.nbytes)
    if contender == "plain torch":
        torch.testing.assert_close(result.double(), energy(planes), rtol=1e-4, atol=0)


@pytest.mark.parametrize("contender", ["hyra", "plain torch", "read twice and write"])
def bench_integral_energy_backward(contend, contender):
    planes = torch.randn(3, 1356, 2040)
    grad = torch.rand(3, dtype=torch.float64)

    def autograd():
        x = planes.clone().requires_grad_()
        return torch.autograd.grad(peers.integral_energy(x) @ grad.float(), x)[0]

    contenders = {
        "hyra": lambda: integral_energy_backward(planes, grad),
        "plain torch": autograd,
        "read twice and write": lambda: planes * planes.sum(),  # the floor
    }
    job = "integral_energy, backward 3x1356x2040 float32"
    result = contend(job, contender, contenders[contender], bytes=3 * planes.nbytes)
    if contender == "plain torch":
        expected = integral_energy_backward(planes, grad)
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-4 * expected.abs().max().item())
