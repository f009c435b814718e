"""The scores by name in pyiqa, where it is installed; its licence keeps it out of ours."""

from __future__ import annotations

import inspect
from typing import Any

from torch import Tensor, nn

from hyra._util import validate
from hyra.scores.table import SCORES


class PairScore(nn.Module):
    """`hyra.fsds`, `hyra.ssim` or another score of a pair of images, as pyiqa calls its metrics.

    Args:
        score: the function's name.
        options: its options, such as ``crop_border``.

    Shape:
        ``[N, C, H, W]`` twice, the distorted images first; the result is ``[N]``.

    Raises:
        ValueError: there is no such score.
        TypeError: the score has no such option.
    """

    def __init__(self, score: str, **options: Any) -> None:
        super().__init__()
        validate.choice("score", score, SCORES)
        inspect.signature(SCORES[score].function).bind(None, None, **options)
        self.score, self.options = score, options

    def forward(self, preds: Tensor, target: Tensor) -> Tensor:
        """See the class."""
        return SCORES[self.score].function(preds, target, **self.options)


def register() -> None:
    """Make every score available in pyiqa as ``"hyra_"`` and its name, with its options; twice does no harm.

    ``pyiqa.create_metric("hyra_ssim", form="skimage")`` is `hyra.ssim` so, likewise ``"hyra_fsds"``, ``"hyra_psnr"``,
    ``"hyra_ms_ssim"``, ``"hyra_mae"`` and the others. The short name, such as ``"fsds"``, stands for the same where
    pyiqa has no metric of that name; names that it has, such as ``"ssim"``, stay pyiqa's.

    For training use `hyra.FSDSLoss` and `hyra.SSIMLoss`: a score is no loss, since higher is better and of FSDS
    identical images have infinitely much.

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

    if "hyra_fsds" in DEFAULT_CONFIGS:
        return
    ARCH_REGISTRY.register(PairScore)
    for name, score in SCORES.items():
        config = {
            "metric_opts": {"type": PairScore.__name__, "score": name},
            "metric_mode": "FR",
            "score_range": score.range,
            "lower_better": score.lower_is_better,
        }
        DEFAULT_CONFIGS[f"hyra_{name}"] = config
        DEFAULT_CONFIGS.setdefault(name, config)
