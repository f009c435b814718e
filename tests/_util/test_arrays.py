"""Arrays in, arrays out, on the same memory; what DLPack cannot express is copied, and nothing aborts."""

import subprocess
import sys
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import hyra
from hyra._util.arrays import accepts_arrays, from_tensor, to_tensor


class OnlyDlpack:
    """What an array of an unknown library looks like."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **kwargs):
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_shares_memory_with_numpy():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    tensor = to_tensor(array.T, "preds")
    tensor[0, 1] = 100
    assert array[1, 0] == 100
    assert np.shares_memory(from_tensor(tensor, array), array)


def test_shares_memory_through_dlpack():
    array = np.arange(4.0)
    to_tensor(OnlyDlpack(array), "preds")[0] = 7
    assert array[0] == 7


def test_a_tensor_is_returned_as_it_is():
    x = torch.ones(2)
    assert to_tensor(x, "preds") is x
    assert from_tensor(x, x) is x


@pytest.mark.parametrize("value", [[1.0, 2.0], "image.png", None])
def test_anything_else_is_named(value):
    with pytest.raises(TypeError, match=rf"preds must be .* got {type(value).__name__}"):
        to_tensor(value, "preds")


class Broken:
    def __dlpack__(self, **kwargs):
        raise ValueError("first line\nsecond line")

    def __dlpack_device__(self):
        return (1, 0)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.array([["a"]]), "preds must hold numbers that torch knows, got an array of <U1"),
        (np.array([[None]]), "preds must hold numbers that torch knows, got an array of object"),
        (np.ones((1, 2), np.longdouble), "preds must hold numbers that torch knows, got an array of"),
        (
            np.ma.masked_greater(np.array([[1.0, 9.0]]), 5),
            "preds must have a value everywhere, got an array that masks 1",
        ),
        (Broken(), "preds must be an array that torch can share by __dlpack__: first line"),
    ],
    ids=["text", "objects", "long doubles", "masked", "broken"],
)
def test_what_torch_cannot_take_is_one_sentence(value, said):
    with pytest.raises(TypeError) as refusal:
        to_tensor(value, "preds")
    assert str(refusal.value).startswith(said)
    assert "\n" not in str(refusal.value)


# In a process of their own: where torch is handed such an array as it is, it may abort the interpreter.
AWKWARD = {
    "negative strides": "np.arange(6, dtype=np.float32).reshape(2, 3)[..., ::-1]",
    "foreign byte order": "np.arange(6, dtype=np.dtype(np.float32).newbyteorder()).reshape(2, 3)",
    "read-only": "np.broadcast_to(np.arange(3, dtype=np.float32), (2, 3))",
    "negative strides through dlpack": "Foreign(np.arange(6, dtype=np.float32).reshape(2, 3)[::-1])",
}
PROGRAM = """
import warnings
import numpy as np
from hyra._util.arrays import to_tensor
warnings.simplefilter("error")

class Foreign:
    def __init__(self, array):
        self.array, self.strides = array, array.strides
    def copy(self):
        return Foreign(self.array.copy())
    def __dlpack__(self, **kwargs):
        return self.array.__dlpack__(**kwargs)
    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

for kind, expression in ARRAYS.items():
    print(kind, flush=True)
    array = eval(expression)
    tensor = to_tensor(array, "preds")
    expected = getattr(array, "array", array)
    assert np.array_equal(tensor.numpy(), expected)
    before = np.array(expected)
    tensor += 1
    assert np.array_equal(before, expected), "the copy is not a copy"
"""


@pytest.mark.once
def test_awkward_arrays_are_copied():
    program = f"ARRAYS = {AWKWARD}\n{PROGRAM}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout.splitlines()[-1:]}: {done.stderr}"
    assert done.stdout.splitlines() == [*AWKWARD]


@accepts_arrays("preds", "target")
def difference(preds: torch.Tensor, target: torch.Tensor, *, gain: float = 1.0) -> torch.Tensor:
    """Difference."""
    return (preds - target) * gain


def test_decorator_converts_there_and_back():
    a, b = np.ones((2, 2)), np.zeros((2, 2))
    assert isinstance(difference(a, b), np.ndarray)
    assert isinstance(difference(torch.ones(2), target=torch.zeros(2)), torch.Tensor)
    assert difference(a, target=torch.zeros(2, 2), gain=3.0).tolist() == [[3, 3], [3, 3]]
    with pytest.raises(TypeError, match="target must be"):
        difference(a, "b")


def test_fsds_takes_arrays():
    preds, target = np.random.default_rng(0).random((2, 2, 3, 12, 14))
    scores = hyra.fsds(preds[..., ::-1], target[..., ::-1])
    assert isinstance(scores, np.ndarray)
    expected = hyra.fsds(*(torch.from_numpy(x[..., ::-1].copy()) for x in (preds, target)))
    assert scores.tolist() == expected.tolist()


class CupyLike(OnlyDlpack):
    """A CuPy array as far as hyra looks at it, in host memory."""

    device = SimpleNamespace(id=3)


CupyLike.__module__ = "cupy"


class Stream:
    """What comes before the next work on it."""

    def __init__(self):
        self.before = set()

    def wait_stream(self, other):
        self.before |= other.before


class Streams:
    """The streams of device 3 as torch and CuPy see them, both on the default one unless told otherwise."""

    def __init__(self, monkeypatch, *, cupy_address=0):
        self.default, self.capturing, self.cupy_address = Stream(), False, cupy_address
        self.torch, self.external, self.exported = self.default, {}, []
        cupy = SimpleNamespace(
            cuda=SimpleNamespace(get_current_stream=lambda device: {3: SimpleNamespace(ptr=self.cupy_address)}[device]),
            from_dlpack=lambda tensor: self.exported.append(self.torch) or np.from_dlpack(tensor),
        )
        monkeypatch.setitem(sys.modules, "cupy", cupy)
        monkeypatch.setattr(torch.cuda, "ExternalStream", lambda address, device: self.of(address))
        monkeypatch.setattr(torch.cuda, "default_stream", lambda device: self.default)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: self.torch)
        monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: self.capturing)
        monkeypatch.setattr(torch.cuda, "stream", self.use)

    def of(self, address):
        return self.external.setdefault(address, Stream()) if address else self.default

    @property
    def cupy(self):
        return self.of(self.cupy_address)

    @contextmanager
    def use(self, stream):
        before, self.torch = self.torch, stream
        try:
            yield
        finally:
            self.torch = before


@pytest.mark.parametrize("address", [0, 7])
def test_work_goes_to_the_current_stream_of_cupy(monkeypatch, address):
    streams = Streams(monkeypatch, cupy_address=address)
    used = []

    @accepts_arrays("x")
    def double(x):
        used.append(streams.torch)
        return 2 * x

    assert double(CupyLike(np.full(3, 5.0))).tolist() == [10, 10, 10]
    assert used == streams.exported == [streams.cupy]
    assert streams.torch is streams.default


@pytest.mark.parametrize("order", ["cupy first", "torch first", "by name", "numpy first"])
@pytest.mark.parametrize("fails", [False, True])
def test_both_libraries_wait_for_each_other(monkeypatch, order, fails):
    streams = Streams(monkeypatch, cupy_address=7)
    array, tensor = CupyLike(np.full(3, 5.0)), torch.ones(3)
    streams.cupy.before.add("written by CuPy")
    streams.torch.before.add("written by torch")

    @accepts_arrays("x", "y")
    def difference(x, y):
        assert streams.torch.before == {"written by CuPy", "written by torch"}
        streams.torch.before.add("read")
        if fails:
            raise ArithmeticError
        return x - y

    call = {
        "cupy first": lambda: difference(array, tensor),
        "torch first": lambda: difference(tensor, array),
        "by name": lambda: difference(tensor, y=array),
        "numpy first": lambda: difference(np.ones(3), array),
    }[order]
    with pytest.raises(ArithmeticError) if fails else nullcontext():
        call()
    assert "read" in streams.torch.before, "torch may overwrite or free what is still being read"
    assert "read" in streams.cupy.before, "CuPy may use the result before it is there"


def test_one_stream_and_a_capture_wait_for_nothing(monkeypatch):
    streams = Streams(monkeypatch)
    monkeypatch.setattr(Stream, "wait_stream", None)
    assert difference(CupyLike(np.ones(3)), torch.ones(3)).tolist() == [0, 0, 0]
    streams.cupy_address, streams.capturing = 7, True
    assert difference(CupyLike(np.ones(3)), CupyLike(np.ones(3))).tolist() == [0, 0, 0]


def test_reference_of_cupy_is_kept_apart_and_ordered(monkeypatch):
    streams = Streams(monkeypatch, cupy_address=7)
    target, preds = np.random.default_rng(0).random((2, 1, 8, 9))
    expected = hyra.fsds(preds, target)
    streams.cupy.before.add("target written")
    reference = hyra.FSDSReference(CupyLike(target))
    assert "target written" in streams.torch.before
    target[:] = 0  # CuPy has handed the memory out again
    assert np.array_equal(reference(torch.from_numpy(preds)), expected)
    streams.torch.before.add("reference used")
    assert np.array_equal(reference(CupyLike(preds)), expected)
    assert "reference used" in streams.cupy.before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("stream", ["default", "non-blocking"])
def test_cupy_shares_memory_and_stream(stream):
    cupy = pytest.importorskip("cupy")
    inside = []

    @accepts_arrays("x")
    def double(x: torch.Tensor) -> torch.Tensor:
        result = 2 * x
        inside.extend([x.data_ptr(), torch.cuda.current_stream().cuda_stream, result.data_ptr()])
        return result

    with cupy.cuda.Stream.null if stream == "default" else cupy.cuda.Stream(non_blocking=True) as current:
        a = cupy.arange(12.0).reshape(3, 4)
        result = double(a)
        assert isinstance(result, cupy.ndarray)
        assert inside == [a.data.ptr, current.ptr, result.data.ptr]
        assert cupy.array_equal(result, 2 * a)
        assert cupy.array_equal(double(a[:, ::-1]), 2 * a[:, ::-1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cupy_and_torch_wait_for_each_other():
    cupy = pytest.importorskip("cupy")
    target = torch.zeros(3, 64, 64, device="cuda")
    values = torch.rand_like(target)
    expected = hyra.fsds(1 - values, values)
    torch.cuda.synchronize()
    with cupy.cuda.Stream(non_blocking=True):
        preds = cupy.asarray(1 - values)
        torch.cuda._sleep(100_000_000)  # without waiting for torch's stream, the target would still be 0
        target.copy_(values)
        score = hyra.fsds(preds, target)
        target.zero_()  # and this would be seen
        assert float(score) == float(expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_fsds_of_cupy_is_that_of_torch():
    cupy = pytest.importorskip("cupy")
    preds, target = torch.rand(2, 3, 12, 14, device="cuda")
    score = hyra.fsds(*(cupy.from_dlpack(x) for x in (preds, target)))
    assert isinstance(score, cupy.ndarray)
    assert float(score) == float(hyra.fsds(preds, target))
