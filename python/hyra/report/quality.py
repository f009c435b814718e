"""How near an output is to its reference, beside bicubic interpolation."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from torch import Tensor

from hyra.images.resampling import enlarge
from hyra.scores.fsds import fsds
from hyra.scores.pixelwise import psnr


@dataclass(frozen=True)
class Quality:
    """Scores of one image, clamped to 0..1, against its reference: dB, higher is better."""

    HEAD: ClassVar = ("", "PSNR (dB)", "FSDS, paper (dB)", "FSDS, shift-invariant (dB)")

    method: str
    psnr: float
    fsds: float
    fsds_shift_invariant: float

    def row(self) -> tuple[str, ...]:
        """The cells of a table with `HEAD` at the top."""
        return (self.method, *(f"{x:.2f}" for x in (self.psnr, self.fsds, self.fsds_shift_invariant)))


def compare(lr: Tensor, output: Tensor, hr: Tensor, scale: int | Fraction) -> list[Quality]:
    """The network's output ``[C, s*h, s*w]`` and bicubic interpolation of its input against `hr`.

    Raises:
        ValueError: `hr` has another shape than `output`.
    """
    if hr.shape != output.shape:
        raise ValueError(f"hr must have the output's shape {tuple(output.shape)}, got {tuple(hr.shape)}")
    hr, (height, width) = hr.to(output), hr.shape[-2:]
    bicubic = enlarge(lr, scale)[..., :height, :width]
    return [_score("this network", output.clamp(0, 1), hr), _score("bicubic", bicubic, hr)]


def _score(method: str, preds: Tensor, target: Tensor) -> Quality:
    check = bool(preds.isfinite().all())  # an output that is not finite scores NaN
    variants = [float(fsds(preds, target, variant=v, check=check)) for v in ("paper", "shift_invariant")]
    return Quality(method, float(psnr(preds, target, check=check)), *variants)
