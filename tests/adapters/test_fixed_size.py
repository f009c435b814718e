"""A network of one size on images of any: exact where it looks no farther than its tiles allow, else it says so."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import hyra
from hyra import demo
from hyra.adapters import fixed_size


def only(network, height, width, batch=None):
    """`network`, which raises on images of another size."""

    def taken(x):
        assert x.shape[-2:] == (height, width)
        assert batch in (None, len(x))
        return network(x)

    return taken


@pytest.mark.parametrize("size", [(64, 48), (65, 48), (100, 130), (64, 200)])
def test_tiles_are_the_whole(size):
    network, images = demo.load(scale=2), torch.rand(3, 3, *size)
    tiled = fixed_size(only(network, 64, 48, 2), (64, 48), batch=2)(images)
    assert float((tiled - network(images)).abs().max()) <= 1e-5


def test_smaller_images_are_continued_by_reflection():
    network = nn.Upsample(scale_factor=2)
    for size in ((10, 7), (1, 1), (40, 3)):
        images = torch.rand(1, 3, *size)
        assert torch.equal(fixed_size(only(network, 40, 24), (40, 24))(images), network(images))
    seen = []
    fixed_size(lambda x: seen.append(x) or x, (3, 5))(torch.tensor([[[[1.0, 2.0, 3.0]]]]))
    assert seen[0][0, 0].tolist() == 3 * [[1, 2, 3, 2, 1]]


def test_one_side_may_be_any():
    network, images = demo.load(scale=2), torch.rand(1, 3, 30, 150)
    tiled = fixed_size(lambda x: network(x) if x.shape[-1] == 64 else None, (None, 64))(images)
    assert float((tiled - network(images)).abs().max()) <= 1e-5


class Windows(nn.Module):
    """Every window of 8x8 becomes its mean and itself: it repeats after 8 pixels, and only then."""

    def forward(self, x):
        means = nn.functional.avg_pool2d(x, 8)
        return x + nn.functional.interpolate(means, scale_factor=8)


def test_tiles_lie_as_windows_do():
    images = torch.rand(1, 3, 104, 72)
    tiled = fixed_size(only(Windows(), 64, 40), (64, 40))(images)
    torch.testing.assert_close(tiled, Windows()(images), atol=1e-6, rtol=0)


def test_what_looks_too_far_says_by_how_much_tiles_differ():
    def pooled(x):
        return x + x.mean((-1, -2), keepdim=True)

    network = fixed_size(only(pooled, 32, 32), (32, 32))
    with pytest.warns(UserWarning, match=r"takes images of 32x32 alone and looks too far .* differ by up to 0\.\d+"):
        network(torch.rand(1, 3, 60, 32))


def test_a_module_stays_one_and_is_measured_as_any_network():
    network = fixed_size(Fixed(), (64, 48))
    assert isinstance(network, nn.Module)
    model, plain = hyra.HyRA(network), hyra.HyRA(demo.load(scale=2))
    difference = model.impulse_response(96).response - plain.impulse_response(96).response
    assert float(difference.abs().max()) <= 1e-5
    assert model.decompose(torch.rand(3, 70, 50)).output.shape == (3, 140, 100)


class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = demo.load(scale=2)

    def forward(self, x):
        assert x.shape[-2:] == (64, 48)
        return self.net(x)


def test_refusals():
    with pytest.raises(ValueError, match="size must be at least 1"):
        fixed_size(Fixed(), (0, 3))
    with pytest.raises(ValueError, match="halo must leave something of a tile of 64x48, got 24"):
        fixed_size(Fixed(), (64, 48), halo=24)
