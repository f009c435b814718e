"""Figures for papers and reports; each function returns ``(fig, axes)`` and shows nothing.

matplotlib (extra `cli`) is imported when the first figure is made. Save one with `save`, or `fig.savefig`.

Example:
    >>> import tempfile, torch, hyra
    >>> response = hyra.HyRA(torch.nn.Upsample(scale_factor=2, mode="bicubic")).impulse_response(16)
    >>> fig, axes = profile(response)  # the same as response.plot() is for impulse_response
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(fig, f"{folder}/profile.pdf")
"""

from hyra.plots.amplitudes import amplitude_sweep
from hyra.plots.attribution import attribution, attribution_comparison, effective_receptive_field
from hyra.plots.evaluate import lowpass_sweep, model_comparison, scale_sweep
from hyra.plots.layer_spectra import layer_spectra
from hyra.plots.layers import layer_responses
from hyra.plots.probing import local_responses, probe
from hyra.plots.response import impulse_response, profile, sinc_fit
from hyra.plots.runs import score_history
from hyra.plots.scores import fsds_sensitivity
from hyra.plots.spectrum import band_psnr, radial_power, radial_profile, ring_correlation, spectrum_comparison
from hyra.plots.split import band_shares, copy_compensation, decomposition, in_colour, spectra
from hyra.plots.style import save
from hyra.plots.training import training_progress
from hyra.plots.transfer import transfer_function

__all__ = [
    "amplitude_sweep",
    "attribution",
    "attribution_comparison",
    "band_psnr",
    "band_shares",
    "copy_compensation",
    "decomposition",
    "effective_receptive_field",
    "fsds_sensitivity",
    "impulse_response",
    "in_colour",
    "layer_responses",
    "layer_spectra",
    "local_responses",
    "lowpass_sweep",
    "model_comparison",
    "probe",
    "profile",
    "radial_power",
    "radial_profile",
    "ring_correlation",
    "save",
    "scale_sweep",
    "score_history",
    "sinc_fit",
    "spectra",
    "spectrum_comparison",
    "training_progress",
    "transfer_function",
]
