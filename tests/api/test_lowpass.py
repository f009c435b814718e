"""The low-pass baseline against a full-image convolution, closed forms and torch's own interpolation."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import hyra
from hyra.lowpass import cutoff_from_omega, lowpass_upsample
from hyra.sinc import WINDOWS


def full_convolution(lr, scale, cutoff):
    """The released code's way, in plain torch: zeros inserted, and a kernel that spans the whole image."""
    channels, h, w = lr.shape
    inserted = lr.new_zeros(channels, 1, scale * h, scale * w)
    inserted[:, 0, ::scale, ::scale] = lr
    distances = [torch.arange(1 - scale * n, scale * n, dtype=torch.float64) / scale for n in (h, w)]
    column, row = (2 * cutoff * torch.sinc(2 * cutoff * t) for t in distances)
    kernel = (column[:, None] * row).to(lr)[None, None]
    return F.conv2d(inserted, kernel, padding=(scale * h - 1, scale * w - 1))[:, 0]


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("cutoff", [0.5, 0.37])
def test_equals_the_full_image_convolution(dtype, scale, cutoff):
    lr = torch.rand(2, 13, 18, dtype=dtype)
    sr = lowpass_upsample(
        lr, scale, cutoff=cutoff, window="rectangular", taps=None, boundary="zeros", centred=False, normalize=False
    )
    assert sr.dtype == dtype
    bound = 1e-5 if dtype == torch.float32 else 1e-13
    torch.testing.assert_close(sr, full_convolution(lr, scale, cutoff), atol=bound, rtol=0)


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
    assert cutoff_from_omega(63.0, 126) == 0.5
    with pytest.raises(ValueError, match="omega must be"):
        cutoff_from_omega(-1.0, 126)
