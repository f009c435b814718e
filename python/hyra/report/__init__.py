"""The main job as a folder: figures, `report.html` that explains them, and `summary.json` for programs."""

from __future__ import annotations

import io
import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from hyra import plots
from hyra._util import validate
from hyra._util.files import write_text
from hyra._util.warnings import recorded
from hyra.analyzer import HyRA
from hyra.environment import environment
from hyra.images.resampling import check_size
from hyra.plots.style import offscreen
from hyra.probing.impulse import explodes, impulse_response
from hyra.probing.operating_point import OperatingPoint
from hyra.report import local, numbers, operating_points, page, text
from hyra.report.numbers import Number
from hyra.report.operating_points import Characteristics
from hyra.report.quality import Quality, compare
from hyra.split.parts import BAND_WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Number", "Quality", "write"]


@dataclass
class _Folder:
    """What has been made so far; every figure is on disk as soon as it exists."""

    path: Path
    sections: list[tuple[str, list[str]]] = field(default_factory=list)

    def section(self, heading: str, *paragraphs: str) -> None:
        self.sections.append((heading, [page.paragraph(p) for p in paragraphs]))

    def add(self, part: str) -> None:
        self.sections[-1][1].append(part)

    def figure(self, name: str, made: tuple[Figure, Any], caption: str) -> None:
        buffer = io.BytesIO()
        plots.save(made[0], buffer, dpi=250)
        (self.path / f"{name}.png").write_bytes(buffer.getvalue())
        self.add(page.figure(buffer.getvalue(), name.replace("_", " "), caption))


@offscreen()
def write(
    model: HyRA,
    lr: Tensor,
    folder: str | Path,
    *,
    hr: Tensor | None = None,
    boundary: str = "reflect",
    point: OperatingPoint | None = None,
    size: int | None = None,
    tile: int | None = None,
    halo: int | None = None,
    over_image: bool = False,
    provenance: Mapping[str, str] | None = None,
    log: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure a network's impulse response, split its output for one image, and write everything down.

    Args:
        model: the network.
        lr: its input, ``[C, h, w]`` in 0..1.
        folder: made if it is not there; it gets the figures (.png), `report.html`, `summary.json`,
            `response.safetensors` (`hyra.ImpulseResponse.load`) and `decomposition.safetensors`
            (`hyra.Decomposition.load`), with the images of the split.
        hr: what the output should be, ``[C, s*h, s*w]`` in 0..1: adds PSNR and FSDS, beside bicubic's.
        boundary: as for `HyRA.decompose`.
        point: the operating point of the response that is shown and that splits the image: the paper's white pixel on
            black when not given. Whatever it is, a table sets the network's response at the paper's operating point
            beside that for small changes of a grey image.
        size: as for `HyRA.impulse_response`.
        tile: as for `HyRA.decompose`, for an image that is too large for the network in one piece.
        halo: as for `HyRA.decompose`.
        over_image: whether to measure at many places of `lr`, too, what the network does to small changes. It takes
            some ten runs of the network, or one for each place if it looks at the whole image.
        provenance: more of what the reader should know, such as the names of model and image.
        log: called with a line before each step.

    Returns:
        What `summary.json` holds: `numbers`, `band_shares` (the fields of `hyra.BandShares`, for bands of
        0.25 cycles per LR pixel), `operating_points`, `over_image` (None if not measured), `quality`, `warnings` and
        `provenance`. Values that are not finite are the strings `"inf"`, `"-inf"` and `"nan"`, since JSON has none.

    Raises:
        ValueError: `lr` or `hr` is no image that fits the network.
        NetworkError: the network itself failed, or `over_image` is true and it has no forward-mode derivative.

    Example:
        >>> import tempfile, torch, hyra
        >>> bicubic = torch.nn.Upsample(scale_factor=2, mode="bicubic")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     summary = write(hyra.HyRA(bicubic), torch.rand(3, 24, 32), folder)
        >>> round(summary["numbers"]["ring_cosine"], 2)
        0.77
    """
    validate.not_empty("lr", validate.images("lr", lr))
    made = _Folder(Path(folder))
    made.path.mkdir(parents=True, exist_ok=True)
    if hr is not None:
        check_size("hr", hr, "lr", lr, model.scale)
    with _messages() as told:
        log("measuring the impulse response")
        response = impulse_response(model.network, point or OperatingPoint(), size=size)
        response.save(made.path / "response.safetensors")
        tiles = "" if tile is None else f", tiles of {tile}"
        facts = {
            "scale": f"×{response.scale}",
            "probe": str(OperatingPoint.of(response)),
            **response.provenance,
            "input": f"{lr.shape[-1]}×{lr.shape[-2]} pixels, {boundary} boundary{tiles}",
            **environment(),
        }
        named = dict(provenance or {})
        facts = named | facts | named  # these come first, and hold
        log("splitting the output into H and G")
        split = model.decompose(lr, boundary, response, tile=tile, halo=halo)
        split.save(made.path / "decomposition.safetensors")
        quality = [] if hr is None else compare(split.input, split.output, hr)
        log("comparing operating points")
        characteristics = operating_points.compare(model) if response.is_finite else []
        places = spread = None
        if over_image:
            log("measuring responses over the image")
            places, spread = local.measure(model, lr)
    measured: list[Number] = []
    if response.is_finite:
        log("fitting the sinc")
        fit = response.fit_sinc()
        measured = numbers.of_response(response, fit) + numbers.of_split(split)
        values = {number.key: number.value for number in measured}
        made.section("", text.verdict(fit.ring_cosine, exploded=explodes(response.response)))
        made.section("Impulse response", f"{text.RESPONSE} Here: {facts['probe']}.")
        log("drawing")
        made.figure("impulse_response", plots.impulse_response(response), text.RESPONSE_FIGURE)
        made.figure("profile", plots.profile(response, fit=fit), text.PROFILE_FIGURE)
        made.section("Operating point", text.OPERATING_POINT)
        made.add(page.table(Characteristics.HEAD, (row.row() for row in characteristics)))
        if places is not None and spread is not None:
            made.section("Over the image", *spread.paragraphs())
            made.figure("over_image", plots.local_responses(places), text.OVER_IMAGE_FIGURE)
        made.section("Transfer function", text.TRANSFER)
        made.figure("transfer_function", response.transfer_function().plot(), text.TRANSFER_FIGURE)
        opposition, remaining = (values[key] for key in ("copy_opposition", "copy_remaining"))
        made.section("Linear and non-linear part", f"{text.SPLIT} {text.at_the_copies(opposition, remaining)}")
        made.figure("decomposition", plots.decomposition(split), text.SPLIT_FIGURE)
        made.figure("radial_power", plots.radial_power(split), text.POWER_FIGURE)
        made.section("Numbers")
        made.add(page.numbers(measured))
    else:
        made.section("", text.NOT_FINITE.format(probe=facts["probe"]))
    if quality:
        made.section("Against the reference", *text.QUALITY)
        made.add(page.table(Quality.HEAD, (q.row() for q in quality)))
    for message in told:
        made.sections[0][1].append(page.paragraph(f"Warning: {message}", "warning"))
    made.section("What this does not say", *text.LIMITS)

    summary = {
        "numbers": {n.key: _json(n.value) for n in measured},
        "band_shares": _fields(split.band_shares(BAND_WIDTH)),
        "operating_points": [_fields(row) for row in characteristics],
        "over_image": None if spread is None else _fields(spread),
        "quality": [_fields(q) for q in quality],
        "warnings": told,
        "provenance": facts,
    }
    write_text(made.path / "summary.json", json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    title = f"Frequency response of {facts['model']}"
    write_text(made.path / "report.html", page.render(title, made.sections, facts))
    return summary


@contextmanager
def _messages() -> Iterator[list[str]]:
    """Collect the messages of warnings, each once, and let them through at the end."""
    told: list[str] = []
    with recorded() as caught:
        yield told
    for message, warning in {str(warning.message): warning for warning in caught}.items():
        told.append(message)
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


def _fields(row: object) -> dict[str, Any]:
    return {key: _json(value) for key, value in vars(row).items()}


def _json(value: Any) -> Any:
    if isinstance(value, Tensor):
        return [_json(item) for item in value.tolist()]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
