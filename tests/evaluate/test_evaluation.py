"""Many images of many methods: every number is the plain one, nothing is decoded or computed twice, nothing is lost."""

from __future__ import annotations

import math
import os
import pickle
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import definition
import hyra
from hyra.evaluate import Evaluation, Method, Plan, Runs, evaluate
from hyra.evaluate.scoring.pairs import Target
from hyra.evaluate.scoring.scores import SCORES, score
from hyra.evaluate.work.keys import Key
from hyra.images import files

ALL = Plan(("psnr", "ssim", "fsds", "mae"))


def values(result: Evaluation) -> dict[tuple[str, float, str], list[float]]:
    return {(o.method, o.scale, o.image): list(o.values.values()) for o in result.outcomes}


def plain(method: Method, image: str, protocol: str) -> list[float]:
    """Pixel by pixel from libraries and the definition, on files opened by Pillow."""
    preds = np.asarray(Image.open(method.sr / f"{image}x{method.scale:g}.png")).astype(float)
    target = np.asarray(Image.open(method.hr / f"{image}.png")).astype(float)
    border = {"paper": 0, "y": int(method.scale), "div2k": int(method.scale) + 6}[protocol]
    if protocol == "y":
        weights = np.array([65.481, 128.553, 24.966]) / 255
        preds, target = (16 + (x @ weights)[..., None] for x in (preds, target))
    if border:
        preds, target = (x[border:-border, border:-border] for x in (preds, target))
    psnr = peak_signal_noise_ratio(target, preds, data_range=255)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": -1}
    full = structural_similarity(target, preds, data_range=255, full=True, **options)[1]
    ssim = full[5:-5, 5:-5].mean()
    order = (target, preds) if protocol == "paper" else (preds, target)
    fsds = definition.fsds(*(x.transpose(2, 0, 1) / 255 for x in order), "paper")
    return [psnr, ssim, fsds, abs(preds - target).mean() / 255]


@pytest.mark.parametrize("protocol", ["paper", "y", "div2k"])
def test_every_cell_is_the_plain_number(methods, protocol):
    result = evaluate(methods, Plan(ALL.scores, protocol))
    of = {(method.name, method.scale): method for method in methods}
    assert len(result.outcomes) == 20
    expected = {}
    for (name, scale, image), numbers in values(result).items():
        expected[name, scale, image] = plain(of[name, scale], image, protocol)
        np.testing.assert_allclose(numbers, expected[name, scale, image], rtol=1e-6, atol=1e-6)
    for line in result.summaries():
        cells = [numbers for place, numbers in expected.items() if place[:2] == (line.method, line.scale)]
        np.testing.assert_allclose([mean.value for mean in line.means], np.mean(cells, 0), rtol=1e-6, atol=1e-6)
        assert all(mean.low <= mean.value <= mean.high and mean.count == 5 for mean in line.means)


@pytest.mark.parametrize("name", SCORES)
def test_every_score_is_the_function_of_its_name(name, tmp_path):
    pixels = [np.random.default_rng(seed).integers(0, 256, (3, 176, 168), dtype=np.uint8) for seed in (0, 1)]
    preds, target = map(torch.from_numpy, pixels)
    pair = Target(target).pair(preds, hyra.Protocol(), scale=1)
    function, _, kind = name.partition(":")
    options = {} if not kind else {"form": kind} if function == "ssim" else {"variant": kind}
    assert score(name).measure(pair) == float(getattr(hyra, function)(preds, target, **options))


def test_decodes_every_file_once(methods, monkeypatch):
    decoded = Counter()
    original = files.decode
    monkeypatch.setattr(files, "decode", lambda path: (decoded.update([path]), original(path))[1])
    evaluate(methods, ALL, workers=2)
    assert len(decoded) == 25
    assert set(decoded.values()) == {1}


@pytest.mark.parametrize("workers", [1, 3])
def test_bits_depend_on_no_number_of_workers(methods, workers):
    threads = torch.get_num_threads()
    assert values(evaluate(methods, ALL, workers=workers)) == values(evaluate(methods, ALL, workers=2))
    assert torch.get_num_threads() == threads


def test_computes_again_only_what_has_changed(methods, tmp_path, monkeypatch):
    store = tmp_path / "s.sqlite"
    first = evaluate(methods, ALL, store=store, name="first")
    decoded = Counter()
    original = files.decode
    monkeypatch.setattr(files, "decode", lambda path: (decoded.update([path.relative_to(tmp_path)]), original(path))[1])
    again = evaluate(methods, ALL, store=store, name="again")
    assert not decoded
    assert values(again) == values(first)
    changed = methods[0].sr / "0002x2.png"
    Image.open(changed).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(changed)
    third = evaluate(methods, ALL, store=store, name="third")
    assert {str(path): count for path, count in decoded.items()} == {"nearest/x2/0002x2.png": 1, "hr/0002.png": 1}
    differing = {place for place, numbers in values(third).items() if numbers != values(first)[place]}
    assert differing == {(methods[0].name, methods[0].scale, "0002")}
    decoded.clear()
    wider = evaluate(methods, Plan((*ALL.scores, "mse")), store=store)
    assert len(decoded) == 25
    assert {place: numbers[:4] for place, numbers in values(wider).items()} == values(third)
    assert len(wider.outcomes[0].values) == 5
    decoded.clear()
    evaluate(methods, Plan(ALL.scores, "y"), store=store)
    assert len(decoded) == 25
    with Runs(store) as runs:
        names = [run.name for run in runs.runs()]
        assert names[:3] == ["first", "again", "third"]
        assert values(Evaluation.load(runs, "first")) == values(first)


def test_folders_that_moved_are_known_by_their_contents(methods, tmp_path, monkeypatch):
    store = tmp_path / "s.sqlite"
    first = evaluate(methods, ALL, store=store)
    moved = []
    for name in ("hr", *dict.fromkeys(method.name for method in methods)):
        (tmp_path / name).rename(tmp_path / f"moved {name}")
    for method in methods:
        sr = tmp_path / f"moved {method.name}" / method.sr.name
        moved.append(Method(method.name, method.scale, sr, tmp_path / "moved hr"))
    monkeypatch.setattr(files, "decode", None)  # nothing is read but contents
    assert values(evaluate(moved, ALL, store=store)) == values(first)


def test_a_score_of_another_version_is_computed_again(methods, tmp_path, monkeypatch):
    store = tmp_path / "s.sqlite"
    evaluate(methods, Plan(("psnr",)), store=store)
    from dataclasses import replace

    from hyra.evaluate.scoring import scores

    changed = replace(score("psnr"), version=2, measure=lambda _: 1.0)
    monkeypatch.setattr(scores, "SCORES", {**scores.SCORES, "psnr": changed})
    assert {
        number for numbers in values(evaluate(methods, Plan(("psnr",)), store=store)).values() for number in numbers
    } == {1}


def test_a_reference_that_modcrop_would_fit_says_so(tmp_path):
    for folder, size in (("hr", 49), ("sr", 48)):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (size, size)).save(tmp_path / folder / "a.png")
    (outcome,) = evaluate([Method("A", 4, tmp_path / "sr", tmp_path / "hr")], ALL).outcomes
    assert outcome.error.startswith("both images must have the same size, got 48x48 and 49x49: cut the reference")
    assert "--modcrop" in outcome.error


def test_goes_on_beside_what_is_broken(methods, tmp_path):
    broken, identical, constant = (methods[0].sr / f"000{index}x2.png" for index in range(3))
    broken.write_bytes(broken.read_bytes()[:60])
    identical.write_bytes((methods[0].hr / "0001.png").read_bytes())
    Image.new("RGB", (48, 48), "grey").save(constant)
    Image.new("RGB", (40, 48)).save(methods[0].sr / "0003x2.png")
    result = evaluate(methods, ALL, store=tmp_path / "s.sqlite")
    line, *others = result.summaries()
    assert [image for image, _ in line.failed] == ["0000", "0003"]
    assert "cannot be read as an image" in line.failed[0][1]
    assert line.failed[1][1] == "both images must have the same size, got 40x48 and 48x48", (
        "no cut of the reference helps"
    )
    assert line.mean("psnr").identical == line.mean("fsds").identical == ("0001",)
    assert (line.mean("psnr").count, line.mean("ssim").count, line.mean("fsds").count) == (2, 3, 1)
    assert line.mean("fsds").missing == ("0002",)
    assert math.isfinite(line.mean("psnr").value)
    assert math.isnan(line.mean("fsds").low)
    (note,) = [o.notes for o in result.outcomes if o.notes]
    assert "preds must have" in note["fsds"] or "constant" in note["fsds"]
    assert all(not other.failed for other in others)
    again = evaluate(methods, ALL, store=tmp_path / "s.sqlite")
    assert [line.failed for line in again.summaries()] == [line.failed for line in result.summaries()]


def test_a_broken_reference_fails_its_pairs_alone(methods):
    (methods[0].hr / "0004.png").write_bytes(b"no image")
    for line in evaluate(methods, ALL).summaries():
        assert [image for image, _ in line.failed] == ["0004"]
        assert line.mean("psnr").count == 4


def test_images_that_other_methods_have_are_named(methods):
    (methods[0].sr / "0003x2.png").unlink()
    with pytest.warns(UserWarning, match=r"1 image of .*hr without a partner"):
        result = evaluate(methods, ALL, allow_missing=True)
    assert [line.absent for line in result.summaries()] == [("0003",), (), (), ()]
    first, *_ = (row for row in result.table().rows if row.summary.method == methods[0].name)
    assert (first.images, first.cell(score("psnr")).count) == ("4 of 5", 4)
    assert "nearest x2: 1 image of the other methods not there: 0003." in str(result.table())


def test_a_table_says_that_its_run_came_to_no_end(methods, tmp_path):
    class Stop(Exception):
        pass

    def stop(outcome):
        raise Stop

    with Runs(tmp_path / "s.sqlite") as runs:
        with pytest.raises(Stop):
            evaluate(methods, ALL, store=runs, name="first", log=stop)
        assert "has not come to its end" in str(Evaluation.load(runs, "first").table())
        evaluate(methods, ALL, store=runs, name="first")
        assert "has not come to its end" not in str(Evaluation.load(runs, "first").table())


def test_whatever_a_score_raises_is_an_outcome(methods, monkeypatch):
    from hyra.evaluate.scoring import scores

    def fail(_):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(scores, "SCORES", {"psnr": scores.Score("psnr", fail)})
    (reason,) = {o.error for o in evaluate(methods, Plan(("psnr",))).outcomes}
    assert reason == "RuntimeError: two lines"


def test_cuts_references_to_a_multiple_of_the_scale(tmp_path):
    hr = np.random.default_rng(0).integers(0, 256, (31, 30, 3), dtype=np.uint8)
    for folder, pixels in (("hr", hr), ("sr", hr[:28, :28] // 2)):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels).save(tmp_path / folder / "0001.png")
    method = Method("dark", 4, tmp_path / "sr", tmp_path / "hr")
    assert evaluate([method], ALL).outcomes[0].error
    (outcome,) = evaluate([method], Plan(ALL.scores, modcrop=True)).outcomes
    expected = peak_signal_noise_ratio(hr[:28, :28], hr[:28, :28] // 2)
    assert outcome.value("psnr") == pytest.approx(expected, abs=1e-9)


def test_images_of_other_depths_meet_as_floats(tmp_path):
    """16 bits beside 8, 10 bits, and floats; grey beside RGB."""
    wide = np.random.default_rng(0).integers(0, 65536, (24, 24), dtype=np.uint16)
    narrow = np.random.default_rng(1).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    for folder in ("hr", "sr"):
        (tmp_path / folder).mkdir()
    Image.fromarray(wide).save(tmp_path / "sr/a1.png")
    Image.fromarray(narrow).save(tmp_path / "hr/a1.png")
    np.save(tmp_path / "sr/b1.npy", (wide / 65535).astype(np.float32))
    Image.fromarray(narrow).save(tmp_path / "hr/b1.png")
    method = Method("other", 1, tmp_path / "sr", tmp_path / "hr")
    expected = -10 * np.log10(((wide[..., None] / 65535 - narrow / 255) ** 2).mean())
    for outcome in evaluate([method], Plan(("psnr",))).outcomes:
        assert outcome.value("psnr") == pytest.approx(expected, abs=1e-4)


SCRIPT = """
import sys, time
from pathlib import Path
from hyra.evaluate import Method, Plan, evaluate
root, store = Path(sys.argv[1]), sys.argv[2]
methods = [Method(n, s, root / n / f"x{s}", root / "hr") for n in ("nearest", "bicubic") for s in (2, 4)]
print("ready", flush=True)
evaluate(methods, Plan(("psnr", "ssim", "fsds", "mae")), store=store, name="run", progress=False,
         log=lambda outcome: time.sleep(0.005))
"""


def start(root, store) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SCRIPT, str(root), str(store)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


FORKING = """
import os, sys, time
from pathlib import Path
from hyra.evaluate import Method, Plan, evaluate
root, store = Path(sys.argv[1]), sys.argv[2]
methods = [Method(n, s, root / n / f"x{s}", root / "hr") for n in ("nearest", "bicubic") for s in (2, 4)]
evaluate(methods[:1], progress=False)  # imports all that it needs
for line in sys.stdin:
    if child := os.fork():
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)
        continue
    evaluate(methods, Plan(("psnr", "ssim", "fsds", "mae")), store=store, name="run", progress=False,
             log=lambda outcome: time.sleep(float(line)))
    os._exit(0)
"""
"""A process with everything imported, which begins the work in a child as often as it is asked."""


@pytest.mark.once
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_kills_at_any_moment_lose_nothing_that_was_kept(many_methods, tmp_path):

    whole = evaluate(many_methods, ALL, progress=False)
    store = tmp_path / "s.sqlite"
    generator = random.Random(0)
    command = [sys.executable, "-c", FORKING, str(tmp_path), str(store)]
    kept, moments = 0, 20
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def begin(pause):
            process.stdin.write(f"{pause}\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        for _ in range(moments):
            child = begin(0.1)  # slowly: none of them comes to the end
            time.sleep(generator.uniform(0, 0.4))
            os.kill(child, signal.SIGKILL)
            assert int(process.stdout.readline()) == signal.SIGKILL
            if store.exists():
                with Runs(store) as runs:
                    now = sum(1 for run in runs.runs() for _ in runs.outcomes(run.name))
                assert now >= kept
                kept = now
        assert 0 < kept < len(whole.outcomes)
        begin(0)
        assert int(process.stdout.readline()) == 0
        process.stdin.close()
    with Runs(store) as runs:
        (run,) = runs.runs()
        assert run.finished is not None
        assert values(Evaluation.load(runs, "run")) == values(whole)


@pytest.mark.once
def test_two_processes_share_a_store(methods, tmp_path):
    store = tmp_path / "s.sqlite"
    processes = [start(tmp_path, store) for _ in range(2)]
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0, 0]
    with Runs(store) as runs:
        assert values(Evaluation.load(runs, "run")) == values(evaluate(methods, ALL))


PEAK = """
import resource, sys
from pathlib import Path
from hyra.evaluate import Method, Plan, evaluate
root = Path(sys.argv[1])
evaluate([Method("same", 4, root / f"sr{sys.argv[2]}", root / f"hr{sys.argv[2]}")], Plan(("psnr",)), workers=2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.once
def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    peaks = []
    for count in (100, 2000):
        for folder in (f"hr{count}", f"sr{count}"):
            (tmp_path / folder).mkdir()
            for index in range(count):
                os.link(tmp_path / "image.png", tmp_path / folder / f"{index:05}.png")
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(tmp_path), str(count)], check=True, capture_output=True, text=True
        )
        peaks.append(int(done.stdout) * 1024)
    assert peaks[1] - peaks[0] < 200 * pixels.nbytes  # of 3,800 more images


def test_an_interrupted_run_is_gone_on_with(methods, tmp_path):
    store = tmp_path / "s.sqlite"

    def interrupt(outcome):
        if outcome.image == "0003":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(methods, ALL, store=store, log=interrupt)
    with pytest.raises(KeyboardInterrupt):
        evaluate(methods, ALL, store=store, log=interrupt)
    evaluate(methods, ALL, store=store)
    with Runs(store) as runs:
        (run,) = runs.runs()
    assert run.finished is not None
    assert run.context["environment"]["hyra"] == hyra.__version__


def test_a_store_of_the_first_format_keeps_its_scores(tmp_path):
    file = tmp_path / "s.sqlite"
    with sqlite3.connect(file) as old:
        columns = "preds TEXT NOT NULL, target TEXT NOT NULL, name TEXT NOT NULL, settings TEXT NOT NULL"
        key = "PRIMARY KEY (preds, target, name, settings, version)"
        old.execute(f"CREATE TABLE score ({columns}, version INTEGER NOT NULL, value REAL, {key}) WITHOUT ROWID")
        old.execute("INSERT INTO score VALUES ('a', 'b', 'fsds', '{}', 1, 30.5)")
        old.execute(f"PRAGMA application_id = {0x68797261}")
        old.execute("PRAGMA user_version = 1")
    old.close()
    with Runs(file) as runs:
        assert runs.get(Key("a", "b", "fsds", "{}", 1)) == 30.5
        assert runs.runs() == []
    with Runs(file) as runs:  # as it was left
        assert runs.get(Key("a", "b", "fsds", "{}", 1)) == 30.5


def test_a_plan_and_its_tasks_travel_to_other_processes(methods):
    plan = pickle.loads(pickle.dumps(ALL))
    assert plan == ALL
    assert pickle.loads(pickle.dumps(list(SCORES.values()))) is not None
    (sr, hr), *_ = methods[0].sources()
    assert pickle.loads(pickle.dumps((sr, hr))) == (sr, hr)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"scores": ()}, "scores must name at least one score, got none"),
        ({"scores": ("psnr", "best")}, "score must be one of psnr, .*, got 'best'"),
        ({"protocol": "z"}, "got 'z'"),
    ],
)
def test_a_plan_says_what_is_wrong_with_it(plan, message):
    with pytest.raises(ValueError, match=message):
        Plan(**plan)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EDSR", "sr must be NAME:SCALE:FOLDER, such as EDSR:4:results/EDSR/x4, got 'EDSR'"),
        ("EDSR:four:x", "sr must be NAME:SCALE:FOLDER"),
        (" :4:x", "name must say"),
        ("EDSR:0:x", "scale of EDSR must be a number of at least 1, got 0"),
    ],
)
def test_a_method_says_what_is_wrong_with_it(text, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Method.parse(text, tmp_path)


def test_methods_of_one_name_and_scale_are_refused(methods):
    with pytest.raises(ValueError, match="nearest at x2 is given twice"):
        evaluate([*methods, methods[0]])
    with pytest.raises(ValueError, match="at least one method"):
        evaluate([])
