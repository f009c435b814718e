"""Every score of a pair of images by its name, and several of one pair at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from hyra._util import validate
from hyra._util.arrays import accepts_arrays
from hyra.scores import pixelwise
from hyra.scores.fourier import fourier_mae, fourier_mse, fourier_psnr
from hyra.scores.fsds import fsds
from hyra.scores.ssim import ms_ssim, ssim

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Score:
    """A score of a pair of images.

    Attributes:
        function: of the two images and its options.
        unit: ``"dB"``, or empty for a plain number.
        lower_is_better: whether it measures an error.
        range: the least and the most that it can be, a ``~`` before what is merely usual.
    """

    function: Callable[..., Tensor]
    unit: str = ""
    lower_is_better: bool = False
    range: str = "0, inf"


SCORES = {
    "psnr": Score(pixelwise.psnr, "dB", range="~0, inf"),
    "ssim": Score(ssim, range="-1, 1"),
    "ms_ssim": Score(ms_ssim, range="0, 1"),
    "mae": Score(pixelwise.mae, lower_is_better=True),
    "mse": Score(pixelwise.mse, lower_is_better=True),
    "fsds": Score(fsds, "dB", range="~0, inf"),
    "fourier_mae": Score(fourier_mae, lower_is_better=True),
    "fourier_mse": Score(fourier_mse, lower_is_better=True),
    "fourier_psnr": Score(fourier_psnr, "dB"),
}
"""Each by the name that `hyra` has it under."""


@accepts_arrays("preds", "target")
def scores(preds: Tensor, target: Tensor, names: Sequence[str] | Mapping[str, Options]) -> dict[str, Any]:
    """Several scores of one pair, each as the function of its name gives it, from as few reads of the pixels as can be.

    Args:
        preds: as for `hyra.psnr`.
        target: as for `hyra.psnr`.
        names: of `SCORES`, or these with options for each.

    Raises:
        TypeError: an image or an option is none that a score takes.
        ValueError: a name is none of a score, or a score refuses the pair.

    Example:
        >>> import torch
        >>> target = torch.rand(3, 24, 24)
        >>> of_pair = scores(target + 0.1, target, {"psnr": {}, "fsds": {"variant": "radial"}, "mse": {}})
        >>> list(of_pair), round(of_pair["psnr"].item(), 3), round(of_pair["mse"].item(), 5)
        (['psnr', 'fsds', 'mse'], 20.0, 0.01)
    """
    options = options_of(names)
    shared = [name for name in pixelwise.POWERS if name in options and not options[name]]
    of_pair = pixelwise.of_one_read(shared, preds, target) if shared else {}
    return {
        name: of_pair[name] if name in of_pair else SCORES[name].function(preds, target, **given)
        for name, given in options.items()
    }


def options_of(names: Sequence[str] | Mapping[str, Options]) -> dict[str, Options]:
    """The options of each score, none where only names are given."""
    if isinstance(names, str) or not isinstance(names, Collection):
        raise TypeError(f"names must be a list of scores, or a mapping with their options, got {validate.kind(names)}")
    for name in names:
        validate.choice("names", name, SCORES)
    return dict(names) if isinstance(names, Mapping) else {name: {} for name in names}
