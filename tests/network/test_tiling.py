"""Tiles with a halo give the output of the whole image."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hyra import HyRA
from hyra.network.tiling import Tiling, find_tiling


class Windowed(nn.Module):
    """Mixes each 4x4 window with its mean, and continues the image to whole windows at the right and bottom."""

    def forward(self, x):
        height, width = x.shape[-2:]
        x = F.pad(x, (0, -width % 4, 0, -height % 4), mode="replicate")
        x = x + 9 * F.interpolate(F.avg_pool2d(x, 4).square(), scale_factor=4)
        return F.interpolate(x, scale_factor=2)[..., : 2 * height, : 2 * width]


def convolutional(padding_mode):
    torch.manual_seed(0)
    first, last = (nn.Conv2d(a, b, 5, padding=2, padding_mode=padding_mode) for a, b in ((3, 8), (8, 27)))
    return nn.Sequential(first, nn.GELU(), last, nn.PixelShuffle(3)).double()


NETWORKS = {
    "zeros": convolutional("zeros"),
    "reflect": convolutional("reflect"),
    "window": Windowed(),
    "strided": nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, 48, 3, padding=1), nn.PixelShuffle(4)).double(),
    "nearest": nn.Upsample(scale_factor=2),
    "bicubic": nn.Upsample(scale_factor=4, mode="bicubic"),
}


def runs(monkeypatch, network):
    """The sizes of the images that the network gets from here on."""
    sizes, run = [], network.run
    monkeypatch.setattr(network, "run", lambda x: sizes.append(tuple(x.shape[-2:])) or run(x))
    return sizes


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", [(8, 8), (54, 38), (26, 90)], ids=str)
@pytest.mark.parametrize("form", ["literal", "affine"])
def test_tiles_give_the_whole(name, size, form, monkeypatch):
    model = HyRA(NETWORKS[name], dtype=torch.float64)
    response = model.impulse_response(32, form=form)
    lr = torch.rand(2, 3, *size, dtype=torch.float64)
    whole = model.decompose(lr, response=response)
    find_tiling(model.network, 10, None)  # which measures how far it looks
    sizes = runs(monkeypatch, model.network)
    tiled = model.decompose(lr, response=response, tile=10)
    for part in ("output", "linear", "nonlinear"):
        assert torch.allclose(getattr(tiled, part), getattr(whole, part), rtol=0, atol=1e-13)
    assert (max(sizes) < size) == (size != (8, 8))
    assert max(min(pair) for pair in sizes) <= 40  # two tiles as one, to check them


def test_a_halo_that_is_too_small_shows():
    model = HyRA(NETWORKS["zeros"])
    lr = torch.rand(3, 40, 40, dtype=torch.float64)
    whole = model.decompose(lr).output
    difference = [float((model.decompose(lr, tile=10, halo=halo).output - whole).abs().max()) for halo in (0, 3, 4)]
    assert difference[0] > difference[1] > 1e-6
    assert difference[2] < 1e-13
    assert find_tiling(model.network, 10, None).halo == 4


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 200), st.integers(1, 40), st.integers(1, 9), st.integers(0, 12))
def test_every_pixel_is_settled_once_and_far_from_every_cut(length, core, step, halo):
    tiling = Tiling(core + step + 2 * halo, step, halo)
    settled = []
    for crop, kept in tiling.spans(length):
        assert crop.start % step == 0
        assert crop.stop - crop.start <= tiling.crop + step - 1
        assert crop.start == 0 or kept.start - crop.start >= halo
        assert crop.stop == length or (crop.stop - kept.stop >= halo and crop.stop - crop.start == tiling.crop)
        settled += range(kept.start, kept.stop)
    assert settled == list(range(length))


def pooled(x):
    return F.interpolate(x + x.mean((-2, -1), keepdim=True), scale_factor=2)


def test_a_network_that_looks_at_the_whole_image_needs_a_halo():
    model, lr = HyRA(pooled), torch.rand(3, 40, 30)
    with pytest.raises(ValueError, match="halo must be given for a network that one pixel changes everywhere"):
        model.decompose(lr, tile=16)
    assert model.decompose(lr, tile=16, halo=4).output.shape == (3, 80, 60)


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"tile": 0}, ValueError, "tile must be at least 1, got 0"),
    ({"tile": 2.5}, TypeError, "tile must be an integer, got float 2.5"),
    ({"tile": 8, "halo": -1}, ValueError, "halo must be at least 0, got -1"),
    ({"halo": 4}, ValueError, "halo must be left out without tile, got 4"),
])  # fmt: skip
def test_refuses(options, error, message):
    with pytest.raises(error, match=message):
        HyRA(NETWORKS["nearest"]).decompose(torch.rand(3, 8, 8), **options)


def test_a_network_of_one_size_has_no_room_for_a_large_halo():
    def fixed(x):
        if x.shape[-2:] != (16, 16):
            raise ValueError("16x16 alone")
        return F.interpolate(x, scale_factor=2)

    message = "halo must leave a part of the largest size that the network takes, 16, got 8"
    with pytest.raises(ValueError, match=message):
        HyRA(fixed, scale=2, in_channels=3).decompose(torch.rand(3, 16, 16), tile=8, halo=8)
