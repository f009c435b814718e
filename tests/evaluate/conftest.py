"""Folders of images to evaluate."""

from __future__ import annotations

from pathlib import Path

import networks_in_a_file
import numpy as np
import pytest
from PIL import Image

from hyra.evaluate import Method

FILTERS = {"nearest": Image.Resampling.NEAREST, "bicubic": Image.Resampling.BICUBIC}


def make_folders(root: Path, images: int, side: int = 48) -> list[Method]:
    """Blurred noise as references, and two methods' images of it at x2 and x4."""
    generator = np.random.default_rng(0)
    for index in range(images):
        noise = Image.fromarray(generator.integers(0, 256, (side // 3, side // 3, 3), dtype=np.uint8))
        hr = noise.resize((side, side), Image.Resampling.BICUBIC)
        save(hr, root / "hr" / f"{index:04}.png")
        for scale in (2, 4):
            lr = hr.resize((side // scale, side // scale), Image.Resampling.BICUBIC)
            for name, resampling in FILTERS.items():
                save(lr.resize((side, side), resampling), root / name / f"x{scale}" / f"{index:04}x{scale}.png")
    return [Method(name, scale, root / name / f"x{scale}", root / "hr") for name in FILTERS for scale in (2, 4)]


def save(image: Image.Image, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    image.save(file)


@pytest.fixture
def methods(tmp_path) -> list[Method]:
    return make_folders(tmp_path, 5)


@pytest.fixture
def many_methods(tmp_path) -> list[Method]:
    """As `methods`, of a hundred pairs."""
    return make_folders(tmp_path, 25)


@pytest.fixture
def folder(tmp_path) -> Path:
    """References of three sizes, one of them no multiple of 2, and networks in a file."""
    networks_in_a_file.make(tmp_path)
    return tmp_path
