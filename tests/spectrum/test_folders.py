"""Spectra of many images: plain definitions in numpy, known answers, and images of all sizes on one axis."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyra import spectrum
from hyra.spectrum import RingCorrelation, SpectrumComparison, SpectrumStatistics
from hyra.spectrum.means import rebinned


def rings(height: int, width: int) -> np.ndarray:
    """The ring of every bin of a full spectrum."""
    y, x = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)
    return np.floor(min(height, width) * np.hypot(y, x) + 0.5).astype(int)


def per_ring(values: np.ndarray) -> np.ndarray:
    """Sums of ``[..., H, W]`` over the rings up to the Nyquist frequency."""
    ring = rings(*values.shape[-2:])
    return np.stack([values[..., ring == r].sum(-1) for r in range(min(values.shape[-2:]) // 2 + 1)], -1)


def hann(image: np.ndarray) -> np.ndarray:
    """The difference from the mean, apodised; the mean is put back."""
    mean = image.mean((-2, -1), keepdims=True)
    windows = [0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n) for n in image.shape[-2:]]
    column, row = (window / np.sqrt((window**2).mean()) for window in windows)
    return (image - mean) * column[:, None] * row + mean


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def lowpass(image: torch.Tensor, cutoff: float) -> torch.Tensor:
    """Everything above the cut-off away, in rings."""
    mask = torch.from_numpy(rings(*image.shape[-2:]) <= cutoff * min(image.shape[-2:]))
    return torch.fft.ifft2(torch.fft.fft2(image) * mask).real


@pytest.mark.parametrize("window", [None, "hann"])
@pytest.mark.parametrize("size", [(24, 24), (17, 40)], ids=str)
def test_definitions(size, window):
    x, y = noise(3, *size).numpy(), noise(3, *size, seed=1).numpy()
    X, Y = (np.fft.fft2(image if window is None else hann(image)) for image in (x, y))
    a, b = torch.from_numpy(x), torch.from_numpy(y)
    power, target = per_ring(abs(X) ** 2), per_ring(abs(Y) ** 2)
    count = per_ring(np.ones(size))
    profile = spectrum.radial_power(a, window=window)
    np.testing.assert_allclose(profile.power, power / count, rtol=1e-10)
    np.testing.assert_array_equal(profile.count, count)
    error = x - y if window is None else hann(x - y)
    found = spectrum.radial_error(a, b, window=window).power
    np.testing.assert_allclose(found, per_ring(abs(np.fft.fft2(error)) ** 2) / count, rtol=1e-10)
    cross = per_ring((X * Y.conj()).real)
    correlation = spectrum.fourier_ring_correlation(a, b, window=window)
    np.testing.assert_allclose(correlation.correlation, cross / np.sqrt(power * target), atol=1e-12)
    decibels = 10 * np.log10(power / target)[:, 1:]
    distance = spectrum.log_spectral_distance(a, b, window=window).item()
    assert distance == pytest.approx(math.sqrt((decibels**2).mean()), rel=1e-10)


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 3), (5, 1)], ids=str)
def test_the_window_of_the_smallest_images(size):
    x = noise(1, *size)
    power = spectrum.radial_power(x, window="hann", corners=True)
    assert power.power.isfinite().all()
    flat = spectrum.radial_power(torch.ones(1, *size, dtype=torch.float64), window="hann")
    assert (flat.power[0, 0] * flat.count[0]).item() == pytest.approx(math.prod(size) ** 2)


def test_the_window_keeps_the_power_of_noise_and_the_mean():
    x = 5 + noise(1, 256, 200)
    profile = spectrum.radial_power(x, window="hann", corners=True)
    power, count = profile.power[0] / x.numel(), profile.count
    assert ((power * count)[1:].sum() / count[1:].sum()).item() == pytest.approx(1, abs=0.02)
    assert math.sqrt(power[0] * count[0] / x.numel()) == pytest.approx(x.mean().item(), abs=0.01)


def test_the_window_takes_away_what_borders_add():
    """A ramp is no periodic image: without the window its step at the border has power at all frequencies."""
    ramp = torch.linspace(0, 1, 128, dtype=torch.float64).expand(1, 128, 128)
    plain, tapered = (spectrum.radial_power(ramp, window=window).power[0, 20:] for window in (None, "hann"))
    assert (tapered < 1e-4 * plain).all()


def test_distance_of_equal_and_of_no_power():
    x = torch.rand(2, 3, 16, 16)
    assert torch.equal(spectrum.log_spectral_distance(x, x), torch.zeros(2, dtype=torch.float64))
    flat = torch.ones(1, 8, 8)
    assert spectrum.log_spectral_distance(flat, 2 * flat) == 0
    assert spectrum.log_spectral_distance(flat, x[0, :1, :8, :8]) == torch.inf
    assert spectrum.log_spectral_distance(x[..., :1], x[..., :1]).isnan().all()
    assert spectrum.log_spectral_distance(x / 10, x).tolist() == pytest.approx([20, 20], abs=1e-4)


@pytest.mark.parametrize("cutoff", [0.1, 0.25, 0.4])
def test_correlation_falls_where_a_low_pass_ends(cutoff):
    """White noise, and the same filtered with other noise beside it above the cut-off."""
    x, other = noise(1, 200, 240), noise(1, 200, 240, seed=1)
    y = lowpass(x, cutoff) + other - lowpass(other, cutoff)
    found = spectrum.fourier_ring_correlation(y, x)
    inside = found.frequency <= cutoff
    assert torch.allclose(found.correlation[:, inside], torch.ones(1, dtype=torch.float64))
    assert found.correlation[:, ~inside].abs().max() < 0.25
    for threshold in (1 / 7, "half_bit", 0.5):
        assert found.crossing(threshold).item() == pytest.approx(cutoff, abs=1 / 200)


def test_identical_images_agree_up_to_the_last_ring():
    x = noise(3, 32, 33)
    found = spectrum.fourier_ring_correlation(x, x, window="hann")
    assert torch.allclose(found.correlation, torch.ones(1, dtype=torch.float64))
    assert found.crossing().tolist() == found.crossing("half_bit").tolist() == [0.5] * 3


def crossing(values: list[float], threshold: float = 0.5) -> float:
    curve = torch.tensor([values], dtype=torch.float64)
    frequency = torch.arange(len(values), dtype=torch.float64) / 10
    return RingCorrelation(frequency, curve, torch.ones(len(values)).long()).crossing(threshold).item()


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        ([1, 1, 1, 0.75, 0.25, 0.9], 0.35),  # the first time
        ([1, 1, 0.5, 0.0], 0.2),
        ([-1, 1, 0.7, 0.6], 0.3),  # never; ring 0 does not count
        ([1, 0.4, 0.9, 0.9], 0.0),
        ([1, 1, math.nan, 1], 0.15),  # a ring without power counts as 0
        ([1, 1], 0.1),
        ([1], 0.0),
    ],
)
def test_crossings(curve, expected):
    assert crossing(curve) == pytest.approx(expected)


def test_half_bit_threshold_is_that_of_its_definition():
    """van Heel and Schatz for any signal-to-noise ratio, at that of half a bit over both halves."""
    signal = (math.sqrt(2) - 1) / 2
    count = torch.tensor([1, 8, 100, 10**6])
    chance = count.double().rsqrt()
    numerator = signal + (2 * math.sqrt(signal) + 1) * chance
    expected = numerator / (1 + signal + 2 * math.sqrt(signal) * chance)
    torch.testing.assert_close(spectrum.half_bit_threshold(count), expected, rtol=1e-3, atol=0)  # rounded in the paper


def test_half_bit_threshold_is_crossed_at_that_ratio():
    """Two measurements with a signal of the noise's power times 0.2071 correlate at the threshold of many pixels."""
    signal = math.sqrt((math.sqrt(2) - 1) / 2) * noise(1, 400, 400)
    halves = (signal + noise(1, 400, 400, seed=seed) for seed in (1, 2))
    found = spectrum.fourier_ring_correlation(*halves)
    mean = (found.correlation * found.count).sum() / found.count.sum()
    assert mean.item() == pytest.approx(spectrum.half_bit_threshold(torch.tensor([10**9])).item(), abs=0.01)


# Means


def measured(pairs, **options) -> SpectrumComparison:
    statistics = SpectrumStatistics(["method"], **options)
    for preds, target in pairs:
        statistics.update("method", preds, target)
    return statistics.compute()


@pytest.mark.parametrize("window", [None, "hann"])
def test_the_numbers_of_a_pair_are_those_of_the_functions(window):
    x, y = noise(1, 40, 33), noise(1, 40, 33, seed=1)
    numbers = SpectrumStatistics(["a"], window=window).update("a", x, x + y / 2)
    y = x + y / 2
    correlation = spectrum.fourier_ring_correlation(x, y, window=window)
    distance = spectrum.log_spectral_distance(x, y, window=window).item()
    assert numbers.log_spectral_distance == pytest.approx(distance, rel=1e-12)
    assert numbers.band_psnr == pytest.approx(spectrum.band_psnr(x, y).psnr.tolist(), rel=1e-12)
    assert numbers.one_seventh == pytest.approx(correlation.crossing(1 / 7).item(), rel=1e-12)
    assert numbers.half_bit == pytest.approx(correlation.crossing("half_bit").item(), rel=1e-12)


def test_means_are_those_of_the_pairs():
    pairs = [(noise(3, *size, seed=2), noise(3, *size, seed=3)) for size in ((32, 40), (41, 29), (64, 64))]
    statistics = SpectrumStatistics(["a"])
    numbers = [statistics.update("a", *pair) for pair in pairs]
    result = statistics.compute()
    assert result.images == (3,)
    assert result.log_spectral_distance.item() == pytest.approx(np.mean([n.log_spectral_distance for n in numbers]))
    np.testing.assert_allclose(result.band_psnr[0], np.mean([n.band_psnr for n in numbers], 0))


def test_colours_count_together():
    x, y = noise(3, 32, 32), noise(3, 32, 32, seed=1)
    X, Y = np.fft.fft2(x.numpy()), np.fft.fft2(y.numpy())
    power, target, cross = (per_ring(v).sum(0) for v in (abs(X) ** 2, abs(Y) ** 2, (X * Y.conj()).real))
    result = measured([(x, y)], window=None, bins=16)  # one ring for each bin, and half of its neighbours
    frequency = torch.arange(17, dtype=torch.float64) / 32
    for found, curve in (
        (result.power, power / per_ring(np.full((32, 32), 3.0 * 32 * 32))),
        (result.correlation, cross / np.sqrt(power * target)),
    ):
        np.testing.assert_allclose(found[0], rebinned(torch.from_numpy(curve), frequency, 16), rtol=1e-10)


def test_noise_is_flat_at_all_sizes():
    sizes = [(20, 31), (64, 64), (33, 100), (128, 90)]
    pairs = [(0.5 * noise(3, *size, seed=i), noise(3, *size, seed=i)) for i, size in enumerate(sizes)]
    result = measured(pairs, bins=16)
    assert torch.allclose(result.target_power[0, 1:], torch.ones(1, dtype=torch.float64), atol=0.15)
    assert torch.allclose(result.power, result.target_power / 4)
    assert torch.allclose(result.correlation, torch.ones(1, dtype=torch.float64))
    assert result.log_spectral_distance.item() == pytest.approx(20 * math.log10(2))
    assert result.crossing().item() == result.frequency[-1]


def test_a_wave_is_where_it_is_at_all_sizes():
    """A quarter of a cycle per pixel: one bin of the common axis, whatever the image's size."""
    pairs = []
    for size in (32, 48, 80):
        x = torch.cos(math.pi / 2 * torch.arange(size, dtype=torch.float64)).expand(1, size, size)
        pairs.append((x, x))
    power = measured(pairs, bins=20).power[0].nan_to_num()
    assert set(power.topk(2).indices.tolist()) <= {9, 10}
    assert power[[0, 1, 2, 3, 4, 5, 14, 15, 16, 17, 18, 19]].max() < 1e-9 * power.max()


def test_correlation_of_many_images_falls_at_the_cutoff():
    pairs = []
    for index, size in enumerate(((64, 64), (90, 120), (150, 101))):
        x, other = noise(1, *size, seed=index), noise(1, *size, seed=10 + index)
        pairs.append((lowpass(x, 0.25) + other - lowpass(other, 0.25), x))
    result = measured(pairs, window=None)
    for threshold in (1 / 7, "half_bit"):
        assert result.crossing(threshold).item() == pytest.approx(0.25, abs=0.02)


def test_order_and_company_do_not_matter():
    pairs = [(noise(3, n, n + 5, seed=n), noise(3, n, n + 5, seed=n + 1)) for n in (20, 30, 41)]
    both = SpectrumStatistics(["a", "b"])
    for preds, target in pairs:
        reference = both.target(target)
        both.update("a", preds, reference)
        both.update("b", preds / 2, reference)
    result, alone = both.compute(), measured(pairs[::-1])
    for name in ("power", "target_power", "correlation", "half_bit", "band_psnr", "log_spectral_distance"):
        torch.testing.assert_close(getattr(result, name)[0], getattr(alone, name)[0], equal_nan=True)
    torch.testing.assert_close(result.power[1], result.power[0] / 4, equal_nan=True)


def test_identical_images_are_counted_and_left_out_of_the_psnr():
    x, y = torch.rand(2, 3, 24, 24).unbind()
    result = measured([(x, x), (y, x)])
    assert result.identical == (1,)
    assert torch.equal(result.band_psnr[0], spectrum.band_psnr(y, x).psnr)
    assert (measured([(x, x)]).band_psnr == torch.inf).all()


def test_images_too_small_for_the_lowest_frequencies():
    small, large = noise(1, 8, 8), noise(1, 256, 256)
    alone = measured([(small, small)])
    assert alone.power[0, :7].isnan().all()
    assert alone.power[0, 8:].isfinite().all()
    assert alone.crossing().item() == alone.frequency[-1]
    assert measured([(small, small), (large, large)]).power.isfinite().all()
    assert measured([(small[:, :1, :1], small[:, :1, :1]), (large, large)]).power.isfinite().all()


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 200), st.integers(1, 80))
def test_rebinning_keeps_constants_and_the_integral(size, bins):
    frequency = torch.arange(size // 2 + 1, dtype=torch.float64) / size
    found = rebinned(torch.ones_like(frequency), frequency, bins)
    known = ~found.isnan()
    assert torch.allclose(found[known], torch.ones(1, dtype=torch.float64))
    assert known[(torch.arange(bins) + 1) / (2 * bins) > 0.5 / size + 1e-9].all()
    curve = noise(len(frequency))
    width = (torch.minimum(frequency + 0.5 / size, torch.tensor(0.5)) - frequency + 0.5 / size).clamp(min=0)
    covered = (
        torch.arange(1, bins + 1) / (2 * bins)
        - torch.maximum(torch.arange(bins) / (2 * bins), torch.tensor(0.5 / size))
    ).clamp(min=0)
    covered = torch.minimum(covered, torch.tensor(1 / (2 * bins)))
    total = (rebinned(curve, frequency, bins).nan_to_num() * covered).sum()
    assert total.item() == pytest.approx((curve * width)[1:].sum().item(), abs=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: SpectrumStatistics(["a", "a"]), ValueError, "methods must be one name or more, all different"),
        (lambda x: SpectrumStatistics(["a"], window="box"), ValueError, "window must be"),
        (lambda x: SpectrumStatistics(["a"], bins=0), ValueError, "bins must be"),
        (lambda x: SpectrumStatistics(["a"], edges=(0.5, 0.1)), ValueError, "edges must be two rising"),
        (lambda x: SpectrumStatistics(["a"]).update("b", x, x), ValueError, "method must be"),
        (
            lambda x: SpectrumStatistics(["a"]).update("a", x, x[:, 1:]),
            ValueError,
            "preds must have the shape of target",
        ),
        (lambda x: SpectrumStatistics(["a"]).update("a", x, x[None]), ValueError, "target must be one image"),
        (lambda x: spectrum.radial_power(x, window="box"), ValueError, "window must be"),
        (lambda x: spectrum.fourier_ring_correlation(x, x).crossing("bit"), ValueError, "threshold must be"),
        (lambda x: spectrum.fourier_ring_correlation(x, x).crossing(math.nan), ValueError, "threshold must be"),
        (lambda x: measured([(x, x)]).crossing("bit"), ValueError, "threshold must be"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call(torch.rand(3, 16, 16))


def test_a_pair_that_is_refused_adds_nothing():
    x = torch.rand(3, 16, 16)
    statistics = SpectrumStatistics(["a"])
    statistics.update("a", x, x)
    with pytest.raises(ValueError, match="preds must be finite"):
        statistics.update("a", x * torch.nan, x)
    assert statistics.compute().images == (1,)
