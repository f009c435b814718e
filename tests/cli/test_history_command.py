"""`hyra history`: the table printed, the figure and the CSV on disk."""

import csv

from PIL import Image

from hyra.cli import main
from hyra.evaluate import Runs
from runs_of_scores import evaluation, keep


def test_prints_and_draws(tmp_path, capsys):
    store, figure, table = (tmp_path / name for name in ("s.sqlite", "figures/h.png", "h.csv"))
    with Runs(store) as runs:
        keep(runs, *(evaluation(f"run\n{index}", {"psnr": {"a": 30.0 + index, "b": 32.0}}) for index in range(3)))
    assert main(["history", str(store), "--last", "2", "--out", str(figure), "--csv", str(table)]) == 0
    head, *lines, csv_file, png = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["method", "scale", "run"]
    assert [line.split()[2:4] for line in lines] == [["run\\n1", "31.50"], ["run\\n2", "32.00"]]
    assert (csv_file, png) == (str(table), str(figure))
    with Image.open(figure) as picture:
        assert picture.width > 1000
    with table.open(newline="") as opened:
        assert [row["run"] for row in csv.DictReader(opened)] == ["run\n1", "run\n2"]


def test_what_is_wrong_is_one_sentence(tmp_path, capsys):
    empty = tmp_path / "empty.sqlite"
    Runs(empty).__exit__()
    for store, said in ((tmp_path / "none.sqlite", "no such store of scores"), (empty, "at least one run, got none")):
        assert main(["history", str(store)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
    assert not (tmp_path / "none.sqlite").exists()
