"""Networks as methods: one command gives what their outputs give as files, whoever runs them and in what order."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from networks_in_a_file import NETWORKS, PLAN, lr_of, named, outcomes, values

import hyra
from hyra import images
from hyra.evaluate.evaluation import evaluate
from hyra.evaluate.inputs.methods import Method
from hyra.evaluate.inputs.networks import NetworkMethod, NetworkOutput, network_methods
from hyra.evaluate.inputs.running import NetworkSpec, running
from hyra.evaluate.work.plan import Plan


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


def test_an_image_that_needs_more_memory_than_there_is_is_run_in_tiles(folder):
    x = torch.rand(1, 3, 20, 500)
    output = running(named(folder, "limited")).run(x)
    assert torch.allclose(output, F.interpolate(x, scale_factor=2, mode="bicubic"), atol=1e-6)
    with pytest.raises(ValueError, match="halo must be given"):
        running(named(folder, "limited_and_pooled")).run(x)


def test_tiles_where_there_is_memory_for_one_alone(folder):
    x = torch.rand(1, 3, 20, 200)
    output = running(named(folder, "short")).run(x)
    assert torch.allclose(output, F.interpolate(x, scale_factor=2, mode="bicubic"), atol=1e-6)


def test_tiles_are_checked_until_one_image_has_passed(folder):
    network = running(named(folder, "far_where_bright"))
    for _ in range(2):
        with pytest.raises(ValueError, match="looks farther on this image"):
            network.run(0.7 + 0.3 * torch.rand(1, 3, 20, 500))
    network.run(torch.rand(1, 3, 20, 500))


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


def test_what_a_network_needs_beside_the_image(folder):
    """As text, which travels; a file's content is part of what its outputs are known by."""
    np.save(folder / "gain.npy", np.array([0.5]))
    given = [NetworkSpec.find("nearest", 2), *(named(folder, "dimmed", inputs={"gain": g}) for g in ("1", "1,2"))]
    first, *others = (values(outcomes(network_methods([spec], folder / "hr"))) for spec in given)
    assert all(other == first for other in others)
    spec = named(folder, "dimmed", inputs={"gain": str(folder / "gain.npy"), "offset": "0.5"})
    output = network_methods([spec], folder / "hr")[0].outputs()[0]
    lr = lr_of(output.hr, 2) / 255
    expected = ((lr * 0.5 + 0.5) * 255).round().to(torch.uint8)
    assert (output.read()[:, ::2, ::2].int() - expected.int()).abs().max() <= 1
    assert pickle.loads(pickle.dumps(spec)) == spec
    np.save(folder / "gain.npy", np.array([0.25]))
    other = named(folder, "dimmed", inputs={"gain": str(folder / "gain.npy"), "offset": "0.5"})
    assert network_methods([other], folder / "hr")[0].outputs()[0].digest != output.digest
    fixed = named(folder, "fixed", input_size=(16, 16))
    assert values(outcomes(network_methods([fixed], folder / "hr"))) == first


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


def test_a_method_without_its_network(folder):
    with pytest.raises(ValueError, match="spec must be the network"):
        NetworkMethod("x", 2.0, Path("x"), folder / "hr").sources()
