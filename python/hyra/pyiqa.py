"""FSDS and the scores of differences by name in pyiqa, where it is installed; its licence keeps it out of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from hyra._util import validate
from hyra.scores.fourier import fourier_mae, fourier_mse, fourier_psnr
from hyra.scores.fsds import fsds
from hyra.scores.pixelwise import mae, mse, psnr
from hyra.scores.variants import VARIANTS

DIFFERENCES: dict[str, tuple[Callable[..., Tensor], bool]] = {
    "mae": (mae, True),
    "mse": (mse, True),
    "psnr": (psnr, False),
    "fourier_mae": (fourier_mae, True),
    "fourier_mse": (fourier_mse, True),
    "fourier_psnr": (fourier_psnr, False),
}
"""Each score by its name, and whether lower is better."""


class FSDS(nn.Module):
    """`hyra.fsds` as pyiqa calls its metrics.

    Args:
        variant: as for `hyra.fsds`.
        crop_border: as for `hyra.fsds`.

    Shape:
        ``[N, C, H, W]`` twice, the distorted images first; the result is ``[N]``, in dB.
    """

    def __init__(self, variant: str = "paper", crop_border: int = 0, **_: Any) -> None:
        super().__init__()
        validate.choice("variant", variant, VARIANTS)
        self.variant, self.crop_border = variant, crop_border

    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        """See the class."""
        return fsds(preds, target, variant=self.variant, crop_border=self.crop_border)


class DifferenceScore(nn.Module):
    """`hyra.mae`, `hyra.mse`, `hyra.psnr`, or one of these in the Fourier domain, as pyiqa calls its metrics.

    Args:
        score: the function's name.
        options: its options, such as ``crop_border``.

    Shape:
        ``[N, C, H, W]`` twice, the distorted images first; the result is ``[N]``.
    """

    def __init__(self, score: str, **options: Any) -> None:
        super().__init__()
        validate.choice("score", score, DIFFERENCES)
        self.score, self.options = score, options

    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        """See the class."""
        function, _ = DIFFERENCES[self.score]
        return function(preds, target, **self.options)


def register() -> None:
    """Make FSDS available as ``pyiqa.create_metric("fsds")``, with the options of `hyra.fsds`; twice does no harm.

    So are ``"mae"``, ``"mse"``, ``"fourier_mae"``, ``"fourier_mse"`` and ``"fourier_psnr"``, with the options of the
    functions of these names. Names that pyiqa has itself, such as ``"psnr"``, stay pyiqa's.

    ``pyiqa.create_metric("fsds", variant="radial")`` chooses a variant. For training use `hyra.FSDSLoss`: a score is
    no loss, since higher is better and identical images are infinitely so.

    Raises:
        ModuleNotFoundError: pyiqa is not installed.

    Example, where pyiqa is installed:
        import hyra.pyiqa, pyiqa

        hyra.pyiqa.register()
        score = pyiqa.create_metric("fsds")(sr, hr)  # both [N, C, H, W] in 0..1; [N], in dB
    """
    try:
        from pyiqa.default_model_configs import DEFAULT_CONFIGS
        from pyiqa.utils.registry import ARCH_REGISTRY
    except ModuleNotFoundError as error:
        message = f"hyra.pyiqa.register needs the package {error.name!r}, which is no extra: pip install pyiqa"
        raise ModuleNotFoundError(message, name=error.name) from error

    if "fsds" not in DEFAULT_CONFIGS:
        ARCH_REGISTRY.register(FSDS)
        ARCH_REGISTRY.register(DifferenceScore)
        DEFAULT_CONFIGS["fsds"] = {"metric_opts": {"type": "FSDS"}, "metric_mode": "FR", "score_range": "~0, inf"}
        for name, (_, lower_better) in DIFFERENCES.items():
            config = {"metric_opts": {"type": "DifferenceScore", "score": name}, "metric_mode": "FR"}
            DEFAULT_CONFIGS.setdefault(name, {**config, "score_range": "0, inf", "lower_better": lower_better})
