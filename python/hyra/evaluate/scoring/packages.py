"""The metrics of other packages: how each package makes one of a name, and which end of its scale is the better one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any

import torch
from torch import Tensor

from hyra._util.extra import extra

Metric = Callable[[Tensor, Tensor], Any]
"""Of the prediction and the reference, both ``[1, 3, H, W]`` float32 in 0..1."""


@dataclass(frozen=True)
class Package:
    """Where metrics come from.

    Attributes:
        distribution: its name where packages are installed from.
        build: the metric of a name, with options, on a device.
        lower_is_better: of that name; importing what it must.
    """

    distribution: str
    build: Callable[[str, Mapping[str, Any], str], Metric]
    lower_is_better: Callable[[str], bool]


def _lpips(variant: str, options: Mapping[str, Any], device: str) -> Metric:
    with extra("perceptual", "the score lpips"):
        import lpips
    nets = ("alex", "vgg", "squeeze")
    if variant not in ("", "paper", *nets):
        raise ValueError(f"a variant of lpips must be one of {', '.join(nets)} and paper, got {variant!r}")
    net = "squeeze" if variant == "paper" else variant or "alex"
    network = lpips.LPIPS(net=net, verbose=False, **options).to(device).eval()
    return partial(network, normalize=variant != "paper")  # 0..1 to -1..1, which the paper left out


def _dists(variant: str, options: Mapping[str, Any], device: str) -> Metric:
    with extra("perceptual", "the score dists"):
        from DISTS_pytorch import DISTS
    if variant:
        raise ValueError(f"dists has no variants, got {variant!r}")
    network: Metric = DISTS(**options).to(device).eval()
    return network


@dataclass
class _Torchmetric:
    """A metric of torchmetrics, emptied before each pair."""

    metric: Any

    def __call__(self, preds: Tensor, target: Tensor) -> Any:
        self.metric.reset()
        self.metric.update(preds, target)
        return self.metric.compute()


def _torchmetric(name: str, options: Mapping[str, Any], device: str) -> Metric:
    kind = _torchmetrics_class(name)
    known = inspect.signature(kind).parameters
    if list(inspect.signature(kind.update).parameters)[1:] not in (["preds", "target"], ["img1", "img2"]):
        raise ValueError(f"{kind.__name__} is no metric of an image and its reference")
    white: dict[str, Any] = {"data_range": 1.0} if "data_range" in known else {}
    if "normalize" in known and known["normalize"].default is False:  # of LPIPS: whether images are 0..1
        white["normalize"] = True
    return _Torchmetric(kind(**{**white, **options}).to(device).eval())


def _torchmetrics_class(name: str) -> Any:
    """By its name, that of its function or its initials: PeakSignalNoiseRatio, peak_signal_noise_ratio or psnr."""
    with extra("metrics", f"the score torchmetrics:{name}"):
        import torchmetrics
        import torchmetrics.image
    plain = name.replace("_", "").lower()
    for module in (torchmetrics.image, torchmetrics):
        classes = [each for each in module.__all__ if inspect.isclass(getattr(module, each))]
        called = [each for each in classes if each.lower() == plain]
        called = called or [each for each in classes if _initials(each) == plain]
        if len(called) == 1:
            return getattr(module, called[0])
    known = {each.lower(): each for each in torchmetrics.image.__all__}
    near = [known[each] for each in get_close_matches(plain, known, cutoff=0.4)] or [*known.values()][:3]
    raise ValueError(
        f"the name after torchmetrics: must be one of its metrics, such as {', '.join(near)}, got {name!r}"
    )


def _initials(name: str) -> str:
    return "".join(letter for letter in name if letter.isupper()).lower()


def _torchmetrics_direction(name: str) -> bool:
    higher = _torchmetrics_class(name).higher_is_better
    if higher is None:
        raise ValueError(f"torchmetrics does not say which end of the scale of {name} is better")
    return not higher


@dataclass
class _WithoutReference:
    """A metric that looks at the prediction alone."""

    metric: Any

    def __call__(self, preds: Tensor, _: Tensor) -> Any:
        return self.metric(preds)


def _pyiqa(name: str, options: Mapping[str, Any], device: str) -> Metric:
    configurations = _pyiqa_configurations(name)
    with _installed_for(name):
        import pyiqa

        metric: Metric = pyiqa.create_metric(name, device=torch.device(device), **options)
    return _WithoutReference(metric) if configurations.get("metric_mode") == "NR" else metric


@contextmanager
def _installed_for(name: str) -> Iterator[None]:
    """Of what pyiqa imports, some only when a metric is made."""
    try:
        yield
    except ModuleNotFoundError as error:
        text = f"the score pyiqa:{name} needs the package {error.name!r}, which is no extra: pip install pyiqa"
        raise ModuleNotFoundError(text, name=error.name) from error


def _pyiqa_configurations(name: str) -> Mapping[str, Any]:
    with _installed_for(name):
        from pyiqa.default_model_configs import DEFAULT_CONFIGS
    if name not in DEFAULT_CONFIGS:
        raise ValueError(f"the name after pyiqa: must be one of {', '.join(sorted(DEFAULT_CONFIGS))}, got {name!r}")
    found: Mapping[str, Any] = DEFAULT_CONFIGS[name]
    return found


PACKAGES: Mapping[str, Package] = {
    "lpips": Package("lpips", _lpips, lambda _: True),
    "dists": Package("dists-pytorch", _dists, lambda _: True),
    "torchmetrics": Package("torchmetrics", _torchmetric, _torchmetrics_direction),
    "pyiqa": Package("pyiqa", _pyiqa, lambda name: bool(_pyiqa_configurations(name).get("lower_better", False))),
}
"""By the first part of a score's name."""
