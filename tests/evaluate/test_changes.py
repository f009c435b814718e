"""Two runs side by side: numbers are those of their definitions, nothing is hidden, gates catch what they should."""

import math
import warnings
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.stats import wilcoxon

from hyra.evaluate.tables.summary import interval
from hyra.evaluate.tracking.changes import compare_runs
from hyra.evaluate.tracking.gates import Gate
from hyra.evaluate.tracking.reports import as_junit, as_markdown, as_text
from runs_of_scores import evaluation

IMAGES = [f"img{index:03}" for index in range(100)]


def psnr(values, images=IMAGES):
    return {"psnr": dict(zip(images, values, strict=False))}


@pytest.fixture
def levels():
    return np.random.default_rng(0).uniform(24, 36, 100)


def failed(gate, before, after, **options):
    return [v for v in Gate.parse(gate).verdicts(compare_runs(before, after), **options) if v.passed is False]


def test_an_injected_fall_is_caught_and_an_identical_run_never_fails(levels):
    before, noise = evaluation("A", psnr(levels)), np.random.default_rng(1).normal(0, 0.2, 100)
    for fall in (np.full(100, 0.05), 0.05 + noise - noise.mean()):
        after = evaluation("B", psnr(levels - fall))
        (change,) = compare_runs(before, after).changes
        assert change.difference == pytest.approx(-0.05, abs=1e-12)
        (verdict,) = failed("psnr<-0.05", before, after)
        assert "-0.0500 dB on 100 images" in verdict.reason
        assert not failed("psnr<-0.0501", before, after)
        assert not failed("psnr>0.0001", before, after)
        assert failed("psnr>0.05", after, before)
    for limit in ("<-0.05", "<0", ">0", ">0.05", "<-1e-300"):
        assert not failed(f"psnr{limit}", before, before)
        assert not failed(f"psnr{limit}", before, evaluation("B", psnr(levels * (1 + 1e-14))))  # another kind of CPU


@pytest.mark.parametrize("count", [1, 2, 5, 60, 100])
def test_numbers_are_those_of_their_definitions(levels, count):
    after = levels + np.random.default_rng(2).normal(0.1, 0.3, 100)
    a, b = levels[:count], after[:count]
    (change,) = compare_runs(evaluation("A", psnr(a)), evaluation("B", psnr(b))).changes
    assert (change.before, change.after) == (pytest.approx(a.mean()), pytest.approx(b.mean()))
    assert change.difference == pytest.approx((b - a).mean())
    assert change.p_value == pytest.approx(wilcoxon(b, a).pvalue)
    assert (change.low, change.high) == pytest.approx(interval(b - a), nan_ok=True)
    assert change.images == count
    order = np.argsort(b - a)[:5]
    expected = [(IMAGES[i], pytest.approx((b - a)[i])) for i in order if b[i] < a[i]]
    assert change.worst() == expected


def test_the_worst_of_an_error_are_those_that_grew():
    before, after = ({"mae": dict(zip("abc", values, strict=True))} for values in ([0.1, 0.2, 0.3], [0.2, 0.1, 0.5]))
    (change,) = compare_runs(evaluation("A", before), evaluation("B", after)).changes
    assert [image for image, _ in change.worst()] == ["c", "a"]
    assert failed("mae>0.01", evaluation("A", before), evaluation("B", after))


def test_of_a_score_whose_better_end_nobody_knows_those_that_changed_most_are_named():
    name = "pyiqa:of-a-package-that-is-not-here"
    before, after = ({name: dict(zip("abc", values, strict=True))} for values in ([1.0, 2.0, 3.0], [1.5, 1.0, 3.0]))
    changes = compare_runs(evaluation("A", before), evaluation("B", after))
    assert [image for image, _ in changes.changes[0].worst()] == ["b", "a"]
    text = as_text(changes, [])
    assert "most changed images: b" in text
    assert "worst" not in text
    infinite = evaluation("B", {name: {"a": math.inf, "b": 2.0, "c": 3.0}})
    (verdict,) = failed(f"{name}>0", evaluation("A", before), infinite)
    assert verdict.reason == "a is in one run alone identical to its reference"


def test_no_change_is_no_error_and_no_warning(levels):
    for values in (levels, levels[:1], np.full(100, 30.0), np.full(100, math.inf)):
        run = evaluation("A", psnr(values))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            (change,) = compare_runs(run, run).changes
        assert (change.difference, change.p_value, change.worst()) == (0, 1, [])
        assert not failed("psnr<-0.05", run, run)


def test_images_of_one_run_and_failures_are_named_and_fail_a_gate():
    before = evaluation("A", psnr([30, 31, 32, "no such file", 33], ["a", "gone", "broken", "mended", "same"]))
    after = evaluation("B", psnr([30, 29, "truncated", 30, 33], ["a", "new", "broken", "mended", "same"]))
    changes = compare_runs(before, after)
    (absences,) = changes.absences
    assert (absences.only_before, absences.only_after) == (("gone",), ("new",))
    assert absences.failed_before == (("mended", "no such file"),)
    assert absences.failed_after == (("broken", "truncated"),)
    (change,) = changes.changes
    assert set(change.differences) == {"a", "same"}
    assert (change.lost, change.gained) == (("gone", "broken"), ("new", "mended"))
    (verdict,) = failed("psnr<-0.05", before, after)
    assert "gone, broken" in verdict.reason
    assert not failed("psnr<-0.05", before, after, allow_missing=True)
    text = as_text(changes)
    for line in (
        "only in A: gone",
        "only in B: new",
        "failed in A: mended (no such file)",
        "failed in B: broken (trun",
    ):
        assert line in text


def test_a_score_that_is_nan_in_one_run_is_lost():
    before, after = (evaluation(name, psnr([30, value], "ab")) for name, value in (("A", 31), ("B", math.nan)))
    assert compare_runs(before, after).changes[0].lost == ("b",)
    assert failed("psnr<-0.05", before, after)
    assert "PSNR (dB) only in A: b" in as_text(compare_runs(before, after))


def test_an_image_no_longer_identical_has_fallen_without_limit():
    before, after = (evaluation(name, psnr([30, value], "ab")) for name, value in (("A", math.inf), ("B", 60)))
    (change,) = compare_runs(before, after).changes
    assert (change.difference, change.worst()) == (0, [("b", -math.inf)])
    assert "no longer identical" in failed("psnr<-50", before, after)[0].reason
    assert not failed("psnr<-50", after, before)
    assert "now identical" in failed("psnr>50", after, before)[0].reason
    alone = [evaluation(name, psnr([value], "b")) for name, value in (("A", math.inf), ("B", 60))]
    assert compare_runs(*alone).changes[0].difference == -math.inf
    assert compare_runs(*reversed(alone)).changes[0].difference == math.inf


def test_what_cannot_be_compared_fails(levels):
    run, other = evaluation("A", psnr(levels)), evaluation("B", {"ssim": dict.fromkeys(IMAGES, 0.9)})
    assert failed("psnr<-0.05", run, other)
    assert failed("ssim<-0.05", run, other)
    assert failed("psnr<-0.05", run, other, allow_missing=True)
    elsewhere = evaluation("B", psnr(levels, [f"other{i}" for i in range(100)]))
    assert failed("psnr<-0.05", run, elsewhere, allow_missing=True)
    broken = evaluation("B", psnr(["broken"] * 100))
    assert failed("psnr<-0.05", broken, broken)
    empty = evaluation("B", {"psnr": {}})
    for pair in ((run, empty), (empty, run)):
        assert failed("psnr<-0.05", *pair, allow_missing=True)


def test_other_settings_are_no_change(levels):
    run, other = (evaluation(name, psnr(levels), protocol=protocol) for name, protocol in (("A", "paper"), ("B", "y")))
    (change,) = compare_runs(run, other).changes
    assert math.isnan(change.difference)
    assert change.obstacle.startswith("A was measured with ")
    (verdict,) = failed("psnr<-0.05", run, other, allow_missing=True)
    assert verdict.reason == change.obstacle


def test_another_reference_is_named(levels):
    run, other = evaluation("A", psnr(levels)), evaluation("B", psnr(levels), reference="cropped")
    assert compare_runs(run, other).absences[0].references == tuple(IMAGES)
    assert "another reference in B than in A: img000" in as_text(compare_runs(run, other))


def test_a_new_method_is_judged_by_nothing(levels):
    both, old = evaluation("B", psnr(levels)), evaluation("A", psnr(levels))
    new = evaluation("B", psnr(levels), method="SwinIR", scale=2.5)
    both = type(both)(both.run, both.outcomes + new.outcomes)
    assert not failed("psnr<-0.05", old, both)
    assert failed("psnr@SwinIR<-0.05", old, both)
    assert failed("psnr<-0.05", both, old)  # but one that is gone is a loss
    assert not failed("psnr@EDSR:4<-0.05", both, old)
    for gate in ("fsds<0", "psnr@edsr<0", "psnr@EDSR:2.5<0", "psnr@EDSR:3<0"):
        with pytest.raises(ValueError, match=r"^fail_if must be about a (score|method|scale) that one of the runs has"):
            failed(gate, old, both)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("psnr<-0.05", ("psnr", None, None, "<", -0.05)),
        (" fsds:radial @ a:b@c:x2.5 > 1e-3 ", ("fsds:radial", "a:b@c", 2.5, ">", 1e-3)),
        ("ssim@EDSR:4>.5", ("ssim", "EDSR", 4.0, ">", 0.5)),
        ("ssim@a<b<+1", ("ssim", "a<b", None, "<", 1.0)),
    ],
)
def test_grammar(text, parts):
    gate = Gate.parse(text)
    assert (gate.score, gate.method, gate.scale, gate.sign, gate.limit) == parts


@pytest.mark.parametrize("text", ["", "psnr", "psnr<", "<1", "psnr<=1", "psnr<nan", "psnr<1e999", "psnr=1", "psnr@<1"])
def test_bad_grammar_is_one_sentence(text):
    with pytest.raises(ValueError, match=r"^fail_if must be SCORE\[@METHOD\[:SCALE\]\]<NUMBER") as caught:
        Gate.parse(text)
    assert "\n" not in str(caught.value)


def test_reports_hold_names_that_are_markup():
    name = "<b>|a\n]]>&\x00*x*\udc80"
    before, after = (
        evaluation(run, psnr([30, value], ["a", name]), method=name) for run, value in (("A", 31), ("B", 3))
    )
    changes = compare_runs(before, after)
    verdicts = Gate.parse("psnr<0").verdicts(changes)
    root = ElementTree.fromstring(as_junit(verdicts))
    assert (root.get("tests"), root.get("failures")) == ("1", "1")
    assert "-14.0000 dB on 2 images" in root.find(".//failure").get("message")
    page = as_markdown(changes, verdicts)
    page.encode()
    assert page.startswith("## 1 of 1 checks failed\n")
    assert "<b>" not in page
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert [line.replace("\\|", "").count("|") for line in rows] == [12, 12, 12]
