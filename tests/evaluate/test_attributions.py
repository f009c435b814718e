"""Networks side by side by the pixels that they use."""

import pytest
import torch
from torch import nn

import hyra


def nets():
    return {mode: hyra.HyRA(nn.Upsample(scale_factor=2, mode=mode)) for mode in ("nearest", "bicubic")}


def test_each_network_is_what_it_is_alone():
    torch.manual_seed(0)
    image, target = torch.rand(3, 20, 24), torch.rand(3, 40, 48)
    found = hyra.compare_attributions(nets(), image, target, 2, side=8, batch_size=4)
    assert [model.name for model in found.models] == ["bicubic", "nearest"]
    for model in found.models:
        alone = nets()[model.name].attribution(image, model.attribution.windows, batch_size=4)
        assert torch.equal(alone.maps, model.attribution.maps)
        assert model.diffusion_index == pytest.approx(float(alone.diffusion_index.mean()))
        field = nets()[model.name].erf(image, support=False, batch_size=1)
        torch.testing.assert_close(field.energy, model.field.energy)
        assert model.psnr == pytest.approx(float(hyra.psnr(alone.output.clamp(0, 1), target)))
    assert len(found.models[0].attribution.windows) == 2


def test_warnings_say_which_network_and_networks_without_gradients_take_part():
    def numpy(x):
        return torch.from_numpy(x.numpy().repeat(2, -1).repeat(2, -2))

    models = nets() | {"numpy": hyra.HyRA(numpy)}
    with pytest.warns(UserWarning, match="^numpy: the network has no gradients"):
        found = hyra.compare_attributions(models, torch.rand(3, 16, 16), window=(8, 8, 8))
    rows = {model.name: model.row() for model in found.models}
    assert rows["numpy"][2:] == ("-", "-", "-", "-")


def test_refuses():
    image = torch.rand(3, 16, 16)
    with pytest.raises(ValueError, match="models must have one scale, got nearest x2 and large x4"):
        hyra.compare_attributions(nets() | {"large": hyra.HyRA(nn.Upsample(scale_factor=4))}, image)
    with pytest.raises(ValueError, match="target must"):
        hyra.compare_attributions(nets(), image, torch.rand(3, 30, 32))
    with pytest.raises(TypeError, match="models must be a mapping"):
        hyra.compare_attributions(["nearest"], image)
    with pytest.raises(ValueError, match=r"image must be one image \[C, H, W\]"):
        hyra.compare_attributions(nets(), image[None])
