"""The main job as a folder: figures, `report.html` that explains them, and `summary.json` for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from hyra._util import validate
from hyra._util.files import write_text
from hyra.analyzer import HyRA, check_model
from hyra.images import in_colours
from hyra.images.resampling import check_size
from hyra.plots.style import offscreen
from hyra.probing.operating_point import OperatingPoint
from hyra.report import inside, page, sections
from hyra.report.folder import Folder
from hyra.report.measure import measure
from hyra.report.numbers import Number
from hyra.report.quality import Quality

__all__ = ["Number", "Quality", "write"]


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
    look_inside: bool = False,
    seeds: int = 1,
    provenance: Mapping[str, str] | None = None,
    log: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure a network's impulse response, split its output for one image, and write everything down.

    Args:
        model: the network.
        lr: its input, ``[C, h, w]`` in 0..1. A network of one channel gets the luma of an RGB image
            (`hyra.images.luma`), is compared with that of `hr`, and is also shown with the colours put back.
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
        look_inside: whether to find out, too, which pixels of `lr` the network uses, and what its layers do to the
            frequencies of `lr`: local attribution maps, the effective receptive field and the layers' spectra.
        seeds: as for `HyRA.impulse_response`: numbers of the response are means, with standard errors.
        provenance: more of what the reader should know, such as the names of model and image.
        log: called with a line before each step.

    Returns:
        What `summary.json` holds: `numbers`, `standard_errors` (of several seeds), `band_shares` (the fields of
        `hyra.BandShares`, for bands of 0.25 cycles per LR pixel), `operating_points`, `over_image` and `inside` (None
        if not measured), `quality`, `warnings` and `provenance`. Values that are not finite are the strings `"inf"`,
        `"-inf"` and `"nan"`, since JSON has none.

    Raises:
        TypeError: `model` is no `HyRA`.
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
    check_model("model", model)
    validate.not_empty("lr", validate.images("lr", lr))
    made = Folder(Path(folder))
    made.path.mkdir(parents=True, exist_ok=True)
    if look_inside:
        inside.check_size(lr)
    if hr is not None:
        check_size("hr", hr, "lr", lr, model.scale)
    channels = model.network.in_channels
    colour = lr if channels == 1 and len(lr) == 3 else None
    lr, hr = in_colours(lr, channels), None if hr is None else in_colours(hr, channels)
    measured = measure(
        model,
        lr,
        made.path,
        colour=colour,
        hr=hr,
        boundary=boundary,
        point=point or OperatingPoint(),
        size=size,
        tile=tile,
        halo=halo,
        over_image=over_image,
        look_inside=look_inside,
        seeds=seeds,
        provenance=provenance or {},
        log=log,
    )
    sections.write_all(made, measured, log)
    summary = measured.summary()
    write_text(made.path / "summary.json", json.dumps(summary, indent=2, ensure_ascii=False) + "\n")
    title = f"Frequency response of {measured.facts['model']}"
    write_text(made.path / "report.html", page.render(title, made.sections, measured.facts))
    return summary
