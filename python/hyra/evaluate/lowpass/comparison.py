"""Networks side by side: their impulse responses beside the ideal sinc, and what they make of one image."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from torch import Tensor

from hyra._util import validate
from hyra._util.table import in_columns, number, or_nan
from hyra._util.warnings import recorded, warn
from hyra.analyzer import HyRA
from hyra.evaluate.comparable import check_models, check_pictures
from hyra.filters.response import ImpulseResponse
from hyra.filters.sinc import SincFit
from hyra.images import in_colours
from hyra.images.resampling import check_size
from hyra.probing.probe import Probe
from hyra.results.result import Result
from hyra.scores.fsds import fsds
from hyra.scores.pixelwise import psnr
from hyra.scores.variants import VARIANTS

_COLUMNS = ("model", "scale", "ring cosine", "cosine", "cut-off", "window", "main lobe", "side lobe", "DC gain")
_SCORES = ("PSNR (dB)", "FSDS (dB)")


@dataclass(frozen=True, eq=False)
class ComparedModel:
    """One network of a comparison.

    Attributes:
        name: what the caller calls it.
        response: its impulse response.
        fit: the windowed sinc nearest to it; NaN throughout if the response is not finite.
        output: what it makes of the image, `[C, s*h, s*w]`, not clamped; None without an image.
        psnr: of the clamped output, in dB; None without a target.
        fsds: of the clamped output, in dB; None without a target.
    """

    name: str
    response: ImpulseResponse
    fit: SincFit
    output: Tensor | None = None
    psnr: float | None = None
    fsds: float | None = None

    def __post_init__(self) -> None:
        if self.output is not None:
            validate.shaped("output", self.output, [None, None, None])

    def row(self) -> tuple[str, ...]:
        """The cells of a table."""
        values = (self.fit.ring_cosine, self.fit.similarity, self.fit.cutoff)
        heights = (self.response.main_lobe, self.response.side_lobe, float(self.response.dc_gain.mean()))
        clipped = " (clipped)" if self.response.clipped else ""
        likeness = (number(value) + clipped for value in values)
        cells = (f"x{self.response.scale:g}", *likeness, self.fit.window, *map(number, heights))
        if self.psnr is None or self.fsds is None:
            return self.name, *cells
        return self.name, *cells, f"{self.psnr:.2f}", f"{self.fsds:.2f}"


@dataclass(frozen=True, eq=False, repr=False)
class ModelComparison(Result):
    """Networks, the one most like the ideal sinc first.

    They are sorted by `SincFit.ring_cosine`, the likeness outside the main lobe: the cosine over the whole response is
    high for nearly every network.

    Attributes:
        models: the networks; those whose response is not finite or clipped come last, since the likeness of what a
            clamp left over says nothing of the filter.
        target: what they should have made of the image, `[C, s*h, s*w]`; None if it was not given.
        variant: of the FSDS.
    """

    models: tuple[ComparedModel, ...]
    target: Tensor | None = None
    variant: str = "paper"

    def __post_init__(self) -> None:
        if not self.models:
            raise ValueError("models must hold at least one network, got none")
        validate.choice("variant", self.variant, VARIANTS)
        if self.target is not None:
            validate.shaped("target", self.target, [None, None, None])

    def __repr__(self) -> str:
        ranked = ", ".join(
            f"{model.name} {number(model.fit.ring_cosine)}{' (clipped)' * (model.response.clipped > 0)}"
            for model in self.models
        )
        return f"ModelComparison(by ring cosine: {ranked})"

    def table(self) -> str:
        """One line for each network below a line of headings, in columns.

        Of responses that are means over seeds, `error` is the norm of the standard error over that of the response.
        """
        scored = any(model.psnr is not None for model in self.models)
        heads = (*_COLUMNS, *(_SCORES if scored else ()))
        rows = [model.row() for model in self.models]  # a stored response has no scores
        lines = [heads, *((*row, *("-" for _ in heads[len(row) :])) for row in rows)]
        errors = [model.response.relative_error for model in self.models]
        if any(error is not None for error in errors):
            lines = [(*line, cell) for line, cell in zip(lines, ("error", *map(number, errors)), strict=True)]
        return in_columns(lines)


def compare_models(
    models: Mapping[str, HyRA | ImpulseResponse | Probe],
    image: Tensor | None = None,
    target: Tensor | None = None,
    *,
    variant: str = "paper",
    log: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> ModelComparison:
    """Measure the impulse responses of several networks in the same way, and run them on one image.

    Networks for one channel get, and are compared with, the luma (`hyra.images.luma`). A warning about a network says
    which one it is about.

    Args:
        models: the networks by name, or what was measured of them before, a response or a probe, of which the mean
            counts; their scales may differ unless there is a target.
        image: LR image `[C, h, w]` in 0..1 to run them on.
        target: what `image` should become, `[C, s*h, s*w]` in 0..1: adds PSNR and FSDS.
        variant: of the FSDS: `"paper"`, `"shift_invariant"` or `"radial"`.
        log: called with a line before each network.
        options: arguments of `HyRA.impulse_response`, such as `background=0.5, mode="jvp"`.

    Raises:
        TypeError: `models` is no mapping to `HyRA` or to results.
        ValueError: no networks, no image for the target, or an output without the target's shape.
        NetworkError: a network raised; the last line of the log says which.

    Source: Deng et al. (ICML 2024), Fig. 9, which compares by eye.

    Example:
        >>> import torch, hyra
        >>> nets = {m: hyra.HyRA(torch.nn.Upsample(scale_factor=4, mode=m)) for m in ("nearest", "bicubic")}
        >>> [model.name for model in hyra.compare_models(nets).models]
        ['bicubic', 'nearest']
    """
    check_models(models, ImpulseResponse, Probe)
    restoring = [name for name, model in models.items() if _scale(model) == 1]
    if restoring:
        raise ValueError(
            "models must enlarge to be ranked by their likeness to the sinc, which at scale 1 has no side lobes, got "
            f"{restoring[0]!r}: hyra.filters.restoration.Restoration says what a filter at x1 does"
        )
    if image is None and target is not None:
        raise ValueError("image must be given with a target: it is what the networks are run on")
    check_pictures(image, target)
    if image is not None and target is not None:
        validate.not_constant("target", target)
        for model in models.values():
            if isinstance(model, HyRA):
                check_size("target", target, "image", image, model.scale)
    compared = []
    for name, model in models.items():
        if not isinstance(model, HyRA):
            response = model.mean if isinstance(model, Probe) else model
            compared.append(ComparedModel(name, response, response.fit_sinc()))
            continue
        log(f"probing {name}")
        with recorded() as caught:
            compared.append(_measure(name, model, image, target, variant=variant, options=options))
        for warning in caught:
            warn(f"{name}: {warning.message}", warning.category)
    points = dict.fromkeys(_operating_point(each.response) for each in compared)
    if len(points) > 1:
        warn(f"the responses were measured at several operating points and compare only roughly: {'; '.join(points)}")
    return ModelComparison(tuple(_ranked(compared)), target, variant)


def _scale(model: HyRA | ImpulseResponse | Probe) -> int | Fraction:
    return model.mean.scale if isinstance(model, Probe) else model.scale


def _operating_point(response: ImpulseResponse) -> str:
    amplitude = "the limit of small amplitudes" if response.mode == "jvp" else f"amplitude {response.amplitude:g}"
    background = "an image" if isinstance(response.background, Tensor) else f"{response.background:g}"
    return f"{response.form}, {amplitude} on {background}"


def _measure(
    name: str, model: HyRA, image: Tensor | None, target: Tensor | None, *, variant: str, options: Mapping[str, Any]
) -> ComparedModel:
    response = model.impulse_response(**options)
    fit = response.fit_sinc()
    if image is None:
        return ComparedModel(name, response, fit)
    network = model.network
    with network.untouched():
        output = network.run(network.place(in_colours(image, network.in_channels)[None]))[0].float().cpu()
    if target is None:
        return ComparedModel(name, response, fit, output)
    expected = in_colours(target, len(output)).to(output)
    if output.shape != expected.shape:
        shapes = f"{tuple(output.shape)}, got {tuple(expected.shape)}"
        raise ValueError(f"target must have the shape of the output of every network, of {name} {shapes}")
    preds = output.clamp(0, 1)
    # Unchecked: NaN is the score of an output that is not finite, and no reason to fail the other networks.
    scores = psnr(preds, expected, check=False), fsds(preds, expected, variant=variant, check=False)
    return ComparedModel(name, response, fit, output, *map(float, scores))


def _ranked(models: Sequence[ComparedModel]) -> list[ComparedModel]:
    def unlikeness(model: ComparedModel) -> float:
        likeness = or_nan(model.fit.ring_cosine)
        return math.inf if math.isnan(likeness) or model.response.clipped > 0 else -likeness

    return sorted(models, key=unlikeness)
