"""The colour photographs inside scikit-image and scikit-learn, split once into held-out and training ones.

The Hubble deep field is left out on purpose: stars on a black sky are impulses, and a network trained on them learns
its impulse response by heart, narrower and with weaker side lobes than the one it uses for photographs.

The files are read from the installed packages' folders: nothing is ever downloaded. Their sources and licences are in
this folder's README.md.
"""

from __future__ import annotations

from importlib.resources import as_file, files

import torch
from torch import Tensor

from hyra._util.extra import extra

_SKIMAGE, _SKLEARN = "skimage.data", "sklearn.datasets.images"

_FILES = {
    "astronaut": (_SKIMAGE, "astronaut.png"),
    "chelsea": (_SKIMAGE, "chelsea.png"),
    "china": (_SKLEARN, "china.jpg"),
    "flower": (_SKLEARN, "flower.jpg"),
    "coffee": (_SKIMAGE, "coffee.png"),
    "ihc": (_SKIMAGE, "ihc.png"),
    "motorcycle_left": (_SKIMAGE, "motorcycle_left.png"),
    "motorcycle_right": (_SKIMAGE, "motorcycle_right.png"),
    "retina": (_SKIMAGE, "retina.jpg"),
    "rocket": (_SKIMAGE, "rocket.jpg"),
}

HELD_OUT = ("astronaut", "chelsea", "china", "flower")
"""Seen neither in training nor in any choice made about it."""

TRAINING = tuple(name for name in _FILES if name not in HELD_OUT)
"""The rest. Both views of the motorcycle are here, since they show the same scene."""


def load(name: str) -> Tensor:
    """A photograph as [3, H, W] float32 in 0..1.

    Args:
        name: one of `HELD_OUT` or `TRAINING`.

    Raises:
        ValueError: there is no such photograph.
        ModuleNotFoundError: scikit-image or scikit-learn is missing; the message names the extra to install.

    Example:
        >>> from hyra.demo import photographs
        >>> photographs.load("chelsea").shape
        torch.Size([3, 300, 451])
    """
    if name not in _FILES:
        raise ValueError(f"name must be one of {', '.join(_FILES)}, got {name!r}")
    package, file = _FILES[name]
    with extra("demo", "hyra.demo"):
        from skimage.io import imread

        with as_file(files(package) / file) as path:
            pixels = imread(path)
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous().float() / 255
