"""Networks by name: a checkpoint, an exported program, a Python callable, or one that hyra brings along."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pickle
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hyra._util.extra import extra
from hyra.filters.lowpass import lowpass_upsample

Network = Callable[[Tensor], Any]

CHECKPOINTS = (".pth", ".pt", ".ckpt", ".safetensors")


@dataclass(frozen=True)
class Model:
    """A network, and what is known about it before it is run.

    `network` takes ``[N, C, h, w]`` and is what `hyra.HyRA` wants; `scale` and `input_range` (the network's value of
    white) are None where only the caller can know them.
    """

    network: Network = field(repr=False)
    description: str
    scale: int | None = None
    input_range: float | None = None


def load(spec: str, scale: int | None = None) -> Model:
    """Find the network that `spec` names.

    * one that hyra brings: ``nearest``, ``bilinear``, ``bicubic``, ``lowpass`` (these need `scale`), ``demo``
      or ``demo-x2``;
    * a checkpoint of weights (.pth, .pt, .ckpt, .safetensors) of an architecture that spandrel recognises, loaded with
      ``weights_only``: no code in the file is run. What spandrel's own call would add, clamping to 0..1 and padding, is
      left out: a clamped response has no negative lobes;
    * a TorchScript file or a ``torch.export`` program (.pt2), and ``package.module:callable`` or ``file.py:callable``:
      **these run code, so only load what you trust**. The callable is the network itself, or a function without
      arguments or a class that makes it.

    Args:
        spec: see above.
        scale: for those built-ins that exist at any scale; for the others, what the result will claim if nothing better
            is known.

    Returns:
        The network, in evaluation mode if it is a module, on the CPU.

    Raises:
        ValueError: an unknown name, a missing scale, or a file that cannot be read as what it seems to be.
        FileNotFoundError: no such file.
        ModuleNotFoundError: a package is missing; the message names the extra to install.

    Example:
        >>> model = load("bicubic", scale=3)
        >>> model.network(torch.zeros(1, 3, 8, 10)).shape
        torch.Size([1, 3, 24, 30])
    """
    if spec in BUILT_IN:
        return BUILT_IN[spec](spec, scale)
    place, colon, name = spec.rpartition(":")
    if colon and name.isidentifier():
        return Model(_python(place, name), spec, scale)
    path = Path(spec)
    if path.suffix.lower() not in (*CHECKPOINTS, ".pt2"):
        raise ValueError(
            f"unknown model {spec!r}: expected one of {', '.join(BUILT_IN)}, a file ({', '.join(CHECKPOINTS)}, .pt2), "
            "package.module:callable or file.py:callable"
        )
    if not path.is_file():
        raise FileNotFoundError(f"no such model file: {spec}")
    if path.suffix.lower() == ".pt2":
        return Model(_exported(path), f"{path.name} (torch.export)", scale)
    if _is_torchscript(path):
        return Model(_torchscript(path), f"{path.name} (TorchScript)", scale)
    return _checkpoint(path)


def _interpolation(mode: str, scale: int | None) -> Model:
    """Replicates the border, as every interpolation of torch does."""
    corners = None if mode == "nearest" else False
    network = partial(F.interpolate, scale_factor=_required(mode, scale), mode=mode, align_corners=corners)
    return Model(network, f"{mode} interpolation", scale, 1.0)


def _lowpass(name: str, scale: int | None) -> Model:
    network = partial(lowpass_upsample, scale=_required(name, scale))
    return Model(network, "windowed sinc with its cut-off at the LR Nyquist frequency", scale, 1.0)


def _demo(name: str, scale: int | None) -> Model:
    from hyra import demo

    network = demo.load(scale=2 if name == "demo-x2" else 4)
    if scale not in (None, network.scale):
        raise ValueError(f"the model {name} has scale {network.scale}, got scale={scale}")
    return Model(network, f"bundled x{network.scale} network, trained with the L1 loss", network.scale, 1.0)


def _required(name: str, scale: int | None) -> int:
    if scale is None:
        raise ValueError(f"the model {name} works at any scale: say which one (scale=4, on the command line --scale 4)")
    return scale


BUILT_IN: dict[str, Callable[[str, int | None], Model]] = {
    "nearest": _interpolation,
    "bilinear": _interpolation,
    "bicubic": _interpolation,
    "lowpass": _lowpass,
    "demo": _demo,
    "demo-x2": _demo,
}


def _python(place: str, name: str) -> Network:
    """The callable `name` of a module or of a file; what makes a network (a class, a function of nothing) is called."""
    module = _import_file(Path(place)) if place.endswith(".py") else _import_module(place)
    found = getattr(module, name, None)
    if not callable(found):
        got = "no such name" if found is None else f"{found!r}"
        raise ValueError(f"{place}:{name} must be a callable, got {got}")
    if isinstance(found, torch.nn.Module):
        return found.eval()
    if isinstance(found, type) or (inspect.isfunction(found) and not inspect.signature(found).parameters):
        try:
            made = found()
        except Exception as error:
            raise ValueError(f"{place}:{name}() failed: {_told(error)}") from error
        if not callable(made):
            raise ValueError(f"{place}:{name}() must return a callable, got {type(made).__name__}")
        return made.eval() if isinstance(made, torch.nn.Module) else made
    network: Network = found
    return network


def _import_module(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` does: the modules of the current folder can be named
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise ValueError(f"the module {name!r} cannot be imported: {_told(error)}") from error


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"no such model file: {path}")
    if (folder := str(path.parent.resolve())) not in sys.path:
        sys.path.insert(0, folder)  # as `python FILE.py` does: it can import its neighbours
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{path} cannot be run: {_told(error)}") from error
    return module


def _exported(path: Path) -> Network:
    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is no zip archive")  # torch would log pages before it says so
        module = torch.export.load(path).module()
    except Exception as error:
        raise ValueError(f"{path} cannot be read as a torch.export program: {_told(error)}") from error
    return partial(module)  # no longer an nn.Module: the eval() of an exported one raises


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def _torchscript(path: Path) -> Network:
    try:
        module: torch.nn.Module = torch.jit.load(path)  # type: ignore[no-untyped-call]
    except Exception as error:
        raise ValueError(f"{path} cannot be read as TorchScript: {_told(error)}") from error
    return module.eval()


def _checkpoint(path: Path) -> Model:
    with extra("models", f"the checkpoint {path.name}"):
        import spandrel

    try:
        weights = _weights(path)
    except (pickle.UnpicklingError, EOFError, IndexError) as error:
        raise ValueError(
            f"{path} cannot be read as a checkpoint: it is broken, or holds more than weights, which would "
            "run code when loaded (save the network's state_dict() alone, or name the network as file.py:callable)"
        ) from error
    except Exception as error:
        raise ValueError(f"{path} cannot be read as a checkpoint of weights: {_told(error)}") from error
    try:
        found = spandrel.ModelLoader().load_from_state_dict(spandrel.canonicalize_state_dict(weights))
    except spandrel.UnsupportedModelError as error:
        raise ValueError(
            f"{path} holds weights of no architecture that spandrel recognises; "
            "a network of your own can be named as file.py:callable"
        ) from error
    except Exception as error:
        raise ValueError(f"{path} resembles an architecture that its weights do not fit: {_told(error)}") from error
    if not isinstance(found, spandrel.ImageModelDescriptor):
        raise ValueError(f"{path} must hold a network from one image to one image, got {found.architecture.name}")
    # spandrel's models take and give 0..1.
    return Model(found.model.eval(), f"{path.name} ({found.architecture.name})", found.scale, 1.0)


def _weights(path: Path) -> dict[str, Any]:
    if path.suffix.lower() == ".safetensors":
        with extra("models", f"the checkpoint {path.name}"):
            from safetensors.torch import load_file

        return dict(load_file(path))
    weights = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(weights, dict):
        raise ValueError(f"a dictionary of weights was expected, got {type(weights).__name__}")
    return weights


def _told(error: Exception) -> str:
    """What to repeat of another library's error: its first line, since torch's go on, and its kind where that helps."""
    line = f"{error}".strip().partition("\n")[0]
    return line if isinstance(error, RuntimeError | ValueError) and line else f"{type(error).__name__} {line}".strip()
