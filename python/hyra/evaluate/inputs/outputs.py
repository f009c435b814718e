"""What a network makes of an image: scored at once, and kept as a file where that is wanted."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hyra._util.extra import extra
from hyra._util.files import replacing
from hyra.evaluate.inputs.running import NetworkSpec, running
from hyra.evaluate.work.sources import File
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
        file: where it is kept, as PNG; None: nowhere.
    """

    spec: NetworkSpec
    lr: Path | None
    hr: Path
    seed: int = 0
    file: Path | None = None

    @property
    def name(self) -> str:
        """Its file, or the network and its input."""
        if self.file is not None:
            return str(self.file)
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
        if isinstance(self.spec.scale, Fraction):
            options["scale"] = str(self.spec.scale)
        for name in ("inputs", "input_size", "adapter"):  # which were not there when the first outputs were scored
            if not options[name]:
                del options[name]
        reduced = self.lr is None
        told = [VERSION, torch.__version__, options, self.seed, reduced, self._input.digest]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def lr_image(self) -> Tensor:
        """The network's input, as `hyra.images.read` leaves integers."""
        image = self._input.read()
        return reduced(image, self.spec.scale) if self.lr is None else image

    def read(self) -> Tensor:
        """The output, ``[C, s*h, s*w]`` uint8; kept, where it has a file.

        Raises:
            ValueError, OSError, ImportError: the input cannot be read, the network fails on it, or it cannot be kept.
        """
        output = running(self.spec).output(self.lr_image(), f"{self.seed} {self._input.digest}")
        if self.file is not None:
            _save(output, self.file, self.digest)
        return output

    @property
    def is_kept(self) -> bool:
        """Whether its file holds it, if it has one."""
        return self.file is None or (self.file.is_file() and digest_of_saved(self.file) == self.digest)


def reduced(image: Tensor, scale: int | Fraction) -> Tensor:
    """The LR image of a photograph cut to multiples of the scale; of floats it is rounded to 8 bits, too.

    At a scale p/q the photograph is cut to multiples of p, and the LR image has multiples of q: so no size is rounded,
    and the network's output has that of the photograph cut by `modcrop`.

    Raises:
        ValueError: the photograph has not one LR pixel.
    """
    p, q = scale.numerator, scale.denominator
    height, width = (side // p for side in image.shape[-2:])
    if min(height, width) < 1:
        raise ValueError(f"an image must be at least {p} pixels high and wide, got {list(image.shape[-2:])}")
    small = imresize(image[:, : p * height, : p * width], size=(q * height, q * width))
    return small.clamp(0, 1).mul(255).round().to(torch.uint8) if small.is_floating_point() else small


_DIGEST = "hyra-digest"
"""The text of a PNG file that says what it was made of."""


def digest_of_saved(file: Path) -> str | None:
    """What a kept output was made of, as `NetworkOutput.digest` has it; None of any other file."""
    with extra("cli", "reading images"):
        from PIL import Image
    try:
        with Image.open(file, formats=("PNG",)) as image:
            text = image.info.get(_DIGEST)
    except (OSError, ValueError, SyntaxError):
        return None
    return text if isinstance(text, str) else None


def _save(image: Tensor, file: Path, digest: str) -> None:
    """An image of 8 bits as PNG, whole or not at all."""
    with extra("cli", "writing images"):
        from PIL import Image, PngImagePlugin
    notes = PngImagePlugin.PngInfo()
    notes.add_text(_DIGEST, digest)
    with replacing(file) as opened:
        pixels = image.permute(1, 2, 0).squeeze(-1).cpu().numpy()
        Image.fromarray(pixels).save(opened, format="PNG", pnginfo=notes)
