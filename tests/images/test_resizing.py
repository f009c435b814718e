"""`imresize` against numbers of two other programs (imresize.json), and what it promises of layouts and gradients."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import pictures
from hyra.images import imresize, resampling

CASES = json.loads(Path(__file__).with_name("imresize.json").read_text())["cases"]
BOUND = {"basicsr": 1e-5, "matlab_imresize": 1e-8}  # the digits that stand there


def options(case):
    return {"size": tuple(case["size"])} if "size" in case else {"scale": case["scale"]}


def name(case):
    return f"{case['by']}-{case.get('scale', case.get('size'))}"


@pytest.mark.parametrize("case", CASES, ids=name)
def test_floats(case):
    image = pictures.integers(9, 11, 1) / 255
    found = imresize(image, **options(case))
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found[1], case["plane"], rtol=0, atol=BOUND[case["by"]])
    single = imresize(torch.from_numpy(image).float(), **options(case))
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single[1], found[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("case", [case for case in CASES if "bytes" in case], ids=name)
def test_bytes_are_rounded_between_the_axes(case):
    image = pictures.integers(9, 11, 1)
    found = imresize(image, **options(case))
    assert found.dtype == np.uint8
    difference = np.abs(found[1].astype(int) - case["bytes"])
    assert difference.max() <= 1  # where that program rounds a half down
    assert (difference > 0).mean() < 0.03
    if name(case) == "matlab_imresize-[5, 15]":  # rounded once, it is another
        once = np.floor(imresize(image.astype(float), **options(case)).clip(0, 255) + 0.5)
        assert (once != found).any()


def test_axes_in_the_order_of_their_factors():
    """The smaller factor first: of integers, transposing does not change it, but for equal ones."""
    image = torch.from_numpy(pictures.integers(9, 11, 1))
    assert torch.equal(imresize(image, (0.5, 1.7)), imresize(image.mT, (1.7, 0.5)).mT)
    assert not torch.equal(imresize(image, 0.5), imresize(image.mT, 0.5).mT)


def test_sixteen_bits():
    image = torch.from_numpy(pictures.integers(9, 11, 1)).to(torch.int32) * 257
    found = imresize(image.to(torch.uint16), 0.5)
    assert found.dtype == torch.uint16
    expected = imresize(image.double(), 0.5).clamp(0, 65535)
    assert (found.double() - expected).abs().max() <= 1.5


def test_batches_layouts_and_constants():
    images = torch.rand(2, 3, 10, 12, dtype=torch.float64)
    found = imresize(images, 1.7)
    assert torch.equal(found, torch.stack([imresize(image, 1.7) for image in images]))
    interleaved = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert torch.equal(imresize(interleaved, 1.7), found)
    assert imresize(images.half(), 2).dtype == torch.float16
    assert torch.equal(imresize(images, 1), images)
    for factor in (0.3, 0.5, 3):
        found = imresize(torch.full((1, 20, 20), 0.7), factor)
        torch.testing.assert_close(found, torch.full_like(found, 0.7))
    assert imresize(images[:0], 2).shape == (0, 3, 20, 24)
    assert imresize(images, size=(1, 40)).shape == (2, 3, 1, 40)


def test_shrinking_without_antialias():
    image = torch.rand(1, 9, 9, dtype=torch.float64)
    assert torch.equal(imresize(image, 1 / 3, antialias=False), image[:, 1::3, 1::3])


def test_gradients():
    image = torch.rand(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: imresize(x, 0.5), (image,))
    assert torch.autograd.gradcheck(lambda x: imresize(x, size=(7, 9)), (image,))


def test_what_the_tables_call_bicubic():
    """The LR image and its enlargement are both made by `imresize`, limited to 0..1."""
    photograph = torch.rand(3, 25, 38)
    lr, hr = resampling.degrade(photograph, 4)
    assert torch.equal(hr, photograph[:, :24, :36])
    assert torch.equal(lr, imresize(hr, 1 / 4).clamp(0, 1))
    assert torch.equal(resampling.enlarge(lr, 4), imresize(lr, 4).clamp(0, 1))


def test_what_is_refused():
    image = torch.rand(3, 8, 8)
    with pytest.raises(ValueError, match="scale or size must be given, and not both, got scale=None and size=None"):
        imresize(image)
    with pytest.raises(ValueError, match=r"scale or size must be given, and not both, got scale=2 and size=\(4, 4\)"):
        imresize(image, 2, size=(4, 4))
    with pytest.raises(ValueError, match=r"scale must be a finite number above 0, got 0\.0"):
        imresize(image, 0)
    with pytest.raises(ValueError, match=r"scale must be one number, or those of rows and columns, got \(1, 2, 3\)"):
        imresize(image, (1, 2, 3))
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        imresize(image, size=(0, 4))
    with pytest.raises(ValueError, match=r"size must be rows and columns, got \(4,\)"):
        imresize(image, size=(4,))
    with pytest.raises(TypeError, match=r"image must have a floating-point dtype, uint8 or uint16, got torch\.int32"):
        imresize(image.int(), 2)
    with pytest.raises(ValueError, match=r"image must be an image \[C, H, W\] or a batch"):
        imresize(image[0], 2)


def test_modcrop_leaves_something():
    assert resampling.modcrop(torch.zeros(1, 7, 9), 7).shape == (1, 7, 7)
    with pytest.raises(ValueError, match=r"scale must be at most a side of the image .*, 9x6, got 7"):
        resampling.modcrop(torch.zeros(1, 6, 9), 7)
