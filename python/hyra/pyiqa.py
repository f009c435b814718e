"""FSDS under pyiqa's names, where pyiqa is installed; its licence keeps it out of our dependencies."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from hyra._util import validate
from hyra.scores.fsds import fsds
from hyra.scores.variants import VARIANTS


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


def register() -> None:
    """Make FSDS available as ``pyiqa.create_metric("fsds")``, with the options of `hyra.fsds`; twice does no harm.

    ``pyiqa.create_metric("fsds", variant="radial")`` chooses a variant. For training use `hyra.FSDSLoss`: a score is
    no loss, since higher is better and identical images are infinitely so.

    Raises:
        ModuleNotFoundError: pyiqa is not installed.

    Example, where pyiqa is installed:
        import hyra.pyiqa, pyiqa

        hyra.pyiqa.register()
        score = pyiqa.create_metric("fsds")(sr, hr)  # both [N, C, H, W] in 0..1; [N], in dB
    """
    from pyiqa.default_model_configs import DEFAULT_CONFIGS
    from pyiqa.utils.registry import ARCH_REGISTRY

    if "fsds" not in DEFAULT_CONFIGS:
        ARCH_REGISTRY.register(FSDS)
        DEFAULT_CONFIGS["fsds"] = {"metric_opts": {"type": "FSDS"}, "metric_mode": "FR", "score_range": "~0, inf"}
