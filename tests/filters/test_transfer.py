"""Frequency measures of interpolation kernels, against closed forms and NumPy."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hyra import HyRA, ImpulseResponse

SCALES = [2, 3, 4]


def upsampler(mode, scale):
    model = HyRA(lambda x: F.interpolate(x, scale_factor=scale, mode=mode), dtype=torch.float64, in_channels=1)
    return model.impulse_response(12)


def dirichlet(f, n):
    """Gain of a box of n pixels, divided by n."""
    f = np.asarray(f, dtype=np.float64)
    return np.where(f == 0, 1, np.sin(np.pi * f * n) / (n * np.sin(np.pi * np.where(f == 0, 1, f))))


def tent_samples(scale):
    """Bilinear weights of one axis: the tent, sampled at HR pixel centres."""
    t = (np.arange(-2 * scale, 2 * scale) - (scale - 1) / 2) / scale
    return t, np.clip(1 - np.abs(t), 0, None)


GAINS = {
    "nearest": dirichlet,
    # With t in LR pixels, the sum of samples times waves; for x2 it is cos^3(pi f).
    "bilinear": lambda f, s: (np.cos(2 * np.pi * np.outer(f, tent_samples(s)[0] * s)) @ tent_samples(s)[1]) / s,
}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("mode", GAINS)
def test_transfer_function_is_the_closed_form(mode, scale):
    transfer = upsampler(mode, scale).transfer_function()
    fy, fx = transfer.frequency_y.numpy(), transfer.frequency_x.numpy()
    expected = np.outer(GAINS[mode](fy, scale), GAINS[mode](fx, scale))
    assert fx[12 * scale // 2] == 0
    assert (np.diff(fx) > 0).all()
    assert np.abs(transfer.gain[0].numpy() - expected).max() < 1e-13  # real: the phase about the centre is zero


def test_bilinear_x2_is_a_cubed_cosine():
    transfer = upsampler("bilinear", 2).transfer_function()
    column = transfer.gain[0, :, 12]
    assert torch.allclose(column.real, torch.cos(math.pi * transfer.frequency_y) ** 3, atol=1e-14)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_dc_gain_is_one_at_every_phase(mode, scale):
    response = upsampler(mode, scale)
    assert response.dc_gain_per_phase.shape == (1, scale, scale)
    assert torch.allclose(response.dc_gain_per_phase, torch.ones(1, scale, scale, dtype=torch.float64), atol=1e-14)
    assert torch.allclose(response.dc_gain, torch.ones(1, dtype=torch.float64), atol=1e-14)


def test_dc_gain_per_phase_counts_phases_from_the_origin():
    kernel = torch.arange(1.0, 26).view(1, 5, 5)
    gains = ImpulseResponse(kernel, 2, (1, 2)).dc_gain_per_phase[0]
    numpy = kernel[0].numpy()
    assert gains.tolist() == [[numpy[(1 + p) % 2 :: 2, q::2].sum() for q in (0, 1)] for p in (0, 1)]
    constant = ImpulseResponse(kernel, 2, (1, 2)).apply(torch.ones(1, 6, 6), "circular")
    assert constant[0, :2, :2].tolist() == gains.tolist()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("mode", GAINS)
def test_ripple_is_the_droop_in_the_corner_of_the_passband(mode, scale):
    edge = GAINS[mode](np.array([0.8 / (2 * scale)]), scale)[0]
    assert upsampler(mode, scale).passband_ripple_db == pytest.approx(-40 * math.log10(edge), rel=1e-12)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("mode", GAINS)
def test_stopband_is_the_largest_gain_beyond_its_edge(mode, scale):
    f = np.linspace(1.2 / (2 * scale), 0.5, 20001)
    largest = np.abs(GAINS[mode](f, scale)).max()
    assert upsampler(mode, scale).stopband_db == pytest.approx(-20 * math.log10(largest), abs=1e-2)


def test_stopband_needs_a_scale_above_one():
    assert math.isnan(ImpulseResponse(torch.ones(1, 3, 3), 1, (1, 1)).stopband_db)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("mode", GAINS)
def test_copy_energy_is_the_integral_over_each_cell(mode, scale):
    def cell(k):
        f = (k + (np.arange(20000) + 0.5) / 20000 - 0.5) / scale
        return np.mean(GAINS[mode](f, scale) ** 2)

    axis = np.array([cell(k) for k in range(scale)])
    expected = np.outer(axis, axis) / axis.sum() ** 2
    energy = upsampler(mode, scale).copy_energy
    assert float(energy.sum()) == pytest.approx(1)
    assert np.abs(energy.numpy() - expected).max() < 1e-8


def test_copy_energy_of_a_kernel_that_is_no_product_is_a_sum_over_its_spectrum():
    torch.manual_seed(0)
    kernel = torch.randn(10, 14, dtype=torch.float64)
    spectrum = torch.fft.fft2(kernel, s=(840, 840)).abs().square()
    edge = torch.fft.fftfreq(840, dtype=torch.float64) * 3
    cells = [((edge - k + 1.5) % 3 - 1.5).abs() for k in range(3)]
    weights = torch.stack([(d < 0.5).double() + 0.5 * (d == 0.5) for d in cells])
    expected = weights @ spectrum @ weights.mT / spectrum.sum()
    energy = ImpulseResponse(kernel[None], 3, (3, 6)).copy_energy
    assert torch.allclose(energy, expected, atol=2e-4)


def test_an_ideal_lowpass_has_no_copies():
    t = (torch.arange(400, dtype=torch.float64) - 200.5) / 4
    k = torch.sinc(t) * torch.cos(math.pi * t / 101) ** 2
    response = ImpulseResponse((k[:, None] * k)[None], 4, (200 - 1, 200 - 1))
    assert float(response.copy_energy[0, 0]) > 0.98
    assert response.stopband_db > 60
    assert response.passband_ripple_db < 0.01


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("by", [(0, 0), (1, -1), (2, 0)])
def test_shift_is_the_group_delay(scale, by):
    response = upsampler("bicubic", scale)
    shifted = ImpulseResponse(response.response.roll(by, (-2, -1)), scale, response.origin)
    assert shifted.shift == pytest.approx(by, abs=1e-9)


def test_shift_of_half_a_pixel():
    # Two boxes of x2: one in its cell, one a pixel to the right; their mean is delayed by half a pixel.
    box = torch.zeros(1, 8, 8)
    box[:, 4:6, 4:6] = 1
    assert ImpulseResponse((box + box.roll(1, -1)) / 2, 2, (4, 4)).shift == pytest.approx((0, 0.5), abs=1e-12)


def test_a_response_of_zeros_has_no_shift():
    assert all(math.isnan(d) for d in ImpulseResponse(torch.zeros(1, 8, 8), 2, (4, 4)).shift)
