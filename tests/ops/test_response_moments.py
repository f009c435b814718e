"""`response_moments` against its reference and against NumPy, and what streaming promises."""

import numpy as np
import pytest
import torch

import backends
from hyra.ops import response_moments
from tolerances import assert_close

# images, impulses, channels, height, width; window; its origin
CASES = [
    ((3, 2, 2, 20, 30), (7, 9), [3, 4]),
    ((2, 5, 3, 40, 41), (33, 20), [16, 10]),
    ((1, 1, 1, 1, 1), (3, 3), [1, 1]),
    ((4, 3, 1, 8, 50), (20, 30), [0, 29]),
    ((2, 2, 1, 30, 70), (17, 65), [8, 32]),
    ((2, 0, 1, 5, 5), (3, 3), [1, 1]),
    ((0, 3, 2, 5, 5), (3, 3), [1, 1]),
]


def random_case(extents, window, *, dtype=torch.float32, device="cpu"):
    images, impulses, channels, height, width = extents
    outputs = torch.randn(images, channels, height, width, dtype=dtype)
    # some positions outside
    origins = [torch.randint(-1, size + 1, (images, impulses)) for size in (height, width)]
    reference = torch.randn(channels, *window, dtype=dtype)
    return outputs.to(device), torch.stack(origins, dim=-1).to(device), reference.to(device)


def start(reference):
    count = torch.zeros(reference.shape[1:], dtype=torch.int64, device=reference.device)
    zero = torch.zeros(reference.shape, dtype=torch.float64, device=reference.device)
    return [count, zero, zero]


def assert_agrees(actual, expected):
    assert torch.equal(actual[0].cpu(), expected[0])
    for x, y in zip(actual[1:], expected[1:], strict=True):
        assert_close(x.cpu(), y, "response_moments")


def in_reference(outputs, origins, reference, origin, state):
    with response_moments.set_kernel_enabled("cpu", enabled=False):
        return response_moments(outputs.cpu(), origins.cpu(), reference.cpu(), origin, [x.cpu() for x in state])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_agrees_with_reference(backend, dtype, case):
    extents, window, origin = case
    inputs = random_case(extents, window, dtype=dtype, device=backend.device)
    state = start(inputs[2])
    for _ in range(2):
        actual = response_moments(*inputs, origin, state)
        assert_agrees(actual, in_reference(*inputs, origin, state))
        state = actual[:3]


def test_positions_anywhere(backend, dtype):
    outputs, origins, reference = random_case((2, 4, 3, 9, 11), (3, 5), dtype=dtype, device=backend.device)
    far = origins.clone()
    far[0, :2] = torch.tensor([[2**62, -(2**62)], [-(2**62), 3]])
    inputs = (outputs, far, reference)
    assert_agrees(response_moments(*inputs, [1, 2], start(reference)), in_reference(*inputs, [1, 2], start(reference)))


def test_strides(backend, dtype):
    outputs, origins, reference = random_case((4, 6, 2, 20, 24), (5, 5), dtype=dtype, device=backend.device)
    inputs = (outputs.mT[:, :, ::2], origins.flip(-1)[:, ::3], reference.mT)
    state = start(reference)
    expected = in_reference(*(x.clone() for x in inputs), [2, 2], state)
    assert_agrees(response_moments(*inputs, [2, 2], state), expected)


def test_two_passes_in_numpy(backend, dtype):
    # Windows that fit, cut out by slicing; mean and variance by NumPy, which takes two passes.
    rng = np.random.default_rng(0)
    outputs = rng.normal(3, 1, (5, 2, 30, 30)).astype(str(dtype).removeprefix("torch."))
    origins = rng.integers(4, 25, (5, 3, 2))
    reference = outputs[0, :, 6:15, 7:14]
    cut = [outputs[n, :, y - 4 : y + 5, x - 3 : x + 4] for n in range(5) for y, x in origins[n]]
    windows = np.stack(cut).astype(np.float64)
    off = windows - reference
    inputs = [torch.from_numpy(x).to(backend.device) for x in (outputs, origins, reference)]
    count, mean, m2, deviation = response_moments(*inputs, [4, 3], start(inputs[2]))
    assert torch.all(count == 15)
    np.testing.assert_allclose(mean.cpu(), windows.mean(0), rtol=1e-13)
    np.testing.assert_allclose((m2 / count).cpu(), windows.var(0), rtol=1e-12)
    relative = np.sqrt((off**2).sum((1, 2, 3)) / (reference.astype(np.float64) ** 2).sum())
    np.testing.assert_allclose(deviation[..., 0].cpu().ravel(), relative, rtol=1e-12)
    largest = np.abs(off).max((1, 2, 3)) / np.abs(reference).max()
    np.testing.assert_allclose(deviation[..., 1].cpu().ravel(), largest, rtol=1e-12)


def test_small_variance_beside_a_large_mean(backend):
    # Mean square minus squared mean would keep nothing of a variance of 1e-6 beside 1e12.
    outputs = (1e6 + 1e-3 * torch.randn(50, 1, 3, 3, dtype=torch.float64)).to(backend.device)
    origins = torch.ones(50, 1, 2, dtype=torch.int64, device=backend.device)
    count, _, m2, _ = response_moments(outputs, origins, outputs[0], [1, 1], start(outputs[0]))
    torch.testing.assert_close(m2 / count, outputs.var(0, correction=0), rtol=1e-6, atol=0)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_batches_and_threads_change_no_bit(backend, batch):
    outputs, origins, reference = random_case((7, 3, 2, 40, 40), (21, 21), device=backend.device)
    whole = response_moments(outputs, origins, reference, [10, 10], start(reference))
    state, deviations = start(reference), []
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        for x, positions in zip(outputs.split(batch), origins.split(batch), strict=True):
            *state, deviation = response_moments(x, positions, reference, [10, 10], state)
            deviations.append(deviation)
    finally:
        torch.set_num_threads(threads)
    for x, y in zip(whole, (*state, torch.cat(deviations)), strict=True):
        assert torch.equal(x.nan_to_num(7), y.nan_to_num(7))


def test_equal_responses_have_no_variance_and_no_deviation(backend):
    reference = torch.randn(1, 5, 5, device=backend.device)
    outputs = torch.zeros(1, 1, 20, 20, device=backend.device)
    origins = torch.tensor([[[2, 2], [2, 17], [9, 9], [17, 3]]], device=backend.device)
    for y, x in origins[0].tolist():
        outputs[0, :, y - 2 : y + 3, x - 2 : x + 3] = reference
    count, mean, m2, deviation = response_moments(outputs, origins, reference, [2, 2], start(reference))
    assert torch.all(count == 4)
    assert torch.equal(mean, reference.double())
    assert not m2.any()
    assert not deviation.any()


def test_the_largest_deviation_beyond_the_digits_of_float32(backend):
    outputs, reference = torch.zeros(1, 1, 1, 600), torch.zeros(1, 1, 600)
    outputs[..., [0, 256, 512]] = 1  # one thread's on a GPU
    reference[..., [0, 256, 512]] = torch.tensor([-(2.0**-31), -(2.0**-30), -(2.0**-31)])
    inputs = [x.to(backend.device) for x in (outputs, torch.zeros(1, 1, 2, dtype=torch.int64), reference)]
    _, _, _, deviation = response_moments(*inputs, [0, 0], start(inputs[2]))
    assert deviation[0, 0, 1].item() == (1 + 2.0**-30) / 2.0**-30


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_broken_outputs_show(backend, value):
    outputs, origins, reference = random_case((2, 1, 1, 12, 12), (5, 5), device=backend.device)
    origins[:] = 6
    outputs[1, 0, 6, 6] = value
    _, mean, _, deviation = response_moments(outputs, origins, reference, [2, 2], start(reference))
    assert not mean[0, 2, 2].isfinite()
    assert mean.isfinite().sum() == 24
    assert deviation[0].isfinite().all()
    assert not deviation[1].isfinite().any()


def test_opcheck(backend, dtype):
    inputs = random_case((2, 2, 2, 6, 7), (3, 4), dtype=dtype, device=backend.device)
    inputs[1][:] = 2
    torch.library.opcheck(response_moments, (*inputs, [1, 1], start(inputs[2])))


@backends.native
def test_every_backend_is_really_used(backend):
    calls = []
    module = backends.MODULES[backend.device.type]
    kernel = module.response_moments
    module.response_moments = lambda *args: (calls.append(args), kernel(*args))
    try:
        inputs = random_case((1, 1, 1, 4, 4), (3, 3), device=backend.device)
        response_moments(*inputs, [1, 1], start(inputs[2]))
    finally:
        module.response_moments = kernel
    assert bool(calls) == (backend.name != "reference")


@pytest.mark.parametrize("wrong", [lambda x: x[:, :1], lambda x: x.to(torch.float32)], ids=["shape", "dtype"])
def test_refuses_a_state_that_does_not_fit(backend, wrong):
    outputs, origins, reference = random_case((1, 1, 2, 6, 7), (3, 4), device=backend.device)
    state = start(reference)
    for i, name in enumerate(("count", "mean", "m2")):
        with pytest.raises((TypeError, ValueError), match=f"{name} must (be torch.(int|float)64|have shape )"):
            response_moments(outputs, origins, reference, [1, 1], [*state[:i], wrong(state[i]), *state[i + 1 :]])


def test_refuses_an_empty_reference(backend):
    outputs, origins, reference = random_case((1, 1, 2, 6, 7), (3, 0), device=backend.device)
    with pytest.raises(ValueError, match=r"reference must have shape .* kw at least 1, got \(2, 3, 0\)"):
        response_moments(outputs, origins, reference, [1, 0], start(reference))
