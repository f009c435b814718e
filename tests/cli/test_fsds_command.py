"""`hyra fsds`: the scores are the library's, and an interrupted run loses nothing."""

from __future__ import annotations

import csv
import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

import hyra
from hyra import Protocol, images
from hyra.cli import main
from hyra.evaluate import Method, Plan, evaluate


@pytest.fixture
def folders(tmp_path):
    """Three references; the second result is identical to its reference."""
    for index in range(3):
        picture = torch.rand(3, 20, 24)
        images.write(picture, tmp_path / "hr" / f"080{index}.png")
        result = picture if index == 1 else (picture + 0.1 * torch.randn(3, 20, 24))
        images.write(result, tmp_path / "sr" / f"080{index}x4.png")
    return tmp_path / "sr", tmp_path / "hr"


def exact(file) -> torch.Tensor:
    """A file of integers in float64, by way of no score."""
    stored = images.decode(file)
    return torch.from_numpy(stored.pixels.astype(float) / stored.white).permute(2, 0, 1).expand(3, -1, -1)


def expected(folders, name: str, protocol: Protocol | None = None, **options) -> float:
    sr, hr = folders
    return float((protocol or Protocol()).fsds(exact(sr / f"{name}x4.png"), exact(hr / f"{name}.png"), **options))


def test_modcrop(tmp_path, capsys):
    """References whose sides are no multiple of the scale, as `hyra evaluate` cuts them, and in one store with it."""
    hr = torch.rand(3, 23, 26)
    images.write(hr, tmp_path / "hr" / "0801.png")
    images.write(hr[:, :20, :24] / 2, tmp_path / "sr" / "0801x4.png")
    pair = [str(tmp_path / "sr"), str(tmp_path / "hr")]
    assert main(["fsds", *pair, "--scale", "4"]) == 1
    assert main(["fsds", *pair, "--modcrop"]) == 2
    assert "--modcrop needs --scale S" in capsys.readouterr().err
    table, store = tmp_path / "t.csv", tmp_path / "s.sqlite"
    options = ["--modcrop", "--scale", "4", "--out", str(table), "--store", str(store)]
    assert main(["fsds", *pair, *options]) == 0
    assert "references cut to a multiple of 4" in capsys.readouterr().out
    (row,) = csv.DictReader(table.read_text().splitlines())
    whole = images.read(tmp_path / "hr" / "0801.png")[:, :20, :24]
    assert float(row["fsds"]) == pytest.approx(
        float(hyra.fsds(images.read(tmp_path / "sr" / "0801x4.png"), whole)), abs=1e-3
    )
    method = Method("m", 4.0, tmp_path / "sr", tmp_path / "hr")
    plan = Plan(("fsds",), "channels=rgb", modcrop=True)
    known = evaluate([method], plan, store=store, progress=False)
    assert known.outcomes[0].value("fsds") == float(row["fsds"])


def test_two_files(folders, capsys):
    sr, hr = folders
    assert main(["fsds", str(sr / "0800x4.png"), str(hr / "0800.png")]) == 0
    said = capsys.readouterr()
    assert float(said.out) == pytest.approx(expected(folders, "0800"), abs=1e-4)
    assert said.err == "hyra: FSDS in dB, variant paper: RGB, no border cut\n"


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], {}),
        (["--variant=radial"], {"variant": "radial"}),
        (["--crop-border=3"], {"crop_border": 3}),
        (["--protocol=paper"], {"protocol": Protocol.named("paper")}),
        (["--protocol=y", "--scale=2"], {"protocol": Protocol("y", 2)}),
        (["--protocol=y", "--scale=2.5"], {"protocol": Protocol("y", 3)}),
        (["--protocol=div2k", "--scale=2", "--variant=radial"], {"protocol": Protocol(crop=8), "variant": "radial"}),
        (["--protocol=channels=grey,crop=1"], {"protocol": Protocol("grey", 1)}),
    ],
    ids=str,
)
def test_two_folders(folders, capsys, arguments, options):
    assert main(["fsds", *map(str, folders), *arguments]) == 0
    said = capsys.readouterr()
    rows = dict(re.match(r"(\S+)\s+(\S+)", line).groups() for line in said.out.splitlines())
    scores = {name: expected(folders, name, **options) for name in ("0800", "0801", "0802")}
    assert math.isinf(scores["0801"])
    assert {name: float(rows[f"{name}x4.png"]) for name in scores} == pytest.approx(scores, abs=1e-4)
    assert float(rows["mean"]) == pytest.approx((scores["0800"] + scores["0802"]) / 2, abs=1e-4)
    assert "(2 images, 1 identical left out)" in said.out
    words = {"--crop-border=3": "3 pixels cut", "--protocol=paper": "as published", "--protocol=y": "Y of BT.601"}
    assert all(words.get(argument, "") in said.out for argument in arguments)
    assert f"variant {options.get('variant', 'paper')}: " in said.out
    assert said.err == ""


def test_images_without_a_partner(folders, capsys):
    sr, hr = folders
    images.write(torch.rand(3, 20, 24), hr / "0803.png")
    assert main(["fsds", *map(str, folders)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"1 image of {hr} without a partner in {sr}: 0803.png" in said.err
    assert main(["fsds", *map(str, folders), "--allow-missing"]) == 0
    said = capsys.readouterr()
    assert "(2 images, 1 identical left out)" in said.out
    assert f"left out: 1 image of {hr} without a partner in {sr}: 0803.png" in said.err


def test_a_template_names_the_results(folders, capsys):
    sr, _ = folders
    for path in sorted(sr.iterdir()):
        path.rename(sr / f"{path.stem.removesuffix('x4')}_EDSR.png")
    (sr / "notes.txt").touch()
    assert main(["fsds", *map(str, folders)]) == 2
    assert "a template such as" in capsys.readouterr().err
    assert main(["fsds", *map(str, folders), "--template", "{name}_EDSR"]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 4
    assert "skipped, being no images or named otherwise: notes.txt" in said.err


def rows(path):
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def never(*_, **__):
    raise AssertionError("computed again")


def test_the_table_has_the_scores(folders, tmp_path):
    out = tmp_path / "scores.csv"
    assert main(["fsds", *map(str, folders), "--out", str(out)]) == 0
    scores = [expected(folders, f"080{i}") for i in range(3)]
    assert [float(row["fsds"]) for row in rows(out)] == pytest.approx(scores, abs=1e-9)
    assert (rows(out)[0]["variant"], rows(out)[0]["protocol"]) == ("paper", "RGB, no border cut")


BRIGHT = np.random.default_rng(0).integers(0, 65536, (2, 20, 24, 3)).astype(np.uint16)
FILES = {
    "uint8": [x.astype(np.uint8) for x in BRIGHT >> 8],
    "uint16": list(BRIGHT),
    "grey": list(BRIGHT[..., 0]),
    "8 and 16 bits": [(BRIGHT[0] >> 8).astype(np.uint8), BRIGHT[1]],
    "floats": list((BRIGHT / 65535).astype(np.float32)),
}


@pytest.mark.parametrize(
    ("protocol", "files"),
    [
        *(("channels=rgb", files) for files in FILES),
        *(("y", files) for files in FILES),
        *(("y-rounded", files) for files in ("uint8", "floats")),  # of 16 bits, Y is rounded to these
    ],
)
def test_integers_are_scored_as_floats_would_be(tmp_path, files, protocol):
    paths = [tmp_path / "sr.npy", tmp_path / "hr.npy"]
    for path, pixels in zip(paths, FILES[files], strict=True):
        np.save(path, pixels)
    out = tmp_path / "scores.csv"
    arguments = ["--protocol", protocol, "--scale", "2", "--out", str(out)]
    assert main(["fsds", *map(str, paths), *arguments]) == 0
    (row,) = rows(out)
    floats = [torch.from_numpy(exact(path).numpy().copy()) for path in paths]
    is_exact = files in ("uint8", "uint16", "grey") and protocol == "channels=rgb"  # float32 is in all others
    expected = float(Protocol.parse(protocol, 2).fsds(*floats))
    assert float(row["fsds"]) == pytest.approx(expected, abs=1e-9 if is_exact else 1e-4)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_no_float_copy_is_made_of_integers(tmp_path, kind, monkeypatch):
    paths = [tmp_path / "sr.npy", tmp_path / "hr.npy"]
    for path, pixels in zip(paths, BRIGHT.astype(kind), strict=True):
        np.save(path, pixels)
    scored = []
    monkeypatch.setattr(Protocol, "fsds", lambda _, *pair, **options: scored.append(pair) or hyra.fsds(*pair))
    assert main(["fsds", *map(str, paths)]) == 0
    assert [x.dtype for x in scored[0]] == [getattr(torch, np.dtype(kind).name)] * 2
    assert [x.stride() for x in scored[0]] == [(1, 72, 3)] * 2  # as they are stored


def test_one_way_to_name_a_protocol(folders, capsys):
    for arguments, said in (
        (["--protocol=y"], "scale must be given for the protocol 'y'"),
        (["--protocol=set5"], "protocol must be one of 'paper', "),
    ):
        assert main(["fsds", *map(str, folders), *arguments]) == 2
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["fsds", *map(str, folders), "--protocol=paper", "--crop-border=4"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_a_table_is_never_overwritten(folders, tmp_path, capsys):
    out = tmp_path / "scores.csv"
    out.write_text("something else\n")
    assert main(["fsds", *map(str, folders), "--out", str(out)]) == 2
    assert "scores.csv exists" in capsys.readouterr().err
    assert out.read_text() == "something else\n"


def test_an_interrupted_run_leaves_its_table_and_goes_on_from_the_store(folders, tmp_path, monkeypatch):
    out, store = tmp_path / "scores.csv", tmp_path / "scores.sqlite"
    real, calls = Protocol.fsds, []

    def counted(*args, **kwargs):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(args)
        return real(*args, **kwargs)

    monkeypatch.setattr(Protocol, "fsds", counted)
    assert main(["fsds", *map(str, folders), "--out", str(out), "--store", str(store)]) == 130
    assert [row["sr"][-10:] for row in rows(out)] == ["0800x4.png", "0801x4.png"]
    calls.clear()
    second = tmp_path / "second.csv"
    assert main(["fsds", *map(str, folders), "--out", str(second), "--store", str(store)]) == 0
    assert len(calls) == 1
    monkeypatch.setattr(Protocol, "fsds", real)
    assert [float(row["fsds"]) for row in rows(second)] == pytest.approx(
        [expected(folders, f"080{i}") for i in range(3)], abs=1e-9
    )


@pytest.mark.parametrize("variant", ["paper", "radial"])
def test_a_store_is_shared_with_evaluate(folders, tmp_path, monkeypatch, capsys, variant):
    sr, hr = folders
    store, name = tmp_path / "scores.sqlite", "fsds" if variant == "paper" else f"fsds:{variant}"
    plan = Plan((name,), protocol="crop=2")
    result = evaluate([Method("A", 4, sr, hr)], plan, store=store, progress=False)
    monkeypatch.setattr(Protocol, "fsds", None)
    arguments = ["fsds", *map(str, folders), "--store", str(store), "--variant", variant, "--crop-border", "2"]
    assert main(arguments) == 0
    printed = [line.split()[1] for line in capsys.readouterr().out.splitlines()[:-1]]
    assert printed == [f"{outcome.value(name):.4f}" for outcome in result.outcomes]


def test_the_store_knows_what_was_scored_by_its_content(folders, tmp_path, monkeypatch, capsys):
    store = tmp_path / "scores.sqlite"
    arguments = ["fsds", *map(str, folders), "--store", str(store)]
    assert main(arguments) == 0
    first = capsys.readouterr().out
    with monkeypatch.context() as patched:  # what asks for another setting asks for another score
        patched.setattr(Protocol, "fsds", never)
        assert main(arguments) == 0
        assert capsys.readouterr().out == first
        for setting in ("--variant=radial", "--protocol=paper", "--protocol=channels=y", "--crop-border=1"):
            assert main([*arguments, setting]) == 2
            assert "computed again" in capsys.readouterr().err
    images.write(torch.rand(3, 20, 24), folders[0] / "0802x4.png")  # the file is replaced
    assert main(arguments) == 0
    assert f"{expected(folders, '0802'):.4f}" in capsys.readouterr().out


def test_an_image_that_cannot_be_scored_does_not_stop_the_others(folders, capsys):
    sr, hr = folders
    (sr / "0800x4.png").write_bytes((sr / "0800x4.png").read_bytes()[:100])
    images.write(torch.rand(3, 20, 23), sr / "0802x4.png")
    images.write(torch.full((3, 20, 24), 0.5), sr / "0803x4.png")
    images.write(torch.rand(3, 20, 24), hr / "0803.png")
    assert main(["fsds", str(sr), str(hr)]) == 1
    said = capsys.readouterr()
    assert "0801x4.png" in said.out
    assert "3 could not be scored" in said.out
    for name, reason in (("0800x4", "cannot be read"), ("0802x4", "same size"), ("0803x4", "must not be constant")):
        assert re.search(rf"{name}.*{reason}", said.err), (name, said.err)


NAMES = ["carriage\rreturn", "form\x0cfeed", "line\u2028separator", 'quote"comma,', "new\nline", "🦊", "caf\udce9"]


@pytest.mark.parametrize("name", NAMES)
def test_any_file_name_survives_the_table(tmp_path, name, monkeypatch):
    try:
        images.write(picture := torch.rand(3, 12, 12), tmp_path / "hr" / f"{name}.png")
    except OSError:
        pytest.skip("the file system does not take this name")
    images.write((picture + 0.1 * torch.randn(3, 12, 12)).clamp(0, 1), tmp_path / "sr" / f"{name}.png")
    out = tmp_path / "scores.csv"
    assert main(["fsds", str(tmp_path / "sr"), str(tmp_path / "hr"), "--out", str(out)]) == 0
    (row,) = rows(out)
    assert row["sr"] == str(tmp_path / "sr" / f"{name}.png")
    assert float(row["fsds"]) > 0


def test_names_do_nothing_to_the_terminal(tmp_path, capsys):
    names = ["two\nlines", "red\x1b[31m", "left\u202eright"]
    for name in names:
        for folder in ("sr", "hr"):
            images.write(torch.rand(3, 8, 8), tmp_path / folder / f"{name}.png")
        (tmp_path / "sr" / f"{name} alone.png").touch()
    (tmp_path / "hr" / f"{names[0]}.png").write_bytes(b"no image")
    assert main(["fsds", str(tmp_path / "sr"), str(tmp_path / "hr"), "--allow-missing"]) == 1
    assert main(["fsds", str(tmp_path / "no\nfile.png"), str(tmp_path / "no\nfile.png")]) == 2
    out, err = capsys.readouterr()
    assert out.count("\n") == 3  # two scores and the mean
    assert err.count("\n") == err.count("hyra: ") == 3
    assert all(line.isprintable() for line in (out + err).split("\n"))


def test_an_ascii_locale_is_no_reason_to_stop(tmp_path):
    images.write(picture := torch.rand(3, 12, 12), tmp_path / "hr" / "fox 🦊.png")
    images.write(1 - picture, tmp_path / "sr" / "fox 🦊.png")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "hyra", "fsds", str(tmp_path / "sr"), str(tmp_path / "hr")]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"fox \\" in done.stdout
