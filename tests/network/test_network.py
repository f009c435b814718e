"""A wrapped network leaves no trace, and its output, scale and sizes are found or refused with a sentence."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hyra import HyRA
from hyra.network.forward import NetworkError
from hyra.network.sizes import InputSizes
from hyra.network.wrapper import Network


class Restless(nn.Module):
    """Everything that a forward pass can leave behind: counters, merged weights, swapped tensors, random numbers."""

    def __init__(self, raises=False):
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 3, padding=1)
        self.merged = nn.Conv2d(3, 12, 3, padding=1)
        self.norm = nn.BatchNorm2d(12)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("last", torch.zeros(3))
        self.raises = raises

    def forward(self, x):
        self.calls += 1
        self.last = x.mean((0, 2, 3)).detach()
        self.merged.weight.data.copy_(2 * self.conv.weight.data)
        self.merged.bias.data = self.conv.bias.data + 1
        x.add_(torch.rand(1).to(x))
        if self.raises:
            raise RuntimeError("lost")
        return F.pixel_shuffle(self.drop(self.norm(self.merged(x))), 2)


@pytest.mark.parametrize(("training", "raises"), [("all", False), ("some", False), ("none", False), ("some", True)])
def test_leaves_no_trace(training, raises):
    net = Restless(raises).train(training != "none")
    if training == "some":
        net.norm.eval()
    flags = [part.training for part in net.modules()]
    parameters = list(net.parameters())
    state = {name: value.clone() for name, value in net.state_dict().items()}
    random_state = torch.get_rng_state()
    lr = torch.rand(3, 8, 8)
    random_state, kept = torch.get_rng_state(), lr.clone()
    model = HyRA(net)
    for use in (lambda: model.decompose(lr), lambda: model.impulse_response(8, "matrix"), model.input_sizes):
        if raises:
            with pytest.raises(NetworkError, match=r"raised RuntimeError on an input of shape .*: lost"):
                use()
        else:
            use()
    assert [part.training for part in net.modules()] == flags
    assert all(a is b for a, b in zip(net.parameters(), parameters, strict=True))
    assert all(p.requires_grad and p.grad is None for p in net.parameters())
    assert net.state_dict().keys() == state.keys()
    assert all(torch.equal(net.state_dict()[name], value) for name, value in state.items())
    assert torch.equal(torch.get_rng_state(), random_state)
    assert torch.equal(lr, kept)


def test_keeps_no_graph():
    net = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2))
    split = HyRA(net).decompose(torch.rand(3, 8, 8, requires_grad=True))
    for image in (split.input, split.output, split.linear, split.nonlinear, split.response.response):
        assert not image.requires_grad
    assert torch.is_grad_enabled()


def test_a_network_that_turns_gradients_on_keeps_no_graph_either():
    conv = nn.Conv2d(3, 3, 1)

    def net(x):
        with torch.enable_grad():
            return conv(x)

    assert not Network(net)(torch.rand(1, 3, 4, 4)).requires_grad


def test_dropout_and_batch_norm_are_off_during_the_probe():
    net = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.BatchNorm2d(12), nn.Dropout(0.5), nn.PixelShuffle(2)).train()
    lr = torch.rand(1, 3, 8, 8)
    output = Network(net)(lr)
    assert torch.equal(output, Network(net)(lr))
    assert torch.equal(output, net.eval()(lr))


def test_a_network_of_several_inputs_is_told_how_to_go_on():
    with pytest.raises(NetworkError, match=r"missing 1 required .*'sigma' \(hyra.adapters.bind .*--input NAME=VALUE"):
        HyRA(lambda x, sigma: x * sigma).impulse_response(8)


def test_a_bound_method_is_as_safe_as_its_module():
    net = Restless().train()
    HyRA(net.forward).impulse_response(8)
    assert net.training
    assert net.calls == 0
    assert net.norm.num_batches_tracked == 0


def test_runs_in_the_networks_dtype():
    net = Network(nn.Conv2d(1, 1, 1).double())
    assert net(torch.rand(1, 1, 4, 4)).dtype == net.dtype == torch.float64
    assert Network(F.relu)(torch.rand(1, 3, 4, 4, dtype=torch.float64)).dtype == torch.float64
    assert Network(F.relu, dtype=torch.float16)(torch.rand(1, 3, 4, 4)).dtype == torch.float32


def test_scale_and_colours_are_found():
    assert Network(nn.Upsample(scale_factor=3)).scale == 3
    assert Network(nn.Identity()).scale == 1
    for colours in (1, 3, 5):
        net = Network(nn.Sequential(nn.Conv2d(colours, 4 * colours, 1), nn.PixelShuffle(2)))
        assert (net.in_channels, net.scale) == (colours, 2)


HR = torch.zeros(1, 3, 16, 16)
WRAPPED = {
    "tuple": lambda x: (HR, None),
    "list": lambda x: [x.mean(), HR],
    "dict": lambda x: {"sr": HR, "loss": torch.zeros(())},
    "nested": lambda x: ({"features": torch.zeros(1, 64, 8, 8)}, [HR]),
}
REFUSED = {
    "ambiguous": (
        lambda x: (HR, HR),
        r"returned a tuple with \[1, 3, 16, 16\], \[1, 3, 16, 16\], of which 2 could be the image",
    ),
    "none fits": (lambda x: {"features": torch.zeros(1, 64, 8, 8)}, r"a dict with \[1, 64, 8, 8\], of which 0 could"),
    "no tensor": (lambda x: None, "returned a NoneType with no tensor"),
    "size": (lambda x: torch.zeros(1, 3, 17, 17), "output 17x17 is no multiple of input 8x8: expected one integer"),
    "aspect": (
        lambda x: torch.zeros(1, 3, 16, 24),
        "output 16x24 for input 8x8: expected one integer multiple on both",
    ),
    "smaller": (lambda x: torch.zeros(1, 3, 4, 4), "output 4x4 is no multiple of input 8x8"),
    "rank": (
        lambda x: torch.zeros(3, 16, 16),
        r"must return images \[1, channels, height, width\], got .* \[3, 16, 16",
    ),
    "batch": (lambda x: torch.zeros(2, 3, 16, 16), r"must return images \[1, .* got shape \[2, 3, 16, 16\]"),
}


@pytest.mark.parametrize("kind", WRAPPED)
def test_an_image_in_a_container_is_unwrapped(kind):
    assert torch.equal(Network(WRAPPED[kind])(torch.zeros(1, 3, 8, 8)), HR)


@pytest.mark.parametrize("case", REFUSED)
def test_odd_outputs_are_refused(case):
    net, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        Network(net)(torch.zeros(1, 3, 8, 8))


def test_the_scale_must_hold_for_every_image():
    with pytest.raises(ValueError, match="output 16x16 for input 8x8: expected 24x24"):
        Network(nn.Upsample(scale_factor=2), scale=3)(torch.zeros(1, 3, 8, 8))
    net = Network(lambda x: F.interpolate(x, scale_factor=2 if x.shape[-1] < 9 else 3))
    net(torch.zeros(1, 3, 8, 8))
    with pytest.raises(ValueError, match="output 27x27 for input 9x9: expected 18x18"):
        net(torch.zeros(1, 3, 9, 9))


@pytest.mark.parametrize(("smallest", "step"), [(1, 1), (15, 1), (16, 1), (33, 1), (8, 8), (24, 12), (40, 20)])
def test_input_sizes_are_found(smallest, step):
    def net(x):
        size = x.shape[-1]
        if size < smallest or (size - smallest) % step:
            raise RuntimeError("does not fit")
        return x

    assert Network(net).input_sizes() == InputSizes(smallest, step)


def test_a_size_that_works_by_chance_is_passed_over():
    def net(x):
        if x.shape[-1] not in (3, *range(8, 999, 8)):
            raise RuntimeError("does not fit")
        return x

    assert Network(net).input_sizes() == InputSizes(8, 8)


class Only(nn.Module):
    """Takes one size alone, as exported programs do."""

    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        if x.shape[-1] != self.size:
            raise RuntimeError(f"only {self.size}x{self.size}")
        return F.interpolate(x, scale_factor=2)


def test_fixed_and_impossible_sizes():
    def fixed(x):
        if x.shape[-1] != 64:
            raise RuntimeError("only 64x64")
        return x

    sizes = Network(fixed).input_sizes()
    assert sizes == InputSizes(64, 0)
    assert HyRA(Only(33)).impulse_response().response.shape == (3, 66, 66)  # a size that nobody would guess
    assert sizes.at_least(100) == 64
    assert str(sizes) == "64x64 is the only size that was seen to work"
    with pytest.raises(NetworkError, match=r"no square input up to 20x20: .* only 64x64"):
        Network(fixed, in_channels=3).input_sizes(limit=20)


def test_sizes_that_are_not_multiples_count_as_failures():
    def net(x):  # as a network that crops to its stride
        size = x.shape[-1] // 4 * 4
        return F.interpolate(x[..., :size, :size], scale_factor=2)

    assert Network(net).input_sizes() == InputSizes(4, 4)


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"net": "bicubic"}, TypeError, "net must be callable on a tensor, got str"),
    ({"scale": 0}, ValueError, "scale must be at least 1, got 0"),
    ({"scale": 0.5}, ValueError, "scale must be at least 1, got 0.5"),
    ({"scale": 3.14159}, ValueError, "q up to 20, got 3.14159, of which 22/7 is the nearest"),
    ({"scale": "wide"}, ValueError, "scale must be a number or a fraction, such as 1.5 or '3/2', got 'wide'"),
    ({"scale": [2]}, TypeError, "scale must be an integer, got list"),
    ({"input_range": 0}, ValueError, "input_range must be a finite number above 0"),
    ({"in_channels": -1}, ValueError, "in_channels must be at least 1, got -1"),
    ({"dtype": torch.uint8}, TypeError, "dtype must be a floating type, got torch.uint8"),
], ids=lambda x: str(next(iter(x))) if isinstance(x, dict) else None)  # fmt: skip
def test_constructor_refuses(options, error, message):
    with pytest.raises(error, match=message):
        Network(**{"net": nn.Identity(), **options})


def test_an_image_of_other_colours_is_told():
    network = Network(nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Upsample(scale_factor=2)))
    with pytest.raises(NetworkError, match=r"; it takes images with 3 colours, not 1$"):
        network.run(torch.zeros(1, 1, 8, 8))


def test_memory_errors_pass_through():
    def net(x):
        raise torch.OutOfMemoryError("full")

    with pytest.raises(torch.OutOfMemoryError, match="full"):
        Network(net)(torch.zeros(1, 3, 8, 8))


def test_scripted_and_exported_modules():
    net = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2))
    lr = torch.rand(1, 3, 8, 8)
    expected = net.eval()(lr)
    net.train()
    traced = torch.jit.trace(net, lr)
    exported = torch.export.export(net, (lr,)).module()
    for module in (traced, exported):
        training = [part.training for part in module.modules()]
        assert torch.allclose(Network(module)(lr), expected, atol=1e-6)
        assert [part.training for part in module.modules()] == training


def test_name():
    assert [Network(net).name for net in (nn.Identity(), F.relu)] == ["Identity", "relu"]


@pytest.mark.parametrize(("dtype", "blank"), [
    (torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64, torch.float64)
])  # fmt: skip
def test_a_blank_has_the_colours_and_at_least_single_precision(dtype, blank):
    network = Network(nn.Conv2d(2, 2, 1).to(dtype), in_channels=2)
    canvas = network.blank(5, 0.25)
    assert (canvas.shape, canvas.dtype) == ((2, 5, 5), blank)
    assert (canvas == 0.25).all()
    like = torch.rand(1, 4, 3, 3, dtype=torch.float16)
    assert (network.blank(6, like=like).shape, network.blank(6, like=like).dtype) == ((4, 6, 6), torch.float16)


def test_a_network_that_takes_nothing_is_tried_at_all_sizes_once():
    runs = 0

    class Broken(nn.Module):
        broken = True

        def forward(self, x):
            nonlocal runs
            runs += 1
            if self.broken:
                raise RuntimeError("lost")
            return x

    net = Broken()
    model = HyRA(net)
    for use in (lambda: model.decompose(torch.rand(3, 8, 8)), model.input_sizes, model.probe):
        with pytest.raises(NetworkError, match="lost"):
            use()
    assert runs < 450
    net.broken = False
    assert model.input_sizes() == InputSizes(1, 1)
