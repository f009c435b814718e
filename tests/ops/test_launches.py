"""What a call costs the host of a GPU: kernels launched, calls into the module, allocations, counted on the engine.

Every torch operation but a view and an allocation counts as a launch, a transform of cuFFT as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import backends
import hyra
from cuda_on_cpu import build
from hyra import ops
from hyra._native import dispatch, kernels
from hyra._native.modules import MODULES

pytestmark = [
    backends.native,
    pytest.mark.skipif(not build.available(), reason="the engine cannot be built"),
]

VIEWS = {
    *("_unsafe_view", "alias", "as_strided", "chunk", "detach", "expand", "permute", "select", "slice", "split"),
    *("squeeze", "t", "transpose", "unbind", "unsqueeze", "view", "view_as_real"),
}
NEW = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"}


class Operations(TorchDispatchMode):
    """The names of all torch operations inside it, also of those inside our ops."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name, kwargs = func.overloadpacket.__name__, kwargs or {}
        with self:
            if func.namespace == "hyra":  # on CUDA transforms run their plain-torch body
                return getattr(ops, name)._body(None if name.startswith("rfft2") else "cpu")(*args, **kwargs)
            result = func.decompose(*args, **kwargs)  # of those that only call others
            if result is not NotImplemented:
                return result
        self.names.append(name)
        return func(*args, **kwargs)


@dataclass
class Cost:
    """Of one call."""

    launches: int = 0
    native_calls: int = 0
    allocations: int = 0
    operations: list[str] = field(default_factory=list)


@contextmanager
def counted() -> Iterator[Cost]:
    """What the calls inside cost, on the kernels for CUDA."""
    module, cost, operations = backends.built("cuda_on_cpu"), Cost(), Operations()
    before = module.launch_count()
    with (
        mock.patch.dict(MODULES, cpu=module),
        mock.patch.object(dispatch, "_is_watched", return_value=False),  # by us, which leaves the way as it is
        mock.patch.object(kernels, "call", wraps=kernels.call) as calls,
        operations,
    ):
        yield cost
    cost.operations = [name for name in operations.names if name not in VIEWS | NEW]
    cost.launches = module.launch_count() - before + len(cost.operations)
    cost.native_calls = calls.call_count
    cost.allocations = sum(name in NEW for name in operations.names)


def pair(*shape: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    whole = dtype in (torch.uint8, torch.uint16)
    images = torch.randint(255, (2, *shape)).to(dtype) if whole else torch.rand(2, *shape).to(dtype)
    return images[0], images[1]


FSDS: dict[str, tuple[Callable[[], tuple[Tensor, Tensor]], int]] = {
    "one image": (lambda: pair(3, 40, 36), 7),
    "an odd width": (lambda: pair(3, 41, 37), 7),
    "a batch": (lambda: pair(4, 3, 40, 36), 7),
    "bytes": (lambda: pair(3, 40, 36, dtype=torch.uint8), 7),
    "half precision": (lambda: pair(3, 40, 36, dtype=torch.float16), 9),  # both are converted
}


@pytest.mark.parametrize("kind", FSDS)
def test_fsds_costs(kind):
    images, launches = FSDS[kind]
    preds, target = images()
    expected = hyra.fsds(preds, target)
    for _ in range(2):  # a first call is like any other
        with counted() as cost:
            score = hyra.fsds(preds, target, check=False)
        assert (cost.launches, cost.native_calls) == (launches, 2), cost
        assert cost.allocations <= 6, cost
        assert score.dtype == expected.dtype
        torch.testing.assert_close(score, expected, rtol=0, atol=1e-4 if expected.dtype == torch.float32 else 1e-9)


def test_a_wide_prime_takes_a_transform():
    """Of its lines; those of a width with factors are the kernel's own."""
    for width, transforms in ((1031, 1), (2040, 0)):
        with counted() as cost:
            hyra.fsds(*pair(1, 3, width), check=False)
        assert cost.operations.count("_fft_c2c") == transforms, cost


def loss(variant: str, *, backward: bool) -> Callable[[], object]:
    preds, target = pair(2, 3, 40, 36)

    def call() -> object:
        value = hyra.FSDSLoss(variant)(preds.clone().requires_grad_() if backward else preds, target)
        return value.backward() if backward else value

    return call


LOSSES = {
    ("shift_invariant", False): (24, 6),
    ("shift_invariant", True): (44, 8),
    ("paper", False): (23, 4),
    ("paper", True): (50, 9),
}


@pytest.mark.parametrize(("variant", "backward"), LOSSES)
def test_loss_costs(variant, backward):
    call = loss(variant, backward=backward)
    with counted() as cost:
        call()
    assert (cost.launches, cost.native_calls) == LOSSES[variant, backward], cost


@pytest.mark.parametrize(("scale", "side", "launches"), [(1, 3, 2), (2, 6, 3), (3, 9, 3), (4, 13, 4)])
def test_polyphase_filter_costs(scale, side, launches):
    # The filter, and of the response: a flipped copy, the phases last, zeros around where sides are no multiples.
    arguments = (torch.rand(2, 3, 9, 10), torch.rand(3, side, side), scale, (scale, scale), "zeros")
    with counted() as cost:
        ops.polyphase_filter(*arguments)
    assert (cost.launches, cost.native_calls) == (launches, 1), cost
