"""A score: a number that a pair of images is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hyra.evaluate.scoring.pairs import Pair

_LABELS = {
    "psnr": "PSNR",
    "ssim": "SSIM",
    "ms_ssim": "MS-SSIM",
    "fsds": "FSDS",
    "mae": "MAE",
    "mse": "MSE",
    "lpips": "LPIPS",
    "dists": "DISTS",
    "fourier_mae": "Fourier MAE",
    "fourier_mse": "Fourier MSE",
    "fourier_psnr": "Fourier PSNR",
    "band_psnr": "PSNR of band",
    "spectrum:distance": "log-spectral distance",
    "spectrum:distance-hann": "log-spectral distance, Hann",
}


def _ready(_: str) -> None:
    """Nothing is wanted."""


@dataclass(frozen=True)
class Score:
    """A number that a pair of images is given.

    Attributes:
        name: by which it is asked for, and its column's title.
        measure: the number. A `ValueError` says why a pair has none.
        higher_is_better: which end of the scale is the better one; None where a package that is not here knows.
        unit: ``"dB"`` or nothing.
        digits: decimals in a table.
        version: of its definition, raised when its numbers change: those kept are then computed again.
        settings: what beside the protocol its numbers depend on.
        check: raises where something is missing on this machine, for a device: to be called before the first image.
    """

    name: str
    measure: Callable[[Pair], float]
    higher_is_better: bool | None = True
    unit: str = ""
    digits: int = 4
    version: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[[str], None] = _ready

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is, 0 where nobody here knows."""
        return 0 if self.higher_is_better is None else 1 if self.higher_is_better else -1

    @property
    def ends(self) -> tuple[str, str]:
        """What the images at the two ends of a ranking are called."""
        return ("worst", "best") if self.sign else ("lowest", "highest")

    @property
    def title(self) -> str:
        """The heading of a column."""
        label, _, variant = (self.name, "", "") if self.name in _LABELS else self.name.partition(":")
        label = _LABELS.get(label, label.replace("_", " "))
        variant, comma, options = variant.partition(",")
        return f"{label} {variant.replace('_', ' ')}{comma}{options}".strip() + (f" ({self.unit})" if self.unit else "")
