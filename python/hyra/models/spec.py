"""What a name means: which kind of network it asks for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from hyra._util import validate
from hyra.adapters import at_scale, bind, fixed_size, implicit
from hyra.models.builtin import BUILT_IN
from hyra.models.checkpoint import load_checkpoint
from hyra.models.model import Model, no_consent
from hyra.models.onnx import load_onnx
from hyra.models.program import archived_program, check_archive, load_program
from hyra.models.python import named_callable

_FILES = (".pth", ".pt", ".ckpt", ".pth.tar", ".safetensors", ".pt2", ".onnx")
ONNX = ".onnx"
ADAPTERS = {"at_scale": at_scale, "implicit": implicit}
"""Of networks that have any scale."""
_OTHER_FORMATS = {
    ".param": "an ncnn network",
    ".engine": "a TensorRT engine",
    ".trt": "a TensorRT engine",
    ".tflite": "a TensorFlow Lite network",
    ".pb": "a TensorFlow graph",
    ".h5": "a Keras network",
    ".keras": "a Keras network",
    ".mlmodel": "a Core ML network",
    ".mlpackage": "a Core ML network",
    ".mat": "a MATLAB file",
    ".pkl": "a pickle of anything",
    ".pickle": "a pickle of anything",
}


def load(
    spec: str | os.PathLike[str],
    scale: float | Fraction | str | None = None,
    *,
    adapter: str | None = None,
    trust_code: bool = False,
    inputs: Mapping[str, object] | None = None,
    size: tuple[int, int] | None = None,
) -> Model:
    """Find the network that `spec` names.

    * one that hyra brings: ``nearest``, ``bilinear``, ``bicubic`` (MATLAB's, `hyra.images.imresize`), ``bicubic-torch``
      (`F.interpolate`'s, whose cubic has another a), ``lowpass`` (these need `scale`), ``demo`` or ``demo-x2``;
    * a checkpoint of weights (.safetensors, .pth, .pt, .ckpt, .pth.tar) of an architecture that spandrel recognises,
      alone or among what a trainer saved with it; averaged (EMA) weights come before others, a generator's before a
      discriminator's. No code in the file is run. What spandrel's own call would add, clamping to 0..1 and padding, is
      left out: a clamped response has no negative lobes;
    * an ONNX file (extra ``onnx``), run by onnxruntime; layout (NCHW or NHWC), precision and value of white are found,
      and one of a fixed size is run in tiles. Libraries of operators that it may ask for are never loaded;
    * with `trust_code`, a file that holds code: a TorchScript archive, a ``torch.export`` program (.pt2), a network or
      any other object that was pickled whole;
    * ``package.module:callable`` or ``file.py:callable``: **to name one is to run its code**. The callable is the
      network itself, or a class or a function that needs no arguments and makes it.

    Args:
        spec: see above.
        scale: for those built-ins that exist at any scale; for the others, what the result will claim if nothing better
            is known.
        adapter: for a network of any scale, ``"at_scale"`` where it is a function of the images and a scale, and
            ``"implicit"`` where it is one of the images, of places and of their size: see `hyra.adapters`.
        trust_code: whether code in the file that `spec` names may run, and do all that you may do on this machine.
            Without it such a file is refused before anything in it has run. A .safetensors file never holds code.
        inputs: what the network needs beside the image, by name: see `hyra.adapters.bind`.
        size: height and width in LR pixels, of a network that takes that size only: see `hyra.adapters.fixed_size`.
            ONNX files and ``torch.export`` programs say it themselves.

    Returns:
        The network, in evaluation mode if it is a module, on the CPU.

    Raises:
        ValueError: an unknown name, a missing scale, a file that holds code, or one that cannot be read as what it
            seems to be. Weights of an unknown architecture come with a note that shows the way on.
        FileNotFoundError: no such file.
        ModuleNotFoundError: a package is missing; the message names the extra to install.

    Example:
        >>> import torch
        >>> model = load("bicubic", scale=3)
        >>> model.network(torch.zeros(1, 3, 8, 10)).shape
        torch.Size([1, 3, 24, 30])
    """
    spec, factor = os.fspath(spec), None if scale is None else validate.scale("scale", scale)
    if spec in BUILT_IN and inputs:
        raise ValueError(f"inputs must be left out for {spec}, which takes an image alone, got {', '.join(inputs)}")
    if spec in BUILT_IN:
        found = BUILT_IN[spec](spec, factor)
    else:
        place, colon, name = spec.rpartition(":")
        if colon and name.isidentifier():
            found = Model(named_callable(place, name), spec, factor)
        else:
            found = _from_file(spec, factor, trust_code, inputs)
            inputs = None if Path(spec).suffix.lower() == ONNX else inputs
    network = bind(found.network, **inputs) if inputs else found.network
    if adapter is not None:
        validate.choice("adapter", adapter, ADAPTERS)
        if inputs:
            raise ValueError(f"inputs must be left out with the adapter {adapter}, got {', '.join(inputs)}")
        if factor is None:
            raise ValueError(f"scale must be given with the adapter {adapter}: the network has none of its own")
        network, found = ADAPTERS[adapter](network, factor), replace(found, scale=factor)
    return replace(found, network=network if size is None else fixed_size(network, size, batch=1))


def _from_file(spec: str, scale: int | Fraction | None, trust_code: bool, inputs: Mapping[str, object] | None) -> Model:
    path = Path(spec)
    _check_file(spec, path)
    if path.suffix.lower() == ONNX:
        return load_onnx(path, scale, inputs)
    kind = archived_program(path)
    if kind and not trust_code:
        raise no_consent(path, f"a {kind} program")
    check_archive(path, kind)
    return load_program(path, kind, scale) if kind else load_checkpoint(path, scale, trust_code)


def _check_file(spec: str, path: Path) -> None:
    """Refuse what is no file, or one of a format that is none of ours."""
    suffix = path.suffix.lower()
    if suffix == ".py":
        raise ValueError(f"a network in a Python file is named as FILE.py:NAME, got {spec!r} without the name")
    if spec and path.is_dir():  # no name at all would be this folder's
        raise ValueError(f"a model must be a file, and {spec} is a folder: name a file in it")
    if path.is_file():
        if suffix in _OTHER_FORMATS:
            raise ValueError(
                f"{spec} is {_OTHER_FORMATS[suffix]}, which is not read here: call it from a Python function "
                "[N, C, h, w] -> [N, C, s*h, s*w], named as file.py:NAME, convert it to .onnx, .safetensors, .pth, or "
                "run it elsewhere on the images of hyra probe-export"
            )
        return
    if suffix in _OTHER_FORMATS or spec.lower().endswith(_FILES) or os.sep in spec:
        raise FileNotFoundError(f"no such model file: {spec}")
    raise ValueError(
        f"unknown model {spec!r}: expected one of {', '.join(BUILT_IN)}, a file ({', '.join(_FILES)}), "
        "package.module:callable or file.py:callable"
    )
