"""Whatever a command writes has the permissions that the umask leaves."""

import os
import stat

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hyra import images
from hyra.cli import main, parser
from hyra.evaluate import Method, evaluate
from hyra.probing.exchange import export_impulses
from hyra.track import Tracker

COMMANDS = {
    "analyze": "analyze nearest --scale 2 --image {lr} --hr {hr} --size 9 --out {out}/folder",
    "attribute": "attribute nearest --scale 2 --image {lr} --window 4,4,8 --out {out}/folder",
    "compare-models": "compare-models nearest bicubic --scale 2 --image {lr} --hr {hr} --size 9 --out {out}/folder",
    "demo": "demo --scale 2 --out {out}/folder",
    "layers": "layers {network} --size 9 --image {lr} --out {out}/folder",
    "lowpass-sweep": "lowpass-sweep {hr} --scale 2 --cutoffs 0.4:0.5:2 --out {out}/folder",
    "probe": "probe nearest --scale 2 --canvas 24 --amplitudes -0.5 0.5 --size 5 --out {out}/folder",
    "probe-export": "probe-export {out}/folder --format npy",
    "probe-import": "probe-import {exchange}",
    "scale-sweep": "scale-sweep nearest --scales 1.5 2 --size 9 --out {out}/folder",
    "track": "track {run} --out {out}/folder",
    "fsds": "fsds {hr} {other} --out {out}/scores.csv --store {out}/scores.sqlite",
    "evaluate": "evaluate --hr {folder}/hr --sr A:1:{folder}/sr --store {out}/s.sqlite --out {out}/t.md "
    "--per-image {out}/i.csv",
    "report": "report {store} --out {out}/page.html",
    "compare": "compare {store} first first --fail-if psnr<-1 --markdown {out}/c.md --junit {out}/c.xml",
    "history": "history {store} --out {out}/history.png --csv {out}/history.csv",
    "merge": "merge {out}/all.sqlite {store}",
    "spectrum": "spectrum {folder}/sr {folder}/hr --out {out}/folder",
}


@pytest.fixture
def umask():
    """Under which 0600, 0644, 0666 and what goes with them for folders are all wrong."""
    before = os.umask(0o026)
    yield 0o026
    os.umask(before)


@pytest.fixture
def inputs(tmp_path):
    """What the commands read, in a folder of its own."""
    folder = tmp_path / "in"
    folder.mkdir()
    hr = torch.rand(3, 32, 32)
    images.write(hr, folder / "hr.png")
    images.write(torch.rand(3, 32, 32), folder / "other.png")
    images.write(F.avg_pool2d(hr, 2), folder / "lr.png")
    (folder / "network.py").write_text(
        "import torch\nnetwork = torch.nn.Sequential(torch.nn.Upsample(scale_factor=2))\n"
    )
    tracker = Tracker(torch.nn.Upsample(scale_factor=2), images.read(folder / "lr.png"), out=folder / "run", size=9)
    for step in (1, 2):
        tracker(step)
    names = {name: folder / f"{name}.png" for name in ("lr", "hr", "other")}
    for side in ("sr", "hr"):
        images.write(torch.rand(3, 32, 32), folder / side / "a.png")
    exchange = tmp_path / "out" / "exchange"
    for file in export_impulses(exchange, form="npy"):
        images.write(
            F.interpolate(torch.from_numpy(np.load(file)).movedim(-1, 0)[None], scale_factor=2)[0],
            exchange / "outputs" / f"{file.stem}.png",
        )
    methods = [Method("A", 1, folder / "sr", folder / "hr")]
    evaluate(methods, store=folder / "store.sqlite", name="first", progress=False)
    more = {
        "exchange": exchange,
        "run": folder / "run",
        "network": f"{folder}/network.py:network",
        "store": folder / "store.sqlite",
    }
    return names | more | {"folder": folder}


def test_every_command_that_writes_is_tested():
    assert {*parser()._subparsers._group_actions[0].choices} == {*COMMANDS, "info"}


@pytest.mark.parametrize("command", COMMANDS)
def test_files_and_folders_follow_the_umask(command, umask, inputs, tmp_path):
    needed = {"demo": "skimage", "report": "plotly"}
    if command in needed:
        pytest.importorskip(needed[command])
    assert main(COMMANDS[command].format(**inputs, out=tmp_path / "out").split()) == 0
    written = [*(tmp_path / "out").rglob("*")]
    assert any(path.is_file() for path in written)
    for path in (tmp_path / "out", *written, *(tmp_path / "in" / "run").iterdir()):
        wanted = (0o777 if path.is_dir() else 0o666) & ~umask
        assert oct(stat.S_IMODE(path.stat().st_mode)) == oct(wanted), path
