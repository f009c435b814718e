"""Metrics of other packages as scores: LPIPS, DISTS, and any of torchmetrics and pyiqa by name.

They take both images in RGB of 0..1 (grey and Y three times), and what they need of weights from the caches of these
packages. The package's version is a part of a score's settings, so numbers of two versions never mix.
"""

from __future__ import annotations

import io
import json
import threading
import warnings
from contextlib import redirect_stdout
from copy import deepcopy
from functools import lru_cache, partial
from importlib import metadata
from typing import Any

import torch
from torch import Tensor

from hyra._util.texts import message
from hyra.evaluate.scoring.offline import without_network
from hyra.evaluate.scoring.packages import PACKAGES, Metric
from hyra.evaluate.scoring.pairs import Pair
from hyra.evaluate.scoring.score import Score

_TRIAL = (1, 3, 192, 192)  # large enough for five scales of an 11-pixel window


@lru_cache(maxsize=64)
def external(name: str) -> Score:
    """The score of a name such as ``lpips``, ``lpips:paper``, ``torchmetrics:NAME`` or ``pyiqa:NAME,option=value``.

    The package is not needed until it is measured or checked: a store may be read where it is not installed.

    Raises:
        ValueError: options are no ``key=value``.

    Example:
        >>> external("lpips:vgg").higher_is_better
        False
    """
    package, variant, options = _parts(name)
    try:
        installed = metadata.version(PACKAGES[package].distribution)
    except metadata.PackageNotFoundError:
        installed = "unknown"
    try:
        better = not PACKAGES[package].lower_is_better(variant)
    except Exception:  # whatever is wrong with the package, `check` says it
        better = None
    settings = {"package": f"{PACKAGES[package].distribution} {installed}", "options": options}
    return Score(name, partial(_measured, name), better, settings=settings, check=partial(_check, name))


def _parts(name: str) -> tuple[str, str, dict[str, Any]]:
    """Package, variant and options."""
    head, *pairs = name.split(",")
    package, _, variant = head.partition(":")
    if package in ("torchmetrics", "pyiqa") and not variant:
        raise ValueError(f"score must be {package}:NAME, such as {package}:{_EXAMPLES[package]}, got {name!r}")
    options: dict[str, Any] = {}
    for text in pairs:
        key, equals, value = text.partition("=")
        if not (key.isidentifier() and equals):
            raise ValueError(f"what follows a comma in a score must be option=value, got {text!r} in {name!r}")
        try:
            options[key] = json.loads(value)
        except json.JSONDecodeError:
            options[key] = value
    return package, variant, options


_EXAMPLES = {"torchmetrics": "VisualInformationFidelity", "pyiqa": "niqe"}
_building = threading.Lock()
_own = threading.local()


@lru_cache(maxsize=16)
def _built(name: str, device: str) -> Metric:
    """The metric, silently, with the random numbers as they were."""
    package, variant, options = _parts(name)
    with (
        torch.inference_mode(False),
        torch.random.fork_rng(devices=[]),
        warnings.catch_warnings(),
        redirect_stdout(io.StringIO()),
        without_network(),
    ):
        warnings.simplefilter("ignore")
        return PACKAGES[package].build(variant, options, device)


def _metric(name: str, device: str) -> Metric:
    """This thread's copy: metrics keep what they are at work on."""
    copies: dict[tuple[str, str], Metric] = _own.__dict__.setdefault("copies", {})
    if (name, device) not in copies:
        with _building:  # one at a time, since standard output is the whole process's
            copies[name, device] = deepcopy(_built(name, device))
    return copies[name, device]


def _check(name: str, device: str) -> None:
    """Everything is there, and two images are given one number.

    Raises:
        ModuleNotFoundError: a package is not installed.
        FileNotFoundError: weights are in no cache.
        ValueError: there is no such metric, or it takes no pair of images.
    """
    noise = torch.rand((2, *_TRIAL), generator=torch.Generator().manual_seed(0)).to(device)
    try:
        metric = _metric(name, device)
        with redirect_stdout(io.StringIO()):
            _number(metric, *noise)
    except FileNotFoundError as error:
        text = f"the score {name} needs {message(error)}: put it there, or leave {name} out of --scores"
        raise FileNotFoundError(text) from error
    except ModuleNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f"the score {name} cannot be had: {message(error) or type(error).__name__}") from error


def _measured(name: str, pair: Pair) -> float:
    preds, target = (image.expand(-1, 3, -1, -1) if image.shape[1] == 1 else image for image in pair.floats)
    return _number(_metric(name, str(preds.device)), preds, target)


def _number(metric: Metric, preds: Tensor, target: Tensor) -> float:
    """What the metric says of a pair.

    Raises:
        ValueError: it raised, or said something else than a number.
    """
    try:
        with torch.inference_mode(), without_network():
            return float(metric(preds, target))
    except FileNotFoundError:  # some load their weights for each pair
        raise
    except Exception as error:
        raise ValueError(message(error) or type(error).__name__) from error
