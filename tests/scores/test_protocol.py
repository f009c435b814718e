"""Protocols: what they leave of a pair, in numbers of other programs, and in words."""

import dataclasses
import json
import re
from unittest import mock

import numpy as np
import pytest
import torch

import hyra
import pictures
from hyra import Protocol
from hyra.images import luma
from hyra.scores import pixelwise
from hyra.scores.table import SCORES

PSNR_ON_Y = {0: 36.357277203797, 4: 36.324687346314235}
"""By the border cut: `calculate_psnr` of `pictures.pair` on Y by BasicSR, commit 8d56e3a045f9fb3e1d88."""

CASES = {
    "paper": (Protocol.named("paper"), "RGB, no border cut, FSDS divided by the SR image's energy, as published"),
    "y": (Protocol.named("y", 4), "Y of BT.601 (MATLAB's), 4 pixels cut from each side"),
    "y rounded": (
        Protocol.named("y", 2, rounded=True),
        "Y of BT.601 (MATLAB's), rounded to integers, 2 pixels cut from each side",
    ),
    "y rounded, by name": (
        Protocol.named("y-rounded", 4),
        "Y of BT.601 (MATLAB's), rounded to integers, 4 pixels cut from each side",
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


def large_pair():
    """As large as MS-SSIM needs."""
    target = torch.from_numpy(pictures.integers(184, 200, 1))
    return (target.int() + torch.from_numpy(pictures.integers(184, 200, 2)).int() % 9).clamp(0, 255).byte(), target


@pytest.mark.parametrize("protocol", [protocol for protocol, _ in CASES.values()], ids=list(CASES))
def test_every_score_is_a_method_that_scores_the_prepared_pair(protocol):
    preds, target = large_pair()
    prepared = protocol.prepare(preds, target)
    together = protocol.scores(preds, target, list(SCORES))
    assert list(together) == list(SCORES)
    for name in SCORES:
        order = prepared[::-1] if name == "fsds" and protocol.published_order else prepared
        expected = getattr(hyra, name)(*order)
        assert getattr(protocol, name)(preds, target) == expected
        assert together[name] == expected
        assert getattr(Protocol, name).__doc__.startswith(f"`hyra.{name}` of")


def test_options_reach_the_scores():
    preds, target = pictures.pair()
    protocol = Protocol("rgb", 2)
    of_pair = protocol.scores(preds, target, {"ssim": {"form": "skimage"}, "fsds": {"variant": "radial"}, "mae": {}})
    assert of_pair["ssim"] == hyra.ssim(preds, target, form="skimage", crop_border=2)
    assert of_pair["fsds"] == protocol.fsds(preds, target, variant="radial")
    assert of_pair["mae"] == hyra.mae(preds, target, crop_border=2)
    assert protocol.mae(preds, target, data_range=100) == hyra.mae(preds, target, crop_border=2, data_range=100)
    assert {type(value) for value in of_pair.values()} == {type(hyra.psnr(preds, target))}  # NumPy's, as the images
    with pytest.raises(ValueError, match=r"names must be one of 'psnr', 'ssim', .*, got 'lpips'"):
        protocol.scores(preds, target, ["psnr", "lpips"])


def test_mae_mse_and_psnr_are_read_once(monkeypatch):
    preds, target = pictures.pair()
    watched = mock.Mock(wraps=pixelwise.difference_sums)
    monkeypatch.setattr(pixelwise, "difference_sums", watched)
    Protocol().scores(preds, target, ["psnr", "mae", "ssim", "mse"])
    assert watched.call_count + watched.plainly.call_count == 1


@pytest.mark.parametrize("channels", ["rgb", "y", "grey"])
def test_networks_of_one_channel_are_scored_on_y(channels):
    preds, target = (torch.from_numpy(x) for x in pictures.pair())
    made = luma(preds)  # such a network's output
    protocol = Protocol(channels, 4)
    for one in (made, (made * 255).round().byte()):
        expected = hyra.psnr(one.float() / (1 if one.is_floating_point() else 255), luma(target), crop_border=4)
        torch.testing.assert_close(protocol.psnr(one, target), expected)
    assert protocol.for_network(1) == Protocol("y", 4)
    assert protocol.for_network(3) == protocol
    with pytest.raises(ValueError, match="preds must have the shape of target"):
        protocol.psnr(preds, made)
    with pytest.raises(ValueError, match="preds must have the shape of target"):
        protocol.psnr(made[:, 1:], target)


@pytest.mark.parametrize("channels", ["rgb", "y", "grey"])
def test_pairs_of_two_kinds_have_white_in_common(channels):
    preds, target = (torch.from_numpy(x) for x in pictures.pair())
    floats = preds.double() / 255, target.double() / 255
    expected = Protocol(channels).psnr(*floats)
    wide = (target.int() * 257).to(torch.uint16)
    for pair in ((preds, wide), (preds, floats[1]), (floats[0], wide), (preds / 255, target)):
        torch.testing.assert_close(Protocol(channels).psnr(*pair).double(), expected, rtol=0, atol=2e-5)


WRITTEN = {
    "paper": Protocol(published_order=True),
    "y": Protocol("y", 3),
    "y-rounded": Protocol("y", 3, rounded=True),
    "div2k": Protocol("rgb", 9),
    "channels=rgb": Protocol(),
    "channels=grey,crop=5": Protocol("grey", 5),
    "crop=5, channels=y": Protocol("y", 5),
    "channels=y-rounded,crop=0": Protocol("y", 0, rounded=True),
    "crop=12": Protocol("rgb", 12),
}


@pytest.mark.parametrize("text", WRITTEN)
def test_a_protocol_as_it_is_written(text):
    assert Protocol.parse(text, scale=3) == WRITTEN[text]
    if "=" in text or text == "paper":
        assert Protocol.parse(text) == WRITTEN[text]


@pytest.mark.parametrize(
    "text",
    [
        *("", "set5", "Y", "y,crop=4", "channels=yuv", "border=4", "channels=rgb,crop=4,rounded=1"),
        *("crop=-1", "crop=4.0", "crop=\u0664", "crop", "crop=4,"),
        *("crop=4,crop=4", "channels=y,channels=y,crop=1", "crop=1,crop=2,channels=y"),
    ],
)
def test_what_is_no_protocol(text):
    names = "'paper', 'y', 'y-rounded', 'div2k' or channels=rgb|y|y-rounded|grey,crop=N"
    with pytest.raises(ValueError, match=re.escape(f"protocol must be one of {names}, got {text!r}")):
        Protocol.parse(text, scale=4)


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
    with pytest.raises(ValueError, match="name must be one of 'paper', 'y', 'y-rounded', 'div2k', got 'set5'"):
        Protocol.named("set5")
    with pytest.raises(ValueError, match="scale must be given for the protocol 'y', got None"):
        Protocol.named("y")
    with pytest.raises(ValueError, match="scale must be given for the protocol 'div2k', got None"):
        Protocol.parse("div2k")
    with pytest.raises(TypeError, match="protocol must be a string, got int 4"):
        Protocol.parse(4)
    with pytest.raises(ValueError, match="image must have one or three channels"):
        Protocol("y").prepare(torch.rand(4, 8, 8), torch.rand(4, 8, 8))
    with pytest.raises(ValueError, match="crop_border must leave at least one pixel of preds, 8x8, got 10"):
        Protocol.named("div2k", 4).prepare(torch.rand(3, 8, 8), torch.rand(3, 8, 8))


@pytest.mark.parametrize("protocol", [Protocol(), Protocol.named("paper")], ids=str)
@pytest.mark.parametrize("names", ["psnr", "fsds", None, 3, [["psnr"]]])
def test_scores_are_asked_for_by_a_list(protocol, names):
    image = torch.rand(3, 16, 16)
    with pytest.raises((TypeError, ValueError), match="names must be"):
        protocol.scores(image, image.flip(1), names)


def test_settings_can_be_written_down():
    protocol = Protocol(crop=np.int64(3))
    assert json.loads(json.dumps(dataclasses.asdict(protocol)))["crop"] == 3
    for settings in ({"channels": "y", "rounded": "no"}, {"published_order": 1}):
        with pytest.raises(TypeError, match="must be of the type bool"):
            Protocol(**settings)
