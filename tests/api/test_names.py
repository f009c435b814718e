"""The names that users write: none is lost, and every one that a text mentions is there."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import hyra
from hyra.cli import parser

ROOT = Path(__file__).parents[2]

PUBLIC = {
    *("AmplitudeSweep", "BackgroundOutput", "BandShares", "ComparedModel", "CopyCompensation", "Decomposition"),
    *("FSDSLoss", "FSDSReference", "HyRA", "ImpulseResponse", "InputSizes", "LayerResponses", "Locality"),
    *(
        "LowpassSweep",
        "ModelComparison",
        "NetworkError",
        "OperatingPoint",
        "Probe",
        "Protocol",
        "Result",
        "SincFit",
        "Spectra",
    ),
    *("TransferFunction", "ScaleSweep", "scale_sweep"),
    *("__version__", "adapters", "compare_models", "fft_library", "fft_library_versions", "fsds", "images"),
    *("lowpass_sweep", "lowpass_upsample", "ops", "set_fft_library", "spectrum"),
    *("fourier_mae", "fourier_mse", "fourier_psnr", "mae", "mse", "psnr"),
    *("SSIMLoss", "ms_ssim", "ssim"),
    *("Attribution", "EffectiveReceptiveField", "LayerSpectra"),
    *("AttributedModel", "AttributionComparison", "compare_attributions"),
}
"""A name may be added here; taking one away breaks somebody's program."""

COMPILED = {"hyra._native._cpu", "hyra._native._cuda"}
"""Which may not have been built."""

SUBMODULES = ("adapters", "demo", "images", "metrics", "models", "ops", "plots", "pyiqa", "report", "spectrum", "track")


def test_the_top_is_frozen():
    assert sorted(hyra.__all__) == sorted(PUBLIC)
    assert all(hasattr(hyra, name) for name in PUBLIC)


@pytest.mark.parametrize("name", SUBMODULES)
def test_documented_submodules_stay(name):
    pytest.importorskip(f"hyra.{name}", exc_type=ModuleNotFoundError)


def texts():
    """Every text that may name something: the README and the pages in docs, docstrings, and what `--help` prints."""
    for page in (ROOT / "README.md", *ROOT.glob("docs/*.md"), ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"):
        if page.exists():
            yield page.name, page.read_text()
    for found in pkgutil.walk_packages(hyra.__path__, "hyra."):
        if found.name.startswith("hyra._native._"):
            continue
        try:
            module = importlib.import_module(found.name)
        except ModuleNotFoundError:  # an optional dependency
            continue
        yield found.name, inspect.getsource(module)
    (commands,) = (action for action in parser()._actions if hasattr(action, "choices") and action.choices)
    for name, command in commands.choices.items():
        yield f"hyra {name} --help", command.format_help()


def resolve(dotted: str) -> object:
    first, *rest = dotted.split(".")
    target = importlib.import_module(first)
    for i, name in enumerate(rest):
        if not hasattr(target, name):
            importlib.import_module(".".join([first, *rest[: i + 1]]))
        target = getattr(target, name)
    return target


def test_every_name_in_a_text_is_there():
    wrong = []
    for where, text in texts():
        for dotted in sorted(set(re.findall(r"(?<![\w/.@-])hyra(?:\.[A-Za-z_]\w*)+", text)) - COMPILED):
            try:
                resolve(dotted)
            except (AttributeError, ModuleNotFoundError) as error:
                if getattr(error, "name", None) in (None, *[dotted]) or "hyra" in str(error):
                    wrong.append(f"{where}: {dotted}")
    assert not wrong
