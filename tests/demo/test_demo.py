"""The bundled networks do what their README says, and the photographs are where the package looks for them."""

import json
import sys
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from torch import Tensor

from hyra import demo
from hyra.demo import evaluate, photographs
from hyra.demo.adversarial import AdversarialLoss
from hyra.demo.network import BUNDLED, Network, super_resolve
from hyra.demo.patches import VALIDATION_ROWS, Patches, validation_pairs
from hyra.demo.train import train
from hyra.images.resampling import degrade, enlarge
from hyra.scores.pixelwise import psnr

SIZE, PIXEL = 64, 32
MEGABYTE = 1_000_000


def impulse_response(network: Network) -> Tensor:
    """Output [H, W], mean of the channels, for one white pixel in a black image."""
    image = torch.zeros(1, 3, SIZE, SIZE)
    image[..., PIXEL, PIXEL] = 1
    return network(image)[0].mean(0)


def side_lobes(response: Tensor, scale: int) -> list[float]:
    """First side lobes (left, right, up, down) along the white pixel's rows and columns, over the peak."""
    start = scale * PIXEL
    lobes = []
    for along_columns in (response, response.T):
        profile = along_columns[start : start + scale].mean(0)
        before, after = profile[start - 2 * scale : start], profile[start + scale : start + 3 * scale]
        lobes += [float(before.min() / profile.max()), float(after.min() / profile.max())]
    return lobes


@pytest.fixture
def one_photograph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train on one photograph: what is tested does not depend on how many there are."""
    monkeypatch.setattr(photographs, "TRAINING", ("coffee",))


def test_photographs_are_split_once() -> None:
    assert set(demo.HELD_OUT) == {"astronaut", "chelsea", "china", "flower"}
    assert not set(demo.HELD_OUT) & set(demo.TRAINING)
    assert {"motorcycle_left", "motorcycle_right"} <= set(demo.TRAINING)


@pytest.mark.parametrize("name", demo.HELD_OUT + demo.TRAINING)
def test_photograph_loads(name: str) -> None:
    image = photographs.load(name)
    assert image.dtype == torch.float32
    assert image.ndim == 3
    assert image.shape[0] == 3
    assert min(image.shape[1:]) >= 256
    assert 0 <= image.min() < image.max() <= 1
    assert image.max() > 0.5


def test_unknown_photograph() -> None:
    with pytest.raises(ValueError, match=r"name must be one of astronaut.*got 'lena'"):
        photographs.load("lena")


@pytest.mark.parametrize(("scale", "kind"), BUNDLED)
def test_bundled_network(scale: int, kind: str) -> None:
    network = demo.load(scale, kind)
    assert not network.training
    assert all(weight.dtype == torch.float32 and not weight.requires_grad for weight in network.parameters())
    assert network(torch.rand(2, 3, 9, 12)).shape == (2, 3, 9 * scale, 12 * scale)


def test_weights_are_small() -> None:
    folder = files("hyra.demo") / "weights"
    weights = [file for file in folder.iterdir() if file.name.endswith(".safetensors")]
    assert len(weights) == len(BUNDLED)
    assert all(len(file.read_bytes()) <= 0.4 * MEGABYTE for file in weights)


def test_unknown_network() -> None:
    with pytest.raises(ValueError, match=r"scale and kind must name a bundled network .* got scale=3 kind='l1'"):
        demo.load(3)


@pytest.mark.parametrize("scale", [2, 4])
def test_receptive_field(scale: int) -> None:
    network = demo.load(scale)
    image = torch.rand(1, 3, SIZE, SIZE, requires_grad=True)
    cell = slice(scale * PIXEL, scale * (PIXEL + 1))
    network(image)[..., cell, cell].sum().backward()
    assert image.grad is not None
    touched = image.grad.abs().sum((0, 1)).nonzero()
    extent = touched.amax(0) - touched.amin(0) + 1
    assert extent.tolist() == [network.receptive_field] * 2


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("name", demo.HELD_OUT)
def test_l1_network_beats_bicubic(name: str, scale: int) -> None:
    lr, hr = degrade(photographs.load(name)[:, :256, :256], scale)
    assert psnr(super_resolve(demo.load(scale), lr), hr) > psnr(enlarge(lr, scale), hr)


@pytest.mark.parametrize("scale", [2, 4])
def test_l1_response_is_sinc_like(scale: int) -> None:
    response = impulse_response(demo.load(scale))
    row, column = divmod(int(response.argmax()), response.shape[1])
    assert all(scale * PIXEL <= index < scale * (PIXEL + 1) for index in (row, column))
    assert all(-0.3 < lobe < -0.08 for lobe in side_lobes(response, scale))


@pytest.mark.usefixtures("one_photograph")
def test_patches_are_reproducible_aligned_and_in_range() -> None:
    first, again = (Patches(4, 12, 3, torch.Generator().manual_seed(1)).draw() for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    lr, hr = first
    assert lr.shape == (3, 3, 12, 12)
    assert hr.shape == (3, 3, 48, 48)
    assert min(lr.min(), hr.min()) >= 0
    assert max(lr.max(), hr.max()) <= 1
    inner = (slice(None), slice(None), slice(3, -3), slice(3, -3))  # the kernel of the downscaling reaches past a patch
    for low, high in zip(lr, hr, strict=True):
        torch.testing.assert_close(low[inner[1:]], degrade(high, 4)[0][inner[1:]], atol=1e-5, rtol=0)


def test_validation_strips_are_not_trained_on() -> None:
    heights = [hr.shape[1] for _, hr in validation_pairs(4)]
    assert heights == [VALIDATION_ROWS] * len(demo.TRAINING)
    photograph = torch.zeros(3, 400, 400)
    photograph[:, -VALIDATION_ROWS:] = 1
    patches = Patches(4, 12, 1, torch.Generator())
    assert all(hr.max() == 0 for _, hr in patches._pyramid(photograph))


class Killed(Exception):
    pass


@pytest.mark.usefixtures("one_photograph")
@pytest.mark.parametrize("adversarial", [False, True])
def test_training_resumes_where_it_was_killed(adversarial: bool, tmp_path: Path) -> None:
    def run(checkpoint: Path, killed_at: int | None = None) -> dict[str, Tensor]:
        def on_step(step: int, network: Network, loss: float) -> None:
            if step == killed_at:
                raise Killed

        torch.manual_seed(0)
        network, loss = Network(2, blocks=1), AdversarialLoss() if adversarial else torch.nn.functional.l1_loss
        options = {"batch": 1, "patch": 16, "report_every": 2}
        train(network, steps=4, loss=loss, on_step=on_step, checkpoint=checkpoint, **options)
        return network.state_dict()

    expected = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "killed", killed_at=3)
    resumed = run(tmp_path / "killed")
    assert all(torch.equal(resumed[name], weight) for name, weight in expected.items())


@pytest.mark.usefixtures("one_photograph")
def test_training_learns() -> None:
    losses = []
    torch.manual_seed(0)
    options = {"batch": 2, "patch": 16, "learning_rate": 3e-3}
    train(Network(2, blocks=1), steps=40, on_step=lambda step, network, loss: losses.append(loss), **options)
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


def test_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.io", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'hyra\[demo\]'"):
        photographs.load("chelsea")


def test_evaluation_table_and_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(photographs, "HELD_OUT", ("chelsea",))
    monkeypatch.setattr(sys, "argv", ["evaluate", "--json", str(tmp_path / "scores.json")])
    evaluate.main()
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert [(score["scale"], score["method"]) for score in scores] == [
        (4, "bicubic"),
        (4, "l1 x4"),
        (2, "bicubic"),
        (2, "l1 x2"),
    ]
    lr, hr = degrade(photographs.load("chelsea"), 4)
    assert scores[0]["psnr"] == pytest.approx(psnr(enlarge(lr, 4), hr))
    assert scores[1]["psnr"] > scores[0]["psnr"]
    assert f"| chelsea | x4 | bicubic | {scores[0]['psnr']:.2f} | {scores[0]['ssim']:.4f} |" in capsys.readouterr().out


@pytest.mark.usefixtures("one_photograph")
def test_bad_training_options() -> None:
    with pytest.raises(ValueError, match="steps must be at least 1; got 0"):
        train(Network(2), steps=0)
    with pytest.raises(ValueError, match=r"size must be at most .* LR pixels; got 400"):
        Patches(4, 400, 1, torch.Generator())
