"""What an image super-resolution network really does: impulse responses, the HyRA split and FSDS."""

from hyra._util.interrupt import leave_quietly

leave_quietly()  # before what takes time to import
del leave_quietly

# ruff: noqa: E402 - whoever interrupts the command may do so while torch is imported
from hyra import adapters, images, ops, spectrum
from hyra._util.version import __version__
from hyra.analyzer import HyRA
from hyra.attribution.layer_spectra import LayerSpectra
from hyra.attribution.maps import Attribution
from hyra.attribution.receptive_field import EffectiveReceptiveField
from hyra.evaluate.attributions import AttributedModel, AttributionComparison, compare_attributions
from hyra.evaluate.lowpass.comparison import ComparedModel, ModelComparison, compare_models
from hyra.evaluate.lowpass.scales import ScaleSweep, scale_sweep
from hyra.evaluate.lowpass.sweep import LowpassSweep, lowpass_sweep
from hyra.filters.lowpass import lowpass_upsample
from hyra.filters.response import BackgroundOutput, ImpulseResponse
from hyra.filters.sinc import SincFit
from hyra.filters.transfer import TransferFunction
from hyra.network.forward import NetworkError
from hyra.network.locality import Locality
from hyra.network.sizes import InputSizes
from hyra.probing.amplitude import AmplitudeSweep
from hyra.probing.layers import LayerResponses
from hyra.probing.operating_point import OperatingPoint
from hyra.probing.probe import Probe
from hyra.results import figures
from hyra.results.result import Result
from hyra.scores.fourier import fourier_mae, fourier_mse, fourier_psnr
from hyra.scores.fsds import FSDSReference, fsds
from hyra.scores.loss import FSDSLoss
from hyra.scores.pixelwise import mae, mse, psnr
from hyra.scores.protocol import Protocol
from hyra.scores.ssim import SSIMLoss, ms_ssim, ssim
from hyra.spectrum.fft import fft_library, fft_library_versions, set_fft_library
from hyra.split.parts import BandShares, CopyCompensation, Decomposition, Spectra


def _load_figures() -> None:
    from hyra import plots  # noqa: F401 - they register themselves


figures.provide(_load_figures)
del figures

__all__ = [
    "AmplitudeSweep",
    "AttributedModel",
    "Attribution",
    "AttributionComparison",
    "BackgroundOutput",
    "BandShares",
    "ComparedModel",
    "CopyCompensation",
    "Decomposition",
    "EffectiveReceptiveField",
    "FSDSLoss",
    "FSDSReference",
    "HyRA",
    "ImpulseResponse",
    "InputSizes",
    "LayerResponses",
    "LayerSpectra",
    "Locality",
    "LowpassSweep",
    "ModelComparison",
    "NetworkError",
    "OperatingPoint",
    "Probe",
    "Protocol",
    "Result",
    "SSIMLoss",
    "ScaleSweep",
    "SincFit",
    "Spectra",
    "TransferFunction",
    "__version__",
    "adapters",
    "compare_attributions",
    "compare_models",
    "fft_library",
    "fft_library_versions",
    "fourier_mae",
    "fourier_mse",
    "fourier_psnr",
    "fsds",
    "images",
    "lowpass_sweep",
    "lowpass_upsample",
    "mae",
    "ms_ssim",
    "mse",
    "ops",
    "psnr",
    "scale_sweep",
    "set_fft_library",
    "spectrum",
    "ssim",
]
