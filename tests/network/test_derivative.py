"""A derivative is never silently wrong: what torch cannot see is a difference of stated accuracy."""

import pickle
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hyra import HyRA


def curved(x):
    y = F.interpolate(x, scale_factor=2, mode="bicubic")
    return y + 0.1 * y.square()


def under_inference_mode(x):
    with torch.inference_mode():
        return curved(x)


class ForwardOnly(torch.autograd.Function):
    """As an engine behind a callable: torch sees no operation."""

    @staticmethod
    def forward(ctx, x):
        return curved(x)


class ReverseOnly(torch.autograd.Function):
    """`curved` with the gradient alone, which is differentiable itself."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return curved(x)

    @staticmethod
    def backward(ctx, gradient):
        with torch.enable_grad():
            x = ctx.saved_tensors[0].detach().requires_grad_()
            return torch.autograd.grad(curved(x), x, gradient, create_graph=True)[0]


POINT = {"size": 32, "background": 0.5, "mode": "jvp"}
BLIND = {
    "inference mode": under_inference_mode,
    "detach": lambda x: curved(x.detach()),
    "detached in part": lambda x: curved(x.detach()) + 0.2 * F.interpolate(x - x.detach(), scale_factor=2),
    "engine": ForwardOnly.apply,
    "numpy": lambda x: torch.from_numpy(curved(x).detach().numpy()),
}


def expected():
    return HyRA(curved).impulse_response(**POINT).response


@pytest.mark.parametrize("name", BLIND)
def test_where_torch_sees_no_operations_it_is_a_difference_of_the_accuracy_told(name):
    with pytest.warns(UserWarning, match="the derivative is a central difference of step") as caught:
        response = HyRA(BLIND[name]).impulse_response(**POINT)
    error = float((response.response - expected()).abs().max() / expected().abs().max())
    assert error < 1e-3
    assert response.provenance["derivative"].startswith("central difference, step ")
    message = next(text for each in caught if "accurate to " in (text := str(each.message)))
    told = float(message.partition("accurate to ")[2].split()[0])
    assert error <= 3 * told + 1e-5


def test_rounding_to_8_bits_is_not_a_derivative_of_zero():
    with pytest.warns(UserWarning, match="central difference"):
        response = HyRA(lambda x: curved(x).mul(255).round() / 255).impulse_response(**POINT)
    assert float((response.response - expected()).abs().max()) < 0.02


def test_reverse_mode_is_used_where_there_is_no_forward_mode():
    response = HyRA(ReverseOnly.apply).impulse_response(**POINT)
    assert response.provenance["derivative"] == "reverse mode"
    assert torch.allclose(response.response, expected(), atol=1e-6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_forward_mode_stays_where_it_is_right(dtype):
    assert HyRA(curved, dtype=dtype).impulse_response(**POINT).provenance["derivative"] == "forward mode"


def test_a_probe_says_so_too():
    with pytest.warns(UserWarning, match="central difference"):
        probe = HyRA(under_inference_mode).probe(canvas=48, background=0.5, mode="jvp")
    assert probe.reference.provenance["derivative"].startswith("central difference")
    assert float(probe.reference.response.abs().max()) > 0.5


def test_a_kink_is_told():
    def kinked(x):
        y = F.interpolate(x, scale_factor=2)
        return y + 0.025 * (y - 0.5).abs()

    with pytest.warns(UserWarning, match=r"differs by 0\.05 of its peak between brighter and darker"):
        HyRA(kinked).impulse_response(**POINT)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        HyRA(kinked).impulse_response(32, background=0.25, mode="jvp")


class Keeping(nn.Module):
    """Networks of the first days of EDSR move their mean to the image's type in `forward`."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 3, padding=1)
        self.mean = torch.full((1, 3, 1, 1), 0.4)
        self.kept = [self.mean]
        self.register_buffer("last", None)

    def forward(self, x):
        self.mean = self.mean.type_as(x) + 0 * x.mean()
        self.kept[0] = self.mean
        self.last = x
        self.seen = x
        return F.pixel_shuffle(self.conv(x - self.mean), 2)


def test_a_tensor_that_a_network_keeps_is_alive_after_a_derivative():
    net = Keeping()
    mean = net.mean
    HyRA(net).impulse_response(16, channels="matrix", background=0.5, mode="jvp")
    HyRA(net).probe(torch.tensor([[8, 8], [9, 9]]), canvas=24, background=0.5, mode="jvp")
    pickle.loads(pickle.dumps(net))
    assert float(net.mean.max()) == float(mean.max()) == pytest.approx(0.4)
    assert net.last is None
    assert net.kept[0].numpy().max() == pytest.approx(0.4)
