"""`mean_std` against its reference, and where a deviation must be exactly 0 or NaN."""

import math
import statistics
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyra.ops import mean_std
from hyra.ops.mean_std import mean_std_of_pair
from tolerances import assert_close

# Images around a vector, a warp, a block and four chunks of 4096 pixels.
SHAPES = [(2,), (1, 31), (3, 5, 7), (33,), (3, 255), (257, 3), (16383,), (16384,), (16385,), (3, 129, 130)]


def reference(images):
    with mean_std.set_kernel_enabled("cpu", enabled=False):
        return mean_std(images.cpu())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_agrees_with_reference(backend, dtype, shape):
    images = 100 + torch.randn((3, *shape), dtype=dtype, device=backend.device)
    moments = mean_std(images)
    assert moments.dtype == torch.float64
    assert_close(moments.cpu(), reference(images), "mean_std")


@pytest.mark.parametrize("count", [0, 1, 7])
def test_number_of_images(backend, count):
    images = torch.randn(count, 3, 9, 10, device=backend.device)
    assert_close(mean_std(images).cpu(), reference(images), "mean_std")


def test_strides(backend, dtype):
    base = torch.randn(4, 12, 18, dtype=dtype, device=backend.device)
    for view in (base.mT, base[::2, 1:, ::3], base[:1].expand(3, -1, -1)):
        assert_close(mean_std(view).cpu(), reference(view.clone()), "mean_std")


def test_a_large_offset_costs_nothing(backend):
    # Textbook sums of squares lose everything here: the variance is 1e-16 of the squared mean.
    ramp = torch.arange(20000, dtype=torch.float64, device=backend.device).remainder(2)
    mean, std = mean_std((1e8 + ramp)[None])[0].tolist()
    assert mean == pytest.approx(1e8 + 0.5, rel=1e-15)
    assert std == pytest.approx(0.5 * (20000 / 19999) ** 0.5, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.floats(-1e6, 1e6, width=32), st.integers(2, 40000))
def test_a_constant_image_has_no_deviation(value, pixels):
    assert mean_std(torch.full((1, pixels), value))[0].tolist() == [value, 0.0]


@pytest.mark.parametrize("pixels", [2, 31, 1025, 5000])
def test_a_constant_image_has_no_deviation_on_any_backend(backend, dtype, pixels):
    images = torch.full((1, pixels), 0.1, dtype=dtype, device=backend.device)
    assert mean_std(images)[0].tolist() == [images[0, 0].item(), 0.0]


@pytest.mark.parametrize("pixels", [torch.uint8, torch.uint16], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_integers(backend, pixels, shape):
    white = torch.iinfo(pixels).max
    images = torch.randint(white + 1, (3, *shape), device=backend.device)
    images[1].fill_(white).view(-1)[0] -= 1  # white but for one pixel
    images[2] = white - 1  # constant
    images = images.to(pixels)
    moments = mean_std(images)
    assert moments.dtype == torch.float64
    values = [[int(pixel) for pixel in image.flatten().tolist()] for image in images]
    for (mean, std), image in zip(moments.tolist(), values, strict=True):
        exact = [statistics.fmean(image), math.sqrt(statistics.variance(map(Fraction, image)))]
        assert [mean, std] == pytest.approx(exact, rel=1e-15)
    assert moments[2, 1] == 0


@pytest.mark.parametrize("pixels", [torch.uint8, torch.uint16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", [(2, 3, 70, 81), (1, 4, 5, 1), (2, 1, 1, 6)], ids=str)
def test_bits_do_not_depend_on_where_the_pixels_lie(backend, pixels, shape):
    if backend.name == "reference":
        pytest.skip("torch adds up in the order of the memory")
    images = (torch.rand(shape, device=backend.device) * 65535).to(torch.int32 if pixels != torch.uint8 else pixels)
    images = images.to(pixels)
    interleaved = images.movedim(1, -1).contiguous().movedim(-1, 1)
    cropped = torch.cat([images, images], -1)[..., : shape[-1]]
    for view in (interleaved, cropped, images.mT.contiguous().mT):
        assert torch.equal(mean_std(view), mean_std(images))


@pytest.mark.parametrize("pixel", [torch.nan, torch.inf, -torch.inf, 1e200])
def test_bad_pixels_give_nan(backend, pixel):
    images = torch.rand(2, 20000, dtype=torch.float64, device=backend.device)
    images[1, 17000] = pixel
    std = mean_std(images)[:, 1]
    assert std.isnan().tolist() == [False, True]
    assert mean_std(images[:, :1])[:, 1].isnan().all()


def test_batch_equals_loop_and_any_thread_count(backend):
    if backend.name == "reference":
        pytest.skip("torch adds a batch up in another order than one image")
    images = torch.randn(5, 3, 70, 130, device=backend.device)
    moments = mean_std(images)
    assert torch.equal(moments, torch.cat([mean_std(image[None]) for image in images]))
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            assert torch.equal(moments, mean_std(images))
    finally:
        torch.set_num_threads(threads)


def test_the_same_bits_wherever_an_image_starts(backend):
    images = torch.randn(2, 5000, device=backend.device)  # a load of several pixels needs an aligned address
    shifted = torch.cat([images.new_zeros(1), images.flatten()])[1:].view_as(images)
    assert torch.equal(mean_std(shifted), mean_std(images))


def test_opcheck(backend, dtype):
    images = torch.randn(2, 3, 4, dtype=dtype, device=backend.device)
    torch.library.opcheck(mean_std, (images,))


def test_refuses_images_without_pixels(backend):
    with pytest.raises(ValueError, match=r"images must have shape \[N, \*S\] with \*S at least 1, got \(2, 0, 3\)"):
        mean_std(torch.rand(2, 0, 3, device=backend.device))


def test_moments_of_a_pair_are_those_of_each(backend):
    if backend.name == "reference":
        pytest.skip("of kernels alone")
    buffers = torch.randint(256, (2, 3, 70, 40, 3)).to(torch.uint8).to(backend.device)
    interleaved, planar = buffers[0].permute(0, 3, 1, 2), buffers[1].permute(0, 3, 1, 2).contiguous()
    cut = planar[:, :, 1:], planar[:, :, :-1]
    floats = torch.rand(2, 1, 2, 30, 80, device=backend.device).unbind()
    for images, others in ((interleaved, planar), (planar, interleaved), (interleaved, interleaved), cut, floats):
        pair = mean_std_of_pair(images, others)
        assert all(torch.equal(moments, mean_std(x)) for moments, x in zip(pair, (images, others), strict=True))
