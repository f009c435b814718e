"""The page of an evaluation as a text: what stands on it, what it refers to, and what it bears."""

from __future__ import annotations

import base64
import io
import json
import math
import os
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("plotly")
from PIL import Image

import hyra
from hyra.cli import main
from hyra.evaluate import Evaluation, Method, Outcome, Plan, Run, evaluate
from hyra.evaluate.scoring.scores import score
from hyra.evaluate.work.keys import Key
from hyra.report.evaluation import data, examples, write
from hyra.report.evaluation.pictures import SIDE, pictures

QUOTES, SCRIPT = """it's "a" & <b>bold<b> &lt;""", "<script>alert(1)</script>"


class Page(HTMLParser):
    """References, the texts of table cells and of list items, and the scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.cells: list[list[str]] = []
        self.scripts: list[str] = []
        self.text = ""
        self._tag = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._tag = tag
        self.references += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._tag = ""

    def handle_data(self, data):
        if self._tag == "script":
            self.scripts[-1] += data
        elif self._tag != "style":
            self.text += data
            if self.cells and self.cells[-1] and self._tag in ("td", "th", "span", "small"):
                self.cells[-1][-1] += data + " " * (self._tag == "span")

    @property
    def data(self):
        return json.loads(self.scripts[0])


def read(file: Path) -> Page:
    return Page(file.read_text("utf-8"))


@pytest.fixture(scope="module")
def page(original, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "page.html"
    assert write(original.evaluation, file, progress=False) == []
    return file


def run_of(outcomes, scores=("psnr",), **changes):
    """An evaluation that was never computed."""
    methods = [[method, scale, "sr", "hr"] for method, scale in dict.fromkeys((o.method, o.scale) for o in outcomes)]
    run = Run("made", Plan(tuple(scores)), methods, "2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00", {})
    return Evaluation(replace(run, **changes), tuple(outcomes))


def outcome(value, image="a", method="m", name="psnr", **changes):
    values = {} if value is None else {Key("0" * 64, "1" * 64, name, "{}", 1): value}
    return replace(Outcome(method, 2.0, image, f"sr/{image}.png", f"hr/{image}.png", values), **changes)


def test_refers_to_nothing_outside_and_runs_no_script_but_its_own(page):
    text = page.read_text("utf-8")
    parsed = Page(text)
    assert all(reference.startswith("data:") for reference in parsed.references)
    assert len(parsed.scripts) == 6  # the data, Plotly, and four of ours
    ours = text.replace(parsed.scripts[1], "")
    assert not re.search(r"https?:|//[a-z]|url\(|@import", re.sub(r"base64,[^\"]*|(?m:// .*$)", "", ours))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none'; img-src data: blob:;")
    assert "unsafe-inline" not in policy.partition("script-src")[2]
    assert policy.count("sha256-") == 5
    assert page.stat().st_size < 6 << 20


def test_names_are_texts_everywhere(page):
    text = page.read_text("utf-8")
    assert SCRIPT not in text
    assert QUOTES not in text
    parsed = Page(text)
    assert {group["method"] for group in parsed.data["groups"]} == {SCRIPT, "nearest"}
    assert QUOTES in parsed.data["images"]
    assert any(SCRIPT in row[0] for row in parsed.cells if row)


def test_means_are_those_of_the_evaluation(original, page):
    rows = {(row[0], row[1].strip()): row for row in read(page).cells if len(row) == 11}
    for line in original.evaluation.summaries():
        row = rows[line.method, f"×{line.scale:g}"]
        for cell, mean in zip(row[2:6], line.means, strict=True):
            value, interval = cell.split(" ", 1)
            digits = score(mean.score).digits
            assert value == f"{mean.value:.{digits}f}"
            assert interval == f"{mean.low:.{digits}f} – {mean.high:.{digits}f}"
        assert int(row[6]) == line.images - len(line.failed)
    assert [cell.strip() for cell in rows["nearest", "×2"][6:]] == ["4", "1", "1", "2", "0"]
    assert [cell.strip() for cell in rows[SCRIPT, "×4"][6:]] == ["6", "0", "1", "0", "0"]


def test_every_score_of_every_pair_is_in_the_data(original, page):
    known = read(page).data
    values = {
        (group["method"], group["scale"], known["images"][image]): [of[place] for of in group["values"]]
        for group in known["groups"]
        for place, image in enumerate(group["images"])
    }
    assert len(values) == len(original.evaluation.outcomes) == 24
    for pair in original.evaluation.outcomes:
        for name, stored in zip(
            original.evaluation.run.plan.scores, values[pair.method, pair.scale, pair.image], strict=True
        ):
            expected = pair.value(name)
            if math.isnan(expected):
                assert stored is None
            else:
                assert float(stored) == pytest.approx(expected, rel=1e-5)


def test_says_what_was_done_with_what_and_what_is_left_out(original, page):
    text = read(page).text
    assert "Scored at ×2: Y of BT.601 (MATLAB's), 2 pixels cut from each side." in text
    assert "Scored at ×4: Y of BT.601 (MATLAB's), 4 pixels cut from each side." in text
    context = original.evaluation.run.context
    for fact in (context["commit"] or "unknown", hyra.__version__, torch.__version__, "nightly", "a <run>"):
        assert fact in text
    assert "nearest ×2: 2 images failed" in text
    assert "both images must have the same size, got 48x47 and 48x48" in text
    assert "target must not be constant" in text


def test_an_interrupted_run_says_so(original, tmp_path):
    run = replace(original.evaluation.run, finished=None)
    write(replace(original.evaluation, run=run), tmp_path / "page.html", progress=False)
    assert "This run has not come to its end" in read(tmp_path / "page.html").text


def test_files_that_moved_or_changed_are_named(evaluated, tmp_path):
    nearest = evaluated.folder / "method 1" / "x2"
    (nearest / "plain.png").unlink()
    shutil.copy(evaluated.folder / "hr" / "plain.png", nearest / "flat.png")
    problems = write(evaluated.evaluation, tmp_path / "page.html", progress=False)
    assert problems == [
        f"nearest ×2, flat: {nearest / 'flat.png'} has changed since it was scored",
        f"nearest ×2, plain: there is no file {nearest / 'plain.png'}: it has moved",
    ]
    parsed = read(tmp_path / "page.html")
    assert "2 pairs cannot be shown" in parsed.text
    assert all(problem in parsed.text for problem in problems)
    shown = [pair for pair in parsed.data["pairs"] if parsed.data["groups"][pair["group"]]["method"] == "nearest"]
    assert len(shown) == 6 - 2


def test_all_folders_are_gone(original, tmp_path):
    lost = [replace(o, preds=f"nowhere/{o.image}", target=f"nowhere/{o.image}") for o in original.evaluation.outcomes]
    problems = write(Evaluation(original.evaluation.run, tuple(lost)), tmp_path / "page.html", progress=False)
    assert len(problems) == 18
    assert read(tmp_path / "page.html").data["pairs"] == []


@pytest.mark.parametrize("name", ["psnr", "mae"])
def test_worst_and_best_by_the_score_given(name):
    values = {"a": 1.0, "b": 5.0, "c": 3.0, "d": 4.0, "e": 2.0, "same": math.inf, "none": math.nan}
    pairs = [outcome(value, image, name=name) for image, value in values.items()]
    made, _ = examples.of(pairs, score(name), 2, progress=False)
    found = {(each.end, each.place): each.outcome.image for each in made}
    ends = ("worst", "best") if name == "psnr" else ("best", "worst")
    assert found == {(ends[0], 1): "a", (ends[0], 2): "e", (ends[1], 1): "b", (ends[1], 2): "d"}
    assert [each.place for each in made] == [1, 1, 2, 2]  # the extremes first


@pytest.mark.parametrize("images", [1, 2, 3])
def test_no_image_is_both_worst_and_best(images):
    pairs = [outcome(float(index), str(index)) for index in range(images)]
    made, _ = examples.of(pairs, score("psnr"), 3, progress=False)
    assert sorted(each.outcome.image for each in made) == [str(index) for index in range(images)]


def test_pictures_that_have_no_room_are_counted(original, tmp_path, monkeypatch):
    monkeypatch.setattr(examples, "LENGTH", 40_000)
    write(original.evaluation, tmp_path / "page.html", progress=False)
    parsed = read(tmp_path / "page.html")
    shown = len(parsed.data["pairs"])
    assert 0 < shown < 18
    assert f"{18 - shown} more have no room on the page" in parsed.text
    assert {(pair["end"], pair["place"]) for pair in parsed.data["pairs"]} <= {("worst", 1), ("best", 1)}


def decoded(uri: str) -> torch.Tensor:
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition("base64,")[2]))))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1) / 255


def smooth(height: int, width: int) -> torch.Tensor:
    y, x = torch.meshgrid(torch.linspace(0, 3, height), torch.linspace(0, 3, width), indexing="ij")
    return 0.5 + 0.3 * torch.stack([x.sin(), y.cos(), (x * y).sin()])


def test_a_large_image_is_shown_where_it_differs_most():
    hr = smooth(500, 900)
    sr = hr.clone()
    sr[:, 300:340, 600:660] += 0.1
    made = pictures(sr, hr)
    window = made.window
    assert made.size == (900, 500)
    assert (window.width, window.height) == (SIDE, SIDE)
    assert 660 - SIDE <= window.left <= 600
    assert 340 - SIDE <= window.top <= 300
    rows, columns = slice(window.top, window.top + SIDE), slice(window.left, window.left + SIDE)
    for uri, expected in ((made.sr, sr), (made.hr, hr), (made.difference, 0.5 + 2 * (sr - hr))):
        torch.testing.assert_close(decoded(uri), expected[:, rows, columns].clamp(0, 1), rtol=0, atol=0.06)
    assert decoded(made.hr_spectrum).shape == (3, 142, 256)


def test_the_spectrum_of_a_wave_is_at_its_frequency():
    x = torch.arange(64) / 64
    wave = (0.5 + 0.4 * (2 * torch.pi * 16 * x).sin()).expand(3, 48, 64)
    made = pictures(wave, wave)
    brightness = decoded(made.sr_spectrum).mean(0)
    assert brightness.shape == (48, 64)
    found = {tuple(place) for place in (brightness > 0.7).nonzero().tolist()}
    assert {(24, 16), (24, 32), (24, 48)} <= found


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.5])
def test_constant_and_not_finite_images_have_pictures(value):
    flat = torch.full((3, 20, 30), value)
    made = pictures(flat, flat)
    assert decoded(made.difference).sub(0.5).abs().max() < 0.01


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (17, 1000), (385, 384)])
def test_every_size_has_pictures(size):
    image = torch.rand(3, *size, generator=torch.Generator().manual_seed(0))
    made = pictures(1 - image, image)
    assert decoded(made.sr).shape == (3, min(SIDE, size[0]), min(SIDE, size[1]))


@pytest.mark.parametrize("pairs", [
    [outcome(None, error="broken")],
    [outcome(math.inf)],
    [outcome(math.nan, notes={"psnr": "no number"})],
    [outcome(30.0)],
], ids=["failed", "identical", "no number", "one"])  # fmt: skip
def test_runs_of_one_pair(pairs, tmp_path):
    write(run_of(pairs), tmp_path / "page.html", progress=False)
    parsed = read(tmp_path / "page.html")
    assert "Scores of 1 method on 1 image" in parsed.text
    assert 'id="scatter"' not in (tmp_path / "page.html").read_text("utf-8")  # there is no other score


def test_numbers_that_json_has_not_are_there(tmp_path):
    pairs = [outcome(value, str(value)) for value in (math.inf, -math.inf, math.nan, 1 / 3)]
    known = data.of(run_of(pairs), [], score("psnr"))
    assert known["groups"][0]["values"] == [["Infinity", "-Infinity", None, 0.333333]]


def test_a_name_that_is_no_utf8_is_shown(tmp_path):
    for folder in ("hr", "sr"):
        (tmp_path / folder).mkdir()
    plain = tmp_path / "plain.png"
    for folder in ("hr", "sr"):
        hyra.images.write(torch.rand(3, 32, 32), plain)
        try:
            os.replace(plain, os.fsencode(tmp_path / folder) + b"/caf\xe9.png")
        except OSError:
            pytest.skip("this file system has only names in UTF-8")
    store = tmp_path / "scores.sqlite"
    evaluate([Method("m", 2, tmp_path / "sr", tmp_path / "hr")], Plan(("psnr",)), store=store, name="run")
    assert main(["report", str(store), "--out", str(tmp_path / "page.html")]) == 0
    parsed = read(tmp_path / "page.html")
    assert len(parsed.data["pairs"]) == 1
    assert parsed.data["images"] == [r"caf\udce9"]


def test_responses_of_networks(original, tmp_path):
    response = hyra.HyRA(torch.nn.Upsample(scale_factor=2, mode="bicubic")).impulse_response(16)
    response.save(tmp_path / "response.safetensors")
    out = tmp_path / "page.html"
    named = f"{SCRIPT}={tmp_path / 'response.safetensors'}"
    assert main(["report", str(original.store), "--out", str(out), "--images", "0", "--response", named]) == 0
    parsed = read(out)
    assert f"{SCRIPT}: impulse response." in parsed.text
    assert len(parsed.references) == 2
    assert parsed.data["pairs"] == []


def test_a_page_of_many_pairs_is_small(tmp_path):
    values = np.random.default_rng(0).normal(30, 3, 20_000)
    pairs = [outcome(v, f"img{i % 1000:04}", f"method {i // 1000}", preds="gone") for i, v in enumerate(values)]
    write(run_of(pairs), tmp_path / "page.html", count=0, progress=False)
    plotly = len(import_module("plotly.offline").get_plotlyjs())
    assert (tmp_path / "page.html").stat().st_size - plotly < 20_000 * 30


class TestCommand:
    def test_takes_the_newest_run(self, original, tmp_path, capsys):
        store = tmp_path / "scores.sqlite"
        shutil.copy(original.store, store)
        method = Method("later", 2, original.folder / "method 0" / "x2", original.folder / "hr")
        evaluate([method], Plan(("psnr",)), store=store, name="later", workers=1)
        assert main(["report", str(store), "--out", str(tmp_path / "b.html")]) == 0
        assert capsys.readouterr().out == f"{tmp_path / 'b.html'}\n"
        assert "Run later" in read(tmp_path / "b.html").text
        assert main(["report", str(store), "a <run>", "--out", str(tmp_path / "a.html"), "--by", "mae"]) == 0
        assert "By MAE" in read(tmp_path / "a.html").text

    def test_says_which_files_are_gone(self, evaluated, tmp_path, capsys):
        (evaluated.folder / "hr" / "plain.png").unlink()
        assert main(["report", str(evaluated.store), "--out", str(tmp_path / "page.html")]) == 0
        assert f"there is no file {evaluated.folder / 'hr' / 'plain.png'}: it has moved" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["nowhere.sqlite"], "no such file: nowhere.sqlite"),
            (["STORE", "other"], "run must be one of a <run>, got 'other'"),
            (["STORE", "--by", "lpips"], "by must be one of"),
            (["STORE", "--response", "EDSR"], "response must be NAME=FILE"),
        ],
    )
    def test_mistakes_are_one_sentence(self, original, capsys, arguments, sentence):
        assert main(["report", *(str(original.store) if a == "STORE" else a for a in arguments)]) == 2
        assert sentence in capsys.readouterr().err
        assert not Path("nowhere.sqlite").exists()

    def test_an_empty_store(self, tmp_path, capsys):
        hyra.evaluate.Runs(tmp_path / "s.sqlite").__exit__()
        assert main(["report", str(tmp_path / "s.sqlite")]) == 2
        assert "must hold a run, got none" in capsys.readouterr().err


def test_names_the_extra(original, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "plotly.offline", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'hyra\[evaluate\]'"):
        write(original.evaluation, tmp_path / "page.html")
