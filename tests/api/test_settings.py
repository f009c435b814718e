"""What a user sets for torch is for the user's tensors and networks: hyra's own bits are the same under all of it."""

import functools
import inspect
import json
import os
import subprocess
import sys
import typing
from contextlib import ExitStack, contextmanager
from dataclasses import is_dataclass

import pytest
import torch

pytest.importorskip("matplotlib")
pytest.importorskip("safetensors")
pytest.importorskip("torchmetrics")

import calls
from test_names import SUBMODULES

import hyra

pytestmark = pytest.mark.filterwarnings("ignore")


@contextmanager
def default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def deterministic():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


SETTINGS = {
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "default dtype": default_dtype,
    "default device": lambda: torch.device("meta"),
    "deterministic": deterministic,
}


@functools.cache
def plain():
    return calls.digests(calls.inputs())


def differences(actual):
    expected = plain()
    return {name: (expected[name], actual[name]) for name in actual if actual[name] != expected[name]}


def test_every_call_of_the_table_works():
    assert not {name: said for name, said in plain().items() if isinstance(said, str) and "Error" in said}


def test_under_all_settings_at_once():
    given = calls.inputs()  # as a user's: made before, or with device and dtype of their own
    with ExitStack() as stack:
        for setting in SETTINGS.values():
            stack.enter_context(setting())
        actual = calls.digests(given)
    assert not differences(actual)


def test_in_inference_mode():
    given = calls.inputs()
    with torch.inference_mode():
        actual = calls.digests(given, figures=False)
    assert not differences(actual)
    assert not differences(calls.digests(given, figures=False))  # nothing that was made in it is in the way


def in_a_process(*options, **variables):
    """The digests of a process with options and environment variables of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "MPLBACKEND": "agg"}
    command = [sys.executable, *options, "-W", "ignore", calls.__file__]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment | variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


FOREIGN = """
image.origin: lower
image.cmap: jet
axes.grid: True
axes.unicode_minus: False
font.size: 20
savefig.bbox: tight
savefig.format: pdf
savefig.dpi: 30
"""


@pytest.mark.once
def test_without_docstrings_and_assertions_in_an_ascii_locale_with_the_users_matplotlibrc(tmp_path):
    (tmp_path / "matplotlibrc").write_text(FOREIGN)
    ascii_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert not differences(in_a_process("-OO", MATPLOTLIBRC=str(tmp_path), **ascii_locale))


@pytest.mark.once
def test_with_another_backend_of_matplotlib():
    actual = in_a_process(MPLBACKEND="svg")
    figures = {name for name in actual if name.startswith("plots.")}
    assert not [actual[name] for name in figures if "Error" in actual[name]]
    # It measures text in its own way, which moves what is drawn.
    assert not differences({name: said for name, said in actual.items() if name not in figures})


ELSEWHERE = {
    "set_fft_library": "sets what is the user's own setting",
    "plots.save": "writes a file of what it is given",
    "plots.training_progress": "needs a training; its numbers are those of track.Tracker",
    "plots.score_history": "needs a store; its numbers are those of evaluate",
    "images.write": "by images.read",
    "images.pair": "by images.read",
    "images.decode": "what images.read calls",
    "HyRA": "by its methods",
    "track.History": "by track.Tracker",
    "demo.Network": "a user's module, by demo.load",
    "pyiqa.register": "needs pyiqa",
    "track.open_writer": "a door to TensorBoard, MLflow and W&B",
    "track.lightning_callback": "needs lightning; a door to track.Tracker",
}
"""Public names that the table leaves out."""


def public_functions():
    """By the names of the table: what the modules list, or define where they list nothing, and what `HyRA` can do."""
    for module in (hyra, *(sys.modules[f"hyra.{name}"] for name in SUBMODULES)):
        own = [name for name, x in vars(module).items() if getattr(x, "__module__", None) == module.__name__]
        prefix = module.__name__.removeprefix("hyra").removeprefix(".") + "." * (module is not hyra)
        for name in getattr(module, "__all__", own):
            if not name.startswith("_") and not inspect.ismodule(getattr(module, name)):
                yield prefix + name, getattr(module, name)
    yield from ((f"HyRA.{name}", member) for name, member in vars(hyra.HyRA).items() if not name.startswith("_"))


def test_the_table_has_every_public_function():
    called = {name.partition(":")[0] for name in calls.calls(**calls.inputs())}
    missing = [name for name, x in public_functions() if name not in called | ELSEWHERE.keys() and not is_passive(x)]
    assert not missing
    assert not ELSEWHERE.keys() - {name for name, _ in public_functions()}


def is_passive(x):
    """A kind of result or error, which functions of the table return or raise, a protocol, an alias, or a constant."""
    if inspect.isclass(x):
        return issubclass(x, hyra.Result | Exception) or is_dataclass(x) or getattr(x, "_is_protocol", False)
    return not callable(x) or typing.get_origin(x) is not None
