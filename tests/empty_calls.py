"""What every public function and method makes of nothing, or says: a table for the tests."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import hyra
from hyra import images, models, plots, report, spectrum, track
from hyra.demo import Network
from hyra.images import resampling

SIDE = 8

COUNT_NOTHING = {
    # settings, versions, names and plain values
    *("hyra.NetworkError", "hyra.InputSizes", "hyra.InputSizes.at_least", "hyra.Locality", "hyra.BackgroundOutput"),
    *("hyra.fft_library_versions", "hyra.set_fft_library", "hyra.demo.Network", "hyra.demo.load", "hyra.models.Model"),
    *("hyra.models.Network", "hyra.images.Decoded"),
    "hyra.Protocol.for_network",
    *(f"hyra.OperatingPoint.{name}" for name in ("by_colour", "colours", "excess", "of", "response")),
    *(
        "hyra.pyiqa.register",
        "hyra.report.Number",
        "hyra.report.Quality",
        "hyra.report.Quality.row",
        "hyra.track.Record",
    ),
    *(
        "hyra.HyRA",
        "hyra.FSDSLoss",
        "hyra.FSDSLoss.extra_repr",
        "hyra.SSIMLoss",
        "hyra.SSIMLoss.extra_repr",
        "hyra.SincFit",
        "hyra.plots.save",
    ),
    "hyra.pyiqa.PairScore",
    # results, which hold what a function here has made, and methods that only look at one
    *("hyra.BandShares", "hyra.ComparedModel", "hyra.ComparedModel.row", "hyra.CopyCompensation", "hyra.Decomposition"),
    *("hyra.Attribution", "hyra.Attribution.table", "hyra.EffectiveReceptiveField", "hyra.LayerSpectra"),
    *("hyra.EffectiveReceptiveField.radius", "hyra.EffectiveReceptiveField.area_ratio", "hyra.plots.attribution"),
    *("hyra.plots.effective_receptive_field", "hyra.LayerSpectra.table", "hyra.LayerSpectra.survival"),
    *(
        "hyra.LayerSpectra.band_shares",
        "hyra.AttributedModel",
        "hyra.AttributedModel.row",
        "hyra.plots.attribution_comparison",
        "hyra.AttributionComparison.table",
        "hyra.plots.layer_spectra",
    ),
    *("hyra.LayerResponses", "hyra.LowpassSweep", "hyra.LowpassSweep.best", "hyra.ModelComparison.table", "hyra.Probe"),
    *("hyra.Probe.response", "hyra.Result", "hyra.Spectra", "hyra.TransferFunction", "hyra.images.Pairing"),
    *("hyra.spectrum.BandPSNR", "hyra.spectrum.RadialProfile", "hyra.spectrum.RingCorrelation"),
    *("hyra.spectrum.PairSpectrum", "hyra.spectrum.SpectrumComparison", "hyra.spectrum.SpectrumComparison.crossing"),
    *("hyra.ImpulseResponse.fit_sinc", "hyra.ImpulseResponse.profile", "hyra.ImpulseResponse.transfer_function"),
    # figures of results that are never empty, and what a tracker does on its own
    *(f"hyra.plots.{name}" for name in ("impulse_response", "local_responses", "probe", "profile", "sinc_fit")),
    *(
        f"hyra.plots.{name}"
        for name in ("band_shares", "copy_compensation", "lowpass_sweep", "model_comparison", "transfer_function")
    ),
    *("hyra.plots.amplitude_sweep", "hyra.plots.spectrum_comparison", "hyra.plots.score_history"),
    *("hyra.plots.in_colour", "hyra.plots.scale_sweep", "hyra.ScaleSweep.table"),
    *("hyra.track.History.add", "hyra.track.ScalarWriter", "hyra.track.ScalarWriter.add_scalar"),
    *("hyra.track.Record.scalars", "hyra.track.lightning_callback", "hyra.track.open_writer"),
}
"""Names that nothing can be asked for an empty batch, list or folder: say here of a new one that it is one of them."""


@dataclass(frozen=True)
class Given:
    dtype: torch.dtype
    device: torch.device
    folder: Path

    def images(self, count: int = 0, *, rows: int = SIDE) -> torch.Tensor:
        return torch.rand(count, 3, rows, SIDE, dtype=self.dtype, device=self.device)

    def squares(self, side: int) -> tuple[torch.Tensor, ...]:
        return tuple(torch.rand(2, 0, 3, side, side, dtype=self.dtype, device=self.device))

    @property
    def model(self) -> hyra.HyRA:
        return hyra.HyRA(torch.nn.Upsample(scale_factor=2), dtype=self.dtype, device=self.device)

    @property
    def response(self) -> hyra.ImpulseResponse:
        response = torch.ones(3, 2, 2, dtype=self.dtype, device=self.device)  # nearest-neighbour interpolation
        return hyra.ImpulseResponse(response, scale=2, origin=(0, 0))

    @property
    def split(self) -> hyra.Decomposition:
        hr = self.images().repeat(1, 1, 2, 2)
        return hyra.Decomposition(self.images(), hr, hr, hr, self.response, "reflect")

    def metric(self, name: str) -> Any:
        metrics = pytest.importorskip("hyra.metrics", exc_type=ModuleNotFoundError)
        return getattr(metrics, name)().to(self.device)


@dataclass(frozen=True)
class Case:
    """A call, and the shape of its result (the shapes, where it has several tensors), or what the error says."""

    name: str
    call: Callable[[Given], Any]
    result: Any
    error: type[Exception] = ValueError

    def __str__(self) -> str:
        return self.name


NO_IMAGE = r"must hold at least one image.*, got (shape \(0, 3, \d+, \d+\)|an empty batch)"
NO_PIXEL = "at least one channel, row and column"
NOTHING = "must hold something to draw, got"
HR = (0, 3, 2 * SIDE, 2 * SIDE)
RINGS = SIDE // 2 + 1

METRICS = {
    "FrequencySpectrumDistributionSimilarity": SIDE,
    **dict.fromkeys(("MeanAbsoluteError", "MeanSquaredError", "PeakSignalNoiseRatio"), SIDE),
    **dict.fromkeys(("FourierMeanAbsoluteError", "FourierMeanSquaredError", "FourierPeakSignalNoiseRatio"), SIDE),
    "StructuralSimilarity": 16,
    "MultiScaleStructuralSimilarity": 161,
}
"""Each metric, and the side of images that it takes."""

CASES = [
    *(
        case
        for v in ("paper", "shift_invariant", "radial")
        for case in (
            Case("hyra.fsds", lambda g, v=v: hyra.fsds(g.images(), g.images(), variant=v), (0,)),
            Case("hyra.fsds", lambda g, v=v: hyra.fsds(g.images(), g.images(), variant=v, reduction="sum"), ()),
            Case("hyra.fsds", lambda g, v=v: hyra.fsds(g.images(), g.images(), variant=v, reduction="mean"), NO_IMAGE),
            Case("hyra.FSDSReference", lambda g, v=v: hyra.FSDSReference(g.images(1)[0], variant=v)(g.images()), (0,)),
            Case(
                "hyra.FSDSReference",
                lambda g, v=v: hyra.FSDSReference(g.images(1)[0], variant=v)(g.images(), reduction="mean"),
                NO_IMAGE,
            ),
            Case("hyra.FSDSLoss.forward", lambda g, v=v: hyra.FSDSLoss(v)(g.images(), g.images()), NO_IMAGE),
        )
    ),
    Case("hyra.fsds", lambda g: hyra.fsds(g.images(rows=0), g.images(rows=0)), NO_PIXEL),
    Case("hyra.fsds", lambda g: torch.from_numpy(hyra.fsds(*(np.zeros((0, 3, 8, 8)) for _ in "pt"))), (0,)),
    Case("hyra.FSDSReference", lambda g: hyra.FSDSReference(g.images()), "target must be one image"),
    *(
        case
        for name in ("mae", "mse", "psnr", "fourier_mae", "fourier_mse", "fourier_psnr")
        for score in (getattr(hyra, name),)
        for case in (
            Case(f"hyra.{name}", lambda g, f=score: f(g.images(), g.images()), (0,)),
            Case(f"hyra.{name}", lambda g, f=score: f(g.images(), g.images(), reduction="sum"), ()),
            Case(f"hyra.{name}", lambda g, f=score: f(g.images(), g.images(), reduction="mean"), NO_IMAGE),
            Case(f"hyra.{name}", lambda g, f=score: f(g.images(rows=0), g.images(rows=0)), NO_PIXEL),
        )
    ),
    *(
        case
        for name, side in (("ssim", 16), ("ms_ssim", 161))
        for score in (getattr(hyra, name),)
        for case in (
            Case(f"hyra.{name}", lambda g, f=score, n=side: f(*g.squares(n)), (0,)),
            Case(f"hyra.{name}", lambda g, f=score, n=side: f(*g.squares(n), reduction="sum"), ()),
            Case(f"hyra.{name}", lambda g, f=score, n=side: f(*g.squares(n), reduction="mean"), NO_IMAGE),
            Case(f"hyra.{name}", lambda g, f=score: f(g.images(rows=0), g.images(rows=0)), NO_PIXEL),
        )
    ),
    Case("hyra.ssim", lambda g: hyra.ssim(*g.squares(16), form="torchmetrics"), (0,)),
    Case("hyra.SSIMLoss.forward", lambda g: hyra.SSIMLoss()(*g.squares(16)), NO_IMAGE),
    Case("hyra.Protocol", lambda g: hyra.Protocol("none"), "channels must be one of"),
    Case("hyra.Protocol.named", lambda g: hyra.Protocol.named("y"), "scale must be given"),
    Case("hyra.Protocol.prepare", lambda g: hyra.Protocol("y").prepare(g.images(), g.images())[0], (0, 1, SIDE, SIDE)),
    Case("hyra.Protocol.prepare", lambda g: hyra.Protocol().prepare(g.images(rows=0), g.images(rows=0)), NO_PIXEL),
    Case("hyra.Protocol.prepare_one", lambda g: hyra.Protocol("y").prepare_one(g.images()), (0, 1, SIDE, SIDE)),
    Case("hyra.Protocol.prepare_one", lambda g: hyra.Protocol().prepare_one(g.images(rows=0)), NO_PIXEL),
    *(
        Case(f"hyra.Protocol.{name}", lambda g, n=name: getattr(hyra.Protocol(), n)(g.images(), g.images()), (0,))
        for name in ("fsds", "psnr", "mae", "mse", "fourier_mae", "fourier_mse", "fourier_psnr")
    ),
    Case("hyra.Protocol.ssim", lambda g: hyra.Protocol().ssim(*g.squares(16)), (0,)),
    Case("hyra.Protocol.ms_ssim", lambda g: hyra.Protocol().ms_ssim(*g.squares(161)), (0,)),
    Case("hyra.Protocol.scores", lambda g: hyra.Protocol().scores(g.images(), g.images(), ["mse"])["mse"], (0,)),
    Case("hyra.Protocol.scores", lambda g: hyra.Protocol().scores(g.images(), g.images(), [""]), "names must be one"),
    Case("hyra.Protocol.parse", lambda g: hyra.Protocol.parse(""), "protocol must be one of"),
    *(
        case
        for name, side in METRICS.items()
        for case in (
            Case(f"hyra.metrics.{name}", lambda g, n=name, s=side: updated(g.metric(n), g.squares(s)).count, ()),
            Case(f"hyra.metrics.{name}", lambda g, n=name, s=side: updated(g.metric(n), g.squares(s)).compute(), ()),
        )
    ),
    Case("hyra.pyiqa.PairScore.forward", lambda g: pyiqa().PairScore("mae")(g.images(), g.images()), (0,)),
    Case("hyra.pyiqa.PairScore.forward", lambda g: pyiqa().PairScore("fsds")(g.images(), g.images()), (0,)),
    # filters
    Case("hyra.lowpass_upsample", lambda g: hyra.lowpass_upsample(g.images(), 2), HR),
    Case("hyra.lowpass_upsample", lambda g: hyra.lowpass_upsample(g.images(), 2, taps=3, rescale_range=True), HR),
    Case("hyra.lowpass_upsample", lambda g: hyra.lowpass_upsample(g.images(), 2, taps=None), HR),
    Case("hyra.lowpass_upsample", lambda g: hyra.lowpass_upsample(g.images(rows=0), 2), NO_PIXEL),
    Case("hyra.ImpulseResponse", lambda g: hyra.ImpulseResponse(g.images(rows=0), 2, (0, 0)), "response must be"),
    Case("hyra.ImpulseResponse.apply", lambda g: g.response.apply(g.images()), HR),
    Case("hyra.ImpulseResponse.filtered", lambda g: g.response.filtered(g.images(), "reflect", HR[-2:]), HR),
    Case("hyra.ImpulseResponse.cropped", lambda g: g.response.cropped(0), "size must be at least 1, got 0"),
    Case("hyra.ImpulseResponse.load", lambda g: hyra.ImpulseResponse.load(g.folder), "no file", FileNotFoundError),
    Case("hyra.SincFit.kernel", lambda g: g.response.fit_sinc().kernel(g.images()), (0, 3, SIDE, SIDE)),
    Case("hyra.BackgroundOutput.of", lambda g: hyra.BackgroundOutput.of(g.images(), 0, 2), "at least one pixel"),
    # spectrum
    Case("hyra.spectrum.log_spectrum", lambda g: spectrum.log_spectrum(g.images()), (0, 3, SIDE, SIDE)),
    Case("hyra.spectrum.log_spectrum", lambda g: spectrum.log_spectrum(g.images(rows=0)), NO_PIXEL),
    Case("hyra.spectrum.phase_spectrum", lambda g: spectrum.phase_spectrum(g.images()), (0, 3, SIDE, SIDE)),
    Case("hyra.spectrum.radial_power", lambda g: spectrum.radial_power(g.images()).power, (0, 3, RINGS)),
    Case("hyra.spectrum.radial_power", lambda g: spectrum.radial_power(g.images(rows=0)), NO_PIXEL),
    Case("hyra.spectrum.radial_error", lambda g: spectrum.radial_error(g.images(), g.images()).power, (0, 3, RINGS)),
    Case(
        "hyra.spectrum.fourier_ring_correlation",
        lambda g: spectrum.fourier_ring_correlation(g.images(), g.images()).correlation,
        (0, 3, RINGS),
    ),
    Case(
        "hyra.spectrum.RingCorrelation.crossing",
        lambda g: spectrum.fourier_ring_correlation(g.images(), g.images()).crossing(),
        (0, 3),
    ),
    Case(
        "hyra.spectrum.half_bit_threshold", lambda g: spectrum.half_bit_threshold(torch.zeros(0, device=g.device)), (0,)
    ),
    Case("hyra.spectrum.log_spectral_distance", lambda g: spectrum.log_spectral_distance(g.images(), g.images()), (0,)),
    Case("hyra.spectrum.SpectrumStatistics", lambda g: spectrum.SpectrumStatistics([]), "methods must be one name"),
    Case(
        "hyra.spectrum.SpectrumStatistics.compute",
        lambda g: spectrum.SpectrumStatistics("a").compute(),
        "got none of a",
    ),
    Case(
        "hyra.spectrum.SpectrumStatistics.target",
        lambda g: spectrum.SpectrumStatistics("a").target(g.images()),
        "target must be one image",
    ),
    Case(
        "hyra.spectrum.SpectrumStatistics.update",
        lambda g: spectrum.SpectrumStatistics("a").update("a", g.images(), g.images()),
        "target must be one image",
    ),
    Case("hyra.spectrum.band_psnr", lambda g: spectrum.band_psnr(g.images(), g.images()).psnr, (0, 4)),
    Case("hyra.spectrum.band_psnr", lambda g: spectrum.band_psnr(*g.images(2), edges=()), "edges must be two rising"),
    Case("hyra.fft_library", lambda g: hyra.fft_library((), g.dtype, "cpu"), "shape must be"),
    Case("hyra.Result.save", lambda g: saved(spectrum.radial_power(g.images()), g).power, (0, 3, RINGS)),
    Case("hyra.Result.load", lambda g: saved(spectrum.radial_power(g.images()), g).frequency, (RINGS,)),
    # networks
    Case("hyra.HyRA.input_sizes", lambda g: g.model.input_sizes(0), "limit must be at least 1, got 0"),
    Case("hyra.HyRA.impulse_response", lambda g: g.model.impulse_response(0), "size must be at least 1, got 0"),
    Case(
        "hyra.HyRA.impulse_response",
        lambda g: g.model.impulse_response(background=g.images(1, rows=0)[0]),
        "background",
    ),
    Case("hyra.HyRA.amplitude_sweep", lambda g: g.model.amplitude_sweep([]), "amplitudes must hold at least one"),
    Case(
        "hyra.AmplitudeSweep",
        lambda g: hyra.AmplitudeSweep((), (), None, None),
        "responses must hold at least one response",
    ),
    Case("hyra.HyRA.layer_responses", lambda g: g.model.layer_responses([]), "layers must hold at least one name"),
    Case("hyra.LayerResponses.table", lambda g: hyra.LayerResponses({}, {}).table(), None),
    Case(
        "hyra.HyRA.probe",
        lambda g: g.model.probe(torch.zeros(0, 2, dtype=torch.int64), canvas=16),
        "positions must hold at least one",
    ),
    Case(
        "hyra.HyRA.probe", lambda g: g.model.probe(background=g.images(1, rows=0)[0]), "background must be a level or"
    ),
    Case(
        "hyra.Probe.deviation_per_phase",
        lambda g: g.model.probe(canvas=16, pack=False).deviation_per_phase(0),
        "period must be at",
    ),
    Case("hyra.HyRA.attribution", lambda g: g.model.attribution(g.images(1)[0], []), "window must hold at least one"),
    Case("hyra.HyRA.attribution", lambda g: g.model.attribution(g.images(1, rows=0)[0]), NO_PIXEL),
    Case("hyra.HyRA.erf", lambda g: g.model.erf(g.images()), NO_IMAGE),
    Case("hyra.HyRA.layer_spectra", lambda g: g.model.layer_spectra(g.images(1, rows=0)[0]), NO_PIXEL),
    Case("hyra.HyRA.layer_spectra", lambda g: g.model.layer_spectra(g.images(1)[0], []), "layers must hold at least"),
    Case("hyra.HyRA.decompose", lambda g: g.model.decompose(g.images()), NO_IMAGE),
    Case("hyra.HyRA.decompose", lambda g: g.model.decompose(g.images(rows=0)), NO_PIXEL),
    Case("hyra.Decomposition.spectra", lambda g: g.split.spectra().output, HR),
    Case("hyra.Decomposition.band_shares", lambda g: g.split.band_shares().energy, (12,)),
    Case("hyra.Decomposition.copy_compensation", lambda g: g.split.copy_compensation().remaining, (2, 2)),
    Case("hyra.demo.Network.forward", lambda g: Network(scale=2).to(g.dtype)(g.images()), HR),
    Case("hyra.models.load", lambda g: models.load(""), "unknown model ''"),
    Case("hyra.compare_models", lambda g: hyra.compare_models({}), "models must hold at least one network"),
    Case("hyra.compare_models", lambda g: hyra.compare_models({"": g.model}, g.images()), "image must be one image"),
    Case("hyra.compare_attributions", lambda g: hyra.compare_attributions({}, g.images(1)[0]), "models must hold at"),
    Case(
        "hyra.compare_attributions",
        lambda g: hyra.compare_attributions({"": g.model}, g.images(1)[0], window=[]),
        "window must hold at least one",
    ),
    Case("hyra.AttributionComparison", lambda g: hyra.AttributionComparison(()), "models must hold at least one"),
    Case("hyra.ModelComparison", lambda g: hyra.ModelComparison(()), "models must hold at least one network"),
    Case("hyra.lowpass_sweep", lambda g: hyra.lowpass_sweep([], []), "lr and hr must be as many images, at least one"),
    Case("hyra.lowpass_sweep", lambda g: hyra.lowpass_sweep(g.images(), g.images()), "lr and hr must be as many"),
    Case(
        "hyra.lowpass_sweep",
        lambda g: hyra.lowpass_sweep(g.images(1), g.images(1), []),
        "cutoffs must hold at least one",
    ),
    Case("hyra.scale_sweep", lambda g: hyra.scale_sweep(lambda s: g.model, []), "scales must hold at least one"),
    Case("hyra.ScaleSweep", lambda g: hyra.ScaleSweep((), (), (), ()), "scales must hold at least one"),
    # files
    Case("hyra.images.pair", lambda g: torch.zeros(len(images.pair(g.folder, g.folder).pairs)), (0,)),
    Case(
        "hyra.images.Pairing.require",
        lambda g: images.pair(g.folder, g.folder).require(),
        "no image of .* has the name",
    ),
    Case("hyra.images.Pairing.left_out", lambda g: torch.zeros(len(images.pair(g.folder, g.folder).left_out())), (0,)),
    Case("hyra.OperatingPoint", lambda g: hyra.OperatingPoint(background=g.images(1, rows=0)[0]), "background must be"),
    Case("hyra.images.decode", lambda g: images.decode(written(g.folder / "x.ppm", b"P6 0 4 255 ")), "x.ppm"),
    Case("hyra.images.decode", lambda g: images.decode(written(g.folder / "x.png")), "x.png"),
    Case("hyra.images.read", lambda g: images.read(written(g.folder / "x.png")), "cannot be read as an image"),
    Case("hyra.images.write", lambda g: images.write(g.images(1, rows=0)[0], g.folder / "x.png"), "image must be"),
    Case("hyra.images.imresize", lambda g: images.imresize(g.images(), 2), HR),
    Case("hyra.images.imresize", lambda g: images.imresize(g.images(rows=0), 2), NO_PIXEL),
    Case("hyra.images.luma", lambda g: images.luma(g.images()), (0, 1, SIDE, SIDE)),
    Case("hyra.images.in_colours", lambda g: images.in_colours(g.images(1, rows=0)[0], 1), NO_PIXEL),
    Case(
        "hyra.images.resampling", lambda g: resampling.degrade(g.images(1, rows=1)[0], 2), "photograph must be at least"
    ),
    Case("hyra.images.resampling", lambda g: resampling.enlarge(g.images(1, rows=0)[0], 2), NO_PIXEL),
    Case("hyra.track.History", lambda g: track.History(g.folder), None),
    Case("hyra.track.History.load", lambda g: track.History.load(g.folder), "no file track.jsonl", FileNotFoundError),
    Case("hyra.track.History.split", lambda g: track.History(g.folder).split(1), "no file", FileNotFoundError),
    Case("hyra.track.History.plot", lambda g: track.History(g.folder).plot(), "history must not be empty"),
    Case("hyra.track.History.animate", lambda g: track.History(g.folder).animate(g.folder), "history must not be"),
    Case(
        "hyra.track.Tracker",
        lambda g: track.Tracker(torch.nn.Upsample(scale_factor=2), g.images(), out=g.folder),
        NO_IMAGE,
    ),
    Case("hyra.report.write", lambda g: report.write(g.model, g.images(), g.folder), NO_IMAGE),
    # figures
    Case("hyra.Result.plot", lambda g: spectrum.radial_power(g.images()).plot(), NOTHING),
    Case("hyra.plots.radial_profile", lambda g: plots.radial_profile(spectrum.radial_power(g.images())), NOTHING),
    Case(
        "hyra.plots.ring_correlation",
        lambda g: plots.ring_correlation(spectrum.fourier_ring_correlation(g.images(), g.images())),
        NOTHING,
    ),
    Case("hyra.plots.band_psnr", lambda g: plots.band_psnr(spectrum.band_psnr(g.images(), g.images())), NOTHING),
    Case("hyra.plots.decomposition", lambda g: plots.decomposition(g.split), NOTHING),
    Case("hyra.plots.decomposition", lambda g: plots.decomposition(split=g.split), NOTHING),
    Case("hyra.plots.radial_power", lambda g: plots.radial_power(g.split), NOTHING),
    Case("hyra.plots.spectra", lambda g: plots.spectra(g.split.spectra()), NOTHING),
    Case("hyra.plots.layer_responses", lambda g: plots.layer_responses(hyra.LayerResponses({}, {})), NOTHING),
    Case("hyra.plots.training_progress", lambda g: plots.training_progress(track.History(g.folder)), "history must"),
    Case("hyra.plots.fsds_sensitivity", lambda g: plots.fsds_sensitivity(g.images()), "target must be one image"),
]


def pyiqa() -> Any:
    return importlib.import_module("hyra.pyiqa")


def updated(metric: Any, pair: Sequence[torch.Tensor]) -> Any:
    metric.update(*pair)
    return metric


def saved(result: Any, given: Given) -> Any:
    result.save(given.folder / "result.safetensors")
    return type(result).load(given.folder / "result.safetensors")


def written(file: Path, content: bytes = b"") -> Path:
    file.write_bytes(content)
    return file
