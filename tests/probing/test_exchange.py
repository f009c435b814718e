"""Impulses through files: what another program makes of them is its response, and what it loses is told."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import hyra
from hyra.cli import main
from hyra.images import decode, imresize
from hyra.probing.exchange import export_impulses, import_outputs

KERNEL = hyra.HyRA(lambda x: imresize(x, 2)).impulse_response(64, amplitude=0.25, background=0.5).response


def enlarge(folder, by, bits=16, suffix=".png", ending=""):
    """A program that knows nothing of hyra: it reads, works in float64, and writes."""
    for file in sorted((folder / "inputs").iterdir()):
        stored = decode(file)
        image = torch.from_numpy(stored.pixels.astype(np.float64) / stored.white).movedim(-1, 0)
        output = by(image[None])[0].movedim(0, -1).numpy()
        place = folder / "outputs" / f"{file.stem}{ending}{suffix}"
        place.parent.mkdir(exist_ok=True)
        if suffix == ".npy":
            np.save(place, output.astype(np.float32))
            continue
        imagecodecs = pytest.importorskip("imagecodecs")
        levels = np.round(output.clip(0, 1) * (2**bits - 1)).astype(np.uint16 if bits > 8 else np.uint8)
        place.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(levels)))


def bicubic(x):
    return imresize(x, 2)


@pytest.mark.parametrize(("form", "suffix"), [("png", ".png"), ("npy", ".png"), ("npy", ".npy")])
def test_a_bicubic_kernel_survives_the_trip(tmp_path, form, suffix):
    if form == "png":
        pytest.importorskip("imagecodecs")
    export_impulses(tmp_path, form=form)
    enlarge(tmp_path, bicubic, suffix=suffix, ending="_x2")
    found = import_outputs(tmp_path)
    assert found.response.scale == 2
    assert float((found.response.response - KERNEL).abs().max()) <= 2e-4
    assert (found.response.form, found.clamped) == ("affine", 0)
    assert found.error < 1e-4
    assert found.step == (1 / 65535 if suffix == ".png" else 0)


def test_eight_bits_are_found_and_cost_what_is_said(tmp_path):
    """Also where a file of 16 bits, or of floats, holds them."""
    for name, by, bits, suffix in (
        ("own", bicubic, 8, ".png"),
        ("hidden", lambda x: (bicubic(x) * 255).round() / 255, 16, ".png"),
        ("floats", lambda x: (bicubic(x) * 255).round() / 255, 0, ".npy"),
    ):
        folder = tmp_path / name
        export_impulses(folder, form="npy")
        enlarge(folder, by, bits, suffix)
        found = import_outputs(folder)
        assert found.step == 1 / 255
        assert found.sentences() == ["the outputs have 256 levels: the response is known to 0.016"]
        error = float((found.response.response - KERNEL).abs().max())
        assert 1e-3 < error <= found.error


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_no_levels_are_found_where_there_are_none(tmp_path, mode):
    """Interpolations make simple shares of the impulse, which may be levels of 8 bits by chance."""
    export_impulses(tmp_path, form="npy")
    enlarge(tmp_path, lambda x: F.interpolate(x, scale_factor=2, mode=mode), suffix=".npy")
    found = import_outputs(tmp_path)
    assert (found.step, found.error, found.sentences()) == (0, 0, [])


def test_clamping_is_found(tmp_path):
    export_impulses(tmp_path, form="npy", amplitude=0.4)
    enlarge(tmp_path, lambda x: (0.5 + 3 * (bicubic(x) - 0.5)).clamp(0, 1), suffix=".npy")
    with pytest.warns(UserWarning, match=r"of the response lies where the outputs are cut at black or white: export"):
        found = import_outputs(tmp_path)
    assert 0.1 < found.clamped < 1


def test_one_impulse_for_each_colour(tmp_path):
    mixing = torch.tensor([[1.0, 0.2, 0.0], [0.0, 0.9, 0.1], [0.3, 0.0, 0.7]], dtype=torch.float64)

    def mixed(x):
        return torch.einsum("oi,nihw->nohw", mixing, F.interpolate(x, scale_factor=3))

    export_impulses(tmp_path, channels="matrix", form="npy", size=16)
    enlarge(tmp_path, mixed, suffix=".npy")
    response = import_outputs(tmp_path).response
    assert response.scale == 3
    torch.testing.assert_close(response.response[:, :, 24, 24], mixing.float(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("colours", [1, 4, 31])
def test_any_number_of_bands(tmp_path, colours):
    export_impulses(tmp_path, colours=colours, form="npy", size=40)
    (tmp_path / "outputs").mkdir()
    for file in (tmp_path / "inputs").iterdir():
        image = torch.from_numpy(np.load(file)).movedim(-1, 0)[None]
        np.save(tmp_path / "outputs" / file.name, F.interpolate(image, scale_factor=2)[0].numpy())
    assert import_outputs(tmp_path).response.response.shape == (colours, 80, 80)


def test_what_is_missing_or_odd_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*probe\.json, as hyra probe-export writes it"):
        import_outputs(tmp_path)
    export_impulses(tmp_path, form="npy", size=16)
    with pytest.raises(NotADirectoryError):
        import_outputs(tmp_path)
    enlarge(tmp_path, bicubic, suffix=".npy")
    (tmp_path / "outputs" / "impulse.npy").unlink()
    with pytest.raises(
        ValueError, match=r"must hold one output of every image in .*inputs, got none or several of impulse"
    ):
        import_outputs(tmp_path)
    np.save(tmp_path / "outputs" / "impulse.npy", np.zeros((33, 32, 3), np.float32))
    with pytest.raises(ValueError, match=r"must have the shape of the output of the background, \[3, 32, 32\], got"):
        import_outputs(tmp_path)
    for name in ("impulse", "background"):
        np.save(tmp_path / "outputs" / f"{name}.npy", np.zeros((33, 33, 3), np.float32))
    with pytest.raises(ValueError, match=r"must be a whole multiple of 16x16, got 33x33"):
        import_outputs(tmp_path)
    np.save(tmp_path / "outputs" / "impulse.npy", np.full((32, 32, 3), np.nan))
    with pytest.raises(ValueError, match=r"must hold finite pixels"):
        import_outputs(tmp_path)


@pytest.mark.parametrize(
    "change",
    [{"format": 2}, {"size": "64"}, {"size": 0}, {"amplitude": 0}, {"images": ["background"]}, {"background": "grey"}],
)
def test_a_plan_that_is_none(tmp_path, change):
    export_impulses(tmp_path, form="npy")
    plan = json.loads((tmp_path / "probe.json").read_text())
    for text in (json.dumps({**plan, **change}), "[" * 100000, "[]", "text"):
        (tmp_path / "probe.json").write_text(text)
        with pytest.raises(ValueError, match="must be as hyra probe-export writes it"):
            import_outputs(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"colours": 4}, "colours must be 1 or 3 for PNG, got 4: use npy"),
        ({"amplitude": 0.6, "background": 0.5}, "keep background \\+ amplitude in 0..1, got 0.5 \\+ 0.6"),
        ({"form": "jpg"}, "form must be one of"),
        ({"size": 0}, "size must be at least 1"),
    ],
)
def test_refusals(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        export_impulses(tmp_path, **arguments)


def test_the_commands(tmp_path, capsys):
    folder = tmp_path / "exchange"
    assert main(["probe-export", str(folder), "--format", "npy"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{folder}/inputs/{name}.npy" for name in ("background", "impulse")]
    enlarge(folder, bicubic, suffix=".npy")
    assert main(["probe-import", str(folder)]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    printed = {line[:16].strip(): float(line[16:]) for line in lines}
    assert printed["scale"] == 2
    assert printed["DC gain"] == pytest.approx(1, abs=1e-4)
    assert last == str(folder / "response.png")
    stored = hyra.ImpulseResponse.load(folder / "response.safetensors")
    assert float((stored.response - KERNEL).abs().max()) <= 2e-4
