"""Images whose readers die or fail, in any process."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from hyra.evaluate.inputs.methods import Method
from hyra.evaluate.work.sources import File


@dataclass(frozen=True)
class Deadly(File):
    """A file whose reader dies, a number of times."""

    marks: Path = Path()
    deaths: int = 1

    def read(self):
        count = len(list(self.marks.iterdir()))
        if count < self.deaths:
            (self.marks / str(count)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read()


@dataclass(frozen=True)
class Broken(File):
    """A file whose reader has a fault of its own."""

    def read(self):
        raise ZeroDivisionError("a fault of the program")


@dataclass(frozen=True)
class Changed(Method):
    """A method one of whose images is another kind of source."""

    source: type[File] = File
    options: tuple = ()

    def sources(self, **options):
        pairs = super().sources(**options)
        return [(self.source(sr.path, *self.options), hr) if sr.image == "c" else (sr, hr) for sr, hr in pairs]


def changed(methods, source, *options):
    """All methods, the image ``c`` of each such a source."""
    return [Changed(*vars(method).values(), source, options) for method in methods]
