"""Y of BT.601 against numbers of BasicSR, and what a network of one channel is shown."""

import numpy as np
import pytest
import torch

from hyra import images

# `rgb2ycbcr(..., y_only=True)` of BasicSR, commit 8d56e3a045f9fb3e1d8872f92ee4a4f07f886b0a, of the corner of `corner`.
OF_BYTES = [
    [16, 49, 104, 157, 127, 159, 149, 96],
    [67, 105, 140, 93, 173, 80, 230, 182],
    [107, 150, 86, 149, 39, 171, 106, 128],
    [59, 82, 152, 90, 139, 122, 62, 153],
]
OF_FLOATS = [
    [0.062745101749897, 0.1916191428899765, 0.4080595076084137, 0.6137763857841492],
    [0.2619921565055847, 0.4104507565498352, 0.5481858253479004, 0.36567068099975586],
]


def corner():
    c, y, x = np.ogrid[:3, :4, :8]
    values = (y * y * (7 + 2 * c) + x * x * 13 + x * y * (5 + c) + 31 * c * (x + 2 * y)) % 256
    return torch.from_numpy(values.astype(np.uint8))


def test_rounded():
    assert images.luma(corner(), rounded=True)[0].tolist() == OF_BYTES
    assert images.luma(corner() / 255, rounded=True)[0].tolist() == OF_BYTES


def test_floats():
    for image in (corner(), corner() / 255, (corner() / 255).double()):
        np.testing.assert_allclose(images.luma(image)[0, :2, :4], OF_FLOATS, atol=1e-7)


@pytest.mark.parametrize(("pixels", "white"), [(torch.uint8, 255), (torch.uint16, 65535)], ids=str)
def test_all_greys(pixels, white):
    """Of equal colours: a straight line from 16 to 235."""
    grey = torch.arange(0, white + 1, white // 255).to(pixels).expand(3, 1, -1)
    expected = 16 + 219 * torch.arange(256, dtype=torch.float64) / 255
    assert torch.allclose(images.luma(grey)[0, 0].double() * 255, expected, atol=1e-4)
    rounded = images.luma(grey, rounded=True)[0, 0]
    assert rounded.dtype == pixels
    assert torch.equal(rounded.double(), (expected * (white // 255) + 0.5).floor())


@pytest.mark.parametrize(("pixels", "black"), [(torch.uint8, 16), (torch.uint16, 16 * 257)], ids=str)
def test_rounded_as_integers_are(pixels, black):
    image = torch.randint(torch.iinfo(pixels).max + 1, (3, 500, 400), generator=torch.Generator().manual_seed(0))
    image[:, 0, :3] = torch.tensor([[0, 0, 0], [0, 0, 0], [0, 5, 10]])
    total = (image * torch.tensor([65481, 128553, 24966])[:, None, None]).sum(0)
    expected = torch.div(total + 127500, 255000, rounding_mode="floor") + black
    assert torch.equal(images.luma(image.to(pixels), rounded=True)[0].long(), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_dtypes_and_gradients(dtype):
    image = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()
    y = images.luma(image)
    assert y.dtype == (dtype if dtype == torch.float64 else torch.float32)
    y.sum().backward()
    shares = torch.tensor([65.481, 128.553, 24.966], dtype=dtype) / 255
    torch.testing.assert_close(image.grad, shares[:, None, None].expand(2, -1, 4, 5))


def test_one_channel_is_y_already():
    y = torch.rand(2, 1, 4, 5)
    assert images.luma(y) is y
    assert torch.equal(images.luma(corner()[:1], rounded=True), corner()[:1])
    assert torch.equal(images.luma(corner()[:1]), corner()[:1] / 255)
    assert torch.equal(images.luma(y, rounded=True), (y * 255).round().to(torch.uint8))


def test_networks_of_one_channel_see_y():
    image = torch.rand(3, 5, 6)
    assert torch.equal(images.in_colours(image, 1), images.luma(image))
    assert images.in_colours(image, 3) is image
    grey = torch.rand(1, 5, 6)
    assert images.in_colours(grey, 1) is grey


def test_what_is_refused():
    with pytest.raises(TypeError, match=r"image must have a floating-point dtype, uint8 or uint16, got torch\.int64"):
        images.luma(torch.zeros(3, 2, 2, dtype=torch.int64))
    with pytest.raises(
        ValueError, match=r"image must have one or three channels \[\.\.\., C, H, W\], got shape \(4, 2"
    ):
        images.luma(torch.zeros(4, 2, 2))


def test_recoloured_has_the_luma_it_was_given_and_the_colours_of_bicubic():
    from hyra.images.resampling import recoloured

    lr, y = torch.rand(3, 6, 7, dtype=torch.float64), torch.rand(1, 12, 14, dtype=torch.float64)
    found, bicubic = recoloured(y, lr, 2), images.imresize(lr, 2)
    torch.testing.assert_close(images.luma(found), y)
    for one, other in ((0, 1), (2, 1)):  # Cb and Cr are differences of colours
        torch.testing.assert_close(found[one] - found[other], bicubic[one] - bicubic[other])
