"""A filter at x1: MTF50, gains and anisotropy are those of kernels whose transfer function is known."""

import math

import pytest
import torch
import torch.nn.functional as F

import hyra
from hyra import HyRA, plots, report
from hyra.filters.restoration import Restoration


def gaussian(sigma_y, sigma_x):
    t = torch.arange(-20, 21, dtype=torch.float64)
    y, x = ((-(t**2) / (2 * sigma**2)).exp() for sigma in (sigma_y, sigma_x))
    kernel = (y / y.sum())[:, None] * (x / x.sum())
    return lambda image: F.conv2d(image, kernel.to(image).expand(3, 1, 41, 41), padding=20, groups=3)


def identity(x):
    return x + 0


def sharpening(x):
    return 2 * x - gaussian(1.0, 1.0)(x)


def restoration(net):
    return Restoration.of(HyRA(net, dtype=torch.float64).impulse_response())


@pytest.mark.parametrize("sigma", [1.0, 1.5, 3.0])
def test_a_gaussian_has_its_own_mtf50_and_noise_gain(sigma):
    found = restoration(gaussian(sigma, sigma))
    assert found.dc_gain == pytest.approx(1)
    assert found.mtf50 == pytest.approx(math.sqrt(math.log(2) / 2) / (math.pi * sigma), rel=1e-3)
    assert found.noise_gain == pytest.approx(1 / (2 * sigma * math.sqrt(math.pi)), rel=1e-3)
    assert found.peak_gain == pytest.approx(1)
    assert found.anisotropy < 0.01


def test_the_identity_and_a_sharpening_filter_have_no_mtf50():
    found = restoration(identity)
    assert (found.mtf50, found.dc_gain, found.noise_gain) == (None, 1, 1)
    assert found.anisotropy < 1e-12
    sharp = restoration(sharpening)
    assert sharp.mtf50 is None
    assert sharp.peak_gain == pytest.approx(2, abs=0.02)
    assert sharp.noise_gain > 1


def test_anisotropy_is_the_largest_difference_of_two_gaussians():
    f = torch.linspace(0, 0.5, 5001, dtype=torch.float64)
    fast, slow = ((-2 * (math.pi * sigma * f) ** 2).exp() for sigma in (2.0, 1.0))
    assert restoration(gaussian(2.0, 1.0)).anisotropy == pytest.approx(float((slow - fast).max()), rel=1e-3)


def test_at_scale_1_what_has_no_meaning_is_none_and_ranking_refuses():
    model = HyRA(gaussian(1.5, 1.5))
    fit = model.impulse_response().fit_sinc()
    assert (fit.similarity, fit.ring_cosine) == (None, None)
    assert fit.cutoff < 0.4
    with pytest.raises(ValueError, match=r"models must enlarge to be ranked .* got 'blur'"):
        hyra.compare_models({"blur": model})
    with pytest.raises(ValueError, match="ring_cosine must be asked of a scale above 1"):
        _ = model.probe(canvas=96, keep_responses=True).ring_cosine
    with pytest.raises(ValueError, match="response must be of scale 1, got 2"):
        Restoration.of(HyRA(torch.nn.Upsample(scale_factor=2)).impulse_response(16))


def test_figures_and_files_do_without(tmp_path):
    pytest.importorskip("matplotlib").use("agg")
    model = HyRA(gaussian(1.0, 1.0))
    response = model.impulse_response()
    plots.profile(response, fit=response.fit_sinc())
    response.fit_sinc().plot()
    model.amplitude_sweep([0.5, 1]).plot()
    response.fit_sinc().save(tmp_path / "fit.safetensors")
    assert hyra.SincFit.load(tmp_path / "fit.safetensors").ring_cosine is None


@pytest.mark.once
def test_the_report_asks_the_questions_of_a_restoration(tmp_path):
    pytest.importorskip("matplotlib")
    lr = torch.rand(3, 40, 48)
    summary = report.write(HyRA(gaussian(1.5, 1.5)), lr, tmp_path)
    numbers = summary["numbers"]
    assert numbers["mtf50"] == pytest.approx(0.125, abs=0.001)
    assert numbers["linearity"] == pytest.approx(1)
    assert numbers["deviation"] < 1e-5
    assert not {"ring_cosine", "similarity", "copy_share", "side_lobe", "copy_opposition"} & numbers.keys()
    for point in summary["operating_points"]:
        assert (point["ring_cosine"], point["cutoff"]) == (None, None)
        assert point["mtf50"] == pytest.approx(0.125, abs=0.001)
        assert point["noise_gain"] == pytest.approx(numbers["noise_gain"], rel=1e-3)
    page = (tmp_path / "report.html").read_text()
    assert ">nan<" not in page
    assert "no sinc is its ideal. Its linear part blurs, with half of the contrast left at 0.125" in page
    assert "amplification of noise" in page
