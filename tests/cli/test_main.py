"""The command line as a whole: help that teaches, errors of one sentence, exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from hyra import images
from hyra.cli import main, parser

COMMANDS = ("analyze", "compare-models", "demo", "fsds", "info", "layers", "lowpass-sweep", "merge", "probe", "track")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains_every_option(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    subparser = parser()._subparsers._group_actions[0].choices[command]
    for action in subparser._actions:
        assert action.help
        assert all(option in text for option in action.option_strings)
    assert command == "info" or f"hyra {command} " in text.partition("examples:")[2]


def test_help_warns_of_models_that_run_code(capsys):
    with pytest.raises(SystemExit):
        main(["analyze", "--help"])
    text = capsys.readouterr().out
    assert "TorchScript FILE      a network with its code: only with --trust-code" in text
    assert "only weights are loaded, no code" in text
    assert "to name it is to" in text


def test_examples_in_the_help_are_valid(capsys):
    """Every line of the examples parses."""
    with pytest.raises(SystemExit):
        main(["--help"])
    texts = [capsys.readouterr().out]
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        texts.append(capsys.readouterr().out.partition("examples:")[2])
    lines = [line.strip() for text in texts for line in text.splitlines() if line.startswith("  hyra ")]
    assert len(lines) > 8
    for line in lines:
        arguments = line.partition("   ")[0].split()[1:]
        parser().parse_args(arguments)


def test_info_names_what_runs(capsys):
    import torch

    import hyra
    from hyra._native.modules import MODULES

    assert main(["info"]) == 0
    facts = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    facts = {name: value.strip() for name, value in facts.items()}
    assert facts["hyra"] == hyra.__version__
    assert facts["torch"] == torch.__version__
    assert facts["SIMD level"].startswith(MODULES["cpu"].simd_level() if "cpu" in MODULES else "none")
    assert facts["threads"] == str(torch.get_num_threads())
    assert "scipy" in facts["FFT libraries"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["analyze", "bicubik", "--image", "{image}"], "unknown model 'bicubik': expected one of nearest, bilinear"),
        (["analyze", "bicubic", "--image", "{image}"], "the model bicubic works at any scale: say which one"),
        (["analyze", "missing.pth", "--image", "{image}"], "no such model file: missing.pth"),
        (["analyze", "bicubic", "--scale", "2", "--image", "none.png"], "no such file: none.png"),
        (["analyze", "bicubic", "--scale", "2"], "an image is needed: --image FILE"),
        (["analyze", "bicubic", "--scale", "2", "--image", "{text}"], "text.png cannot be read as an image"),
        (
            ["analyze", "bicubic", "--scale", "2", "--image", "{image}", "--hr", "{image}"],
            "hr must have 2 times the size of lr, 96x128, got 48x64",
        ),
        (
            ["analyze", "{python}:tuple_of_two", "--image", "{image}"],
            "the network returned a tuple",
        ),
        (["analyze", "{python}:odd_size", "--image", "{image}"], "is no multiple of input"),
        (["analyze", "{python}:failing", "--image", "{image}"], "the network raised RuntimeError on an input of shape"),
        (["analyze", "{python}:missing", "--image", "{image}"], "networks.py:missing must be a callable, got no such"),
        (["fsds", "{image}", "none.png"], "no such file: none.png"),
        (["fsds", "{image}", "{folder}"], "SR and HR must be two files or two folders"),
        (["fsds", "{image}", "{text}"], "text.png cannot be read as an image"),
        (["fsds", "{image}", "{constant}"], "target must not be constant"),
        (["evaluate", "--manifest", "none.toml"], "hyra: no such file or folder: none.toml"),
        (["fsds", "{image}", "{small}"], "must have the same size, got 64x48 and 4x4"),
        (
            ["analyze", "demo", "--image", "{image}", "--input-range", "0"],
            "input_range must be a finite number above 0",
        ),
        (["analyze", "demo", "--image", "{image}", "--device", "tpu"], "--device must be one that torch can use here"),
        (["fsds", "{image}", "{image}", "--out", "{text}"], "text.png exists: name another file for --out"),
        (["fsds", "{image}", "{image}", "--store", "{text}"], "text.png must be a store of scores"),
        (
            ["demo", "--photograph", "nobody"],
            "--photograph must be one of astronaut, chelsea, china, flower, got nobody",
        ),
    ],
)
def test_errors_are_one_sentence_and_exit_code_2(arguments, message, names, capsys):
    assert main([argument.format(**names) for argument in arguments]) == 2
    error = capsys.readouterr().err
    *before, last = error.splitlines()
    assert last.startswith("hyra: ")
    assert message in last
    assert all(line.startswith("hyra: ") for line in before)
    assert "Traceback" not in error


@pytest.fixture
def names(photograph, tmp_path, monkeypatch):
    """Files to go wrong with."""
    monkeypatch.delenv("HYRA_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("no image")
    images.write(torch.full((3, 48, 64), 0.5), tmp_path / "constant.png")
    images.write(torch.rand(3, 4, 4), tmp_path / "small.png")
    (tmp_path / "networks.py").write_text(
        "import torch\n"
        "def tuple_of_two(x): y = x.repeat_interleave(2, -1).repeat_interleave(2, -2); return y, y\n"
        "def odd_size(x): return torch.nn.functional.interpolate(x, (x.shape[-2] * 2 + 1, x.shape[-1] * 2 + 1))\n"
        "def failing(x): raise RuntimeError('no\\nway')\n"
    )
    pictures = {name: tmp_path / f"{name}.png" for name in ("text", "constant", "small")}
    return pictures | {"image": photograph, "folder": tmp_path, "python": tmp_path / "networks.py"}


def test_debug_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("HYRA_DEBUG", "1")
    with pytest.raises(FileNotFoundError):
        main(["fsds", "none.png", "none.png"])


def test_wrong_usage_is_exit_code_2(capsys):
    for arguments in ([], ["unknown"], ["fsds", "a.png", "b.png", "--crop-border", "-1"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
    assert "must be an integer of at least 0, got '-1'" in capsys.readouterr().err


def test_interrupt_is_exit_code_130(monkeypatch, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("hyra.cli.info.run", interrupted)
    assert main(["info"]) == 130
    assert capsys.readouterr().err == "hyra: interrupted\n"


def test_installed_command_runs():
    code = "import sys; from hyra.cli import main; sys.exit(main(['fsds', 'none.png', 'none.png']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "hyra: no such file: none.png\n")
