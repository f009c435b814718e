"""`impulse_batch` against its reference, and the probes that it is for."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import backends
from hyra.ops import impulse_batch

# channels, height, width: single, odd, one row, one column, beside and beyond the tile of a GPU block
SHAPES = [(1, 1, 1), (3, 5, 4), (2, 1, 70), (4, 33, 1), (3, 31, 67), (1, 45, 46), (2, 64, 33)]


def random_probe(channels, height, width, *, count=3, impulses=5, dtype=torch.float32, device="cpu"):
    background = torch.randn(channels, height, width, dtype=dtype)
    # some positions lie outside, some coincide
    rows = torch.randint(-1, height + 1, (count, impulses))
    columns = torch.randint(-1, width + 1, (count, impulses))
    positions = torch.stack([rows, columns], dim=-1)
    amplitudes = torch.randn(count, channels, dtype=dtype)
    return background.to(device), positions.to(device), amplitudes.to(device)


def reference(*probe):
    with impulse_batch.set_kernel_enabled("cpu", enabled=False):
        return impulse_batch(*(x.cpu() for x in probe))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_agrees_with_reference_bit_for_bit(backend, dtype, shape):
    probe = random_probe(*shape, dtype=dtype, device=backend.device)
    images = impulse_batch(*probe)
    assert images.dtype == dtype
    assert torch.equal(images.cpu(), reference(*probe))


@pytest.mark.parametrize(("count", "impulses"), [(0, 3), (2, 0), (1, 1), (2, 700)])
def test_number_of_images_and_impulses(backend, count, impulses):
    probe = random_probe(2, 40, 41, count=count, impulses=impulses, device=backend.device)
    assert torch.equal(impulse_batch(*probe).cpu(), reference(*probe))


def test_strides(backend, dtype):
    background, positions, amplitudes = random_probe(3, 9, 8, dtype=dtype, device=backend.device)
    views = (
        (background.mT, positions.flip(-1), amplitudes),
        (background[:, ::2, 1:], positions.transpose(0, 1), amplitudes[:1].expand(5, -1)),
        (background[:1, :1, :1].expand(3, 9, 8), positions[:, ::2], amplitudes.mT),
    )
    for probe in views:
        assert torch.equal(impulse_batch(*probe).cpu(), reference(*(x.clone() for x in probe)))


def test_worked_example_from_numpy(backend, dtype):
    # Loops over the definition: grey background, image 0 white at (2, 1), image 1 red at both ends of the diagonal.
    expected = np.full((2, 3, 4, 4), 0.25)
    expected[0, :, 2, 1] += 0.5
    for i in (0, 3):
        expected[1, 0, i, i] += 0.5
    background = torch.full((3, 4, 4), 0.25, dtype=dtype, device=backend.device)
    positions = torch.tensor([[[2, 1], [2, 1]], [[0, 0], [3, 3]]], device=backend.device)
    amplitudes = torch.tensor([[0.5, 0.5, 0.5], [0.5, 0, 0]], dtype=dtype, device=backend.device)
    assert np.array_equal(impulse_batch(background, positions, amplitudes).cpu().numpy(), expected)


def test_positions_outside_mark_nothing(backend):
    background = torch.randn(1, 3, 4, device=backend.device)
    outside = [[-1, 0], [0, -1], [3, 0], [0, 4], [2**40, 2**40], [-(2**40), 1]]
    positions = torch.tensor(outside, device=backend.device)[:, None]
    images = impulse_batch(background, positions, torch.ones(len(outside), 1, device=backend.device))
    assert torch.equal(images, background.expand_as(images))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 30))
def test_lifts_each_named_pixel_once(height, width, impulses):
    positions = torch.stack([torch.randint(height, (1, impulses)), torch.randint(width, (1, impulses))], dim=-1)
    images = impulse_batch(torch.zeros(1, height, width), positions, torch.ones(1, 1))
    assert images.sum().item() == len({tuple(position) for position in positions[0].tolist()})


def test_any_thread_count(backend):
    probe = random_probe(3, 50, 60, device=backend.device)
    images, threads = impulse_batch(*probe), torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            assert torch.equal(images, impulse_batch(*probe))
    finally:
        torch.set_num_threads(threads)


def test_gradcheck(backend):
    background, positions, amplitudes = random_probe(2, 3, 4, dtype=torch.float64, device=backend.device)
    f = lambda b, a: impulse_batch(b, positions, a)  # noqa: E731
    assert torch.autograd.gradcheck(f, (background.requires_grad_(), amplitudes.requires_grad_()))


def test_opcheck(backend, dtype):
    background, positions, amplitudes = random_probe(2, 3, 4, dtype=dtype, device=backend.device)
    torch.library.opcheck(impulse_batch, (background.requires_grad_(), positions, amplitudes.requires_grad_()))


@backends.native
def test_every_backend_is_really_used(backend):
    calls = []
    module = backends.MODULES[backend.device.type]
    kernel = module.impulse_batch
    module.impulse_batch = lambda *args: (calls.append(args), kernel(*args))
    try:
        impulse_batch(*random_probe(1, 4, 3, device=backend.device))
    finally:
        module.impulse_batch = kernel
    assert bool(calls) == (backend.name != "reference")
