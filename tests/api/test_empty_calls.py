"""Every public function and method, asked for nothing: an empty result, or one sentence that says what is missing."""

import importlib
import inspect

import numpy as np
import pytest
import torch

import hyra
import libraries
from empty_calls import CASES, COUNT_NOTHING, Given
from hyra import spectrum

MODULES = ("hyra", *(f"hyra.{name}" for name in ("demo", "images", "metrics", "models", "plots", "pyiqa")))
MODULES += tuple(f"hyra.{name}" for name in ("report", "spectrum", "track"))  # `hyra.ops` has tests of its own


def public():
    """Every public function, class and method by its dotted name, the first that it is found under."""
    seen = set()
    for module in map(importlib.import_module, MODULES):
        own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
        for name in getattr(module, "__all__", own):
            value = getattr(module, name)
            if name.startswith("_") or id(value) in seen or not callable(value):
                continue
            seen.add(id(value))
            yield f"{module.__name__}.{name}"
            for method, of in vars(value).items() if inspect.isclass(value) else ():
                if not method.startswith("_") and (
                    inspect.isfunction(of) or isinstance(of, (classmethod, staticmethod))
                ):
                    yield f"{module.__name__}.{name}.{method}"


def test_every_public_name_is_here():
    """A new function or method: what does it make of nothing? A row of CASES says so, or a word in COUNT_NOTHING."""
    named = {case.name for case in CASES} | COUNT_NOTHING
    assert set(public()) - named == set()
    assert named - set(public()) == {"hyra.images.resampling"}  # behind several commands
    assert {case.name for case in CASES} & COUNT_NOTHING == set()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_nothing(backend, dtype, tmp_path, case):
    given = Given(dtype, backend.device, tmp_path)
    with libraries.watched():
        if isinstance(case.result, str):
            with pytest.raises(case.error, match=case.result) as caught:
                case.call(given)
            assert "\n" not in str(caught.value)
            return
        result = case.call(given)
    if case.result is not None:
        assert tuple(result.shape) == case.result
        assert not (result.numel() and result.isinf().any())
    assert repr(result)


@pytest.mark.parametrize("variant", ["paper", "shift_invariant", "radial"])
@pytest.mark.parametrize("library", [*hyra.fft_library_versions(), "auto"])
def test_gradients_of_no_images(backend, dtype, use_library, variant, library):
    use_library(library)
    preds, target = (torch.rand(0, 3, 9, 8, dtype=dtype, device=backend.device, requires_grad=True) for _ in "pt")
    with libraries.watched():
        total = hyra.fsds(preds, target, variant=variant, reduction="sum")
        assert total == 0
        total.backward()
    assert preds.grad.shape == target.grad.shape == (0, 3, 9, 8)


@pytest.mark.parametrize("function", ["log_spectrum", "phase_spectrum"])
def test_gradients_of_no_spectra(dtype, function):
    x = torch.rand(0, 3, 8, 8, dtype=dtype, requires_grad=True)
    getattr(spectrum, function)(x).sum().backward()
    assert x.grad.shape == x.shape


@pytest.mark.parametrize("variant", ["paper", "shift_invariant", "radial"])
def test_compiled(variant):
    """One program for every number of images: the guard looks at the shape alone."""
    torch._dynamo.reset()

    def total(x):
        return hyra.fsds(x, x.flip(-1), variant=variant, reduction="sum", check=False)

    compiled = torch.compile(total, fullgraph=True, dynamic=True, backend="aot_eager")
    for count in (2, 0, 3):
        x = torch.rand(count, 3, 8, 8)
        torch.testing.assert_close(compiled(x), total(x))


@pytest.mark.parametrize(
    "options",
    [
        {"cutoff": 1e308},
        {"cutoff": 1e308, "taps": None},
        {"cutoff": 1e30, "normalize": False, "centred": False},  # finite in float32, but not its square
        {"taps": 1, "centred": False},  # between two pixels of the input a Hann window as narrow is 0
    ],
    ids=str,
)
def test_no_kernel_is_silently_nothing(options):
    with pytest.raises(
        ValueError, match="cutoff, window and taps must make a finite kernel whose sum is nowhere 0, got"
    ):
        hyra.lowpass_upsample(torch.rand(3, 8, 8), 2, **options)


@pytest.mark.parametrize("white", [1e308, 1e-300])
def test_psnr_of_any_range(white):
    images = torch.rand(2, 3, 8, 8, dtype=torch.float64)
    found = spectrum.band_psnr(*images, data_range=white).psnr - spectrum.band_psnr(*images).psnr
    torch.testing.assert_close(found, torch.full_like(found, 20 * float(np.log10(white))))
