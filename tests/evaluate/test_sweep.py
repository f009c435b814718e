"""The sweep over the low-pass filter's cut-off: scores computed independently, the best, files, figure."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import hyra
from hyra.evaluate.lowpass.sweep import LowpassSweep, lowpass_sweep
from hyra.filters import lowpass


@pytest.fixture(scope="module")
def pairs():
    """Smooth noise, and its antialiased half."""
    noise = torch.rand(2, 3, 20, 24, generator=torch.Generator().manual_seed(3))
    hr = F.interpolate(noise, scale_factor=2, mode="bicubic").clamp(0, 1)
    return F.interpolate(hr, scale_factor=0.5, mode="bicubic", antialias=True).clamp(0, 1), hr


def test_scores_are_those_of_the_filtered_images(pairs):
    skimage = pytest.importorskip("skimage.metrics")
    lr, hr = pairs
    sweep = lowpass_sweep(lr, hr, [0.6, 0.4], variant="radial", taps=8)
    assert sweep.cutoff.tolist() == [0.4, 0.6]
    sr = hyra.lowpass_upsample(lr[1], 2, cutoff=0.6, taps=8).clamp(0, 1)
    assert float(sweep.fsds[1, 1]) == pytest.approx(float(hyra.fsds(sr, hr[1], variant="radial")), abs=1e-4)
    arrays = [x.permute(1, 2, 0).double().numpy() for x in (hr[1], sr)]
    assert float(sweep.psnr[1, 1]) == pytest.approx(skimage.peak_signal_noise_ratio(*arrays, data_range=1), abs=1e-4)
    gaussian = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    ssim = skimage.structural_similarity(*arrays, channel_axis=-1, **gaussian)
    assert float(sweep.ssim[1, 1]) == pytest.approx(ssim, abs=1e-6)


def test_best_is_the_highest_mean():
    scores = torch.tensor([[1.0, 5.0, 2.0], [1.0, 0.0, 6.0]])
    sweep = LowpassSweep(torch.tensor([0.4, 0.5, 0.6]), scores, -scores, scores * 0, 2, "paper")
    assert sweep.best("psnr") == (pytest.approx(0.6), 4.0)
    assert sweep.best("ssim") == (pytest.approx(0.4), -1.0)
    assert sweep.best("fsds") == (pytest.approx(0.4), 0.0)
    assert "2 images at x2, 3 cut-offs; best psnr 4 at 0.6" in repr(sweep)
    with pytest.raises(ValueError, match="score must be one of 'psnr', 'ssim', 'fsds', got 'lpips'"):
        sweep.best("lpips")


def test_file_and_figure_hold_the_sweep(pairs, tmp_path):
    sweep = lowpass_sweep(*pairs, [0.4, 0.45, 0.5], **lowpass.RELEASED)
    sweep.save(tmp_path / "sweep.safetensors")
    loaded = LowpassSweep.load(tmp_path / "sweep.safetensors")
    for name in ("cutoff", "psnr", "ssim", "fsds"):
        assert torch.equal(getattr(loaded, name), getattr(sweep, name))
    assert (loaded.scale, loaded.variant, loaded.options) == (2, "paper", dict(lowpass.RELEASED))
    _, axes = loaded.plot()
    for panel, score in zip(axes, ("psnr", "ssim", "fsds"), strict=True):
        *each, mean, best, _ = panel.lines
        assert np.allclose([line.get_ydata() for line in each], getattr(sweep, score))
        assert np.allclose(mean.get_ydata(), getattr(sweep, score).mean(0))
        assert (best.get_xdata()[0], best.get_ydata()[0]) == sweep.best(score)


@pytest.mark.parametrize(
    ("lr", "hr", "cutoffs", "message"),
    [
        ([], [], None, "at least one, got 0 and 0"),
        (torch.rand(2, 3, 8, 8), torch.rand(1, 3, 16, 16), None, "as many images, at least one, got 2 and 1"),
        (torch.rand(1, 3, 8, 8), torch.rand(1, 3, 16, 17), None, r"\(3, 16, 16\) for one of lr .* got \(3, 16, 17\)"),
        (
            torch.rand(3, 8, 8),
            torch.rand(3, 16, 16),
            None,
            r"lr must hold images \[C, H, W\], .* \(8, 8\)",
        ),
        (torch.rand(1, 3, 4, 8), torch.rand(1, 3, 8, 16), None, "at least 11 pixels wide and high"),
        (torch.rand(1, 3, 8, 8), torch.rand(1, 3, 16, 16), [], "cutoffs must hold at least one number"),
    ],
)
def test_bad_arguments(lr, hr, cutoffs, message):
    with pytest.raises(ValueError, match=message):
        lowpass_sweep(lr, hr, cutoffs)
