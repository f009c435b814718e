"""Every op, on every backend, of no images, planes, positions, channels, rows or columns."""

import ast
from pathlib import Path

import pytest
import torch

import hyra
import libraries
from empty_ops import CASES, Given
from hyra import ops
from hyra.ops import fourier, polyphase_fft

FILLED = [case for case in CASES if not isinstance(case.results, str)]
DIFFERENTIABLE = {
    **dict.fromkeys(("rfft2", "rfft2_adjoint", "quadrant_energy"), (0,)),
    **dict.fromkeys(("standardized_difference", "integral_energy", "radial_moments", "polyphase_filter"), (0, 1)),
    "difference_sums": (0, 1),
    "ssim_sums": (0, 1),
    "impulse_batch": (0, 2),
}
"""Ops with a gradient, and their arguments that have one."""


def run(case, arguments):
    results = getattr(ops, case.op)(*arguments)
    return results if isinstance(results, tuple) else (results,)


def test_every_op_has_its_cases():
    """A new op needs rows in tests/empty_ops.py."""
    assert {case.op for case in CASES} == set(ops.__all__)
    assert set(DIFFERENTIABLE) == {name for name in ops.__all__ if getattr(ops, name)._backward_fn}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_empty(backend, dtype, case):
    given = Given(dtype, backend.device)
    arguments = case.arguments(given)
    with libraries.watched():
        if isinstance(case.results, str):
            with pytest.raises(ValueError, match=case.results) as caught:
                run(case, arguments)
            assert "\n" not in str(caught.value)
            return
        results = run(case, arguments)
    assert [(tuple(x.shape), x.dtype) for x in results] == [(shape, given.kind(of)) for shape, of in case.results]
    if case.op == "quadrant_energy":
        assert not results[0].any()  # a sum over nothing is 0


def test_what_is_left(backend, dtype):
    """The count of the rings, copies of a background, moments carried on, and a target without predictions."""
    given = Given(dtype, backend.device)
    count = ops.radial_moments(given.complex(0, 5, 4), given.complex(0, 5, 4), 5, 7)[3]
    assert count.sum() == 5 * 7
    background = given.real(3, 4, 5)
    images = ops.impulse_batch(background, given.integers(2, 0, 2), given.real(2, 3))
    assert torch.equal(images, background.expand(2, -1, -1, -1))
    state = [given.integers(2, 4) + 7, *given.real(2, 3, 2, 4, dtype=torch.float64)]
    outputs, origins = given.real(0, 3, 4, 5), given.integers(0, 2, 2)
    *after, deviation = ops.response_moments(outputs, origins, given.real(3, 2, 4), [0, 0], state)
    assert all(torch.equal(a, b) for a, b in zip(after, state, strict=True))
    assert deviation.shape == (0, 2, 2)
    planes, moments = given.real(3, 5, 6), given.moments(3)
    alone = ops.integral_energy(planes[:0], planes, moments[:0], moments, True)
    assert torch.equal(alone, ops.integral_energy(planes, planes, moments, moments, True)[3:])


@pytest.mark.parametrize("case", [case for case in FILLED if case.op in DIFFERENTIABLE], ids=str)
def test_gradients(backend, dtype, case):
    arguments = case.arguments(Given(dtype, backend.device))
    wanted = [arguments[i].requires_grad_() for i in DIFFERENTIABLE[case.op]]
    with libraries.watched():
        results = [x for x in run(case, arguments) if x.requires_grad]
        assert results
        gradients = torch.autograd.grad([(x.real if x.is_complex() else x).sum() for x in results], wanted)
    assert [(x.shape, x.dtype) for x in gradients] == [(x.shape, x.dtype) for x in wanted]
    assert all(x.isfinite().all() for x in gradients)


@pytest.mark.parametrize("case", FILLED, ids=str)
def test_fake(case):
    arguments = case.arguments(Given(torch.float32, torch.device("cpu")))
    torch.library.opcheck(getattr(ops, case.op), arguments, test_utils="test_faketensor")


def test_large_responses(backend, dtype, monkeypatch):
    """Through the FFT of `polyphase_fft`, whatever the size."""
    monkeypatch.setattr(polyphase_fft, "DIRECT_LIMIT", 0)
    monkeypatch.setattr(polyphase_fft, "FFT_COST", 0)
    given = Given(dtype, backend.device)
    for response in (given.real(3, 4, 4), given.real(2, 3, 4, 4)):
        with libraries.watched() as called:
            some = ops.polyphase_filter(given.real(1, 3, 4, 5), response, 2, (1, 1), "zeros")
            assert bool(called) == (backend.name != "reference")
            none = ops.polyphase_filter(given.real(0, 3, 4, 5), response, 2, (1, 1), "zeros")
        assert none.shape == (0, *some.shape[1:])


TRANSFORMS = {
    "rfft2": (lambda x: fourier.rfft2(x.real), lambda x: torch.fft.rfft2(x.real)),
    "fft2": (fourier.fft2, torch.fft.fft2),
    "fft2 of real": (lambda x: fourier.fft2(x.real), lambda x: torch.fft.fft2(x.real)),
    "fft": (fourier.fft, torch.fft.fft),
    "fft of columns": (lambda x: fourier.fft(x, -2), lambda x: torch.fft.fft(x, dim=-2)),
    "ifft": (fourier.ifft, lambda x: torch.fft.ifft(x, norm="forward")),
    "ifft, longer": (lambda x: fourier.ifft(x, -2, 9), lambda x: torch.fft.ifft(x, 9, dim=-2, norm="forward")),
    "irfft": (lambda x: fourier.irfft(x, 7), lambda x: torch.fft.irfft(x, 7, norm="forward")),
    "irfft2": (lambda x: fourier.irfft2(x, (6, 7)), lambda x: torch.fft.irfft2(x, s=(6, 7))),
}


def trace(f):
    return torch.compile(f, fullgraph=True, dynamic=True, backend="aot_eager")


def traces(f, x):
    try:
        trace(f)(x.clone().requires_grad_())
    except Exception:
        return False
    finally:
        torch.compiler.reset()
    return True


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_transforms(dtype, name, compiled):
    """Of some planes what torch.fft makes of them, of none an empty result of the same kind, with a gradient."""
    transform, expected = TRANSFORMS[name]
    x = torch.randn(3, 2, 6, 4, dtype=dtype.to_complex())
    if compiled and not traces(expected, x):
        pytest.skip("this torch does not trace its own transform")  # torch 2.6 some of them
    ours = trace(transform) if compiled else transform
    assert torch.equal(ours(x), expected(x))
    empty = x[:0].clone().requires_grad_()
    with libraries.watched():
        result = ours(empty)
        (gradient,) = torch.autograd.grad(result.abs().sum(), empty)
    assert (result.shape, result.dtype) == ((0, *expected(x).shape[1:]), expected(x).dtype)
    assert gradient.shape == empty.shape
    for shape in ((2, 0, 4), (2, 6, 0)):
        with pytest.raises(ValueError, match="must have at least one row and one column"):
            transform(torch.zeros(shape, dtype=dtype.to_complex()))


def transforms_in(code):
    """Names of transforms, and of modules full of them, that a file uses: `torch.fft.rfft2`, `ducc0`."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in ("scipy.fft", "ducc0", "torch.fft"))
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names if "fft" in f"{node.module}.{name.name}")
        elif isinstance(node, ast.Attribute) and node.attr in libraries.REAL_AND_COMPLEX:
            name = ast.unparse(node)
            yield from [name] if name.endswith(f"fft.{node.attr}") else []


def test_all_transforms_are_guarded():
    """Who transforms goes through `hyra.ops.fourier` or `hyra.ops.transforms`: no other file calls a library."""
    package = Path(hyra.__file__).parent
    known = {"ops/fourier.py", "ops/transforms.py", "ops/polyphase_fft.py"}
    own = ("fft.rfft2", "hyra.")  # what `hyra.spectrum.fft` has
    found = {
        f"{path.relative_to(package).as_posix()}: {name}"
        for path in package.rglob("*.py")
        if path.relative_to(package).as_posix() not in known
        for name in transforms_in(path.read_text())
        if not name.startswith(own)
    }
    assert found == {"spectrum/fft.py: ducc0"}  # which asks for its version
