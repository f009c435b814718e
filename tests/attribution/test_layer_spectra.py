"""Spectra of layers: each is that of the layer's own output, wherever its channels lie."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from networks import MultipleOf8, Transformer, textured
from torch import nn

import hyra
from hyra import demo, spectrum
from hyra.attribution.layer_spectra import LayerSpectra, LayerSpectrum, planes_of
from hyra.network.forward import NetworkError


def outputs_of(net, image):
    """What each module returns, as a copy; the last call counts."""
    kept = {}
    handles = [
        part.register_forward_hook(lambda m, i, out, name=name: kept.update({name or "(output)": out}))
        for name, part in net.named_modules()
    ]
    with torch.no_grad():
        net(image[None])
    for handle in handles:
        handle.remove()
    return kept


@pytest.mark.parametrize("shape", [(16, 24), (12, 12)])
def test_parseval_of_every_layer(shape):
    torch.manual_seed(0)
    net, image = Transformer().double(), textured(*shape, torch.float64)
    found = hyra.HyRA(net, scale=2).layer_spectra(image)
    assert [*found][:3] == ["head", "first.norm", "first.mlp.0"]
    assert {"first", "second", "tokens", "tokens.norm", "tokens.linear", "tail.0", "tail.1", "(output)"} <= {*found}
    outputs = outputs_of(net, image)
    for name, layer in found.items():
        assert layer.energy == pytest.approx(float(outputs[name].square().mean()), rel=1e-12)
        assert layer.channels == outputs[name].numel() / (layer.scale**2 * shape[0] * shape[1])
    assert {"first.attention", "second.attention"} <= {*found.skipped}


def test_is_the_radial_power_of_the_output():
    net, image = demo.load(2), textured(20, 28)
    found = hyra.HyRA(net).layer_spectra(image, ["body", "(output)"])
    outputs = outputs_of(net, image)
    for name, scale in (("body", 1), ("(output)", 2)):
        profile = spectrum.radial_power(outputs[name][0], corners=True)
        torch.testing.assert_close(found[name].power, profile.power.mean(0))
        torch.testing.assert_close(found[name].frequency, scale * profile.frequency)
        assert torch.equal(found[name].count, profile.count)
        assert found[name].scale == scale


def test_black_and_difference():
    torch.manual_seed(0)
    net, image = Transformer().double(), textured(12, 16, torch.float64)
    found = hyra.HyRA(net, scale=2).layer_spectra(image, black=True)
    alone = hyra.HyRA(net, scale=2).layer_spectra(image)
    image_outputs, black_outputs = outputs_of(net, image), outputs_of(net, torch.zeros_like(image))
    for name, layer in found.items():
        torch.testing.assert_close(layer.power, alone[name].power)
        planes, black = (planes_of(x[name], 1, 12, 16)[0] for x in (image_outputs, black_outputs))
        for power, picture in ((layer.black_power, black), (layer.difference_power, planes - black)):
            wanted = spectrum.radial_power(picture, corners=True).power.mean(0)
            assert float((power - wanted).abs().max()) <= 1e-12 * float(layer.power.max() + layer.black_power.max())


class OneAtATime(nn.Sequential):
    """As an exported network of a fixed batch."""

    def forward(self, x):
        if len(x) != 1:
            raise ValueError("expected a batch of 1")
        return super().forward(x)


class Noisy(nn.Sequential):
    def forward(self, x):
        return super().forward(x) + 1e-3 * torch.randn(x.shape[0], 1, 1, 1)


@pytest.mark.filterwarnings("ignore:the network draws random numbers")
@pytest.mark.parametrize("kind", [OneAtATime, Noisy])
def test_black_and_difference_of_networks_that_take_one_image_at_a_time(kind):
    parts = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 1)
    image = textured(12, 16)
    expected = hyra.HyRA(nn.Sequential(*parts)).layer_spectra(image, black=True)
    spectra = hyra.HyRA(kind(*parts)).layer_spectra(image, black=True)
    for layer in ("0", "1", "2"):
        for name in ("power", "black_power", "difference_power"):
            assert torch.allclose(getattr(spectra[layer], name), getattr(expected[layer], name), rtol=1e-5)


def test_shares_of_the_bands():
    net = nn.Sequential(nn.Identity(), nn.AvgPool2d(3, 1, 1), nn.Upsample(scale_factor=2))
    x = torch.arange(32, dtype=torch.float64)
    waves = 1 + (2 * math.pi * x / 16).cos() + 2 * (2 * math.pi * 14 * x / 32).cos()
    image = waves.expand(1, 32, 32)
    found = hyra.HyRA(net, dtype=torch.float64, in_channels=1).layer_spectra(image)
    first, second, last = found.band_shares()
    torch.testing.assert_close(first, torch.tensor([0.2, 0, 0, 0.8, 0], dtype=torch.float64), atol=1e-12, rtol=0)
    assert second[0] > 0.6  # a mean takes from the higher wave
    assert found.survival().shape == (2, 5)
    assert float(found.survival()[0, 3]) == pytest.approx(float(second[3] / 0.8))
    assert last[4] > 0  # repeated pixels bring copies
    assert float(first.sum()) == pytest.approx(1)
    assert [float(found["0"].relative_log_amplitude[r]) for r in (0, 2, 14)] == pytest.approx(
        [0, math.log(1 / 2 * math.sqrt(2 / found["0"].count[2])), math.log(math.sqrt(2 / found["0"].count[14]))]
    )


def test_layouts():
    x = torch.rand(2, 5, 8, 12)
    assert torch.equal(planes_of(x, 2, 8, 12), x)
    assert torch.equal(planes_of(x.movedim(1, -1), 2, 8, 12), x)
    assert torch.equal(planes_of(x.movedim(1, -1).flatten(1, 2), 2, 8, 12), x)
    assert torch.equal(planes_of(x, 2, 4, 6), x)
    assert torch.equal(planes_of(x, 2, 16, 24), x)
    assert planes_of(x, 1, 8, 12) is None
    assert planes_of(x, 2, 8, 8) is None
    assert planes_of(x.mean((2, 3), keepdim=True), 2, 8, 8) is None
    assert planes_of(x.flatten(1), 2, 8, 12) is None
    assert planes_of((x,), 2, 8, 12) is None
    assert planes_of(x.long(), 2, 8, 12) is None


def test_hooks_are_gone_afterwards():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(5, 3, 1))
    with pytest.raises(NetworkError):
        hyra.HyRA(net, in_channels=3).layer_spectra(torch.rand(3, 16, 16))
    assert not any(part._forward_hooks for part in net.modules())


def test_layers_that_work_in_place_are_measured_before():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True))
    image = textured(16, 16)
    found = hyra.HyRA(net).layer_spectra(image)
    with torch.no_grad():
        wanted = net[0](image[None])
        assert found["0"].energy == pytest.approx(float(wanted.square().mean()), rel=1e-5)
        assert found["1"].energy == pytest.approx(float(F.relu(wanted).square().mean()), rel=1e-5)


def test_refuses():
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Upsample(scale_factor=16))
    with pytest.raises(ValueError, match="layer '0' must give an image on a grid of 16x16, or tokens of one"):
        hyra.HyRA(pooled, scale=1, in_channels=3).layer_spectra(torch.rand(3, 16, 24)[..., :16], ["0"])
    with pytest.raises(ValueError, match=r"net must be an nn\.Module"):
        hyra.HyRA(torch.relu, in_channels=3).layer_spectra(torch.rand(3, 16, 16))
    with pytest.raises(ValueError, match="net must have a layer that gives images on a grid of 16x16"):
        hyra.HyRA(Pair(), in_channels=3).layer_spectra(torch.rand(3, 16, 16))


class Pair(nn.Module):
    def forward(self, x):
        return x, x.mean()


def test_layers_that_return_a_number_are_skipped():
    class Mean(nn.Module):
        def forward(self, x):
            return x.mean()

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.mean = Mean()

        def forward(self, x):
            return x * self.mean(x)

    assert hyra.HyRA(Scaled(), in_channels=3).layer_spectra(textured(16, 16)).skipped == ("mean",)


@pytest.mark.parametrize("black", [False, True])
def test_images_are_padded_for_networks_of_some_sizes(black):
    net, image = MultipleOf8(), textured(21, 27)
    found = hyra.HyRA(net).layer_spectra(image, black=black)
    outputs = outputs_of(net, F.pad(image, (0, 5, 0, 3), mode="reflect"))
    assert [*found] == ["conv", "(output)"]
    for name, layer in found.items():
        assert layer.energy == pytest.approx(float(outputs[name].square().mean()), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"power": -torch.ones(3, dtype=torch.float64)}, "power must be at least 0, got -1"),
        ({"count": torch.tensor([1, 0, 2])}, "count must hold at least one bin in every ring"),
        ({"black_power": torch.ones(3)}, "black_power and difference_power must be measured together"),
    ],
)
def test_refuses_spectra_that_are_none(changes, message):
    spectrum = LayerSpectrum(1.0, 2, torch.tensor([0.0, 0.1, 0.2]), torch.ones(3), torch.tensor([1, 4, 8]))
    with pytest.raises(ValueError, match=message):
        replace(spectrum, **changes)
    with pytest.raises(ValueError, match="layers must hold at least one layer, got none"):
        LayerSpectra({})
