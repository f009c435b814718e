"""How far a network looks is found with few runs, and on what no peak or NaN can hide."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hyra import HyRA
from hyra.network import locality
from hyra.network.locality import BUDGET, Locality, measure_locality


def box(reach):
    """The mean of a square, of which nothing is negligible."""
    side = 2 * reach + 1

    def net(x):
        rows = F.avg_pool2d(F.pad(x, (reach,) * 4), (side, 1), 1)
        return F.interpolate(F.avg_pool2d(rows, (1, side), 1), scale_factor=2)

    return net


def windowed(size, reach=0):
    """Means within windows, after a mean of a square."""

    def net(x):
        height, width = x.shape[-2:]
        y = F.pad(x, (0, -width % size, 0, -height % size), mode="replicate")
        y = F.interpolate(F.avg_pool2d(y, size).square(), scale_factor=size)[..., :height, :width]
        return F.interpolate(y, scale_factor=2) + box(reach)(x)

    return net


def pooled(x):
    return F.interpolate(x * (1 + x.mean((-2, -1), keepdim=True)), scale_factor=2)


class Placed(nn.Module):
    """Adds what depends on the place, as embeddings of positions do."""

    def forward(self, x):
        return F.interpolate(box(6)(x)[..., ::2, ::2] * torch.linspace(1, 2, x.shape[-1]).to(x), scale_factor=2)


NETWORKS = {
    "local": (box(4), Locality(4, 1)),
    "wide": (box(70), Locality(70, 1)),
    "wider": (box(120), Locality(120, 1)),
    "windowed by 8": (windowed(8), Locality(7, 8)),
    "windowed by 7": (windowed(7), Locality(6, 7)),
    "windowed by 12": (windowed(12), Locality(11, 12)),
    "windowed by 22": (windowed(22), Locality(21, 22)),
    "windowed and wide": (windowed(8, 60), Locality(60, 8)),
    "pooled": (pooled, Locality(None, None)),
    "no period": (Placed(), Locality(6, None)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_at_most_sixteen_runs_of_the_probes_canvas(name):
    net, expected = NETWORKS[name]
    pixels = []

    def counted(x):
        pixels.append(x.shape[-2] * x.shape[-1] * len(x))
        return net(x)

    network = HyRA(counted, scale=2, in_channels=3, dtype=torch.float64).network
    network.input_sizes()
    _ = network.traits
    pixels.clear()
    found = measure_locality(network, 1.0, 0.0)
    assert sum(pixels) <= BUDGET * 128**2
    assert found.period == expected.period
    if "windowed" not in name or found.reach is None:
        assert found.reach == expected.reach
    else:  # it depends on the place in the window, and tiles add a period
        assert expected.reach // 2 <= found.reach <= expected.reach


def test_a_peak_that_explodes_hides_nothing():
    kernel = torch.tensor([0.3, 0.4, 0.3])
    kernel = (kernel[:, None] * kernel).view(1, 1, 3, 3).double()

    def blurred(x, times):
        for _ in range(times):
            x = F.conv2d(x, kernel, padding=1)
        return x

    def net(x):
        return F.interpolate(blurred(x, 30) + 1e4 * (x - 0.95).relu(), scale_factor=2)

    options = {"scale": 2, "in_channels": 1, "dtype": torch.float64}
    plain = measure_locality(HyRA(lambda x: F.interpolate(blurred(x, 30), scale_factor=2), **options).network, 1.0, 0.0)
    exploding = HyRA(net, **options)
    found = measure_locality(exploding.network, 1.0, 0.0)
    assert plain.reach >= 20
    assert found.reach >= plain.reach
    lr = torch.rand(1, 80, 90, dtype=torch.float64)
    assert torch.allclose(exploding.decompose(lr, tile=16).output, exploding.decompose(lr).output, rtol=0, atol=1e-6)


def spread(x):
    """Not finite on a constant image, and elsewhere scaled by the deviation of the whole."""
    return F.interpolate(x / x.var((-2, -1), keepdim=True).sqrt(), scale_factor=2)


def not_finite_on_noise(x):
    """NaN wherever the whole image varies too much, which no reach says anything of."""
    return F.interpolate(x + (0.05 - x.var((-2, -1), keepdim=True)).sqrt(), scale_factor=2)


@pytest.mark.parametrize("net", [spread, not_finite_on_noise])
def test_what_is_not_finite_is_no_reach_of_zero(net):
    assert measure_locality(HyRA(net).network, 1.0, 0.0).reach is None
    with pytest.raises(ValueError, match=r"halo must be given .*leave tile out .* or accept an approximation"):
        HyRA(net).decompose(torch.rand(3, 40, 40), form="affine", tile=16)


def test_tiles_check_themselves(monkeypatch):
    monkeypatch.setattr("hyra.network.tiling.measure_locality", lambda *_, **__: Locality(0, 1))
    lr = torch.rand(3, 40, 50)
    with pytest.raises(ValueError, match=r"tile must be left out, or halo be given .* change the output by 0"):
        HyRA(box(3)).decompose(lr, tile=16)
    with pytest.warns(UserWarning, match=r"a halo of 2 LR pixels change the output by .* a larger halo may"):
        HyRA(box(3)).decompose(lr, tile=16, halo=2)
    assert torch.allclose(
        HyRA(box(3)).decompose(lr, tile=16, halo=3).output, HyRA(box(3)).decompose(lr).output, atol=1e-6
    )


def test_pooled_networks_are_told_what_a_halo_costs():
    message = r"on noise tiles of 16 are off by [\de.-]+ with halo=16 and [\de.-]+ with halo=32"
    with pytest.raises(ValueError, match=message):
        HyRA(pooled).decompose(torch.rand(3, 40, 40), tile=16)


def test_what_a_module_told_once_is_kept_for_its_weights(monkeypatch):
    net = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2))
    measured, measure = [], locality._measure
    monkeypatch.setattr(locality, "_measure", lambda *args: measured.append(1) or measure(*args))
    for _ in range(2):
        assert measure_locality(HyRA(net).network, 1.0, 0.0) == Locality(1, 1)
    assert len(measured) == 1
    net[0].weight.data[:, :, [0, 2]] = 0
    net[0].weight.data[..., [0, 2]] = 0
    assert measure_locality(HyRA(net).network, 1.0, 0.0) == Locality(0, 1)
    assert len(measured) == 2
