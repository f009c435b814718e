"""Damaged and hostile files of results are refused in one sentence: never another error, never a wrong object."""

import random
import time

import pytest
from hostile import content_of, hostile_containers, hostile_headers, hostile_programs, hostile_tensors, written
from stored_results import described
from test_stored_files import EXPECTED, FIXTURES, FORMATS, holds, kinds

from hyra.results import storage

NEWEST = FORMATS[-1]
NAMES = [name for name in EXPECTED[NEWEST] if name != "tracker"]
SECONDS = 5
"""Of a processor, more than any one of them may take; all but the largest take a few milliseconds."""


def outcome(kind, file):
    """The result, or the sentence that refuses it."""
    begin, sentence = time.process_time(), None
    try:
        result = kind.load(file)
    except ValueError as error:
        result, sentence = None, str(error)
    if sentence is not None:
        assert sentence.startswith(f"{str(file)!r} ")
        assert sentence.isprintable()
        assert len(sentence) < len(str(file)) + 400
    assert time.process_time() - begin < SECONDS
    return result


@pytest.fixture
def refused(tmp_path):
    """Checks that loading each of many files as a kind of result fails as it should, and counts them."""
    file = tmp_path / "hostile.safetensors"

    def check(kind, files):
        count, accepted = 0, []
        for what, data in files:
            file.write_bytes(data)
            if outcome(kind, file) is not None:
                accepted.append(what)
            count += 1
        assert not accepted
        return count

    return check


@pytest.mark.parametrize("name", NAMES)
def test_one_thing_wrong(name, refused):
    data = (NEWEST / f"{name}.safetensors").read_bytes()
    kind = kinds()[name.partition("-")[0]]
    count = refused(kind, hostile_headers(*content_of(data)))
    count += refused(kind, hostile_tensors(*content_of(data)))
    count += refused(kind, hostile_containers(data))
    assert count > 150


def test_another_kind_of_result(refused):
    for name, kind in kinds().items():
        others = [(other, (NEWEST / f"{other}.safetensors").read_bytes()) for other in kinds() if other != name]
        assert refused(kind, others) == len(kinds()) - 1


def test_nothing_is_executed(refused, tmp_path):
    assert refused(kinds()["ImpulseResponse"], hostile_programs(tmp_path / "trap")) == 3
    assert not (tmp_path / "trap").exists()


def flipped(data, places):
    for place in places:
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        yield place, bytes(damaged)


@pytest.mark.parametrize("name", NAMES)
def test_a_flipped_bit_is_told_or_changes_nothing(name, tmp_path):
    """Every bit of small files, and some of the others; without a checksum, in format 0, it may change a value.

    Where there is a checksum, it is computed in the same way of all kinds of results: every bit of one kind is enough.
    """
    file, kind, chance = tmp_path / "r.safetensors", kinds()[name.partition("-")[0]], random.Random(0)
    for folder in (folder for folder in FORMATS if (folder / f"{name}.safetensors").exists()):
        data = (folder / f"{name}.safetensors").read_bytes()
        bits = len(data) * 8
        every = bits < 6000 and (folder.name == "format-0" or name == "SincFit")
        told = 0
        for place, damaged in flipped(data, range(bits) if every else chance.sample(range(bits), 300)):
            file.write_bytes(damaged)
            result = outcome(kind, file)
            told += result is None
            if result is not None and folder.name != "format-0":
                assert holds(described(result), EXPECTED[folder][name]), place
        assert told


def test_a_newer_format_says_so(tmp_path):
    data = (FIXTURES / "format-1" / "SincFit.safetensors").read_bytes()
    file = tmp_path / "r.safetensors"
    header, tensors = content_of(data)
    file.write_bytes(written(header | {"format": 99}, tensors))
    with pytest.raises(
        ValueError, match=f"its format must be at most {storage.FORMAT}, got 99: a newer version of hyra wrote it"
    ):
        kinds()["SincFit"].load(file)
