"""Two methods' images and their references, in folders, for runs that take a moment."""

from __future__ import annotations

from pathlib import Path

import torch

from hyra import images
from hyra.evaluate.inputs.methods import Method

NAMES = ("a", "b", "c", "d", "e")


def make(folder: Path) -> list[Method]:
    """References of several sizes, and what a good and a bad method made of them."""
    generator = torch.Generator().manual_seed(7)
    for index, name in enumerate(NAMES):
        hr = torch.rand(3, 24 + 4 * (index % 3), 28, generator=generator)
        images.write(hr, folder / "hr" / f"{name}.png")
        for method, noise in (("good", 0.05), ("bad", 0.2)):
            sr = hr + noise * torch.randn(hr.shape, generator=generator)
            images.write(sr, folder / "results" / method / "x4" / f"{name}.png")
    return [Method(name, 4.0, folder / "results" / name / "x4", folder / "hr") for name in ("good", "bad")]


def arguments(folder: Path) -> list[str]:
    """The same for the command line."""
    return ["evaluate", "--hr", str(folder / "hr"), "--layout", str(folder / "results")]
