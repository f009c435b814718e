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
    with pytest.warns(
        RuntimeWarning, match=r"output is kept within 0\.\.1, and \d+% of it lies at that limit: .*mode='jvp'"
    ):
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


def convolved(x):
    kernel = torch.tensor([[0.0, 0.1, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 0.0]]).to(x)
    return F.conv2d(F.pad(x, (1, 1, 1, 1)), kernel.expand(3, 1, 3, 3), groups=3)


def noisy(x):
    y = convolved(x)
    return y + 0.1 * torch.randn_like(y)


def shaken(x):
    """Noise that depends on the image, so that no difference takes all of it away."""
    return convolved(x) * (1 + 0.1 * torch.randn_like(x))


def test_every_term_of_a_difference_gets_the_same_random_numbers():
    model = HyRA(noisy)
    with pytest.warns(RuntimeWarning, match=r"draws random numbers: its output changes by 0\.1 .*seeds=K .*averages"):
        response = model.impulse_response(32, form="affine")
    exact = HyRA(convolved).impulse_response(32, form="affine").response
    assert torch.allclose(response.response, exact, atol=1e-6)
    probe = model.probe(torch.tensor([[8, 8], [16, 17], [20, 9]]), canvas=32, form="affine", pack=False, batch_size=3)
    assert probe.deviation.max() < 1e-5
    jvp = model.impulse_response(32, background=0.5, mode="jvp")
    assert torch.allclose(jvp.response, exact, atol=1e-5)
    split = model.decompose(torch.rand(2, 3, 20, 20), response=response)
    assert torch.allclose(split.nonlinear[..., 1:-1, 1:-1], torch.zeros(()), atol=1e-5)


@pytest.mark.parametrize(("net", "seeds"), [(noisy, 16), (shaken, 9)])
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
def test_seeds_recover_the_kernel_within_the_error_told(net, seeds):
    exact = HyRA(convolved).impulse_response(32)
    response = HyRA(net).impulse_response(32, seeds=seeds)
    off = (response.response - exact.response).abs()
    assert off.flatten().kthvalue(int(0.99 * off.numel())).values <= 3 * 0.1 / seeds**0.5
    told = response.standard_error
    assert told.shape == response.response.shape
    if net is noisy:
        assert float(told.square().mean().sqrt()) == pytest.approx(0.1 / seeds**0.5, rel=0.05)
    else:
        assert float((off <= 3 * told + 1e-7).double().mean()) > 0.95
    lr = torch.rand(3, 24, 24)
    split = HyRA(net).decompose(lr, response=exact, seeds=seeds)
    assert float((split.output - convolved(lr[None])[0]).abs().mean()) < 3 * 0.1 / seeds**0.5
    assert split.standard_error.shape == split.output.shape
    assert torch.allclose(split.linear + split.nonlinear, split.output, atol=1e-6)


@pytest.mark.parametrize("seeds", [0, -1])
def test_seeds_are_at_least_one(seeds):
    with pytest.raises(ValueError, match="seeds must be at least 1"):
        HyRA(bicubic).impulse_response(seeds=seeds)
    with pytest.raises(ValueError, match="seeds must be at least 1"):
        HyRA(bicubic).decompose(torch.rand(3, 8, 8), seeds=seeds)
