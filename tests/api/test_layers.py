"""Responses of the layers inside a network."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hyra import HyRA
from hyra.network import NetworkError


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
    assert torch.equal(found["3"].response, HyRA(net).impulse_response(9).response)


def test_affine_form_takes_the_biases_away():
    net = network()
    found = HyRA(net).layer_responses(["0"], 9, amplitude=0.5)["0"]
    with torch.no_grad():
        net[0].bias.zero_()
    assert torch.allclose(found.response, HyRA(net).layer_responses(["0"], 9)["0"].response, atol=1e-14)
    assert (found.form, found.amplitude) == ("affine", 0.5)


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
    assert list(model.layer_responses(size=16)) == ["0", "1", "1.1"]
    message = r"layer '1.0' must give images \[1, C, k \* 16, k \* 16\], got shape \[1, 3, 1, 1\]"
    with pytest.raises(ValueError, match=message):
        model.layer_responses(["1.0"], 16)


def test_refuses():
    with pytest.raises(ValueError, match=r"layers must be names of the network's modules, got 'body'; it has"):
        HyRA(network()).layer_responses(["body"])
    with pytest.raises(ValueError, match=r"net must be an nn.Module to look into its layers, got the function relu"):
        HyRA(F.relu).layer_responses()
    with pytest.raises(ValueError, match="amplitude must be a finite number other than 0"):
        HyRA(network()).layer_responses(amplitude=0)
