"""Metrics of other packages: their own numbers, from weights that are there, and never a download."""

import http.server
import math
import socket
import sys
import threading
import types
import urllib.request

import pytest
import torch
from torch import nn

from hyra.cli import main
from hyra.evaluate import Evaluation, Outcome, Plan, Run, Runs, evaluate
from hyra.evaluate.scoring import external
from hyra.evaluate.scoring.offline import without_network
from hyra.evaluate.scoring.pairs import Target
from hyra.evaluate.scoring.scores import score
from hyra.evaluate.work.keys import Key
from hyra.evaluate.work.sources import File
from hyra.scores.protocol import Protocol
from hyra.spectrum import SpectrumStatistics


@pytest.fixture(autouse=True)
def forgotten(monkeypatch, tmp_path):
    """No metric of another test, and caches of this one's."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def forget():
        external.external.cache_clear()
        external._built.cache_clear()
        external._own.__dict__.clear()

    forget()
    yield
    forget()


def images(side=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 256, (3, side, side), generator=generator, dtype=torch.uint8)
    noise = torch.randint(-20, 21, target.shape, generator=generator)
    return (target.int() + noise).clamp(0, 255).to(torch.uint8), target


def pair(protocol="paper", side=64):
    preds, target = images(side)
    return Target(target).pair(preds, Protocol.named(protocol, 2), scale=2)


def floats(side=64):
    return [image.float()[None] / 255 for image in images(side)]


# --- torchmetrics ---


@pytest.mark.parametrize("name", ["PeakSignalNoiseRatio", "peak_signal_noise_ratio", "psnr"])
def test_a_metric_of_torchmetrics_by_the_name_of_its_class_its_function_or_its_initials(name):
    torchmetrics = pytest.importorskip("torchmetrics")
    wanted = score(f"torchmetrics:{name}")
    expected = torchmetrics.functional.image.peak_signal_noise_ratio(*floats(), data_range=1.0)
    assert wanted.measure(pair()) == float(expected)
    assert wanted.measure(pair()) == float(expected), "nothing is left of the pair before"
    assert wanted.higher_is_better is True
    wanted.check("cpu")


def test_options_and_direction():
    functional = pytest.importorskip("torchmetrics.functional.image")
    wanted = score("torchmetrics:StructuralSimilarityIndexMeasure,kernel_size=7,gaussian_kernel=false")
    ssim = functional.structural_similarity_index_measure
    expected = ssim(*floats(), data_range=1.0, kernel_size=7, gaussian_kernel=False)
    assert wanted.measure(pair()) == pytest.approx(float(expected), rel=1e-6)
    assert wanted.title == "torchmetrics StructuralSimilarityIndexMeasure,kernel_size=7,gaussian_kernel=false"
    assert wanted.settings["options"] == {"kernel_size": 7, "gaussian_kernel": False}
    assert score("torchmetrics:SpectralAngleMapper").higher_is_better is False


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("torchmetrics:TotalVariation", "no metric of an image and its reference"),
        ("torchmetrics:Nothing", "must be one of its metrics, such as .*Similarity.*, got 'Nothing'"),
        ("torchmetrics:peak_signal_noise", "such as PeakSignalNoiseRatio.*, got 'peak_signal_noise'"),
        ("torchmetrics:SpectralAngleMapper,colour=1", "colour"),
        ("torchmetrics:PearsonCorrCoef", "but got 4 and 4"),
        ("lpips:net", "must be one of alex, vgg, squeeze and paper, got 'net'"),
    ],
)
def test_what_cannot_be_had_of_a_pair_is_said_first(monkeypatch, name, reason):
    pytest.importorskip("torchmetrics")
    monkeypatch.setitem(sys.modules, "lpips", fake_lpips())
    with pytest.raises(ValueError, match=f"the score {name} cannot be had: .*({reason})"):
        Plan((name,)).check()


@pytest.mark.parametrize("name", ["torchmetrics", "torchmetrics:", "pyiqa", "lpips,net", "lpips,a b=1", "dist"])
def test_names_that_are_none(name):
    with pytest.raises(ValueError, match=f"got '{name.partition(',')[2] or name}'"):
        score(name)


def lpips_of_torchmetrics():
    """Old versions have it only where the package lpips is."""
    kind = getattr(pytest.importorskip("torchmetrics.image"), "LearnedPerceptualImagePatchSimilarity", None)
    return kind or pytest.skip("this torchmetrics has no LPIPS")


LPIPS = "torchmetrics:LearnedPerceptualImagePatchSimilarity,net_type=squeeze"


def test_weights_that_are_in_no_cache_stop_a_run_before_the_first_image(methods, tmp_path, monkeypatch, capsys):
    lpips_of_torchmetrics()
    pytest.importorskip("torchvision")
    monkeypatch.setattr(File, "read", lambda _: pytest.fail("an image was read"))
    store = tmp_path / "s.sqlite"
    file = tmp_path / "torch" / "hub" / "checkpoints" / "squeezenet1_1-b8a52dc0.pth"
    with Runs(store) as runs:
        with pytest.raises(FileNotFoundError, match=f"needs the file {file}, to be had from https://.*") as raised:
            evaluate(methods, Plan(("psnr", LPIPS)), store=runs)
        assert runs.runs() == []
    assert f"leave {LPIPS} out of --scores" in str(raised.value)
    arguments = ["--hr", str(methods[0].hr), "--sr", f"one:2:{methods[0].sr}", "--scores", "psnr", LPIPS]
    assert main(["evaluate", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"hyra: the score {LPIPS} needs the file {file}")
    assert printed.err.count("\n") == 1
    assert not file.exists()


def test_weights_in_the_cache_are_used(tmp_path):
    kind = lpips_of_torchmetrics()
    torchvision = pytest.importorskip("torchvision")
    file = tmp_path / "torch" / "hub" / "checkpoints" / "squeezenet1_1-b8a52dc0.pth"
    file.parent.mkdir(parents=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save(torchvision.models.squeezenet1_1(weights=None).state_dict(), file)
    state = torch.get_rng_state()
    wanted = score(LPIPS)
    wanted.check("cpu")
    assert torch.equal(torch.get_rng_state(), state)
    own, published = (kind(net_type="squeeze", normalize=normalize) for normalize in (True, False))
    assert wanted.measure(pair()) == float(own(*floats()).detach())
    assert score(f"{LPIPS},normalize=false").measure(pair()) == float(published(*floats()).detach())
    luma = pair("y")
    assert wanted.measure(luma) == float(own(*(x.expand(-1, 3, -1, -1) for x in luma.floats)).detach())


def test_weights_that_are_fetched_for_each_pair_are_not():
    pytest.importorskip("torchvision")
    image = pytest.importorskip("torchmetrics.image")
    if not hasattr(image, "DeepImageStructureAndTextureSimilarity"):
        pytest.skip("this torchmetrics has no DISTS")
    with pytest.raises(FileNotFoundError, match=r"needs the file .*vgg16-397923af\.pth"):
        Plan(("torchmetrics:DeepImageStructureAndTextureSimilarity",)).check()


# --- lpips, dists and pyiqa, in place of which others stand ---


class Distance(nn.Module):
    """Remembers what it was given, as no metric should need to."""

    def __init__(self, power=1.0, **options):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.power, self.options, self.seen = power, options, None
        torch.rand(3)
        sys.stdout.write("Setting up")

    def forward(self, preds, target, normalize=None):
        self.seen = threading.get_ident()
        if normalize:
            preds, target = 2 * preds - 1, 2 * target - 1
        value = (preds - target).abs().pow(self.power).mean()
        assert self.seen == threading.get_ident(), "two threads share it"
        return (self.weight * value)[None]


def fake_lpips():
    module = types.ModuleType("lpips")
    module.LPIPS = lambda net, verbose: Distance({"alex": 1.0, "squeeze": 2.0, "vgg": 3.0}[net])
    return module


def fake_pyiqa(monkeypatch):
    package = types.ModuleType("pyiqa")
    configurations = types.ModuleType("pyiqa.default_model_configs")
    configurations.DEFAULT_CONFIGS = {
        "near": {"metric_mode": "FR", "lower_better": True},
        "bright": {"metric_mode": "NR"},
        "heavy": {"metric_mode": "NR"},
        "lacking": {"metric_mode": "FR"},
    }

    def create_metric(name, device, **options):
        if name == "heavy":
            torch.hub.load_state_dict_from_url("https://weights.invalid/heavy.pth")
        if name == "lacking":
            raise ModuleNotFoundError("No module named 'parts'", name="parts")
        return (lambda preds: preds.mean()) if name == "bright" else Distance(**options)

    package.create_metric = create_metric
    monkeypatch.setitem(sys.modules, "pyiqa", package)
    monkeypatch.setitem(sys.modules, "pyiqa.default_model_configs", configurations)


@pytest.mark.parametrize(
    ("name", "expected"), [("lpips", (1, 2)), ("lpips:alex", (1, 2)), ("lpips:vgg", (3, 8)), ("lpips:paper", (2, 1))]
)
def test_lpips_takes_its_own_range_but_where_it_was_published_without(monkeypatch, capsys, name, expected):
    monkeypatch.setitem(sys.modules, "lpips", fake_lpips())
    preds, target = floats()
    power, factor = expected
    value = factor * (preds - target).abs().pow(power).mean()
    assert score(name).measure(pair()) == pytest.approx(float(value), rel=1e-5)
    assert score(name).higher_is_better is False
    assert score(name).title.startswith("LPIPS")
    assert capsys.readouterr().out == ""


def test_dists(monkeypatch):
    module = types.ModuleType("DISTS_pytorch")
    module.DISTS = Distance
    monkeypatch.setitem(sys.modules, "DISTS_pytorch", module)
    preds, target = floats()
    assert score("dists").measure(pair()) == pytest.approx(float((preds - target).abs().mean()), rel=1e-6)
    score("dists").check("cpu")


def test_pyiqa(monkeypatch):
    fake_pyiqa(monkeypatch)
    preds, target = floats()
    assert score("pyiqa:near").higher_is_better is False
    assert score("pyiqa:bright").higher_is_better is True
    squared = float((preds - target).square().mean())
    assert score("pyiqa:near,power=2").measure(pair()) == pytest.approx(squared, rel=1e-6)
    assert score("pyiqa:bright").measure(pair()) == pytest.approx(float(preds.mean()), rel=1e-6)
    with pytest.raises(FileNotFoundError, match=r"pyiqa:heavy needs the file .*/heavy\.pth, to be had from https://"):
        score("pyiqa:heavy").check("cpu")
    with pytest.raises(ModuleNotFoundError, match="pyiqa:lacking needs the package 'parts', which is no extra"):
        score("pyiqa:lacking").check("cpu")
    with pytest.raises(ValueError, match="must be one of bright, heavy, lacking, near, got 'far'"):
        score("pyiqa:far").check("cpu")


@pytest.mark.parametrize(
    ("name", "module", "advice"),
    [
        ("lpips", "lpips", r"hyra\[perceptual\]"),
        ("dists", "DISTS_pytorch", r"hyra\[perceptual\]"),
        ("torchmetrics:PeakSignalNoiseRatio", "torchmetrics", r"hyra\[metrics\]"),
        ("pyiqa:niqe", "pyiqa", "no extra: pip install pyiqa"),
    ],
)
def test_a_package_that_is_not_there_is_named_and_its_numbers_can_be_read(monkeypatch, name, module, advice):
    for each in (module, f"{module}.default_model_configs"):
        monkeypatch.setitem(sys.modules, each, None)
    with pytest.raises(ModuleNotFoundError, match=advice):
        Plan((name,)).check()
    one = Outcome("m", 2.0, "i", "", "", {Key("p", "t", name, "{}", 1): 0.25})
    with Runs(None) as runs:
        runs.begin("r", Plan((name,)), [["m", 2.0, "sr", "hr"]], {})
        assert runs.run("r").plan.scores == (name,)
    table = Evaluation(Run("r", Plan((name,)), [], ""), (one,)).table()
    assert "0.2500" in str(table)
    if name.startswith(("torchmetrics", "pyiqa")):  # which end of its scale is better, only the package knows
        assert table.rows[0].ranks == {}
        assert table.headings({True: "up", False: "down"})[2] == score(name).title


def test_numbers_of_another_version_are_not_taken(monkeypatch, methods):
    monkeypatch.setitem(sys.modules, "lpips", fake_lpips())
    counts = []

    def measured(version):
        external.external.cache_clear()
        monkeypatch.setattr("importlib.metadata.version", lambda name: version if name == "lpips" else "0")
        calls = []
        original = external._number
        monkeypatch.setattr(external, "_number", lambda *given: calls.append(1) or original(*given))
        evaluate(methods[:1], Plan(("lpips",)), store=runs, workers=2)
        monkeypatch.setattr(external, "_number", original)
        counts.append(len(calls) - 1)  # without that of the check

    with Runs(None) as runs:
        for version in ("1.0", "1.0", "1.1"):
            measured(version)
    assert counts == [5, 0, 5]


def test_threads_share_no_metric_and_give_the_same(monkeypatch, methods):
    monkeypatch.setitem(sys.modules, "lpips", fake_lpips())
    plan = Plan(("lpips", "psnr"))
    one, four = (evaluate(methods, plan, workers=workers) for workers in (1, 4))
    assert [o.values for o in one.outcomes] == [o.values for o in four.outcomes]
    assert all(math.isfinite(o.value("lpips")) for o in one.outcomes)


def test_a_metric_that_raises_is_a_note_of_that_pair(monkeypatch, methods):
    module = types.ModuleType("lpips")

    class Fails(Distance):
        def forward(self, preds, target, normalize):
            if preds.shape[-1] < 100:
                raise RuntimeError("kernel larger than the image")
            return super().forward(preds, target)

    module.LPIPS = lambda **_: Fails()
    monkeypatch.setitem(sys.modules, "lpips", module)
    result = evaluate(methods[:1], Plan(("psnr", "lpips")))
    assert all(o.notes == {"lpips": "kernel larger than the image"} for o in result.outcomes)
    assert all(math.isfinite(o.value("psnr")) and math.isnan(o.value("lpips")) for o in result.outcomes)
    assert "LPIPS without 5 images without a finite score" in str(result.table())


# --- no network ---


@pytest.fixture
def server():
    """A server on this machine, and how often it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"weights")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def swallowed(address):
    try:
        urllib.request.urlopen(f"http://{address}/a").read()
    except OSError as error:
        raise RuntimeError("could not load the weights") from error


WAYS = {
    "urllib": lambda address: urllib.request.urlopen(f"http://{address}/a").read(),
    "http.client": lambda address: http.client.HTTPConnection(address).request("GET", "/a"),
    "socket": lambda address: socket.create_connection(("localhost", int(address.split(":")[1]))).close(),
    "wrapped": swallowed,
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_fetched_in_this_thread_and_others_go_on(server, way):
    address, asked = server
    with pytest.raises(FileNotFoundError, match="nothing is downloaded unasked"), without_network():
        WAYS[way](address)
    assert asked == []
    with without_network():
        other = threading.Thread(target=WAYS["urllib"], args=(address,))
        other.start()
        other.join()
    assert asked == ["/a"]
    WAYS["urllib"](address)
    assert len(asked) == 2


def test_torchs_hub_names_the_file_and_a_file_in_its_place_is_read(server, tmp_path):
    address, asked = server
    wanted = f"the file {tmp_path}/w.pth, to be had from http://{address}/w.pth"
    with pytest.raises(FileNotFoundError, match=wanted), without_network():
        torch.hub.load_state_dict_from_url(f"http://{address}/w.pth", model_dir=str(tmp_path))
    torch.save({"a": torch.ones(1)}, tmp_path / "w.pth")
    with without_network():
        torch.hub.load_state_dict_from_url(f"http://{address}/w.pth", model_dir=str(tmp_path))
        assert urllib.request.urlopen((tmp_path / "w.pth").as_uri()).read(2) == b"PK"
    assert asked == []


def test_other_errors_are_not_changed():
    with pytest.raises(KeyError), without_network():
        raise KeyError("a")


# --- spectra ---


def test_the_distance_of_spectra():
    distance = score("spectrum:distance")
    assert distance.higher_is_better is False
    preds = torch.rand(3, 40, 56, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def measured(a, b):
        return distance.measure(Target(b).pair(a, Protocol.named("paper"), scale=2))

    assert measured(preds, preds) == 0
    assert measured(preds / 2, preds) == pytest.approx(20 * math.log10(2), abs=1e-5)
    assert measured(preds.flip(-1), preds) == pytest.approx(0, abs=1e-5)
    flat = torch.zeros_like(preds)
    assert measured(flat, flat) == 0
    assert measured(flat, preds) == math.inf


def test_the_distance_under_a_window_is_that_of_the_command_and_has_another_name():
    preds, target = torch.rand(2, 3, 40, 56, generator=torch.Generator().manual_seed(0))
    statistics = SpectrumStatistics(["one"])
    expected = statistics.update("one", preds, statistics.target(target)).log_spectral_distance
    of = Target(target).pair(preds, Protocol(), scale=2)
    names = ("spectrum:distance", "spectrum:distance-hann")
    plain, windowed = (score(name).measure(of) for name in names)
    assert windowed == pytest.approx(expected, rel=1e-6)
    assert plain != pytest.approx(expected, rel=1e-3)
    assert [score(name).title for name in names] == ["log-spectral distance (dB)", "log-spectral distance, Hann (dB)"]


def test_the_shares_of_all_bands_are_the_plain_error():
    bands = [score(f"band_psnr:{band}") for band in ("0-0.125", "0.125-0.3", "0.3-1")]
    measured = [band.measure(pair()) for band in bands]
    whole = score("psnr").measure(pair())
    assert sum(10 ** (-value / 10) for value in measured) == pytest.approx(10 ** (-whole / 10), rel=1e-6)
    assert bands[1].title == "PSNR of band 0.125-0.3 (dB)"
    with pytest.raises(ValueError, match=r"no ring of the spectrum lies between 0\.8 and 0\.9"):
        score("band_psnr:0.8-0.9").measure(pair())


@pytest.mark.parametrize("name", ["band_psnr", "band_psnr:0.3-0.2", "band_psnr:0-x", "band_psnr:0.2", "spectrum"])
def test_bands_that_are_none(name):
    with pytest.raises(ValueError, match=r"such as band_psnr:0\.25-0\.5, got"):
        score(name)
