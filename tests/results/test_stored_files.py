"""Files of every earlier version are read for ever, and hold what they held."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from stored_results import described

import hyra
from hyra.results import storage
from hyra.results.result import Result
from hyra.track import History

FIXTURES = Path(__file__).parent / "fixtures"
FORMATS = sorted(FIXTURES.glob("format-*"))
EXPECTED = {folder: json.loads((folder / "expected.json").read_text()) for folder in FORMATS}
FILES = [(folder, name) for folder in FORMATS for name in EXPECTED[folder] if name != "tracker"]


def kinds(parent=Result):
    """Every kind of result that the package has, by name."""
    children = {child.__name__: child for child in parent.__subclasses__() if child.__module__.startswith("hyra.")}
    return children | {name: kind for child in children.values() for name, kind in kinds(child).items()}


def holds(described_, expected):
    """Whether a result has all that is expected of it; it may have more by now."""
    if isinstance(expected, dict):
        return all(name in described_ and holds(described_[name], part) for name, part in expected.items())
    if isinstance(expected, list):
        return len(described_) == len(expected) and all(map(holds, described_, expected))
    return described_ == expected


def test_every_format_has_its_files_and_the_newest_has_every_kind():
    assert [folder.name for folder in FORMATS] == [f"format-{n}" for n in range(storage.FORMAT + 1)]
    assert {name.partition("-")[0] for name in EXPECTED[FORMATS[-1]]} == {*kinds(), "tracker"}
    for folder in FORMATS:
        assert {file.stem for file in folder.glob("*.safetensors")} == EXPECTED[folder].keys() - {"tracker"}


@pytest.mark.parametrize(("folder", "name"), FILES, ids=lambda part: getattr(part, "name", part))
def test_loads_with_the_same_values(folder, name):
    result = kinds()[name.partition("-")[0]].load(folder / f"{name}.safetensors")
    assert holds(described(result), EXPECTED[folder][name])
    assert repr(result)


@pytest.mark.parametrize("folder", FORMATS, ids=lambda folder: folder.name)
def test_tracker_loads_with_the_same_values(folder):
    history = History.load(folder / "tracker")
    assert [record.step for record in history.records] == [10, 20]
    for record, expected in zip(history.records, EXPECTED[folder]["tracker"], strict=True):
        assert holds([described(record), described(history.split(record.step))], expected)


def test_saving_again_gives_the_newest_format_and_the_same_values(tmp_path):
    for folder, name in FILES:
        kind = kinds()[name.partition("-")[0]]
        kind.load(folder / f"{name}.safetensors").save(tmp_path / "again.safetensors")
        assert holds(described(kind.load(tmp_path / "again.safetensors")), EXPECTED[folder][name])
        assert b'\\"format\\": %d' % storage.FORMAT in (tmp_path / "again.safetensors").read_bytes()


def test_numbers_of_numpy_are_stored_as_numbers(tmp_path):
    response = hyra.ImpulseResponse(
        torch.ones(1, 4, 4),
        scale=np.int64(2),
        origin=(np.int32(2), np.uint8(2)),
        amplitude=np.float32(0.5),
        form=np.str_("affine"),
    )
    response.save(tmp_path / "r.safetensors")
    loaded = hyra.ImpulseResponse.load(tmp_path / "r.safetensors")
    assert (loaded.scale, loaded.origin, loaded.amplitude, loaded.form) == (2, (2, 2), 0.5, "affine")
    assert [type(value) for value in (loaded.scale, *loaded.origin, loaded.amplitude)] == [int, int, int, float]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"provenance": {"model": 7}}, "provenance.model must be a text, got 7"),
        ({"provenance": {"model": {1, 2}}}, "provenance.model cannot be stored, got set"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(fields, message, tmp_path):
    response = hyra.ImpulseResponse(torch.ones(1, 4, 4), 2, (2, 2), **fields)
    with pytest.raises((TypeError, ValueError), match=message):
        response.save(tmp_path / "r.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("field", ["amplitude", "discarded_energy", "background"])
@pytest.mark.parametrize(("value", "kind"), [("high", "str 'high'"), (None, "NoneType"), (True, "bool True")])
def test_a_response_is_made_with_numbers(field, value, kind):
    with pytest.raises(TypeError, match=f"{field} must be a number, got {kind}"):
        hyra.ImpulseResponse(torch.ones(1, 4, 4), 2, (2, 2), **{field: value})
