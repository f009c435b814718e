"""MAE, MSE and PSNR, and the distances in the Fourier domain: against definitions and other libraries."""

import math

import numpy as np
import pytest
import torch

import hyra
import pictures

SCORES = ("mae", "mse", "psnr", "fourier_mae", "fourier_mse", "fourier_psnr")

BASICSR = {0: 31.722559586682767, 4: 31.686285213257026}
"""By the border cut: `calculate_psnr` of `pictures.pair` by BasicSR, commit 8d56e3a045f9fb3e1d88."""


def definition(name, preds, target, white=1.0):
    """In NumPy, of one pair, with the whole transform."""
    p, t = (np.asarray(x, dtype=np.float64) / white for x in (preds, target))
    d = np.abs(np.fft.fftn(p) - np.fft.fftn(t)) if name.startswith("fourier") else np.abs(p - t)
    if name == "fourier_psnr":
        magnitudes = [np.abs(np.fft.fftn(x)) for x in (p, t)]
        return 10 * math.log10(magnitudes[1].max() ** 2 / np.mean((magnitudes[0] - magnitudes[1]) ** 2))
    if name == "psnr":
        return -10 * math.log10(np.mean(d**2))
    return np.mean(d if name.endswith("mae") else d**2)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("shape", [(3, 12, 14), (3, 13, 11), (1, 1, 9), (4, 8, 1)], ids=str)
def test_definition(backend, name, shape):
    preds, target = torch.rand(2, *shape, dtype=torch.float64)
    score = getattr(hyra, name)(preds.to(backend.device), target.to(backend.device))
    assert score.dtype == torch.float64
    assert score.item() == pytest.approx(definition(name, preds, target), rel=1e-12)


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize(("pixels", "white"), [(torch.uint8, 255), (torch.uint16, 65535)], ids=["uint8", "uint16"])
def test_integers_have_the_range_of_their_type(backend, name, pixels, white):
    preds, target = (torch.randint(white + 1, (2, 3, 20, 24)).to(pixels) for _ in range(2))
    scores = getattr(hyra, name)(preds.to(backend.device), target.to(backend.device))
    assert scores.dtype == torch.float64
    expected = [definition(name, p, t, white) for p, t in zip(preds.numpy(), target.numpy(), strict=True)]
    assert scores.tolist() == pytest.approx(expected, rel=1e-6 if name in ("fourier_mae", "fourier_psnr") else 1e-13)


@pytest.mark.parametrize("name", SCORES)
def test_interleaved_pixels_score_the_same(name):
    score = getattr(hyra, name)
    preds, target = (torch.from_numpy(x) for x in pictures.pair())
    buffers = [x.permute(1, 2, 0).contiguous() for x in (preds, target)]
    assert torch.equal(score(*(x.permute(2, 0, 1) for x in buffers)), score(preds, target))


@pytest.mark.parametrize(("crop", "white"), [(0, 255), (4, 255), (0, None)], ids=str)
def test_psnr_of_basicsr(crop, white):
    preds, target = pictures.pair()
    expected = BASICSR[crop]
    assert float(hyra.psnr(preds, target, crop_border=crop, data_range=white)) == pytest.approx(expected, abs=1e-6)
    floats = [torch.from_numpy(x).double() / 255 for x in (preds, target)]
    assert float(hyra.psnr(*floats, crop_border=crop)) == pytest.approx(expected, abs=1e-6)


def test_psnr_of_skimage():
    metrics = pytest.importorskip("skimage.metrics")
    preds, target = pictures.pair()
    expected = metrics.peak_signal_noise_ratio(target, preds)
    assert float(hyra.psnr(preds, target)) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("name", SCORES)
def test_batches_reductions_and_arrays(name):
    score = getattr(hyra, name)
    preds, target = torch.rand(2, 4, 3, 9, 10)
    scores = score(preds, target)
    assert scores.shape == (4,)
    assert torch.equal(scores, torch.stack([score(p, t) for p, t in zip(preds, target, strict=True)]))
    assert torch.equal(score(preds, target, reduction="mean"), scores.mean())
    assert torch.equal(score(preds, target, reduction="sum"), scores.sum())
    arrays = score(preds.numpy(), target.numpy())
    assert isinstance(arrays, np.ndarray)
    assert arrays.tolist() == scores.tolist()
    assert score(preds.half(), target.half()).dtype == torch.float32
    cut = score(preds, target, crop_border=2)
    assert torch.equal(cut, score(preds[..., 2:-2, 2:-2].contiguous(), target[..., 2:-2, 2:-2].contiguous()))


@pytest.mark.parametrize("name", SCORES)
def test_gradients(name):
    preds, target = torch.rand(2, 2, 2, 5, 6, dtype=torch.float64)
    assert torch.autograd.gradcheck(getattr(hyra, name), (preds.requires_grad_(), target))


def test_identical_images():
    x = torch.randint(256, (2, 3, 8, 8)).to(torch.uint8)
    assert [getattr(hyra, name)(x, x).tolist() for name in SCORES] == [
        [0.0, 0.0],
        [0.0, 0.0],
        [math.inf] * 2,
        [0.0, 0.0],
        [0.0, 0.0],
        [math.inf] * 2,
    ]


@pytest.mark.parametrize("name", SCORES)
def test_what_is_refused(name):
    score = getattr(hyra, name)
    x = torch.rand(3, 8, 8)
    byte = torch.zeros(3, 8, 8, dtype=torch.uint8)
    with pytest.raises(
        TypeError, match=r"preds must have the dtype of target, torch.float32, since integers have a ra"
    ):
        score(byte, x)
    with pytest.raises(TypeError, match=r"preds must have a floating-point dtype, uint8 or uint16, got torch.int32"):
        score(byte.int(), byte)
    with pytest.raises(ValueError, match=r"preds must have the shape of target, \(3, 8, 8\), got \(3, 8, 7\)"):
        score(x[..., :7], x)
    with pytest.raises(ValueError, match="reduction must be one of 'none', 'mean', 'sum', got 'max'"):
        score(x, x, reduction="max")
    with pytest.raises(ValueError, match="crop_border must leave at least one pixel of preds, 8x8, got 4"):
        score(x, x, crop_border=4)
    bad = x.clone()
    bad[0, 1, 2] = torch.nan
    with pytest.raises(
        ValueError, match=r"target must be finite, got 1 NaN or infinite values, the first at index \(0"
    ):
        score(x, bad)
    assert score(x, bad, check=False).isnan()
    if name != "fourier_psnr":
        with pytest.raises(ValueError, match=r"data_range must be a finite number above 0, got 0\.0"):
            score(x, x, data_range=0)
