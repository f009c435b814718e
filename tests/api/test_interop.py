"""Arrays in, arrays out, on the same memory; what DLPack cannot express is copied, and nothing aborts."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import hyra
from hyra.interop import accepts_arrays, from_tensor, to_tensor


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


# In a subprocess: where torch is handed such an array as it is, it may abort the interpreter.
AWKWARD = {
    "negative strides": "np.arange(6, dtype=np.float32).reshape(2, 3)[..., ::-1]",
    "foreign byte order": "np.arange(6, dtype=np.dtype(np.float32).newbyteorder()).reshape(2, 3)",
    "read-only": "np.broadcast_to(np.arange(3, dtype=np.float32), (2, 3))",
    "negative strides through dlpack": "Foreign(np.arange(6, dtype=np.float32).reshape(2, 3)[::-1])",
}
PROGRAM = """
import warnings
import numpy as np
from hyra.interop import to_tensor
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

array = {expression}
tensor = to_tensor(array, "preds")
expected = getattr(array, "array", array)
assert np.array_equal(tensor.numpy(), expected)
before = np.array(expected)
tensor += 1
assert np.array_equal(before, expected), "the copy is not a copy"
"""


@pytest.mark.parametrize("kind", AWKWARD)
def test_awkward_arrays_are_copied(kind):
    program = PROGRAM.format(expression=AWKWARD[kind])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


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


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cupy_on_its_current_stream():
    cupy = pytest.importorskip("cupy")
    with cupy.cuda.Stream(non_blocking=True):
        a = cupy.arange(12.0).reshape(3, 4)
        result = difference(a[:, ::-1], cupy.zeros((3, 4)))
        assert isinstance(result, cupy.ndarray)
        assert cupy.array_equal(result, a[:, ::-1])
    assert to_tensor(a, "preds").data_ptr() == a.data.ptr
