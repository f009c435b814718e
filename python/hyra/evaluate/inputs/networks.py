"""Networks as methods of an evaluation: from LR images to scores, without a file in between."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hyra._util.warnings import warn
from hyra.evaluate.inputs.methods import Method
from hyra.evaluate.inputs.running import NetworkSpec, running
from hyra.evaluate.work.sources import File, Source
from hyra.images.names import SUFFIXES
from hyra.images.pairing import pair
from hyra.images.resizing import imresize

VERSION = 1
"""Of what is done to images before and after the network: raised when the output for the same network changes."""


@dataclass(frozen=True)
class NetworkOutput:
    """What a network makes of an image, as a `Source`: 8 bits, as it would be in a file.

    Attributes:
        spec: the network.
        lr: its input, a file; None: made from `hr` as MATLAB's ``imresize`` would, and rounded as `hr` is.
        hr: the reference, which gives the image its name.
        seed: of the random numbers, for networks that draw any; each image has its own.
    """

    spec: NetworkSpec
    lr: Path | None
    hr: Path
    seed: int = 0

    @property
    def name(self) -> str:
        """The network and its input."""
        of = f"{self.hr} reduced" if self.lr is None else str(self.lr)
        return f"{self.spec.model} of {of}"

    @property
    def image(self) -> str:
        """The reference's name."""
        return self.hr.stem

    @property
    def size(self) -> int:
        """Of the input, in bytes."""
        return self._input.size

    @cached_property
    def _input(self) -> File:
        return File(self.lr or self.hr)

    @cached_property
    def digest(self) -> str:
        """Of the weights, the input, all options and torch's version."""
        options: dict[str, Any] = {**asdict(self.spec), "device": torch.device(self.spec.device).type}
        for name in ("trust_code", "model"):  # the hash of the weights says what it is
            del options[name]
        reduced = self.lr is None
        told = [VERSION, torch.__version__, options, self.seed, reduced, self._input.digest]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def lr_image(self) -> Tensor:
        """The network's input, as `hyra.images.read` leaves integers."""
        image = self._input.read()
        return reduced(image, self.spec.scale) if self.lr is None else image

    def read(self) -> Tensor:
        """The output, ``[C, s*h, s*w]`` uint8.

        Raises:
            ValueError, OSError, ImportError: the input cannot be read, or the network fails on it.
        """
        return running(self.spec).output(self.lr_image(), f"{self.seed} {self._input.digest}")


def reduced(image: Tensor, scale: int) -> Tensor:
    """The LR image of a photograph cut to multiples of the scale; of floats it is rounded to 8 bits, too.

    Raises:
        ValueError: the photograph has not one LR pixel.
    """
    height, width = (side // scale for side in image.shape[-2:])
    if min(height, width) < 1:
        raise ValueError(f"an image must be at least {scale} pixels high and wide, got {list(image.shape[-2:])}")
    small = imresize(image[:, : scale * height, : scale * width], size=(height, width))
    return small.clamp(0, 1).mul(255).round().to(torch.uint8) if small.is_floating_point() else small


@dataclass(frozen=True)
class NetworkMethod(Method):
    """A network instead of a folder of images; `sr` is what `hyra.models.load` takes.

    Attributes:
        spec: the network.
        lr: the folder of its inputs, matched with the references by name; None: they are made from these.
        seed: see `NetworkOutput`.

    Example:
        >>> import tempfile, torch, hyra
        >>> from hyra.evaluate.evaluation import evaluate
        >>> from hyra.evaluate.work.plan import Plan
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     hr = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))
        ...     hyra.images.write(hr, f"{folder}/a.png")
        ...     methods = network_methods([NetworkSpec.find("bicubic", 2), NetworkSpec.find("demo-x2")], Path(folder))
        ...     result = evaluate(methods, Plan(("psnr",)))
        >>> [(line.method, line.images) for line in result.summaries()]
        [('bicubic', 1), ('demo-x2', 1)]
    """

    spec: NetworkSpec | None = None
    lr: Path | None = None
    seed: int = 0

    def sources(self, *, allow_missing: bool = False) -> list[tuple[Source, Source]]:
        """Its outputs with their references; what is left out is warned of."""
        return [(output, File(output.hr)) for output in self.outputs(allow_missing=allow_missing)]

    def outputs(self, *, allow_missing: bool = False) -> list[NetworkOutput]:
        """One for each reference with an input.

        Raises:
            NotADirectoryError: a folder is not there.
            ValueError: there is no image, or without `allow_missing` one has no partner or several.
        """
        if self.spec is None:
            raise ValueError("spec must be the network, got None")
        if self.lr is None:
            return [NetworkOutput(self.spec, None, hr, self.seed) for hr in _images(self.hr)]
        pairing = pair(self.lr, self.hr, self.template)
        pairs = pairing.require(allow_missing=allow_missing)
        if left := pairing.left_out():
            warn(f"left out: {left}")
        return [NetworkOutput(self.spec, lr, hr, self.seed) for lr, hr in pairs]


def _images(folder: Path) -> list[Path]:
    """The images of a folder by name, each name once."""
    if not folder.is_dir():
        raise NotADirectoryError(f"no such folder: {folder}")
    files: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.suffix.lower() in SUFFIXES and not file.name.startswith("."):
            other = files.setdefault(file.stem, file)
            if other is not file:
                raise ValueError(f"{other.name} and {file.name} in {folder} have the same name")
    if not files:
        raise ValueError(f"{folder} must hold images, got none")
    return list(files.values())


def network_methods(
    specs: Sequence[NetworkSpec],
    hr: Path,
    lr: str | Path | None = None,
    *,
    template: str | None = None,
    seeds: int | None = None,
) -> list[NetworkMethod]:
    """Methods of several networks, each named after its file, or with the whole of `model` where these are the same.

    Args:
        specs: the networks.
        hr: the folder of references.
        lr: the folder of their inputs, where ``{scale}`` stands for the scale; None: they are made from the references.
        template: how the inputs are named, see `hyra.images.pair`.
        seeds: how often to run each, with other random numbers: ``demo#0``, ``demo#1`` ...; once when None.
    """
    short = [Path(spec.model).name for spec in specs]
    distinct = len(set(zip(short, (spec.scale for spec in specs), strict=True))) == len(specs)
    methods = []
    for spec, name in zip(specs, short if distinct else [spec.model for spec in specs], strict=True):
        folder = None if lr is None else Path(str(lr).replace("{scale}", str(spec.scale)))
        for seed in range(seeds or 1):
            full = name if seeds is None else f"{name}#{seed}"
            methods.append(
                NetworkMethod(full, float(spec.scale), Path(spec.model), hr, template, spec=spec, lr=folder, seed=seed)
            )
    return methods
