"""The low-pass baseline against a full-image convolution, closed forms and torch's own interpolation."""

import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import hyra
from hyra.filters.lowpass import RELEASED, cutoff_from_omega, lowpass_upsample
from hyra.filters.sinc import WINDOWS


def released(lr, scale, omega):
    """The released code's way, in plain torch: zeros inserted, a kernel as wide as the image, the range restored."""
    radii = [n // 2 for n in lr.shape[-2:]]
    padded = F.pad(lr[:, None], (radii[1], radii[1], radii[0], radii[0]), mode="reflect")
    inserted = padded.new_zeros(len(lr), 1, *(scale * n for n in padded.shape[-2:]))
    inserted[..., ::scale, ::scale] = padded
    column, row = (torch.sinc(omega * torch.linspace(-1, 1, 2 * scale * r + 1, dtype=torch.float64)) for r in radii)
    sr = F.conv2d(inserted, (column[:, None] * row).to(lr)[None, None])[:, 0]
    ranged = [(y - y.min()) / (y.max() - y.min()) * (x.max() - x.min()) + x.min() for x, y in zip(lr, sr, strict=True)]
    return torch.stack(ranged)


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("size", [12, 17])
def test_equals_the_released_code(dtype, scale, size):
    lr = torch.rand(2, size, size, dtype=dtype)
    sr = lowpass_upsample(lr, scale, cutoff=cutoff_from_omega(4.3, size), **RELEASED)
    assert sr.dtype == dtype
    bound = 1e-5 if dtype == torch.float32 else 1e-13
    torch.testing.assert_close(sr, released(lr, scale, 4.3), atol=bound, rtol=0)


PADDING = {"reflect": "reflect", "replicate": "edge", "zeros": "constant", "circular": "wrap"}


def line_by_line(line, scale, taps, mode, offset):
    """The definition along one axis, pixel by pixel: a Hann window, cut-off 0.4, gains made equal."""
    reach = taps // 2 + 1
    padded = np.pad(line, reach, mode=mode)
    out = []
    for x in range(scale * len(line)):
        j = np.arange(-reach, len(line) + reach)
        t = (x - offset) / scale - j
        kernel = np.where(abs(t) <= taps / 2, np.sinc(0.8 * t) * np.cos(np.pi * t / taps) ** 2, 0)
        k = (abs(t) <= taps / 2).nonzero()[0]
        out.append(kernel[k] @ padded[k] / kernel.sum())
    return np.array(out)


@pytest.mark.parametrize("taps", [3, 4, 10, None], ids=["odd, tap by tap", "even, tap by tap", "matrices", "all"])
@pytest.mark.parametrize("boundary", PADDING)
@pytest.mark.parametrize("centred", [True, False])
def test_equals_the_definition(taps, boundary, centred):
    scale, lr = 3, np.random.default_rng(0).random((2, 12, 15))
    sr = lowpass_upsample(torch.tensor(lr), scale, cutoff=0.4, taps=taps, boundary=boundary, centred=centred)
    offset = (scale - 1) / 2 if centred else 0
    expected = lr
    for axis in (1, 2):
        expected = np.apply_along_axis(
            line_by_line, axis, expected, scale, taps or lr.shape[axis] // 2 * 2, PADDING[boundary], offset
        )
    np.testing.assert_allclose(sr.numpy(), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("boundary", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("taps", [1, 4, 16, 40, None])
def test_constants_stay(window, boundary, taps):
    sr = lowpass_upsample(torch.full((1, 7, 9), 0.3), 3, window=window, boundary=boundary, taps=taps)
    torch.testing.assert_close(sr, torch.full_like(sr, 0.3))


def test_a_wave_in_the_passband_passes_and_one_beyond_is_removed():
    t = torch.arange(64, dtype=torch.float64)
    fine = (torch.arange(128, dtype=torch.float64) - 0.5) / 2
    for frequency, gain in ((0.125, 1.0), (0.4375, 0.0)):
        wave = torch.cos(2 * torch.pi * frequency * t).expand(1, 64, 64)
        sr = lowpass_upsample(wave, 2, cutoff=0.3, taps=64, boundary="circular")
        expected = gain * torch.cos(2 * torch.pi * frequency * fine).expand(1, 128, 128)
        torch.testing.assert_close(sr, expected, atol=2e-3, rtol=0)


def test_centred_commutes_with_flips():
    lr = torch.rand(1, 10, 12, dtype=torch.float64)
    sr = lowpass_upsample(lr, 4)
    torch.testing.assert_close(lowpass_upsample(lr.flip(-1, -2), 4), sr.flip(-1, -2))


def test_shift_is_what_hyra_measures():
    model = hyra.HyRA(lambda x: lowpass_upsample(x, 4, centred=False, boundary="zeros"), dtype=torch.float64)
    assert model.impulse_response(32).shift == pytest.approx((-1.5, -1.5), abs=1e-6)
    fit = (
        hyra.HyRA(lambda x: lowpass_upsample(x, 4, normalize=False), dtype=torch.float64)
        .impulse_response(40)
        .fit_sinc()
    )
    assert fit.cutoff == pytest.approx(0.5, abs=2e-3)
    assert fit.window == "hann"


def test_range_is_that_of_the_input():
    lr = torch.rand(3, 16, 16)
    sr = lowpass_upsample(lr, 2, rescale_range=True)
    torch.testing.assert_close(sr.amin((1, 2)), lr.amin((1, 2)))
    torch.testing.assert_close(sr.amax((1, 2)), lr.amax((1, 2)))


def test_batches_and_arrays():
    batch = torch.rand(2, 3, 8, 9)
    sr = lowpass_upsample(batch, 2)
    torch.testing.assert_close(sr[1], lowpass_upsample(batch[1], 2))
    array = lowpass_upsample(batch.numpy(), 2)
    assert isinstance(array, np.ndarray)
    assert np.array_equal(array, sr.numpy())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 0}, "scale must be at least 1"),
        ({"cutoff": 0.0}, "cutoff must be a finite number above 0"),
        ({"window": "boxcar"}, "window must be one of"),
        ({"taps": 0}, "taps must be at least 1"),
        ({"boundary": "wrap"}, "boundary must be one of"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        lowpass_upsample(torch.rand(1, 8, 8), **{"scale": 2, **arguments})


def test_omega():
    assert cutoff_from_omega(63.0, 126) == cutoff_from_omega(63.0, 127) == 0.5
    with pytest.raises(ValueError, match="omega must be"):
        cutoff_from_omega(-1.0, 126)


@pytest.mark.parametrize(
    "options", [{}, {"taps": 3}, {"taps": None}, RELEASED], ids=["matrix", "taps", "all", "released"]
)
@pytest.mark.parametrize("dynamic", [None, True])
def test_compiles_without_graph_breaks(options, dynamic):
    torch.compiler.reset()
    upsample = functools.partial(lowpass_upsample, scale=2, **options)
    compiled = torch.compile(upsample, fullgraph=True, dynamic=dynamic, backend="aot_eager")
    for size in ((3, 12, 15), (3, 10, 13)):
        lr = torch.rand(size)
        torch.testing.assert_close(compiled(lr), upsample(lr), rtol=0, atol=0)


def test_an_impossible_kernel_is_told_by_a_compiled_function_too():
    torch.compiler.reset()
    compiled = torch.compile(lambda lr: lowpass_upsample(lr, 2, cutoff=1e308), fullgraph=True, backend="aot_eager")
    with pytest.raises(ValueError, match="must make a finite kernel"):
        compiled(torch.rand(1, 8, 8))
