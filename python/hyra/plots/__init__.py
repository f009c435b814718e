"""Figures for papers and reports; each function returns ``(fig, axes)`` and shows nothing.

matplotlib (extra `cli`) is imported when the first figure is made. Save one with `save`, or `fig.savefig`.

Example:
    >>> import tempfile, torch, hyra
    >>> response = hyra.HyRA(torch.nn.Upsample(scale_factor=2, mode="bicubic")).impulse_response(16)
    >>> fig, axes = profile(response)  # the same as response.plot() is for impulse_response
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(fig, f"{folder}/profile.pdf")
"""

from hyra.plots.amplitude_sweep import amplitude_sweep
from hyra.plots.band_psnr import band_psnr
from hyra.plots.band_shares import band_shares, copy_compensation
from hyra.plots.decomposition import decomposition, spectra
from hyra.plots.fsds_sensitivity import fsds_sensitivity
from hyra.plots.impulse_response import impulse_response
from hyra.plots.layer_responses import layer_responses
from hyra.plots.local_responses import local_responses
from hyra.plots.lowpass_sweep import lowpass_sweep
from hyra.plots.model_comparison import model_comparison
from hyra.plots.probe import probe
from hyra.plots.profile import profile
from hyra.plots.radial import radial_profile, ring_correlation
from hyra.plots.radial_power import radial_power
from hyra.plots.sinc_fit import sinc_fit
from hyra.plots.style import save
from hyra.plots.transfer_function import transfer_function

__all__ = [
    "amplitude_sweep",
    "band_psnr",
    "band_shares",
    "copy_compensation",
    "decomposition",
    "fsds_sensitivity",
    "impulse_response",
    "layer_responses",
    "local_responses",
    "lowpass_sweep",
    "model_comparison",
    "probe",
    "profile",
    "radial_power",
    "radial_profile",
    "ring_correlation",
    "save",
    "sinc_fit",
    "spectra",
    "transfer_function",
]
