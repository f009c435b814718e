"""Networks with more inputs than an image get them, and stay modules where they are modules."""

from __future__ import annotations

import copy
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import hyra
from hyra.adapters import at_scale, bind, implicit, level


def call(network, *inputs, **others):
    """As a function, which has no weights and no methods that anybody sees."""
    return network(*inputs, **others)


class Denoiser(nn.Module):
    """Enlarges what is left when the noise level is taken off."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(1.0))

    def forward(self, image: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        return self.gain * F.interpolate(image - sigma, scale_factor=2)


@pytest.mark.parametrize("value", [0.25, torch.tensor([0.25]), np.full((1, 1, 1, 1), 0.25), level(0.25)], ids=str)
def test_values_of_every_kind(value):
    images = torch.rand(2, 3, 6, 7)
    expected = F.interpolate(images - 0.25, scale_factor=2)
    torch.testing.assert_close(bind(Denoiser(), sigma=value)(images), expected)
    torch.testing.assert_close(bind(partial(call, Denoiser()), sigma=value)(images), expected)


def test_values_follow_the_images():
    seen = []

    def network(x, kernel, number, flag):
        seen.append((kernel.dtype, kernel.shape, number.dtype, flag))
        return x

    bound = bind(network, kernel=torch.rand(1, 2, 3, 3), number=np.array([3]), flag="fast")
    bound(torch.zeros(4, 1, 5, 5, dtype=torch.float64))
    assert seen == [(torch.float64, (4, 2, 3, 3), torch.int64, "fast")]


def test_an_image_that_is_not_first():
    network = bind(lambda noise, picture: picture + noise, "picture", noise=0.5)
    assert torch.equal(network(torch.zeros(1, 1, 2, 2)), torch.full((1, 1, 2, 2), 0.5))


def test_a_module_stays_one():
    bound = bind(Denoiser(), sigma=0.0)
    model = hyra.HyRA(bound)
    before = model.impulse_response(16).main_lobe
    other = copy.deepcopy(bound)
    with torch.no_grad():
        bound.net.gain.fill_(2)
    assert model.impulse_response(16).main_lobe == 2 * before
    assert hyra.HyRA(other).impulse_response(16).main_lobe == before
    assert [*dict(bound.named_parameters())] == ["net.gain"]


def test_refusals():
    with pytest.raises(TypeError, match="inputs must name at least one input of the network, got none"):
        bind(Denoiser())
    with pytest.raises(TypeError, match="net must be callable on a tensor, got int"):
        bind(3, sigma=1)
    with pytest.raises(ValueError, match="scale must be at least 1"):
        at_scale(Denoiser(), 0)


class AnyScale(nn.Module):
    """Told by a method, as ArbSR is."""

    def set_scale(self, rows: float, columns: float) -> None:
        self.factors = rows, columns

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.interpolate(x, scale_factor=self.factors, mode="bilinear")


@pytest.mark.parametrize("scale", [2, 3])
def test_networks_of_any_scale(scale):
    images = torch.rand(1, 3, 8, 9)
    expected = F.interpolate(images, scale_factor=scale, mode="bilinear")

    def told(x, s):
        return F.interpolate(x, scale_factor=s, mode="bilinear")

    for network in (told, AnyScale()):
        assert torch.equal(at_scale(network, scale)(images), expected)
        assert hyra.HyRA(at_scale(network, scale)).scale == scale


class Liif(nn.Module):
    """Interpolates at the places that it is asked for; looks at an image once, as LIIF does."""

    looks = 0

    def gen_feat(self, x):
        type(self).looks += 1
        self.feat = x

    def query_rgb(self, coord, cell):
        self.cell = cell
        grid = coord.flip(-1)[:, None]
        return F.grid_sample(self.feat, grid, "bilinear", "border", align_corners=False)[:, :, 0].mT

    def forward(self, x, coord, cell):
        self.gen_feat(x)
        return self.query_rgb(coord, cell)


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("queries", [50, 65536])
def test_implicit_networks_are_asked_for_every_pixel(scale, queries):
    images, network = torch.rand(2, 3, 9, 7), Liif()
    expected = F.interpolate(images, scale_factor=scale, mode="bilinear")
    for asked in (network, partial(call, Liif())):
        torch.testing.assert_close(implicit(asked, scale, queries=queries)(images), expected, atol=1e-5, rtol=0)
    assert torch.equal(network.cell[0, 0], torch.tensor([2 / (9 * scale), 2 / (7 * scale)]))
    plain = hyra.HyRA(nn.Upsample(scale_factor=scale, mode="bilinear")).impulse_response(16)
    found = hyra.HyRA(implicit(Liif(), scale)).impulse_response(16)
    torch.testing.assert_close(found.response, plain.response, atol=1e-5, rtol=0)


def test_an_implicit_network_looks_once():
    Liif.looks = 0
    implicit(Liif(), 2, queries=10)(torch.rand(1, 3, 8, 8))
    assert Liif.looks == 1
