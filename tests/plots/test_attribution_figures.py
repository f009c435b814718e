"""Figures of attribution: what is drawn is what was found."""

import matplotlib as mpl
import numpy as np
import pytest
import torch
from torch import nn

import hyra

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close():
    yield
    mpl.pyplot.close("all")


def test_maps_and_windows_are_drawn_where_they_are():
    model = hyra.HyRA(nn.Upsample(scale_factor=2, mode="bicubic"))
    image = torch.rand(3, 20, 24)
    found = model.attribution(image, [(10, 12, 8), (30, 1, 6)])
    _, axes = found.plot()
    assert axes.shape == (2, 3)
    for index, (whole, plane, part) in enumerate(axes):
        y, x, side = found.windows[index]
        frame = whole.patches[-1]
        assert (*frame.get_xy(), frame.get_width()) == (x - 0.5, y - 0.5, side)
        frame = plane.patches[-1]
        assert (*frame.get_xy(), frame.get_width()) == (x / 2 - 0.5, y / 2 - 0.5, side / 2)
        # Red is where a pixel adds, blue where it takes away, and grey where it does nothing.
        colours, signed = np.asarray(plane.images[0].get_array()), found.signed[index].numpy()
        red = colours[..., 0] - colours[..., 2]
        assert (red[signed == signed.max()] > 0.2).all()
        assert (red[signed == signed.min()] < 0).all()
        assert (red[signed == 0] == 0).all()
        assert f"{float(found.diffusion_index[index]):.2f}" in plane.get_title()
        shown = np.asarray(part.images[0].get_array())
        frame = part.patches[-1]
        left, top = (round(n + 0.5) for n in frame.get_xy())
        inside = found.output[:, y : y + side, x : x + side].clamp(0, 1).movedim(0, -1)
        np.testing.assert_allclose(shown[top : top + side, left : left + side], inside, atol=1e-6)


def test_field_is_drawn_around_its_centre():
    model = hyra.HyRA(nn.Upsample(scale_factor=2, mode="bicubic"))
    found = model.erf(torch.rand(2, 3, 21, 24))
    _, (plane, curve) = found.plot(radius=5)
    left, _, _, top = plane.images[0].get_extent()
    y, x = found.center
    assert (left, top) == (-x - 0.5, -y - 0.5)
    assert float(plane.images[0].get_array()[y, x]) == 0
    radii = [patch.get_radius() for patch in plane.patches if isinstance(patch, mpl.patches.Circle)]
    assert radii == [r for r in map(found.radius, (0.5, 0.9, 0.99)) if r >= 0.5]
    (square,) = (patch for patch in plane.patches if isinstance(patch, mpl.patches.Rectangle))
    assert square.get_width() == found.locality.receptive_field
    lines = {line.get_label(): line for line in curve.lines}
    np.testing.assert_array_equal(lines["effective receptive field"].get_ydata(), found.cumulated[1])
    np.testing.assert_array_equal(lines["impulse response"].get_ydata(), found.response_cumulated[1])


@pytest.mark.parametrize("black", [False, True])
def test_layers_are_drawn_in_order(black):
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Upsample(scale_factor=2))
    found = hyra.HyRA(net).layer_spectra(torch.rand(3, 16, 16), black=black)
    _, axes = found.plot()
    assert len(axes) == 2 + black
    curves = [line for line in axes[0].lines if len(line.get_ydata()) > 2]
    for line, layer in zip(curves, found.values(), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), layer.relative_log_amplitude)
    widths = np.array([[bar.get_width() for bar in group] for group in axes[1].containers])
    np.testing.assert_allclose(widths.T, found.band_shares())
    assert [label.get_text() for label in axes[1].get_yticklabels()] == ["0", "1", "2"]
    with pytest.raises(ValueError, match=r"layers must be some of \['0', '1', '2'\], got 'x'"):
        found.plot(layers=["x"])
