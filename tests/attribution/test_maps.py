"""Local attribution maps: complete, as defined, and the same however they are computed."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from networks import Linear, MultipleOf8, Transformer, textured
from torch import nn

import hyra
from hyra import demo
from hyra.attribution.detail import detail, most_detailed
from hyra.attribution.maps import diffusion_index
from hyra.attribution.path import BlurPath


def test_diffusion_index_by_hand():
    """Of 1, 2, 3, 4 all pairs differ by 20 together, and 20 / (2 * 4^2 * 2.5) = 1 / 4."""
    assert float(diffusion_index(torch.tensor([[3.0, 1.0], [4.0, 2.0]]))) == pytest.approx(75)


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (3, 50)])
def test_diffusion_index_of_the_extremes(shape):
    assert float(diffusion_index(torch.full(shape, 0.3))) == pytest.approx(100)
    single = torch.zeros(shape)
    single[0, shape[1] // 2] = 7
    assert float(diffusion_index(single)) == pytest.approx(100 / single.numel())
    assert math.isnan(float(diffusion_index(torch.zeros(shape))))


def test_diffusion_index_is_that_of_the_definition():
    maps = torch.rand(2, 3, 9, 7, dtype=torch.float64)
    values = maps.flatten(-2)
    pairs = (values[..., :, None] - values[..., None, :]).abs().sum((-2, -1))
    gini = pairs / (2 * values.shape[-1] ** 2 * values.mean(-1))
    torch.testing.assert_close(diffusion_index(maps), 100 * (1 - gini))


def test_path_begins_blurred_and_ends_at_the_image():
    image = textured(20, 24, torch.float64)
    path = BlurPath(image, 1.2)
    sharp, still = path(1.0)
    assert torch.equal(sharp, image)
    assert not still.any()
    y, x = np.mgrid[-4:5, -4:5]
    kernel = np.exp(-(x**2 + y**2) / (2 * 1.2**2))
    kernel = torch.from_numpy(kernel / kernel.sum())
    padded = F.pad(image[:, None], (4, 4, 4, 4), mode="reflect")
    torch.testing.assert_close(path(0.0)[0], F.conv2d(padded, kernel[None, None])[:, 0])


@pytest.mark.parametrize("t", [0.0, 0.4, 0.9])
def test_path_is_differentiated_exactly(t):
    path = BlurPath(textured(20, 24, torch.float64), 1.2)
    step = 1e-5
    before, after = (path(max(t + s * step, 0.0))[0] for s in (-1, 1))
    change = (after - before) / (2 * step if t > 0 else step)
    torch.testing.assert_close(path(t)[1], change, rtol=1e-4, atol=1e-6)


def test_detail_by_hand():
    image = torch.zeros(1, 2, 5, 5, dtype=torch.float64)
    image[0, 0, 2, 2] = 3
    image[0, 1, 2, 3] = 4
    # A pixel of value v counts v for its upper and left neighbours and v sqrt 2 for itself.
    assert float(detail(image, (1, 1, 3))) == pytest.approx(7 * (2 + math.sqrt(2)))
    assert float(detail(image, (0, 0, 2))) == pytest.approx(0)
    assert float(detail(image, (2, 2, 1))) == pytest.approx(3 * math.sqrt(2) + 4)


def test_detail_of_flat_parts_has_gradient_zero():
    image = torch.full((1, 3, 8, 8), 0.5, requires_grad=True)
    detail(image, (1, 1, 4)).sum().backward()
    assert not image.grad.any()


def test_windows_of_most_detail():
    image = torch.zeros(3, 40, 40)
    image[:, 5:9:2, 5:9] = 1
    image[:, 30:34:2, 20:24] = 0.5
    first, second = most_detailed(image, 2, 8)
    assert all(start <= at < start + 8 for start, at in zip(first[:2], (6, 6), strict=True))
    assert all(start <= at < start + 8 for start, at in zip(second[:2], (31, 21), strict=True))
    with pytest.raises(ValueError, match="window must be at most 1 windows of 30x30 here, got 2"):
        most_detailed(image, 2, 30)


NETWORKS = {"demo": lambda: demo.load(2), "transformer": Transformer, "mixed": lambda: Linear().float()}


@pytest.mark.parametrize("name", NETWORKS)
def test_contributions_are_complete(name):
    torch.manual_seed(0)
    model = hyra.HyRA(NETWORKS[name](), scale=2)
    found = model.attribution(textured(24, 32), 3, side=8)
    blurred = model.network(BlurPath(textured(24, 32), 1.2)(0.0)[0].float()[None])
    change = torch.stack(
        [detail(found.output[None].double(), w)[0] - detail(blurred.double(), w)[0] for w in found.windows]
    )
    assert (change.abs() > 0.1).all()
    error = (found.maps.sum((1, 2, 3)) - change).abs() / change.abs()
    assert float(error.max()) <= 0.01
    assert float((found.completeness_error - error).abs().max()) < 1e-4
    assert torch.equal(found.signed, found.maps.sum(1))
    torch.testing.assert_close(found.diffusion_index, diffusion_index(found.signed.abs()))


def test_maps_agree_with_many_small_steps():
    """Against the sum that the definition's integral is the limit of: gradients times what each step changes."""
    torch.manual_seed(0)
    net, image = Transformer().double(), textured(16, 16, torch.float64)
    window = (8, 10, 8)
    found = hyra.HyRA(net, scale=2).attribution(image, window, tolerance=1e-4)
    sigmas = torch.linspace(1.2, 0, 401, dtype=torch.float64).tolist()
    images = [BlurPath(image, 1.2)(1 - (sigma / 1.2) ** 2)[0] for sigma in sigmas]
    total = torch.zeros_like(image)
    for before, after in pairwise(images):
        middle = ((before + after) / 2)[None].requires_grad_()
        total += torch.autograd.grad(detail(net(middle), window).sum(), middle)[0][0] * (after - before)
    assert float((found.maps[0] - total).abs().max() / total.abs().max()) < 1e-3


def test_results_do_not_depend_on_batches():
    model = hyra.HyRA(demo.load(2).double())
    image = textured(20, 24, torch.float64)
    one, five, searched = (model.attribution(image, 2, side=8, batch_size=size) for size in (1, 5, None))
    scale = one.maps.abs().max()
    assert float((five.maps - one.maps).abs().max() / scale) < 1e-12
    assert float((searched.maps - one.maps).abs().max() / scale) < 1e-12
    assert one.steps.tolist() == five.steps.tolist() == searched.steps.tolist()


def test_several_windows_are_what_each_is_alone():
    model = hyra.HyRA(demo.load(2).double())
    image = textured(20, 24, torch.float64)
    windows = [(4, 6, 8), (20, 22, 12)]
    together = model.attribution(image, windows, tolerance=1e-3)
    for index, window in enumerate(windows):
        alone = model.attribution(image, window, tolerance=1e-3)
        assert alone.steps[0] == together.steps[index]
        torch.testing.assert_close(alone.maps[0], together.maps[index], rtol=1e-10, atol=1e-12)


def test_a_local_network_uses_the_pixels_it_can_see():
    model = hyra.HyRA(nn.Upsample(scale_factor=2))
    found = model.attribution(textured(20, 24), (10, 12, 4))
    rows, columns = (where.unique().tolist() for where in found.absolute[0].nonzero(as_tuple=True))
    assert rows == [5, 6, 7]  # the window's two LR rows, and the one below, to which differences are taken
    assert columns == [6, 7, 8]


def without_gradients(net):
    def run(x):
        return torch.from_numpy(net(x).detach().numpy().copy())  # as a call of another library

    return run


def test_blocks_agree_with_gradients():
    """Central differences in float32, summed over blocks, are within 1 % of the largest block."""
    net, image = demo.load(2), textured(16, 16)
    exact = hyra.HyRA(net).attribution(image, (10, 12, 8), tolerance=1e-3)
    with pytest.warns(UserWarning, match="the network has no gradients.*squares of 2 LR pixels, by central"):
        blocks = hyra.HyRA(without_gradients(net), scale=2, in_channels=3).attribution(image, (10, 12, 8))
    assert (blocks.method, blocks.block) == ("differences", 2)
    assert float(blocks.completeness_error) <= 0.01
    sums = [F.avg_pool2d(found.signed, 2) for found in (exact, blocks)]
    assert float((sums[1] - sums[0]).abs().max() / sums[0].abs().max()) < 0.02
    torch.testing.assert_close(blocks.signed[0, ::2, ::2], blocks.signed[0, 1::2, 1::2])


def test_leaves_the_network_alone():
    net = Transformer().train()
    net.head.weight.requires_grad_(False)
    state = {name: value.clone() for name, value in net.state_dict().items()}
    random = torch.get_rng_state()
    hyra.HyRA(net, scale=2).attribution(textured(16, 16), (4, 4, 8), batch_size=2)
    assert torch.equal(torch.get_rng_state(), random)
    assert net.training
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert {name for name, p in net.named_parameters() if not p.requires_grad} == {"head.weight"}
    assert all(p.grad is None for p in net.parameters())


def test_images_of_inference_mode():
    model = hyra.HyRA(demo.load(2))
    with torch.inference_mode():
        found = model.attribution(textured(16, 16), (4, 4, 8))
    assert found.method == "gradients"
    assert float(found.completeness_error) <= 0.01


def test_halves_batches_when_memory_runs_out():
    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = demo.load(2)

        def forward(self, x):
            if len(x) > 2:
                raise torch.OutOfMemoryError("out of memory")
            return self.net(x)

    image = textured(16, 16)
    found = hyra.HyRA(Small()).attribution(image, (4, 4, 8), batch_size=8)
    exact = hyra.HyRA(demo.load(2)).attribution(image, (4, 4, 8), batch_size=2)
    torch.testing.assert_close(found.maps, exact.maps, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": (4, 4)}, "window must be"),
        ({"window": []}, "window must hold at least one window, got none"),
        (
            {"window": (40, 0, 8)},
            r"window must end before the last row and column of the 48x64 output.*got \(40, 0, 8\)",
        ),
        ({"window": (-1, 0, 8)}, "window must be at least 0, got -1"),
        ({"window": 0}, "window must be at least 1, got 0"),
        ({"side": 48}, "side must be less than 48, the output's smaller side, got 48"),
        ({"sigma": 10}, "sigma must be at most 6.97 for an image whose smaller side is 24.*got 10"),
        ({"sigma": 0}, "sigma must be a finite number above 0"),
        ({"block": 0}, "block must be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        hyra.HyRA(nn.Upsample(scale_factor=2)).attribution(textured(24, 32), **arguments)


def test_refuses_images_that_do_not_fit():
    model = hyra.HyRA(demo.load(2))
    with pytest.raises(ValueError, match=r"lr must be an image \[3, h, w\], got shape \(1, 24, 24\)"):
        model.attribution(torch.rand(1, 24, 24))
    with pytest.raises(ValueError, match=r"lr must be one image \[C, h, w\], got shape \(2, 3, 24, 24\)"):
        model.attribution(torch.rand(2, 3, 24, 24))
    with pytest.raises(ValueError, match="lr must be finite"):
        model.attribution(torch.full((3, 24, 24), math.nan))


@pytest.mark.parametrize("block", [None, 8])
def test_images_are_padded_for_networks_of_some_sizes(block):
    torch.manual_seed(0)
    net, image = MultipleOf8(), textured(21, 27)
    same = nn.Sequential(net.conv, nn.PixelShuffle(2))
    window = (20, 24, 12)  # away from the border, which differs
    found, wanted = (hyra.HyRA(n).attribution(image, window, block=block, batch_size=4) for n in (net, same))
    torch.testing.assert_close(found.maps, wanted.maps, rtol=1e-3, atol=1e-4)
    border = hyra.HyRA(net).attribution(image, (38, 50, 3), block=block)
    assert border.output.shape == (3, 42, 54)
    assert float(border.completeness_error) <= 0.01


@pytest.mark.parametrize(
    ("net", "image", "reason"),
    [
        (demo.load(2), torch.full((3, 16, 16), 0.5), "blurring the image changes no detail"),
        (nn.Upsample(scale_factor=2), torch.zeros(3, 16, 16), "blurring the image changes no detail"),
        (
            lambda x: F.interpolate(x * math.nan, scale_factor=2),
            textured(16, 16),
            "the output or its gradients are not",
        ),
        (lambda x: F.interpolate(x / 0.0, scale_factor=2), textured(16, 16), "the output or its gradients are not"),
        (lambda x: F.interpolate((50 * x).round() / 50, scale_factor=2), textured(16, 16), r"gradients are 0.*block="),
    ],
)
def test_says_where_a_map_means_nothing(net, image, reason):
    with pytest.warns(UserWarning, match=rf"the map of window \(8, 8, 8\) says nothing, since {reason}") as caught:
        found = hyra.HyRA(net, scale=2, in_channels=3).attribution(image, (8, 8, 8))
    assert len(caught) == 1
    assert not found.completeness_error.isinf().any()


def test_says_how_far_a_sum_is_from_complete():
    with pytest.warns(
        UserWarning, match=r"contributions miss the change of detail by .* % after 512 steps, .* 1e-08 %"
    ):
        hyra.HyRA(nn.Upsample(scale_factor=2)).attribution(textured(16, 16), (8, 8, 8), tolerance=1e-10)


def test_no_windows_are_looked_for_in_an_output_that_is_not_finite():
    with pytest.raises(ValueError, match=r"window must be .* cannot be told of NaN or infinite pixels"):
        hyra.HyRA(lambda x: x * math.nan, in_channels=3).attribution(textured(24, 24))


def test_counts_of_numpy_are_counts():
    model, image = hyra.HyRA(nn.Upsample(scale_factor=2)), textured(16, 16)
    assert model.attribution(image, np.int64(2), side=6).windows == model.attribution(image, 2, side=6).windows


@pytest.mark.parametrize("window", [None, 2.5, {(1, 1, 4)}, np.array([1, 1, 4]), True])
def test_refuses_what_is_no_window(window):
    with pytest.raises(TypeError, match="window must be"):
        hyra.HyRA(nn.Upsample(scale_factor=2)).attribution(textured(16, 16), window)


def test_a_result_holds_several_windows():
    found = hyra.HyRA(nn.Upsample(scale_factor=2)).attribution(textured(16, 16), ((1, 1, 4), (2, 2, 4), (3, 3, 4)))
    with pytest.raises(ValueError, match=r"windows must be several \(y, x, side\), got \(1, 1, 4\)"):
        replace(found, windows=(1, 1, 4))
