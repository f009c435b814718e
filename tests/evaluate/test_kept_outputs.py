"""Outputs of networks that are kept as files, and shown."""

from __future__ import annotations

import pytest
import torch
from networks_in_a_file import PLAN, named

from hyra import images
from hyra.evaluate.evaluation import evaluate
from hyra.evaluate.inputs.methods import from_layout
from hyra.evaluate.inputs.networks import network_methods
from hyra.evaluate.inputs.running import NetworkSpec
from hyra.evaluate.work.plan import Plan


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
