"""Images of any size: padded by reflection to what the network takes, and the output cut, with and without tiles."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import hyra
from hyra import HyRA
from hyra.network.forward import NetworkError
from hyra.network.locality import measure_locality
from hyra.network.padding import Padding
from hyra.network.sizes import InputSizes
from hyra.network.wrapper import Network

LR_SIZES = [(339, 510), (338, 511), (340, 509), (50, 70)]
"""Of DIV2K's LR images at x4, a pixel more and less, and of an image that no multiple of 8 fits."""


class Multiple(nn.Module):
    """Convolutions in blocks of `multiple` pixels: no other size fits, as in a network without padding of its own."""

    def __init__(self, multiple):
        super().__init__()
        torch.manual_seed(multiple)
        self.multiple = multiple
        self.conv = nn.Conv2d(3, 12, 5, padding=2, padding_mode="reflect")

    def forward(self, x):
        height, width = x.shape[-2:]
        blocks = x.reshape(*x.shape[:2], height // self.multiple, self.multiple, width // self.multiple, self.multiple)
        x = x + 0.1 * blocks.mean((3, 5), keepdim=True).expand_as(blocks).reshape(x.shape) - 0.1
        return F.pixel_shuffle(F.gelu(self.conv(x)), 2)


def padded_whole(net, lr, multiple):
    height, width = lr.shape[-2:]
    padded = F.pad(lr[None], (0, -width % multiple, 0, -height % multiple), mode="reflect")
    with torch.no_grad():
        return net(padded)[0, :, : 2 * height, : 2 * width]


@pytest.mark.once  # minutes each, without kernels
@pytest.mark.parametrize("multiple", [1, 4, 7, 8, 16])
@pytest.mark.parametrize("size", LR_SIZES, ids=str)
def test_the_sizes_of_real_images_run_whole_and_in_tiles(multiple, size):
    net, lr = Multiple(multiple), torch.rand(3, *size)
    expected = padded_whole(net, lr, multiple)
    model = HyRA(net)
    response = model.impulse_response(form="affine")
    split = model.decompose(lr, response=response)
    assert torch.allclose(split.output, expected, rtol=0, atol=1e-6)
    assert split.padding == (-size[0] % multiple, -size[1] % multiple)
    assert ("padded" in repr(split)) == (split.padding != (0, 0))
    tiled = model.decompose(lr, response=response, tile=96)
    assert torch.allclose(tiled.output, expected, rtol=0, atol=1e-6)
    assert tiled.padding == split.padding


def test_canvases_and_backgrounds_of_any_size_are_padded_too():
    model = HyRA(Multiple(8).double())
    image = torch.rand(3, 50, 70, dtype=torch.float64)
    padded = F.pad(image[None], (0, 2, 0, 6), mode="reflect")[0]
    for options in ({"amplitude": 0.1}, {"mode": "jvp"}):
        response = model.impulse_response(background=image, **options)
        whole = model.impulse_response(background=padded, position=(25, 35), **options)
        assert torch.allclose(response.response, whole.response[:, :100, :140], atol=1e-12)
        assert response.provenance["padding"] == "6 rows below and 2 columns on the right, by reflection"
    assert model.impulse_response(50).response.shape == (3, 100, 100)
    probe = model.probe(torch.tensor([[20, 20], [21, 31]]), background=image, amplitude=0.1)
    assert probe.canvas == (50, 70)
    assert "padding" in probe.reference.provenance
    assert model.impulse_response().response.shape == (3, 128, 128)
    assert "padding" not in model.impulse_response().provenance


def test_an_image_smaller_than_its_reflection_goes_on_mirroring():
    image = torch.rand(1, 3, 2, 3)
    grown = Padding(5, 4).extended(image)
    assert torch.equal(grown[..., :2, :3], image)
    assert torch.equal(grown[..., 3, :3], image[..., 1, :])
    assert torch.equal(grown[..., 0, 3:], image[..., 0, [1, 0, 1, 2]])
    assert HyRA(Multiple(16)).decompose(torch.rand(3, 2, 3)).output.shape == (3, 4, 6)


def only(rows, columns):
    def net(x):
        if x.shape[-2] not in rows or x.shape[-1] not in columns:
            raise RuntimeError("this size\ndoes not fit\n  at layers.0.attention")
        return F.interpolate(x, scale_factor=2)

    return net


RULES = {
    "rectangular minimum": (only(range(16, 200), range(32, 200)), InputSizes(16, 1), InputSizes(32, 1)),
    "other multiples": (only(range(8, 200, 4), range(8, 200, 8)), InputSizes(8, 4), InputSizes(8, 8)),
    "some beside the rule": (only(*[[17, 18, 19, *range(32, 200)]] * 2), InputSizes(32, 1), InputSizes(32, 1)),
    "one size": (only([48], [64]), InputSizes(48, 0), InputSizes(64, 0)),
    "up to a largest": (only(range(41, 49), range(20, 57, 4)), InputSizes(41, 1, 48), InputSizes(20, 4, 56)),
}


@pytest.mark.parametrize("name", RULES)
def test_each_axis_has_its_own_rule(name):
    net, rows, columns = RULES[name]
    assert Network(net).axis_sizes() == (rows, columns)
    lr = torch.rand(3, 10, 40)
    split = HyRA(net).decompose(lr)
    assert torch.equal(split.output, F.interpolate(lr[None], scale_factor=2)[0])
    assert split.padding == (rows.at_least(10) - 10, columns.at_least(40) - 40)


def test_a_network_of_one_rectangle_is_measured():
    response = HyRA(only([48], [64])).impulse_response()
    assert response.response.shape == (3, 96, 96)
    assert float(response.white.sum()) == pytest.approx(4)


@pytest.mark.parametrize(("net", "hint"), [
    (only([64], [64]), "64x64 is the only size that was seen to work: .* --input-size 64x64"),
    (only([48], [64]), "48x64 is the only size that was seen to work: .* --input-size 48x64"),
    (only(range(41, 49), range(20, 57, 4)), r"it works from 41x20 to 48x56, in steps of 1x4: .* --input-size 48x56"),
    (only(range(90), range(300)), r"it works from 1x1 to 89xany: .*fixed_size\(net, \(89, 70\)\) .*89x70"),
], ids=["square", "rectangle", "small ones", "an axis with a largest length"])  # fmt: skip
def test_what_is_too_large_is_told_in_one_line_with_the_sizes(net, hint):
    with pytest.raises(
        NetworkError, match=rf"shape \[1, 3, 100, 70\]: this size does not fit at .*; {hint}\)?$"
    ) as raised:
        HyRA(net).decompose(torch.rand(3, 100, 70))
    assert "\n" not in str(raised.value)


class Positions(nn.Module):
    """Convolutions and a table of positions, which an image is padded to in steps of 8: no larger one fits."""

    def __init__(self, side, reach=1):
        super().__init__()
        torch.manual_seed(side)
        self.table = nn.Parameter(torch.full((1, 3, side, side), 0.1))
        self.conv = nn.Conv2d(3, 12, 3, padding=reach, dilation=reach)

    def forward(self, x):
        height, width = x.shape[-2:]
        x = F.pad(x, (0, -width % 8, 0, -height % 8), mode="reflect") + self.table
        return F.pixel_shuffle(self.conv(x), 2)[..., : 2 * height, : 2 * width]


def test_a_network_whose_positions_end_below_the_canvas_is_measured_at_its_largest_size():
    net = Positions(48)
    model = HyRA(net)
    assert model.impulse_response().response.shape == (3, 96, 96)
    assert model.input_sizes() == InputSizes(41, 1, 48)
    assert str(model.input_sizes()) == "it works from 41x41 to 48x48"
    assert model.decompose(torch.rand(3, 10, 45)).padding == (31, 0)
    image = torch.rand(3, 60, 50)
    output = HyRA(hyra.adapters.fixed_size(net, (48, 48))).decompose(image, response=model.impulse_response()).output
    with torch.no_grad():
        assert torch.allclose(output[:, :80, :80], net(image[None, :, :48, :48])[0, :, :80, :80], atol=1e-6)


def test_a_network_whose_positions_end_above_the_canvas_has_its_reach_measured_below():
    assert measure_locality(Network(Positions(80, reach=39)), 1.0, 0.0).reach is None  # too near to the border
    assert measure_locality(Network(Positions(80)), 1.0, 0.0).reach == 1


def test_a_grey_network_of_two_images_is_refused_at_once_and_for_that():
    calls = []

    def net(x):
        calls.append(x.shape)
        if x.shape[1] != 1:
            raise RuntimeError("expected 1 channel")
        return x, F.interpolate(x, scale_factor=2), F.interpolate(x, scale_factor=2)

    with pytest.raises(ValueError, match=r"returned a tuple with .* could be the image .*lambda x: net\(x\)\[0\]"):
        HyRA(net).impulse_response()
    assert len(calls) <= 4


def test_a_stored_split_says_what_was_padded(tmp_path):
    split = HyRA(Multiple(8)).decompose(torch.rand(3, 10, 20))
    split.save(tmp_path / "split.safetensors")
    assert hyra.Decomposition.load(tmp_path / "split.safetensors").padding == (6, 4)
