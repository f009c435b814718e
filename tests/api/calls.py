"""Every public function called once, and a digest of the bits that it returns.

``python calls.py`` prints the digests as JSON; `test_settings.py` compares them under settings that must not reach
hyra's own arithmetic. The inputs are made beforehand, as a user makes them: with dtype and device of their own.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import io
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import hyra
import hyra.demo
import hyra.metrics
import hyra.models
import hyra.ops
import hyra.pyiqa
import hyra.report
import hyra.track
from hyra import adapters, images, ops, plots, spectrum


class Upscale(nn.Module):
    """A network that no autocast changes: pixels repeated, blurred and bent, without a matrix product."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.9))
        self.last = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        large = x.repeat_interleave(2, -1).repeat_interleave(2, -2)
        blurred = (large + large.roll(1, -1) + large.roll(1, -2)) / 3
        return self.last(blurred - 0.1 * self.gain * blurred.square())


METRICS = (
    *("MeanAbsoluteError", "MeanSquaredError", "PeakSignalNoiseRatio"),
    *("StructuralSimilarity", "MultiScaleStructuralSimilarity"),
    *("FourierMeanAbsoluteError", "FourierMeanSquaredError", "FourierPeakSignalNoiseRatio"),
)


def inputs() -> dict[str, Any]:
    generator = torch.Generator().manual_seed(0)
    lr = torch.rand(3, 20, 24, generator=generator, dtype=torch.float32, device="cpu")
    hr = torch.rand(3, 40, 48, generator=generator, dtype=torch.float32, device="cpu")
    metric = hyra.metrics.FrequencySpectrumDistributionSimilarity()
    return {"lr": lr, "hr": hr, "noisy": (hr + 0.1 * hr.flip(1)).contiguous(), "net": Upscale(), "metric": metric,
            "metrics": [getattr(hyra.metrics, name)() for name in METRICS]}  # fmt: skip


def digest(x: Any) -> Any:
    """Of values: two results have the same digest where all bits are equal, and all dtypes."""
    if isinstance(x, Tensor):
        x = x.detach().cpu()
        x = torch.view_as_real(x.resolve_conj()) if x.is_complex() else x
        return [str(x.dtype), list(x.shape), hashlib.sha256(x.contiguous().numpy().tobytes()).hexdigest()[:16]]
    if isinstance(x, np.ndarray):
        return digest(torch.from_numpy(np.ascontiguousarray(x)))
    if is_dataclass(x) and not isinstance(x, type):
        return [type(x).__name__, *(digest(getattr(x, field.name)) for field in fields(x)), digest(members(x))]
    if isinstance(x, Mapping):
        return {str(key): digest(value) for key, value in x.items() if key not in ("provenance", "seconds")}
    if isinstance(x, Sequence) and not isinstance(x, str):
        return [digest(item) for item in x]
    return repr(x)


def members(result: Any) -> dict[str, Any]:
    """What the public properties of a result say, and its methods that need no argument."""
    said = {}
    for name in dir(type(result)):
        member = inspect.getattr_static(type(result), name)
        if name.startswith("_") or name in ("plot", "save", "load", "of"):
            continue
        if isinstance(member, property | functools.cached_property):
            said[name] = getattr(result, name)
        elif inspect.isfunction(member):
            _, *parameters = inspect.signature(member).parameters.values()
            if all(p.default is not p.empty or p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters):
                said[name] = getattr(result, name)()
    return said


def stored(result: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        result.save(f"{folder}/result.safetensors")
        return type(result).load(f"{folder}/result.safetensors")


def drawn(figure_and_axes: tuple[Any, Any]) -> Any:
    """The picture that is saved of a figure."""
    picture = io.BytesIO()
    plots.save(figure_and_axes[0], picture, dpi=40)
    return hashlib.sha256(picture.getvalue()).hexdigest()[:16]


def gradient(f: Callable[..., Tensor], *x: Tensor) -> Any:
    """Also in inference mode, of which a user steps out for it."""
    with torch.inference_mode(mode=False), torch.enable_grad():
        leaves = [tensor.detach().clone().requires_grad_() for tensor in x]
        return torch.autograd.grad(f(*leaves).sum(), leaves)


def file_of(image: Tensor) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        images.write(image, f"{folder}/image.png")
        return images.read(f"{folder}/image.png"), len(images.pair(folder, folder).missing_hr)


def spectra_of(noisy: Tensor, hr: Tensor) -> Any:
    statistics = spectrum.SpectrumStatistics(["noisy"], bins=8)
    statistics.update("noisy", noisy, hr)
    return statistics.compute()


def report_of(model: hyra.HyRA, lr: Tensor, hr: Tensor) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        return hyra.report.write(model, lr, folder, hr=hr, over_image=True, look_inside=True)


def track_of(net: nn.Module, lr: Tensor, hr: Tensor) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        tracker = hyra.track.Tracker(net, lr, target=hr, out=folder, every=1, size=16)
        tracker(1)
        return hyra.track.History(folder).records


def op_calls(lr: Tensor, hr: Tensor, noisy: Tensor) -> dict[str, Callable[[], Any]]:
    spectrum_of = torch.fft.rfft2(hr)
    moments = ops.mean_std(hr[None])
    energies = torch.ones(3, dtype=torch.float64, device="cpu")
    response = torch.rand(3, 5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float32, device="cpu")
    place = torch.tensor([[[2, 3]]], dtype=torch.int64, device="cpu")
    state = [torch.zeros(shape, dtype=dtype, device="cpu") for shape, dtype in
             (((5, 5), torch.int64), ((3, 5, 5), torch.float64), ((3, 5, 5), torch.float64))]  # fmt: skip
    rings = ops.radial_moments(spectrum_of, spectrum_of, 40, 48)
    pair = (noisy, hr, moments, moments, True)

    def energy(preds: Tensor, target: Tensor) -> Tensor:
        own = ops.mean_std(hr[None])
        return ops.integral_energy(preds, target, own, own, True)

    windows = [torch.full((size,), value, dtype=torch.float64, device="cpu") for size, value in ((7, 1 / 7), (2, 1e-3))]

    def structure(preds: Tensor, target: Tensor) -> Tensor:
        return ops.ssim_sums(preds[None], target[None], *(x.clone() for x in windows))  # they may be of inference mode

    def filtered(image: Tensor, taps: Tensor) -> Tensor:
        return ops.polyphase_filter(image[None], taps, 2, (2, 2), "reflect")

    return {
        "ops.difference_sums": lambda: ops.difference_sums(noisy[None], hr[None]),
        "ops.impulse_batch": lambda: ops.impulse_batch(lr, place, torch.ones(1, 3, dtype=lr.dtype, device="cpu")),
        "ops.integral_energy": lambda: (ops.integral_energy(*pair), gradient(energy, noisy, hr)),
        "ops.integral_energy_backward": lambda: ops.integral_energy_backward(hr, energies),
        "ops.mean_std": lambda: ops.mean_std(hr[None]),
        "ops.polyphase_filter": lambda: (filtered(lr, response), gradient(filtered, lr, response)),
        "ops.quadrant_energy": lambda: ops.quadrant_energy(spectrum_of, "integral"),
        "ops.quadrant_energy_backward": lambda: ops.quadrant_energy_backward(spectrum_of, energies, "integral"),
        "ops.radial_moments": lambda: rings,
        "ops.radial_moments_backward": lambda: ops.radial_moments_backward(
            spectrum_of, spectrum_of, rings[0], rings[2], 40, 48),
        "ops.response_moments": lambda: ops.response_moments(hr[None], place, response, (2, 2), state),
        "ops.rfft2": lambda: [ops.rfft2(hr, library) for library in hyra.fft_library_versions()],
        "ops.rfft2_adjoint": lambda: [ops.rfft2_adjoint(spectrum_of, 48, library)
                                      for library in hyra.fft_library_versions()],
        "ops.ssim_sums": lambda: (structure(noisy, hr), gradient(structure, noisy, hr)),
        "ops.ssim_sums_backward": lambda: ops.ssim_sums_backward(noisy[None], hr[None], *windows, energies.repeat(
            2).view(1, 3, 2)),
        "ops.standardize_backward": lambda: ops.standardize_backward(noisy[None], hr[None], moments),
        "ops.standardized_difference": lambda: ops.standardized_difference(*pair),
    }  # fmt: skip


def adapted_calls(lr: Tensor, net: nn.Module) -> dict[str, Callable[[], Any]]:
    batch = lr[None]

    def pixels(x: Tensor, coordinates: Tensor, cell: Tensor) -> Tensor:
        return (x.mean((2, 3))[:, None] + coordinates.sum(-1, keepdim=True)) * cell[..., :1]

    return {
        "adapters.at_scale": lambda: adapters.at_scale(lambda x, scale: net(x) * scale, 2)(batch),
        "adapters.bind": lambda: adapters.bind(lambda x, gain: net(x) * gain, gain=np.ones((1, 3, 1, 1)))(batch),
        "adapters.fixed_size": lambda: adapters.fixed_size(net, (12, 12))(batch),
        "adapters.implicit": lambda: adapters.implicit(pixels, 2)(batch),
        "adapters.level": lambda: adapters.level(0.1)(batch),
    }


def calls(
    lr: Tensor, hr: Tensor, noisy: Tensor, *, net: nn.Module, metric: nn.Module, metrics: Sequence[nn.Module]
) -> dict[str, Callable[[], Any]]:
    """By the name of the public function or class; a word after a colon tells two calls of one apart."""
    model = hyra.HyRA(net, dtype=torch.float32, device="cpu")
    sincs, variants = ("rectangular", "kaiser"), ("paper", "shift_invariant", "radial")
    response = functools.cache(lambda: model.impulse_response(16))
    split = functools.cache(lambda: model.decompose(lr, response=response()))
    probe = functools.cache(lambda: model.probe(canvas=40, batch_size=4, progress=False, keep_responses=True))
    over_image = functools.cache(
        lambda: model.probe(background=lr, mode="jvp", batch_size=4, progress=False, keep_responses=True)
    )
    sweep = functools.cache(lambda: model.amplitude_sweep([0.1, 1.0], 16))
    layers = functools.cache(lambda: model.layer_responses(size=16))
    attributed = functools.cache(lambda: model.attribution(lr, 2, side=8, batch_size=4, progress=False))
    comparison = functools.cache(lambda: hyra.compare_attributions({"one": model}, lr, hr, side=8, batch_size=4))
    field = functools.cache(lambda: model.erf(lr, batch_size=1, progress=False))
    layer_spectra = functools.cache(lambda: model.layer_spectra(lr, black=True))
    cutoffs = functools.cache(lambda: hyra.lowpass_sweep([lr], [hr], [0.4, 0.5], progress=False))
    scales = functools.cache(lambda: hyra.scale_sweep(lambda s: hyra.HyRA(net), [2], 16, progress=False))
    compared = functools.cache(lambda: hyra.compare_models({"one": model, "two": model}, lr, hr))

    def scored(f: Callable[..., Any], **options: Any) -> Any:
        return [f(x, y, variant=v, **options) for v in variants
                for x, y in ((noisy, hr), (noisy.double(), hr.double() + 900), (noisy.half(), hr.half()))]  # fmt: skip

    def losses() -> Any:
        all_losses = [hyra.FSDSLoss(v, form=form) for v in variants for form in ("db", "ratio")]
        return [(loss(noisy, hr), gradient(loss, noisy, hr)) for loss in all_losses]

    def measured() -> Any:
        metric.reset()
        metric.update(noisy, hr)
        return metric.compute(), metric(noisy, hr)

    differences = ("mae", "mse", "psnr", "fourier_mae", "fourier_mse", "fourier_psnr")
    pairs = [(noisy, hr), (noisy.double(), hr.double()), ((255 * noisy.clamp(0, 1)).byte(), (255 * hr).byte())]
    table: dict[str, Callable[[], Any]] = {
        "FSDSLoss": losses,
        "SSIMLoss": lambda: [(hyra.SSIMLoss(form)(noisy, hr), gradient(hyra.SSIMLoss(form), noisy, hr))
                             for form in ("matlab", "torchmetrics", "skimage")],
        "ssim": lambda: [hyra.ssim(x, y, form=form) for form in ("matlab", "torchmetrics", "skimage")
                         for x, y in pairs],
        "ms_ssim": lambda: [hyra.ms_ssim(*(v.repeat(1, 5, 4) for v in pair)) for pair in pairs],
        "FSDSReference": lambda: scored(lambda x, y, variant: hyra.FSDSReference(y, variant=variant)(x)),
        "HyRA.impulse_response": response,
        "HyRA.impulse_response: matrix": lambda: model.impulse_response(16, "matrix", background=0.5),
        "HyRA.impulse_response: jvp": lambda: model.impulse_response(16, mode="jvp", background=0.5),
        "HyRA.decompose": split,
        "HyRA.decompose: tiled": lambda: hyra.HyRA(net).decompose(lr, tile=12, halo=4),
        "HyRA.probe": probe,
        "HyRA.probe: over an image": over_image,
        "HyRA.amplitude_sweep": sweep,
        "HyRA.layer_responses": layers,
        "HyRA.attribution": attributed,
        "HyRA.attribution: blocks": lambda: model.attribution(lr, (8, 8, 8), block=6, batch_size=4, progress=False),
        "HyRA.erf": field,
        "HyRA.layer_spectra": layer_spectra,
        "Attribution": lambda: attributed().table(),
        "EffectiveReceptiveField": lambda: (field().radius(0.9), field().area_ratio(0.9), field().orientation),
        "LayerSpectra": lambda: (layer_spectra().table(), layer_spectra().survival()),
        "HyRA.input_sizes": lambda: hyra.HyRA(net).input_sizes(16),
        "HyRA.scale": lambda: hyra.HyRA(net).scale,
        "Decomposition": lambda: [split().spectra(), split().band_shares(0.25), split().copy_compensation()],
        "ImpulseResponse": lambda: [response().apply(lr, b) for b in ("zeros", "reflect", "replicate", "circular")],
        "ImpulseResponse.cropped": lambda: response().cropped(8),
        "SincFit.kernel": lambda: response().fit_sinc().kernel(torch.ones(3, dtype=torch.float64, device="cpu")),
        "Probe": lambda: (probe().response(1), probe().deviation_per_phase(2)),
        "LowpassSweep": lambda: cutoffs().best("psnr"),
        "Result": lambda: [stored(x) for x in (response(), split(), probe(), sweep(), layers(), cutoffs())],
        "compare_models": compared,
        "compare_attributions": comparison,
        "lowpass_sweep": cutoffs,
        "ScaleSweep": lambda: scales().table(),
        "scale_sweep": scales,
        "lowpass_upsample": lambda: [hyra.lowpass_upsample(x, 2, taps=taps, window=window)
                                     for taps in (None, 4) for window in sincs for x in (lr, lr.double(), lr.half())],
        "fft_library": lambda: [hyra.fft_library(hr.shape, dtype, "cpu") for dtype in (torch.float32, torch.float64)],
        "fft_library_versions": hyra.fft_library_versions,
        "fsds": lambda: [scored(hyra.fsds, check=check) for check in (True, False)] + [hyra.fsds(
            noisy.numpy(), hr.numpy())],
        **{name: lambda n=name: [getattr(hyra, n)(x, y) for x, y in pairs] for name in differences},
        "Protocol": lambda: [hyra.Protocol.named(name, 2).scores(noisy, hr, ["fsds", "psnr", "ssim"])
                             for name in ("paper", "y", "y-rounded", "div2k")],
        "metrics.FrequencySpectrumDistributionSimilarity": measured,
        **{f"metrics.{type(m).__name__}": lambda m=m: m(*(x.repeat(1, 5, 4) for x in (noisy, hr))) for m in metrics},
        "pyiqa.PairScore": lambda: [hyra.pyiqa.PairScore(s)(noisy[None], hr[None]) for s in ("fsds", *differences)],
        "images.read": lambda: file_of(hr),
        "images.imresize": lambda: [images.imresize(x, f) for x in (hr, hr.double(), hr.half(), (255 * hr).byte())
                                    for f in (0.5, 1.7)],
        "images.luma": lambda: [images.luma(hr), images.luma(hr.half()), images.luma(hr, rounded=True)],
        "images.in_colours": lambda: [images.in_colours(hr, 1), images.in_colours(hr[:1], 3)],
        "models.load": lambda: hyra.models.load("bicubic", 2).network(lr[None]),
        "demo.load": lambda: [*hyra.demo.load().parameters()],
        "report.write": lambda: report_of(model, lr, hr),
        "track.Tracker": lambda: track_of(net, lr, hr),
        "spectrum.band_psnr": lambda: spectrum.band_psnr(noisy, hr),
        "spectrum.fourier_ring_correlation": lambda: spectrum.fourier_ring_correlation(noisy, hr, corners=True),
        "spectrum.half_bit_threshold": lambda: spectrum.half_bit_threshold(torch.tensor([1, 8, 1000], device="cpu")),
        "spectrum.log_spectral_distance": lambda: spectrum.log_spectral_distance(noisy, hr, window="hann"),
        "spectrum.SpectrumStatistics": lambda: spectra_of(noisy, hr),
        "spectrum.log_spectrum": lambda: spectrum.log_spectrum(hr),
        "spectrum.phase_spectrum": lambda: spectrum.phase_spectrum(hr),
        "spectrum.radial_error": lambda: spectrum.radial_error(noisy, hr),
        "spectrum.radial_power": lambda: [spectrum.radial_power(x) for x in (hr, hr.double(), hr.half())],
        "plots.fsds_sensitivity": lambda: drawn(plots.fsds_sensitivity(hr[:, :8, :8])),
        "plots.local_responses": lambda: drawn(plots.local_responses(over_image())),
        "plots.profile": lambda: drawn(plots.profile(response())),
        "plots.radial_power": lambda: drawn(plots.radial_power(split())),
        "plots.in_colour": lambda: drawn(plots.in_colour(model.decompose(images.luma(lr)), lr)),
        **adapted_calls(lr, net),
        **op_calls(lr, hr, noisy),
    }  # fmt: skip
    results = {
        "impulse_response": response, "decomposition": split, "probe": probe, "amplitude_sweep": sweep,
        "attribution": attributed, "effective_receptive_field": field, "attribution_comparison": comparison,
        "layer_spectra": layer_spectra,
        "layer_responses": layers, "lowpass_sweep": cutoffs, "model_comparison": compared, "scale_sweep": scales,
        "sinc_fit": lambda: response().fit_sinc(), "transfer_function": lambda: response().transfer_function(),
        "spectra": lambda: split().spectra(), "band_shares": lambda: split().band_shares(),
        "copy_compensation": lambda: split().copy_compensation(), "band_psnr": lambda: spectrum.band_psnr(noisy, hr),
        "radial_profile": lambda: spectrum.radial_power(hr),
        "ring_correlation": lambda: spectrum.fourier_ring_correlation(noisy, hr),
        "spectrum_comparison": lambda: spectra_of(noisy, hr),
    }  # fmt: skip
    return table | {f"plots.{name}": lambda make=make: drawn(make().plot()) for name, make in results.items()}


def digests(given: dict[str, Any], *, figures: bool = True) -> dict[str, Any]:
    """Of every call; an error is a digest, too."""
    said = {}
    for name, call in calls(**given).items():
        if figures or not name.startswith(("plots.", "report.")):
            try:
                said[name] = digest(call())
            except Exception as error:
                said[name] = f"{type(error).__name__}: {error}"
    return said


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.stdout.write(json.dumps(digests(inputs())))
