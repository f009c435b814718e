"""The table of an evaluation: every format, read again, says the same, and names all that its means leave out."""

import csv
import io
import json
import math
import os
import re
import stat
import sys

import pytest
from PIL import Image

from hyra.cli import main
from hyra.evaluate import Evaluation, Outcome, Plan, Run
from hyra.evaluate.formats import TABLES, show, write_images, write_table
from hyra.evaluate.tables.table import SHOWN
from hyra.evaluate.work.keys import Key

PLAN = Plan(("psnr", "ssim", "mae"), protocol="y", modcrop=True)
HOSTILE = "a|b_50%\n\\x[1]{*}--<i>"
BETTER = {"good": 1.0, HOSTILE: 0.5, "\udcff=1+1": 0.0}


def outcome(method, scale, image, values, **rest):
    keyed = {Key("p", "t", name, "{}", 1): value for name, value in zip(PLAN.scores, values, strict=True)}
    return Outcome(
        method, scale, image, f"sr/{image}.png", f"hr/{image}.png", {} if rest.get("error") else keyed, **rest
    )


@pytest.fixture
def evaluation():
    """Three methods at two scales: one has an identical image, one a failed one, one a score that is not finite."""
    outcomes = []
    for scale in (4.0, 2.0):
        for method, better in BETTER.items():
            for number in range(6):
                values = [30 + number + better - scale, 0.9 + better / 100 + number / 1000, 0.02 - better / 100]
                extra = {}
                if method == "good" and number == 0:
                    values = [math.inf, 1.0, 0.0]
                if method == HOSTILE and number == 1:
                    extra = {"error": "no such file: c"}
                if method.startswith("\udcff") and number in {2, 3}:
                    values[1], extra = math.nan, {"notes": {"ssim": "too small"}}
                outcomes.append(outcome(method, scale, f"im|age{number}", values, **extra))
    return Evaluation(Run("first_run", PLAN, [], "2026-01-01T00:00:00+00:00"), tuple(outcomes))


def cleaned(name):
    return name.encode("utf-8", "backslashreplace").decode()


@pytest.fixture
def expected(evaluation):
    """What a file must say of each method and scale, by another way than the package's."""
    rows = {}
    for scale in (2.0, 4.0):
        for method in BETTER:
            listed = [each for each in evaluation.outcomes if (each.method, each.scale) == (method, scale)]
            scored = [each for each in listed if not each.error]
            means = {}
            for name in PLAN.scores:
                finite = [each.value(name) for each in scored if math.isfinite(each.value(name))]
                means[name] = sum(finite) / len(finite), len(finite)
            rows[cleaned(method), scale] = means
    return rows


RANKS = {"psnr": (1, 2, 3), "ssim": (1, 2, 3), "mae": (1, 2, 3)}


def flat(file):
    if file.suffix == ".csv":
        with file.open(newline="", encoding="utf-8") as opened:
            for record in csv.DictReader(opened):
                listed = {
                    name: value for name, value in record.items() if name.endswith("_images") and value[:1] == "["
                }
                yield {**record, **{name: json.loads(value) for name, value in listed.items()}}
    else:
        yield from pytest.importorskip("pyarrow.parquet").read_table(file).to_pylist()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_flat_file_holds_every_number(tmp_path, evaluation, expected, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    write_table(evaluation.table(), file := tmp_path / f"table{suffix}")
    rows = list(flat(file))
    assert [(row["method"], float(row["scale"])) for row in rows] == list(expected)
    for place, row in enumerate(rows):
        for name, (mean, count) in expected[row["method"], float(row["scale"])].items():
            assert float(row[name]) == pytest.approx(mean, rel=1e-15)
            assert float(row[f"{name}_low"]) <= mean <= float(row[f"{name}_high"])
            assert int(row[f"{name}_images"]) == count
            assert int(row[f"{name}_rank"]) == RANKS[name][place % 3]
        assert row["protocol"].startswith("Y of BT.601")
        assert "multiple of the scale" in row["protocol"]
        assert f"{float(row['scale']):g} pixels cut" in row["protocol"]
    good, hostile, bytes_ = rows[:3]
    assert (int(good["psnr_identical"]), good["psnr_identical_images"]) == (1, ["im|age0"])
    assert (int(good["mae_identical"]), int(good["failed"])) == (0, 0)
    assert (int(hostile["failed"]), hostile["failed_images"], int(hostile["images"])) == (1, ["im|age1"], 6)
    assert (int(bytes_["ssim_missing"]), bytes_["ssim_missing_images"]) == (2, ["im|age2", "im|age3"])


def test_json_holds_every_number_and_reason(tmp_path, evaluation, expected):
    write_table(evaluation.table(), file := tmp_path / "table.json")
    document = json.loads(file.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert document["protocols"]["4"].startswith("Y of BT.601 (MATLAB's), 4 pixels cut")
    assert [column["higher_is_better"] for column in document["scores"]] == [True, True, False]
    for row, ((method, scale), means) in zip(document["rows"], expected.items(), strict=True):
        assert (cleaned(row["method"]), row["scale"]) == (method, scale)
        for name, (mean, count) in means.items():
            assert (row["scores"][name]["mean"], row["scores"][name]["images"]) == (
                pytest.approx(mean, rel=1e-15),
                count,
            )
    assert document["rows"][1]["failed"] == [{"image": "im|age1", "error": "no such file: c"}]
    assert document["rows"][0]["scores"]["psnr"]["identical"] == ["im|age0"]
    assert document["rows"][2]["scores"]["ssim"]["missing"] == ["im|age2", "im|age3"]


def test_markdown_marks_names_and_notes(tmp_path, evaluation, expected):
    write_table(evaluation.table(), file := tmp_path / "table.md")
    lines = file.read_text(encoding="utf-8").splitlines()
    table = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if line.startswith("|")]
    assert {len(cells) for cells in table} == {6}, "an unescaped bar splits a cell"
    assert [cell.strip() for cell in table[0]] == ["method", "scale", "PSNR (dB) ↑", "SSIM ↑", "MAE ↓", "images"]
    for cells, means in zip(table[2:], expected.values(), strict=True):
        for cell, (mean, _), digits in zip(cells[2:5], means.values(), (2, 4, 5), strict=True):
            assert cell.strip().strip("*").split("*")[0].split()[0] == f"{mean:.{digits}f}"
            assert re.search(r"\[\d+\.\d+, \d+\.\d+\]", cell)
    best, second, third = (cells[2].strip() for cells in table[2:5])
    assert re.match(r"\*\*\d+\.\d\d\*\* \[", best)
    assert re.match(r"\*\d+\.\d\d\* \[", second)
    assert re.match(r"\d+\.\d\d \[", third)
    assert (best.split()[-1], second.split()[-1]) == ("n=5", "n=5")
    assert table[3][5].strip() == "5 of 6"
    notes = "\n".join(line for line in lines if line.startswith("- "))
    assert "Y of BT.601 (MATLAB's), 4 pixels cut from each side" in notes
    assert r"good x2: PSNR (dB) without 1 image equal to their reference: im\|age0." in notes
    assert r"1 image failed: im\|age1 (no such file: c)." in notes
    assert r"SSIM without 2 images without a finite score: im\|age2, im\|age3." in notes


def test_latex_is_balanced_and_escaped(tmp_path, evaluation, expected):
    write_table(evaluation.table(), file := tmp_path / "table.tex")
    text = file.read_text(encoding="utf-8")
    printed = [line for line in text.splitlines() if not line.startswith("%")]
    assert "im|age0" in text.split(r"\begin{table}")[0], "the comments name all"
    begun, ended = (re.findall(rf"\\{word}{{(\w+)}}", text) for word in ("begin", "end"))
    assert begun == ["table", "tabular"] == ended[::-1]
    depth = 0
    for line in printed:
        plain = re.sub(r"\\[\\{}&%$#_]", "", line)
        depth += plain.count("{") - plain.count("}")
        assert depth == 0, line
        assert not re.search(r"[%#~^|<>]|(?<![a-z$])_|--(?!\s)", plain.replace("$-$", "")), line
        assert plain.count("$") % 2 == 0
    rows = [re.split(r"(?<!\\)&", line) for line in printed if line.endswith(r"\\")]
    assert {len(row) for row in rows} == {6}
    for cells, means in zip(rows[1:], expected.values(), strict=True):
        for cell, (mean, _), digits in zip(cells[2:5], means.values(), (2, 4, 5), strict=True):
            assert f"{mean:.{digits}f}" in cell
    assert rows[1][2].strip().startswith(r"\textbf{")
    assert rows[2][2].strip().startswith(r"\underline{")
    assert (
        rows[2][0].strip()
        == r"a\textbar{}b\_50\%\textbackslash{}n\textbackslash{}x{[}1{]}\{{*}\}-{}-\textless{}i\textgreater{}"
    )
    assert text.count(r"\midrule") == 2
    assert r"image equal to their reference: im\textbar{}age0" in text


def test_plain_text_where_it_is_piped(evaluation, expected):
    stream = io.StringIO()
    show(evaluation.table(), stream)
    text = stream.getvalue()
    assert "\x1b" not in text
    lines = text.splitlines()
    assert [line.split()[-1] for line in lines[:4]] == ["images", "6", "6", "6"]
    for line, means in zip(lines[1:7], expected.values(), strict=True):
        assert all(f"{mean:.{digits}f} [" in line for (mean, _), digits in zip(means.values(), (2, 4, 5), strict=True))
    assert [line.count("*") - line.count("{*}") for line in lines[1:4]] == [3, 0, 0]
    assert [line.count("+") for line in lines[1:3]] == [0, 3]
    assert "1 image failed: im|age1 (no such file: c)" in text


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_styles_on_a_terminal(evaluation, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.delenv("NO_COLOR", raising=False)
    show(evaluation.table(), stream := Terminal())
    best, second, third = (line for line in stream.getvalue().splitlines() if " x2 " in line)
    assert len(re.findall(r"\x1b\[1m\d+\.\d+\x1b\[0m", best)) == 3
    assert len(re.findall(r"\x1b\[4m\d+\.\d+\x1b\[0m", second)) == 3
    assert not re.search(r"\x1b\[[14]m\d", third)
    assert "[1]{*}" in second, "names are no markup"
    assert "1 image failed" in stream.getvalue()


def test_a_terminal_without_rich_has_plain_text(evaluation, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    show(evaluation.table(), stream := Terminal())
    assert stream.getvalue() == f"{evaluation.table()}\n"


def test_people_get_a_few_names_and_files_get_all():
    names = [f"image{number:03}" for number in range(40)]
    failed = tuple(outcome("one", 2.0, name, [0] * 3, error="broken") for name in names)
    evaluation = Evaluation(Run("r", PLAN, [], ""), failed)
    assert f"and {40 - SHOWN} more." in str(evaluation.table())
    for suffix in (".md", ".csv", ".json", ".tex"):
        assert all(name in TABLES[suffix](evaluation.table()).decode() for name in names), suffix


@pytest.mark.parametrize(
    ("values", "shown", "ranks"),
    [
        ([[math.inf] * 2, [30.0, 31.0], [30.0, 31.0]], ["inf", "30.50", "30.50"], [1, 2, 2]),
        ([[math.nan] * 2, [29.0, 29.0], [29.0]], ["-", "29.00", "29.00"], [None, 1, 1]),
    ],
)
def test_ties_share_a_rank_and_nothing_has_none(tmp_path, values, shown, ranks):
    plan = Plan(("psnr",))
    outcomes = [
        Outcome(f"m{method}", 2.0, f"i{image}", "", "", {Key("p", "t", "psnr", "{}", 1): value})
        for method, images in enumerate(values)
        for image, value in enumerate(images)
    ]
    table = Evaluation(Run("r", plan, [], ""), tuple(outcomes)).table()
    assert [row.cell(table.scores[0]).value for row in table.rows] == shown
    assert [row.ranks.get("psnr") for row in table.rows] == ranks
    rows = json.loads(TABLES[".json"](table), parse_constant=pytest.fail)["rows"]
    assert rows[0]["scores"]["psnr"]["mean"] == ("Infinity" if shown[0] == "inf" else None)
    for suffix, format_ in TABLES.items():
        if suffix != ".parquet":
            assert format_(table)


def test_nothing_is_a_table_too():
    table = Evaluation(Run("r", PLAN, [], ""), ()).table("paper")
    for suffix in (".md", ".csv", ".json", ".tex"):
        assert TABLES[suffix](table)
    assert "method" in str(table)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_every_image_is_kept(tmp_path, evaluation, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    write_images(evaluation, file := tmp_path / f"images{suffix}")
    if suffix == ".json":
        document = json.loads(file.read_text(encoding="utf-8"), parse_constant=pytest.fail)
        assert document["protocols"]["2"].startswith("Y of BT.601")
        rows = [{**row, **row["scores"], "notes": json.dumps(row["notes"])} for row in document["images"]]
    else:
        rows = list(flat(file))
        assert all(row["protocol"].startswith("Y of BT.601") for row in rows)
    assert len(rows) == len(evaluation.outcomes) == 36
    for row, each in zip(rows, evaluation.outcomes, strict=True):
        assert (cleaned(row["method"]), float(row["scale"])) == (cleaned(each.method), each.scale)
        assert (row["image"], row["preds"], row["target"]) == (each.image, each.preds, each.target)
        values = [math.nan if row[name] is None else float(row[name]) for name in PLAN.scores]
        assert values == pytest.approx([each.value(name) for name in PLAN.scores], nan_ok=True, abs=0)
        assert (row["error"] or None) == each.error
        assert json.loads(row["notes"] or "{}") == each.notes


def test_parquet_says_in_its_metadata_what_the_notes_say(tmp_path, evaluation):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_table(evaluation.table(), file := tmp_path / "t.parquet")
    metadata = json.loads(parquet.read_schema(file).metadata[b"hyra"])
    assert metadata["notes"] == evaluation.table().notes()
    assert parquet.read_schema(file).field("psnr_rank").type == "int64"


def test_a_file_is_whole_or_as_it_was(tmp_path, evaluation, monkeypatch):
    file = tmp_path / "table.csv"
    file.write_text("before")
    with pytest.raises(ValueError, match=r"must end in one of \.md, \.csv, \.json, \.parquet, \.tex"):
        write_table(evaluation.table(), tmp_path / "table.xls")
    with pytest.raises(ValueError, match=r"must end in one of \.csv, \.json, \.parquet,"):
        write_images(evaluation, tmp_path / "table.md")
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space left"):
        write_table(evaluation.table(), file)
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]
    assert file.read_text() == "before"
    monkeypatch.undo()
    write_table(evaluation.table(), new := tmp_path / "folder" / "new.CSV")
    assert stat.S_IMODE(new.stat().st_mode) == stat.S_IMODE(file.stat().st_mode)


def test_parquet_without_pyarrow_names_the_extra_before_any_work(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    arguments = ["evaluate", "--hr", str(tmp_path / "nowhere"), "--layout", str(tmp_path), "--out", "x.parquet"]
    assert main(arguments) == 2
    assert "pip install 'hyra[evaluate]'" in capsys.readouterr().err


def test_the_command_writes_all_of_them(methods, tmp_path, capsys):
    out = tmp_path / "out"
    names = ["table.md", "table.csv", "table.json", "table.tex"]
    folder = methods[0].sr.parents[1]
    Image.new("RGB", (7, 7)).save(folder / "nearest" / "x2" / "0003x2.png")
    arguments = [part for name in names for part in ("--out", str(out / name))]
    arguments += ["--per-image", str(out / "images.csv"), "--per-image", str(out / "images.json")]
    arguments += ["--against", "paper:bicubic", "--scores", "psnr", "fsds"]
    arguments = ["evaluate", "--hr", str(methods[0].hr), "--layout", str(folder), *arguments]
    assert main(arguments) == 1, "an image failed"
    printed = capsys.readouterr().out
    assert "Bicubic (published)" in printed
    assert "(difference)" not in printed, "the images are others"
    assert "1 image failed: 0003 (both images must have the same size" in printed
    for name in names:
        text = (out / name).read_text()
        assert "0003" in text
        assert "DIV2K validation" in text
    with (out / "images.csv").open(newline="") as opened:
        assert sum(bool(row["error"]) for row in csv.DictReader(opened)) == 1
    assert sum(bool(image["error"]) for image in json.loads((out / "images.json").read_text())["images"]) == 1


def test_a_method_whose_name_is_no_text(methods, tmp_path, capsys):
    folder = methods[0].sr.parents[1]
    try:
        (folder / "nearest").rename(folder / os.fsdecode(b"n\xff\n"))
    except OSError:
        pytest.skip("this file system takes no such name")
    arguments = ["--hr", str(methods[0].hr), "--layout", str(folder), "--scores", "psnr"]
    assert main(["evaluate", *arguments, "--out", str(tmp_path / "t.csv"), "--out", str(tmp_path / "t.tex")]) == 0
    assert r"n\udcff\n" in capsys.readouterr().out
    with (tmp_path / "t.csv").open(newline="") as opened:
        assert {row["method"] for row in csv.DictReader(opened)} == {"bicubic", "n\\udcff\n"}


# --- beside the paper ---


@pytest.fixture
def beside():
    plan = Plan(("psnr", "ssim:torchmetrics", "mae"))
    outcomes = [
        Outcome(method, 4.0, f"{801 + n:04}", "", "", {Key("p", "t", name, "{}", 1): v for name, v in values.items()})
        for method, values in (("swinIR-Classical", {"psnr": 29.7, "ssim:torchmetrics": 0.84, "mae": 0.1}), ("own", {}))
        for n in range(100)
    ]
    return Evaluation(Run("r", plan, [], ""), tuple(outcomes))


def test_the_published_table_stands_beside_it(beside):
    document = json.loads(TABLES[".json"](beside.table("paper:HAT,rdn")))
    rows = {(row["method"], row["source"]): row["scores"] for row in document["rows"]}
    assert [*rows] == [
        ("swinIR-Classical", "measured"),
        ("SwinIR-classical", "published"),
        ("swinIR-Classical", "difference"),
        ("own", "measured"),
        ("RDN", "published"),
        ("HAT", "published"),
    ]
    assert rows["SwinIR-classical", "published"]["psnr"]["mean"] == 29.63
    assert rows["SwinIR-classical", "published"]["mae"]["mean"] is None
    difference = rows["swinIR-Classical", "difference"]
    assert difference["psnr"]["mean"] == pytest.approx(0.07)
    assert difference["ssim:torchmetrics"]["mean"] == pytest.approx(0.005)
    assert difference["mae"]["mean"] is None
    assert rows["swinIR-Classical", "measured"]["psnr"]["rank"] == 1
    assert rows["HAT", "published"]["psnr"]["rank"] is None
    assert not any("Measured here otherwise" in note for note in document["notes"])


@pytest.mark.parametrize("suffix", [".md", ".csv", ".json", ".tex"])
def test_every_format_says_what_it_was_measured_on(beside, suffix):
    text = TABLES[suffix](beside.table("paper")).decode()
    assert "Table 1 of Deng et al. (ICML 2024), means over the 100 images of DIV2K validation" in text
    assert re.search(r"\+0\.07|0\.06999999|0\.07000000", text)
    assert "29.63" in text
    if suffix in {".md", ".tex"}:
        assert "(published)" in text
        assert "(difference)" in text


def rows_and_notes(plan, images, against="paper", method="EDSR"):
    outcomes = [
        Outcome(method, 4.0, image, "", "", {Key("p", "t", name, "{}", 1): 30.0 for name in plan.scores})
        for image in images
    ]
    table = Evaluation(Run("r", plan, [], "", "then"), tuple(outcomes)).table(against)
    return [row.source for row in table.rows], " ".join(table.remarks), table


DIV2K = [f"{number:04}" for number in range(801, 901)]


@pytest.mark.parametrize(
    ("plan", "images", "why"),
    [
        (Plan(("psnr",), protocol="div2k"), DIV2K, "the protocol 'div2k' in place of 'paper'"),
        (Plan(("psnr",), modcrop=True), DIV2K, "references cut to a multiple of the scale"),
        (Plan(("psnr",)), DIV2K[:10], "10 of the 100 images"),
    ],
)
def test_there_is_no_difference_of_what_was_measured_otherwise(plan, images, why):
    sources, remarks, _ = rows_and_notes(plan, images)
    assert sources == ["measured", "published"]
    assert f"Measured here otherwise, so without a difference: {why}." in remarks


def test_there_is_no_difference_of_another_form_of_a_score():
    sources, remarks, table = rows_and_notes(Plan(("psnr", "ssim")), DIV2K)
    assert sources == ["measured", "published", "difference"]
    assert "'ssim:torchmetrics' is the published form" in remarks
    psnr, ssim = (table.rows[2].cell(of).value for of in table.scores)
    assert (psnr, ssim) == ("+1.13", "-")


def test_of_other_images_and_other_methods_nothing_is_shown_unless_asked():
    sources, remarks, _ = rows_and_notes(Plan(("psnr",)), ["baby", "bird"])
    assert sources == ["measured"]
    assert "Table 1 is of other images: no row of it is shown." in remarks
    sources, remarks, _ = rows_and_notes(Plan(("psnr",)), DIV2K, method="own")
    assert sources == ["measured"]
    assert "Table 1 has none of these methods at this scale" in remarks
    sources, remarks, _ = rows_and_notes(Plan(("psnr",)), ["baby", "bird"], "paper:hat")
    assert sources == ["measured", "published"]
    assert "other images than 0801 to 0900" in remarks
    with pytest.raises(ValueError, match=r"against must name methods of Table 1 \(EDSR, .*, Bicubic\), got nobody"):
        rows_and_notes(Plan(("psnr",)), DIV2K, "paper:HAT,nobody")


def test_the_published_table_comes_with_the_package():
    from hyra.evaluate.tables.published import summaries

    counts = {scale: len(summaries(scale, ["psnr"])) for scale in (2, 3, 4, 6, 12, 5)}
    assert counts == {2: 18, 3: 18, 4: 18, 6: 6, 12: 6, 5: 0}


def test_nothing_else_is_published(evaluation):
    with pytest.raises(ValueError, match="against must be one of paper, got 'thesis'"):
        evaluation.table("thesis")
