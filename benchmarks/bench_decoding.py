"""`hyra.images.decode` beside the libraries that decode the same file, to the same pixels: what a score cannot beat."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from hyra import images

SIZE = (2040, 1356)
FORMATS = {
    "png": {},
    "jpeg": {"quality": 95},
    "webp": {"lossless": True, "method": 1},
    "bmp": {},
    "tiff": {"compression": "tiff_deflate"},
    "ppm": {},
}


def photograph() -> np.ndarray:
    """[1356, 2040, 3] with grain, since smooth pixels inflate faster."""
    enlarged = np.asarray(Image.fromarray(data.astronaut()).resize(SIZE, Image.Resampling.BICUBIC))
    grain = np.random.default_rng(0).normal(0, 4, enlarged.shape)
    return (enlarged + grain).clip(0, 255).round().astype(np.uint8)


def pillow(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image)


def imagecodecs(file: Path) -> np.ndarray:
    codecs = pytest.importorskip("imagecodecs")
    codec = {".png": "spng", ".jpeg": "jpeg8"}.get(file.suffix, file.suffix[1:])
    if (decode := getattr(codecs, f"{codec}_decode", None)) is None or file.suffix in (".tiff", ".ppm"):
        pytest.skip("imagecodecs has no decoder of such files")
    return decode(file.read_bytes())


def torchvision(file: Path) -> np.ndarray:
    io = pytest.importorskip("torchvision.io")
    if file.suffix not in (".png", ".jpeg", ".webp"):
        pytest.skip("torchvision has no decoder of such files")
    decode = getattr(io, f"decode_{file.suffix[1:]}")
    return decode(torch.frombuffer(bytearray(file.read_bytes()), dtype=torch.uint8)).permute(1, 2, 0).numpy()


def opencv(file: Path) -> np.ndarray:
    cv2 = pytest.importorskip("cv2")
    return cv2.imread(str(file))[..., ::-1]


def pyvips(file: Path) -> np.ndarray:
    return pytest.importorskip("pyvips").Image.new_from_file(str(file)).numpy()


CONTENDERS: dict[str, Callable[[Path], np.ndarray]] = {
    "hyra": lambda file: images.decode(file).pixels,
    "Pillow": pillow,
    "imagecodecs": imagecodecs,
    "torchvision": torchvision,
    "OpenCV": opencv,
    "pyvips": pyvips,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    picture = Image.fromarray(photograph())
    for form, options in FORMATS.items():
        buffer = BytesIO()
        picture.save(buffer, form, **options)
        (folder / f"photograph.{form}").write_bytes(buffer.getvalue())
    return folder


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("form", FORMATS)
def bench_decoding(contend, files, form, contender):
    file = files / f"photograph.{form}"
    try:
        pixels = contend(f"decoding {form}, 1356x2040x3 uint8", contender, lambda: CONTENDERS[contender](file))
    except RuntimeError as error:
        pytest.skip(str(error).splitlines()[0])
    # Libraries that bring another libjpeg round some pixels the other way.
    atol = 2 if form == "jpeg" else 0
    np.testing.assert_allclose(pixels.astype(int), CONTENDERS["hyra"](file).astype(int), rtol=0, atol=atol)
