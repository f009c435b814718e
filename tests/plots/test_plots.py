"""Figures: what is drawn is what was given, limits are shared and signed maps are symmetric."""

from __future__ import annotations

import sys

import matplotlib as mpl
import numpy as np
import pytest
import torch
import torch.nn.functional as F

import hyra
from hyra import plots, spectrum
from hyra.plots import style

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close():
    yield
    mpl.pyplot.close("all")


def sinc_response(scale: int, size: int = 24) -> hyra.ImpulseResponse:
    """The ideal interpolator's response, cut off."""
    origin = scale * (size // 2)
    t = (torch.arange(scale * size, dtype=torch.float64) - origin - (scale - 1) / 2) / scale
    kernel = torch.sinc(t)
    return hyra.ImpulseResponse((kernel[:, None] * kernel).expand(3, -1, -1), scale, (origin, origin))


def test_spectra_of_methods_are_drawn_as_they_are():
    statistics = spectrum.SpectrumStatistics(["a$b", *"cdefghij"], bins=12)
    target = torch.rand(3, 40, 50)
    for index, method in enumerate(statistics.methods):
        statistics.update(method, target + 0.1 * index * torch.rand(3, 40, 50), target)
    result = statistics.compute()
    fig, (power, correlation, bands) = result.plot()
    powers = {line.get_label(): line.get_ydata() for line in power.lines}
    np.testing.assert_array_equal(powers.pop("HR"), result.target_power[0])
    assert list(powers) == [r"a\$b", *"cdefghij"]
    np.testing.assert_array_equal(list(powers.values()), result.power)
    curves = [line for line in correlation.lines if len(line.get_xdata()) == 12]
    np.testing.assert_array_equal([line.get_ydata() for line in curves], [result.half_bit[0], *result.correlation])
    dots = np.array([line.get_xdata() for line in correlation.lines if line.get_marker() == "o"])
    np.testing.assert_array_equal(dots[:, 0], result.crossing())
    np.testing.assert_array_equal(dots[:, 1], result.crossing("half_bit"))
    assert [patch.get_data().values.tolist() for patch in bands.patches][1:] == result.band_psnr[1:].tolist()
    looks = {(line.get_color(), line.get_linestyle()) for line in power.lines}
    assert len(looks) == 10
    assert len(fig.legends[0].get_texts()) == 10


def test_spectra_of_a_pixel_are_drawn():
    statistics = spectrum.SpectrumStatistics(["a"])
    statistics.update("a", torch.rand(3, 1, 1), torch.rand(3, 1, 1))
    assert statistics.compute().plot()


@pytest.fixture
def split():
    def network(x):
        y = F.interpolate(x, scale_factor=2, mode="bicubic")
        return y + 0.2 * (y - y.mean((-2, -1), keepdim=True)).tanh()

    lr = torch.rand(3, 20, 28, dtype=torch.float64)
    return hyra.HyRA(network, dtype=torch.float64).decompose(lr)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_impulse_response_is_drawn_where_it_is(scale):
    response = sinc_response(scale)
    _, axes = plots.impulse_response(response, radius=4)
    (image,) = axes.images
    assert np.array_equal(image.get_array(), response.white.numpy())
    low, high = image.get_clim()
    assert low == -high
    assert high == pytest.approx(0.3 * response.white.abs().max())
    left, right, bottom, top = image.get_extent()
    height, width = response.white.shape
    row, column = response.origin
    # The lit LR pixel's cell is [-0.5, 0.5] on both axes.
    assert left + (right - left) * column / width == pytest.approx(-0.5)
    assert top + (bottom - top) * row / height == pytest.approx(-0.5)
    assert left + (right - left) * (column + scale) / width == pytest.approx(0.5)
    assert axes.get_xlim() == (-4, 4)
    assert axes.get_ylim() == (4, -4)
    assert 0.5 in axes.get_xticks(minor=True)


def test_impulse_response_saturates_where_asked():
    _, axes = plots.impulse_response(sinc_response(2), limit=0.1)
    assert axes.images[0].get_clim() == (-0.1, 0.1)


def test_responses_of_zeros_and_infinities_are_drawn():
    zeros = torch.zeros(1, 16, 16)
    broken = zeros.clone()
    broken[0, 3, 3] = torch.inf
    for plane in (zeros, broken):
        _, axes = plots.impulse_response(hyra.ImpulseResponse(plane, 2, (8, 8)))
        assert axes.images[0].get_clim() == (-1, 1)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_profile_of_the_ideal_sinc_lies_on_the_ideal_curve(scale):
    response = sinc_response(scale)
    _, axes = plots.profile(response, radius=5)
    curves = {line.get_label(): line.get_xydata() for line in axes.lines}
    for axis in "xy":
        position, values = response.profile(axis)
        assert np.array_equal(curves[f"response along {axis}"], torch.stack([position, values], -1).numpy())
        inside = position.abs() <= 5
        ideal = np.interp(position[inside], *curves["ideal sinc"].T)
        assert np.allclose(ideal, values[inside], atol=1e-4)


def test_profile_draws_the_given_fit():
    response = sinc_response(2)
    fit = response.fit_sinc()
    _, axes = plots.profile(response, fit=fit)
    (line,) = (line for line in axes.lines if line.get_label().startswith("fit: "))
    middle = fit.gain * fit.kernel(torch.tensor([0.25], dtype=torch.float64)) * fit.kernel(torch.zeros(1).double())
    assert line.get_ydata()[500] == pytest.approx(float(middle))


@pytest.mark.parametrize("scale", [2, 3])
def test_transfer_function_is_in_cycles_per_lr_pixel(scale):
    network = torch.nn.Upsample(scale_factor=scale, mode="nearest")
    response = hyra.HyRA(network).impulse_response(24)
    _, (plane, section) = plots.transfer_function(response.transfer_function())
    assert plane.get_xlim() == (-scale / 2, scale / 2)
    assert section.get_xlim() == (0, scale / 2)
    along_x = next(line for line in section.lines if line.get_label() == "along $f_x$")
    frequency, gain = along_x.get_data()
    # A box of one LR pixel, sampled at `scale` points.
    exact = np.abs(np.sin(np.pi * frequency) / np.where(frequency, scale * np.sin(np.pi * frequency / scale), 1))
    exact[frequency == 0] = 1
    seen = exact > 1e-3
    assert np.allclose(gain[seen], 20 * np.log10(exact[seen]), atol=1e-4)
    assert any(np.array_equal(line.get_xdata(), [0.5, 0.5]) for line in section.lines)


def test_transfer_function_of_an_explosion_is_in_sight():
    sinc = sinc_response(2)
    response = hyra.ImpulseResponse(1e12 * sinc.response, 2, sinc.origin)
    _, (plane, section) = plots.transfer_function(response.transfer_function())
    top = float(plane.images[0].get_array().max())
    assert section.get_ylim() == plane.images[0].get_clim() == pytest.approx((top + 1 - 66, top + 1))


def test_decomposition_shares_limits_and_shows_the_data(split):
    _, axes = plots.decomposition(split)
    assert axes.shape == (3, 4)
    (lr, linear, nonlinear, sr), amplitudes, phases = [[panel.images[0] for panel in row] for row in axes]
    assert len({image.get_clim() for image in amplitudes}) == 1
    assert {image.get_clim() for image in phases} == {(-np.pi, np.pi)}
    for image, data in ((lr, split.input), (linear, split.linear), (sr, split.output)):
        assert np.array_equal(image.get_array(), data.clamp(0, 1).movedim(0, -1).numpy())

    # G is drawn around grey: 0.5 is zero, and the factor is in the title.
    gain = 0.5 / np.quantile(split.nonlinear.abs().numpy(), 0.999)
    assert np.allclose(nonlinear.get_array(), (0.5 + gain * split.nonlinear).clamp(0, 1).movedim(0, -1).numpy())
    assert f"times {gain:.2g}" in axes[0, 2].get_title()

    spectrum = torch.fft.fftshift(torch.fft.fft2(split.output.mean(0)))
    decibels = 20 * spectrum.abs().log10()
    assert np.allclose(amplitudes[3].get_array() - amplitudes[3].get_array().max(), decibels - decibels.max())
    assert np.allclose(phases[3].get_array(), spectrum.angle())


def test_decomposition_takes_one_image_of_a_batch(split):
    batch = hyra.HyRA(torch.nn.Upsample(scale_factor=2)).decompose(torch.rand(2, 3, 12, 12))
    _, axes = plots.decomposition(batch, image=1)
    assert np.array_equal(axes[0, 0].images[0].get_array(), batch.input[1].double().movedim(0, -1).numpy())


def test_radial_power_of_white_noise_is_flat_and_phases_are_told(split):
    _, (power, phase) = plots.radial_power(split)
    curves = {line.get_label(): line.get_xydata() for line in power.lines}
    assert curves["LR"][:, 0].max() == 0.5
    assert curves["SR"][:, 0].max() == pytest.approx(1, abs=0.05)
    assert max(curves["SR"][:, 1]) == pytest.approx(0)
    assert np.std(curves["LR"][3:, 1]) < 2
    cosine = phase.lines[1].get_ydata()
    h, g = (torch.fft.fft2(x.mean((-2, -1))[..., None, None]) for x in (split.linear, split.nonlinear))
    assert cosine[0] == pytest.approx(float((h * g.conj()).sum().real / (h.norm() * g.norm())))
    assert np.nanmin(cosine) >= -1
    assert np.nanmax(cosine) <= 1
    assert all(axes.get_xlim() == (0, 1) for axes in (power, phase))


def test_fsds_sensitivity_shows_the_scores_of_errors_of_one_energy():
    target = torch.rand(2, 10, 12, dtype=torch.float64)
    _, (*maps, curves) = plots.fsds_sensitivity(target, psnr=40)
    assert [panel.get_title() for panel in maps] == [line.get_label() for line in curves.lines]
    assert len({panel.images[0].get_clim() for panel in maps}) == 1
    changed = target.clone()
    changed[:, 3, 7] += (1e-4 * 10 * 12) ** 0.5
    for panel in maps:
        shown = panel.images[0].get_array()
        assert shown.shape == (10, 12)
        assert shown[3, 7] == pytest.approx(hyra.fsds(changed, target, variant=panel.get_title()).item())
    paper, invariant, _ = (panel.images[0].get_array() for panel in maps)
    assert np.unravel_index(paper.argmin(), paper.shape) in {(y, x) for y in (0, 9) for x in (0, 11)}
    assert np.ptp(invariant) < 0.1 * np.ptp(paper)
    # Noise and single pixels have the same energy: the curve lies about what the map shows.
    frequency, scores = curves.lines[1].get_data()
    assert frequency == pytest.approx(np.arange(1, 6) / 10)
    assert scores[0] < invariant.mean() < scores[-1]


def figures(response, split):
    yield plots.impulse_response(response)
    yield plots.profile(response)
    yield plots.transfer_function(response.transfer_function())
    yield plots.decomposition(split)
    yield plots.radial_power(split)
    yield plots.fsds_sensitivity(split.input[:, :8, :8])


def test_every_axis_with_numbers_has_a_unit(split):
    for fig, _ in figures(sinc_response(2), split):
        for axis in (axis for axes in fig.axes for axis in (axes.xaxis, axes.yaxis)):
            numbers = [label.get_text() for label in axis.get_ticklabels() if label.get_visible()]
            label = axis.label.get_text()
            assert not any(numbers) or any(
                unit in label for unit in ("pixel", "dB", "radians", "response", "cosine")
            ), numbers


def test_files_are_written_and_figures_closed(tmp_path):
    for suffix in ("png", "pdf", "svg"):
        fig, _ = plots.profile(sinc_response(2))
        plots.save(fig, tmp_path / f"profile.{suffix}")
        assert (tmp_path / f"profile.{suffix}").stat().st_size > 1000
        assert not mpl.pyplot.fignum_exists(fig.number)
    assert "ideal sinc" in (tmp_path / "profile.svg").read_text()


def test_style_is_not_left_behind():
    before = dict(mpl.rcParams)
    plots.profile(sinc_response(2))
    assert dict(mpl.rcParams) == before


def test_missing_matplotlib_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ModuleNotFoundError, match=r"plotting needs the package .*: pip install 'hyra\[cli\]'"):
        plots.profile(sinc_response(2))


def test_colours_stay_apart():
    def luminance(color: str) -> float:
        return float(np.dot(mpl.colors.to_rgb(color), (0.2126, 0.7152, 0.0722)))

    values = sorted(luminance(style.COLORS[name]) for name in ("ideal", "H", "G"))
    assert min(np.diff(values)) > 0.02


def test_the_least_and_the_most_similar_response_are_marked():
    def network(x):  # the brighter a place, the more of its response lies beside it
        return F.interpolate(x, scale_factor=2, mode="bicubic") + F.interpolate(x.square().roll(2, -1), scale_factor=2)

    image = torch.linspace(0, 1, 36, dtype=torch.float64).expand(3, 30, 36)
    options = {"background": image, "size": 9, "mode": "jvp", "keep_responses": True}
    found = hyra.HyRA(network, dtype=torch.float64).probe(**options)
    _, ((photograph, places), panels) = plots.local_responses(found)
    (squares,) = places.collections
    assert squares.get_array().tolist() == found.ring_cosine.tolist()
    columns = [line.get_xdata()[0] for line in photograph.lines]
    assert columns == [25, 11, 4]  # of 4, 11, 18 and 25
    assert panels[0].get_title() == f"a: least, {found.ring_cosine.min():.2f}"
    assert np.array_equal(panels[0].images[0].get_array(), found.response(int(found.ring_cosine.argmin())).white)
    assert len({axes.images[0].get_clim() for axes in panels}) == 1


def test_local_responses_need_an_image():
    found = hyra.HyRA(torch.nn.Upsample(scale_factor=2)).probe(canvas=24, keep_responses=True)
    with pytest.raises(ValueError, match="found must be a probe over an image, got one on the level 0"):
        plots.local_responses(found)
