"""The scores of an evaluation by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor

from hyra.evaluate.scoring.external import external
from hyra.evaluate.scoring.packages import PACKAGES
from hyra.evaluate.scoring.pairs import Pair
from hyra.evaluate.scoring.score import Score
from hyra.evaluate.scoring.spectral import FAMILIES, spectral
from hyra.scores import fourier
from hyra.scores.fsds import fsds
from hyra.scores.ssim import FORMS, ms_ssim, ssim
from hyra.scores.variants import VARIANTS


def _difference(name: str, pair: Pair) -> float:
    return float(pair.differences[name])


def _simple(function: Callable[..., Tensor], pair: Pair) -> float:
    return float(function(pair.preds, pair.target))


def _ssim(form: str, pair: Pair) -> float:
    return float(ssim(pair.preds, pair.target, form=form))


def _fsds(variant: str, pair: Pair) -> float:
    if pair.protocol.published_order or pair.origin is None:
        order = (pair.target, pair.preds) if pair.protocol.published_order else (pair.preds, pair.target)
        return float(fsds(*order, variant=variant))
    return float(pair.origin.fsds(pair.protocol, variant)(pair.preds))


def _scores() -> list[Score]:
    decibels = partial(Score, unit="dB", digits=2)
    return [
        decibels("psnr", partial(_difference, "psnr")),
        Score("ssim", partial(_ssim, "matlab")),
        *(Score(f"ssim:{form}", partial(_ssim, form)) for form in FORMS if form != "matlab"),
        Score("ms_ssim", partial(_simple, ms_ssim)),
        decibels("fsds", partial(_fsds, "paper")),
        *(decibels(f"fsds:{variant}", partial(_fsds, variant)) for variant in VARIANTS if variant != "paper"),
        Score("mae", partial(_difference, "mae"), higher_is_better=False, digits=5),
        Score("mse", partial(_difference, "mse"), higher_is_better=False, digits=6),
        Score("fourier_mae", partial(_simple, fourier.fourier_mae), higher_is_better=False),
        Score("fourier_mse", partial(_simple, fourier.fourier_mse), higher_is_better=False),
        decibels("fourier_psnr", partial(_simple, fourier.fourier_psnr)),
    ]


SCORES: Mapping[str, Score] = {score.name: score for score in _scores()}
"""Those of this package that have no parameters. A name after a colon is a variant or a form."""


def score(name: str) -> Score:
    """The score of that name.

    Raises:
        ValueError: there is none.

    Example:
        >>> score("fsds:radial").title
        'FSDS radial (dB)'
    """
    if name in SCORES:
        return SCORES[name]
    family = name.partition(",")[0].partition(":")[0]
    if family in FAMILIES:
        return spectral(name)
    if family in PACKAGES:
        return external(name)
    others = ", ".join(("spectrum:distance", "band_psnr:LOW-HIGH", "lpips", "dists", "torchmetrics:NAME", "pyiqa:NAME"))
    raise ValueError(f"score must be one of {', '.join(SCORES)}, {others}, got {name!r}")
