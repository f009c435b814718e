"""An evaluation of methods and images whose names, scores and files are as a stranger's may be."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hyra.evaluate.evaluation import Evaluation, evaluate
from hyra.evaluate.inputs.methods import Method
from hyra.evaluate.store.runs import Runs
from hyra.evaluate.work.plan import Plan

SCRIPT = "<script>alert(1)</script>"
QUOTES = """it's "a" & <b>bold<b> &lt;"""
SIDE = 48


@dataclass(frozen=True)
class Evaluated:
    """A store with one run, its pairs, and its images' folder."""

    evaluation: Evaluation
    store: Path
    folder: Path


def save(pixels: np.ndarray, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "PNG")


def make_images(root: Path) -> list[Method]:
    """Six references; one prediction is identical, one broken, one of another size, and one reference is constant."""
    generator = np.random.default_rng(0)
    methods = []
    for index, image in enumerate((QUOTES, "plain", "same", "broken", "flat", "small")):
        hr = generator.integers(40, 216, (SIDE, SIDE, 3)).astype(float)
        if image == "flat":
            hr[:] = 128
        save(hr, root / "hr" / f"{image}.png")
        for place in (0, 1):
            for scale in (2, 4):
                noise = (3 + index + 4 * place + scale) * generator.standard_normal(hr.shape)
                sr = hr if image == "same" and place else hr + noise
                file = root / f"method {place}" / f"x{scale}" / f"{image}.png"
                save(sr[: SIDE - (image == "small" and place)], file)
                if image == "broken" and place:
                    file.write_bytes(file.read_bytes()[:200])
    for place, name in enumerate((SCRIPT, "nearest")):
        methods += [Method(name, scale, root / f"method {place}" / f"x{scale}", root / "hr") for scale in (2, 4)]
    return methods


@pytest.fixture(scope="session")
def original(tmp_path_factory) -> Evaluated:
    folder = tmp_path_factory.mktemp("evaluated")
    store = folder / "scores.sqlite"
    plan = Plan(("psnr", "ssim", "fsds", "mae"), "y")
    result = evaluate(make_images(folder), plan, store=store, name="a <run>", tags=["nightly"], workers=1)
    with Runs(store) as runs:
        return Evaluated(Evaluation.load(runs, result.run.name), store, folder)


@pytest.fixture
def evaluated(original, tmp_path) -> Evaluated:
    """For tests that move files: every path stays as it is in the store, and what was changed is put back."""
    kept = tmp_path / "kept"
    shutil.copytree(original.folder, kept)
    yield original
    shutil.rmtree(original.folder)
    shutil.copytree(kept, original.folder)
