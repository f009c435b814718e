"""What the layers inside a network make of an impulse: where in it the response takes shape."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from hyra._util import validate
from hyra._util.table import in_columns
from hyra._util.warnings import warn
from hyra.filters.response import ImpulseResponse
from hyra.filters.sinc import cosines
from hyra.network.wrapper import Network
from hyra.probing.impulse import canvas_of
from hyra.probing.operating_point import OperatingPoint
from hyra.probing.seeds import mean_of, of_seeds
from hyra.results.result import Result

OUTPUT = "(output)"
"""Name of the whole network among its layers."""

_COLUMNS = ("layer", "channels", "scale", "share", "cosine", "ring cosine")


@dataclass(frozen=True, eq=False)
class PrincipalPattern:
    """The one plane that explains most of a layer's response.

    The response `[C, kh, kw]` is a matrix of C rows. Its first right singular vector, times the singular value, is the
    pattern: the sum of the channels, each with the weight at which it holds the pattern, where the squares of the
    weights sum to 1. The mean of the channels would not do, since in a hidden layer their signs are arbitrary.

    Attributes:
        response: the pattern as a response of one channel; its sign makes `similarity` positive or, where that is
            None, the pixel at the origin.
        share: part of the energy of the layer's response that the pattern holds, in 0..1; NaN where that is not finite
            or zero.
        similarity: cosine of the pattern to the ideal sinc, as `SincFit.similarity`. None at scale 1: sampled once an
            LR pixel, the sinc is a single pixel, and any response is like it.
        ring_cosine: the same outside the main lobe, as `SincFit.ring_cosine`.
    """

    response: ImpulseResponse
    share: float
    similarity: float | None
    ring_cosine: float | None

    @classmethod
    def of(cls, response: ImpulseResponse) -> PrincipalPattern:
        """The principal pattern of a response `[C, kh, kw]`."""
        rows = response.response.double().flatten(1)
        share = math.nan
        weights = torch.full_like(rows[:, 0], len(rows) ** -0.5)
        if response.is_finite and rows.any():
            energies, directions = torch.linalg.eigh(rows @ rows.mT)
            weights, share = directions[:, -1], float(energies[-1] / energies.sum())
        plane = (weights @ rows).view(response.response.shape[1:])
        scale, sign = response.density, float(plane[response.origin])
        similarity, ring_cosine = cosines(plane, response.center, scale)
        if similarity is not None:
            sign = similarity
        if sign < 0:
            plane = -plane
            similarity, ring_cosine = (None if x is None else -x for x in (similarity, ring_cosine))
        return cls(replace(response, response=plane[None], standard_error=None), share, similarity, ring_cosine)


@dataclass(frozen=True, eq=False, repr=False)
class LayerResponses(Result, Mapping[str, ImpulseResponse]):
    """What each layer makes of a white pixel: a mapping from the layer's name to its response.

    Attributes:
        responses: `[C_layer, k*size, k*size]` for each layer, in the order of computation, with `k` as its `scale`.
        patterns: what each layer's response mostly looks like, and how like the sinc that is.
    """

    responses: Mapping[str, ImpulseResponse]
    patterns: Mapping[str, PrincipalPattern]

    def __post_init__(self) -> None:
        if [*self.responses] != [*self.patterns]:
            counts = f"{len(self.responses)} and {len(self.patterns)}"
            raise ValueError(f"responses and patterns must be of the same layers in the same order, got {counts}")

    def __getitem__(self, layer: str) -> ImpulseResponse:
        return self.responses[layer]

    def __iter__(self) -> Iterator[str]:
        return iter(self.responses)

    def __len__(self) -> int:
        return len(self.responses)

    def __repr__(self) -> str:
        return f"LayerResponses({len(self)} layers, {' to '.join([*self][:: max(1, len(self) - 1)])})"

    def table(self) -> str:
        """One line for each layer below a line of headings, in columns; `share` is that of the principal pattern.

        Of responses that are means over seeds, `error` is the norm of the standard error over that of the response.
        """
        noisy = any(response.standard_error is not None for response in self.responses.values())
        rows: list[Sequence[str]] = [(*_COLUMNS, *(("error",) if noisy else ()))]
        for name, pattern in self.patterns.items():
            values = [pattern.share, pattern.similarity, pattern.ring_cosine, *([self[name].relative_error] * noisy)]
            cells = ("-" if value is None else f"{value:.3f}" for value in values)
            rows.append((name, str(len(self[name].response)), f"x{self[name].scale}", *cells))
        return in_columns(rows)


def layer_responses(
    network: Network, point: OperatingPoint, layers: Sequence[str] | None, *, size: int | None, seeds: int = 1
) -> LayerResponses:
    """`HyRA.layer_responses`."""
    draws = list(of_seeds(network, seeds, lambda _: _measured(network, point, layers, size)))
    common = [name for name in draws[0] if all(name in draw for draw in draws)]
    responses = {name: mean_of([draw[name] for draw in draws]) for name in common}
    return LayerResponses(responses, {name: PrincipalPattern.of(response) for name, response in responses.items()})


def _measured(
    network: Network, point: OperatingPoint, layers: Sequence[str] | None, size: int | None
) -> dict[str, ImpulseResponse]:
    """The responses of the layers, in the order of computation or as they were asked for."""
    modules = modules_of(network, layers)
    validate.integer_scale("a network whose layers are probed", network.scale)
    with network.untouched():
        canvas = canvas_of(network, point.background, size)
        y, x = canvas.position(None)
        with _recording(modules) as outputs:
            network.run(canvas.image[None] + point.amplitude * canvas.impulses(point, y, x))
        with _recording(modules) as background_outputs:
            network.run(canvas.image[None])
    height, width = canvas.size
    responses: dict[str, ImpulseResponse] = {}
    elsewhere: list[str] = []
    for name in outputs if layers is None else modules:
        output = _image(outputs.get(name), height, width)
        if output is None:
            if layers is None:
                continue
            came = "nothing" if name not in outputs else f"shape {list(outputs[name].shape)}"
            raise ValueError(f"layer {name!r} must give images [1, C, k * {height}, k * {width}], got {came}")
        scale = output.shape[-1] // width
        background_output = _image(background_outputs.get(name), height, width)
        if background_output is None or background_output.shape != output.shape:
            elsewhere.append(name)
            continue
        response = point.response(output, background_output)
        last = next(reversed(responses), "")
        if layers is None and contains(name, last) and response.equal(responses[last].response):
            continue  # a container that returns what its last part does
        responses[name] = ImpulseResponse(
            response=response,
            scale=scale,
            origin=(scale * y, scale * x),
            amplitude=point.amplitude,
            background=point.background,
            form=point.form,
            provenance=canvas.provenance() | {"layer": name},
        )
    if elsewhere:
        skipped = ", ".join(elsewhere[:4]) + ", ..." * (len(elsewhere) > 4)
        message = f"the network takes another way for the impulse than for the background alone: {skipped}"
        if not responses or layers is not None:
            raise ValueError(f"layers must give images of one shape for both, got {message}")
        warn(f"{message} are left out")
    return responses


def modules_of(network: Network, layers: Sequence[str] | None) -> dict[str, nn.Module]:
    """The modules whose names were given, or all."""
    module = network.module
    if module is None:
        message = (
            "net must be an nn.Module to look into its layers, which a function or an ONNX network does not show, got"
        )
        raise ValueError(f"{message} {network.name}")
    if isinstance(module, torch.jit.ScriptModule):
        raise ValueError("net must be an nn.Module whose layers can be watched, got a TorchScript program")
    modules = {name or OUTPUT: part for name, part in module.named_modules()}
    if layers is not None and not layers:
        raise ValueError("layers must hold at least one name, got none")
    unknown = [name for name in layers or () if name not in modules]
    if unknown:
        raise ValueError(f"layers must be names of the network's modules, got {unknown[0]!r}; it has {list(modules)}")
    return modules if layers is None else {name: modules[name] for name in layers}


def contains(name: str, part: str) -> bool:
    """Whether the module `name` is the whole network, or has `part` inside."""
    return part != "" and (name == OUTPUT or part.startswith(f"{name}."))


@contextmanager
def _recording(modules: dict[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """While it is open, what each module returns, in the order of returning, of several calls the last."""
    outputs: dict[str, Tensor] = {}

    def record(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            outputs.pop(name, None)
            if isinstance(output, Tensor):
                outputs[name] = output.detach().clone()  # a layer that works in place may follow

        return hook

    handles = [part.register_forward_hook(record(name)) for name, part in modules.items()]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def _image(output: Tensor | None, h: int, w: int) -> Tensor | None:
    """The one image of a layer's output, or None if its size is no multiple of the input's."""
    if output is None or output.ndim != 4 or len(output) != 1 or not output.is_floating_point():
        return None
    height, width = output.shape[-2:]
    if height == 0 or height % h or width % w or height // h != width // w:
        return None
    return output[0].to(torch.promote_types(output.dtype, torch.float32))
