"""The fit finds the windowed sinc that a response was made of, and the cosines are the definition's."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from hyra import HyRA, ImpulseResponse
from hyra.filters.windows import WINDOWS
from hyra.ops import polyphase_filter


def windowed_sinc(scale, size, cutoff, window, gain=1.0):
    """[size, size] LR pixels around index size // 2, on the HR grid; written in NumPy, apart from the package."""
    t = (np.arange(scale * size) - scale * (size // 2) - (scale - 1) / 2) / scale
    k = 2 * cutoff * np.sinc(2 * cutoff * t) * window(t)
    origin = (scale * (size // 2),) * 2
    return ImpulseResponse(torch.from_numpy(gain * np.outer(k, k))[None], scale, origin)


def truncated(radius, shape):
    return lambda t: np.where(np.abs(t) <= radius, shape(np.clip(t / radius, -1, 1)), 0)


FAMILIES = {
    "rectangular": np.ones_like,
    "hann": lambda u: 0.5 + 0.5 * np.cos(np.pi * u),
    "hamming": lambda u: 0.54 + 0.46 * np.cos(np.pi * u),
    "blackman": lambda u: 0.42 + 0.5 * np.cos(np.pi * u) + 0.08 * np.cos(2 * np.pi * u),
    "kaiser": lambda u: np.i0(5 * np.sqrt(1 - u * u)) / np.i0(5),
    "lanczos": np.sinc,
}


def test_every_family_is_tested():
    assert set(FAMILIES) == set(WINDOWS)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("family", FAMILIES)
def test_finds_family_and_parameters(family, scale):
    fit = windowed_sinc(scale, 24, 0.43, truncated(5.3, FAMILIES[family]), gain=1.2).fit_sinc()
    assert fit.residuals[family] < 2e-3
    assert fit.residual == min(fit.residuals.values())
    assert fit.cutoff == pytest.approx(0.43, abs=2e-3)
    assert fit.gain == pytest.approx(1.2, rel=5e-3)
    if family in {"hann", "blackman", "kaiser", "lanczos"}:  # the others jump at the end of the window
        assert fit.window == family
        assert fit.radius == pytest.approx(5.3, abs=0.05)
    assert (fit.beta is not None) == (fit.window == "kaiser")


@settings(max_examples=8, deadline=None)
@given(st.floats(0.3, 0.7), st.floats(3, 9), st.floats(0.2, 5), st.booleans())
def test_finds_any_hann_window(cutoff, radius, gain, negative):
    gain = -gain if negative else gain
    fit = windowed_sinc(3, 24, cutoff, truncated(radius, FAMILIES["hann"]), gain).fit_sinc()
    assert fit.residual < 2e-3
    assert (fit.cutoff, fit.gain) == pytest.approx((cutoff, gain), rel=1e-2)


def test_the_kernel_is_the_fitted_curve():
    response = windowed_sinc(4, 20, 0.48, truncated(6.0, FAMILIES["hann"]), gain=0.9)
    fit = response.fit_sinc()
    t, section = response.profile()
    middle = fit.kernel(torch.tensor([0.125], dtype=torch.float64))
    assert torch.allclose(fit.gain * middle * fit.kernel(t), section, atol=2e-3)
    assert torch.equal(fit.kernel(t[5]), fit.kernel(t)[5])


@pytest.mark.parametrize("cutoff", [0.35, 0.5])
def test_finds_the_cutoff_of_a_lowpass_used_as_a_network(cutoff):
    kernel = windowed_sinc(2, 16, cutoff, truncated(7.5, FAMILIES["hann"]))

    def net(x):
        return polyphase_filter(x, kernel.response.expand(3, -1, -1), 2, kernel.origin, "zeros")

    fit = HyRA(net, dtype=torch.float64).impulse_response(40).fit_sinc()
    assert (fit.window, fit.cutoff) == ("hann", pytest.approx(cutoff, abs=1e-3))


def test_cosines_by_their_definition():
    torch.manual_seed(0)
    kernel = torch.randn(1, 48, 48, dtype=torch.float64)
    fit = ImpulseResponse(kernel, 3, (24, 24)).fit_sinc()
    inner = energy = ideal = ring_inner = ring_energy = ring_ideal = 0.0
    for i in range(48):
        for j in range(48):
            y, x = (i - 25) / 3, (j - 25) / 3
            if max(abs(y), abs(x)) > 4:
                continue
            h, d = float(kernel[0, i, j]), float(np.sinc(y) * np.sinc(x))
            inner, energy, ideal = inner + h * d, energy + h * h, ideal + d * d
            if max(abs(y), abs(x)) >= 1:
                ring_inner, ring_energy, ring_ideal = ring_inner + h * d, ring_energy + h * h, ring_ideal + d * d
    assert fit.similarity == pytest.approx(inner / math.sqrt(energy * ideal), rel=1e-12)
    assert fit.ring_cosine == pytest.approx(ring_inner / math.sqrt(ring_energy * ring_ideal), rel=1e-12)


def test_cosines_of_the_ideal_and_of_common_kernels():
    ideal = windowed_sinc(4, 64, 0.5, np.ones_like).fit_sinc()
    assert (ideal.similarity, ideal.ring_cosine) == pytest.approx((1, 1), abs=1e-12)
    assert (ideal.cutoff, ideal.gain) == pytest.approx((0.5, 1), abs=1e-3)
    lanczos = windowed_sinc(4, 64, 0.5, truncated(3.0, np.sinc)).fit_sinc()
    rings = {}
    for mode in ("nearest", "bilinear", "bicubic"):
        model = HyRA(lambda x, mode=mode: F.interpolate(x, scale_factor=4, mode=mode), dtype=torch.float64)
        fit = model.impulse_response(33).fit_sinc()
        assert fit.similarity > 0.79  # the main lobe rules: this number does not separate
        rings[mode] = fit.ring_cosine
    assert rings["nearest"] == 0
    assert rings["bilinear"] < rings["bicubic"] < lanczos.ring_cosine
    assert (rings["bicubic"], lanczos.ring_cosine) == pytest.approx((0.78, 0.87), abs=0.01)


def test_the_cosines_do_not_depend_on_the_probe():
    model = HyRA(lambda x: F.interpolate(x, scale_factor=4, mode="bicubic"), dtype=torch.float64)
    fits = [model.impulse_response(size).fit_sinc() for size in (33, 64, 100)]
    for fit in fits[1:]:
        assert fit.ring_cosine == pytest.approx(fits[0].ring_cosine, rel=1e-12)
        assert fit.similarity == pytest.approx(fits[0].similarity, rel=1e-12)


@pytest.mark.parametrize("factor", [-0.37, 1.1, 7.3])
def test_the_height_changes_the_gain_alone_even_where_many_fits_are_perfect(factor):
    box = torch.zeros(1, 16, 16, dtype=torch.float64)  # the nearest neighbour's: most windows leave nothing over
    box[:, 8:10, 8:10] = 1
    fit, scaled = (ImpulseResponse(f * box, 2, (8, 8)).fit_sinc() for f in (1.0, factor))
    assert (scaled.window, scaled.radius, scaled.cutoff) == (fit.window, fit.radius, fit.cutoff)
    assert scaled.gain == pytest.approx(factor * fit.gain, rel=1e-12)


@pytest.mark.filterwarnings("error")
def test_a_response_of_zeros_or_nan_has_no_fit_and_no_crash():
    for value in (0.0, math.nan, math.inf):
        fit = ImpulseResponse(torch.full((1, 32, 32), value), 2, (16, 16)).fit_sinc()
        assert math.isnan(fit.residual)
        assert fit.ring_cosine == 0 if value == 0 else math.isnan(fit.ring_cosine)
