"""`hyra lowpass-sweep`: the best of each score printed, the sweep and its figure on disk."""

import pytest

import hyra
from hyra.cli import main


def test_prints_the_best_and_writes_figure_and_file(photograph, tmp_path, capsys):
    arguments = ["lowpass-sweep", str(photograph), str(photograph), "--cutoffs", "0.4:0.6:3", "--out", str(tmp_path)]
    assert main(arguments) == 0
    sweep = hyra.LowpassSweep.load(tmp_path / "sweep.safetensors")
    assert sweep.cutoff.tolist() == pytest.approx([0.4, 0.5, 0.6])
    assert sweep.psnr.shape == (2, 3)
    cutoff, value = sweep.best("psnr")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"PSNR  {value:9.4f} at cut-off {cutoff:.4f}")
    assert ("it may go on" in lines[0]) == (cutoff != 0.5)
    assert lines[-1] == str(tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").stat().st_size > 10_000


@pytest.mark.parametrize("cutoffs", ["0.4", "0.6:0.4:3", "0:1:5", "0.1:0.2:1"])
def test_cutoffs_that_are_no_range(cutoffs, capsys):
    with pytest.raises(SystemExit):
        main(["lowpass-sweep", "a.png", "--cutoffs", cutoffs])
    assert "must be LOW:HIGH:COUNT with 0 < LOW < HIGH" in capsys.readouterr().err
