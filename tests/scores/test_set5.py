"""Set5 by bicubic: the one number that every paper of the field prints, where the images are at hand.

`HYRA_SET5` names the folder of the five HR images, which do not come with hyra. Without it made-up ones go the same
way, through files, `imresize` and the protocol, beside its parts written out in NumPy.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

import pictures
from hyra import Protocol, images

PUBLISHED = {2: 33.66, 3: 30.39, 4: 28.42}
"""Mean PSNR in dB on Y, `scale` pixels cut (Lim et al., CVPR Workshops 2017, Table 3, and most others)."""


def bicubic_psnr(folder: Path, scale: int) -> list[float]:
    """Of each image of a folder: shrunk and enlarged by `imresize`, of bytes, scored on Y."""
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in images.SUFFIXES)
    return [_bicubic_psnr(images.read(file, integers=True), scale) for file in files]


def _bicubic_psnr(hr: torch.Tensor, scale: int) -> float:
    height, width = (side - side % scale for side in hr.shape[1:])
    hr = hr[:, :height, :width]
    sr = images.imresize(images.imresize(hr, 1 / scale), scale)
    return float(Protocol.named("y", scale).psnr(sr, hr))


@pytest.mark.parametrize("scale", PUBLISHED)
def test_set5(scale):
    folder = os.environ.get("HYRA_SET5")
    if folder is None:
        pytest.skip("HYRA_SET5 must name a folder with the five HR images of Set5")
    scores = bicubic_psnr(Path(folder), scale)
    assert len(scores) == 5
    assert float(np.mean(scores)) == pytest.approx(PUBLISHED[scale], abs=0.01)


@pytest.mark.parametrize("scale", PUBLISHED)
def test_the_same_way_with_other_images(tmp_path, scale):
    expected = []
    for seed, (height, width) in enumerate([(41, 50), (36, 37)]):
        smooth = images.imresize(
            torch.from_numpy(pictures.integers(height // 4, width // 4, seed)), size=(height, width)
        )
        images.write(smooth / 255, tmp_path / f"{seed}.png")
        expected.append(by_parts(smooth.numpy(), scale))
    (tmp_path / "notes.txt").write_text("no image")
    assert bicubic_psnr(tmp_path, scale) == pytest.approx(expected, abs=1e-4)


def by_parts(hr: np.ndarray, scale: int) -> float:
    """The score of uint8 [3, H, W] by MATLAB's formulas, with the weights of `imresize` as matrices."""
    hr = hr[:, : hr.shape[1] // scale * scale, : hr.shape[2] // scale * scale]
    lr = resized(hr, 1 / scale)
    y = [16 + np.tensordot([65.481, 128.553, 24.966], x / 255.0, 1) for x in (resized(lr, scale), hr)]
    difference = (y[0] - y[1])[scale:-scale, scale:-scale]
    return float(10 * np.log10(255**2 / np.mean(difference**2)))


def resized(image: np.ndarray, factor: float) -> np.ndarray:
    """Rows first, where both factors are equal, and rounded after each axis."""
    rows = np.einsum("yi,cix->cyx", matrix(image.shape[1], factor), image.astype(float))
    both = np.einsum("xi,cyi->cyx", matrix(image.shape[2], factor), np.floor(rows + 0.5).clip(0, 255))
    return np.floor(both + 0.5).clip(0, 255)


def matrix(length: int, factor: float) -> np.ndarray:
    """``[outputs, inputs]``: cubic weights, wider where the image shrinks, the border reflected."""
    stretch = min(factor, 1)
    weights = np.zeros((round(length * factor), length))
    for row in range(len(weights)):
        centre = (row + 0.5) / factor - 0.5
        for place in range(-3 * length, 4 * length):
            distance = abs(centre - place) * stretch
            inner, outer = 1.5 * distance**3 - 2.5 * distance**2 + 1, -0.5 * distance**3 + 2.5 * distance**2
            value = inner if distance <= 1 else outer - 4 * distance + 2 if distance <= 2 else 0
            reflected = place % (2 * length)
            weights[row, min(reflected, 2 * length - 1 - reflected)] += value
    return weights / weights.sum(1, keepdims=True)
