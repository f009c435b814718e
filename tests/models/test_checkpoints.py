"""Checkpoints as trainers save them: the network's weights are found, and what is not known is told with a way on."""

from __future__ import annotations

import argparse
import sys

import pytest
import torch
from torch import nn

from hyra import models

spandrel = pytest.importorskip("spandrel")


def esrgan():
    from spandrel.architectures.ESRGAN import ESRGAN

    return ESRGAN(in_nc=3, out_nc=3, num_filters=8, num_blocks=1, scale=4)


def compact():
    from spandrel.architectures.Compact import Compact

    return Compact(num_in_ch=3, num_out_ch=3, num_feat=8, num_conv=2, upscale=2)


def span():
    from spandrel.architectures.SPAN import SPAN

    return SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2)


def swinir():
    from spandrel.architectures.SwinIR import SwinIR

    return SwinIR(
        img_size=16, window_size=8, depths=[2], embed_dim=12, num_heads=[2], mlp_ratio=2, upscale=2,
        upsampler="pixelshuffledirect", resi_connection="1conv",
    )  # fmt: skip


ARCHITECTURES = [esrgan, compact, span, swinir]
IMAGE = torch.rand(1, 3, 16, 16)
ADAM = {"state": {0: {"exp_avg": torch.rand(3)}}}
OTHER = {"conv.weight": torch.rand(4, 3, 3, 3), "conv.bias": torch.rand(4)}


def prefixed(prefix, weights):
    return {prefix + key: value for key, value in weights.items()}


def changed(weights):
    """The same network before its weights were averaged."""
    return {key: value + 0.1 if value.is_floating_point() else value for key, value in weights.items()}


def saved_by_basicsr(w):
    return {"params": changed(w), "params_ema": w}


WRAPPERS = {
    **{
        key: lambda w, key=key: {key: w}
        for key in ("state_dict", "params", "params_ema", "params-ema", "model", "model_state_dict", "net", "generator",
                    "netG", "net_g", "G", "weights", "anything")
    },
    **{
        prefix: lambda w, prefix=prefix: prefixed(prefix, w)
        for prefix in ("net_g.", "generator.", "model.", "module.", "netG.", "_orig_mod.",
                       "module.net_g.", "net.model.",
                       "model.module.generator.", "module._orig_mod.model.net_g.", "whatever.")
    },
    "basicsr": saved_by_basicsr,
    "basicsr in order": lambda w: dict(reversed(saved_by_basicsr(w).items())),
    "trainer": lambda w: {"epoch": 3, "state_dict": prefixed("module.", w), "optimizer": ADAM},
    "lightning": lambda w: {
        "pytorch-lightning_version": "2.2",
        "global_step": 1,
        "loops": {},
        "state_dict": {**prefixed("generator.", w), **prefixed("discriminator.", OTHER), **prefixed("vgg.", OTHER)},
    },
    "lightning with a metric": lambda w: {"state_dict": {**prefixed("model.", w), **prefixed("lpips.", OTHER)}},
    "GAN": lambda w: {"net_g": w, "net_d": changed(w)},
    "GAN of three": lambda w: {"g": changed(w), "d": OTHER, "g_ema": w},
    "GAN in capitals": lambda w: {"netG": prefixed("module.", w), "netD": changed(w), "optimizerG": OTHER},
    "GAN in depth": lambda w: {"models": {"generator": saved_by_basicsr(w), "discriminator": {"params_ema": OTHER}}},
    "averaged": lambda w: {"n_averaged": torch.tensor(7), **prefixed("module.", w)},
    "averaged beside": lambda w: {**prefixed("model.", changed(w)), **prefixed("model_ema.", w)},
    "ema-pytorch": lambda w: {
        "initted": torch.tensor(True), "step": torch.tensor(9),
        **prefixed("online_model.", changed(w)), **prefixed("ema_model.", w),
    },
    "ema": lambda w: {"model": changed(w), "ema": prefixed("module.", w)},
    "twice the same": lambda w: {"model": w, "best": dict(w)},
    "beside numbers": lambda w: {**w, "epoch": 3, "name": "network"},
    "parameters": lambda w: {k: nn.Parameter(v, requires_grad=v.is_floating_point()) for k, v in w.items()},
}  # fmt: skip


@pytest.fixture(scope="module", params=ARCHITECTURES, ids=lambda make: make.__name__)
def network(request):
    torch.manual_seed(0)
    return request.param().eval()


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrapped_weights_are_the_same_network(tmp_path, network, wrapper):
    path = tmp_path / "network.pth"
    torch.save(network.state_dict(), path)
    plain = models.load(path)
    torch.save(WRAPPERS[wrapper](network.state_dict()), path)
    wrapped = models.load(path)
    with torch.no_grad():
        assert torch.equal(wrapped.network(IMAGE), plain.network(IMAGE))
    assert (wrapped.description, wrapped.scale) == (plain.description, plain.scale)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_read(tmp_path, dtype):
    weights = {key: value.to(dtype) for key, value in compact().state_dict().items()}
    torch.save(weights, tmp_path / "network.pth")
    read = models.load(tmp_path / "network.pth").network.state_dict()
    assert all(torch.equal(read[key], value.float()) for key, value in weights.items())


def test_two_generators_are_not_chosen_from(tmp_path):
    weights = compact().state_dict()
    torch.save({"netG_A": weights, "netG_B": changed(weights)}, tmp_path / "cycle.pth")
    with pytest.raises(ValueError, match=r"cycle\.pth holds several networks \(netG_A, netG_B\): save the one"):
        models.load(tmp_path / "cycle.pth")


def test_weights_are_never_left_out_silently(tmp_path):
    """What remains when a prefix is taken off is all that the file holds, or is named as one of several networks."""
    torch.save({**prefixed("part.", compact().state_dict()), **prefixed("tail.", OTHER)}, tmp_path / "network.pth")
    with pytest.raises(
        ValueError, match=r"holds 13 tensors of no architecture .*\(part\.body\.0\.weight \[8, 3, 3, 3\], "
    ):
        models.load(tmp_path / "network.pth")


@pytest.mark.parametrize(("prefix", "under"), [("", "params"), ("module._orig_mod.", "params: module._orig_mod.")])
def test_unknown_architecture_says_what_was_seen_and_the_way_on(tmp_path, monkeypatch, prefix, under):
    weights = {f"head.{i}.weight": torch.rand(2, i + 1) for i in range(6)}
    torch.save({"params": prefixed(prefix, weights), "optimizer": {"state": {}}}, tmp_path / "own.pth")
    message = f"holds 6 tensors under '{under}' of no architecture that spandrel recognises"
    with pytest.raises(ValueError, match=message) as caught:
        models.load(tmp_path / "own.pth")
    seen = "(head.0.weight [2, 1], head.1.weight [2, 2], head.2.weight [2, 3], head.3.weight [2, 4], ...)"
    assert seen in str(caught.value)
    assert "file.py:NAME" in str(caught.value)
    (note,) = caught.value.__notes__
    assert note.count("\n") == 4

    # the example is one: with a network of these names, it loads
    (tmp_path / "my_networks.py").write_text(
        "import torch\nclass Network(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.head = torch.nn.ModuleList(torch.nn.Linear(i + 1, 2, bias=False) for i in range(6))\n"
    )
    (tmp_path / "upscaler.py").write_text("\n".join(line.strip() for line in note.splitlines()[1:]))
    monkeypatch.syspath_prepend(tmp_path)
    loaded = models.load(f"{tmp_path}/upscaler.py:network").network
    assert torch.equal(loaded.head[0].weight, weights["head.0.weight"])
    sys.modules.pop("my_networks")


def test_mismatch_says_what_does_not_fit(tmp_path):
    weights = esrgan().state_dict()
    weights["model.0.weight"] = weights["model.0.weight"][:, :, :1]
    torch.save({"params": weights}, tmp_path / "cut.pth")
    message = (
        r"cut\.pth resembles ESRGAN under 'params', but its weights do not fit: size mismatch for model\.0\.weight"
    )
    with pytest.raises(ValueError, match=message) as caught:
        models.load(tmp_path / "cut.pth")
    assert "['params']" in caught.value.__notes__[0]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.zeros(3)], "holds no weights by name: expected a dictionary of tensors, got list"),
        ({"epoch": 3, "args": "x"}, "holds no weights of a network: .* its keys are epoch, args"),
        ({"net_d": OTHER}, "holds no weights of a network: .* its keys are net_d"),
    ],
)
def test_checkpoints_of_something_else(tmp_path, content, message):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=message):
        models.load(tmp_path / "other.pth")


class Doubling(nn.Upsample):
    def __init__(self):
        super().__init__(scale_factor=2)


def test_pickled_objects_need_consent(tmp_path):
    torch.save({"args": argparse.Namespace(lr=1), "params": compact().state_dict()}, tmp_path / "objects.pth")
    message = (
        r"objects\.pth holds the Python object argparse\.Namespace, .* --trust-code .* or save the network's state_dict"
    )
    with pytest.raises(ValueError, match=message):
        models.load(tmp_path / "objects.pth")
    assert models.load(tmp_path / "objects.pth", trust_code=True).scale == 2

    torch.save(Doubling().train(), tmp_path / "whole.pth")
    with pytest.raises(ValueError, match=r"whole\.pth holds the Python object \w+\.Doubling"):
        models.load(tmp_path / "whole.pth")
    whole = models.load(tmp_path / "whole.pth", scale=2, trust_code=True)
    assert whole.network(IMAGE).shape == (1, 3, 32, 32)
    assert (whole.description, whole.scale, whole.network.training) == ("whole.pth (Doubling)", 2, False)


def test_further_architectures_where_they_are_installed(tmp_path):
    extra = pytest.importorskip("spandrel_extra_arches")
    extra.install(ignore_duplicates=True)
    from spandrel_extra_arches.architectures.Restormer import Restormer

    network = Restormer(dim=8, num_blocks=[1, 1, 1, 1], num_refinement_blocks=1, heads=[1, 1, 1, 1])
    torch.save({"params": network.state_dict()}, tmp_path / "restormer.pth")
    assert models.load(tmp_path / "restormer.pth").description == "restormer.pth (Restormer)"
