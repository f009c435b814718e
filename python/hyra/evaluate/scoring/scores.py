"""The scores of an evaluation by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from hyra.evaluate.scoring.external import external
from hyra.evaluate.scoring.packages import PACKAGES
from hyra.evaluate.scoring.pairs import Pair
from hyra.evaluate.scoring.score import Score
from hyra.evaluate.scoring.spectral import FAMILIES, spectral
from hyra.scores import table
from hyra.scores.fsds import fsds
from hyra.scores.pixelwise import POWERS
from hyra.scores.ssim import FORMS
from hyra.scores.variants import VARIANTS

_DIGITS = {"mae": 5, "mse": 6}
_KINDS = {"fsds": ("variant", "paper", tuple(VARIANTS)), "ssim": ("form", "matlab", tuple(FORMS))}
"""Scores of several kinds: the option that chooses one, the default here, and all of them."""


def _difference(name: str, pair: Pair) -> float:
    return float(pair.differences[name])


def _function(name: str, options: Mapping[str, str], pair: Pair) -> float:
    return float(table.SCORES[name].function(pair.preds, pair.target, **options))


def _fsds(variant: str, pair: Pair) -> float:
    if pair.protocol.published_order or pair.origin is None:
        order = (pair.target, pair.preds) if pair.protocol.published_order else (pair.preds, pair.target)
        return float(fsds(*order, variant=variant))
    return float(pair.origin.fsds(pair.protocol, variant)(pair.preds))


def _measure(name: str, options: Mapping[str, str]) -> Callable[[Pair], float]:
    """The way to a score of a pair that shares the most with other scores and other pairs."""
    if name == "fsds":
        return partial(_fsds, options["variant"])
    return partial(_difference, name) if name in POWERS else partial(_function, name, options)


def _scores() -> dict[str, Score]:
    """Those of `hyra.scores.table`; of several kinds, the default by the plain name and the others after a colon."""
    found = {}
    for name, of in table.SCORES.items():
        option, default, kinds = _KINDS.get(name, ("", "", ("",)))
        digits = _DIGITS.get(name, 2 if of.unit == "dB" else 4)
        for kind in kinds:
            full = name if kind == default else f"{name}:{kind}"
            measure = _measure(name, {option: kind} if option else {})
            found[full] = Score(full, measure, not of.lower_is_better, of.unit, digits)
    return found


SCORES: Mapping[str, Score] = _scores()
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
    spectra = ("spectrum:distance", "spectrum:distance-hann", "band_psnr:LOW-HIGH")
    others = ", ".join((*spectra, "lpips", "dists", "torchmetrics:NAME", "pyiqa:NAME"))
    raise ValueError(f"score must be one of {', '.join(SCORES)}, {others}, got {name!r}")
