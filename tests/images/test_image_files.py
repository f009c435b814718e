"""Every kind of image file gives the pixels that were encoded, or one sentence."""

from __future__ import annotations

import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from image_cases import FRAMES, Case
from make_images import cases
from PIL import Image

from hyra import images

CASES = cases()


def made(case: Case) -> tuple[bytes, np.ndarray]:
    try:
        return case.make()
    except ModuleNotFoundError as error:
        pytest.skip(f"{error.name} writes it")


def readable(case: Case) -> tuple[bytes, np.ndarray]:
    if case.needs:
        pytest.importorskip("imagecodecs")
        pytest.importorskip("tifffile")
    return made(case)


def outcome(path: Path) -> torch.Tensor | None:
    """The image, or None where one sentence refuses it; anything else is an error."""
    try:
        return images.read(path)
    except ValueError as error:
        if not str(error).startswith(f"{path} cannot be read as an image: ") or "\n" in str(error):
            raise
    except ModuleNotFoundError as error:  # a TIFF may be damaged so that only the extra could read it
        if find_spec("tifffile") or "hyra[images]" not in str(error):
            raise
    return None


def agrees(case: Case, image: torch.Tensor, stored: np.ndarray) -> bool:
    expected = np.broadcast_to(stored, (*stored.shape[:2], 3)).transpose(2, 0, 1) / np.float32(case.white)
    return image.shape == expected.shape and bool(
        np.abs(image.numpy() - expected).max() <= (case.off_by + 1e-3) / max(case.white, 255)
        if case.off_by
        else np.allclose(image.numpy(), expected, rtol=0, atol=1e-7)
    )


def test_there_are_about_150_files_of_different_names():
    assert len({case.name for case in CASES}) == len(CASES) >= 150


def test_the_suffixes_of_a_folder_are_those_of_the_formats():
    of_formats = {"png", "jpg", "webp", "gif", "bmp", "tif", "ppm", "jp2", "jxl", "avif", "npy"}
    assert {f".{suffix}" for suffix in of_formats} <= images.SUFFIXES


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_file_gives_its_pixels_its_warnings_or_one_sentence(case, tmp_path):
    data, stored = readable(case)
    path = tmp_path / "image.bin"
    path.write_bytes(data)
    if case.refused:
        with pytest.raises(ValueError, match=r"image\.bin cannot be read as an image: ") as refusal:
            images.read(path)
        assert case.refused in str(refusal.value)
        assert "\n" not in str(refusal.value)
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        image = images.read(path)
    told = [str(one.message) for one in caught if one.category is UserWarning]
    assert len(told) == len(case.warns)
    assert all(any(part in text for text in told) for part in case.warns)
    assert all(one.filename == __file__ for one in caught if one.category is UserWarning)
    assert image.dtype == torch.float32
    assert image.is_contiguous()
    assert agrees(case, image, stored)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_without_the_extra_the_same_or_a_sentence_that_names_it(case, tmp_path, monkeypatch):
    data, stored = made(case)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    monkeypatch.setitem(sys.modules, "tifffile", None)
    path = tmp_path / "image.bin"
    path.write_bytes(data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if case.needs:
            with pytest.raises(ModuleNotFoundError, match=r"pip install 'hyra\[images\]'"):
                images.read(path)
        elif case.refused:
            with pytest.raises(ValueError, match=r"image\.bin cannot be read as an image: "):
                images.read(path)
        else:
            assert agrees(case, images.read(path), stored)
            assert sum(one.category is UserWarning for one in caught) == len(case.warns)


@pytest.mark.parametrize("case", [case for case in CASES if not case.refused], ids=str)
@pytest.mark.filterwarnings("ignore")
def test_a_file_cut_off_is_one_sentence_and_never_other_pixels(case, tmp_path):
    data, stored = readable(case)
    path = tmp_path / "image.bin"
    lengths = {int(part * len(data)) for part in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97)} | {len(data) - 5, len(data) - 1}
    refused = 0
    for length in sorted(length for length in lengths if length >= 0):
        path.write_bytes(data[:length])
        image = outcome(path)
        refused += image is None
        # What follows the pixels may be missing.
        assert image is None or agrees(case, image, stored)
    assert refused >= (2 if case.warns == (FRAMES,) else 5)


@pytest.mark.parametrize("case", [case for case in CASES if not case.refused], ids=str)
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_file_is_one_sentence_or_an_image(case, tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10**6)  # no time for large sizes that damage makes
    data, _ = readable(case)
    random = np.random.default_rng(len(data))
    path = tmp_path / "image.bin"
    for _ in range(10):
        damaged = bytearray(data)
        for at in random.integers(0, min(len(data), int(random.choice([64, 300, 10**6]))), random.integers(1, 5)):
            damaged[at] = random.integers(256)
        path.write_bytes(damaged)
        image = outcome(path)
        assert image is None or (image.shape[0] == 3 and -1 <= image.min() <= image.max() <= 2)


def test_the_integers_are_handed_over_as_they_are_stored(tmp_path):
    for name, kind in (("netpbm-rgb-255", np.uint8), ("netpbm-grey-4095", np.uint16), ("png-palette-8", np.uint8)):
        case = next(case for case in CASES if case.name == name)
        data, stored = case.make()
        (tmp_path / name).write_bytes(data)
        image = images.decode(tmp_path / name)
        assert image.pixels.dtype == kind
        assert np.array_equal(image.pixels, stored)
        assert image.white == case.white
        assert image.ignored == ()


@pytest.mark.parametrize("case", [case for case in CASES if not case.refused], ids=str)
@pytest.mark.filterwarnings("ignore")
def test_integers_are_those_that_are_stored(case, tmp_path):
    """Where their type says what white is; all others are floats."""
    data, stored = readable(case)
    path = tmp_path / "image.bin"
    path.write_bytes(data)
    found, decoded = images.read(path, integers=True), images.decode(path)
    white = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}.get(decoded.pixels.dtype)
    if decoded.white != white:
        assert torch.equal(found, images.read(path))
        return
    assert found.dtype == {255: torch.uint8, 65535: torch.uint16}[white]
    assert agrees(case, found.float() / white, stored)
    assert found.stride(2) <= 4  # as the decoder leaves it, with its alpha


def test_decode_warns_as_read_does(tmp_path):
    data, _ = next(case for case in CASES if case.name == "png-rgba-8-half").make()
    (tmp_path / "image.png").write_bytes(data)
    with pytest.warns(UserWarning, match="transparency is ignored") as caught:
        assert "transparency" in images.decode(tmp_path / "image.png").ignored[0]
    assert caught[0].filename == __file__


def test_the_limit_of_the_size_is_pillows(tmp_path, monkeypatch):
    image = np.zeros((3, 7, 3), np.uint8)
    suffixes = ["png", "bmp", "tif", "ppm"]
    for suffix in suffixes:
        Image.fromarray(image).save(tmp_path / f"image.{suffix}")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for suffix in suffixes:
        with pytest.raises(
            ValueError, match=r"cannot be read as an image: .*(more than 20 pixels|exceeds limit of 20 pixels)"
        ):
            images.read(tmp_path / f"image.{suffix}")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    for suffix in suffixes:
        assert images.read(tmp_path / f"image.{suffix}").shape == (3, 3, 7)


MEMORY = """
import resource, sys
import imagecodecs, PIL.Image
from hyra import images

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

before = peak()
image = images.read(sys.argv[1])
print(peak() - before)
"""


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.once
def test_the_peak_of_memory_is_the_result_and_the_decoded_bytes(tmp_path, channels):
    imagecodecs = pytest.importorskip("imagecodecs")
    decoded = np.zeros((3000, 3000, channels), np.uint8)
    (tmp_path / "image.png").write_bytes(imagecodecs.png_encode(decoded.squeeze()))
    ran = subprocess.run(
        [sys.executable, "-c", MEMORY, tmp_path / "image.png"], capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) < 1.1 * (4 * 3 * 3000 * 3000 + decoded.nbytes)
