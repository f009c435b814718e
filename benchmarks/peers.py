"""The same results in plain torch, as one would write them without hyra, on any device: what our times stand beside."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

WHITE = {torch.uint8: 255, torch.uint16: 65535}


def quadrant_integrals(spectrum: Tensor) -> tuple[Tensor, Tensor]:
    """Materialised integrals of both quadrants."""
    first, second = spectrum.chunk(2, dim=-2)
    return first.cumsum(-2).cumsum(-1), second.flip(-2).cumsum(-2).cumsum(-1)


def quadrant_energy(spectrum: Tensor) -> Tensor:
    first, second = quadrant_integrals(spectrum)
    return first.abs().square().sum((-2, -1)) + second.abs().square().sum((-2, -1))


def quadrant_energy_backward(spectrum: Tensor, grad: Tensor) -> Tensor:
    first, second = (x.flip(-2, -1).cumsum(-2).cumsum(-1).flip(-2, -1) for x in quadrant_integrals(spectrum))
    return 2 * grad[:, None, None] * torch.cat([first, second.flip(-2)], dim=-2)


def integral_energy(planes: Tensor) -> Tensor:
    return quadrant_energy(torch.fft.rfft2(F.pad(planes, (0, 0, 0, planes.shape[-2] % 2))))


def fsds(preds: Tensor, target: Tensor) -> Tensor:
    """The paper's algorithm: both images standardised, transformed and integrated; nothing shared, nothing fused."""
    dims = (-3, -2, -1)
    integrals = [
        quadrant_integrals(torch.fft.rfft2(F.pad(_standardized(x), (0, 0, 0, x.shape[-2] % 2))))
        for x in (preds, target)
    ]
    difference = sum((p - t).abs().square().sum(dims) for p, t in zip(*integrals, strict=True))
    reference = sum(t.abs().square().sum(dims) for t in integrals[1])
    return -10 * torch.log10(difference / reference)


def shift_invariant_fsds(preds: Tensor, target: Tensor) -> Tensor:
    """The mean of the paper's energies over all circular shifts."""
    dims = (-3, -2, -1)
    rows, columns = target.shape[-2], target.shape[-1] // 2 + 1
    falling = [torch.arange(size, 0, -1, device=target.device) for size in ((rows + 1) // 2, rows // 2, columns)]
    weights = torch.cat([falling[0], falling[1].flip(0)])[:, None] * falling[2]
    spectra = [torch.fft.rfft2(_standardized(x)) for x in (preds, target)]
    energies = [(weights * x.abs().square()).sum(dims) for x in (spectra[0] - spectra[1], spectra[1])]
    return -10 * torch.log10(energies[0] / energies[1])


def _standardized(x: Tensor) -> Tensor:
    dims = (-3, -2, -1)
    return (x - x.mean(dims, keepdim=True)) / x.std(dims, keepdim=True)


def standardized_difference(
    preds: Tensor, target: Tensor, preds_moments: Tensor, target_moments: Tensor
) -> tuple[Tensor, Tensor]:
    """The difference and the standardised target, in the type of the images."""
    standardized_preds, standardized_target = (
        (x - moments[:, 0, None, None]) / moments[:, 1, None, None]
        for x, moments in ((preds, preds_moments.to(preds.dtype)), (target, target_moments.to(target.dtype)))
    )
    return standardized_preds - standardized_target, standardized_target


def standardize_backward(grad: Tensor, images: Tensor, moments: Tensor) -> Tensor:
    dims = (-3, -2, -1)
    mean, std = moments.to(images.dtype)[..., None, None, None].unbind(1)
    z = (images - mean) / std
    of_std = (grad * z).sum(dims, keepdim=True) / (images[0].numel() - 1)
    return (grad - grad.mean(dims, keepdim=True) - z * of_std) / std


def difference_sums(preds: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    difference = preds - target
    return difference.abs().sum((1, 2, 3)), difference.square().sum((1, 2, 3))


def mae(preds: Tensor, target: Tensor, white: float) -> Tensor:
    return (preds - target).abs().mean((1, 2, 3)) / white


def mse(preds: Tensor, target: Tensor, white: float) -> Tensor:
    return (preds - target).square().mean((1, 2, 3)) / white**2


def psnr(preds: Tensor, target: Tensor, white: float) -> Tensor:
    return -10 * torch.log10(mse(preds, target, white))


def radial_moments(a: Tensor, b: Tensor, ring: Tensor, weight: Tensor, rings: int) -> Tensor:
    """``[planes, 4, rings]``: both powers, and the real and imaginary part of the cross power."""
    cross = a * b.conj()
    values = torch.stack([a.abs().square(), b.abs().square(), cross.real, cross.imag], dim=1) * weight
    sums = values.new_zeros(*values.shape[:2], rings)
    return sums.scatter_add_(2, ring.flatten().expand(*values.shape[:2], -1), values.flatten(2))


def radial_moments_backward(
    a: Tensor, b: Tensor, gain_a: Tensor, gain_b: Tensor, *, ring: Tensor, weight: Tensor
) -> Tensor:
    return weight * (gain_a[:, ring] * a + gain_b[:, ring] * b)


def impulse_batch(background: Tensor, positions: Tensor, amplitudes: Tensor) -> Tensor:
    images = background.repeat(len(positions), 1, 1, 1)
    image = torch.arange(len(positions), device=positions.device)[:, None]
    images[image, :, positions[..., 0], positions[..., 1]] += amplitudes[:, None]
    return images


def response_moments(outputs: Tensor, reference: Tensor, spacing: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, M2 and relative deviation of all windows of the reference's size, `spacing` apart."""
    channels, height, width = reference.shape
    windows = outputs.unfold(2, height, spacing).unfold(3, width, spacing)
    windows = windows.permute(0, 2, 3, 1, 4, 5).reshape(-1, channels, height, width)
    off = (windows - reference).square().sum((1, 2, 3)).sqrt()
    variance, mean = torch.var_mean(windows.double(), dim=0, correction=0)
    return mean, variance * len(windows), off / reference.square().sum().sqrt()


def polyphase_filter(image: Tensor, response: Tensor, scale: int, origin: int) -> Tensor:
    """Zeros outside; the polyphase components as channels of one convolution (origin and size multiples of scale)."""
    channels, size, _ = response.shape
    taps, after = size // scale, origin // scale
    components = response.unflatten(2, (taps, scale)).unflatten(1, (taps, scale)).permute(0, 2, 4, 1, 3)
    padded = F.pad(image, (taps - 1 - after, after, taps - 1 - after, after))
    weights = components.flip(-2, -1).reshape(-1, 1, taps, taps)
    return F.pixel_shuffle(F.conv2d(padded, weights, groups=channels), scale)


def gaussian() -> Tensor:
    x = torch.arange(11.0) - 5
    taps = torch.exp(-x.square() / (2 * 1.5**2))
    return taps / taps.sum()


def ssim(preds: Tensor, target: Tensor, data_range: float = 1.0) -> Tensor:
    """Of each image, from five filtered maps, with separable Gaussian windows."""
    channels = preds.shape[1]
    taps = gaussian().to(preds).repeat(channels, 1, 1)
    maps = torch.cat([preds, target, preds.square(), target.square(), preds * target])
    maps = F.conv2d(F.conv2d(maps, taps[..., None], groups=channels), taps[:, :, None], groups=channels)
    return ssim_of_means(maps.chunk(5), data_range).mean((1, 2, 3))


def ssim_of_means(means: Any, data_range: float) -> Any:
    """The SSIM map of the local means of two images, of their squares and of their product."""
    p, t, pp, tt, pt = means
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    structure = (2 * (pt - p * t) + c2) / (pp - p * p + tt - t * t + c2)
    return (2 * p * t + c1) / (p * p + t * t + c1) * structure


def ssim_of_skimage(preds: Any, target: Any, data_range: float) -> float:
    metrics = pytest.importorskip("skimage.metrics")
    return float(metrics.structural_similarity(preds, target, data_range=data_range, channel_axis=0))


def ssim_of_torchmetrics(preds: Tensor, target: Tensor, data_range: float) -> Tensor:
    image = pytest.importorskip("torchmetrics.functional.image")
    return image.structural_similarity_index_measure(preds, target, data_range=data_range)


def ssim_of_pytorch_msssim(preds: Tensor, target: Tensor, data_range: float) -> Tensor:
    return pytest.importorskip("pytorch_msssim").ssim(preds, target, data_range=data_range)


def ssim_of_opencv(preds: Any, target: Any, data_range: float) -> float:
    """On OpenCV's separable filter, in float32, where a window lies within the image."""
    cv2 = pytest.importorskip("cv2")
    cv2.setNumThreads(torch.get_num_threads())
    taps = gaussian().numpy()

    def mean(x: Any) -> Any:
        return cv2.sepFilter2D(x, cv2.CV_32F, taps, taps)[5:-5, 5:-5]

    scores = []
    for p, t in zip(preds, target, strict=True):
        a, b = p.astype("float32"), t.astype("float32")
        scores.append(ssim_of_means((mean(x) for x in (a, b, a * a, b * b, a * b)), data_range).mean())
    return sum(scores) / len(scores)
