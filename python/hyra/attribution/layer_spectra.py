"""What becomes of frequencies from layer to layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from hyra._util import validate
from hyra._util.table import in_columns
from hyra.attribution.integrate import checked_image
from hyra.network.forward import NetworkError
from hyra.network.wrapper import Network
from hyra.ops import radial_moments
from hyra.probing.layers import contains, modules_of
from hyra.results.result import Result
from hyra.spectrum import fft, rings

EDGES = (0.0, 1 / 8, 1 / 4, 3 / 8, 1 / 2)
"""Bands up to the LR image's Nyquist frequency, in cycles per LR pixel; one more lies beyond."""


@dataclass(frozen=True, eq=False)
class LayerSpectrum:
    """The radial power of one layer's output.

    Attributes:
        scale: samples of the layer per LR pixel; below 1 for a layer on a coarser grid.
        channels: how many.
        frequency: `[R]` float64, cycles per LR pixel, of the rings of the whole frequency plane with its corners.
        power: `[R]` float64: mean over channels and bins of the squared amplitude of the unscaled DFT.
        count: `[R]` int64: bins in each ring.
        black_power: `[R]` float64, of what the layer makes of a black image; None if it was not measured.
        difference_power: `[R]` float64, of what the image adds to that; None likewise.
    """

    scale: float
    channels: int
    frequency: Tensor
    power: Tensor
    count: Tensor
    black_power: Tensor | None = None
    difference_power: Tensor | None = None

    def __post_init__(self) -> None:
        validate.positive_number("scale", self.scale)
        validate.positive_integer("channels", self.channels)
        length = len(validate.rising("frequency", self.frequency))
        if not bool((validate.shaped("count", self.count, [length], validate.INTEGER) > 0).all()):
            raise ValueError("count must hold at least one bin in every ring, got less")
        if (self.black_power is None) != (self.difference_power is None):
            raise ValueError("black_power and difference_power must be measured together, got one of them")
        for name in ("power", "black_power", "difference_power"):
            value = getattr(self, name)
            if value is not None and bool((validate.shaped(name, value, [length]) < 0).any()):
                raise ValueError(f"{name} must be at least 0, got {float(value.min()):g}")

    @property
    def energy(self) -> float:
        """Mean square of the output's values, by Parseval's theorem."""
        return float((self.power * self.count).sum() / self.count.sum() ** 2)

    @property
    def relative_log_amplitude(self) -> Tensor:
        """`[R]` float64: natural logarithm of the root of `power` over its value in the lowest ring.

        Source: Park and Kim, How Do Vision Transformers Work? (ICLR 2022), figure 2, along the diagonal alone.
        """
        return (self.power / self.power[0]).log() / 2

    def band_shares(self, edges: Sequence[float] = EDGES) -> Tensor:
        """`[B]` float64: share of each band, and of what lies beyond the last edge, in the energy without ring 0."""
        energy = self.power * self.count
        energy[0] = 0
        limits = (*edges, math.inf)
        inside = [(self.frequency >= low) & (self.frequency < high) for low, high in pairwise(limits)]
        return torch.stack([energy[band].sum() for band in inside]) / energy.sum()


@dataclass(frozen=True, eq=False, repr=False)
class LayerSpectra(Result, Mapping[str, LayerSpectrum]):
    """The spectra of a network's layers, a mapping from the layer's name: what `HyRA.layer_spectra` returns.

    Attributes:
        layers: in the order of computation; several calls of a module count as the last of them.
        skipped: names of the modules whose output is no image on the grid of the input, such as attention within
            windows.
    """

    layers: Mapping[str, LayerSpectrum]
    skipped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("layers must hold at least one layer, got none")

    def __getitem__(self, layer: str) -> LayerSpectrum:
        return self.layers[layer]

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __repr__(self) -> str:
        return f"LayerSpectra({len(self)} layers, {' to '.join([*self][:: max(1, len(self) - 1)])})"

    def band_shares(self, edges: Sequence[float] = EDGES) -> Tensor:
        """`[L, B]` float64: of each layer, as `LayerSpectrum.band_shares`."""
        return torch.stack([layer.band_shares(edges) for layer in self.layers.values()])

    def survival(self, edges: Sequence[float] = EDGES) -> Tensor:
        """`[L - 1, B]` float64: each layer's share of a band over the share in the layer before.

        1 where a layer keeps the balance of the bands, whatever its gain; below where it takes from that band.
        """
        shares = self.band_shares(edges)
        return shares[1:] / shares[:-1]

    def table(self) -> str:
        """One line for each layer below a line of headings, in columns: the shares of the bands in percent."""
        bands = (*(f"to {high:g}" for high in EDGES[1:]), "beyond")
        rows: list[Sequence[str]] = [("layer", "channels", "scale", "rms", *bands)]
        for (name, layer), shares in zip(self.items(), self.band_shares().tolist(), strict=True):
            cells = (f"{100 * share:.1f} %" for share in shares)
            rows.append((name, str(layer.channels), f"x{layer.scale:g}", f"{math.sqrt(layer.energy):.3g}", *cells))
        return in_columns(rows)


def layer_spectra(network: Network, lr: Tensor, layers: Sequence[str] | None, *, black: bool) -> LayerSpectra:
    """`HyRA.layer_spectra`."""
    image = checked_image("lr", lr, network)
    modules = modules_of(network, layers)
    inputs = torch.stack([image, torch.zeros_like(image)]) if black else image[None]
    with network.untouched():
        spectra = _measured(network, modules, inputs)
        if padding := network.padding(*image.shape[-2:]):
            inputs = padding.extended(inputs)
            spectra = _measured(network, modules, inputs)
    if layers is not None:
        missing = [name for name in modules if name not in spectra]
        if missing:
            raise ValueError(f"layer {missing[0]!r} must give an image on a grid of {_grid(inputs)}, or tokens of one")
        return LayerSpectra({name: spectra[name] for name in modules})
    if not spectra:
        raise ValueError(f"net must have a layer that gives images on a grid of {_grid(inputs)}, or tokens of them")
    kept: dict[str, LayerSpectrum] = {}
    last = ""
    for name, spectrum in spectra.items():
        if last and contains(name, last) and torch.equal(spectrum.power, kept[last].power):
            continue  # a container that returns what its last part does
        kept[name], last = spectrum, name
    return LayerSpectra(kept, tuple(name for name in modules if name not in spectra))


def planes_of(output: object, count: int, height: int, width: int) -> Tensor | None:
    """The planes `[count, C, h', w']` of a layer's output: images, channels last, or tokens of an image.

    Their grid is that of the input, `height x width`, or one that is finer or coarser by the same factor in both
    directions. None for anything else.
    """
    if (
        not isinstance(output, Tensor)
        or not output.is_floating_point()
        or not output.numel()
        or output.ndim < 3
        or len(output) != count
    ):
        return None

    def fits(h: int, w: int) -> bool:
        return min(h, w) > 1 and h * width == w * height and (h % height == 0 or height % h == 0)

    if output.ndim == 4 and fits(*output.shape[2:]):
        return output
    if output.ndim == 4 and fits(*output.shape[1:3]):
        return output.movedim(-1, 1)
    if output.ndim == 3:
        factor = math.sqrt(output.shape[1] / (height * width))
        h, w = round(factor * height), round(factor * width)
        if h * w == output.shape[1] and fits(h, w):
            return output.movedim(-1, 1).reshape(count, -1, h, w)
    return None


def _measured(network: Network, modules: Mapping[str, nn.Module], inputs: Tensor) -> dict[str, LayerSpectrum]:
    """Of an image, and of black beside it if `inputs` are two."""
    width, spectra = inputs.shape[-1], dict[str, LayerSpectrum]()

    def receive(name: str, planes: Tensor) -> None:
        spectra[name] = _spectrum(planes.shape[-2:], width, *(_half_spectrum(image) for image in planes))

    alone = len(inputs) == 2 and network.traits.noise > 0  # then the network is given one image at a time
    if not alone:
        try:
            with _receiving(modules, inputs, receive, spectra):
                network.run(inputs)
            return spectra
        except NetworkError:
            if len(inputs) == 1:
                raise  # of two, it may be their number
    image, black = inputs[:1], inputs[1:]
    halves: dict[str, Tensor] = {}

    def keep(name: str, planes: Tensor) -> None:
        halves[name] = _half_spectrum(planes[0])

    def compare(name: str, planes: Tensor) -> None:
        if name in halves and halves[name].shape == (half := _half_spectrum(planes[0])).shape:
            spectra[name] = _spectrum(planes.shape[-2:], width, halves[name], half)

    with _receiving(modules, image, keep, halves):
        network.run(image)
    with _receiving(modules, black, compare, spectra):
        network.run(black)
    return spectra


@contextmanager
def _receiving(
    modules: Mapping[str, nn.Module],
    inputs: Tensor,
    receive: Callable[[str, Tensor], None],
    received: dict[str, Any],
) -> Iterator[None]:
    """While it is open, the planes that each module returns go to `receive`; what it made of an earlier call goes."""

    def hook_of(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            received.pop(name, None)
            planes = planes_of(output, len(inputs), *inputs.shape[-2:])
            if planes is not None:
                planes = planes.detach()
                receive(name, planes.to(torch.promote_types(planes.dtype, torch.float32)))

        return hook

    handles = [part.register_forward_hook(hook_of(name)) for name, part in modules.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _half_spectrum(planes: Tensor) -> Tensor:
    return fft.rfft2(planes.contiguous())


def _spectrum(size: Sequence[int], width: int, image: Tensor, black: Tensor | None = None) -> LayerSpectrum:
    """From the half spectra of a layer's planes, and of those of black if there are such."""
    (h, w), channels = size, len(image)
    power, black_power, cross, count = radial_moments(image, image if black is None else black, h, w)
    difference = power + black_power - 2 * cross.real
    scale = w / width
    frequency = rings.frequency(count, h, w) * scale
    mean, black_mean, difference_mean = (x.sum(0) / (channels * count) for x in (power, black_power, difference))
    if black is None:
        return LayerSpectrum(scale, channels, frequency, mean, count)
    return LayerSpectrum(scale, channels, frequency, mean, count, black_mean, difference_mean.clamp(min=0))


def _grid(inputs: Tensor) -> str:
    return "x".join(map(str, inputs.shape[-2:]))
