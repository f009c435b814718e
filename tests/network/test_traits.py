"""What networks do beside enlarging is found out: bounds of their output, and random numbers."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import hyra
from hyra import HyRA
from hyra.network.traits import Bounds
from hyra.network.wrapper import Network


def bicubic(x):
    return F.interpolate(x, scale_factor=4, mode="bicubic")


BOUNDED = {
    "clamp": (lambda x: bicubic(x).clamp(0, 1), Bounds(0, 1)),
    "tanh": (lambda x: torch.tanh(2 * bicubic(x) - 1) / 2 + 0.5, Bounds(0, 1)),
    "relu": (lambda x: bicubic(x).relu(), Bounds(0, None)),
    "symmetric": (lambda x: bicubic(x).clamp(-1, 1), Bounds(-1, 1)),
}
FREE = {
    "bicubic": bicubic,
    "nearest": lambda x: F.interpolate(x, scale_factor=4),
    "bilinear": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "8 bits": lambda x: bicubic(x).mul(255).round() / 255,
    "median of neighbours": lambda x: F.interpolate(F.max_pool2d(x, 3, 1, 1), scale_factor=2),
    "constant": lambda x: torch.ones(1, 3, 2 * x.shape[-2], 2 * x.shape[-1]),
}


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_are_found(name):
    net, bounds = BOUNDED[name]
    assert Network(net).traits.bounds == bounds


@pytest.mark.parametrize("name", FREE)
def test_what_does_not_bound_is_not_said_to(name):
    assert Network(FREE[name]).traits.bounds is None


def test_a_clamped_response_is_told_of_and_never_ranked():
    clamped = HyRA(lambda x: bicubic(x).clamp(0, 1))
    with pytest.warns(RuntimeWarning, match=r"output is kept within 0\.\.1, and \d+% of it lies there: .*mode='jvp'"):
        response = clamped.impulse_response()
    assert response.clipped > 0.9
    assert "clipped" in repr(response)
    assert response.provenance["output"] == "kept within 0..1"
    assert response.fit_sinc().ring_cosine < 0.2
    with pytest.warns(RuntimeWarning, match="clamped: the network's output"):
        ranking = hyra.compare_models({"clamped": clamped, "nearest": HyRA(FREE["nearest"])})
    assert [model.name for model in ranking.models] == ["nearest", "clamped"]
    assert "(clipped)" in ranking.table()
    assert "(clipped)" in repr(ranking)


@pytest.mark.parametrize(
    "options", [{"background": 0.5, "amplitude": 0.1}, {"background": 0.5, "mode": "jvp"}], ids=str
)
@pytest.mark.filterwarnings("error")
def test_where_nothing_is_cut_a_clamp_changes_nothing(options):
    response = HyRA(lambda x: bicubic(x).clamp(0, 1)).impulse_response(**options)
    assert response.clipped == 0
    expected = HyRA(bicubic).impulse_response(**options)
    assert torch.allclose(response.response, expected.response, atol=1e-6)
    assert response.fit_sinc().ring_cosine == pytest.approx(0.78, abs=0.01)


def test_the_descriptor_of_spandrel_is_unwrapped(tmp_path):
    spandrel = pytest.importorskip("spandrel")
    from spandrel.architectures.SPAN import SPAN

    torch.manual_seed(0)
    module = SPAN(num_in_ch=3, num_out_ch=3, upscale=2, feature_channels=8)
    torch.save(module.state_dict(), tmp_path / "span.pth")
    descriptor = spandrel.ModelLoader().load_from_file(tmp_path / "span.pth")
    model = HyRA(descriptor)
    assert model.network.module is descriptor.model
    assert model.scale == 2
    assert torch.equal(model.impulse_response(32).response, HyRA(descriptor.model).impulse_response(32).response)


class Dropping(nn.Module):
    """Leaves dropout on, as its author forgot the flag."""

    def forward(self, x):
        return F.interpolate(F.dropout(x, 0.25, training=True), scale_factor=2)


def test_deterministic_networks_have_no_noise_and_random_ones_do():
    assert Network(bicubic).traits.noise == 0
    traits = Network(Dropping()).traits
    assert traits.noise > 0.1
    assert traits.repeats
    generator = torch.Generator()
    own = Network(lambda x: bicubic(x) + 0.1 * torch.randn(x.shape, generator=generator).repeat(1, 1, 4, 4)).traits
    assert own.noise == pytest.approx(0.1, rel=0.1)
    assert not own.repeats
