"""Pairs are made by name: what pairs, what is no pair, and that nothing else than names matters."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyra import images
from hyra.images.names import candidates
from hyra.images.pairing import _match, _named, _sides


def make(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def names(pairing: images.Pairing) -> dict[str, str]:
    return {sr.name: hr.name for sr, hr in pairing.pairs}


def paired(folder: Path, sr: list[str], hr: list[str], template: str | None = None) -> images.Pairing:
    return images.pair(make(folder / "sr", *sr), make(folder / "hr", *hr), template)


@pytest.mark.parametrize(
    "name",
    [
        *("0801", "0801x4", "0801_x4", "0801-x4", "0801X4", "0801_SRx4", "0801x2.5", "0801_SRF_4_SR", "0801_srf_4_sr"),
        *(
            "0801_SRF_4_HR",
            "0801_SRF_4_bicubic",
            "0801_x2_SwinIR",
            "0801_x4_EDSR_Lx4",
            "0801x4_HAT-L_v2",
            "0801_out",
            "0801_rlt",
            "0801_GT",
        ),
        *("0801x4_out", "0801_x4_SwinIR_out", "0801x4_SRx4", "0801_HR_x4", "0801-sr", "0801_SRx4_SR_output"),
    ],
)
def test_what_stands_for_0801(tmp_path, name):
    assert names(paired(tmp_path, [f"{name}.png"], ["0801.png"])) == {f"{name}.png": "0801.png"}
    assert names(images.pair(tmp_path / "hr", tmp_path / "sr")) == {"0801.png": f"{name}.png"}


@pytest.mark.parametrize(
    "name", ["0801_LR", "0801_SRF_4_LR", "0801_EDSR", "10801", "0801x", "0801x4_", "x4", "0801 x4", "_SR"]
)
def test_what_does_not(tmp_path, name):
    pairing = paired(tmp_path, [f"{name}.png"], ["0801.png"])
    assert (pairing.pairs, pairing.ambiguous) == ([], [])
    assert ([path.stem for path in pairing.missing_sr], [path.stem for path in pairing.missing_hr]) == (
        [name],
        ["0801"],
    )


@pytest.mark.parametrize(
    ("sr", "hr", "expected"),
    [
        ("box2 cat", "bo cat", {"cat": "cat"}),  # no image bo at scale 2
        ("babyx2 birdx2", "baby bird", {"babyx2": "baby", "birdx2": "bird"}),  # two agree
        ("babyx2 birdx3", "baby bird", {}),
        ("box2 0801x2", "bo 0801", {"box2": "bo", "0801x2": "0801"}),
        ("box2 bo", "bo", {"bo": "bo"}),
        ("box2 bo", "bo box2", {"bo": "bo", "box2": "box2"}),
        ("bo_x2 box2_x2", "bo box2", {"bo_x2": "bo", "box2_x2": "box2"}),
        ("box2_left", "bo box2", {}),
        ("babyx2_EDSR birdx2_EDSR", "baby bird", {"babyx2_EDSR": "baby", "birdx2_EDSR": "bird"}),
        ("a_x2.5", "a", {"a_x2.5": "a"}),
        ("fig_x3", "fig_x2", {}),  # two scales are two images
        ("fig_x2", "fig_x2.0", {"fig_x2": "fig_x2.0"}),
        ("crop_x2_left", "crop_x2_right", {}),  # and so are two methods
        ("crop_x2_left", "crop_x2_HR", {"crop_x2_left": "crop_x2_HR"}),
        ("a_x2_EDSR", "a_x2 a_x3", {"a_x2_EDSR": "a_x2"}),  # references cut for each scale
        ("a_x2", "a a_x3", {"a_x2": "a"}),
        ("a_x2 a", "a_x2 a", {"a_x2": "a_x2", "a": "a"}),  # equal names before others
        ("img_001_SRF_2_SR img_002_SRF_2_SR", "img_001_SRF_2_HR img_001_SRF_4_HR img_002", None),
        ("two\nlines_x2", "two\nlines", {"two\nlines_x2": "two\nlines"}),
        ("Baby", "baby", {}),
    ],
)
def test_pairs_of_two_folders(tmp_path, sr, hr, expected):
    if expected is None:
        expected = {"img_001_SRF_2_SR": "img_001_SRF_2_HR", "img_002_SRF_2_SR": "img_002"}
    pairing = paired(tmp_path, [f"{name}.png" for name in sr.split(" ")], [f"{name}.png" for name in hr.split(" ")])
    assert {a.removesuffix(".png"): b.removesuffix(".png") for a, b in names(pairing).items()} == expected
    assert not pairing.ambiguous


@pytest.mark.parametrize(
    ("sr", "hr", "expected"),
    [
        ("0801x2 0801x4", "0801", [("0801x2 0801x4", "0801")]),
        ("a a_x2", "a", [("a a_x2", "a")]),
        ("a_SR", "a a_HR", [("a_SR", "a a_HR")]),
        ("a_x2_m a_x2_n", "a a_x2", [("a_x2_m a_x2_n", "a_x2")]),
    ],
)
def test_what_is_ambiguous(tmp_path, sr, hr, expected):
    pairing = paired(tmp_path, [f"{name}.png" for name in sr.split()], [f"{name}.png" for name in hr.split()])
    assert pairing.pairs == []
    assert [tuple(" ".join(path.stem for path in side) for side in group) for group in pairing.ambiguous] == expected
    with pytest.raises(ValueError, match=r"more than one partner by name: \S+\.png (and \S+ )?with "):
        pairing.require()


def test_two_formats_of_one_image_are_ambiguous(tmp_path):
    assert paired(tmp_path, ["a.png"], ["a.png", "a.jpg"]).ambiguous == [
        ((tmp_path / "sr/a.png",), (tmp_path / "hr/a.jpg", tmp_path / "hr/a.png"))
    ]


@pytest.mark.parametrize(
    ("files", "template", "expected"),
    [
        ("baby_SRF_4_HR baby_SRF_4_LR baby_SRF_4_SR", None, {"baby_SRF_4_SR": "baby_SRF_4_HR"}),
        ("0801 0801x4 0802 0802x4", None, {"0801x4": "0801", "0802x4": "0802"}),
        ("baby babyx4 bird birdx4", None, {"babyx4": "baby", "birdx4": "bird"}),
        ("box2 box2_x4", None, {"box2_x4": "box2"}),
        ("baby baby_gt", None, {"baby": "baby_gt"}),
        ("check_out check_out_x2", None, {"check_out_x2": "check_out"}),
        ("a_SRF_4_HR a_SRF_4_SR a_SRF_4_bicubic", "{name}_SRF_{scale}_bicubic", {"a_SRF_4_bicubic": "a_SRF_4_HR"}),
        ("a_EDSR a b_EDSR b", "{name}_EDSR", {"a_EDSR": "a", "b_EDSR": "b"}),
        ("a a_EDSR", "{name}_RCAN", {}),
        ("bo box2 bo_x4 box2_x4", "{name}_x4", {"bo_x4": "bo", "box2_x4": "box2"}),
    ],
)
def test_results_and_references_in_one_folder(tmp_path, files, template, expected):
    folder = make(tmp_path / "both", *(f"{name}.png" for name in files.split()))
    (tmp_path / "link").symlink_to(folder)
    for other in (folder, tmp_path / "link"):
        pairing = images.pair(folder, other, template)
        assert {a.removesuffix(".png"): b.removesuffix(".png") for a, b in names(pairing).items()} == expected


def test_inputs_in_the_folder_are_skipped(tmp_path):
    folder = make(tmp_path / "both", "a_SRF_4_HR.png", "a_SRF_4_LR.png", "a_SRF_4_SR.png")
    pairing = images.pair(folder, folder)
    assert [path.name for path in pairing.skipped] == ["a_SRF_4_LR.png"]
    assert pairing.left_out() == ""


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{name}x{scale}", {"ax2.png": "a.png", "bx4.png": "b.png"}),
        ("{name}x{scale}.png", {"ax2.png": "a.png", "bx4.png": "b.png"}),
        ("{name}x{scale}.PNG", {"ax2.png": "a.png", "bx4.png": "b.png"}),
        ("{name}x4", {"bx4.png": "b.png"}),
        ("EDSR_{name}", {"EDSR_a.jpg": "a.png"}),
        ("{name}[1]", {"c[1].png": "c_HR.png"}),
        ("{name}", {}),
    ],
)
def test_a_template_says_how_results_are_named(tmp_path, template, expected):
    sr, hr = ["ax2.png", "bx4.png", "EDSR_a.jpg", "c[1].png"], ["a.png", "b.png", "c_HR.png"]
    pairing = paired(tmp_path, sr, hr, template)
    assert names(pairing) == expected
    if template != "{name}":
        assert {path.name for path in pairing.skipped} == {*sr} - {*expected}


@pytest.mark.parametrize(
    "template",
    ["", "x4", "{scale}", "{name}{name}", "{name}_{method}", "{}", "{0}", "{name", "{name!r}", "{name:4}", "{name.x}"],
)
def test_a_template_that_is_none(tmp_path, template):
    with pytest.raises(ValueError, match=r"^template must hold \{name\} once.*, got "):
        paired(tmp_path, ["a.png"], ["a.png"], template)


def test_unicode_forms_of_a_name_are_one_name(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "été.png") for form in ("NFC", "NFD"))
    assert names(paired(tmp_path, [decomposed], [composed])) == {decomposed: composed}
    template = unicodedata.normalize("NFD", "é_{name}")
    assert names(images.pair(make(tmp_path / "o", "é_été.png"), tmp_path / "hr", template)) == {"é_été.png": composed}


def test_files_that_are_no_images_and_folders(tmp_path):
    sr = ["._a.png", ".b.png", "a.PNG", "notes.txt", "c.avif", "d.jp2"]
    pairing = paired(tmp_path, sr, ["a.png", ".b.png", "a.raw", "c.pgm", "d.tiff"])
    assert names(pairing) == {"a.PNG": "a.png", "c.avif": "c.pgm", "d.jp2": "d.tiff"}
    assert [path.name for path in pairing.skipped] == ["a.raw", "notes.txt"]
    (tmp_path / "sr" / "e.png").mkdir()
    make(tmp_path / "hr", "e.png")
    assert [path.name for path in images.pair(tmp_path / "sr", tmp_path / "hr").missing_hr] == ["e.png"]
    with pytest.raises(NotADirectoryError, match="no such folder"):
        images.pair(tmp_path / "missing", tmp_path / "hr")


def test_what_is_left_out_is_an_error_that_lists_it(tmp_path):
    pairing = paired(tmp_path, ["a.png", "extra\n.png"], ["a.png", *(f"{n:02}.png" for n in range(12))])
    with pytest.raises(ValueError, match="allow-missing leaves") as caught:
        pairing.require()
    message = str(caught.value)
    assert f"1 image of {tmp_path / 'sr'} without a partner in {tmp_path / 'hr'}: extra\\n.png;" in message
    assert "12 images of " in message
    assert "08.png, 09.png, and 2 more (" in message
    assert pairing.require(allow_missing=True) == [(tmp_path / "sr/a.png", tmp_path / "hr/a.png")]
    assert len(pairing.missing_hr) == 12


@pytest.mark.parametrize(("sr", "hr"), [([], ["a.png"]), (["b.png"], ["a.png"]), (["box2.png"], ["bo.png"]), ([], [])])
def test_no_pair_at_all_is_an_error_whatever_is_allowed(tmp_path, sr, hr):
    pairing = paired(tmp_path, sr, hr)
    for allow_missing in (True, False):
        with pytest.raises(ValueError, match=r"no image of .*sr has the name of one in .*hr"):
            pairing.require(allow_missing=allow_missing)


ENDINGS = st.sampled_from(
    ["", "x2", "_x2", "_x4", "_SRx4", "_SRF_4", "_HR", "_SR", "_GT", "_out", "_x2_EDSR", "_LR", "x2_m"]
)
STEMS = st.builds("".join, st.tuples(st.sampled_from(["a", "a1", "box", "é"]), ENDINGS, ENDINGS))
FOLDER = st.sets(STEMS.map(lambda stem: f"{stem}.png"), max_size=9)


def matched(sr, hr):
    return _match(_named(Path("sr", name) for name in sr), _named(Path("hr", name) for name in hr))


@given(FOLDER, FOLDER, st.randoms(use_true_random=False))
def test_the_order_of_the_files_does_not_matter(sr, hr, chance: random.Random):
    orders = [[chance.sample(sorted(side), len(side)) for side in (sr, hr)] for _ in range(3)]
    first, *others = [matched(*order) for order in orders]
    assert all(other == first for other in others)


@given(FOLDER, FOLDER)
def test_no_file_is_used_twice_and_every_pair_shares_a_name(sr, hr):
    pairs, ambiguous = matched(sr, hr)
    used = [path for two in pairs for path in two] + [path for group in ambiguous for side in group for path in side]
    assert len(used) == len(set(used))
    for two in pairs:
        assert set.intersection(*({candidate.name for candidate in candidates(path.stem)} for path in two))
    for group in ambiguous:
        assert len(group[0]) * len(group[1]) > 1


@given(FOLDER, FOLDER)
def test_the_sides_are_alike(sr, hr):
    pairs, ambiguous = matched(sr, hr)
    back, ambiguous_back = matched(hr, sr)
    assert {(a.name, b.name) for a, b in pairs} == {(b.name, a.name) for a, b in back}
    assert len(ambiguous) == len(ambiguous_back)


@given(FOLDER, FOLDER, st.sampled_from(["0_", "ünï ", "x2_", "HR_"]))
def test_the_beginning_of_all_names_does_not_matter(sr, hr, prefix):
    renamed = matched({prefix + name for name in sr}, {prefix + name for name in hr})
    pairs, ambiguous = matched(sr, hr)
    assert [(prefix + a.name, prefix + b.name) for a, b in pairs] == [(a.name, b.name) for a, b in renamed[0]]
    assert len(ambiguous) == len(renamed[1])


@given(FOLDER)
def test_equal_folders_pair_file_by_file(files):
    pairs, ambiguous = matched(files, files)
    exact = {name for name in files if (name, name) in {(a.name, b.name) for a, b in pairs}}
    assert exact == {a.name for a, _ in pairs}
    assert exact | {path.name for group in ambiguous for path in group[0]} == files


@given(FOLDER)
def test_one_folder_has_each_file_on_one_side(files):
    named = _named(Path("both", name) for name in files)
    results, references = _sides(named, None)
    assert not results.keys() & references.keys()
    pairs, _ = _match(results, references)
    used = [path for two in pairs for path in two]
    assert len(used) == len(set(used))
