"""Spectra as curves: Parseval, isotropy, known correlations, and errors that land in the band they were put in."""

from __future__ import annotations

import math

import matplotlib as mpl
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import hyra
from hyra import spectrum

mpl.use("Agg")


def wave(height: int, width: int, ky: int, kx: int) -> torch.Tensor:
    y, x = torch.arange(height, dtype=torch.float64)[:, None], torch.arange(width, dtype=torch.float64)
    return torch.cos(2 * math.pi * (ky * y / height + kx * x / width)).expand(1, height, width)


@pytest.mark.parametrize("size", [(h, w) for h in (1, 8, 9, 50, 51) for w in (8, 9, 31, 120)], ids=str)
def test_parseval(dtype, size):
    x = torch.rand(2, 3, *size, dtype=dtype)
    profile = spectrum.radial_power(x, corners=True)
    total = size[0] * size[1] * x.double().square().sum((-2, -1))
    bound = 1e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close((profile.power * profile.count).sum(-1), total, rtol=bound, atol=0)
    assert profile.count.sum() == size[0] * size[1]


@pytest.mark.parametrize(("ky", "kx", "ring"), [(0, 30, 10), (10, 0, 10), (6, 24, 10), (0, 0, 0), (20, 0, 20)])
def test_rings_are_isotropic_where_the_image_is_not_square(ky, kx, ring):
    profile = spectrum.radial_power(wave(40, 120, ky, kx))
    assert profile.power.nan_to_num().argmax().item() == ring
    assert profile.frequency[ring] == ring / 40
    assert profile.frequency[ring].item() == pytest.approx(math.hypot(ky / 40, kx / 120), abs=0.5 / 40)


def test_corners():
    x = torch.rand(1, 33, 64)
    inner, whole = spectrum.radial_power(x), spectrum.radial_power(x, corners=True)
    assert inner.frequency[-1] <= 0.5 < whole.frequency[-1] < 0.75
    kept = len(inner.count)
    assert torch.equal(inner.power, whole.power[..., :kept])
    assert torch.equal(inner.count, whole.count[:kept])


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 150), st.integers(1, 150))
def test_no_ring_is_empty(height, width):
    assert spectrum.radial_power(torch.ones(1, height, width), corners=True).count.min() >= 1


def test_flat_for_white_noise_and_for_an_impulse():
    impulse = torch.zeros(1, 20, 31)
    impulse[0, 7, 11] = 1
    assert torch.allclose(spectrum.radial_power(impulse).power, torch.ones(1, dtype=torch.float64), atol=1e-6)


def test_ring_correlation_of_known_pairs():
    x = torch.randn(2, 3, 48, 64, dtype=torch.float64)
    assert torch.allclose(spectrum.fourier_ring_correlation(x, 3 * x).correlation, torch.ones(1, dtype=x.dtype))
    assert torch.allclose(spectrum.fourier_ring_correlation(x, -x).correlation, -torch.ones(1, dtype=x.dtype))
    independent = spectrum.fourier_ring_correlation(x, torch.randn_like(x))
    # The spread of a chance correlation over n bins, of which one half mirrors the other, is 1 / sqrt(n).
    chance = (independent.correlation * independent.count.sqrt())[..., 3:]
    assert chance.square().mean().item() == pytest.approx(1, abs=0.25)


def test_ring_correlation_where_there_is_no_power():
    ones = torch.ones(1, 8, 8)
    correlation = spectrum.fourier_ring_correlation(ones, ones).correlation
    assert correlation[0, 0] == 1
    assert correlation[0, 1:].isnan().all()


def test_band_psnr_adds_up_to_psnr(dtype):
    preds, target = torch.rand(2, 4, 3, 37, 50, dtype=dtype).unbind()
    bands = spectrum.band_psnr(preds, target, edges=(0, 0.1, 0.3, 1), data_range=2)
    psnr = 10 * (4 / (preds - target).double().square().mean((1, 2, 3))).log10()
    bound = 1e-5 if dtype == torch.float32 else 1e-11
    torch.testing.assert_close(-10 * (10 ** (-bands.psnr / 10)).sum(-1).log10(), psnr, rtol=0, atol=bound)


def test_an_error_shows_in_its_band_alone():
    target = torch.zeros(1, 64, 64, dtype=torch.float64)
    psnr = spectrum.band_psnr(target + 0.1 * wave(64, 64, 0, 20), target).psnr
    assert psnr.argmin().item() == 2
    assert psnr[2].item() == pytest.approx(-10 * math.log10(0.005), abs=1e-9)
    assert psnr[[0, 1, 3]].min() > 250


def test_band_psnr_of_identical_images_and_of_bands_without_a_ring():
    x = torch.rand(1, 8, 8)
    psnr = spectrum.band_psnr(x, x, edges=(0, 0.01, 0.02, 0.5)).psnr
    assert psnr[0] == torch.inf
    assert psnr[1].isnan()
    assert psnr[2] == torch.inf


@pytest.mark.parametrize("size", [(8, 8), (9, 7)], ids=str)
def test_log_and_phase_spectrum_against_numpy(size):
    x = torch.rand(2, *size, dtype=torch.float64)
    X = np.fft.fftshift(np.fft.fft2(x.numpy()), axes=(-2, -1))
    np.testing.assert_allclose(spectrum.log_spectrum(x), 20 * np.log10(abs(X)), atol=1e-10)
    rotated = np.exp(1j * spectrum.phase_spectrum(x).numpy())
    np.testing.assert_allclose(rotated, X / abs(X), atol=1e-10)


def test_half_precision_is_computed_in_float32():
    x = torch.rand(1, 16, 16).half()
    assert torch.equal(spectrum.radial_power(x).power, spectrum.radial_power(x.float()).power)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: spectrum.radial_power(torch.zeros(4, 4)), ValueError, "x must be an image"),
        (lambda: spectrum.radial_power(torch.zeros(1, 4, 4, dtype=torch.uint8)), TypeError, "x / 255"),
        (lambda: spectrum.radial_power(torch.full((1, 4, 4), torch.nan)), ValueError, "x must be finite"),
        (
            lambda: spectrum.fourier_ring_correlation(torch.zeros(1, 4, 4), torch.zeros(1, 4, 5)),
            ValueError,
            "b must have the shape of a",
        ),
        (
            lambda: spectrum.band_psnr(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4), edges=(0.2, 0.1)),
            ValueError,
            "edges must be two rising",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_results_print_and_plot():
    x, y = torch.rand(2, 3, 24, 30).unbind()
    profile, correlation = spectrum.radial_power(x), spectrum.fourier_ring_correlation(x, y)
    assert repr(profile) == "RadialProfile(3 curves over 13 rings, 0 to 0.5 cycles per pixel)"
    assert repr(correlation) == "RingCorrelation(3 curves over 13 rings, 0 to 0.5 cycles per pixel)"
    assert "0.375 to 0.5: " in repr(spectrum.band_psnr(x, y))
    for result, values in ((profile, profile.power), (correlation, correlation.correlation)):
        _, axes = result.plot()
        drawn = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == 13]
        np.testing.assert_array_equal(drawn, values)
        assert axes.get_xlabel() == "frequency (cycles per pixel)"
    mpl.pyplot.close("all")


def test_is_a_module_of_the_package():
    assert hyra.spectrum is spectrum
