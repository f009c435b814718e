"""The pairing of two folders by name."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hyra._util.texts import printable
from hyra.images.names import SUFFIXES, Candidate, candidates, is_input, is_reference, template_of

_SHOWN = 10

Names = Mapping[Path, Sequence[Candidate]]
Group = tuple[tuple[Path, ...], tuple[Path, ...]]


@dataclass(frozen=True)
class Pairing:
    """Two folders matched by name: the pairs in the order of their names, and what has no partner or more than one."""

    sr: Path
    hr: Path
    pairs: list[tuple[Path, Path]]
    """(SR file, HR file); no file is in two of them."""
    missing_sr: list[Path] = field(default_factory=list)
    """Results without a reference."""
    missing_hr: list[Path] = field(default_factory=list)
    """References without a result."""
    ambiguous: list[Group] = field(default_factory=list)
    """(SR files, HR files) that have one name in common, more than one of a side; they are in no pair."""
    skipped: list[Path] = field(default_factory=list)
    """Files that were not asked for: no images by their suffix, not of the template, or a network's input."""

    def require(self, *, allow_missing: bool = False) -> list[tuple[Path, Path]]:
        """The pairs, if every file has one partner.

        Args:
            allow_missing: Whether files that are in no pair are left out in place of being an error.

        Raises:
            ValueError: There is no pair, or a file has no partner or several; all of them are named, or the first 10.

        Example:
            >>> two = Path("sr/a.png"), Path("hr/a.png")
            >>> pairing = Pairing(Path("sr"), Path("hr"), [two], missing_sr=[Path("sr/b.png")])
            >>> pairing.require(allow_missing=True) == [two], pairing.left_out()
            (True, '1 image of sr without a partner in hr: b.png')
        """
        left = self.left_out()
        if not self.pairs:
            reason = f": {left}" if left else ""
            raise ValueError(f"no image of {self.sr} has the name of one in {self.hr}{reason} ({_TEMPLATE})")
        if left and not allow_missing:
            raise ValueError(f"{left} (allow-missing leaves them out; {_TEMPLATE})")
        return self.pairs

    def left_out(self) -> str:
        """Which images are in no pair, and why, as one line; nothing where all are."""
        parts = []
        for files, folder, other in ((self.missing_sr, self.sr, self.hr), (self.missing_hr, self.hr, self.sr)):
            if files:
                images = "image" if len(files) == 1 else "images"
                parts.append(f"{len(files)} {images} of {folder} without a partner in {other}: {listed(files)}")
        if self.ambiguous:
            groups = [f"{_together(sr)} with {_together(hr)}" for sr, hr in self.ambiguous]
            parts.append(f"more than one partner by name: {_first(groups, '; ')}")
        return "; ".join(parts)


_TEMPLATE = "a template such as {name}x{scale} says how results are named"


def pair(sr: str | Path, hr: str | Path, template: str | None = None) -> Pairing:
    """Match the images of two folders by name, never by their order.

    A file stands for the image of its own name, without the suffix, and for those that are left when a scale, a
    method after it, or a word such as `SR`, `HR` or `out` is taken off the end, again and again: `0801x4.png`,
    `0801_x4_SwinIR.png`, `0801_SRx4_out.jpg` and `0801_SRF_4_SR.png` stand for `0801`. Two files that stand for one
    image, and are alone in that, are a pair; the longest names come first, so equal names pair before others. Files
    whose scales differ, or that both had a method's name taken off, are no pair.

    Where neither a separator nor a digit stands before the ``x``, that may be chance: ``box2.png`` is not image ``bo``
    at scale 2 unless another file, such as ``catx2.png``, would pair in the same way.

    Both sides may lie in one folder. The references are then the files that say so (`HR`, `GT`), or if none does, those
    that are no result of another file by their names; a network's inputs (`LR`) are left alone.

    Names are compared as people read them, in one Unicode form, with their case; suffixes, scales and words in any
    case. Hidden files are no images, folders in the folders are not entered.

    Args:
        sr: Folder of super-resolved images, of one method at one scale.
        hr: Folder of reference images; it may be the same.
        template: How the results are named, without the suffix: `{name}` is the reference's name, or what is left of
            it as above, and `{scale}` a number. Results that are not named so are skipped.

    Returns:
        A `Pairing`, the same whatever the order in which a system lists its files. `Pairing.require` gives the pairs,
        or the error that lists what has no partner or several.

    Raises:
        NotADirectoryError: One of them is no folder.
        ValueError: The template is none.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("sr/0801x4_out.png", "sr/other.png", "hr/0801.png"):
        ...         Path(folder, name).parent.mkdir(exist_ok=True)
        ...         Path(folder, name).touch()
        ...     pairing = pair(f"{folder}/sr", f"{folder}/hr")
        >>> [(sr.name, hr.name) for sr, hr in pairing.pairs], [sr.name for sr in pairing.missing_sr]
        ([('0801x4_out.png', '0801.png')], ['other.png'])
    """
    sr, hr = Path(sr), Path(hr)
    files_sr = _files(sr)
    together = hr.is_dir() and sr.samefile(hr)
    files_hr = files_sr if together else _files(hr)
    results: Names = _named(files_sr) if template is None else _of_template(files_sr, template)
    references: Names = _named(files_hr)
    if together:
        results, references = _sides(references, results if template is not None else None)
    skipped = {*files_sr, *files_hr} - {*results, *references}
    pairs, ambiguous = _match(results, references)
    taken = {path for two in pairs for path in two} | {path for two in ambiguous for side in two for path in side}
    missing_sr, missing_hr = (sorted(path for path in side if path not in taken) for side in (results, references))
    return Pairing(sr, hr, pairs, missing_sr, missing_hr, ambiguous, sorted(skipped))


def listed(files: Iterable[Path]) -> str:
    """The names of files on one line: all, or the first 10."""
    return _first([printable(path.name) for path in files], ", ")


def _match(results: Names, references: Names) -> tuple[list[tuple[Path, Path]], list[Group]]:
    """The pairs and what is ambiguous, both in the order of their names."""
    pairs: list[tuple[Path, Path]] = []
    ambiguous: list[Group] = []
    by_name = [_by_name(results, references), _by_name(references, results)]
    taken: set[Path] = set()
    for name in sorted(by_name[0].keys() & by_name[1].keys(), key=lambda name: (-len(name), name)):
        sr, hr = ({path: of for path, of in side[name].items() if path not in taken} for side in by_name)
        partners = {s: [h for h in hr if sr[s].agrees(hr[h])] for s in sr}
        degree = Counter(h for some in partners.values() for h in some)
        single = [(s, some[0]) for s, some in partners.items() if len(some) == 1 and degree[some[0]] == 1]
        pairs += single
        taken.update(path for two in single for path in two)
        many_sr = sorted(s for s, some in partners.items() if some and s not in taken)
        many_hr = sorted(h for h in degree if h not in taken)
        if many_sr:
            ambiguous.append((tuple(many_sr), tuple(many_hr)))
            taken.update(many_sr, many_hr)
    return sorted(pairs, key=lambda two: (two[0].name, two[1].name)), sorted(ambiguous)


def _by_name(files: Names, others: Names) -> dict[str, dict[Path, Candidate]]:
    """The files that stand for each name; doubtful ways to a name count where two files without another go them."""
    known = {candidate.name for some in others.values() for candidate in some if not candidate.doubt}
    ways = Counter(
        end
        for some in files.values()
        if some[0].name not in known
        for end in {some[0].name[len(of.name) :] for of in some[1:] if of.name in known}
    )
    found: defaultdict[str, dict[Path, Candidate]] = defaultdict(dict)
    for path, some in files.items():
        for candidate in some:
            if not candidate.doubt or (candidate.name in known and ways[candidate.doubt] > 1):
                found[candidate.name][path] = candidate
    return found


def _sides(files: Names, results: Names | None) -> tuple[Names, Names]:
    """Results and references of one folder: those that a template names and the rest, or as their names say."""
    named = results or {}
    rest = {path: some for path, some in files.items() if path not in named and not is_input(some[0].name)}
    references = {path: some for path, some in rest.items() if is_reference(some[0].name)}
    if not references:
        stems = {some[0].name for some in rest.values()}
        made = {path for path, some in rest.items() if any(of.name in stems for of in some[1:])}
        references = {path: some for path, some in rest.items() if results is not None or path not in made}
    if results is None:
        results = {path: some for path, some in rest.items() if path not in references}
    return results, references


def _named(files: Iterable[Path]) -> dict[Path, list[Candidate]]:
    return {path: list(candidates(path.stem)) for path in files if path.suffix.lower() in SUFFIXES}


def _of_template(files: Iterable[Path], template: str) -> dict[Path, list[Candidate]]:
    candidate = template_of(template)
    found = {path: candidate(path) for path in files if path.suffix.lower() in SUFFIXES}
    return {path: [of] for path, of in found.items() if of is not None}


def _together(files: Sequence[Path]) -> str:
    return " and ".join(printable(path.name) for path in files[:_SHOWN]) + (" ..." if len(files) > _SHOWN else "")


def _first(texts: Sequence[str], separator: str) -> str:
    return separator.join(texts[:_SHOWN]) + (
        f"{separator}and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    )


def _files(folder: Path) -> list[Path]:
    """The files of a folder by name; those that a system hides (`._0801.png`, `.DS_Store`) are not the user's."""
    if not folder.is_dir():
        raise NotADirectoryError(f"no such folder: {folder}")
    with os.scandir(folder) as entries:  # which knows what is a file without asking again for each
        names = sorted(entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file())
    return [folder / name for name in names]
