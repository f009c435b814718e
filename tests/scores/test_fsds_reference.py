"""`FSDSReference`: the bits of `fsds`, at one transform per prediction."""

import numpy as np
import pytest
import torch

import hyra
from hyra.spectrum import fft


@pytest.mark.parametrize("variant", ["paper", "shift_invariant", "radial"])
@pytest.mark.parametrize("shape", [(3, 33, 40), (1, 64, 64), (2, 1100, 2050)], ids=str)
def test_equals_fsds(dtype, shape, variant):
    target = torch.rand(shape, dtype=dtype)
    preds = target + 0.1 * torch.rand((3, *shape), dtype=dtype)
    reference = hyra.FSDSReference(target, variant=variant, crop_border=2)
    scores = reference(preds)
    expected = hyra.fsds(preds, target.expand_as(preds), variant=variant, crop_border=2)
    assert torch.equal(scores, expected)
    assert torch.equal(reference(preds[1]), expected[1])
    assert torch.equal(reference(preds, reduction="mean"), expected.mean())
    assert reference(target).item() == torch.inf


def test_transforms_once_per_prediction(monkeypatch):
    transformed = []
    monkeypatch.setattr("hyra.spectrum.fft.rfft2", lambda x, f=fft.rfft2: (transformed.append(len(x)), f(x))[1])
    target, preds = torch.rand(3, 20, 20), torch.rand(5, 3, 20, 20)
    for variant in ("shift_invariant", "radial"):
        transformed.clear()
        reference = hyra.FSDSReference(target, variant=variant)
        assert sum(transformed) == 3
        reference(preds)
        assert sum(transformed) == 3 + 15
    transformed.clear()
    hyra.FSDSReference(target)(preds)
    assert not transformed


def test_takes_arrays():
    preds, target = np.random.default_rng(0).random((2, 2, 3, 12, 14))
    expected = hyra.FSDSReference(torch.from_numpy(target[0]))(torch.from_numpy(preds))
    for reference in (hyra.FSDSReference(target[0]), hyra.FSDSReference(torch.from_numpy(target[0]))):
        scores = reference(preds)
        assert isinstance(scores, np.ndarray)
        assert scores.tolist() == expected.tolist()
        assert reference(preds=preds, reduction="mean").tolist() == expected.mean().item()
        assert torch.equal(reference(torch.from_numpy(preds)), expected)
    for wrong in ([1.0], None, "image.png"):
        with pytest.raises(TypeError, match="target must be a torch tensor or an array with __dlpack__"):
            hyra.FSDSReference(wrong)
        with pytest.raises(TypeError, match="preds must be a torch tensor or an array with __dlpack__"):
            reference(wrong)


def test_wider_predictions_widen_the_result():
    target = torch.rand(1, 16, 16)
    preds = torch.rand(1, 16, 16, dtype=torch.float64)
    score = hyra.FSDSReference(target)(preds)
    assert score.dtype == torch.float64
    assert score.item() == pytest.approx(hyra.fsds(preds, target.double()).item(), abs=1e-4)
    assert hyra.FSDSReference(target.half())(preds.half()).dtype == torch.float32


@pytest.mark.parametrize("variant", ["paper", "radial"])
@pytest.mark.parametrize("size", [(16, 16), (2100, 2050)], ids=str)
def test_no_predictions(variant, size):
    reference = hyra.FSDSReference(torch.rand(1, *size), variant=variant)
    assert reference(torch.rand(0, 1, *size)).shape == (0,)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (torch.rand(2, 1, 8, 8), r"target must be one image \[C, H, W\], got shape \(2, 1, 8, 8\)"),
        (torch.full((1, 8, 8), 0.1), "target must not be constant"),
        (torch.eye(8)[None].log(), "target must be finite, got 56 NaN or infinite values"),
    ],
)
def test_refuses_targets(target, message):
    with pytest.raises(ValueError, match=message):
        hyra.FSDSReference(target)


@pytest.mark.parametrize(
    ("preds", "message"),
    [
        (torch.rand(1, 8, 9), r"preds must be images of the target's shape, \(1, 8, 8\), got \(1, 8, 9\)"),
        (torch.zeros(2, 1, 8, 8), "preds must not be constant.* image 0 of the batch is 0 everywhere"),
        (torch.rand(8, 8), "preds must be an image"),
    ],
)
def test_refuses_predictions(preds, message):
    with pytest.raises(ValueError, match=message):
        hyra.FSDSReference(torch.rand(1, 8, 8))(preds)


def test_unchecked():
    assert hyra.FSDSReference(torch.ones(1, 8, 8), check=False)(torch.rand(1, 8, 8), check=False).isnan()
    assert hyra.FSDSReference(torch.rand(1, 8, 8))(torch.ones(1, 8, 8), check=False).isnan()
