"""Calls every op with random arguments, right and wrong, and judges what comes of it: ``python -m fuzz [CALLS]``.

A call gives a result, or one sentence that names an argument: as a ValueError, a TypeError or, for a tangent, a
NotImplementedError. Right arguments give a result. A call that ends the process is found again by ``--verbose``.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import random
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.utils._pytree import tree_map

from cuda_on_cpu import build
from fuzz.arguments import right, wrong
from hyra import ops
from hyra._native.modules import MODULES
from hyra._native.op import Op

OPS = [op for op in vars(ops).values() if isinstance(op, Op)]
DIFFERENTIABLE = (torch.float32, torch.float64, torch.complex64, torch.complex128)
EXPECTED = (ValueError, TypeError, NotImplementedError)
FAKE = FakeTensorMode()


@contextlib.contextmanager
def reference() -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for op in OPS:
            stack.enter_context(op.set_kernel_enabled("cpu", enabled=False))
        yield


def over(module: Any) -> Callable[[], contextlib.AbstractContextManager[Any]]:
    return lambda: mock.patch.dict(MODULES, cpu=module)


def describe(value: Any) -> str:
    if isinstance(value, Tensor):
        kind = "" if type(value) is Tensor else f"{type(value).__name__}, "
        with contextlib.suppress(RuntimeError):
            return f"<{kind}{value.dtype} {tuple(value.shape)} {value.layout} {value.device}>"
        return f"<{kind}nested>"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(describe, value))}]"
    return repr(value)


def sentence(op: Op, args: list[Any], kwargs: dict[str, Any]) -> str:
    """The call in words, which take longer than the call."""
    return f"{op._name}({describe(args)}, {kwargs and describe(list(kwargs.items()))})"


def draw(op: Op, changes: int, dice: random.Random) -> tuple[list[Any], dict[str, Any]]:
    """Arguments and keyword arguments, some of them changed."""
    args = right(op, dice)
    for place in dice.sample(range(len(args)), min(changes, len(args))):
        args[place] = wrong(args[place], dice)
    kwargs: dict[str, Any] = {}
    names = list(op.declaration.arguments)
    if dice.random() < 0.1:
        first = dice.randrange(len(args))
        args, kwargs = args[:first], dict(zip(names[first:], args[first:], strict=True))
    if changes and dice.random() < 0.03:
        if dice.random() < 0.5:
            kwargs[dice.choice((*names, "nobody"))] = 1
        else:
            args = args[:-1]
    return args, kwargs


def with_tangent(args: list[Any]) -> list[Any]:
    """The same with a tangent on the first tensor that can carry one."""
    for place, x in enumerate(args):
        if type(x) is Tensor and x.dtype in DIFFERENTIABLE and 0 < x.numel() < 99:
            dual = forward_ad.make_dual(x.detach().clone(), torch.ones_like(x))
            return [*args[:place], dual, *args[place + 1 :]]
    return args


def faked(args: Any) -> Any:
    """The same with fake tensors: mixed with real ones, they can leave torch itself in disorder."""

    def fake(x: Any) -> Any:
        is_dense = isinstance(x, Tensor) and x.layout is torch.strided and not x.is_nested
        return torch.empty(x.shape, dtype=x.dtype, device=x.device) if is_dense else x

    with FAKE:
        return tree_map(fake, args)


def fault(op: Op, error: Exception) -> str:
    """What is wrong with an error, if anything is."""
    if not isinstance(error, EXPECTED):
        return f"{type(error).__name__} is none of those promised"
    text = str(error)
    tensors = (tensor if isinstance(tensor, tuple) else (tensor,) for _, tensor in op.declaration._tensors)
    names = {*op.declaration.arguments, *(part.name for parts in tensors for part in parts)}
    if not names & set(re.findall(r"\w+", text)):
        return "the sentence names no argument"
    return "it is not one sentence" if "\n" in text.strip() or not text else ""


def call(op: Op, args: list[Any], kwargs: dict[str, Any], way: str) -> None:
    if way == "tangent":
        with forward_ad.dual_level():
            op(*with_tangent(args), **kwargs)
    elif way == "fake":
        args, kwargs = faked((args, kwargs))
        op(*args, **kwargs)
    elif way == "overload":  # as torch.ops has it, without our words for what torch refuses
        op._opoverload(*args, **kwargs)
    else:
        op(*args, **kwargs)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("calls", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sanitizer", choices=build.SANITIZERS, help="run modules that are built with it")
    parser.add_argument("--verbose", action="store_true", help="print every call before it is made")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    dice = random.Random(options.seed)
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    backends = {"reference": (reference, 2), "cpu": (contextlib.nullcontext, 7)}
    if options.sanitizer:
        backends["cpu"] = (over(build.load(build.build_cpu(options.sanitizer))), 7)
        backends["cuda_on_cpu"] = (over(build.load(build.build(options.sanitizer))), 1)
    share = sum(weight for _, weight in backends.values())
    counts: dict[str, collections.Counter[str]] = {op._name: collections.Counter() for op in OPS}
    faults = 0
    for name, (backend, weight) in backends.items():
        with backend():
            for index in range(options.calls * weight // share):
                op = dice.choice(OPS)
                way = dice.choice(("plain",) * 16 + ("overload", "overload", "tangent", "fake"))
                changes = 0 if way in ("tangent", "fake") else dice.choice((0, 1, 1, 1, 2, 3))
                args, kwargs = draw(op, changes, dice)
                if options.verbose:
                    print(name, index, way, sentence(op, args, kwargs), flush=True)
                outcome, wrongly = "result", ""
                try:
                    call(op, args, kwargs, way)
                except Exception as error:
                    outcome = type(error).__name__
                    if way != "overload":
                        is_refused_wrongly = changes == 0 and way == "plain"
                        wrongly = fault(op, error) or "these arguments are right" * is_refused_wrongly
                    if wrongly:
                        wrongly += f": {outcome}: {error}"
                    if way == "overload" and not isinstance(error, EXPECTED):
                        outcome = "by torch"
                if wrongly:
                    faults += 1
                    print(f"{name} {index} {way} {sentence(op, args, kwargs)}\n  {wrongly}", flush=True)
                counts[op._name][outcome] += 1
                if faults == 20:
                    return 1
    outcomes = ("result", *(error.__name__ for error in EXPECTED), "by torch")
    print(f"{'':28}" + "".join(f"{outcome:>21}" for outcome in outcomes))
    for op_name, counter in (*counts.items(), ("all", sum(counts.values(), collections.Counter()))):
        print(f"{op_name:28}" + "".join(f"{counter[outcome]:21}" for outcome in outcomes))
    print(f"{faults} faults in {sum(sum(counter.values()) for counter in counts.values())} calls")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
