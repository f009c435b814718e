"""Image files by `hyra.images.decode` and other libraries, to the same pixels, and the scores of a pair beside them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, UnidentifiedImageError
from skimage import data

import hyra
from conftest import THREADS
from hyra import images

SCORES = ("psnr", "ssim", "mae", "mse", "fsds")
SIZE = (2040, 1356)
JOB = f"{', '.join(SCORES)} of a pair of decoded PNG, 1356x2040x3 uint8"
FORMATS = {
    "png": {},
    "jpeg": {"quality": 95},
    "webp": {"lossless": True, "method": 1},
    "bmp": {},
    "tiff": {"compression": "tiff_deflate"},
    "ppm": {},
    "avif": {"quality": 90, "speed": 10},
    "jxl": {"lossless": True, "effort": 1},
}


def photograph() -> np.ndarray:
    """[1356, 2040, 3] with grain, since smooth pixels inflate faster."""
    enlarged = np.asarray(Image.fromarray(data.astronaut()).resize(SIZE, Image.Resampling.BICUBIC))
    grain = np.random.default_rng(0).normal(0, 4, enlarged.shape)
    return (enlarged + grain).clip(0, 255).round().astype(np.uint8)


def pillow(file: Path) -> np.ndarray:
    try:
        with Image.open(file) as image:
            return np.asarray(image)
    except UnidentifiedImageError:
        pytest.skip("Pillow has no decoder of such files")


def imagecodecs(file: Path) -> np.ndarray:
    codecs = pytest.importorskip("imagecodecs")
    codec = {".png": "spng", ".jpeg": "jpeg8", ".jxl": "jpegxl"}.get(file.suffix, file.suffix[1:])
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


def save(pixels: np.ndarray, file: Path) -> None:
    form = file.suffix[1:]
    if form == "jxl":
        codecs = pytest.importorskip("imagecodecs")
        file.write_bytes(codecs.jpegxl_encode(pixels, **FORMATS[form]))
    else:
        Image.fromarray(pixels).save(file, form, **FORMATS[form])


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("photographs")


@pytest.fixture(scope="module")
def pair(files) -> tuple[Path, Path]:
    """Two PNG: the photograph, and what a network may make of it."""
    save(photograph(), files / "photograph.png")
    error = np.random.default_rng(1).normal(0, 3, (SIZE[1], SIZE[0], 3))
    save((photograph() + error).clip(0, 255).round().astype(np.uint8), files / "result.png")
    return files / "result.png", files / "photograph.png"


@pytest.mark.parametrize("contender", CONTENDERS)
@pytest.mark.parametrize("form", FORMATS)
def bench_decoding(contend, files, form, contender):
    file = files / f"photograph.{form}"
    if not file.exists():
        save(photograph(), file)
    try:
        pixels = contend(f"decoding {form}, 1356x2040x3 uint8", contender, lambda: CONTENDERS[contender](file))
    except RuntimeError as error:
        pytest.skip(str(error).splitlines()[0])
    # Libraries that bring another libjpeg round some pixels the other way.
    atol = 2 if form == "jpeg" else 0
    np.testing.assert_allclose(pixels.astype(int), CONTENDERS["hyra"](file).astype(int), rtol=0, atol=atol)


@pytest.mark.parametrize("threads", [1, THREADS])
@pytest.mark.parametrize("contender", [name for name in CONTENDERS if name != "hyra"])
def bench_decoding_a_pair(contend, pair, contender, threads):
    """What all scores of the pair stand beside, one file after the other or a thread for each."""
    with ThreadPoolExecutor(threads) as pool:
        how = "one after the other" if threads == 1 else "a thread each"
        contend(JOB, f"{contender}, {how}", lambda: list(pool.map(CONTENDERS[contender], pair)))


@pytest.mark.parametrize("contender", ["hyra", "hyra, a call each"])
def bench_all_scores(contend, pair, contender):
    preds, target = (images.read(file, integers=True) for file in pair)
    protocol = hyra.Protocol()
    contenders = {
        "hyra": lambda: protocol.scores(preds, target, SCORES),
        "hyra, a call each": lambda: {name: getattr(protocol, name)(preds, target) for name in SCORES},
    }
    found = contend(JOB, contender, contenders[contender])
    exact = protocol.scores(preds.double() / 255, target.double() / 255, SCORES)
    for name in SCORES:
        torch.testing.assert_close(found[name], exact[name], rtol=0, atol=1e-6 if name == "ssim" else 1e-9)
