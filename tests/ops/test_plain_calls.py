"""Calls that go straight to a kernel, without torch's dispatcher: the same bits, and none where anything watches."""

import subprocess
import sys
import threading
from contextlib import contextmanager, nullcontext
from unittest import mock

import pytest
import torch
from test_native import CALLS
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import hyra
from hyra import ops
from hyra._native import dispatch
from hyra._native import op as native_op
from tolerances import assert_close

STRAIGHT = [op for op in CALLS if op is not ops.response_moments]  # which takes a list of tensors


@contextmanager
def dispatched(op):
    """The calls that torch's dispatcher is given meanwhile."""
    with mock.patch.object(op, "_opoverload", wraps=op._opoverload) as overload:
        yield overload.call_args_list


def arguments(op, device="cpu"):
    tensors, rest = CALLS[op]
    return (*(x.to(device) for x in tensors), *rest)


def results(value):
    return [value] if isinstance(value, torch.Tensor) else list(value)


@pytest.mark.parametrize("op", STRAIGHT, ids=lambda op: op._name)
@pytest.mark.parametrize("mode", [nullcontext, torch.no_grad, torch.inference_mode])
def test_a_known_call_is_not_dispatched_and_has_the_same_bits(backend, op, mode):
    args = arguments(op, backend.device)
    with mode():
        expected = op._opoverload(*args)
        op(*args)
        with dispatched(op) as calls:
            value = op(*args)
    assert not calls
    assert type(value) is type(expected)
    inputs = {x.data_ptr() for x in args if isinstance(x, torch.Tensor)}
    for result, wanted in zip(results(value), results(expected), strict=True):
        assert torch.equal(result, wanted)
        assert (result.dtype, result.stride(), result.device) == (wanted.dtype, wanted.stride(), wanted.device)
        assert result.is_inference() == (mode is torch.inference_mode)
        assert result._is_view() == wanted._is_view()
        assert not result.requires_grad
        assert result.data_ptr() not in inputs


def test_a_list_of_tensors_is_dispatched():
    args = arguments(ops.response_moments)
    expected = ops.response_moments(*args)
    with dispatched(ops.response_moments) as calls:
        value = ops.response_moments(*args)
    assert len(calls) == 1
    assert all(map(torch.equal, value, expected))


class Recorder(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(func.name())
        return func(*args, **(kwargs or {}))


class Functions(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class Subclass(torch.Tensor):
    pass


IMAGES = torch.rand(2, 3, 4)
MOMENTS = ops.mean_std(IMAGES)
ops.mean_std(IMAGES)  # known from here on


@pytest.mark.parametrize(
    "watcher",
    [
        lambda: torch.autocast("cpu", torch.bfloat16),
        torch.profiler.profile,
        torch.autograd.forward_ad.dual_level,
        Recorder,
        Functions,
        lambda: torch.device("cpu"),
    ],
    ids=["autocast", "profiler", "forward mode", "dispatch mode", "function mode", "default device"],
)
def test_a_watched_call_is_dispatched(watcher):
    with watcher(), dispatched(ops.mean_std) as calls:
        assert torch.equal(ops.mean_std(IMAGES), MOMENTS)
    assert len(calls) == 1
    with dispatched(ops.mean_std) as calls:
        ops.mean_std(IMAGES)
    assert not calls


def test_a_dispatch_mode_and_a_profile_see_what_they_did():
    with Recorder() as recorder:
        ops.mean_std(IMAGES)
    assert "hyra::mean_std" in recorder.names
    seen = []
    for call in (ops.mean_std, ops.mean_std._opoverload):
        with torch.profiler.profile() as profile:
            call(IMAGES)
        seen.append({event.key for event in profile.key_averages()})
    assert seen[0] == seen[1]


def test_a_traced_call_is_in_the_graph():
    def f(x):
        return ops.mean_std(x) + 1

    assert "hyra.mean_std" in make_fx(f)(IMAGES).code
    assert "hyra::mean_std" in str(torch.jit.trace(f, (IMAGES,)).graph)
    assert any("mean_std" in str(node.target) for node in torch.export.export(Module(f), (IMAGES,)).graph.nodes)
    torch.compiler.reset()
    compiled = torch.compile(f, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(IMAGES), f(IMAGES))
    torch.compiler.reset()


class Module(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def test_tensors_that_are_none_are_dispatched():
    with FakeTensorMode() as mode:
        fake = mode.from_tensor(IMAGES)
        assert type(ops.mean_std(fake)) is type(fake)
    assert ops.mean_std(IMAGES.to("meta")).is_meta
    assert torch.equal(torch.func.functionalize(ops.mean_std)(IMAGES), MOMENTS)
    assert torch.equal(torch.func.vmap(ops.mean_std)(IMAGES[None])[0], MOMENTS)
    for images in (IMAGES.as_subclass(Subclass), torch.nn.Parameter(IMAGES), torch.complex(IMAGES, IMAGES).conj().imag):
        with dispatched(ops.mean_std) as calls:
            ops.mean_std(images)
        assert len(calls) == 1


@pytest.mark.parametrize("op", [ops.difference_sums, ops.ssim_sums, ops.quadrant_energy], ids=lambda op: op._name)
def test_a_call_for_a_gradient_has_one(backend, op):
    first, *rest = arguments(op, backend.device)
    op(first, *rest)
    op(first, *rest)
    value = op(first.clone().requires_grad_(), *rest)
    assert value.requires_grad
    with torch.no_grad(), dispatched(op) as calls:
        assert torch.equal(op(first.clone().requires_grad_(), *rest), value)
    assert not calls


@pytest.mark.skipif("cpu" not in ops.mean_std._bodies, reason="needs a kernel")
def test_a_kernel_that_is_disabled_is_not_called():
    with mock.patch.dict(ops.mean_std._bodies, {None: lambda _: "plain torch"}):
        assert torch.equal(ops.mean_std(IMAGES), MOMENTS)
        with ops.mean_std.set_kernel_enabled("cpu", enabled=False):
            assert ops.mean_std(IMAGES) == "plain torch"


def test_settings_that_are_equal_are_not_the_same():
    args = arguments(ops.standardized_difference)
    ops.standardized_difference(*args)
    seen = [dispatch.plain_call((*args[:-1], setting)) for setting in (True, 1)]
    assert seen[0] != seen[1]
    assert dispatch.plain_call((*args[:-1], 1.0)) is None


def test_no_more_signatures_are_kept_than_there_is_room_for():
    signatures = set()
    for seen in range(native_op.KEPT + 1):
        native_op.remember(signatures, seen)
    assert signatures == {native_op.KEPT}


def test_what_one_thread_does_changes_no_other():
    inside, done = threading.Event(), threading.Event()

    def watch():
        with torch.autocast("cpu", torch.bfloat16), dispatch.Plainly("cpu"):
            inside.set()
            done.wait(10)

    other = threading.Thread(target=watch)
    other.start()
    inside.wait(10)
    try:
        assert dispatch.plain_device() is None
        with dispatched(ops.mean_std) as calls:
            assert torch.equal(ops.mean_std(IMAGES), MOMENTS)
        assert not calls
    finally:
        done.set()
        other.join()


PAIRS = {
    "float32": lambda: torch.rand(2, 2, 3, 24, 20),
    "float64": lambda: torch.rand(2, 2, 3, 24, 20, dtype=torch.float64),
    "float16": lambda: torch.rand(2, 2, 3, 24, 20).half(),
    "uint8": lambda: torch.randint(256, (2, 2, 3, 24, 20)).to(torch.uint8),
    "uint16": lambda: torch.randint(65536, (2, 2, 3, 24, 20)).to(torch.uint16),
    "interleaved": lambda: torch.randint(256, (2, 2, 24, 20, 3)).to(torch.uint8).movedim(-1, 2),
}
SCORES = {
    **{name: getattr(hyra, name) for name in ("psnr", "mse", "mae", "ssim", "fsds")},
    "shift_invariant": lambda *pair, **options: hyra.fsds(*pair, variant="shift_invariant", **options),
    "radial": lambda *pair, **options: hyra.fsds(*pair, variant="radial", **options),
}


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("pair", PAIRS)
def test_scores_have_the_same_bits_where_all_calls_are_dispatched(backend, score, pair):
    function = SCORES[score]
    preds, target = PAIRS[pair]().to(backend.device)
    for options in ({}, {"reduction": "mean"}, {"reduction": "sum"}, {"crop_border": 2}, {"check": False}):
        for a, b in ((preds, target), (preds[0], target[0]), (preds[:1], target[:1])):
            with Functions():
                expected = function(a, b, **options)
            for _ in range(2):
                value = function(a, b, **options)
                if score == "fsds" and backend.name in ("cuda_on_cpu", "cuda"):  # one kernel for several of torch's
                    assert_close(value, expected, "scores")
                else:
                    assert torch.equal(value, expected)
                assert (value.dtype, value.shape, value.device) == (expected.dtype, expected.shape, expected.device)
                assert not value.is_inference()


@pytest.mark.parametrize("score", SCORES)
def test_scores_refuse_alike_on_either_way(score):
    function = SCORES[score]
    preds, target = torch.rand(2, 3, 24, 20)
    function(preds, target)
    nothing = torch.full_like(preds, torch.nan)
    cases = [
        ((preds, target[:, 1:]), {}),
        ((preds[0], target[0]), {}),
        ((preds[:, :0], target[:, :0]), {}),
        ((preds.int(), target.int()), {}),
        ((preds, nothing), {}),
        ((nothing, target), {}),
        ((preds, target), {"crop_border": True}),
        ((preds, target), {"crop_border": -1}),
        ((preds, target), {"crop_border": 10}),
        ((preds, target), {"reduction": ["mean"]}),
        ((preds, target), {"reduction": "median"}),
        ((preds[None][:0], target[None][:0]), {"reduction": "mean"}),
        ((preds, "target"), {}),
    ]
    for pair, options in cases:
        refusals = []
        for context in (Functions(), nullcontext(), nullcontext()):
            with context, pytest.raises((TypeError, ValueError)) as refusal:
                function(*pair, **options)
            refusals.append((refusal.type, str(refusal.value)))
            assert dispatch.plain_device() is None
        assert len(set(refusals)) == 1


def test_identical_and_infinitely_different_images_score_as_torch_says():
    image, other = torch.rand(3, 24, 20), torch.zeros(3, 24, 20)
    assert hyra.psnr(image, image).item() == hyra.fsds(image, image).item() == torch.inf
    assert hyra.fsds(image, other, check=False).isnan()
    assert hyra.mse(image, torch.full_like(image, torch.inf), check=False).isinf()
    assert hyra.psnr(image, torch.full_like(image, torch.inf), check=False).item() == -torch.inf


@pytest.mark.parametrize("name", ["_dispatch_keys", "_dispatch_tls_local_include_set", "_AutoDispatchBelowAutograd"])
def test_a_torch_that_cannot_be_asked_dispatches_every_call(name):
    program = f"""
import torch
taken = torch._C.{name}
del torch._C.{name}
import hyra
from hyra._native import dispatch
torch._C.{name} = taken  # torch needs it itself, in another file
image = torch.rand(3, 24, 20)
assert hyra.psnr(image, image).item() == hyra.psnr(image, image).item() == torch.inf
assert dispatch.plain_call((image,)) is None"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)
