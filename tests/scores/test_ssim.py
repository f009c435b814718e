"""SSIM, its forms and its loss against the programs they are named after, and what holds of any SSIM."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from ssim_pairs import pair

import hyra
from hyra.scores.ssim import FORMS

STORED = json.loads((Path(__file__).parent / "data" / "ssim.json").read_text())["pairs"]
AGREEMENT = 1e-6
"""With sources that compute in float64; theirs and ours differ in rounding alone."""


def images(row):
    return [torch.from_numpy(x) for x in pair(row["kind"], tuple(row["size"]), row["bits"])]


def cases(name):
    return [
        pytest.param(row, id=f"{row['kind']} {row['size']} {row['bits']}") for row in STORED if name in row["scores"]
    ]


@pytest.mark.parametrize("border", [0, 4])
@pytest.mark.parametrize("row", cases("matlab, 0 pixels cut"))
def test_matlab_is_basicsr(row, border):
    expected = row["scores"][f"matlab, {border} pixels cut"]
    preds, target = images(row)
    assert hyra.ssim(preds, target, crop_border=border).item() == pytest.approx(expected, abs=AGREEMENT)
    score = hyra.ssim(preds / 255, target / 255, crop_border=border)
    assert score.dtype == torch.float32
    assert score.item() == pytest.approx(expected, abs=AGREEMENT)


@pytest.mark.parametrize("form", ["torchmetrics", "skimage"])
@pytest.mark.parametrize("row", cases("skimage"))
def test_forms_are_their_sources(row, form):
    preds, target = images(row)
    expected, white = row["scores"][form], 2.0 ** row["bits"] - 1
    assert hyra.ssim(preds, target, form=form).item() == pytest.approx(expected, abs=AGREEMENT)
    score = hyra.ssim(preds.float(), target.float(), form=form, data_range=white)
    assert score.item() == pytest.approx(expected, abs=AGREEMENT)


@pytest.mark.parametrize("row", cases("ms_ssim"))
def test_ms_ssim_is_its_source(row):
    preds, target = images(row)
    expected = row["scores"]["ms_ssim"]
    assert hyra.ms_ssim(preds, target).item() == pytest.approx(expected, abs=AGREEMENT)
    white = 2.0 ** row["bits"] - 1
    assert hyra.ms_ssim(preds.double() / white, target.double() / white).item() == pytest.approx(
        expected, abs=AGREEMENT
    )


def test_the_installed_scikit_image_agrees():
    skimage = pytest.importorskip("skimage.metrics")
    preds, target = torch.rand(2, 3, 40, 50, dtype=torch.float64)
    expected = skimage.structural_similarity(preds.numpy(), target.numpy(), data_range=1.0, channel_axis=0)
    assert hyra.ssim(preds, target, form="skimage").item() == pytest.approx(expected, abs=1e-12)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    expected = skimage.structural_similarity(preds.numpy(), target.numpy(), data_range=1.0, channel_axis=0, **options)
    assert hyra.ssim(preds, target).item() == pytest.approx(expected, abs=1e-12)


def test_the_installed_torchmetrics_agrees():
    pytest.importorskip("torchmetrics", minversion="1.9")  # 1.0 computes otherwise
    from torchmetrics.functional import image as torchmetrics

    preds, target = torch.rand(2, 3, 40, 50, dtype=torch.float64)
    expected = torchmetrics.structural_similarity_index_measure(preds[None], target[None], data_range=1.0).item()
    assert hyra.ssim(preds, target, form="torchmetrics").item() == pytest.approx(expected, abs=1e-12)


def test_batches_and_reductions(backend):
    preds, target = torch.rand(2, 3, 2, 24, 30, device=backend.device)
    scores = hyra.ssim(preds, target)
    assert scores.shape == (3,)
    torch.testing.assert_close(scores, torch.stack([hyra.ssim(*x) for x in zip(preds, target, strict=True)]))
    assert hyra.ssim(preds, target, reduction="mean").item() == pytest.approx(scores.mean().item())
    assert hyra.ssim(preds, target, reduction="sum").item() == pytest.approx(scores.sum().item())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float16, torch.float32, torch.float64])
def test_identical_images_score_exactly_1(form, dtype):
    image = (torch.rand(3, 30, 40) * 200).to(dtype)
    assert hyra.ssim(image, image.clone(), form=form, data_range=255).item() == 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16])
def test_integers_as_decoders_leave_them(form, dtype):
    preds, target = (torch.rand(2, 30, 40, 3) * 255).to(torch.uint8).to(dtype)
    as_floats = [x.double().permute(2, 0, 1) for x in (preds, target)]
    expected = hyra.ssim(*as_floats, form=form, data_range=255 if dtype == torch.uint8 else 65535)
    score = hyra.ssim(preds.permute(2, 0, 1), target.permute(2, 0, 1), form=form)
    assert score.item() == pytest.approx(expected.item(), abs=1e-7)
    arrays = [x.permute(2, 0, 1).numpy() for x in (preds, target)]
    of_arrays = hyra.ssim(*arrays, form=form)
    assert isinstance(of_arrays, np.ndarray)
    assert of_arrays == score.numpy()


@pytest.mark.parametrize("form", FORMS)
def test_gradcheck(form):
    pair = [torch.rand(1, 2, 12, 11, dtype=torch.float64, requires_grad=True) for _ in "pt"]
    assert torch.autograd.gradcheck(lambda *x: hyra.ssim(*x, form=form), pair)
    assert torch.autograd.gradcheck(hyra.SSIMLoss(form), pair)


def test_ms_ssim_has_a_gradient():
    target = torch.rand(1, 1, 161, 170, dtype=torch.float64)
    preds = (0.7 * target + 0.1).requires_grad_()
    direction = torch.randn_like(target)
    (gradient,) = torch.autograd.grad(hyra.ms_ssim(preds, target, reduction="sum"), preds)
    step = 1e-6
    ends = [hyra.ms_ssim(preds.detach() + s * step * direction, target).item() for s in (1, -1)]
    assert (gradient * direction).sum().item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


def test_loss():
    preds, target = torch.rand(2, 2, 3, 20, 20)
    loss = hyra.SSIMLoss()
    assert loss(preds, target).item() == pytest.approx(1 - hyra.ssim(preds, target, reduction="mean").item())
    assert loss(target, target).item() == 0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert loss(preds.bfloat16(), target.bfloat16()).dtype == torch.float32
    assert repr(hyra.SSIMLoss("skimage", data_range=255)) == "SSIMLoss(form='skimage', data_range=255)"


@pytest.mark.parametrize("form", FORMS)
def test_loss_compiles_whole(form):
    preds, target = torch.rand(2, 1, 3, 20, 20)
    loss = hyra.SSIMLoss(form)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    gradients = [torch.autograd.grad(f(x, target), x)[0] for f in (loss, compiled) for x in [preds.requires_grad_()]]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"form": "wang"}, "form must be one of 'matlab', 'torchmetrics', 'skimage', got 'wang'"),
        ({"data_range": 0}, "data_range must be a finite number above 0, got 0"),
        ({"k2": -1.0}, "k2 must be a finite number above 0"),
        ({"crop_border": 3}, "preds must be at least 11x11 pixels for form='matlab', got 10x14"),
        ({"crop_border": 5, "form": "skimage"}, "preds must be at least 7x7 pixels for form='skimage', got 6x10"),
        ({"crop_border": 6, "form": "torchmetrics"}, "at least 6x6 pixels for form='torchmetrics', got 4x8"),
    ],
)
def test_refuses(arguments, message):
    preds, target = torch.rand(2, 1, 16, 20)
    with pytest.raises(ValueError, match=message):
        hyra.ssim(preds, target, **arguments)


def test_refuses_images():
    preds, target = torch.rand(2, 1, 16, 20)
    with pytest.raises(ValueError, match="preds must be at least 161x161 pixels, got 16x20"):
        hyra.ms_ssim(preds, target)
    preds[0, 3, 4] = torch.nan
    with pytest.raises(ValueError, match="preds must be finite"):
        hyra.ssim(preds, target)
    assert hyra.ssim(preds, target, check=False).isnan()
    with pytest.raises(TypeError, match="preds must have the dtype of target"):
        hyra.ssim(target.to(torch.uint8), target)
    with pytest.raises(ValueError, match="at least one image"):
        hyra.SSIMLoss()(torch.rand(0, 1, 16, 16), torch.rand(0, 1, 16, 16))
