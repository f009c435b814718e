"""Files are replaced or extended whole, or not at all."""

import errno
import io
import os
import resource
import signal
import stat
import time

import pytest
import torch

import hyra
from hyra._util import files


@pytest.fixture(params=[0o022, 0o077, 0o002], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_permissions_follow_the_umask(umask, tmp_path):
    with files.replacing(tmp_path / "new" / "replaced") as opened:
        opened.write(b"x")
    files.append_line(tmp_path / "appended", "x")
    for path in (tmp_path / "new" / "replaced", tmp_path / "appended"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o777 & ~umask


def test_a_file_stays_as_it_was_where_the_new_one_fails(tmp_path):
    file = tmp_path / "file"
    file.write_text("old")

    def interrupted():
        with files.replacing(file) as opened:
            opened.write(b"half of the n")
            opened.flush()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_links_and_devices_stay_what_they_are(tmp_path):
    (tmp_path / "link").symlink_to("file")
    with files.replacing(tmp_path / "link") as opened:
        opened.write(b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "x"
    with files.replacing(os.devnull) as opened:
        opened.write(b"x")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    with pytest.raises(IsADirectoryError), files.replacing(tmp_path):
        pass


def test_a_killed_process_leaves_a_whole_file(tmp_path):
    file = tmp_path / "response.safetensors"
    responses = [hyra.ImpulseResponse(torch.full((1, 200, 200), value), 2, (0, 0)) for value in (1.0, 2.0)]
    responses[0].save(file)
    for round_ in range(10):
        child = os.fork()
        if child == 0:
            while True:
                for response in responses:
                    response.save(file)
        time.sleep(0.03 + 0.007 * round_)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        loaded = hyra.ImpulseResponse.load(file)
        assert loaded.response.unique().tolist() in ([1], [2])


def test_a_line_after_an_unfinished_one_begins_anew(tmp_path):
    file = tmp_path / "lines"
    for before in ("", "whole\n", "whole\nunfin"):
        file.write_text(before)
        files.append_line(file, "next")
        assert file.read_text() == before + "\n" * before.endswith("n") + "next\n"


@pytest.mark.parametrize("before", ["", "whole\n", "whole\nunfin"])
def test_a_full_disk_leaves_the_lines_that_were_there(before, tmp_path):
    """The limit on a file's size is a real one: the system writes what fits, and the next call fails."""
    file = tmp_path / "lines"
    file.write_text(before)
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 4, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            files.append_line(file, "a line that is too long")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert file.read_text() == before


class FullDisk(io.FileIO):
    """A file on a disk that takes five bytes more, and cannot even be made shorter."""

    left = 5

    def write(self, data):
        if not self.left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = super().write(bytes(data)[: self.left])
        FullDisk.left -= written
        return written

    def truncate(self, size=None):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_the_process_that_left_a_line_unfinished_begins_the_next_one_anew(tmp_path, monkeypatch):
    file = tmp_path / "lines"
    file.write_text("whole\n")
    with monkeypatch.context() as patch:
        patch.setattr(files, "open", lambda name, mode, buffering: FullDisk(name, "a+"), raising=False)
        with pytest.raises(OSError, match="No space left"):
            files.append_line(file, "a line that is too long")
    assert file.read_text() == "whole\na lin"
    files.append_line(file, "next")
    assert file.read_text() == "whole\na lin\nnext\n"
