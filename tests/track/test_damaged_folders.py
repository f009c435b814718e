"""A tracker's folder that was damaged, by accident or on purpose, is refused in one sentence, or loses nothing else."""

import errno
import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from hyra._util import files
from hyra.results import storage
from hyra.track import History, Record, Tracker
from hyra.track.history import RECORDS

FIXTURE = Path(__file__).parents[1] / "results" / "fixtures" / f"format-{storage.FORMAT}" / "tracker"
OLD_FIXTURE = FIXTURE.parents[1] / "format-0" / "tracker"
WHOLE = History.load(FIXTURE).records


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(FIXTURE, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def refused(tmp_path):
    """Checks that loading each of many files of records fails as it should, and counts them."""

    def check(contents):
        count = 0
        for what, content in contents:
            (tmp_path / RECORDS).write_bytes(content)
            with pytest.raises(ValueError, match=f"^line [0-9]+ of '{tmp_path}/{RECORDS}' is no record of") as error:
                pytest.fail(f"{what} was accepted: {History.load(tmp_path).records}")
            assert str(error.value).isprintable()
            assert len(str(error.value)) < 400, what
            count += 1
        return count

    return check


def line_of(content, checksum="right"):
    """A line with any content, and the right checksum unless another one is given."""
    right = storage.checksum(json.dumps(content), {}) if checksum == "right" else checksum
    return json.dumps(content | ({} if right is None else {"crc32": right})).encode() + b"\n"


def hostile_lines():
    content = {"format": 1, **json.loads((FIXTURE / RECORDS).read_text().splitlines()[0])}
    del content["crc32"]
    for name in content:
        wrongs = [[[]], {}, "7", "text", True, 10**30, {"x": []}]
        wrongs += [[1, "a"], 0.5, None] if name.startswith("band_") else [[0.5]]
        wrongs += [[]] if name != "response_errors" else []  # of one run there are none
        absent = ("fsds", "cutoff", "similarity", "ring_cosine", "mtf50", "noise_gain")  # without a target, at a scale
        wrongs += [None] if name not in absent else []
        wrongs += [1.5, -1, 0.0] if name in ("step", "format") else []
        for wrong in wrongs:
            yield f"{name} = {wrong!r}", line_of(content | {name: wrong})
        if name != "format":
            yield f"no {name}", line_of({other: part for other, part in content.items() if other != name})
        text = json.dumps(content)
        twice = f'{{"{name}": 1, {text[1:]}'
        yield f"{name} twice", twice.encode() + b"\n"
    yield "fewer bands", line_of(content | {"band_cross": content["band_cross"][1:]})
    yield "more", line_of(content | {"code": "import os"})
    yield "a newer format", line_of(content | {"format": storage.FORMAT + 1})
    for checksum in (None, "", "00000000", 7, []):
        yield f"checksum {checksum!r}", line_of(content, checksum)
    line = line_of(content)
    for other in (b"text\n", b"[]\n", b"7\n", b'"{}"\n', b"null\n", b"\xff\xfe{}\n", b"{}\n", b"[" * 10_000 + b"\n"):
        yield f"{other[:10]!r} among records", line + other + line
    yield "two in one line", line[:-1] + line
    yield "deep", b'{"a":' * 10_000 + b"}" * 10_000 + b"\n"
    yield "deep list", b'{"step": ' + b"[" * 10_000 + b"]" * 10_000 + b"}\n"
    yield "huge number", b'{"step": ' + b"7" * 100_000 + b"}\n"
    yield "a picture", b"\x89PNG\r\n\x1a\n" + bytes(100) + b"\n"
    yield "no text", bytes(range(256))


def test_hostile_records(refused):
    assert refused(hostile_lines()) > 130


@pytest.mark.once
def test_a_file_cut_anywhere_keeps_the_records_before(tmp_path):
    for fixture in (FIXTURE, OLD_FIXTURE):
        content = (fixture / RECORDS).read_bytes()
        for end in range(len(content)):
            (tmp_path / RECORDS).write_bytes(content[:end])
            ends = [i for i, byte in enumerate(content) if byte == ord("}") and i < end]
            steps = sorted({10, *[20] * (len(ends) - 1)}) if ends else []
            loaded = History.load(tmp_path).records
            assert [record.step for record in loaded] == steps
            assert fixture is OLD_FIXTURE or loaded == WHOLE[: len(steps)]


@pytest.mark.once
def test_a_flipped_bit_is_told_or_changes_nothing(tmp_path):
    content = (FIXTURE / RECORDS).read_bytes()
    told = 0
    places = range(0, len(content) * 8, 3)  # two or three bits of every byte, and each of the eight in its turn
    for place in places:
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        (tmp_path / RECORDS).write_bytes(damaged)
        try:
            assert History.load(tmp_path).records == WHOLE, place
        except ValueError:
            told += 1
    assert told > 0.9 * len(places) * content.rindex(b"\n") / len(content)


def test_a_damaged_image_file_is_told_when_it_is_wanted(folder):
    file = folder / "step-00000010.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"step-00000010.safetensors' is no safetensors file"):
        History.load(folder).split(10)


def test_records_that_an_earlier_version_glued_together_are_parted(tmp_path):
    first, second = (OLD_FIXTURE / RECORDS).read_text().splitlines()[:2]
    (tmp_path / RECORDS).write_text(f"{first[:200]}{second}\n")
    assert [record.step for record in History.load(tmp_path).records] == [20]


def test_a_machine_that_lost_power_leaves_zeros(folder):
    with (folder / RECORDS).open("ab") as file:
        file.write(bytes(300))
    assert History.load(folder).records == WHOLE


def test_the_record_after_a_full_disk_is_whole(folder, monkeypatch):
    """The same process goes on, and neither it nor a reader loses more than the record that had no space."""
    history, split = History(folder), History(folder).split(10)
    records = [Record(step, *[0.5] * 8) for step in (30, 40, 50)]
    before = (folder / RECORDS).read_bytes()

    class FullDisk:
        """Takes some bytes of a line, and then no more; what was written can then not be taken back either."""

        def __init__(self, *arguments, **options):
            self.file = open(*arguments, **options)  # noqa: SIM115 - it is closed below
            self.full = False

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, data):
            if self.full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.full = True
            return self.file.write(data[:17])

        def truncate(self, size):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    history.add(records[0], split)
    with monkeypatch.context() as patch:
        patch.setattr(files, "open", FullDisk, raising=False)
        with pytest.raises(OSError, match="No space left"):
            history.add(records[1], split)
    assert [record.step for record in history.records] == [10, 20, 30]
    history.add(records[2], split)
    for loaded in (history, History.load(folder)):
        assert loaded.records == [*WHOLE, records[0], records[2]]
    assert (folder / RECORDS).read_bytes().startswith(before)


@pytest.mark.parametrize("step", [-1, 1.0, "1", None, True])
def test_steps_are_counted(step, tmp_path):
    tracker = Tracker(torch.nn.Upsample(scale_factor=2), torch.rand(3, 8, 8), out=tmp_path, size=5)
    with pytest.raises((TypeError, ValueError), match="step must be"):
        tracker(step)
    assert list(tmp_path.iterdir()) == []
