"""`difference_sums` against Python's integers, its reference, and images that lie in memory in any way."""

import pytest
import torch

from hyra.ops import difference_sums
from tolerances import assert_close

PIXELS = [torch.uint8, torch.uint16, torch.float32, torch.float64]
# Around a vector, a warp's groups, a chunk of 16384 pixels and several.
SHAPES = [(1, 1, 1), (1, 1, 31), (3, 5, 7), (1, 257, 3), (3, 64, 85), (1, 128, 128), (3, 129, 43), (3, 130, 131)]


def images(dtype, *shape, device="cpu"):
    if dtype.is_floating_point:
        return torch.randn(shape, dtype=dtype, device=device)
    return torch.randint(torch.iinfo(dtype).max + 1, shape, device=device).to(dtype)


def reference(preds, target):
    with difference_sums.set_kernel_enabled("cpu", enabled=False):
        return difference_sums(preds.cpu(), target.cpu())


def layouts(x):
    """The same images, otherwise in memory."""
    interleaved = x.movedim(1, -1).contiguous().movedim(-1, 1)
    cropped = torch.cat([x, x], -1)[:, :, :, : x.shape[-1]]
    with_alpha = torch.cat([x, x[:, :1]], 1).movedim(1, -1).contiguous().movedim(-1, 1)[:, : x.shape[1]]
    return {
        "interleaved": interleaved,
        "cropped": cropped,
        "with alpha": with_alpha,
        "transposed": x.mT.contiguous().mT,
    }


@pytest.mark.parametrize("pixels", PIXELS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_agrees_with_reference(backend, pixels, shape):
    preds, target = (images(pixels, 2, *shape, device=backend.device) for _ in range(2))
    sums = difference_sums(preds, target)
    assert sums.dtype == torch.float64
    if pixels.is_floating_point:
        assert_close(sums.cpu(), reference(preds, target), "difference_sums")
    else:
        differences = (preds.to(torch.int64) - target.to(torch.int64)).flatten(1)
        exact = [[float(d.abs().sum()), float(d.square().sum())] for d in differences]
        assert sums.tolist() == exact


@pytest.mark.parametrize("pixels", PIXELS[:2], ids=str)
@pytest.mark.parametrize("size", [(1, 1, 16384), (3, 300, 301)], ids=str)
def test_the_largest_differences_are_exact(backend, pixels, size):
    white = torch.iinfo(pixels).max
    black, full = (torch.full((1, *size), value, device=backend.device).to(pixels) for value in (0, white))
    count = size[0] * size[1] * size[2]
    assert difference_sums(black, full).tolist() == [[count * white, count * white**2]]
    assert difference_sums(full, black).tolist() == [[count * white, count * white**2]]


@pytest.mark.parametrize("pixels", PIXELS, ids=str)
@pytest.mark.parametrize("shape", [(1, 3, 70, 81), (2, 3, 7, 9), (2, 4, 5, 1), (2, 1, 1, 6)], ids=str)
def test_bits_do_not_depend_on_where_the_pixels_lie(backend, pixels, shape):
    preds, target = (images(pixels, *shape, device=backend.device) for _ in range(2))
    sums = difference_sums(preds, target)
    if backend.name == "reference":
        pytest.skip("torch adds up in the order of the memory")
    for (name, p), t in zip(layouts(preds).items(), layouts(target).values(), strict=True):
        assert torch.equal(difference_sums(p, t), sums), f"both {name}"
        assert torch.equal(difference_sums(p, target), sums), f"predictions {name}"
        assert torch.equal(difference_sums(preds, t), sums), f"targets {name}"


@pytest.mark.parametrize("pixels", PIXELS, ids=str)
def test_batch_equals_loop_and_any_thread_count(backend, pixels):
    if backend.name == "reference":
        pytest.skip("torch adds a batch up in another order than one image")
    preds, target = (images(pixels, 5, 3, 70, 130, device=backend.device) for _ in range(2))
    sums = difference_sums(preds, target)
    assert torch.equal(sums, torch.cat([difference_sums(p[None], t[None]) for p, t in zip(preds, target, strict=True)]))
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            assert torch.equal(sums, difference_sums(preds, target))
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("pixels", PIXELS, ids=str)
def test_the_same_bits_wherever_an_image_starts(backend, pixels):
    preds, target = (images(pixels, 2, 1, 1, 5000, device=backend.device) for _ in range(2))
    shifted = torch.cat([preds.flatten()[:1], preds.flatten()])[1:].view_as(preds)
    assert torch.equal(difference_sums(shifted, target), difference_sums(preds, target))


def test_one_image_repeated(backend):
    preds, target = (images(torch.uint8, 3, 3, 9, 8, device=backend.device) for _ in range(2))
    repeated = target[:1].expand(3, -1, -1, -1)
    assert torch.equal(difference_sums(preds, repeated), difference_sums(preds, repeated.contiguous()))


def test_number_of_images(backend):
    for pixels in PIXELS:
        for count in (0, 1, 7):
            preds, target = (images(pixels, count, 3, 4, 5, device=backend.device) for _ in range(2))
            assert difference_sums(preds, target).shape == (count, 2)


@pytest.mark.parametrize("pixel", [torch.nan, torch.inf])
def test_bad_pixels_are_not_hidden(backend, pixel):
    preds, target = torch.rand(2, 2, 1, 90, 90, device=backend.device)
    preds[1, 0, 80, 80] = pixel
    assert difference_sums(preds, target).isfinite().all(1).tolist() == [True, False]


def test_gradcheck(backend):
    preds, target = torch.rand(2, 2, 2, 3, 4, dtype=torch.float64, device=backend.device).requires_grad_().unbind()
    assert torch.autograd.gradcheck(difference_sums, (preds, target))


def test_gradient_in_float32(backend):
    preds, target = torch.rand(2, 1, 3, 8, 8, device=backend.device).unbind()
    preds[0, 0, 0, 0] = target[0, 0, 0, 0]
    preds.requires_grad_()
    (difference_sums(preds, target) * torch.tensor([3.0, 0.5], device=backend.device)).sum().backward()
    d = (preds - target).detach()
    assert torch.equal(preds.grad, 3 * d.sign() + d)


@pytest.mark.parametrize("pixels", PIXELS, ids=str)
def test_opcheck(backend, pixels):
    preds, target = (images(pixels, 2, 3, 4, 5, device=backend.device) for _ in range(2))
    if pixels.is_floating_point:
        preds.requires_grad_()
    torch.library.opcheck(difference_sums, (preds, target))


def test_refuses_two_types_and_others(backend):
    x = torch.zeros(1, 1, 2, 2, dtype=torch.uint8, device=backend.device)
    with pytest.raises(TypeError, match=r"target must be torch.uint8, like the arguments before it, got torch.uint16"):
        difference_sums(x, x.to(torch.uint16))
    with pytest.raises(TypeError, match=r"preds must be torch.uint8 or torch.uint16 or torch.float32 or torch.float64"):
        difference_sums(x.to(torch.int16), x)
    with pytest.raises(ValueError, match=r"target must have shape \[N, C, H, W\] with N = 1, C = 1, H = 2, W = 2"):
        difference_sums(x, x[..., :1])
