"""`ssim_sums` and its gradient against their reference, and the facts that define them."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import backends
from hyra.ops import ssim_sums, ssim_sums_backward
from tolerances import RELATIVE, assert_close

# images, channels, rows, columns: one window, beside the vector width, one tile and several, rows and columns that fill
# no strip
SHAPES = [
    (1, 1, 11, 11), (2, 1, 12, 13), (1, 2, 18, 27), (1, 1, 75, 42), (1, 3, 11, 43), (1, 1, 29, 267), (2, 2, 27, 59),
]  # fmt: skip
PIXELS = {torch.float32: 1, torch.float64: 1, torch.uint8: 255, torch.uint16: 65535}  # and their white


def gaussian(count=11, sigma=1.5):
    x = torch.arange(count, dtype=torch.float64) - (count - 1) / 2
    taps = torch.exp(-x.square() / (2 * sigma**2))
    return taps / taps.sum()


TAPS = {
    "Gaussian": gaussian(),
    "uniform": torch.full((7,), 1 / 7, dtype=torch.float64),
    "of no symmetry": torch.tensor([0.1, 0.2, 0.4, 0.3], dtype=torch.float64),
    "one": torch.ones(1, dtype=torch.float64),
}


def constants(white=1.0):
    return torch.tensor([(0.01 * white) ** 2, (0.03 * white) ** 2], dtype=torch.float64)


def images(shape, dtype=torch.float32, device="cpu"):
    white = PIXELS[dtype]
    target = torch.rand(shape, device=device)
    preds = (target + 0.1 * torch.randn(shape, device=device)).clamp(0, 1)
    return [(x * white).round().to(dtype) if white > 1 else x.to(dtype) for x in (preds, target)]


def on(device, *args):
    return [x.to(device) for x in args]


def reference(op, *args):
    with op.set_kernel_enabled("cpu", enabled=False):
        return op(*(x.cpu() for x in args))


def assert_sums_agree(*args):
    """With the reference, each mean to the digits of the table."""
    sums = ssim_sums(*args)
    assert sums.dtype == torch.float64
    windows = math.prod(side - len(args[2]) + 1 for side in args[0].shape[2:])
    arithmetic = torch.float64 if args[0].dtype == torch.float64 else torch.float32
    error = (sums.cpu() - reference(ssim_sums, *args)).abs().max().item() / windows
    assert error <= RELATIVE["ssim_sums"][arithmetic]


@pytest.mark.parametrize("pixels", PIXELS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_agrees_with_reference(backend, pixels, shape):
    args = *images(shape, pixels, backend.device), *on(backend.device, gaussian(), constants(PIXELS[pixels]))
    assert_sums_agree(*args)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradient_agrees_with_reference(backend, dtype, shape):
    args = *images(shape, dtype, backend.device), *on(backend.device, gaussian(), constants())
    grad = torch.randn(*shape[:2], 2, dtype=torch.float64, device=backend.device)
    gradient = ssim_sums_backward(*args, grad)
    assert gradient.dtype == dtype
    assert_close(gradient.cpu(), reference(ssim_sums_backward, *args, grad), "ssim_sums.grad")


@pytest.mark.parametrize("taps", TAPS)
def test_windows(backend, dtype, taps):
    args = *images((1, 2, 21, 35), dtype, backend.device), *on(backend.device, TAPS[taps], constants())
    assert_sums_agree(*args)
    grad = torch.ones(1, 2, 2, dtype=torch.float64, device=backend.device)
    gradient = ssim_sums_backward(*args, grad)
    assert_close(gradient.cpu(), reference(ssim_sums_backward, *args, grad), "ssim_sums.grad")


def test_the_widest_window(backend, dtype):
    args = *images((1, 1, 34, 35), dtype, backend.device), *on(backend.device, gaussian(33, 5), constants())
    assert_sums_agree(*args)
    grad = torch.ones(1, 1, 2, dtype=torch.float64, device=backend.device)
    assert_close(ssim_sums_backward(*args, grad).cpu(), reference(ssim_sums_backward, *args, grad), "ssim_sums.grad")
    with pytest.raises(ValueError, match="taps must be at most 33, got 34"):
        ssim_sums(*args[:2], *on(backend.device, gaussian(34), constants()))


@pytest.mark.parametrize("count", [0, 3])
def test_planes_that_hold_no_window(backend, count):
    args = *images((count, 2, 10, 30), device=backend.device), *on(backend.device, gaussian(), constants())
    sums = ssim_sums(*args)
    assert sums.shape == (count, 2, 2)
    assert not sums.any()
    gradient = ssim_sums_backward(*args, torch.ones_like(sums))
    assert gradient.shape == args[0].shape
    assert not gradient.any()


@pytest.mark.parametrize("pixels", PIXELS, ids=str)
def test_pixels_where_they_lie(backend, pixels):
    preds, target = images((2, 3, 30, 40), pixels, backend.device)
    settings_ = on(backend.device, gaussian(), constants(PIXELS[pixels]))
    interleaved = [x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) for x in (preds, target)]
    views = (interleaved, [x[:, 1:, 3:, 5:-2] for x in interleaved], [x[:, :, 3:, 5:-2] for x in (preds, target)])
    for x, y in (*views, (preds.mT, target.mT), (preds[:1].expand(2, -1, -1, -1), target)):
        expected = ssim_sums(x.clone(memory_format=torch.contiguous_format), y.contiguous(), *settings_)
        if backend.name == "reference":  # torch may add up strided maps in another order
            torch.testing.assert_close(ssim_sums(x, y, *settings_), expected)
        else:
            assert torch.equal(ssim_sums(x, y, *settings_), expected)


def test_gradient_of_pixels_where_they_lie(backend, dtype):
    preds, target = images((2, 3, 20, 30), dtype, backend.device)
    settings_ = on(backend.device, gaussian(), constants())
    grad = torch.ones(2, 3, 2, dtype=torch.float64, device=backend.device)
    interleaved = [x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) for x in (preds, target)]
    expected = reference(ssim_sums_backward, preds, target, *settings_, grad)
    assert_close(ssim_sums_backward(*interleaved, *settings_, grad).cpu(), expected, "ssim_sums.grad")


def definition(a, b, taps, c1, c2):
    """By explicit sums over each window, in extended precision."""
    a, b, taps = (np.asarray(x, dtype=np.longdouble) for x in (a, b, taps))
    weights, k = np.outer(taps, taps), len(taps)
    total = np.zeros(2)
    for y in range(a.shape[0] - k + 1):
        for x in range(a.shape[1] - k + 1):
            u, v = a[y : y + k, x : x + k], b[y : y + k, x : x + k]
            mu, mv = (weights * u).sum(), (weights * v).sum()
            covariance = (weights * (u - mu) * (v - mv)).sum()
            variances = (weights * (u - mu) ** 2).sum() + (weights * (v - mv) ** 2).sum()
            structure = (2 * covariance + c2) / (variances + c2)
            total += np.array([(2 * mu * mv + c1) / (mu**2 + mv**2 + c1) * structure, structure], dtype=float)
    return torch.from_numpy(total)


def hostile_pairs():
    """Images on which float32 arithmetic goes wrong where means, squares or pixels cancel; with their white."""
    y, x = torch.meshgrid(torch.arange(40), torch.arange(60), indexing="ij")
    noise, other = torch.rand(2, 40, 60) - 0.5
    white, checker = torch.ones(40, 60), (x + y) % 2 * 2 - 1
    squares = ((x // 13 + y // 13) % 2).float()
    dark = [0.014 * white, 0.004 * white]
    for image in dark:
        image[0, 0] = 1
    return {
        "white and noise": (white, white + 1e-3 * noise, 1),
        "white and almost white": (white, white - 0.01, 1),
        "grey and a checkerboard": (0.7 * white, 0.7 + 0.03 * checker, 1),
        "edges and a faint checkerboard": (squares, squares + 0.03 * checker, 1),
        "dark beside a white pixel": (*dark, 1),
        "far from 0": (1000 + noise, 1000 + noise + 0.1 * other, 1),
        "far from 0, of a small range": (1e4 + 0.01 * noise, 1e4 + 0.01 * noise + 0.01 * other, 0.01),
        "far from each other": (noise, 1000 + noise + 0.1 * other, 1),
        "far from each other, of a small range": (0.01 * other, 1e4 + 0.01 * noise, 0.01),
        "negative": (-noise - 1, -noise - 1.1 + 0.1 * other, 1),
        "subnormal": ((noise + 0.5) * 1e-40, (other + 0.5) * 1e-40, 1e-40),
        "huge": ((noise + 0.5) * 1e37, (other + 0.5) * 1e37, 1e37),
        "16 bits": ((65535 * (noise + 0.5)).round(), (65535 * (other + 0.5)).round(), 65535),
        "almost equal": (noise, noise + 1e-6 * other, 1),
    }


@pytest.mark.parametrize("name", hostile_pairs())
def test_float32_agrees_with_the_definition_on_any_content(backend, name):
    preds, target, white = hostile_pairs()[name]
    c = constants(white)
    expected = definition(preds, target, gaussian(), *c.tolist())
    for pair in ((preds, target), (target, preds), (preds.mT, target.mT), (target.mT, preds.mT)):
        args = *(x[None, None].to(backend.device) for x in pair), *on(backend.device, gaussian(), c)
        assert (ssim_sums(*args)[0, 0].cpu() - expected).abs().max() <= 1e-6 * 30 * 50


@pytest.mark.parametrize(
    "dark", [np.s_[13:], np.s_[:9], np.s_[:, 29:], np.s_[:, :9]], ids=["below", "above", "right", "left"]
)
def test_dark_pixels_keep_their_digits_beside_bright_ones(backend, dark):
    if backend.name == "reference":
        pytest.skip("its pivot is the first pixel of a plane")
    pair = torch.full((2, 22, 38), 1e4)
    for image in pair:
        image[dark] = 0.01 * torch.rand_like(image[dark])
    taps, c = TAPS["uniform"], constants(0.01)
    expected = definition(*pair, taps, *c.tolist())
    sums = ssim_sums(*pair[:, None, None].to(backend.device), *on(backend.device, taps, c))
    assert (sums[0, 0].cpu() - expected).abs().max() <= 1e-6 * 16 * 32


@pytest.mark.parametrize("pixels", PIXELS, ids=str)
def test_equal_planes_give_exactly_1(backend, pixels):
    if backend.name == "reference":
        pytest.skip("its sums of ones are exact, its quotients may not be")
    preds, _ = images((1, 2, 30, 45), pixels, backend.device)
    sums = ssim_sums(preds, preds.clone(), *on(backend.device, gaussian(), constants(PIXELS[pixels])))
    assert sums.tolist() == [[[700.0, 700.0]] * 2]


@settings(max_examples=40, deadline=None)
@given(st.integers(7, 40), st.integers(7, 40), st.integers(-100, 100), st.booleans())
def test_scale_and_symmetry(rows, columns, exponent, gaussian_window):
    taps = gaussian(7) if gaussian_window else TAPS["uniform"]
    preds, target = images((1, 1, rows, columns))
    sums = ssim_sums(preds, target, taps, constants())
    assert torch.equal(sums, ssim_sums(target, preds, taps, constants()))
    scale = 2.0**exponent  # a power of two: not a bit may change
    assert torch.equal(sums, ssim_sums(preds * scale, target * scale, taps, constants(scale)))


def test_batch_equals_loop_and_any_thread_count(backend):
    if backend.name == "reference":
        pytest.skip("torch adds up in an order of its own")
    preds, target = images((3, 2, 83, 75), device=backend.device)
    settings_ = on(backend.device, gaussian(), constants())
    grad = torch.randn(3, 2, 2, dtype=torch.float64, device=backend.device)
    sums, gradient = ssim_sums(preds, target, *settings_), ssim_sums_backward(preds, target, *settings_, grad)
    pairs = list(zip(preds.split(1), target.split(1), grad.split(1), strict=True))
    assert torch.equal(sums, torch.cat([ssim_sums(x, y, *settings_) for x, y, _ in pairs]))
    loop = [ssim_sums_backward(x, y, *settings_, g) for x, y, g in pairs]
    assert torch.equal(gradient, torch.cat(loop))
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            assert torch.equal(sums, ssim_sums(preds, target, *settings_))
            assert torch.equal(gradient, ssim_sums_backward(preds, target, *settings_, grad))
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("pixel", [torch.nan, torch.inf])
def test_a_bad_pixel_spoils_its_own_plane_alone(backend, pixel):
    preds, target = images((1, 3, 30, 40), device=backend.device)
    preds[0, 1, 29, 39] = pixel
    settings_ = on(backend.device, gaussian(), constants())
    assert ssim_sums(preds, target, *settings_).isnan().any(2).tolist() == [[False, True, False]]
    grad = torch.ones(1, 3, 2, dtype=torch.float64, device=backend.device)
    gradient = ssim_sums_backward(preds, target, *settings_, grad)
    assert gradient.isnan().flatten(2).any(2).tolist() == [[False, True, False]]


@pytest.mark.parametrize("taps", ["uniform", "of no symmetry"])
def test_gradcheck(backend, taps):
    pair = [x.requires_grad_() for x in images((1, 2, 9, 8), torch.float64, backend.device)]
    settings_ = on(backend.device, TAPS[taps], constants())
    assert torch.autograd.gradcheck(lambda *x: ssim_sums(*x, *settings_), pair)


def test_opcheck(backend, dtype):
    pair = images((1, 2, 9, 8), dtype, backend.device)
    settings_ = on(backend.device, TAPS["uniform"], constants())
    torch.library.opcheck(ssim_sums, (*(x.clone().requires_grad_() for x in pair), *settings_))
    grad = torch.randn(1, 2, 2, dtype=torch.float64, device=backend.device)
    torch.library.opcheck(ssim_sums_backward, (*pair, *settings_, grad))


def test_settings_have_no_gradient():
    pair = images((1, 1, 9, 9))
    with pytest.raises(ValueError, match="taps and constants must be detached"):
        ssim_sums(*pair, TAPS["uniform"].clone().requires_grad_(), constants())


@backends.native
def test_every_backend_is_really_used(backend):
    calls = []
    module = backends.MODULES[backend.device.type]
    kernel = module.ssim_sums
    module.ssim_sums = lambda *args: (calls.append(args), kernel(*args))
    try:
        ssim_sums(*images((1, 1, 12, 12), device=backend.device), *on(backend.device, gaussian(), constants()))
    finally:
        module.ssim_sums = kernel
    assert bool(calls) == (backend.name != "reference")
