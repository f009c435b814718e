"""Image files: what is read is what was stored, and what cannot be read says so."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hyra import images


def png(pixels: np.ndarray) -> bytes:
    """A PNG file of [H, W, C] uint8 or uint16: grey, grey and alpha, RGB or RGBA."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, channels = pixels.shape
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.itemsize, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(pixels.dtype.newbyteorder(">")).tobytes() for row in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png_of_8_and_16_bits(tmp_path, random, channels, dtype):
    if dtype == np.uint16:
        pytest.importorskip("imagecodecs")
    white = np.iinfo(dtype).max
    stored = random.integers(0, white + 1, (5, 7, channels)).astype(dtype)
    if channels == 4:
        stored[..., 3] = white
    (tmp_path / "image.png").write_bytes(png(stored))
    expected = np.broadcast_to(stored[..., :3], (5, 7, 3)).transpose(2, 0, 1) / np.float32(white)
    image = images.read(tmp_path / "image.png")
    assert image.dtype == torch.float32
    assert np.array_equal(image.numpy(), expected)


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_of_16_bits_in_either_byte_order(tmp_path, random, order):
    tifffile = pytest.importorskip("tifffile")
    stored = random.integers(0, 65536, (40, 7, 3)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "image.tif", stored, photometric="rgb", byteorder=order, rowsperstrip=8)
    expected = stored.transpose(2, 0, 1) / np.float32(65535)
    assert np.array_equal(images.read(tmp_path / "image.tif").numpy(), expected)


def test_palette_bilevel_and_cmyk_become_rgb(tmp_path, random):
    rgb = Image.fromarray(random.integers(0, 256, (6, 5, 3)).astype(np.uint8))
    for mode, suffix in (("P", "png"), ("1", "png"), ("CMYK", "tif")):
        converted = rgb.convert(mode)
        converted.save(tmp_path / f"image.{suffix}")
        expected = torch.from_numpy(np.array(converted.convert("RGB"))).permute(2, 0, 1) / 255
        torch.testing.assert_close(images.read(tmp_path / f"image.{suffix}"), expected)


def test_transparency_is_dropped_with_a_warning(tmp_path):
    stored = np.full((4, 4, 4), 100, np.uint8)
    (tmp_path / "image.png").write_bytes(png(stored))
    with pytest.warns(UserWarning, match=r"image\.png: its transparency is ignored"):
        image = images.read(tmp_path / "image.png")
    torch.testing.assert_close(image, torch.full((3, 4, 4), 100 / 255))


@given(st.integers(0, 255), st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))
def test_writing_and_reading_gives_the_image_back(tmp_path_factory, level, height, width, channels):
    path = tmp_path_factory.mktemp("images") / "folder" / "image.png"
    image = torch.full((channels, height, width), level / 255)
    images.write(image, path)
    torch.testing.assert_close(images.read(path), image.expand(3, height, width), rtol=0, atol=1e-7)


def test_writing_clamps_and_rounds(tmp_path):
    image = torch.tensor([[[-0.5, 1.5, 0.4999 / 255, 0.5001 / 255]]])
    images.write(image, tmp_path / "image.png")
    assert np.asarray(Image.open(tmp_path / "image.png")).tolist() == [[0, 255, 0, 1]]


def test_reading_says_what_is_wrong(tmp_path, random):
    with pytest.raises(FileNotFoundError, match=r"no such file: .*missing\.png"):
        images.read(tmp_path / "missing.png")
    with pytest.raises(FileNotFoundError, match="is a folder, not an image file"):
        images.read(tmp_path)

    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(ValueError, match=r"text\.png cannot be read as an image"):
        images.read(tmp_path / "text.png")

    whole = png(random.integers(0, 256, (64, 64, 3)).astype(np.uint8))
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut\.png cannot be read as an image"):
        images.read(tmp_path / "cut.png")

    broken = bytearray(whole)
    broken[60] ^= 0xFF
    (tmp_path / "broken.png").write_bytes(broken)
    with pytest.raises(ValueError, match=r"broken\.png cannot be read as an image"):
        images.read(tmp_path / "broken.png")

    Image.fromarray(255 * random.random((4, 4), dtype=np.float32)).save(tmp_path / "float.tif")
    pytest.importorskip("tifffile")
    with pytest.raises(ValueError, match=r"float\.tif cannot be read as an image: floats about 0\.\.1 .* got values"):
        images.read(tmp_path / "float.tif")


def test_writing_says_what_is_wrong(tmp_path):
    with pytest.raises(ValueError, match=r"image must be \[3, H, W\] or \[1, H, W\], got the shape \(2, 4, 4\)"):
        images.write(torch.zeros(2, 4, 4), tmp_path / "image.png")
    with pytest.raises(ValueError, match="got NaN"):
        images.write(torch.full((3, 4, 4), torch.nan), tmp_path / "image.png")
    with pytest.raises(ValueError, match="unknown file extension"):
        images.write(torch.zeros(3, 4, 4), tmp_path / "image.unknown")
