"""A frame's file opened: unpacked on the way, in silence, and what goes wrong told in words."""

from __future__ import annotations

import gzip
import os
import stat
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from napari_zecoverage.core.errors import FrameError, FrameUnreadableError


@contextmanager
def file_trouble(path: Path) -> Iterator[None]:
    """Turn what reading a file can raise into a `FrameUnreadableError`."""
    try:
        yield
    except FrameError:
        raise
    except FileNotFoundError as error:
        raise FrameUnreadableError(path, "there is no such file.") from error
    except IsADirectoryError as error:
        raise FrameUnreadableError(path, "this is a folder; a frame's file is needed.") from error
    except PermissionError as error:
        raise FrameUnreadableError(path, "reading it is not permitted.") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FrameUnreadableError(
            path, f"its compressed content is damaged or cut short ({error}); copy it again."
        ) from error
    except (OSError, ValueError, OverflowError, MemoryError) as error:
        reason = (str(error) or type(error).__name__).rstrip(".")
        raise FrameUnreadableError(path, f"it cannot be read ({reason}).") from error


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, unpacking it on the way when it is gzipped."""
    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # a pipe would be waited on for ever
        raise FrameUnreadableError(path, "it is not a regular file.")
    with open(path, "rb") as stream:
        gzipped = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        if gzipped:
            with gzip.GzipFile(fileobj=stream) as unpacked:
                yield cast(IO[bytes], unpacked)
        else:
            yield stream


_quiet_lock = threading.RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep astropy's warnings about a file's oddities from the user.

    Python's warning filters belong to the whole process, hence the lock.
    """
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
