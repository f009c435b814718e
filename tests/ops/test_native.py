"""The rules that make raw addresses safe."""

import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

import backends
from hyra import ops
from hyra._native import kernels, threads
from hyra._native.modules import MODULES
from hyra.ops import quadrant_energy

CPU = MODULES.get("cpu")


@backends.native
def test_fake_tensors_are_refused():
    with FakeTensorMode():
        fake = torch.empty(1, 4, 3, dtype=torch.complex64)
    with pytest.raises(TypeError, match="real tensors"):
        kernels.call("quadrant_energy", (None,), (fake,), 1, 4, 3, 1, "integral")


@backends.native
def test_outputs_must_be_contiguous():
    spectrum = torch.ones(1, 4, 3, dtype=torch.complex64)
    with pytest.raises(ValueError, match="contiguous outputs"):
        kernels.call("quadrant_energy", (torch.empty(4, 2).T,), (spectrum,), 1, 4, 3, 1, "integral")


@backends.native
def test_one_device():
    with pytest.raises(ValueError, match="one device"):
        kernels.call("quadrant_energy", (torch.empty(2, device="meta"),), (torch.ones(1, 4, 3),), 1, 4, 3, 1, "")


@backends.native
def test_unknown_dtype_is_refused():
    half = torch.ones(1, 4, 3, dtype=torch.float16)
    with pytest.raises(ValueError, match=r"dtype must be float32 or float64, got torch\.float16"):
        kernels.call("quadrant_energy", (torch.empty(2, dtype=torch.float64), None), (half,), 1, 4, 3, 1, "integral")


@backends.native
def test_unknown_names_are_refused():
    spectrum = torch.ones(1, 4, 3, dtype=torch.complex64)
    with pytest.raises(ValueError, match="weighting must be integral or shift_invariant, got radial"):
        kernels.call("quadrant_energy", (torch.empty(2, dtype=torch.float64), None), (spectrum,), 1, 4, 3, 1, "radial")
    image = torch.ones(1, 1, 4, 4)
    with pytest.raises(ValueError, match="boundary must be zeros, replicate, reflect or circular, got mirror"):
        kernels.call("polyphase_filter", (image.clone(),), (image, image), *[1] * 10, False, "mirror")


def test_fake_tensors_among_real_ones_are_refused():
    with FakeTensorMode():
        fake = torch.empty(1, 4, 5)
    with pytest.raises(TypeError, match=r"planes must be a plain torch\.Tensor, got FakeTensor"):
        ops.integral_energy_backward(fake, torch.rand(1))


_WINDOWS = [torch.full((3,), 1 / 3, dtype=torch.float64), torch.ones(2, dtype=torch.float64)]
CALLS = {
    ops.ssim_sums: ([*torch.rand(2, 2, 3, 4, 5), *_WINDOWS], []),
    ops.ssim_sums_backward: ([*torch.rand(2, 2, 3, 4, 5), *_WINDOWS, torch.rand(2, 3, 2)], []),
    ops.difference_sums: ([*torch.rand(2, 2, 3, 4, 5)], []),
    ops.mean_std: ([torch.rand(2, 3, 4)], []),
    ops.standardized_difference: ([torch.rand(3, 4, 5), torch.rand(3, 4, 5), *torch.rand(2, 3, 2)], [True]),
    ops.standardize_backward: ([*torch.rand(2, 3, 4, 5), torch.rand(3, 2)], []),
    ops.rfft2: ([torch.rand(2, 4, 5)], ["torch"]),
    ops.rfft2_adjoint: ([torch.rand(2, 4, 3) * 1j], [4, "scipy"]),
    ops.quadrant_energy: ([torch.rand(2, 4, 3) * 1j], ["integral"]),
    ops.quadrant_energy_backward: ([torch.rand(2, 4, 3) * 1j, torch.rand(2)], ["integral"]),
    ops.integral_energy: ([*torch.rand(2, 2, 4, 5), *torch.rand(2, 2, 2)], [True]),
    ops.integral_energy_backward: ([torch.rand(2, 4, 5), torch.rand(2)], []),
    ops.radial_moments: ([*torch.rand(2, 2, 4, 3) * 1j], [4, 4]),
    ops.radial_moments_backward: ([*torch.rand(2, 2, 4, 3) * 1j, torch.rand(2, 4), torch.rand(2, 4) * 1j], [4, 4]),
    ops.response_moments: (
        [torch.rand(1, 1, 4, 4), torch.zeros(1, 1, 2).long(), torch.rand(1, 3, 3)],
        [[1, 1], [torch.zeros(3, 3).long(), *torch.zeros(2, 1, 3, 3).double()]],
    ),
    ops.polyphase_filter: ([torch.rand(1, 3, 4, 5), torch.rand(3, 4, 4)], [2, (1, 1), "zeros"]),
    ops.impulse_batch: ([torch.rand(3, 8, 8), torch.zeros(1, 1, 2).long(), torch.rand(1, 3)], []),
}
"""Every op: tensors, the first of which may carry a tangent, and the rest."""


@pytest.mark.parametrize("op", CALLS, ids=lambda op: op._name)
def test_forward_mode_raises_instead_of_dropping_the_tangent(op):
    (first, *tensors), rest = CALLS[op]
    name = next(iter(op.declaration.arguments))

    def call(x):
        return op(x, *tensors, *rest)

    call(first)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(first, torch.ones_like(first))
        with pytest.raises(NotImplementedError, match=f"{name} must carry no forward-mode tangent"):
            call(dual)
        call(first)  # no tangent of its own
    with pytest.raises(NotImplementedError, match=f"{name} must carry no forward-mode tangent"):
        torch.func.jvp(call, (first,), (torch.ones_like(first),))


class Boastful(torch.Tensor):
    """Says that it is larger than it is, and lies in memory as a kernel wants it."""

    @property
    def shape(self):
        return torch.Size((64, 512, 512))

    def is_contiguous(self):
        return True


def test_a_subclass_is_as_large_as_its_memory(backend):
    images = torch.rand(2, 4, 6, device=backend.device).mT
    assert torch.equal(ops.mean_std(images.as_subclass(Boastful)).as_subclass(torch.Tensor), ops.mean_std(images))


def test_every_op_is_among_them():
    assert set(CALLS) == set(backends.OPS)


@backends.native
def test_unknown_simd_level_names_the_known_ones():
    with pytest.raises(ValueError, match=r"one of baseline.* got 'sse9'"):
        CPU.set_simd_level("sse9")


@pytest.mark.once
@backends.native
@pytest.mark.parametrize("level", CPU.simd_levels() if CPU else [])
def test_simd_level_from_the_environment(level):
    program = "from hyra._native.modules import MODULES; print(MODULES['cpu'].simd_level())"
    environment = {**os.environ, "HYRA_SIMD": level}
    printed = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == level


@backends.native
def test_an_unknown_simd_level_in_the_environment_is_told_by_the_variables_name():
    environment = {**os.environ, "HYRA_SIMD": "sse9"}
    command = [sys.executable, "-c", "import hyra"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "ValueError: environment variable HYRA_SIMD: SIMD level must be one of baseline" in done.stderr


@pytest.mark.parametrize("count", [1, 2, 5])
def test_shared_calls_are_made_once_each(count):
    made = []
    threads.share(made.append, 100, count)
    assert sorted(made) == list(range(100))


@pytest.mark.parametrize("count", [1, 3])
def test_an_error_in_a_shared_call_comes_through(count):
    with pytest.raises(ZeroDivisionError):
        threads.share(lambda index: 1 / (index - 7), 20, count)


@backends.native
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_not_hang():
    spectrum = torch.randn(4, 64, 33, dtype=torch.complex64)
    expected = quadrant_energy(spectrum, "integral")  # the parent has a team of threads now
    child = os.fork()
    if child == 0:
        same = False
        try:
            partials = torch.empty(4, 2, 1, dtype=torch.float64)
            kernels.call("quadrant_energy", (partials, None), (spectrum,), 4, 64, 33, 1, "integral")
            same = threads.count() == 1 and (partials[:, 0, 0] + partials[:, 1, 0]).tolist() == expected.tolist()
        finally:
            os._exit(0 if same else 1)  # also where it raises: a child that went on would be a second pytest
    deadline = time.monotonic() + 20
    while (status := os.waitpid(child, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    if status[0] == 0:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        pytest.fail("the child hangs")
    assert os.waitstatus_to_exitcode(status[1]) == 0


@pytest.mark.parametrize("room", [0, 64, 479])
@pytest.mark.parametrize("cut", [slice(None), (slice(1, None), slice(None, None, 2))], ids=["whole", "strided"])
def test_a_storage_that_was_cut_is_not_read(room, cut):
    x = torch.rand(4, 5, 6)[cut]
    ops.mean_std(x)  # of this shape nothing else is looked at again
    x.untyped_storage().resize_(room)
    with pytest.raises(
        ValueError, match="images must have its elements in memory, got one whose storage was cut or freed"
    ):
        ops.mean_std(x)
