"""The effective receptive field: of linear networks the energy of their kernels."""

import math

import pytest
import torch
from networks import Linear, MultipleOf8, Transformer, textured
from test_maps import without_gradients
from torch import nn

import hyra
from hyra import demo
from hyra.attribution.receptive_field import EffectiveReceptiveField
from hyra.network.gradients import MissingGradients


def cells(plane, scale):
    h, w = (n // scale for n in plane.shape[-2:])
    return plane.reshape(*plane.shape[:-2], h, scale, w, scale).sum((-3, -1))


def test_of_a_linear_network_is_its_kernels_energy():
    model = hyra.HyRA(Linear(), scale=2)
    images = torch.stack([textured(17, 17, torch.float64), textured(17, 17, torch.float64).flip(1)])
    found = model.erf(images, support=False)
    response = model.impulse_response(17, "matrix").response
    energy = cells(response.mean(0).square().sum(0), 2)
    # The response says where a pixel goes, the field where an output comes from: turned about the middle.
    error = (found.energy - energy.flip(0, 1)).abs().max() / energy.max()
    assert float(error) < 1e-6
    assert float(energy.sum()) > 1


@pytest.mark.parametrize("channels", [1, 3])
def test_of_a_grey_interpolator_is_its_response(channels):
    net = nn.Upsample(scale_factor=4, mode="bicubic")
    model = hyra.HyRA(net, dtype=torch.float64, in_channels=channels)
    found = model.erf(torch.rand(channels, 15, 15, dtype=torch.float64))
    energy = cells(found.response.white.square(), 4)
    middle = energy[25:40, 25:40]  # of the canvas of 64, with the impulse at 32
    assert float((channels * found.energy - middle.flip(0, 1)).abs().max() / energy.max()) < 1e-6
    distances, shares = found.cumulated
    response_distances, response_shares = found.response_cumulated
    for distance, share in zip(distances.tolist(), shares.tolist(), strict=True):
        nearest = (response_distances - distance).abs().argmin()
        if distance <= 7:
            assert float(response_shares[nearest]) == pytest.approx(share, abs=1e-6)
    assert found.locality.reach == 2


def test_identity_touches_one_pixel():
    found = hyra.HyRA(nn.Identity()).erf(torch.rand(4, 3, 9, 12))
    assert found.energy.nonzero().tolist() == [[4, 6]]
    assert [found.radius(share) for share in (0.5, 0.9, 0.99, 1)] == [0, 0, 0, 0]
    assert found.area_ratio(0.99) == pytest.approx(1 / 108)
    assert math.isnan(found.anisotropy)
    attributed = hyra.HyRA(nn.Identity()).attribution(textured(16, 16), (5, 6, 1))
    assert sorted(attributed.absolute[0].nonzero().tolist()) == [[5, 6], [5, 7], [6, 6]]


def test_radii_areas_and_moments_by_hand():
    energy = torch.zeros(9, 11, dtype=torch.float64)
    energy[4, 5] = 0.6
    energy[4, 3] = energy[4, 7] = 0.15
    energy[2, 5] = energy[6, 5] = 0.05
    found = EffectiveReceptiveField(energy, 1, 2)
    assert [found.radius(share) for share in (0.5, 0.6, 1.0)] == pytest.approx([0, 0, 2])
    assert found.radius(0.7) == pytest.approx(2**0.5 + (2 - 2**0.5) * 0.1 / 0.4)  # from the nearest pixels before
    assert found.area_ratio(0.6) == pytest.approx(1 / 99)
    assert found.area_ratio(0.7) == pytest.approx(25 / 99)
    torch.testing.assert_close(found.moments, torch.tensor([[0.4, 0.0], [0.0, 1.2]], dtype=torch.float64))
    assert found.anisotropy == pytest.approx(0.5)
    assert found.orientation == pytest.approx(0)
    assert EffectiveReceptiveField(energy.mT.contiguous(), 1, 2).orientation == pytest.approx(90)
    with pytest.raises(ValueError, match="share must be above 0 and at most 1, got 0"):
        found.radius(0)


def test_stays_inside_what_the_network_sees():
    found = hyra.HyRA(demo.load(2)).erf(textured(48, 48))
    reach = found.locality.reach
    y, x = found.center
    outside = found.energy.clone()
    outside[y - reach : y + reach + 1, x - reach : x + reach + 1] = 0
    assert not outside.any()
    assert 0 <= found.radius(0.5) < found.radius(0.9) <= found.radius(0.99) < reach


def test_mean_over_images_and_batches():
    torch.manual_seed(0)
    model = hyra.HyRA(Transformer().double(), scale=2)
    images = torch.rand(3, 3, 16, 16, dtype=torch.float64)
    each = torch.stack([model.erf(image, support=False).energy for image in images]).mean(0)
    for size in (1, 2, None):
        found = model.erf(images, support=False, batch_size=size)
        torch.testing.assert_close(found.energy, each, rtol=1e-10, atol=1e-14)
        assert found.images == 3


def test_refuses():
    model = hyra.HyRA(demo.load(2))
    with pytest.raises(ValueError, match="images must hold at least one image"):
        model.erf(torch.rand(0, 3, 16, 16))
    with pytest.raises(ValueError, match=r"images must be \[..., 3, h, w\], got shape \(1, 16, 16\)"):
        model.erf(torch.rand(1, 16, 16))
    for net, reason in (
        (lambda x: torch.from_numpy(x.numpy()), "Can't call numpy"),
        (without_gradients(nn.Identity()), "its output does not depend on its input"),
    ):
        with pytest.raises(MissingGradients, match=f"the network has no gradients: {reason}"):
            hyra.HyRA(net, in_channels=3).erf(torch.rand(3, 16, 16))


def test_images_are_padded_for_networks_of_some_sizes():
    net = MultipleOf8()
    images = torch.stack([textured(21, 27), textured(21, 27).flip(2)])
    found = hyra.HyRA(net).erf(images, support=False)
    wanted = hyra.HyRA(nn.Sequential(net.conv, nn.PixelShuffle(2))).erf(images, support=False)
    torch.testing.assert_close(found.energy, wanted.energy)


def test_random_numbers_do_not_depend_on_batches():
    def network(x):
        return x * torch.rand_like(x)

    images = torch.rand(3, 3, 16, 16)
    with pytest.warns(RuntimeWarning, match="draws random numbers"):
        one, three = (hyra.HyRA(network, in_channels=3).erf(images, support=False, batch_size=n) for n in (1, 3))
    assert torch.equal(one.energy, three.energy)


def test_runs_beside_the_gradients_keep_no_graph():
    seen = []

    def network(x):
        seen.append((x.requires_grad, torch.is_grad_enabled()))
        return x * 1

    hyra.HyRA(network, in_channels=3).erf(torch.rand(3, 16, 16), support=False)
    assert seen.count((True, True)) == 1
    assert all(graph == (True, True) or not graph[1] for graph in seen)


@pytest.mark.parametrize("factor", [0.0, math.nan, math.inf])
def test_where_no_pixel_matters_nothing_is_told(factor):
    found = hyra.HyRA(lambda x: x * factor, in_channels=3).erf(torch.rand(3, 16, 16), support=False)
    for number in (found.radius(0.5), found.area_ratio(0.5), found.anisotropy, found.orientation):
        assert math.isnan(number)
    found.plot()


def test_refuses_energies_that_are_none():
    with pytest.raises(ValueError, match="energy must be at least 0, got -1"):
        EffectiveReceptiveField(-torch.ones(3, 3, dtype=torch.float64), 1, 2)
    with pytest.raises(TypeError, match=r"energy must have one of the dtypes torch\.float64"):
        EffectiveReceptiveField(torch.ones(3, 3), 1, 2)
