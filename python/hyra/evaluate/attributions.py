"""Networks side by side: which pixels of one image they use, and how good what they make of it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from hyra._util import validate
from hyra._util.table import in_columns
from hyra._util.warnings import recorded, warn
from hyra.analyzer import HyRA
from hyra.attribution.detail import Window, checked_windows, is_count, most_detailed
from hyra.attribution.maps import Attribution
from hyra.attribution.receptive_field import SHARES, EffectiveReceptiveField
from hyra.evaluate.comparable import check_models, check_pictures
from hyra.images import in_colours
from hyra.images.resampling import check_size
from hyra.network.gradients import MissingGradients
from hyra.results.result import Result
from hyra.scores.pixelwise import psnr

_COLUMNS = ("model", "diffusion index", *(f"radius {share:.0%}" for share in SHARES), "PSNR (dB)")


@dataclass(frozen=True, eq=False)
class AttributedModel:
    """One network of a comparison.

    Attributes:
        name: what the caller calls it.
        attribution: of the windows that all networks share.
        field: its effective receptive field in the middle of the image; None if no gradients pass through it.
        psnr: of the clamped output, in dB; None without a target.
    """

    name: str
    attribution: Attribution
    field: EffectiveReceptiveField | None = None
    psnr: float | None = None

    @property
    def diffusion_index(self) -> float:
        """Mean over the windows."""
        return float(self.attribution.diffusion_index.mean())

    def row(self) -> tuple[str, ...]:
        """The cells of a table."""
        radii = ("-" if self.field is None else f"{self.field.radius(share):.2f}" for share in SHARES)
        return self.name, f"{self.diffusion_index:.2f}", *radii, "-" if self.psnr is None else f"{self.psnr:.2f}"


@dataclass(frozen=True, eq=False, repr=False)
class AttributionComparison(Result):
    """Networks, the one that uses pixels most widely first: what `compare_attributions` returns.

    Attributes:
        models: by falling diffusion index, mean over the windows.
    """

    models: tuple[AttributedModel, ...]

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError("models must hold at least one network, got none")
        if len({model.attribution.windows for model in self.models}) > 1:
            raise ValueError("models must share their windows, got several sets")

    def __repr__(self) -> str:
        ranked = ", ".join(f"{model.name} {model.diffusion_index:.3g}" for model in self.models)
        return f"AttributionComparison(by diffusion index: {ranked})"

    def table(self) -> str:
        """One line for each network below a line of headings, in columns; radii are in LR pixels."""
        return in_columns([_COLUMNS, *(model.row() for model in self.models)])


def compare_attributions(
    models: Mapping[str, HyRA],
    image: Tensor,
    target: Tensor | None = None,
    window: int | Window | Sequence[Window] = 1,
    *,
    side: int = 16,
    sigma: float = 1.2,
    batch_size: int | None = None,
    log: Callable[[str], None] = lambda _: None,
) -> AttributionComparison:
    """Attribute the same windows of what several networks make of one image.

    Networks for one channel get, and are compared with, the luma (`hyra.images.luma`). A warning about a network says
    which one it is about. A diffusion index compares networks on one image alone.

    Args:
        models: the networks by name, of one scale.
        image: LR image `[C, h, w]` in 0..1.
        target: what it should become, `[C, s*h, s*w]` in 0..1: adds PSNR.
        window: as for `HyRA.attribution`; those that are not named lie where the target, or without one the first
            network's output, has most detail.
        side: of windows that are not named, in HR pixels.
        sigma: as for `HyRA.attribution`.
        batch_size: as there.
        log: called with a line before each network.

    Raises:
        TypeError: `models` is no mapping to `HyRA`.
        ValueError: no networks, several scales, or an image that does not fit.
        NetworkError: a network raised; the last line of the log says which.

    Source: Gu and Dong (CVPR 2021), figures 1 and 7.

    Example:
        >>> import torch, hyra
        >>> nets = {m: hyra.HyRA(torch.nn.Upsample(scale_factor=2, mode=m)) for m in ("nearest", "bicubic")}
        >>> compared = hyra.compare_attributions(nets, torch.rand(3, 24, 24), window=(16, 16, 8))
        >>> [model.name for model in compared.models]
        ['bicubic', 'nearest']
    """
    check_models(models)
    check_pictures(image, target)
    first, *others = models.items()
    different = [f"{name} x{model.scale}" for name, model in others if model.scale != first[1].scale]
    if different:
        raise ValueError(f"models must have one scale, got {first[0]} x{first[1].scale} and {different[0]}")
    if target is not None:
        check_size("target", target, "image", image, first[1].scale)
    windows = _windows(first[1], image, target, window, side)
    compared = []
    for name, model in models.items():
        log(f"attributing {name}")
        with recorded() as caught:
            compared.append(_measure(name, model, image, target, windows=windows, sigma=sigma, batch_size=batch_size))
        for warning in caught:
            warn(f"{name}: {warning.message}", warning.category)
    return AttributionComparison(tuple(sorted(compared, key=_order)))


def _windows(
    model: HyRA, image: Tensor, target: Tensor | None, window: int | Window | Sequence[Window], side: int
) -> tuple[Window, ...]:
    height, width = (model.network.enlarged(n) for n in image.shape[1:])
    if not is_count(window):
        return checked_windows(window, height, width)
    count = validate.positive_integer("window", window)
    validate.positive_integer("side", side)
    if target is None:
        network = model.network
        with network.untouched():
            target = network.run(network.place(in_colours(image, network.in_channels)[None]))[0]
    return most_detailed(target, count, side)


def _measure(
    name: str,
    model: HyRA,
    image: Tensor,
    target: Tensor | None,
    *,
    windows: tuple[Window, ...],
    sigma: float,
    batch_size: int | None,
) -> AttributedModel:
    lr = in_colours(image, model.network.in_channels)
    found = model.attribution(lr, windows, sigma=sigma, batch_size=batch_size, progress=False)
    try:
        field = model.erf(lr, support=False, progress=False)
    except MissingGradients:
        field = None
    score = None
    if target is not None:
        output = found.output.float().cpu()
        # Unchecked: NaN is the score of an output that is not finite, and no reason to fail the other networks.
        score = float(psnr(output.clamp(0, 1), in_colours(target, len(output)).to(output), check=False))
    return AttributedModel(name, found, field, score)


def _order(model: AttributedModel) -> float:
    return math.inf if math.isnan(model.diffusion_index) else -model.diffusion_index
