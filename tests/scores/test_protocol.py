"""Protocols: what they leave of a pair, in numbers of other programs, and in words."""

import dataclasses

import pytest
import torch

import hyra
import pictures
from hyra import Protocol

PSNR_ON_Y = {0: 36.357277203797, 4: 36.324687346314235}
"""By the border cut: `calculate_psnr` of `pictures.pair` on Y by BasicSR, commit 8d56e3a045f9fb3e1d88."""

CASES = {
    "paper": (Protocol.named("paper"), "RGB, no border cut, FSDS divided by the SR image's energy, as published"),
    "y": (Protocol.named("y", 4), "Y of BT.601 (MATLAB's), 4 pixels cut from each side"),
    "y rounded": (
        Protocol.named("y", 2, rounded=True),
        "Y of BT.601 (MATLAB's), rounded to integers, 2 pixels cut from each side",
    ),
    "div2k": (Protocol.named("div2k", 4), "RGB, 10 pixels cut from each side"),
    "custom": (Protocol("grey", 3), "mean of the colours, 3 pixels cut from each side"),
}


@pytest.mark.parametrize("name", CASES)
def test_words(name):
    protocol, words = CASES[name]
    assert str(protocol) == words


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("pixels", [torch.uint8, torch.float32], ids=str)
def test_what_is_left(name, pixels):
    protocol, _ = CASES[name]
    preds, target = (torch.from_numpy(x) for x in pictures.pair())
    if pixels.is_floating_point:
        preds, target = preds / 255, target / 255
    prepared = protocol.prepare(preds, target)
    crop = protocol.crop
    channels = 3 if protocol.channels == "rgb" else 1
    assert [tuple(x.shape) for x in prepared] == [(channels, 40 - 2 * crop, 56 - 2 * crop)] * 2
    if protocol.channels == "rgb":
        assert prepared[0].data_ptr() == preds[:, crop:, crop:].data_ptr()  # nothing is copied
    else:
        assert {x.dtype for x in prepared} == {torch.uint8 if protocol.rounded else torch.float32}


@pytest.mark.parametrize("crop", PSNR_ON_Y)
def test_psnr_on_y_of_basicsr(crop):
    preds, target = pictures.pair()
    prepared = Protocol("y", crop).prepare(preds, target)
    assert float(hyra.psnr(*prepared)) == pytest.approx(PSNR_ON_Y[crop], abs=2e-6)  # both in float32
    exact = Protocol("y", crop).prepare(*(torch.from_numpy(x).double() / 255 for x in (preds, target)))
    assert float(hyra.psnr(*exact)) == pytest.approx(PSNR_ON_Y[crop], abs=1e-6)


def test_rounded_y_of_bytes_is_that_of_floats():
    preds, target = (torch.from_numpy(x) for x in pictures.pair())
    protocol = Protocol("y", rounded=True)
    of_bytes, of_floats = protocol.prepare(preds, target), protocol.prepare(preds / 255, target / 255)
    exact = Protocol("y").prepare(preds.double() / 255, target.double() / 255)
    for a, b, y in zip(of_bytes, of_floats, exact, strict=True):
        is_half = (y * 255 % 1 - 0.5).abs() < 1e-3  # which floats do not always hit
        assert torch.equal(a[~is_half], b[~is_half])
        assert is_half.float().mean() < 0.01


def test_fsds_in_the_published_order():
    preds, target = pictures.pair()
    assert Protocol.named("paper").fsds(preds, target) == hyra.fsds(target, preds)
    assert Protocol.named("div2k", 2).fsds(preds, target) == hyra.fsds(preds, target, crop_border=8)
    options = {"variant": "radial", "reduction": "mean"}
    assert Protocol().fsds(preds[None], target[None], **options) == hyra.fsds(preds[None], target[None], **options)


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Protocol().crop = 3
    assert Protocol.named("y", 3) == Protocol("y", 3)


def test_what_is_refused():
    with pytest.raises(ValueError, match="channels must be one of 'rgb', 'y', 'grey', got 'yuv'"):
        Protocol("yuv")
    with pytest.raises(ValueError, match="crop must be at least 0, got -1"):
        Protocol(crop=-1)
    with pytest.raises(ValueError, match="rounded must be False where channels is not 'y', got channels='rgb'"):
        Protocol(rounded=True)
    with pytest.raises(ValueError, match="name must be one of 'paper', 'y', 'div2k', got 'set5'"):
        Protocol.named("set5")
    with pytest.raises(ValueError, match="scale must be given for the protocol 'y', got None"):
        Protocol.named("y")
    with pytest.raises(ValueError, match="image must have one or three channels"):
        Protocol("y").prepare(torch.rand(4, 8, 8), torch.rand(4, 8, 8))
    with pytest.raises(ValueError, match="crop_border must leave at least one pixel of preds, 8x8, got 10"):
        Protocol.named("div2k", 4).prepare(torch.rand(3, 8, 8), torch.rand(3, 8, 8))
