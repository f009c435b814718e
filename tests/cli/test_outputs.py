"""What cannot be written is told before the work, by every command that writes."""

import pytest

from hyra._util.files import check_writable
from hyra.cli import main, parser
from hyra.cli.values import out_file, out_folder

COMMANDS = parser()._subparsers._group_actions[0].choices
OUTPUTS = [
    (name, action)
    for name, command in COMMANDS.items()
    for action in command._actions
    if action.type in (out_file, out_folder)
]


def test_every_command_that_writes_asks():
    assert {name for name, _ in OUTPUTS} == {*COMMANDS} - {"info"}


@pytest.mark.parametrize(("command", "action"), OUTPUTS, ids=lambda each: getattr(each, "dest", each))
def test_a_place_that_cannot_be_written_is_told_before_the_work(command, action, tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("whole")
    place = str(file / "below")
    # Nothing that the command would read is there: were it asked later, the message would be about that.
    needed = [each for each in COMMANDS[command]._actions if not each.option_strings and each is not action]
    read = [str(tmp_path / "missing") for each in needed if each.nargs != "?"]
    written = [action.option_strings[0], place] if action.option_strings else []
    assert main([command, *([] if written else [place]), *read, *written]) == 2
    assert capsys.readouterr().err == f"hyra: {place} cannot be written: {file} is no folder\n"
    assert [*tmp_path.iterdir()] == [file]
    assert file.read_text() == "whole"


def test_kinds_are_told_apart(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(IsADirectoryError, match="must be a file, got a folder"):
        check_writable(tmp_path)
    with pytest.raises(NotADirectoryError, match="must be a folder, got a file"):
        check_writable(tmp_path / "file", folder=True)
    check_writable("/dev/null")
    check_writable(tmp_path / "new" / "deeper", folder=True)
    check_writable(tmp_path / "new" / "table.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
