"""Ctrl-C ends every command with one sentence, from its first second on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hyra.cli import parser

pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at what a process has loaded")
SCRIPT = "import sys; sys.argv[0] = 'hyra'; from hyra.cli import main; sys.exit(main())"
"""What an installed script does."""
USUAL = ["env", "--default-signal=INT"]
"""Before a command: a job in the background is started with the signal ignored, and so are its children."""


def interrupted(command: list[str], library: str) -> tuple[int, str]:
    """Exit code and messages of a process that is interrupted as soon as it has loaded a library."""
    process = subprocess.Popen(USUAL + command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while library not in Path(f"/proc/{process.pid}/maps").read_text() and time.monotonic() < until:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    return process.returncode, errors


@pytest.mark.parametrize("how", [["-m", "hyra"], ["-c", SCRIPT]], ids=["module", "script"])
def test_while_torch_is_imported(how):
    """Every command imports it first."""
    assert interrupted([sys.executable, *how, "info"], "libtorch_cpu") == (130, "hyra: interrupted\n")


@pytest.mark.once
@pytest.mark.parametrize("command", parser()._subparsers._group_actions[0].choices)
def test_every_command(command):
    assert interrupted([sys.executable, "-m", "hyra", command], "libc10") == (130, "hyra: interrupted\n")


def test_other_programs_keep_their_own():
    """A program that imports hyra is asked nothing, and a signal that is ignored stays so."""
    program = "import signal, hyra; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    run = subprocess.run([*USUAL, sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "True\n"
    ignoring = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{SCRIPT}"
    assert interrupted([sys.executable, "-c", ignoring, "info"], "libtorch_cpu")[0] != 130


def test_while_it_works(tmp_path, monkeypatch, capsys):
    from hyra import cli

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.info, "run", interrupt)
    assert cli.main(["info"]) == 130
    assert capsys.readouterr().err == "hyra: interrupted\n"
