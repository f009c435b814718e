"""Figures of images with any number of bands: three of them are shown, and named."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import hyra
from hyra import plots
from hyra.cli import main
from hyra.images import imresize, luma
from hyra.plots.bands import band_note, picture, shown_bands


@pytest.mark.parametrize(("count", "note"), [(1, ""), (2, "band 1 of 2"), (3, ""), (4, "bands 3, 2, 1 of 4 as RGB")])
def test_which_bands_are_shown(count, note):
    image = torch.rand(count, 4, 5)
    assert band_note(count) == note
    shown = picture(image)
    for colour in range(3):
        assert np.array_equal(shown[..., colour], image[shown_bands(count)[colour % len(shown_bands(count))]])


def network(bands):
    """Nearest neighbours, in every band another share of them."""
    gains = torch.linspace(0.5, 1, bands).view(-1, 1, 1)
    return hyra.HyRA(lambda x: gains * torch.nn.functional.interpolate(x, scale_factor=2), in_channels=bands)


def texts(fig):
    found = [text.get_text() for axes in fig.axes for text in (axes.title, axes.yaxis.label)]
    return "\n".join(found)


@pytest.mark.parametrize("bands", [4, 31])
def test_figures_say_which_bands_they_show(bands):
    model, lr = network(bands), torch.rand(bands, 20, 24)
    split = model.decompose(lr)
    fig, axes = split.plot()
    assert band_note(bands) in texts(fig)
    shown = axes[0, 3].images[0].get_array()
    torch.testing.assert_close(torch.tensor(np.asarray(shown)[..., 0]).float(), split.output[shown_bands(bands)[0]])
    assert band_note(bands) in texts(hyra.compare_models({"a": model}, lr, size=16).plot()[0])
    probe = model.probe(background=0.2 + 0.4 * lr, amplitude=0.1, progress=False, keep_responses=True)
    assert band_note(bands) in texts(plots.local_responses(probe)[0])


@pytest.mark.once
@pytest.mark.parametrize("form", ["chw", "hwc"])
def test_the_command_line_takes_bands_from_npy(tmp_path, form):
    (tmp_path / "net.py").write_text("def net(x):\n    assert x.shape[1] == 4\n    return x.repeat(1, 1, 2, 2)\n")
    lr = np.random.default_rng(0).integers(0, 255, (4, 20, 24), np.uint8)
    np.save(tmp_path / "lr.npy", lr if form == "chw" else np.moveaxis(lr, 0, -1))
    common = [f"{tmp_path}/net.py:net", "--image", f"{tmp_path}/lr.npy", "--out", str(tmp_path / "out"), "--size", "16"]
    assert main(["analyze", *common, "--colours", "4"]) == 0
    split = hyra.Decomposition.load(tmp_path / "out" / "decomposition.safetensors")
    torch.testing.assert_close(split.input, torch.from_numpy(lr) / 255)
    assert "bands 3, 2, 1 of 4 as RGB" in (tmp_path / "out" / "report.html").read_text()


def test_bands_that_do_not_fit_are_refused(tmp_path, capsys):
    (tmp_path / "net.py").write_text("def net(x):\n    return x.repeat(1, 1, 2, 2)\n")
    np.save(tmp_path / "lr.npy", np.zeros((5, 20, 24)))
    common = [f"{tmp_path}/net.py:net", "--image", f"{tmp_path}/lr.npy", "--out", str(tmp_path / "out")]
    assert main(["analyze", *common, "--colours", "4"]) == 2
    expected = "lr.npy must hold [4, H, W] or [H, W, 4] of floats, uint8 or uint16, got float64 of shape (5, 20, 24)"
    assert expected in capsys.readouterr().err


def test_a_network_of_one_channel_is_shown_in_colour(tmp_path):
    """Bicubic interpolation of the luma, with bicubic colours, is bicubic interpolation of the image."""
    from hyra import report

    model, lr = hyra.HyRA(lambda x: imresize(x, 2), in_channels=1), 0.2 + 0.6 * torch.rand(3, 20, 24)
    hr = imresize(lr, 2)
    summary = report.write(model, lr, tmp_path, hr=hr, size=24)
    split = hyra.Decomposition.load(tmp_path / "decomposition.safetensors")
    torch.testing.assert_close(split.input, luma(lr))
    assert summary["quality"][0]["psnr"] > 100
    assert (tmp_path / "in_colour.png").stat().st_size > 1000
    assert "the luma (Y of BT.601)" in (tmp_path / "report.html").read_text()
    _, (left, right) = plots.in_colour(split, lr)
    for panel in (left, right):
        torch.testing.assert_close(torch.tensor(np.asarray(panel.images[0].get_array())), hr.movedim(0, -1).clamp(0, 1))


@pytest.mark.parametrize("bands", [4, 31])
def test_attribution_shows_them_too(bands):
    net = torch.nn.Upsample(scale_factor=2, mode="bicubic")
    found = hyra.HyRA(net, in_channels=bands).attribution(torch.rand(bands, 20, 24), [(10, 12, 8)])
    fig, axes = found.plot()
    shown = torch.tensor(np.asarray(axes[0, 0].images[0].get_array())[..., 2]).float()
    torch.testing.assert_close(shown, found.output[shown_bands(bands)[2]].clamp(0, 1).float())
    assert band_note(bands) in [panel.get_xlabel() for panel in fig.axes]
