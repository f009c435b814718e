"""The scores of an evaluation by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor

from hyra.evaluate.pairs import Pair
from hyra.scores import fourier
from hyra.scores.fsds import fsds
from hyra.scores.ssim import FORMS, ms_ssim, ssim
from hyra.scores.variants import VARIANTS


@dataclass(frozen=True)
class Score:
    """A number that a pair of images is given.

    Attributes:
        name: by which it is asked for, and its column's title.
        measure: the number. A `ValueError` says why a pair has none.
        higher_is_better: which end of the scale is the better one.
        unit: ``"dB"`` or nothing.
        digits: decimals in a table.
        version: of its definition, raised when its numbers change: those kept are then computed again.
        settings: what beside the protocol its numbers depend on.
    """

    name: str
    measure: Callable[[Pair], float]
    higher_is_better: bool = True
    unit: str = ""
    digits: int = 4
    version: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The heading of a column."""
        label, _, variant = self.name.partition(":")
        label = _LABELS.get(label, label.replace("_", " "))
        return f"{label} {variant.replace('_', ' ')}".strip() + (f" ({self.unit})" if self.unit else "")


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


_LABELS = {"psnr": "PSNR", "ssim": "SSIM", "ms_ssim": "MS-SSIM", "fsds": "FSDS", "mae": "MAE", "mse": "MSE"}
SCORES: Mapping[str, Score] = {score.name: score for score in _scores()}
"""Those of this package. A name after a colon is a variant or a form."""


def score(name: str) -> Score:
    """The score of that name.

    Raises:
        ValueError: there is none.

    Example:
        >>> score("fsds:radial").title
        'FSDS radial (dB)'
    """
    if name not in SCORES:
        raise ValueError(f"score must be one of {', '.join(SCORES)}, got {name!r}")
    return SCORES[name]
