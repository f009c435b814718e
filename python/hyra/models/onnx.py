"""Networks in ONNX files, run by onnxruntime. Libraries of operators that such a file may ask for are never loaded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyra._util.extra import extra
from hyra._util.texts import message, printable
from hyra.adapters import fixed_size
from hyra.models.model import Model, Network, damaged
from hyra.network.output import image_in

_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(uint16)": np.uint16,
}
"""What an image may be of."""
_MOST_COLOURS = 4
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_TRIED_SIDE = 64


def load_onnx(path: Path, scale: int | Fraction | None, inputs: Mapping[str, object] | None = None) -> Model:
    """The network of an ONNX file; its layout, fixed sizes and value of white are found.

    Args:
        path: the file; weights that it keeps in files of their own are read from its folder.
        scale: what the result claims.
        inputs: values of all inputs but the image.

    Raises:
        ValueError: it cannot be read, or is no network from one image to one image.
    """
    network = OnnxNetwork(path, inputs or {})
    height, width = network.size
    whole: Network = network
    if height is not None or width is not None or network.batch is not None:
        whole = fixed_size(network, network.size, batch=network.batch)
    kind = "" if network.dtype.kind == "f" else f", images of {8 * network.dtype.itemsize} bits"
    sides = "x".join("any" if side is None else str(side) for side in network.size)
    fixed = "" if (height, width) == (None, None) else f", in tiles of {sides}"
    white = _white(network, height or _TRIED_SIDE, width or _TRIED_SIDE)
    shown = "" if white is None or white == 1 else f", white found to be {white:g}"
    return Model(whole, f"{path.name} (ONNX{kind}{fixed}{shown})", scale, white, network.channels)


class OnnxNetwork:
    """A callable from images `[N, C, h, w]` in 0..1, or of the network's own white, to whatever images it returns.

    An input of integers is rounded to them, white being their largest, and so are outputs divided by it. Sessions are
    made for the device of the images, a CPU at first.

    Attributes:
        dtype: of the network's own images.
        channels: their colours; None if any.
        size: their height and width; None for a side that may be any.
        batch: how many it takes at once; None if any.

    Raises:
        ValueError: the file is damaged, or asks for what onnxruntime has not; or its inputs are no image and `inputs`.
    """

    def __init__(self, path: Path, inputs: Mapping[str, object]) -> None:
        self._path = path
        self._sessions: dict[tuple[str, int], Any] = {}
        session = self._session(torch.device("cpu"))
        self._image = _image_of(path, session.get_inputs(), inputs)
        self._others = {each.name: each for each in session.get_inputs() if each.name != self._image.name}
        self._inputs = dict(inputs)
        self.dtype = np.dtype(_DTYPES[self._image.type])
        self._axes = _axes(self._image.shape)
        known: dict[str, int | None] = {
            axis: side if isinstance(side, int) else None
            for axis, side in zip(self._axes, self._image.shape or (), strict=False)
        }
        self.channels, self.size = known.get("c"), (known.get("h"), known.get("w"))
        self.batch = known.get("n") if "n" in self._axes else 1

    def __call__(self, images: Tensor) -> Tensor | tuple[Tensor, ...]:
        """One tensor, or several where the network returns several of four dimensions."""
        session = self._session(images.device)
        image = self._encoded(images)
        values = {self._image.name: image, **{name: self._value(name, images) for name in self._others}}
        returned = [self._decoded(output, images) for output in session.run(None, values)]
        return returned[0] if len(returned) == 1 else tuple(returned)

    def _session(self, device: torch.device) -> Any:
        key = device.type, device.index or 0
        if key not in self._sessions:
            self._sessions[key] = _opened(self._path, *key)
        return self._sessions[key]

    def _encoded(self, images: Tensor) -> Any:
        if self.dtype.kind == "u":
            images = (images.clamp(0, 1) * _white_of(self.dtype)).round()
        array = images.detach().to("cpu", torch.promote_types(images.dtype, torch.float32)).numpy()
        order = ["nchw".index(axis) for axis in self._axes.rjust(4, "n")]
        moved = array.transpose(order)
        return np.ascontiguousarray(moved if "n" in self._axes else moved[0], self.dtype)

    def _decoded(self, output: Any, like: Tensor) -> Tensor:
        """An output as `[N, C, H, W]`, whichever of the two layouts it has, in 0..1 if it has integers."""
        array = np.asarray(output)
        if array.dtype.kind == "u":
            array = array.astype(np.float32) / _white_of(array.dtype)
        tensor = torch.from_numpy(np.ascontiguousarray(array)).to(like.device)
        tensor = tensor.to(torch.promote_types(tensor.dtype, torch.float32)) if tensor.is_floating_point() else tensor
        if tensor.ndim == 3 and len(like) == 1:
            tensor = tensor[None]
        if tensor.ndim != 4:
            return tensor
        layouts = ("nchw", "nhwc") if self._axes.index("c") < self._axes.index("h") else ("nhwc", "nchw")
        size = like.shape[-2:]
        layout = next((each for each in layouts if _enlarges(size, tensor.shape, each)), layouts[0])
        return tensor if layout == "nchw" else tensor.permute(0, 3, 1, 2).contiguous()

    def _value(self, name: str, images: Tensor) -> Any:
        """The value of an input beside the image, of the type that the network asks for."""
        value, declared = self._inputs[name], self._others[name]
        if callable(value):
            value = value(images)
        array = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
        array = array.astype(_ANY_DTYPE.get(declared.type, array.dtype))
        if array.ndim or not declared.shape:
            return array
        sides = (images.shape["nchw".index(axis)] for axis in self._axes)
        names = dict(zip(self._image.shape or (), sides, strict=False))
        shape = [side if isinstance(side, int) else names.get(side, 1) for side in declared.shape]
        return np.full(shape, array)


_ANY_DTYPE = {**_DTYPES, "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(bool)": np.bool_}


def _white_of(dtype: np.dtype[Any]) -> int:
    return (1 << 8 * dtype.itemsize) - 1


def _opened(path: Path, device: str, index: int) -> Any:
    """A session of onnxruntime on a device, which says nothing on the terminal."""
    with extra("onnx", f"the network {path.name}"):
        import onnxruntime

    provider = _PROVIDERS.get(device)
    if provider not in onnxruntime.get_available_providers():
        has = ", ".join(name for name, each in _PROVIDERS.items() if each in onnxruntime.get_available_providers())
        raise ValueError(
            f"device must be one that onnxruntime has here ({has}), got {device}: for CUDA, "
            "pip install onnxruntime-gpu in place of onnxruntime"
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    chosen = [(provider, {"device_id": index})] if device == "cuda" else [provider]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=chosen, enable_fallback=0)
    except Exception as error:
        text = message(error, 2000)
        if missing := re.search(r"([\w.]*:?[\w.]+)\(-?\d+\) is not a registered function/op", text):
            raise ValueError(
                f"{path} needs the operator {printable(missing[1], 100)}, which onnxruntime does not have: libraries "
                "of operators are never loaded here, so call it from a Python function, named as file.py:NAME"
            ) from error
        detail = text.removeprefix("[ONNXRuntimeError] : ").rpartition(" failed:")[2]  # what loads what is said already
        raise damaged(path, ValueError(detail)) from error


def _image_of(path: Path, declared: Sequence[Any], inputs: Mapping[str, object]) -> Any:
    """The one input that is an image; all others must be among `inputs`."""
    unknown = [name for name in inputs if name not in {each.name for each in declared}]
    shown = ", ".join(f"{printable(each.name, 60)} {_shape(each)}" for each in declared) or "none"
    if unknown:
        raise ValueError(f"inputs must be of {path.name}, which has {shown}, got {printable(unknown[0], 60)}")
    rest = [each for each in declared if each.name not in inputs]
    candidates = [each for each in rest if each.type in _DTYPES and len(each.shape or [0] * 4) in {3, 4}]
    likely = [each for each in candidates if len(each.shape or ()) == 4] or candidates
    if len(rest) == 1 and likely:
        return likely[0]
    if not likely:
        raise ValueError(f"{path} must take an image [N, C, h, w] or [N, h, w, C], got the inputs {shown}")
    image = next((each for each in likely if _colours(each.shape) == 3), likely[0])
    others = [each for each in rest if each is not image]
    raise ValueError(
        f"{path} has more inputs than an image, {shown}: give a value for each other one, such as "
        f"--input {printable(others[0].name, 60)}=0 (in Python: inputs={{{printable(others[0].name, 60)!r}: 0}})"
    )


def _shape(declared: Any) -> str:
    sides = ["?" if side is None else str(side) for side in declared.shape or ()]
    return printable(f"[{', '.join(sides)}]", 100)


def _colours(shape: Sequence[Any] | None) -> int | None:
    colours = dict(zip(_axes(shape), shape or (), strict=False)).get("c")
    return colours if isinstance(colours, int) else None


def _axes(shape: Sequence[Any] | None) -> str:
    """Which axis of an image is what: the colours are a small number that is known."""
    if not shape:
        return "nchw"
    batch = "n" if len(shape) == 4 else ""
    first, last = shape[-3], shape[-1]
    if not isinstance(last, int) or last > _MOST_COLOURS or (isinstance(first, int) and first <= last):
        return f"{batch}chw"
    return f"{batch}hwc"


def _enlarges(size: Sequence[int], shape: Sequence[int], layout: str) -> bool:
    height, width = (shape[layout.index(axis)] for axis in "hw")
    return height % size[0] == 0 and width % size[1] == 0 and height * size[1] == width * size[0] > 0


def _white(network: OnnxNetwork, height: int, width: int) -> float | None:
    """1 or 255, with which of them a smooth picture comes out as it went in; None where neither says it clearly."""
    if network.dtype.kind == "u":
        return 1.0
    y, x = (torch.linspace(0, 3, side).sin() for side in (height, width))
    picture = (0.2 + 0.6 * y[:, None] * x).expand(network.batch or 1, network.channels or 3, height, width)
    errors = []
    for white in (1, 255):
        try:
            output = image_in(network(picture * white), picture.shape, None)
        except Exception:  # the sizes or colours that it takes are found, and told, elsewhere
            return None
        small = torch.nn.functional.interpolate(output, size=(height, width), mode="area") / white
        errors.append(float((small.mean(1) - picture[:, 0]).abs().mean()) if small.isfinite().all() else float("inf"))
    one, bytes_ = errors
    if one > 0.1 and bytes_ < one / 4:
        return 255.0
    return 1.0 if one < 0.1 else None
