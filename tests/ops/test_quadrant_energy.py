"""`quadrant_energy` against its reference, and the facts that define it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import backends
from hyra.ops import quadrant_energy, quadrant_energy_backward
from tolerances import assert_close

WEIGHTINGS = ["integral", "shift_invariant"]
# rows, columns: single, odd, even, beside the vector width, several bands, one tile of each GPU block and several
SHAPES = [
    (1, 1), (2, 1), (1, 5), (3, 2), (31, 33), (32, 17), (64, 4), (129, 65), (200, 7),
    (66, 128), (66, 129), (66, 257),
    (2, 1024), (5, 1302), (130, 1025),
]  # fmt: skip


def random_spectrum(shape, dtype, device="cpu"):
    return torch.randn(shape, dtype=dtype.to_complex(), device=device)


def reference(spectrum, weighting):
    with quadrant_energy.set_kernel_enabled("cpu", enabled=False):
        return quadrant_energy(spectrum.cpu(), weighting)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_agrees_with_reference(backend, dtype, shape, weighting):
    spectrum = random_spectrum((3, *shape), dtype, backend.device)
    energy = quadrant_energy(spectrum, weighting)
    assert energy.dtype == torch.float64
    assert_close(energy.cpu(), reference(spectrum, weighting), "quadrant_energy")


def test_taller_than_a_row_of_tiles_is_wide(backend):
    # Tiles carry one sum per row of a band: the rows decide how much shared memory that takes, not the columns.
    spectrum = random_spectrum((1, 1100, 1025), torch.float32, backend.device)
    assert_close(quadrant_energy(spectrum, "integral").cpu(), reference(spectrum, "integral"), "quadrant_energy")
    grad = torch.ones(1, dtype=torch.float64, device=backend.device)
    gradient = quadrant_energy_backward(spectrum, grad, "integral")
    with quadrant_energy_backward.set_kernel_enabled("cpu", enabled=False):
        expected = quadrant_energy_backward(spectrum.cpu(), grad.cpu(), "integral")
    assert_close(gradient.cpu(), expected, "quadrant_energy.grad")


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("planes", [0, 1, 7])
def test_number_of_planes(backend, planes, weighting):
    spectrum = random_spectrum((planes, 6, 5), torch.float32, backend.device)
    assert_close(quadrant_energy(spectrum, weighting).cpu(), reference(spectrum, weighting), "quadrant_energy")


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_strides_and_lazy_bits(backend, dtype, weighting):
    base = random_spectrum((4, 11, 9), dtype, backend.device)
    views = (base.mT, base[::2, 1:, ::3], base.conj(), base[:1].expand(3, -1, -1))
    for view in views:
        assert_close(quadrant_energy(view, weighting).cpu(), reference(view.clone(), weighting), "quadrant_energy")


def test_worked_example_from_numpy(backend, dtype):
    # A 4x4 image; both totals formed in NumPy with explicit loops over the definition.
    image = np.arange(16, dtype=np.float64).reshape(4, 4) ** 2 % 7
    X = np.fft.rfft2(image)
    integral = shift_invariant = 0.0
    for rows in ([0, 1], [3, 2]):
        for i in range(2):
            for j in range(3):
                integral += abs(sum(X[rows[m], n] for m in range(i + 1) for n in range(j + 1))) ** 2
                shift_invariant += (2 - i) * (3 - j) * abs(X[rows[i], j]) ** 2
    spectrum = torch.from_numpy(X)[None].to(dtype.to_complex()).to(backend.device)
    bound = 1e-6 if dtype == torch.float32 else 1e-14
    assert quadrant_energy(spectrum, "integral").item() == pytest.approx(integral, rel=bound)
    assert quadrant_energy(spectrum, "shift_invariant").item() == pytest.approx(shift_invariant, rel=bound)


@pytest.mark.parametrize("size", [(4, 6), (5, 6), (6, 5), (7, 7)], ids=str)
def test_shift_invariant_is_the_mean_over_all_shifts(backend, size):
    image = torch.randn(1, *size, dtype=torch.float64, device=backend.device)
    shifts = [image.roll((dy, dx), (-2, -1)) for dy in range(size[0]) for dx in range(size[1])]
    brute = quadrant_energy(torch.fft.rfft2(torch.cat(shifts)), "integral").mean()
    exact = quadrant_energy(torch.fft.rfft2(image), "shift_invariant")
    assert_close(exact, brute[None], "quadrant_energy")


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 40), st.sampled_from(WEIGHTINGS), st.floats(-8, 8))
def test_scales_with_the_square(rows, columns, weighting, exponent):
    spectrum = random_spectrum((2, rows, columns), torch.float64)
    expected = quadrant_energy(spectrum, weighting) * 10.0 ** (2 * exponent)
    assert_close(quadrant_energy(spectrum * 10.0**exponent, weighting), expected, "quadrant_energy")


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_batch_equals_loop_and_any_thread_count(backend, weighting):
    spectrum = random_spectrum((5, 130, 33), torch.float32, backend.device)
    batch = quadrant_energy(spectrum, weighting)
    assert torch.equal(batch, torch.cat([quadrant_energy(plane[None], weighting) for plane in spectrum]))
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            assert torch.equal(batch, quadrant_energy(spectrum, weighting))
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradient_agrees_with_reference(backend, dtype, shape, weighting):
    spectrum = random_spectrum((3, *shape), dtype, backend.device)
    grad = torch.randn(3, dtype=torch.float64, device=backend.device)
    gradient = quadrant_energy_backward(spectrum, grad, weighting)
    with quadrant_energy_backward.set_kernel_enabled("cpu", enabled=False):
        expected = quadrant_energy_backward(spectrum.cpu(), grad.cpu(), weighting)
    assert_close(gradient.cpu(), expected, "quadrant_energy.grad")


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("shape", [(1, 1), (5, 4), (6, 3)], ids=str)
def test_gradcheck(backend, shape, weighting):
    spectrum = random_spectrum((2, *shape), torch.float64, backend.device).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: quadrant_energy(x, weighting), spectrum)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_opcheck(backend, dtype, weighting):
    spectrum = random_spectrum((2, 5, 4), dtype, backend.device).requires_grad_()
    torch.library.opcheck(quadrant_energy, (spectrum, weighting))
    grad = torch.randn(2, dtype=torch.float64, device=backend.device)
    torch.library.opcheck(quadrant_energy_backward, (spectrum.detach(), grad, weighting))


@backends.native
def test_every_backend_is_really_used(backend):
    # The reference has no bits in common with the kernels by accident: it must not call them, and they must be called.
    calls = []
    module = backends.MODULES[backend.device.type]
    kernel = module.quadrant_energy
    module.quadrant_energy = lambda *args: (calls.append(args), kernel(*args))
    try:
        quadrant_energy(random_spectrum((1, 4, 3), torch.float32, backend.device), "integral")
    finally:
        module.quadrant_energy = kernel
    assert bool(calls) == (backend.name != "reference")
