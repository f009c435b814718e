"""Amplitude sweeps of networks whose dependence on the amplitude is known."""

import math

import pytest
import torch
import torch.nn.functional as F

from hyra import HyRA


def test_a_linear_network_is_the_same_at_every_amplitude():
    sweep = HyRA(lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"), dtype=torch.float64).amplitude_sweep(
        size=16, background=0.3
    )
    assert sweep.linearity == pytest.approx(1, abs=1e-12)
    assert sweep.distance.max() < 1e-12
    assert sweep.amplitudes == tuple(sorted(sweep.amplitudes))
    assert min(sweep.amplitudes) < 0 < min(map(abs, sweep.amplitudes)) <= 0.01
    assert sweep.explosion is None


def test_a_square_is_off_by_the_amplitude():
    def net(x):  # (b + a)^2 - b^2 = a (2 b + a), so h_a = (2 b + a) d and the local response is 2 b d
        return F.interpolate(x.square(), scale_factor=2)

    b, amplitudes = 0.5, (-0.5, 0.1, 0.25)
    sweep = HyRA(net, dtype=torch.float64).amplitude_sweep(amplitudes[::-1], 8, background=b)
    assert sweep.amplitudes == amplitudes
    assert sweep.distance.tolist() == pytest.approx([abs(a) / (2 * b) for a in amplitudes])
    heights = [2 * b + a for a in amplitudes]
    assert sweep.linearity == pytest.approx(sum(heights) ** 2 / (3 * sum(h * h for h in heights)))
    assert [fit.gain / sweep.fits[1].gain for fit in sweep.fits] == pytest.approx([h / 1.1 for h in heights])


def test_the_background_is_run_once():
    dark = []

    def net(x):
        dark.append(not x.any())
        return F.interpolate(x, scale_factor=2)

    model = HyRA(net, scale=2, in_channels=3)
    _ = model.network.traits
    dark.clear()
    model.amplitude_sweep([-1, 0.5, 1], 8)
    assert dark.count(True) == 3  # on its own, and where the derivative is taken, once to check it
    assert dark.count(False) == 3 + 2  # to both sides, to check it


@pytest.mark.parametrize("broken", [math.inf, math.nan, 1e3])
def test_the_amplitude_where_it_breaks_is_told(broken):
    def net(x):
        return F.interpolate(torch.where(x.abs() > 0.4, broken, x), scale_factor=2)

    with pytest.warns(RuntimeWarning, match=r"explodes or is not finite at amplitude 0.5, the smallest of 2"):
        sweep = HyRA(net).amplitude_sweep([-0.25, 0.25, 0.5, 1], 8)
    assert sweep.explosion == 0.5
    assert sweep.linearity == pytest.approx(1)  # of those that are sound
    assert "explodes at 0.5" in repr(sweep)
    pytest.importorskip("matplotlib").use("agg")
    _, (sections, _, distance) = sweep.plot()
    assert len(sections.lines) == 3  # those that are sound, and the local one
    assert distance.get_ylim()[1] <= 1


def test_a_local_response_unlike_all_others_is_in_sight():
    pytest.importorskip("matplotlib").use("agg")

    def net(x):
        return F.interpolate(torch.where(x > 0.2, x, -x), scale_factor=2, mode="bicubic")

    sweep = HyRA(net).amplitude_sweep([0.5, 1], 16)
    assert min(fit.ring_cosine for fit in sweep.fits) > 0 > sweep.local.fit_sinc().ring_cosine
    _, (_, likeness, _) = sweep.plot()
    assert likeness.get_ylim()[0] < sweep.local.fit_sinc().ring_cosine


def test_networks_without_a_derivative_and_bad_input():
    class Rounded(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return F.interpolate(x, scale_factor=2)

    sweep = HyRA(Rounded.apply, scale=2, in_channels=1).amplitude_sweep([0.5], 8)
    assert sweep.local.provenance["derivative"].startswith("central difference, step ")
    assert sweep.distance.max() < 1e-5
    model = HyRA(torch.nn.Upsample(scale_factor=2))
    with pytest.raises(ValueError, match="amplitudes must hold at least one number"):
        model.amplitude_sweep([])
    with pytest.raises(ValueError, match="amplitude must be a finite number other than 0, got 0"):
        model.amplitude_sweep([0.5, 0])
