"""What the layers inside a network make of an impulse: where in it the response takes shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from hyra.impulse import canvas_of, check_amplitude, directions_of, form_of, provenance_of
from hyra.network import Network
from hyra.response import ImpulseResponse


def layer_responses(
    network: Network, layers: Sequence[str] | None, *, size: int | None, amplitude: float, form: str
) -> dict[str, ImpulseResponse]:
    """`HyRA.layer_responses`."""
    module = network.module
    if module is None:
        raise ValueError(f"net must be an nn.Module to look into its layers, got the function {network.name}")
    modules = {name: part for name, part in module.named_modules() if name}
    unknown = [name for name in layers or () if name not in modules]
    if unknown:
        raise ValueError(f"layers must be names of the network's modules, got {unknown[0]!r}; it has {list(modules)}")
    form = form_of(form, "finite", 0.0)
    check_amplitude(amplitude)
    chosen = {name: modules[name] for name in (modules if layers is None else layers)}
    pixel = torch.zeros(network.in_channels, 1, 1, dtype=network.dtype, device=network.device)
    with network.untouched():
        canvas, _ = canvas_of(network, pixel, size, 0.0)
        h, w = canvas.shape[-2:]
        with _recording(chosen) as lit:
            network.run(canvas[None] + amplitude * directions_of(canvas, "joint", h // 2, w // 2))
        with _recording(chosen) as dark:
            network.run(canvas[None])
    found = {}
    for name in chosen:
        response = _image(lit.get(name), h, w)
        if response is None:
            if layers is None:
                continue
            came = "nothing" if name not in lit else f"shape {list(lit[name].shape)}"
            raise ValueError(f"layer {name!r} must give images [1, C, k * {h}, k * {w}], got {came}")
        without = dark[name][0].to(response) if form == "affine" else 0
        scale = response.shape[-1] // w
        origin = (scale * (h // 2), scale * (w // 2))
        found[name] = ImpulseResponse(
            response=(response - without) / amplitude,
            scale=scale,
            origin=origin,
            amplitude=float(amplitude),
            form=form,
            provenance=provenance_of(network, canvas) | {"layer": name},
        )
    return found


@contextmanager
def _recording(modules: dict[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """While it is open, what each module returns, of several calls the last."""
    outputs: dict[str, Tensor] = {}

    def record(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
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
