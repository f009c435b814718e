"""What an image super-resolution network really does: impulse responses, the HyRA split and FSDS."""

from importlib.metadata import version

from hyra import ops, spectrum
from hyra.amplitude import AmplitudeSweep
from hyra.analyzer import HyRA
from hyra.comparison import ModelComparison, compare_models
from hyra.decompose import Decomposition
from hyra.fft import fft_library, fft_library_versions, set_fft_library
from hyra.fsds import FSDSReference, fsds
from hyra.loss import FSDSLoss
from hyra.lowpass import lowpass_upsample
from hyra.response import ImpulseResponse
from hyra.sinc import SincFit
from hyra.sweep import LowpassSweep, lowpass_sweep

__version__ = version("hyra")
__all__ = [
    "AmplitudeSweep",
    "Decomposition",
    "FSDSLoss",
    "FSDSReference",
    "HyRA",
    "ImpulseResponse",
    "LowpassSweep",
    "ModelComparison",
    "SincFit",
    "compare_models",
    "fft_library",
    "fft_library_versions",
    "fsds",
    "lowpass_sweep",
    "lowpass_upsample",
    "ops",
    "set_fft_library",
    "spectrum",
]
