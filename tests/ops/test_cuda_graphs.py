"""No op allocates behind torch's back, waits for the GPU or leaves the caller's stream: so CUDA graphs capture it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

import backends
import hyra
from hyra import ops
from hyra._native import kernels
from hyra.ops import fourier
from hyra.ops.radial_moments import ring_count

CSRC = Path(__file__).parents[2] / "csrc"
RINGS = ring_count(8, 9)


def spectrum(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.complex64)


def spectra(*shape: int) -> tuple[Tensor, Tensor]:
    return spectrum(*shape), spectrum(*shape)


def windows() -> tuple[Tensor, Tensor]:
    return torch.rand(2, 3, 20, 18), torch.randint(18, (2, 3, 2))


def state() -> list[Tensor]:
    return [torch.zeros(5, 4, dtype=torch.int64), *torch.zeros(2, 3, 5, 4, dtype=torch.float64)]


def ssim_settings() -> tuple[Tensor, Tensor]:
    return torch.full((11,), 1 / 11, dtype=torch.float64), torch.tensor([1e-4, 9e-4], dtype=torch.float64)


ARGUMENTS: dict[str, Callable[[], tuple]] = {
    "difference_sums": lambda: torch.rand(2, 2, 3, 50, 141).unbind(),
    "impulse_batch": lambda: (torch.rand(3, 9, 7), torch.randint(7, (2, 4, 2)), torch.rand(2, 3)),
    "integral_energy": lambda: (*torch.rand(2, 3, 150, 77), *(1 + torch.rand(2, 3, 2)), True),
    "integral_energy_backward": lambda: (torch.rand(3, 150, 77), torch.rand(3)),
    "mean_std": lambda: (torch.rand(2, 3, 50, 41),),
    "polyphase_filter": lambda: (torch.rand(2, 3, 9, 10), torch.rand(3, 12, 12), 4, (4, 4), "zeros"),
    "quadrant_energy": lambda: (spectrum(3, 150, 77), "integral"),
    "quadrant_energy_backward": lambda: (spectrum(3, 150, 77), torch.rand(3), "integral"),
    "radial_moments": lambda: (*spectra(2, 150, 34), 150, 67),
    "radial_moments_backward": lambda: (*spectra(2, 8, 5), torch.rand(2, RINGS), spectrum(2, RINGS), 8, 9),
    "response_moments": lambda: (*windows(), torch.rand(3, 5, 4), [2, 2], state()),
    "rfft2": lambda: (torch.rand(3, 15, 12), "torch"),
    "rfft2_adjoint": lambda: (spectrum(3, 15, 7), 12, "torch"),
    "ssim_sums": lambda: (*torch.rand(2, 2, 3, 30, 41), *ssim_settings()),
    "ssim_sums_backward": lambda: (*torch.rand(2, 2, 3, 30, 41), *ssim_settings(), torch.rand(2, 3, 2)),
    "standardize_backward": lambda: (*torch.rand(2, 3, 15, 11), 1 + torch.rand(3, 2)),
    "standardized_difference": lambda: (*torch.rand(2, 3, 15, 11), *(1 + torch.rand(2, 3, 2)), True),
}
"""For every op: several bands, an odd size or a border wherever these take a path of their own."""


def flat(values: object) -> list[Tensor]:
    """The tensors among arguments or results."""
    if isinstance(values, Tensor):
        return [values]
    return [x for value in values for x in flat(value)] if isinstance(values, (tuple, list)) else []


def equal(actual: object, expected: object) -> bool:
    pairs = list(zip(flat(actual), flat(expected), strict=True))
    assert pairs
    return all(torch.equal(a, e) for a, e in pairs)


def test_every_op_is_among_them():
    assert list(ARGUMENTS) == sorted(ops.__all__)


class Recorder(TorchDispatchMode):
    """The names of all torch operations inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "is_nonzero", "_unique2", "lift_fresh"}
"""Operations that on a GPU wait for a result, or copy a number over from the host."""


CALLS = {"rfft2": 0, "rfft2_adjoint": 0, "integral_energy_backward": 3}
"""Calls of native kernels, where it is not one."""


@backends.native
@pytest.mark.parametrize("name", ARGUMENTS)
def test_python_side_never_waits(name):
    op, arguments = getattr(ops, name), ARGUMENTS[name]()
    # On CUDA the transforms run their plain-torch body; the others prepare a call of the native kernel.
    kernel = op._init_fn if name.startswith("rfft2") else op._backend_fns["cpu"]
    patched = dict.fromkeys(("call", "backend", "on_gpu"), mock.DEFAULT)
    with mock.patch.multiple(kernels, **patched) as native, Recorder() as recorder:
        native["backend"].return_value, native["on_gpu"].return_value = "cuda", True
        kernel(*arguments)
    assert native["call"].call_count == CALLS.get(name, 1)
    assert recorder.names, "nothing was recorded"
    assert not recorder.names & WAITING


def test_recorder_sees_a_wait():
    with Recorder() as recorder:
        float(torch.ones(1).sum())
    assert recorder.names & WAITING


def sources() -> dict[str, str]:
    """What is compiled into `_cuda`, without comments."""
    files = [*(CSRC / "cuda").iterdir(), *(CSRC / "bind").iterdir(), *(CSRC / "core").iterdir()]
    return {path.name: re.sub(r"//.*", "", path.read_text()) for path in files if path.suffix != ".txt"}


def test_kernels_neither_allocate_nor_synchronise():
    called = {call for text in sources().values() for call in re.findall(r"\b(cu(?:da)?[A-Z]\w*)\s*\(", text)}
    errors, versions = {"cudaGetLastError", "cudaGetErrorString"}, {"cudaDriverGetVersion"}
    assert called == errors | versions | {"cudaGetDevice", "cudaDeviceGetAttribute"}  # which the host knows


def launches(text: str) -> list[list[str]]:
    """The arguments of every CU_LAUNCH."""
    found = []
    for match in re.finditer(r"CU_LAUNCH\(", text):
        depth, arguments = 1, [""]
        for character in text[match.end() :]:
            depth += (character in "({") - (character in ")}")
            if depth == 0:
                break
            if character == "," and depth == 1:
                arguments.append("")
            else:
                arguments[-1] += character
        found.append([argument.strip() for argument in arguments])
    return found


def test_every_launch_takes_the_callers_stream():
    texts = sources()
    assert [name for name, text in texts.items() if "<<<" in text] == ["platform.cuh"]
    kernels = {name: launches(text) for name, text in texts.items() if name.endswith(".cu")}
    assert all(kernels.values()), "a file without a launch was not read correctly"
    for name, found in kernels.items():
        assert {arguments[4] for arguments in found} <= {"stream", "stream_of(context)"}, name
        assert set(re.findall(r"\bstream = ([^;]*);", texts[name])) <= {"stream_of(context)"}, name


@pytest.mark.parametrize(("captured", "message"), [(True, "call once before the capture"), (False, "CUFFT_INTERNAL")])
def test_a_first_transform_in_a_capture_says_why_it_fails(captured, message):
    with (
        mock.patch.object(torch.fft, "fft", side_effect=RuntimeError("cuFFT error: CUFFT_INTERNAL_ERROR")),
        mock.patch.object(fourier, "_is_captured", return_value=captured),
        pytest.raises(RuntimeError, match=message),
    ):
        fourier.fft(torch.ones(1, 2, 3))


gpu = pytest.mark.skipif(
    "cuda" not in {backend.name for backend in backends.available()}, reason="needs a GPU and the CUDA module"
)


def on_gpu(name: str) -> tuple[Callable, tuple]:
    with torch.device("cuda"):
        return getattr(ops, name), ARGUMENTS[name]()


@gpu
@pytest.mark.parametrize("name", ARGUMENTS)
def test_captured_once_and_replayed_on_new_values(name):
    (op, arguments), (_, others) = on_gpu(name), on_gpu(name)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        op(*arguments)  # loads the kernels and makes the plans of cuFFT, which no capture may
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = op(*arguments)
    for x, other in zip(flat(arguments), flat(others), strict=True):
        x.copy_(other)
    graph.replay()
    assert equal(result, op(*others))


@gpu
@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_side_stream_is_honoured(name):
    (op, arguments), (_, others) = on_gpu(name), on_gpu(name)
    expected = op(*others)
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        torch.cuda._sleep(100_000_000)  # work on any other stream is done long before the values are there
        for x, other in zip(flat(arguments), flat(others), strict=True):
            x.copy_(other)
        result = op(*arguments)
    stream.synchronize()
    assert equal(result, expected)


def score(size: tuple[int, int], seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator("cuda").manual_seed(seed)
    preds, target = torch.rand(2, 2, 3, *size, device="cuda", generator=generator)
    return preds, target


@gpu
@pytest.mark.parametrize("size", [(151, 77), (90, 360)])
def test_the_first_score_of_a_size_is_captured(size):
    hyra.fsds(*score((8, 9), 0), check=False)  # loads the kernels
    images, others = score(size, 0), score(size, 1)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = hyra.fsds(*images, check=False)
    for x, other in zip(images, others, strict=True):
        x.copy_(other)
    graph.replay()
    assert torch.equal(result, hyra.fsds(*others, check=False))


@gpu
def test_a_compiled_score_replays_a_graph():
    compiled = torch.compile(functools.partial(hyra.fsds, check=False), mode="reduce-overhead", fullgraph=True)
    for seed in range(4):
        images = score((40, 36), seed)
        torch.testing.assert_close(compiled(*images), hyra.fsds(*images, check=False), rtol=1e-5, atol=0)
