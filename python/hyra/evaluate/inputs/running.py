"""A network as an evaluation runs it: named, so that it can travel; loaded once by each worker; from bytes to bytes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Self

import torch
from torch import Tensor

from hyra._util import validate
from hyra._util.texts import message
from hyra.adapters.texts import content_of, input_of
from hyra.images.colours import in_colours
from hyra.models import load
from hyra.models.code import code_of
from hyra.models.model import ScaleError
from hyra.network.forward import NetworkError
from hyra.network.tiling import Tiling, check_tiling, find_tiling, run_tiled
from hyra.network.untouched import random_state_kept
from hyra.network.wrapper import Network

TILE = 128
"""Side in LR pixels of the tiles in which an image is run that needs more memory than there is."""

_RANDOM = threading.RLock()
"""Held while modules are imported, weights are drawn, or a network draws: torch's random state is one for all."""
_SHARED: dict[Any, Running] = {}
_OWN = threading.local()


@dataclass(frozen=True)
class NetworkSpec:
    """All that says which network it is and how it is run.

    Attributes:
        model: as `hyra.models.load` takes it.
        scale: HR pixels per LR pixel, an integer or a fraction p/q.
        weights: a hash of its parameters, its buffers, files among `inputs` and, where it is Python, its file.
        input_range: the network's value of white.
        device: where it runs.
        trust_code: whether code in the file that `model` names may run.
        tile: run it on tiles of this side in LR pixels where an image is larger; None: on whole images.
        halo: LR pixels around each tile, as far as the network looks when None.
        inputs: names and values of what it needs beside the image, as `hyra.adapters.texts.input_of` reads them.
        input_size: height and width in LR pixels, of a network that takes that size only and does not say so.
        adapter: for a network of any scale, as `hyra.models.load` takes it.
    """

    model: str
    scale: int | Fraction
    weights: str
    input_range: float = 1.0
    device: str = "cpu"
    trust_code: bool = False
    tile: int | None = None
    halo: int | None = None
    inputs: tuple[tuple[str, str], ...] = ()
    input_size: tuple[int, int] | None = None
    adapter: str | None = None

    @classmethod
    def find(
        cls,
        model: str,
        scale: int | Fraction | None = None,
        *,
        input_range: float | None = None,
        device: str = "cpu",
        trust_code: bool = False,
        tile: int | None = None,
        halo: int | None = None,
        inputs: Mapping[str, str] | None = None,
        input_size: tuple[int, int] | None = None,
        adapter: str | None = None,
    ) -> Self:
        """Load the network to see what it is, and whether it can be run in this way.

        Raises:
            ValueError: it cannot be loaded or run, has another scale, or looks too far for tiles.
            FileNotFoundError, ModuleNotFoundError: as `hyra.models.load` has them.
        """
        if input_range is not None:
            validate.positive_number("input_range", input_range)
        beside = tuple(sorted((inputs or {}).items()))
        spec = cls(model, scale or 0, "", input_range or 0, device, trust_code, tile, halo, beside, input_size, adapter)
        network, known_range, weights = _load(spec)
        try:
            found = network.scale
        except NetworkError as error:
            raise ValueError(f"{model} cannot be run: {message(error)}") from error
        if scale not in (None, found):
            raise ScaleError(f"scale of {model} is {found}, got {scale}")
        spec = replace(spec, scale=found, input_range=input_range or known_range or 1.0, weights=weights)
        if tile is not None:
            _ = running(spec).tiling
        return spec


def at_scales(model: str, scales: Sequence[int | Fraction], **options: Any) -> list[NetworkSpec]:
    """The network at those of several scales that it has; at its own where none are given.

    Args:
        model: as `NetworkSpec.find` takes it; ``{scale}`` in it stands for the scale, as a decimal number.
        scales: HR pixels per LR pixel, integers and fractions.
        options: as `NetworkSpec.find` takes them.

    Raises:
        ValueError: it has none of these scales.
    """
    specs: list[NetworkSpec] = []
    refusal: ScaleError | None = None
    for scale in scales or (None,):
        name = model if scale is None else model.replace("{scale}", f"{float(scale):g}")
        try:
            specs.append(NetworkSpec.find(name, scale, **options))
        except ScaleError as error:
            refusal = error
    if not specs and refusal:
        raise refusal
    return specs


def running(spec: NetworkSpec) -> Running:
    """The network, loaded at the first call: on a CPU by each thread, since only one can use it at a time."""
    where: dict[Any, Running] = vars(_OWN) if spec.device == "cpu" else _SHARED
    if spec not in where:
        with _RANDOM:
            where[spec] = Running(spec)
    return where[spec]


class Running:
    """A loaded network.

    Raises:
        ValueError: it has other weights than those it was named for, or cannot be run.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        self.spec = spec
        self.network, _, weights = _load(spec)
        if weights != spec.weights:
            raise ValueError(f"{spec.model} has changed since the evaluation began, or is another one on this machine")
        self._tiling: Tiling | None = None
        self._checked = False
        with _RANDOM:
            self.channels = self.network.in_channels  # it runs the network
            self.is_random = self.network.traits.noise > 0

    @property
    def tiling(self) -> Tiling:
        """How large images are cut."""
        if self._tiling is None:
            self._tiling = find_tiling(self.network, self.spec.tile or TILE, self.spec.halo)
        return self._tiling

    def input(self, lr: Tensor) -> Tensor:
        """The image ``[1, C, h, w]`` as the network takes it: for one channel its luma; grey is repeated."""
        image = lr if lr.is_floating_point() else lr.float() / validate.WHITE[lr.dtype]
        image = image.expand(3, -1, -1) if len(image) == 1 and self.channels == 3 else image
        return self.network.place(in_colours(image, self.channels)[None])

    def output(self, lr: Tensor, seed: str) -> Tensor:
        """What it makes of an image, in 8 bits as a file would have it: ``[C, s*h, s*w]``.

        Args:
            lr: the image, ``[C, h, w]``, uint8, uint16 or floats of white 1.
            seed: what random numbers depend on, if the network draws any.

        Raises:
            ValueError: the network fails on it, or its output is not finite.
        """
        try:
            if self.is_random:
                number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "little") >> 1
                with _RANDOM:
                    self.network.seed = number
                    output = self.run(self.input(lr))[0]
            else:
                output = self.run(self.input(lr))[0]
        except (NetworkError, torch.OutOfMemoryError) as error:
            raise ValueError(f"{self.spec.model}: {message(error)}") from error
        if not output.isfinite().all():
            raise ValueError(f"the output of {self.spec.model} must be finite, got NaN or infinite pixels")
        return output.clamp(0, 1).mul(255).round().to(torch.uint8)

    def run(self, x: Tensor) -> Tensor:
        """The output for ``[1, C, h, w]``, padded if the network does not take its size.

        It is run in tiles where it is larger than the one that was asked for, or than the memory that there is.
        """
        if self.spec.tile is not None:
            return self._run_tiled(x) if max(x.shape[-2:]) > self.spec.tile else self.network.run(x)
        try:
            return self.network.run(x)
        except torch.OutOfMemoryError:
            if max(x.shape[-2:]) <= TILE:
                raise
            return self._run_tiled(x)

    def _run_tiled(self, x: Tensor) -> Tensor:
        if not self._checked:  # until one image has passed: what changes nothing in it changes nothing in the others
            # Where memory is short, a whole of two tiles each way must be no larger than one that it is there for.
            by = self.tiling if self.spec.tile else find_tiling(self.network, TILE // 2, self.spec.halo)
            check_tiling(self.network, by, x, approximate=self.spec.halo is not None)
            self._checked = True
        return run_tiled(self.network, self.tiling, x)


def _load(spec: NetworkSpec) -> tuple[Network, float | None, str]:
    """The network, its own value of white if that is known, and the hash; drawn weights are the same every time."""
    with _RANDOM, random_state_kept(None), torch.inference_mode(False):
        torch.manual_seed(0)
        inputs = {name: input_of(name, text) for name, text in spec.inputs} or None
        model = load(
            spec.model,
            spec.scale or None,
            adapter=spec.adapter,
            trust_code=spec.trust_code,
            inputs=inputs,
            size=spec.input_size,
        )
        try:
            torch.empty(0, dtype=torch.float32, device=spec.device)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(
                f"device must be one that torch can use here, got {spec.device}: {message(error)}"
            ) from error
        beside = b"".join(content_of(text) for _, text in spec.inputs)
        weights = _hash(model.network, code_of(spec.model) + beside)
        if isinstance(model.network, torch.nn.Module):
            model.network.to(spec.device)
        white = spec.input_range or model.input_range or 1.0
        return Network(model.network, model.scale, white, device=spec.device), model.input_range, weights


def _hash(network: object, code: bytes) -> str:
    state = hashlib.sha256(code)
    if isinstance(network, torch.nn.Module):
        tensors = [*network.named_parameters(), *network.named_buffers()]
        for name, tensor in tensors:
            state.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
            values = tensor.int_repr() if tensor.is_quantized else tensor.detach()
            dense = values if values.layout == torch.strided else values.to_dense()
            state.update(dense.cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return state.hexdigest()
