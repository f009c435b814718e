"""H and G: the paper's figure 4, and who makes what of the output's spectrum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from hyra.images.resampling import enlarge, recoloured
from hyra.ops import fourier
from hyra.plots import style
from hyra.plots.bands import band_note
from hyra.plots.bands import picture as as_picture
from hyra.plots.transfer import draw_bands, draw_map
from hyra.results.figures import draws
from hyra.split.parts import BandShares, CopyCompensation, Decomposition, Spectra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_COLUMNS = ("LR", "H", "G", "SR")


@draws(Decomposition)
@style.figure
def decomposition(split: Decomposition, *, image: int = 0) -> tuple[Figure, Any]:
    """What the linear and the non-linear part of a network add to an image, in space and in frequency.

    All spectra are of the mean over the colours (which keeps SR = H + G), on one scale for the row. That of LR is
    drawn as zero insertion repeats it, times `scale**2` so that the mean is kept: H is what the transfer function
    leaves of it. G is signed and drawn around grey, times the factor in its title.

    Source: Deng et al. (ICML 2024), figure 4, which scales each picture for itself and shows LR's spectrum once.

    Args:
        split: what `HyRA.decompose` returned.
        image: which image of a batch.

    Returns:
        The figure and its axes, a 3 x 4 array.
    """
    import matplotlib.pyplot as plt

    pictures = [x if x.ndim == 3 else x[image] for x in (split.input, split.linear, split.nonlinear, split.output)]
    pictures = [x.detach().double().cpu() for x in pictures]
    scale = split.response.scale
    height, width = pictures[-1].shape[-2:]
    size = (style.PAGE, (2 + height / width) * style.PAGE / 4.6 + 0.5)
    fig, axes = plt.subplots(3, 4, figsize=size, layout="compressed")
    _draw_images(axes[0], pictures)
    _draw_spectra(axes[1:], [_over_hr_plane(fourier.fft2(x.mean(0)), (height, width)) for x in pictures], float(scale))
    return fig, axes


@draws(Spectra)
@style.figure
def spectra(found: Spectra, *, image: int = 0) -> tuple[Figure, Any]:
    """Amplitude and phase of LR, H, G and SR, as the two lower rows of `decomposition`.

    Args:
        found: what `Decomposition.spectra` returned.
        image: which image of a batch.

    Returns:
        The figure and its axes, a 2 x 4 array.
    """
    import matplotlib.pyplot as plt

    planes = [x if x.ndim == 3 else x[image] for x in (found.input, found.linear, found.nonlinear, found.output)]
    means = [torch.fft.ifftshift(x.detach().cpu().to(torch.complex128).mean(0)) for x in planes]
    scale = len(means[-1]) / len(means[0])
    fig, axes = plt.subplots(2, 4, figsize=(style.PAGE, 2 * style.PAGE / 4.6 + 0.5), layout="compressed")
    _draw_spectra(axes, [_over_hr_plane(mean, means[-1].shape) for mean in means], scale)
    for panel, name in zip(axes[0], _COLUMNS, strict=True):
        panel.set_title(name)
    return fig, axes


@style.figure
def in_colour(split: Decomposition, colour: Tensor) -> tuple[Figure, Any]:
    """What a network of one channel made of an image's luma, with the colours put back: see `recoloured`.

    Args:
        split: what `HyRA.decompose` returned for the luma ``[1, h, w]``.
        colour: the image in RGB, ``[3, h, w]`` in 0..1.

    Returns:
        The figure and its two axes: the bicubic enlargement, and the network's output.
    """
    import matplotlib.pyplot as plt

    scale = split.response.scale
    height, width = split.output.shape[-2:]
    bicubic = enlarge(colour, scale)[..., :height, :width]
    shown = {"bicubic": bicubic, "SR, colours by bicubic": recoloured(split.output, colour, scale)}
    fig, axes = plt.subplots(1, 2, figsize=(style.PAGE, height / width * style.PAGE / 2 + 0.3))
    for panel, (name, image) in zip(axes, shown.items(), strict=True):
        panel.imshow(as_picture(image), interpolation="antialiased")
        panel.set(title=name, xticks=[], yticks=[])
        panel.spines[:].set_visible(False)
    return fig, axes


def _draw_images(axes: Any, pictures: list[Tensor]) -> None:
    gain = 0.5 / _quantile(pictures[2].abs(), 0.999)
    for panel, name, picture in zip(axes, _COLUMNS, pictures, strict=True):
        shown = 0.5 + gain * picture if name == "G" else picture
        panel.imshow(as_picture(shown), interpolation="antialiased")
        panel.set_title(f"G, times {gain:.2g}, around grey" if name == "G" else name)
        panel.set(xticks=[], yticks=[], xlabel=f"{picture.shape[-1]}×{picture.shape[-2]} pixels")
        panel.spines[:].set_visible(False)
    axes[0].set_ylabel("image")
    axes[0].set_title(", ".join(filter(None, ("LR", band_note(len(pictures[0]))))))


def _draw_spectra(axes: Any, spectra: list[Tensor], scale: float) -> None:
    decibels = [20 * x.abs().log10() for x in spectra]
    reference = max(float(x.max()) for x in decibels)
    decibels = [(x - reference).clamp(min=-200) for x in decibels]
    everything = torch.stack(decibels[1:])
    limits = {"vmin": _quantile(everything, 0.02), "vmax": _quantile(everything, 0.9999)}
    height, width = spectra[0].shape
    unshifted = (torch.fft.fftfreq(n, dtype=torch.float64, device="cpu") for n in (height, width))
    frequency = tuple(torch.fft.fftshift(x) * scale for x in unshifted)
    for column, (amplitude, spectrum) in enumerate(zip(decibels, spectra, strict=True)):
        loudness = draw_map(
            axes[0, column],
            frequency,
            amplitude,
            scale / 2,
            cmap=style.AMPLITUDE,
            interpolation="antialiased",
            **limits,
        )
        angle = draw_map(
            axes[1, column], frequency, spectrum.angle(), scale / 2, cmap=style.PHASE, vmin=-math.pi, vmax=math.pi
        )
        axes[0, column].set(xlabel="", xticklabels=[])
        for panel in axes[:, column]:
            panel.set_ylabel("")
            if column > 0:
                panel.set_yticklabels([])
    axes[0, 0].set_ylabel("amplitude\n$f_y$ (cycles / LR pixel)")
    axes[1, 0].set_ylabel("phase\n$f_y$ (cycles / LR pixel)")
    fig = axes[0, 0].figure
    fig.colorbar(loudness, ax=axes[0], extend="both", fraction=0.03, pad=0.01).set_label("dB (largest: 0)")
    bar = fig.colorbar(angle, ax=axes[1], fraction=0.03, pad=0.01, ticks=[-math.pi, 0, math.pi])
    bar.ax.set_yticklabels(["$-\\pi$", "0", "$\\pi$"])
    bar.set_label("radians")


def _over_hr_plane(spectrum: Tensor, size: Sequence[int]) -> Tensor:
    """Zero frequency in the middle; an LR spectrum as zero insertion repeats it."""
    (h, w), (height, width) = spectrum.shape, size
    if h == height:
        centred: Tensor = torch.fft.fftshift(spectrum)
        return centred
    device = spectrum.device
    rows, columns = (torch.arange(-(n // 2), n - n // 2, device=device) % lr for n, lr in ((height, h), (width, w)))
    return spectrum[rows][:, columns] * (height / h * width / w)


def _quantile(x: Tensor, q: float) -> float:
    return float(np.quantile(x.numpy(), q)) or 1.0


@draws(BandShares)
@style.figure
def band_shares(shares: BandShares) -> tuple[Figure, Axes]:
    """Energy of H, of G and of their cross term over that of the output, per band of frequency; they add up to 1.

    Where H and G cancel, the cross term is negative and the two others are above 1 together.

    Args:
        shares: what `Decomposition.band_shares` returned.

    Returns:
        The figure and its axes.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(figsize=(style.COLUMN, 0.72 * style.COLUMN))
    frequency = (shares.frequency * float(shares.scale)).cpu()
    axes.axhline(0, color="black", linewidth=0.4)
    axes.axhline(1, color="black", linewidth=0.4)
    curves = (("H", shares.linear, "H"), ("G", shares.nonlinear, "G"), ("2 H·G", shares.cross, "SR"))
    for label, values, color in curves:
        axes.plot(frequency, values.cpu(), color=style.COLORS[color], label=label)
    highest = float(shares.scale) / 2
    draw_bands(axes, highest)
    axes.set(xlim=(0, highest), ylabel="share of the output's energy")
    axes.set_yscale("symlog", linthresh=1)  # at the copies the output keeps next to nothing of H and G
    axes.legend(loc="best")
    return fig, axes


@draws(CopyCompensation)
@style.figure
def copy_compensation(found: CopyCompensation) -> tuple[Figure, Any]:
    """How G treats each spectral copy that H lets through: its phase against H's, and what is left of H's energy.

    Args:
        found: what `Decomposition.copy_compensation` returned.

    Returns:
        The figure and its two axes. The image itself, at (0, 0), is no copy and stays empty. At a scale p/q, which has
        as many copies on each side, it is in the middle.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(style.PAGE, 0.42 * style.PAGE))
    panels = (
        (found.opposition, "cosine between H and G", style.SIGNED, (-1, 1)),
        (found.remaining, "energy of H + G over that of H", style.AMPLITUDE, (0, None)),
    )
    order = sorted(range(len(found.copies)), key=found.copies.__getitem__)
    for panel, (values, label, colors, (low, high)) in zip(axes, panels, strict=True):
        shown = values.cpu()[order][:, order]
        image = panel.imshow(shown, colors, vmin=low, vmax=high, origin="lower")
        middle = (image.norm.vmin + image.norm.vmax) / 2
        for (k, m), value in ((index, float(shown[index])) for index in product(range(len(shown)), repeat=2)):
            if found.copies[order[k]] == found.copies[order[m]] == 0:
                continue
            dark = value < middle if colors == style.AMPLITUDE else abs(value) > 0.6
            panel.text(m, k, f"{value:.2g}", ha="center", va="center", fontsize=7, color="white" if dark else "black")
        ticks, names = range(len(shown)), [f"{found.copies[index]}".replace("-", "−") for index in order]
        panel.set(xlabel="copy, $f_x$ (cycles / LR pixel)")
        panel.set_xticks(ticks, names)
        panel.set_yticks(ticks, names)
        style.colorbar(image, panel, label)
    axes[0].set_ylabel("copy, $f_y$ (cycles / LR pixel)")
    return fig, axes
