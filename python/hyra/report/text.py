"""What a report says in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

RESPONSE = (
    "The network got a constant image with one other pixel. What it makes of that pixel is the impulse response of its "
    "linear part H."
)
IDEAL = "An ideal interpolator answers with a sinc: a main lobe, and rings that alternate in sign."
RESPONSE_FIGURE = (
    "The mean over the colours. Blue is negative, red positive, and colours saturate early so that the side lobes "
    "show. The faint grid is that of the LR pixels; that of the impulse is the middle one."
)
PROFILE_FIGURE = "Sections through the middle, the ideal sinc, and the windowed sinc that fits the whole response best."
TRANSFER = (
    "The Fourier transform of the response: how much the linear part lets through of each frequency. Upsampling by "
    "zero insertion repeats the spectrum of the image around every whole frequency; H should keep what lies inside "
    "the dashed square and remove the copies."
)
TRANSFER_FIGURE = "0 dB: passed unchanged. Crosses and dotted lines: centres of the copies of the spectrum."
SPLIT = (
    "SR = H + G: H is the image filtered with the impulse response, G is what remains. H blurs and may show a grid "
    "where its filter does not remove the copies; G adds detail, and may take the grid away by opposing H's phase "
    "there."
)
SPLIT_FIGURE = (
    "Images, and amplitude and phase of their spectra on shared scales (colours averaged). The spectrum of LR is "
    "shown as zero insertion repeats it."
)
COLOUR_FIGURE = (
    "The network has one channel and got the luma (Y of BT.601), of which all numbers and other figures are. For the "
    "eye, its output with the colours of the bicubic enlargement, as its authors show it; on the left that enlargement."
)
POWER_FIGURE = (
    "Power over the distance from zero frequency, and the cosine between H and G there: at -1 their phases are opposed "
    "and G cancels H."
)
NOT_FINITE = (
    "The network's response is not finite ({probe}). That is a finding about the "
    "network and not an error of the measurement; another amplitude or background may work."
)
QUALITY = (
    "PSNR compares pixels. FSDS, from the paper, compares the spectra integrated from low to high frequencies. Both "
    "are in dB, over all pixels, no border cut, and higher is better: of RGB, and of a network of one channel on Y of "
    "BT.601. Bicubic is MATLAB's imresize, whose cubic has a = -0.5 (torch's has -0.75).",
    "Read FSDS with care. Integrating a one-sided spectrum weights pixels by about 1/sin² of their distance from the "
    "corner, so that nearly all of the paper's variant is decided in the outermost pixels of the image, and a flip of "
    "both images changes it by some dB. The shift-invariant variant averages over all circular shifts; it has no "
    "favoured border, and weights low frequencies most.",
)
OPERATING_POINT = (
    "Networks are not linear, so the response depends on where it is measured. The paper lights a white pixel on "
    "black, far from any photograph; the derivative at grey says what the network does to small changes of a smooth "
    "image."
)
OVER_IMAGE = (
    "Nor is it the same all over an image. Here the derivative was taken at {places} places of this one: what the "
    "network does to a small change there. The likeness of the side lobes to the sinc ranges from "
    "{ring_cosine_least:.2f} to {ring_cosine_most:.2f}, with {ring_cosine_median:.2f} in the middle. The median "
    "distance of a response from the mean of all is {deviation:.0%} of the mean's norm; the mean itself has a likeness "
    "of {ring_cosine_of_mean:.2f}."
)
CONTRAST = (
    "The rank correlation between this likeness and the contrast within one pixel is {correlation}. Below "
    "zero, the response is most like the sinc where the image is smooth, and least at edges and in texture, to which "
    "the network adapts its filter."
)
OVER_IMAGE_FIGURE = (
    "Squares: likeness of the response at that place to the ideal sinc, outside the main lobe. Below: the least, the "
    "median and the most similar of them, and the mean of all, on one scale that saturates early."
)
ATTRIBUTION = (
    "Local attribution maps (Gu and Dong, CVPR 2021) say which pixels of the input make the detail in a window of the "
    "output, as the input is sharpened little by little. The diffusion index, 100 where all pixels do so alike and "
    "near 0 where a few do it all, is {indices} here. It compares networks on one image and window alone; those that "
    "use pixels farther away have a larger one."
)
ATTRIBUTION_FIGURE = (
    "The windows with most detail in the middle of the image. Red pixels add detail to the window, blue ones take some "
    "away; colours grow with the logarithm, down to a thousandth of the largest, so that weak contributions show."
)
FIELD = (
    "The effective receptive field is how much the middle of the output changes with each pixel of the input. Half of "
    "its energy lies within {r50:.1f} LR pixels of that middle, 90 % within {r90:.1f} and 99 % within {r99:.1f}; 0.0 "
    "is the middle pixel alone."
)
FIELD_FIGURE = (
    "Left: the energy, with circles around 50, 90 and 99 % of it; dashed, the square beyond which no pixel matters at "
    "all. Right: the share within a distance, beside that of the impulse response."
)
LAYERS = (
    "Each layer's output for the image, by frequency. Upsamplers bring copies above half a cycle per LR pixel, which "
    "later layers remove. What layers make of black is no answer to the image: H starts from the difference."
)
LAYERS_FIGURE = (
    "Left: logarithm of the amplitude over that at zero frequency, from dark, the first layer, to light, the last. "
    "Middle: how the energy is shared among the bands. Right: root mean square of what layers make of the image, of "
    "black, and of their difference."
)
LIMITS = (
    "H was measured at one operating point; most networks answer differently to a weaker pixel or on another "
    "background, and G absorbs the difference. A "
    "likeness to the sinc says how the linear part filters, and not how good the images look.",
)


def at_the_copies(opposition: float, remaining: float) -> str:
    """What G does there, by the cosine of its phase against H's and by the energy of H + G over that of H."""
    if math.isnan(opposition) or abs(remaining - 1) < 0.01:
        return "Here G leaves the copies as they are."
    phase = "opposes H's" if opposition < -0.2 else "agrees with H's" if opposition > 0.2 else "is unrelated to H's"
    if remaining < 1:
        what = "G takes part of the grid away"
    elif opposition < -0.2:
        what = "G cancels some of the grid, and brings more of its own than it cancels"
    else:
        what = "G adds to what is there, whether grid or detail"
    numbers = f"(cosine {opposition:.2f}), and H + G has {remaining:.2f} times the energy of H"
    return f"Here G's phase at the copies {phase} {numbers}: {what}.".replace("-", "−")


def restoration(values: Mapping[str, float], *, exploded: bool) -> str:
    """The one sentence at the top for a network at scale 1, which answers other questions than one that enlarges."""
    if exploded:
        return verdict(math.nan, exploded=True)
    peak, noise, half = values["peak_gain"], values["noise_gain"], values["mtf50"]
    what = "sharpens" if peak > 1.05 else "blurs" if half < 0.5 else "keeps nearly all frequencies"
    where = "" if math.isinf(half) else f", with half of the contrast left at {half:.3f} cycles per pixel"
    return (
        f"This network gives as many pixels as it gets, so that no sinc is its ideal. Its linear part {what}{where}; "
        f"it multiplies the standard deviation of noise by {noise:.2f} and the brightness by {values['dc_gain']:.3f}."
    )


def clipped(bounds: str, share: float, elsewhere: Sequence[tuple[str, float]]) -> str:
    """The one sentence at the top where the network's bounds cut the response off."""
    sound = "".join(f" Where nothing is cut ({probe}) it is {value:.2f}." for probe, value in elsewhere)
    return (
        f"This network's output is {bounds}, and {share:.0%} of it lies at that limit at this operating point: the "
        f"side lobes are cut off, and their likeness to the sinc says nothing of the filter.{sound}".replace("-", "−")
    )


def verdict(ring_cosine: float, *, exploded: bool) -> str:
    """The one sentence at the top."""
    if exploded:
        return (
            "The network explodes at this operating point: what it makes of the pixel is no picture of a filter. The "
            "numbers and figures below describe the explosion; another amplitude or background may be tamer."
        )
    if ring_cosine >= 0.5:
        what = "filters like a sinc: its side lobes have the ideal interpolator's signs and places"
    elif ring_cosine > 0.2:
        what = "resembles a sinc only faintly outside the main lobe"
    else:
        what = "shows no sinc outside its main lobe at this operating point"
    return (
        f"The linear part of this network {what} (likeness of the side lobes {ring_cosine:.2f}, where 1 is the sinc)."
    )
