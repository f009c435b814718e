"""`hyra track`: the figure and the animation of a tracker's folder."""

import pytest
import torch
from PIL import Image

from hyra.cli import main
from hyra.track import Tracker
from hyra.track.history import RECORDS


@pytest.fixture
def recorded(tmp_path):
    tracker = Tracker(torch.nn.Upsample(scale_factor=2), torch.rand(3, 20, 24), out=tmp_path / "run", size=24)
    for step in (10, 20, 30):
        tracker(step)
    return tracker.history


@pytest.mark.parametrize("elsewhere", [False, True])
def test_prints_numbers_and_draws(recorded, tmp_path, capsys, elsewhere):
    out = tmp_path / "a" / "b" if elsewhere else recorded.folder
    arguments = ["--out", str(out), "--columns", "2"] if elsewhere else []
    assert main(["track", str(recorded.folder), *arguments]) == 0
    head, *lines, figure, animation = capsys.readouterr().out.splitlines()
    assert head.split() == ["step", "10", "30"]
    values = {line.split()[0]: line.split()[1:] for line in lines}
    assert values["dc_gain"] == ["1.000", "1.000"]
    assert "fsds" not in values  # there is no target
    assert (figure, animation) == (str(out / "progress.png"), str(out / "progress.gif"))
    with Image.open(figure) as picture:
        assert picture.width > 1000
    with Image.open(animation) as frames:
        assert frames.n_frames == 3


def test_a_folder_without_records_is_told(tmp_path, capsys):
    assert main(["track", str(tmp_path)]) == 2
    assert "no file track.jsonl in" in capsys.readouterr().err
    (tmp_path / RECORDS).touch()
    assert main(["track", str(tmp_path)]) == 2
    assert "the tracker has not recorded a step yet" in capsys.readouterr().err
