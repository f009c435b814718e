"""Spectra of images as curves and pictures: radial power, ring correlation, and where in frequency an error lies.

`SpectrumStatistics` takes their means over many images of any sizes.

Frequencies are in cycles per pixel of the image given. All radial numbers follow the one ring rule that the op
`hyra.ops.radial_moments` states: rings are isotropic, also in an image that is not square, and ring r has the frequency
``r / min(H, W)``. With ``corners=False`` the rings end at the Nyquist frequency, 0.5; with ``corners=True`` they go on
to 0.71 in the corners of the frequency plane. No ring is empty, since a step of one bin never skips one. Powers are
those of the unscaled DFT, by the library that `hyra.fft_library` names.
"""

from hyra.spectrum.bands import BandPSNR, band_psnr
from hyra.spectrum.comparison import PairSpectrum, SpectrumComparison
from hyra.spectrum.correlation import RingCorrelation, fourier_ring_correlation, half_bit_threshold
from hyra.spectrum.means import SpectrumStatistics
from hyra.spectrum.pictures import log_spectrum, phase_spectrum
from hyra.spectrum.radial import RadialProfile, log_spectral_distance, radial_error, radial_power

__all__ = [
    "BandPSNR",
    "PairSpectrum",
    "RadialProfile",
    "RingCorrelation",
    "SpectrumComparison",
    "SpectrumStatistics",
    "band_psnr",
    "fourier_ring_correlation",
    "half_bit_threshold",
    "log_spectral_distance",
    "log_spectrum",
    "phase_spectrum",
    "radial_error",
    "radial_power",
]
