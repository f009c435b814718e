"""Networks as methods: one command gives what their outputs give as files, whoever runs them and in what order."""

from __future__ import annotations

import csv
import json
import pickle
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

import hyra
from hyra import images
from hyra.cli import main
from hyra.evaluate.evaluation import evaluate
from hyra.evaluate.inputs.manifest import from_manifest
from hyra.evaluate.inputs.methods import Method, from_layout
from hyra.evaluate.inputs.network_numbers import network_numbers
from hyra.evaluate.inputs.networks import NetworkMethod, NetworkOutput, network_methods
from hyra.evaluate.inputs.running import NetworkSpec, running
from hyra.evaluate.work.plan import Plan

PLAN = Plan(("psnr", "ssim", "fsds"), "y")

NETWORKS = '''
import torch
from torch import nn
import torch.nn.functional as F


class Windows(nn.Module):
    """Takes multiples of 8 only."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 3, padding=1)

    def forward(self, x):
        if x.shape[-1] % 8 or x.shape[-2] % 8:
            raise RuntimeError("sizes must be multiples of 8")
        return F.pixel_shuffle(self.conv(x), 2)


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 3, padding=1, bias=False)

    def forward(self, x):
        return F.pixel_shuffle(self.conv(x), 2)


class Luma(nn.Module):
    """One channel."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1, bias=False)
        nn.init.ones_(self.conv.weight)

    def forward(self, x):
        return F.interpolate(self.conv(x), scale_factor=2, mode="nearest")


def noise(x):
    y = F.interpolate(x, scale_factor=2, mode="nearest")
    return y + 0.1 * torch.randn_like(y)


def whole(x):
    return F.interpolate(x, scale_factor=2, mode="nearest") + 0.1 * x.mean()


def broken(x):
    return F.interpolate(x, scale_factor=2, mode="nearest") * (float("nan") if x.max() > 0.5 else 1)
'''


@pytest.fixture
def folder(tmp_path):
    """References of three sizes, one of them no multiple of 2, and networks in a file."""
    generator = torch.Generator().manual_seed(5)
    for name, size in {"a": (48, 40), "b": (40, 44), "c": (41, 47)}.items():
        small = torch.rand(1, 3, 12, 12, generator=generator)
        hr = F.interpolate(small, size=size, mode="bicubic").clamp(0, 1)[0]
        images.write(hr, tmp_path / "hr" / f"{name}.png")
    (tmp_path / "nets.py").write_text(NETWORKS)
    return tmp_path


def named(folder, name, **options):
    return NetworkSpec.find(f"{folder / 'nets.py'}:{name}", **options)


def outcomes(methods, workers=1, plan=PLAN, **options):
    plan = Plan(plan.scores, plan.protocol, modcrop=True)
    return evaluate(methods, plan, workers=workers, progress=False, **options).outcomes


def values(found):
    return [[value for _, value in sorted(each.values.items(), key=lambda item: item[0].name)] for each in found]


def lr_of(hr: Path, scale: int) -> torch.Tensor:
    """The definition, in bytes."""
    pixels = (images.read(hr) * 255).round().to(torch.uint8)
    height, width = (side // scale for side in pixels.shape[1:])
    return images.imresize(pixels[:, : scale * height, : scale * width], size=(height, width))


def write_inputs(folder, scale):
    for hr in (folder / "hr").iterdir():
        images.write(lr_of(hr, scale) / 255, folder / "lr" / f"x{scale}" / f"{hr.stem}x{scale}.png")


@pytest.mark.parametrize(("model", "scale"), [("demo-x2", 2), ("bicubic", 3), ("lowpass", 2)])
def test_the_scores_are_those_of_its_outputs_as_files(folder, model, scale):
    spec = NetworkSpec.find(model, scale)
    net = hyra.HyRA(hyra.models.load(model, scale).network, scale)
    for hr in (folder / "hr").iterdir():
        output = net.network(lr_of(hr, scale)[None] / 255)[0]
        images.write(output, folder / "sr" / hr.name)
    expected = outcomes([Method("files", scale, folder / "sr", folder / "hr")])
    found = outcomes(network_methods([spec], folder / "hr"))
    assert [each.error for each in found] == [None] * 3
    assert values(found) == values(expected)


def test_inputs_that_are_given_are_those_that_are_made(folder):
    write_inputs(folder, 2)
    specs = [NetworkSpec.find("demo-x2")]
    given = network_methods(specs, folder / "hr", folder / "lr" / "x{scale}")
    assert [Path(output.lr).name for output in given[0].outputs()] == ["ax2.png", "bx2.png", "cx2.png"]
    assert values(outcomes(given)) == values(outcomes(network_methods(specs, folder / "hr")))


def test_sizes_that_differ_are_an_outcome(folder):
    methods = network_methods([NetworkSpec.find("bicubic", 2)], folder / "hr")
    found = evaluate(methods, PLAN, progress=False).outcomes
    assert ["same size" in (each.error or "") for each in found] == [False, False, True]


def test_tiles(folder):
    generator = torch.Generator().manual_seed(1)
    images.write(torch.rand(3, 130, 100, generator=generator), folder / "hr" / "large.png")
    whole, tiled = NetworkSpec.find("demo-x2"), NetworkSpec.find("demo-x2", tile=4)
    assert running(tiled).tiling.crop < 50
    for a, b in zip(*(network_methods([s], folder / "hr")[0].outputs() for s in (whole, tiled)), strict=True):
        difference = a.read().int() - b.read().int()
        assert difference.abs().max() <= 1  # a sum in another order may fall on the other side of a half
        assert difference.count_nonzero() < 0.01 * difference.numel()


def test_a_network_that_looks_at_everything_needs_a_halo(folder):
    with pytest.raises(ValueError, match=r"^halo must be given"):
        named(folder, "whole", tile=8)
    assert running(named(folder, "whole", tile=8, halo=2)).tiling.halo == 2


def test_an_image_is_padded_to_the_sizes_that_the_network_takes(folder):
    spec = named(folder, "Windows")
    torch.manual_seed(0)
    net = hyra.models.load(spec.model).network
    for output in network_methods([spec], folder / "hr")[0].outputs():
        lr = lr_of(output.hr, 2)[None] / 255
        height, width = lr.shape[-2:]
        padded = F.pad(lr, (0, -width % 8, 0, -height % 8), mode="reflect")
        expected = net(padded)[0, :, : 2 * height, : 2 * width].clamp(0, 1).mul(255).round()
        assert torch.equal(output.read(), expected.to(torch.uint8))


@pytest.mark.parametrize("protocol", ["y", "paper"])
def test_a_network_of_one_channel_gets_y_and_is_scored_on_y(folder, protocol):
    methods = network_methods([named(folder, "Luma")], folder / "hr")
    found = outcomes(methods, plan=Plan(("psnr",), protocol))
    border = 2 if protocol == "y" else 0
    for each, output in zip(found, methods[0].outputs(), strict=True):
        lr = images.luma(lr_of(output.hr, 2))
        sr = (lr.repeat_interleave(2, 1).repeat_interleave(2, 2) * 255).round() / 255
        hr = images.luma((images.read(output.hr) * 255).round().to(torch.uint8))[:, : sr.shape[1], : sr.shape[2]]
        expected = hyra.psnr(sr, hr, crop_border=border)
        assert each.value("psnr") == pytest.approx(float(expected), abs=1e-4)


def test_random_numbers_depend_on_seed_and_image_alone(folder):
    for name, level in {"d": 0.4, "e": 0.5}.items():
        images.write(torch.full((3, 40, 40), level) + 0.01 * torch.rand(3, 40, 40), folder / "hr" / f"{name}.png")
    methods = network_methods([named(folder, "noise")], folder / "hr", seeds=2)
    assert [method.name for method in methods] == ["nets.py:noise#0", "nets.py:noise#1"]
    state = torch.get_rng_state()
    first = outcomes(methods, workers=1)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    assert values(outcomes(methods, workers=3)) == values(first)
    assert values(outcomes(methods[::-1], workers=2)) == values(first[5:]) + values(first[:5])
    assert all(x != y for x, y in zip(values(first[:5]), values(first[5:]), strict=True))
    flat = [output.read().double() for output in methods[0].outputs()[3:]]
    assert abs(float(torch.corrcoef(torch.stack([x.flatten() for x in flat]))[0, 1])) < 0.1


def test_threads_do_not_matter(folder):
    methods = network_methods([NetworkSpec.find("demo-x2"), named(folder, "Windows")], folder / "hr")
    assert outcomes(methods, workers=3) == outcomes(methods, workers=1)


def test_the_digest_is_of_all_that_the_output_depends_on(folder):
    def digest(spec, lr=None, hr=folder / "hr" / "a.png", seed=0):
        return NetworkOutput(spec, lr, hr, seed).digest

    write_inputs(folder, 2)
    spec = named(folder, "Windows")
    digests = {
        digest(spec),
        digest(spec, seed=1),
        digest(spec, hr=folder / "hr" / "b.png"),
        digest(spec, folder / "lr" / "x2" / "ax2.png"),
        digest(named(folder, "Windows", tile=8)),
        digest(named(folder, "Windows", input_range=255.0)),
        digest(named(folder, "Linear")),
    }
    assert len(digests) == 7
    (folder / "other").mkdir()
    (folder / "nets.py").rename(folder / "other" / "nets.py")
    assert digest(named(folder / "other", "Windows")) in digests  # wherever it lies
    (folder / "other" / "nets.py").write_text(NETWORKS.replace("mode=", "mode =") + "\n# another\n")
    assert digest(named(folder / "other", "Windows")) not in digests


def test_what_is_known_is_not_run_again(folder, monkeypatch):
    methods = network_methods([NetworkSpec.find("demo-x2")], folder / "hr")
    store = folder / "scores.sqlite"
    first = outcomes(methods, store=store)
    images.write(torch.rand(3, 48, 40), folder / "hr" / "a.png")
    read, runs = NetworkOutput.read, []
    monkeypatch.setattr(NetworkOutput, "read", lambda self: runs.append(self.image) or read(self))
    second = outcomes(methods, store=store)
    assert runs == ["a"]
    assert second[1:] == first[1:]


def test_a_spec_travels_and_a_network_that_changed_is_refused(folder):
    spec = named(folder, "Linear")
    assert pickle.loads(pickle.dumps(network_methods([spec], folder / "hr")[0].outputs()[0])).spec == spec
    assert running(spec) is running(spec)
    (folder / "nets.py").write_text(NETWORKS + "\n")
    found = outcomes(network_methods([spec.__class__(**{**vars(spec), "halo": 3})], folder / "hr"))
    assert all("has changed" in each.error for each in found)


def test_code_runs_with_consent_alone(folder):
    file = folder / "net.pt"
    torch.jit.script(torch.nn.Upsample(scale_factor=2)).save(str(file))
    with pytest.raises(ValueError, match="--trust-code"):
        NetworkSpec.find(str(file))
    methods = network_methods([NetworkSpec.find(str(file), trust_code=True)], folder / "hr")
    assert values(outcomes(methods)) == values(
        outcomes(network_methods([NetworkSpec.find("nearest", 2)], folder / "hr"))
    )


def test_an_output_that_is_not_finite_is_an_outcome(folder):
    images.write(torch.full((3, 40, 40), 0.2), folder / "hr" / "dark.png")
    found = outcomes(network_methods([named(folder, "broken")], folder / "hr"))
    assert [bool(each.error) for each in found] == [True, True, True, False]
    assert "must be finite" in found[0].error


def test_numbers(folder):
    spec = named(folder, "Linear")
    (method,) = network_methods([spec], folder / "hr")
    numbers = network_numbers(method)
    pixels = [lr_of(hr, 2)[0].numel() for hr in (folder / "hr").iterdir()]
    mean = sum(pixels) / 3
    assert numbers.parameters == 3 * 12 * 9
    assert numbers.pixels == mean
    assert numbers.multiply_adds == pytest.approx(3 * 12 * 9 * mean)
    of_output = 4 * 12 * mean
    assert 2 * of_output <= numbers.memory <= 3 * of_output  # the convolution's, as an image, and scaled
    assert numbers.seconds > 0
    torch.manual_seed(0)
    model = hyra.HyRA(hyra.models.load(spec.model).network)
    assert model.impulse_response().fit_sinc().ring_cosine == pytest.approx(numbers.ring_cosine, rel=1e-4)
    (nearest,) = network_methods([NetworkSpec.find("nearest", 2)], folder / "hr")
    assert network_numbers(nearest).linear_shares == pytest.approx([1.0] * 4, abs=1e-5)


def test_numbers_are_those_of_hyra(folder):
    (method,) = network_methods([NetworkSpec.find("demo-x2")], folder / "hr")
    numbers, model = network_numbers(method), hyra.HyRA(hyra.models.load("demo-x2").network)
    fit = model.impulse_response().fit_sinc()
    assert (numbers.ring_cosine, numbers.cutoff) == pytest.approx((fit.ring_cosine, fit.cutoff), rel=1e-4)
    splits = [model.decompose(lr_of(folder / "hr" / f"{name}.png", 2) / 255).band_shares(0.25) for name in "abc"]
    energy = sum(shares.energy for shares in splits)
    expected = sum(shares.linear * shares.energy for shares in splits) / energy
    assert numbers.linear_shares == pytest.approx(expected.tolist(), rel=1e-4)


def test_command_line(folder, capsys):
    command = [
        "evaluate",
        "--hr",
        str(folder / "hr"),
        "--modcrop",
        "--scores",
        "psnr",
        "--store",
        str(folder / "s.sqlite"),
    ]
    nets = folder / "nets.py"
    models = ["--model", "demo-x2", "--model", f"{nets}:noise", "--seeds", "3", "--network-columns"]
    table = folder / "table.csv"
    assert main([*command, *models, "--out", str(table)]) == 0
    first, second, *_ = csv.DictReader(table.read_text().splitlines())
    assert int(first["network_parameters"]) > 1000
    assert 0.9 < float(first["network_linear_share_0.125"]) < 1.1
    assert second["network_parameters"] == ""  # another seed of the same network
    out = capsys.readouterr().out
    assert "nets.py:noise#2" in out
    assert "over seeds" in out
    assert "±" in out
    assert "ring cosine" in out
    assert main([*command, "--model", "bicubic", "--scale", "2"]) == 0
    with hyra.evaluate.Runs(folder / "s.sqlite") as runs:
        (first, second) = runs.runs()
        assert [each["method"] for each in first.context["networks"]] == ["demo-x2#0", "nets.py:noise#0"]
        assert "networks" not in second.context


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nothing"], "unknown model 'nothing'"),
        (["--model", "bicubic"], "works at any scale"),
        (["--model", "demo", "--scale", "3"], "has scale 4"),
        (["--model", "demo", "--lr", "nowhere"], "no such folder: nowhere"),
        (["--model", "demo", "--model", "demo"], "is given twice"),
        (["--model", "demo", "--device", "warp"], "device must be one that torch can use here"),
        (["--model", "demo", "--input-range", "0"], "input_range must be"),
        (["--layout", "results", "--seeds", "2"], "--seeds must be given with --model"),
        (["--layout", "results", "--network-columns"], "no such folder: results"),
        ([], "or --model must be given"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_image(folder, capsys, arguments, message):
    assert main(["evaluate", "--hr", str(folder / "hr"), *arguments]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert len(said.err.splitlines()) == 1
    assert not said.out


def test_a_method_without_its_network(folder):
    with pytest.raises(ValueError, match="spec must be the network"):
        NetworkMethod("x", 2.0, Path("x"), folder / "hr").sources()


def test_several_scales(folder, capsys):
    """Each network at those that it has; a name may hold the scale."""
    command = ["evaluate", "--hr", str(folder / "hr"), "--modcrop", "--scores", "psnr", "--scale", "2", "3", "4"]
    table = folder / "table.csv"
    assert main([*command, "--model", "bicubic", "--model", "demo", "--out", str(table)]) == 0
    rows = [(row["method"], float(row["scale"])) for row in csv.DictReader(table.read_text().splitlines())]
    assert rows == [("bicubic", 2), ("bicubic", 3), ("bicubic", 4), ("demo", 4)]
    assert main([*command[:-2], "--model", "demo-x{scale}", "--out", str(table)]) == 0
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert (row["method"], row["scale"]) == ("demo-x2", "2.0")
    assert main([*command[:-3], "2", "3", "--model", "demo"]) == 2
    assert "has scale 4, got scale=3" in capsys.readouterr().err


MANIFEST = """
hr = "hr"
protocol = "y"
scores = ["psnr"]
modcrop = true

[[method]]
name = "kept"
scale = [2, 4]
sr = "kept/x{scale}"

[[method]]
model = "bicubic"
scale = [2, 4]

[[method]]
name = "mine"
model = "nets.py:noise"
scale = 2
seeds = 2
tile = 64
halo = 0
"""


def test_networks_of_a_manifest(folder, capsys):
    """Beside folders, relative to the file, at several scales."""
    for scale in (2, 4):
        for output in network_methods([NetworkSpec.find("nearest", scale)], folder / "hr")[0].outputs():
            images.write(output.read() / 255, folder / "kept" / f"x{scale}" / f"{output.image}.png")
    (folder / "table.toml").write_text(MANIFEST)
    table = folder / "table.json"
    arguments = ["evaluate", "--manifest", str(folder / "table.toml"), "--out", str(table), "--network-columns"]
    assert main(arguments) == 0
    document = json.loads(table.read_text())
    assert [(row["method"], row["scale"]) for row in document["rows"]] == [
        ("kept", 2),
        ("bicubic", 2),
        ("mine#0", 2),
        ("mine#1", 2),
        ("kept", 4),
        ("bicubic", 4),
    ]
    assert ["network" in row for row in document["rows"]] == [False, True, True, False, False, True]
    assert "over seeds" in capsys.readouterr().out
    direct = network_methods([NetworkSpec.find("bicubic", 4)], folder / "hr")
    expected = evaluate(direct, Plan(("psnr",), "y", modcrop=True), progress=False).summaries()[0].means[0].value
    assert document["rows"][-1]["scores"]["psnr"]["mean"] == expected


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('model = "bicubic"', "works at any scale"),
        ('model = "bicubic"\nscale = 2.5', "scale must be"),
        ('model = "bicubic"\nscale = [2, "4"]', "scale must be"),
        ('model = "bicubic"\nscale = 2\nsr = "x"', "must have sr, a folder of images, or model, a network, got both"),
        ("model = 3\nscale = 2", "model must be of the type str"),
        ('model = "bicubic"\nscale = 2\ntile = 0', "tile must be"),
        ('model = "bicubic"\nscale = 2\nseeds = true', "seeds must be"),
        ('model = "bicubic"\nscale = 2\ntrust_code = true', "got trust_code"),
        ('model = "demo"\nscale = 3', "has scale 4"),
        ('name = "A"\nscale = []\nsr = "kept"', r"at least one \[\[method\]\]"),
    ],
)
def test_a_manifest_says_what_is_wrong_with_a_network(folder, lines, message):
    (folder / "table.toml").write_text(f"hr = 'hr'\n[[method]]\n{lines}\n")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        from_manifest(folder / "table.toml")


def test_a_manifest_names_every_setting_that_it_may_have(tmp_path):
    (tmp_path / "table.toml").write_text("hrr = 'hr'\n")
    with pytest.raises(ValueError, match="keys must be among hr, scores, protocol, modcrop, device, method, got hrr"):
        from_manifest(tmp_path / "table.toml")


def test_outputs_are_kept_on_request(folder):
    """As files that score the same, are made again when they are gone, stale or broken, and else are left alone."""
    store, kept = folder / "s.sqlite", folder / "kept"
    specs = [NetworkSpec.find("demo-x2"), named(folder, "Linear")]
    plan = Plan(PLAN.scores, PLAN.protocol, modcrop=True)

    def run(save):
        return evaluate(network_methods(specs, folder / "hr", save=save), plan, store=store, progress=False)

    first = run(None)
    assert not kept.exists()
    second = run(kept)
    assert [outcome.values for outcome in second.outcomes] == [outcome.values for outcome in first.outcomes]
    files = sorted(path for path in kept.rglob("*") if path.is_file())
    assert len(files) == len(second.outcomes)
    assert {outcome.preds for outcome in second.outcomes} == {str(path) for path in files}
    again = evaluate(from_layout(kept, folder / "hr"), plan, progress=False)
    numbers = [[*outcome.values.values()] for outcome in second.outcomes]
    assert sorted([*outcome.values.values()] for outcome in again.outcomes) == sorted(numbers)

    before = [path.stat().st_mtime_ns for path in files]
    contents = [path.read_bytes() for path in files]
    run(kept)
    assert [path.stat().st_mtime_ns for path in files] == before, "what is kept is not made again"
    files[0].unlink()
    files[1].write_bytes(contents[2])
    files[2].write_bytes(b"no image")
    run(kept)
    assert [path.read_bytes() for path in files] == contents


def test_folders_of_outputs_are_told_apart_and_stay_inside(folder):
    names = ["a/b", "a_b", "..", "../x", "ok-1.pth#0"]
    spec = NetworkSpec.find("nearest", 2)
    methods = [network_methods([spec], folder / "hr", name=name, save=folder / "kept")[0] for name in names]
    folders = [method.folder for method in methods]
    assert len({*folders}) == len(folders)
    assert all(each.resolve().parent.parent == (folder / "kept").resolve() for each in folders)
    assert folders[-1] == folder / "kept" / "ok-1.pth#0" / "x2"


def test_a_table_of_networks_in_markdown_and_latex(folder):
    command = ["evaluate", "--hr", str(folder / "hr"), "--modcrop", "--scores", "psnr", "--model", "demo-x2"]
    files = [folder / "t.md", folder / "t.tex"]
    assert main([*command, "--network-columns", *(word for file in files for word in ("--out", str(file)))]) == 0
    for file in files:
        text = file.read_text()
        assert "ring cosine" in text
        assert "multiply-adds (G)" in text
        assert "fitted sinc" in text
        assert text.count("demo-x2") >= 2
    assert main([*command, "--out", str(files[0])]) == 0
    assert "ring cosine" not in files[0].read_text()


def test_a_report_shows_what_a_network_made_where_it_is_kept(folder):
    pytest.importorskip("plotly")
    from hyra.report.evaluation import write

    def problems(save):
        methods = network_methods([NetworkSpec.find("demo-x2")], folder / "hr", save=save)
        result = evaluate(methods, Plan(PLAN.scores, "y", modcrop=True), progress=False)
        return write(result, folder / "page.html", progress=False)

    assert all("--save-images DIR keeps them" in problem for problem in problems(None))
    assert problems(folder / "kept") == []
    kept = next((folder / "kept").rglob("*.png"))
    images.write(torch.rand(3, 64, 64), kept)
    with_others = write(
        evaluate(network_methods([NetworkSpec.find("demo-x2")], folder / "hr", save=folder / "kept"), progress=False),
        folder / "page.html",
        progress=False,
    )
    assert not any("has changed" in problem for problem in with_others), "it is made again"
