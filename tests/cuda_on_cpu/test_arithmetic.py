"""Sums in pairs of floats and sums in float64, of which a kernel takes what its GPU is quick in."""

import pytest
import torch

import backends
from hyra.ops import integral_energy, mean_std, quadrant_energy, quadrant_energy_backward, response_moments
from tolerances import assert_close

SLOW, QUICK = 64, 2  # times that float64 takes longer than float32: on most GPUs, and on those for computing centres

pytestmark = pytest.mark.skipif("cuda_on_cpu" not in map(str, backends.available()), reason="the engine is not built")


@pytest.fixture
def engine():
    """`_cuda_on_cpu` behind the ops."""
    module = backends.built("cuda_on_cpu")
    with backends.use(backends.Backend("cuda_on_cpu")):
        yield module
    module.set_double_ratio(SLOW)


def reference(op, *args):
    with op.set_kernel_enabled("cpu", enabled=False):
        return op(*args)


@pytest.mark.parametrize("ratio", [QUICK, SLOW])
def test_either_arithmetic_agrees_with_the_reference(engine, ratio):
    engine.set_double_ratio(ratio)
    preds, target = 100 + torch.randn(2, 2, 131, 70)
    moments = mean_std(preds), mean_std(target)
    args = (preds, target, *moments, True)
    assert_close(integral_energy(*args), reference(integral_energy, *args), "integral_energy")
    spectrum, grad = torch.fft.rfft2(preds), torch.ones(2, dtype=torch.float64)
    args = (spectrum, "integral")
    assert_close(quadrant_energy(*args), reference(quadrant_energy, *args), "quadrant_energy")
    args = (spectrum, grad, "integral")
    gradient = quadrant_energy_backward(*args)
    assert_close(gradient, reference(quadrant_energy_backward, *args), "quadrant_energy.grad")


def test_the_device_decides(engine):
    spectrum = torch.fft.rfft2(torch.randn(1, 130, 70))
    energies = []
    for ratio in (QUICK, SLOW):
        engine.set_double_ratio(ratio)
        energies.append(quadrant_energy(spectrum, "integral").item())
    assert energies[0] != energies[1]  # the last bits, by which both are seen to have run


@pytest.mark.parametrize("ratio", [QUICK, SLOW])
def test_equal_planes_give_exactly_zero(engine, ratio):
    engine.set_double_ratio(ratio)
    planes = torch.randn(1, 40, 50)
    moments = torch.tensor([[0.3, 0.7]], dtype=torch.float64)
    assert not integral_energy(planes, planes.clone(), moments, moments, False).any()


@pytest.mark.parametrize("exponent", [-30, -12, 0, 12, 30])
def test_differences_that_float32_cannot_hold(engine, exponent):
    """Pixels of many magnitudes, at any scale: what float32 leaves of a difference counts, too."""
    images = (torch.randn(2, 3, 40, 50) * 2.0 ** torch.randint(-20, 20, (2, 3, 40, 50))) * 2.0**exponent
    assert_close(mean_std(images), reference(mean_std, images), "mean_std")


def test_a_first_pixel_far_from_the_rest(engine):
    images = torch.rand(1, 1, 64, 64)
    images[..., 0, 0] = 1e8
    assert_close(mean_std(images), reference(mean_std, images), "mean_std")
    images[:] = 1.0
    images[..., 63, 63] = 1 + 2.0**-23  # the least deviation that there is
    assert_close(mean_std(images)[:, 1], reference(mean_std, images)[:, 1], "mean_std")


@pytest.mark.parametrize("before", [0, 1, 6, 2**24 - 2, 2**31 - 3])
def test_counts_of_any_size(engine, before):
    outputs, reference_response = torch.randn(1, 1, 12, 12), torch.randn(1, 3, 3)
    origins = torch.tensor([[[3, 3], [8, 8], [3, 8], [8, 3]]])
    state = [torch.full((3, 3), before), torch.randn(1, 3, 3).double(), torch.rand(1, 3, 3).double()]
    args = (outputs, origins, reference_response, [1, 1], state)
    count, *moments = response_moments(*args)
    expected = reference(response_moments, *args)
    assert torch.equal(count, expected[0])
    for actual, value in zip(moments, expected[1:], strict=True):
        assert_close(actual, value, "response_moments")
