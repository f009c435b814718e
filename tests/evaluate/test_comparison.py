"""Networks compared: the order, the scores, files, table and figure."""

import math

import matplotlib as mpl
import numpy as np
import pytest
import torch
import torch.nn.functional as F

import hyra
from hyra.evaluate.lowpass.comparison import ModelComparison, compare_models
from hyra.images import luma

mpl.use("Agg")


def upsample(mode):
    return hyra.HyRA(torch.nn.Upsample(scale_factor=2, mode=mode))


def infinite(x):
    return F.interpolate(x, scale_factor=2) / (x.amax() < 0.9)


@pytest.fixture(scope="module")
def found():
    hr = torch.rand(3, 24, 32, generator=torch.Generator().manual_seed(1))
    lr = F.interpolate(hr[None], scale_factor=0.5, mode="bicubic", antialias=True)[0].clamp(0, 1)
    models = {"nearest": upsample("nearest"), "bicubic": upsample("bicubic"), "broken": hyra.HyRA(infinite)}
    with pytest.warns(RuntimeWarning, match=r"^broken: .*not finite"):
        return lr, hr, compare_models(models, 0.8 * lr, hr, variant="shift_invariant", size=24)


def test_sorted_by_ring_cosine_with_what_is_not_finite_last(found):
    models = found[2].models
    assert [model.name for model in models] == ["bicubic", "nearest", "broken"]
    assert models[0].fit.ring_cosine == pytest.approx(0.77, abs=0.01)
    assert models[0].fit == upsample("bicubic").impulse_response(24).fit_sinc()
    assert math.isnan(models[2].fit.ring_cosine)


def test_scores_are_those_of_the_clamped_outputs(found):
    lr, hr, comparison = found
    sr = F.interpolate(0.8 * lr[None], scale_factor=2, mode="bicubic")[0].clamp(0, 1)
    assert comparison.models[0].psnr == pytest.approx(-10 * float((sr - hr).square().mean().log10()))
    score = hyra.fsds(sr, hr, variant="shift_invariant")
    assert comparison.models[0].fsds == pytest.approx(float(score), abs=1e-4)


def test_networks_of_one_channel_see_the_luma():
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.PixelShuffle(2))
    lr, hr = torch.rand(3, 12, 14), torch.rand(3, 24, 28)
    (model,) = compare_models({"grey": hyra.HyRA(net)}, lr, hr, size=24).models
    with torch.no_grad():
        expected = net(luma(lr)[None])[0]
    torch.testing.assert_close(model.output, expected)
    error = (expected.clamp(0, 1) - luma(hr)).square().mean()
    assert model.psnr == pytest.approx(-10 * float(error.log10()))


@pytest.mark.filterwarnings("ignore:broken:RuntimeWarning")
def test_a_network_whose_output_is_nan_does_not_stop_the_others():
    models = {"broken": hyra.HyRA(lambda x: F.interpolate(x, scale_factor=2) * torch.nan), "fine": upsample("nearest")}
    fine, broken = compare_models(models, torch.rand(3, 8, 8), torch.rand(3, 16, 16), size=24).models
    assert (fine.name, broken.name) == ("fine", "broken")
    assert math.isnan(broken.fsds)
    assert math.isfinite(fine.fsds)


def test_file_holds_the_comparison(found, tmp_path):
    comparison = found[2]
    comparison.save(tmp_path / "comparison.safetensors")
    loaded = ModelComparison.load(tmp_path / "comparison.safetensors")
    assert repr(loaded) == repr(comparison)
    assert loaded.table() == comparison.table()
    assert torch.equal(loaded.target, comparison.target)
    for ours, theirs in zip(loaded.models, comparison.models, strict=True):
        assert torch.equal(ours.output, theirs.output)
        assert torch.equal(ours.response.response.nan_to_num(), theirs.response.response.nan_to_num())


def test_table_has_scores_where_there_is_a_target(found):
    head, first, *_ = found[2].table().splitlines()
    assert head.split("  ")[0].strip() == "model"
    assert head.endswith("FSDS (dB)")
    assert first.startswith("bicubic")
    assert (head.split()[1], first.split()[1]) == ("scale", f"x{found[2].models[0].response.scale}")
    assert first.endswith(f"{found[2].models[0].fsds:.2f}")
    plain = compare_models({"bicubic": upsample("bicubic")}, size=24).table()
    assert plain.splitlines()[0].endswith("DC gain")


def test_figure_shows_all_beside_the_ideal(found):
    _, axes = found[2].plot(radius=3)
    assert [len(row) for row in axes] == [4, 4, 4]
    assert {panel.images[0].get_clim() for panel in axes[0]} == {(-0.3, 0.3)}
    assert axes[0][1].get_title() == f"bicubic\nring cosine {found[2].models[0].fit.ring_cosine:.3f}"
    sections = [panel.lines[2].get_ydata() for panel in axes[1][:3]]
    low, high = axes[1][0].get_ylim()
    assert {panel.get_ylim() for panel in axes[1]} == {(low, high)}
    assert all(low < y.min() and y.max() < high for y in sections)
    ideal, points = axes[1][0].lines[1:]
    (x, section), (ideal_x, ideal_y) = points.get_data(orig=False), ideal.get_data(orig=False)
    nearest = abs(ideal_x - x[:, None]).argmin(1)
    assert np.allclose(section[abs(x) < 3], ideal_y[nearest][abs(x) < 3], atol=0.02)
    mpl.pyplot.close("all")


@pytest.mark.parametrize(
    ("models", "arguments", "message"),
    [
        ({}, {}, "models must hold at least one network"),
        ({"a": 2}, {"target": torch.rand(3, 8, 8)}, "image must be given with a target"),
        ({"a": 2}, {"image": torch.rand(1, 3, 8, 8)}, "image must be one image"),
        (
            {"a": 2},
            {"image": torch.rand(3, 8, 8), "target": torch.rand(3, 8, 8)},
            "2 times the size of image, 16x16, got 8x8",
        ),
    ],
)
def test_bad_arguments(models, arguments, message):
    with pytest.raises(ValueError, match=message):
        compare_models({name: upsample("nearest") for name in models}, **arguments)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"a": torch.nn.Upsample(scale_factor=2)}, r"models\['a'\] must be a hyra.HyRA, such as .* got Upsample"),
        ([torch.nn.Upsample(scale_factor=2)], "models must be a mapping from names to hyra.HyRA, got list"),
    ],
)
def test_a_network_is_wrapped_first(models, message):
    with pytest.raises(TypeError, match=message):
        compare_models(models)
