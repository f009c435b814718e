"""An impulse response of any program, through files: images that it is to enlarge, and what it made of them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.extra import extra
from hyra._util.files import replacing, write_text
from hyra._util.warnings import warn
from hyra.filters.response import BackgroundOutput, ImpulseResponse
from hyra.images import pair
from hyra.images.decoding.decoders import decode

PLAN, INPUTS, OUTPUTS = "probe.json", "inputs", "outputs"
"""Names in the folder of an exchange."""
BACKGROUND, AMPLITUDE = 128 / 255, 61 / 255
"""Levels that 8 bits hold exactly, so that a program that reduces its input to these loses nothing; the amplitude is a
prime number of them, of which no simple share is a level again by chance."""
_LOSSY = {".jpg", ".jpeg", ".webp", ".avif"}
_FEW = 3
_LEVELS = (255, 1023, 4095, 65535)
"""Values of white of images of 8, 10, 12 and 16 bits."""


@dataclass(frozen=True)
class Exchanged:
    """What came back from a program.

    Attributes:
        response: of the affine form, on grey.
        clamped: share of the pixels that the impulse changes and that lie at black or white exactly, where an output
            was cut; 0 for a sound measurement.
        step: distance of the levels that the outputs have, white being 1; 0 where they are finer than 16 bits.
        error: by how much rounding to these levels may change the response, at most.
    """

    response: ImpulseResponse
    clamped: float
    step: float
    error: float

    def sentences(self) -> list[str]:
        """What a reader of the response must know, a sentence each."""
        lines = []
        if self.step:
            levels = round(1 / self.step) + 1
            lines.append(f"the outputs have {levels} levels: the response is known to {self.error:.2g}")
        if self.clamped:
            lines.append(
                f"{self.clamped:.2g} of the response lies where the outputs are cut at black or white: export again "
                "with a smaller --amplitude"
            )
        return lines


def export_impulses(
    folder: str | Path,
    *,
    size: int = 64,
    channels: str = "joint",
    colours: int = 3,
    amplitude: float = AMPLITUDE,
    background: float = BACKGROUND,
    form: str = "png",
) -> list[Path]:
    """Write the images that a program is to enlarge: a constant one, and impulses in its middle.

    Args:
        folder: ``probe.json`` and a folder ``inputs`` are written to it.
        size: side of the images in pixels.
        channels: ``"joint"``, one impulse in all colours, or ``"matrix"``, one for each.
        colours: 1 or 3; with ``form="npy"`` any number.
        amplitude: of the impulse over the background, white being 1.
        background: level of all other pixels.
        form: ``"png"``, of 16 bits (extra ``images``), or ``"npy"``, float32 ``[H, W, C]`` in 0..1.

    Returns:
        The images, whose outputs `import_outputs` expects by the same names.

    Raises:
        ValueError: an argument is not as above, or the impulse leaves 0..1.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [file.name for file in export_impulses(folder, form="npy")]
        ['background.npy', 'impulse.npy']
    """
    size, colours = validate.positive_integer("size", size), validate.positive_integer("colours", colours)
    validate.choice("channels", channels, ("joint", "matrix"))
    validate.choice("form", form, ("png", "npy"))
    background, amplitude = validate.number("background", background), validate.number("amplitude", amplitude)
    if form == "png" and colours not in (1, 3):
        raise ValueError(f"colours must be 1 or 3 for PNG, got {colours}: use npy")
    if amplitude == 0 or not (0 <= background <= 1 and 0 <= background + amplitude <= 1):
        raise ValueError(
            "amplitude must be another than 0, and keep background + amplitude in 0..1, "
            f"got {background:g} + {amplitude:g}"
        )
    if form == "png":  # as it is rounded
        background = round(background * 65535) / 65535
        amplitude = round((background + amplitude) * 65535) / 65535 - background
    lifted: list[Sequence[int]] = [[], range(colours)] if channels == "joint" else [[], *([c] for c in range(colours))]
    names = ["background", *(["impulse"] if channels == "joint" else (f"impulse-{c}" for c in range(colours)))]
    files = []
    for name, planes in zip(names, lifted, strict=True):
        image = np.full((size, size, colours), background)
        image[size // 2, size // 2, list(planes)] += amplitude
        file = Path(folder, INPUTS, f"{name}.{form}")
        _write(file, image)
        files.append(file)
    plan = {"size": size, "channels": channels, "amplitude": amplitude, "background": background, "images": names}
    write_text(Path(folder, PLAN), json.dumps({"format": 1, **plan}, indent=1) + "\n")
    return files


def import_outputs(folder: str | Path, outputs: str | Path | None = None) -> Exchanged:
    """The response in what a program made of the images of `export_impulses`.

    Args:
        folder: as it was written.
        outputs: the folder of the program's images, named as their inputs or as results of these (``impulse_x4.png``),
            of any format that `hyra.images` reads; ``outputs`` in `folder` when not given.

    Raises:
        FileNotFoundError, NotADirectoryError: a file or folder is missing.
        ValueError: an image is missing, or of another size than the rest or than a multiple of the input's.
    """
    folder = Path(folder)
    plan = _plan(folder / PLAN)
    place = folder / OUTPUTS if outputs is None else Path(outputs)
    found = {hr.stem: sr for sr, hr in pair(place, folder / INPUTS).pairs}
    missing = [name for name in plan["images"] if name not in found]
    if missing:
        names = ", ".join(missing)
        raise ValueError(
            f"{place} must hold one output of every image in {folder / INPUTS}, got none or several of {names}"
        )
    if lossy := [found[name].name for name in plan["images"] if found[name].suffix.lower() in _LOSSY]:
        warn(f"{', '.join(lossy)} may be of a format that loses what a response is made of: save as PNG or TIFF")
    read = [_read(found[name]) for name in plan["images"]]
    images = [image for image, _ in read]
    scale = _scale(images, plan["size"], [found[name] for name in plan["images"]])
    base, *lifted = images
    amplitude = plan["amplitude"]
    rows = [(image - base) / amplitude for image in lifted]
    response = rows[0] if plan["channels"] == "joint" else torch.stack(rows, 1)
    step = max(step for _, step in read[1:])  # a constant background lies on any levels
    origin = scale * (plan["size"] // 2)
    background = float(plan["background"])
    levels = f"{round(1 / step) + 1}" if step else "finer than 16 bits"
    exchanged = Exchanged(
        ImpulseResponse(
            response.float(),
            scale,
            (origin, origin),
            amplitude=amplitude,
            background=background,
            form="affine",
            background_output=BackgroundOutput.of(base, background, scale),
            provenance={"model": f"images in {place}", "levels of the outputs": levels},
        ),
        _clamped(base, lifted),
        step,
        step / abs(amplitude),
    )
    for line in exchanged.sentences()[1 if step else 0 :]:
        warn(line)
    return exchanged


def _write(file: Path, image: np.ndarray[Any, Any]) -> None:
    with replacing(file) as opened:
        if file.suffix == ".npy":
            np.save(opened, image.astype(np.float32))
            return
        with extra("images", "PNG of 16 bits"):
            import imagecodecs

        levels = np.round(image * 65535).astype(np.uint16)
        opened.write(imagecodecs.png_encode(levels if levels.shape[-1] == 3 else levels[..., 0]))


def _plan(file: Path) -> dict[str, Any]:
    """What `export_impulses` wrote of itself."""
    if not file.is_file():
        raise FileNotFoundError(f"no file {file}, as hyra probe-export writes it")
    try:
        plan = json.loads(file.read_text())
        kinds: dict[str, type | tuple[type, ...]] = {"size": int, "channels": str, "images": list}
        sound = plan["format"] == 1 and all(isinstance(plan[name], kind) for name, kind in kinds.items())
        numbers = [float(plan[name]) for name in ("amplitude", "background")]
        sound = sound and all(map(math.isfinite, numbers)) and numbers[0] != 0 and plan["size"] > 0
        sound = sound and len(plan["images"]) > 1 and all(isinstance(name, str) for name in plan["images"])
    except (ValueError, KeyError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise ValueError(f"{file} must be as hyra probe-export writes it")
    return dict(plan)


def _read(file: Path) -> tuple[Tensor, float]:
    """An output `[C, H, W]`, float64 of white 1, and the distance of its levels."""
    if file.suffix.lower() == ".npy":
        try:
            pixels = np.load(file, allow_pickle=False)
        except Exception as error:
            raise ValueError(f"{file} is no .npy file of numbers") from error
        if pixels.ndim == 2:
            pixels = pixels[..., None]
        if pixels.ndim != 3 or pixels.dtype.kind not in "uf" or not pixels.size:
            raise ValueError(f"{file} must be [H, W, C] or [C, H, W], got {pixels.dtype} of shape {pixels.shape}")
        if pixels.shape[0] < pixels.shape[-1]:
            pixels = np.moveaxis(pixels, 0, -1)
        white = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else 1.0
    else:
        stored = decode(file)
        pixels, white = stored.pixels, float(stored.white)
    image = torch.from_numpy(np.ascontiguousarray(pixels.astype(np.float64) / white)).movedim(-1, 0)
    if not image.isfinite().all():
        raise ValueError(f"{file} must hold finite pixels, got NaN or infinite ones")
    return image, _step(image, white)


def _step(image: Tensor, own: float) -> float:
    """The coarsest usual levels that all pixels lie on: a file of 16 bits, or of floats, may hold an image of 8.

    Few values lie on coarse levels by chance, as those of nearest-neighbour interpolation do: then the file's `own`
    white counts.
    """
    finest = 1 / own if own > 1 else 0.0
    if len(torch.unique(image)) < _FEW:
        return finest
    for white in _LEVELS:
        scaled = image * white
        if float((scaled - scaled.round()).abs().max()) < min(0.01, 1e-6 * white):
            return max(1 / white, finest)
    return finest


def _scale(images: Sequence[Tensor], size: int, files: Sequence[Path]) -> int:
    first = images[0].shape
    for image, file in zip(images, files, strict=True):
        if image.shape != first:
            shapes = f"{list(first)}, got {list(image.shape)}"
            raise ValueError(f"{file} must have the shape of the output of the background, {shapes}")
    height, width = first[-2:]
    if height != width or height % size:
        raise ValueError(f"{files[0]} must be a whole multiple of {size}x{size}, got {height}x{width}")
    return height // size


def _clamped(base: Tensor, lifted: Sequence[Tensor]) -> float:
    """Share of the response's energy where an output is exactly black or white: of a grey background, none is."""
    energy = cut = 0.0
    for image in lifted:
        weights = (image - base).square()
        energy += float(weights.sum())
        cut += float(weights[(image == 0) | (image == 1)].sum())
    return cut / energy if energy else 0.0
