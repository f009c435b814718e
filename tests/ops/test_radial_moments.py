"""`radial_moments` against its reference, and the facts that define it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import backends
from hyra.ops import radial_moments, radial_moments_backward
from hyra.ops.radial_moments import ring_count
from tolerances import assert_close

# heights, widths: single, odd, even, tall, wide, beside the vector width, several bands, several groups of rings
SIZES = [(1, 1), (1, 2), (2, 1), (1, 33), (5, 4), (4, 5), (31, 64), (64, 31), (17, 18), (129, 34), (130, 131), (8, 300)]


def random_spectra(planes, height, width, *, dtype=torch.float32, device="cpu"):
    shape = (planes, height, width // 2 + 1)
    return [torch.randn(shape, dtype=dtype.to_complex(), device=device) for _ in "ab"]


def reference(a, b, height, width):
    with radial_moments.set_kernel_enabled("cpu", enabled=False):
        return radial_moments(a.cpu(), b.cpu(), height, width)


def assert_agrees(actual, expected, dtype):
    for x, y in zip(actual, expected, strict=True):
        assert x.dtype == y.dtype
        if y.dtype == torch.int64:
            assert torch.equal(x.cpu(), y)
        else:
            assert_close(x.cpu(), y, "radial_moments", arithmetic=dtype)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_agrees_with_reference(backend, dtype, size):
    a, b = random_spectra(3, *size, dtype=dtype, device=backend.device)
    assert_agrees(radial_moments(a, b, *size), reference(a, b, *size), dtype)


@pytest.mark.parametrize("planes", [0, 1, 5])
def test_number_of_planes(backend, planes):
    a, b = random_spectra(planes, 9, 12, device=backend.device)
    assert_agrees(radial_moments(a, b, 9, 12), reference(a, b, 9, 12), torch.float32)


def test_strides_and_lazy_bits(backend, dtype):
    a, b = random_spectra(4, 22, 18, dtype=dtype, device=backend.device)
    views = ((a.conj(), b), (a[:, ::2, 1:], b[:, 1::2, :-1]), (a[:1].expand(3, -1, -1), b[::2][:1].expand(3, -1, -1)))
    for x, y in views:
        height, width = x.shape[1], 2 * (x.shape[2] - 1)
        assert_agrees(radial_moments(x, y, height, width), reference(x.clone(), y.clone(), height, width), dtype)


@pytest.mark.parametrize("size", [(4, 4), (5, 4), (4, 7), (3, 9), (7, 7)], ids=str)
def test_worked_example_from_numpy(backend, dtype, size):
    # Loops over the full spectrum, with the ring from the square root; no bin of these sizes lies on an edge.
    height, width = size
    image_a = np.arange(height * width, dtype=np.float64).reshape(size) ** 2 % 7
    image_b = np.cos(image_a) + image_a.T.reshape(size)
    A, B = np.fft.fft2(image_a), np.fft.fft2(image_b)
    rings = ring_count(height, width)
    power_a, power_b, cross, count = (np.zeros(rings) for _ in range(4))
    for y in range(height):
        for x in range(width):
            ky, kx = min(y, height - y), min(x, width - x)
            ring = int(np.floor(min(size) * np.hypot(ky / height, kx / width) + 0.5))
            power_a[ring] += abs(A[y, x]) ** 2
            power_b[ring] += abs(B[y, x]) ** 2
            cross[ring] += (A[y, x] * np.conj(B[y, x])).real
            count[ring] += 1
    a, b = (torch.from_numpy(np.fft.rfft2(image))[None].to(dtype.to_complex()) for image in (image_a, image_b))
    actual = radial_moments(a.to(backend.device), b.to(backend.device), *size)
    bound = 1e-6 if dtype == torch.float32 else 1e-13
    assert actual[0][0].cpu().numpy() == pytest.approx(power_a, rel=bound, abs=bound)
    assert actual[1][0].cpu().numpy() == pytest.approx(power_b, rel=bound, abs=bound)
    assert actual[2][0].real.cpu().numpy() == pytest.approx(cross, rel=bound, abs=bound * power_a.max())
    assert actual[3].cpu().numpy().tolist() == count.tolist()


@pytest.mark.parametrize("size", [(h, w) for h in (6, 7, 40, 41) for w in (6, 7, 90, 91)], ids=str)
def test_parseval(backend, dtype, size):
    image = torch.randn(2, *size, dtype=dtype, device=backend.device)
    spectrum = torch.fft.rfft2(image)
    power, same, cross, count = radial_moments(spectrum, spectrum, *size)
    total = size[0] * size[1] * image.double().square().sum((-2, -1))
    bound = 1e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(power.sum(-1), total, rtol=bound, atol=0)
    assert torch.equal(power, same)
    torch.testing.assert_close(cross.real, power, rtol=bound, atol=0)
    assert count.sum().item() == size[0] * size[1]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90))
def test_every_bin_lies_in_the_ring_that_integers_say(height, width):
    ones = torch.ones(1, height, width // 2 + 1, dtype=torch.complex128)
    count = radial_moments(ones, ones, height, width)[3]
    expected = [0] * ring_count(height, width)
    for y in range(height):
        for x in range(width):
            ky, kx = min(y, height - y), min(x, width - x)
            distance, ring = 4 * (ky**2 * width**2 + kx**2 * height**2), 0
            while distance >= (2 * ring + 1) ** 2 * max(height, width) ** 2:
                ring += 1
            expected[ring] += 1
    assert count.tolist() == expected


def test_weak_ring_beside_a_strong_line(backend):
    # Differences of running sums would lose the weak bins: 1 beside 1e24.
    a = torch.ones(1, 16, 9, dtype=torch.complex128, device=backend.device)
    a[0, 0, 1] = 1e12
    power, _, _, count = radial_moments(a, a, 16, 16)
    assert torch.equal(power[0, 2:], count[2:].double())


def test_batch_equals_loop_and_any_thread_count(backend):
    a, b = random_spectra(5, 130, 66, device=backend.device)
    batch = radial_moments(a, b, 130, 66)
    loop = [radial_moments(x[None], y[None], 130, 66) for x, y in zip(a, b, strict=True)]
    for i in range(3):
        assert torch.equal(batch[i], torch.cat([one[i] for one in loop]))
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            for x, y in zip(batch, radial_moments(a, b, 130, 66), strict=True):
                assert torch.equal(x, y)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("size", [*SIZES, (4, 600)], ids=str)
def test_gradient_agrees_with_reference(backend, dtype, size):
    a, b = random_spectra(5, *size, dtype=dtype, device=backend.device)
    gains = [torch.randn(5, ring_count(*size), dtype=kind) for kind in (torch.float64, torch.complex128)]
    gradient = radial_moments_backward(a, b.conj(), *(gain.to(backend.device) for gain in gains), *size)
    with radial_moments_backward.set_kernel_enabled("cpu", enabled=False):
        expected = radial_moments_backward(a.cpu(), b.conj().cpu(), *gains, *size)
    assert gradient.dtype == a.dtype
    assert_close(gradient.cpu(), expected, "radial_moments.grad")


@pytest.mark.parametrize("size", [(1, 1), (5, 4), (4, 7)], ids=str)
def test_gradcheck(backend, size):
    a, b = random_spectra(2, *size, dtype=torch.float64, device=backend.device)
    inputs = (a.requires_grad_(), b.requires_grad_())
    assert torch.autograd.gradcheck(lambda a, b: radial_moments(a, b, *size)[:3], inputs)


def test_opcheck(backend, dtype):
    a, b = random_spectra(2, 5, 6, dtype=dtype, device=backend.device)
    torch.library.opcheck(radial_moments, (a.requires_grad_(), b.requires_grad_(), 5, 6))
    gains = [
        torch.randn(2, ring_count(5, 6), dtype=kind, device=a.device) for kind in (torch.float64, torch.complex128)
    ]
    torch.library.opcheck(radial_moments_backward, (a.detach(), b.detach(), *gains, 5, 6))


def test_too_many_pixels(backend):
    with pytest.raises(ValueError, match="2\\^31 pixels"):
        ring_count(2**16, 2**16)


@backends.native
def test_every_backend_is_really_used(backend):
    calls = []
    module = backends.MODULES[backend.device.type]
    kernel = module.radial_moments
    module.radial_moments = lambda *args: (calls.append(args), kernel(*args))
    try:
        radial_moments(*random_spectra(1, 4, 3, device=backend.device), 4, 3)
    finally:
        module.radial_moments = kernel
    assert bool(calls) == (backend.name != "reference")
