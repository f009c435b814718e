"""Responses of the layers inside a network."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hyra import HyRA, ImpulseResponse
from hyra.network.forward import NetworkError
from hyra.probing.layers import PrincipalPattern


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(8, 12, 3, padding=1), nn.PixelShuffle(2)
    ).double()


def test_every_layer_is_what_the_network_computes_up_to_it():
    net = network()
    found = HyRA(net).layer_responses(size=9, form="literal")
    assert list(found) == ["0", "1", "2", "3"]
    x = torch.zeros(1, 3, 9, 9, dtype=torch.float64)
    x[..., 4, 4] = 1
    with torch.no_grad():
        for layer, response in zip(net, found.values(), strict=True):
            x = layer(x.clone())  # the ReLU works in place, and must not reach what was kept of the layer before it
            assert torch.equal(response.response, x[0])
    assert [response.scale for response in found.values()] == [1, 1, 1, 2]
    assert found["3"].origin == (8, 8)
    with pytest.warns(UserWarning, match="black alone"):
        assert torch.equal(found["3"].response, HyRA(net).impulse_response(9).response)


def test_affine_form_takes_the_biases_away():
    net = network()
    found = HyRA(net).layer_responses(["0"], 9, amplitude=0.5)["0"]
    with torch.no_grad():
        net[0].bias.zero_()
    assert torch.allclose(found.response, HyRA(net).layer_responses(["0"], 9)["0"].response, atol=1e-14)
    assert (found.form, found.amplitude) == ("affine", 0.5)


class Residual(nn.Module):
    """Its parts run in another order than they were registered in, the first of them twice."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = nn.Sequential(*parts)
        self.head = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        x = self.head(x)
        return self.head(x + self.parts(x))


def test_layers_come_in_the_order_of_computation_and_containers_that_add_nothing_are_left_out():
    torch.manual_seed(0)
    upsampler = nn.Sequential(nn.Conv2d(3, 12, 1), nn.PixelShuffle(2))
    net = nn.Sequential(Residual(nn.Conv2d(3, 3, 1), nn.ReLU()), upsampler).double()
    model = HyRA(net)
    assert list(model.layer_responses(size=9)) == ["0.parts.0", "0.parts.1", "0.head", "1.0", "1.1"]
    named = model.layer_responses(["(output)", "1", "0"], 9)
    assert list(named) == ["(output)", "1", "0"]
    assert torch.equal(named["(output)"].response, model.impulse_response(9, form="affine").response)
    skipped = nn.Sequential(Residual(nn.ReLU()), nn.Upsample(scale_factor=2))
    skipped.forward = lambda x: F.interpolate(x, scale_factor=2) + nn.Sequential.forward(skipped, x)
    assert list(HyRA(skipped).layer_responses(size=9)) == ["0.parts.0", "0.head", "1", "(output)"]


def test_hooks_are_gone_afterwards_even_after_a_failure():
    net = network()
    HyRA(net).layer_responses(size=8)
    assert not any(part._forward_hooks for part in net.modules())
    net.append(nn.Conv2d(5, 5, 1))
    with pytest.raises(NetworkError):
        HyRA(net, in_channels=3).layer_responses(size=8)
    assert not any(part._forward_hooks for part in net.modules())


def test_layers_that_give_no_image_are_left_out_or_refused():
    net = nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Upsample(scale_factor=32))
    )
    model = HyRA(net, scale=2, in_channels=3)
    assert list(model.layer_responses(size=16)) == ["0", "1.1"]
    message = r"layer '1.0' must give images \[1, C, k \* 16, k \* 16\], got shape \[1, 3, 1, 1\]"
    with pytest.raises(ValueError, match=message):
        model.layer_responses(["1.0"], 16)


def test_refuses():
    with pytest.raises(ValueError, match=r"layers must be names of the network's modules, got 'body'; it has"):
        HyRA(network()).layer_responses(["body"])
    with pytest.raises(
        ValueError, match=r"net must be an nn.Module .* a function or an ONNX network does not show, got relu"
    ):
        HyRA(F.relu).layer_responses()
    with pytest.raises(ValueError, match=r"net must be an nn.Module whose layers can be watched, got a Torch"):
        HyRA(torch.jit.trace(nn.ReLU(), torch.rand(1, 3, 16, 16))).layer_responses()
    with pytest.raises(ValueError, match="amplitude must be a finite number other than 0"):
        HyRA(network()).layer_responses(amplitude=0)


def test_scores_of_an_interpolator_are_those_of_its_fit():
    """Channels of arbitrary sign and weight that all hold one kernel: it is the pattern, and its scores are known."""
    net = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.Upsample(scale_factor=4, mode="bicubic")).double()
    with torch.no_grad():
        net[0].weight[:, :, 0, 0] = torch.tensor([[2.0], [-3.0], [0.0], [0.5]]) / 3
    found = HyRA(net, scale=4, in_channels=3).layer_responses(size=16)
    fit = HyRA(nn.Upsample(scale_factor=4, mode="bicubic"), dtype=torch.float64).impulse_response(16).fit_sinc()
    pattern = found.patterns["1"]
    assert (pattern.similarity, pattern.ring_cosine) == pytest.approx((fit.similarity, fit.ring_cosine), abs=1e-12)
    assert pattern.share == pytest.approx(1)
    assert pattern.response.main_lobe > 0
    assert (found.patterns["0"].similarity, found.patterns["0"].ring_cosine) == (None, None)
    head, *rows = found.table().splitlines()
    assert head.split() == ["layer", "channels", "scale", "share", "cosine", "ring", "cosine"]
    assert rows[0].split() == ["0", "4", "x1", "1.000", "-", "-"]
    assert rows[1].split() == ["1", "4", "x4", "1.000", f"{fit.similarity:.3f}", f"{fit.ring_cosine:.3f}"]


def test_share_is_that_of_the_largest_singular_value():
    response = HyRA(network()).layer_responses(["2"], 9)["2"]
    singular = torch.linalg.svdvals(response.response.flatten(1)).square()
    pattern = PrincipalPattern.of(response)
    assert pattern.share == pytest.approx(float(singular[0] / singular.sum()))
    assert float(pattern.response.response.square().sum()) == pytest.approx(float(singular[0]))


@pytest.mark.parametrize("value", [0.0, math.inf])
def test_layers_without_a_pattern(value):
    pattern = PrincipalPattern.of(ImpulseResponse(torch.full((2, 8, 8), value), 2, (4, 4)))
    assert math.isnan(pattern.share)


def test_figure_shows_the_layers_that_were_asked_for():
    pytest.importorskip("matplotlib").use("agg")
    found = HyRA(network()).layer_responses(size=12)
    _, axes = found.plot(layers=["3", "0"])
    assert list(axes) == ["3", "0"]
    ring_cosine = f"{found.patterns['3'].ring_cosine:.2f}".replace("-", "−")
    assert f"ring cosine {ring_cosine}" in axes["3"][0].get_title()
    assert "ring cosine" not in axes["0"][0].get_title()
    peaks = [float(found.patterns[name].response.response.abs().max()) for name in ("3", "0")]
    limits = [axes[name][0].images[0].get_clim()[1] for name in ("3", "0")]
    assert limits == pytest.approx([0.3 * peaks[0], peaks[1]])  # side lobes are shown where a sinc can be
    assert [axes[name][1].get_xlim()[1] for name in ("3", "0")] == [1, 0.5]  # each up to its own Nyquist frequency
    _, pattern, _ = axes["3"][1].lines
    frequency = 0.5  # cycles per LR pixel, a quarter of a cycle per HR pixel, on the grid of 24 HR pixels
    plane = found.patterns["3"].response.response[0]
    gains = torch.fft.fft(plane.sum(0)).abs()[:13]
    drawn = dict(zip(*(x.tolist() for x in pattern.get_data()), strict=True))
    assert drawn[frequency] == pytest.approx(float(20 * (gains[6] / gains.max()).log10()))
    with pytest.raises(ValueError, match=r"layers must be some of \['0', '1', '2', '3'\], got 'x'"):
        found.plot(layers=["x"])


class Routed(nn.Module):
    """Takes another way for bright images, as mixtures of experts do."""

    def __init__(self):
        super().__init__()
        self.bright, self.dark, self.last = nn.Conv2d(3, 12, 3, padding=1), nn.Conv2d(3, 12, 1), nn.PixelShuffle(2)

    def forward(self, x):
        return self.last(self.bright(x) if x.amax() > 0.5 else self.dark(x))


def test_layers_that_the_background_alone_does_not_reach_are_left_out_and_told():
    with pytest.warns(UserWarning, match="takes another way for the impulse than for the background alone: bright are"):
        found = HyRA(Routed()).layer_responses(size=16)
    assert list(found) == ["last"]
    with pytest.raises(ValueError, match=r"layers must give images of one shape for both, got .*: bright"):
        HyRA(Routed()).layer_responses(["bright"], size=16)
