"""ONNX files for the tests: the bundled network as torch exports it, and small graphs written node by node."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from hyra import demo

SIZED = ["n", 3, "h", "w"]


def write_demo(
    path: Path, *, shape: tuple[int, ...] = (1, 3, 24, 32), dynamic: bool = True, half: bool = False
) -> None:
    """The bundled x2 network, as torch exports it."""
    network, example = demo.load(scale=2), torch.rand(shape)
    if half:
        network, example = network.half(), example.half()
    axes = {"x": {0: "n", 2: "h", 3: "w"}} if dynamic else None
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (example,), buffer, input_names=["x"], output_names=["y"], dynamic_axes=axes, dynamo=False
        )
    path.write_bytes(buffer.getvalue())


def write(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: dict[str, tuple[int, Sequence[int | str | None]]],
    constants: dict[str, np.ndarray] | None = None,
    output: int = TensorProto.FLOAT,
    *,
    domains: Sequence[str] = (),
) -> None:
    """A graph whose output is `y`, of four dimensions."""
    graph = helper.make_graph(
        list(nodes),
        "graph",
        [helper.make_tensor_value_info(name, kind, list(shape)) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info("y", output, None)],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in (("", 17), *((d, 1) for d in domains))]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def resize(of: str = "x", to: str = "y", scales: Sequence[float] = (1, 1, 2, 2)) -> tuple[list, dict]:
    """Nearest-neighbour enlargement, and its constant."""
    node = helper.make_node(
        "Resize", [of, "", "scales"], [to], mode="nearest", coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )  # fmt: skip
    return [node], {"scales": np.array(scales, np.float32)}
