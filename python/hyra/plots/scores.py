"""Where an error costs how much FSDS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from hyra._util import validate
from hyra.ops import fourier
from hyra.ops.radial_moments import _ring_map
from hyra.plots import style
from hyra.scores.fsds import FSDSReference
from hyra.scores.variants import VARIANTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TOGETHER = 256  # predictions that are scored at a time
_DRAWS = 24  # random errors in a ring of frequencies


@style.figure
def fsds_sensitivity(target: Tensor, *, psnr: float = 50) -> tuple[Figure, tuple[Axes, ...]]:
    """What every variant of `hyra.fsds` makes of an error of fixed energy, by where in image or spectrum it lies.

    The maps show at each pixel the score of the image with that one pixel changed; the curves over frequency the score
    of the image with noise added in one ring of frequencies (the energy's mean over several draws). The changed pixel
    and the noise have the same energy, so PSNR is the same at every point of the figure. Where the score is low, the
    error costs much.

    Args:
        target: ``[C, H, W]`` in 0..1. Every pixel is changed and scored once, so take a small one, such as 64x64.
        psnr: of every error, in dB. At 50 dB in 64x64 pixels, the one pixel changes by 0.2.

    Returns:
        The figure and its four axes: a map for each variant, and the curves.
    """
    import matplotlib.pyplot as plt

    image = validate.images("target", target).detach().double().cpu()
    references = [FSDSReference(image, variant=variant) for variant in VARIANTS]
    rows, columns = image.shape[1:]
    rms = 10 ** (-psnr / 20)
    unit = torch.eye(rows * columns, dtype=image.dtype, device=image.device)
    one_pixel = rms * (rows * columns) ** 0.5 * unit.view(-1, 1, rows, columns)
    maps = [_scores(reference, image, one_pixel).view(rows, columns) for reference in references]

    fig, axes = plt.subplots(1, 4, figsize=(style.PAGE, 0.26 * style.PAGE), width_ratios=(1, 1, 1, 1.5))
    limits = {"vmin": float(min(m.min() for m in maps)), "vmax": float(max(m.max() for m in maps))}
    for variant, panel, scores in zip(VARIANTS, axes, maps, strict=False):
        drawn = panel.imshow(scores.numpy(), cmap=style.AMPLITUDE, **limits)
        panel.set(title=variant, xticks=[], yticks=[])
        panel.spines[:].set_visible(False)
    fig.colorbar(drawn, ax=axes[:3], aspect=16, label="FSDS (dB), this pixel changed")

    frequency, noise = _noise_in_rings(rows, columns)
    for variant, color, reference in zip(VARIANTS, style.SERIES, references, strict=False):
        ratios = 10 ** (-_scores(reference, image, rms * noise) / 10)
        scores = -10 * ratios.view(len(frequency), _DRAWS).mean(1).log10()
        axes[3].plot(frequency.numpy(), scores.numpy(), color=color, label=variant)
    axes[3].set(xlim=(0, 0.5), xlabel="frequency of the error (cycles per pixel)", ylabel="FSDS (dB)")
    axes[3].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, handlelength=0.9, columnspacing=0.8, borderpad=0)
    return fig, tuple(axes)


def _scores(reference: FSDSReference, image: Tensor, errors: Tensor) -> Tensor:
    return torch.cat([reference(image + some) for some in errors.tensor_split(-(-len(errors) // _TOGETHER))])


def _noise_in_rings(rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """The frequencies up to Nyquist's, and images of noise ``[rings * draws, 1, H, W]`` of one ring each, of rms 1."""
    count = min(rows, columns) // 2
    generator = torch.Generator("cpu").manual_seed(0)
    white = torch.randn(_DRAWS, rows, columns, dtype=torch.float64, device="cpu", generator=generator)
    rings = torch.arange(1, count + 1, dtype=torch.float64, device="cpu")
    inside = _ring_map(rows, columns, white.device) == rings[:, None, None]
    noise = fourier.irfft2(inside[:, None] * fourier.rfft2(white), (rows, columns))
    noise /= noise.square().mean((-2, -1), keepdim=True).sqrt()
    return rings / min(rows, columns), noise.view(-1, 1, rows, columns)
