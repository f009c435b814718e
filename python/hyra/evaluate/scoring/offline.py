"""Other packages' weights from the caches where these packages keep them, and never from a network."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import TracebackType
from typing import Any

_DOWNLOADS = {"urllib.Request": 0, "http.client.connect": 1, "socket.getaddrinfo": 0}
"""What Python tells its auditors before anything is fetched, and which argument says from where."""
_thread = threading.local()


class DownloadError(ConnectionError):
    """Something was to be fetched; `source` says from where."""

    def __init__(self, source: str) -> None:
        super().__init__(f"{source} was not asked: nothing is downloaded")
        self.source = source


@contextmanager
def without_network() -> Iterator[None]:
    """Make any attempt of this thread to fetch something a `FileNotFoundError` that names the file, where it is known.

    Other threads and processes are not touched.
    """
    _watch()
    before = getattr(_thread, "offline", False)
    _thread.offline = True
    try:
        yield
    except Exception as error:
        download = _download_in(error)
        if download is None:
            raise
        target = _target(download.__traceback__)
        wanted = f"the file {target}, to be had from {download.source}" if target else f"a file of {download.source}"
        raise FileNotFoundError(f"{wanted}, and nothing is downloaded unasked") from error
    finally:
        _thread.offline = before


@cache
def _watch() -> None:
    """Once in a process: an auditor stays."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _DOWNLOADS and getattr(_thread, "offline", False):
        source = str(arguments[_DOWNLOADS[event]])
        if not source.startswith("file:"):
            raise DownloadError(source)


def _download_in(error: BaseException | None) -> DownloadError | None:
    """The first cause of an error, where that is it."""
    while error is not None:
        reason = getattr(error, "reason", None)  # urllib's own errors keep theirs there
        for each in (error, reason):
            if isinstance(each, DownloadError):
                return each
        error = error.__cause__ or error.__context__
    return None


def _target(trace: TracebackType | None) -> str | None:
    """Where torch's hub was about to write, on whose function the packages' own rest."""
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code.co_name == "download_url_to_file":
            return str(frame.f_locals.get("dst"))
        trace = trace.tb_next
    return None
