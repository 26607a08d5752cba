"""Which ZeMosaic is meant: its folder, its version, the Python that runs it.

Nothing of it is run here; its files are read as text.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Final, Literal, NamedTuple

SOURCES: Final = ("zemosaic_worker.py", "zemosaic_align_stack.py", "lecropper.py")
ENVIRONMENTS: Final = (".venv", "venv", "env")
UPSIDE_DOWN_VERSIONS: Final = ("4.5",)
"""Versions known to read astroalign's footprint upside down (ZEMOSAIC.md §10a)."""
MAX_SOURCE_BYTES: Final = 32 * 1024 * 1024

Whose = Literal["named", "its own", "ours"]


class Installation(NamedTuple):
    """Where a ZeMosaic is: its sources, or a packaged one (`packaged`), or none of both."""

    folder: Path
    sources: Path | None
    packaged: Path | None
    version: str | None
    worker: str


class Interpreter(NamedTuple):
    """The Python that runs a ZeMosaic, and whose it is."""

    path: str
    whose: Whose


def find_zemosaic(folder: Path) -> Installation:
    """Find a ZeMosaic in a folder, below it, or beside a file of its; none is no error."""
    # `os.path` answers False where the way there is locked; pathlib raises.
    if os.path.isfile(folder):
        folder = folder.parent
    for each in (folder, folder / "zemosaic", folder / "ZeMosaic"):
        if any(os.path.isfile(each / name) for name in SOURCES):
            worker = _text_of(each / "zemosaic_worker.py")
            return Installation(folder, each, None, _version_of(each, worker), worker)
    for each in (folder, folder / "_internal"):
        version = _version_of(each, "")
        if version is not None:
            return Installation(folder, None, each, version, "")
    packaged = folder if os.path.isfile(folder / "ZeMosaic.exe") else None
    return Installation(folder, None, packaged, None, "")


def _version_of(folder: Path, worker: str) -> str | None:
    """Return the version that the sources write into their mosaics, else the installer's."""
    for text in (worker, _text_of(folder / "version.txt")):
        found = re.search(r"ZeMosaic\s+[vV]?(\d{1,4}(?:\.\d{1,4}){1,3})\b", text, re.ASCII)
        if found:
            return found[1]
    return None


def _text_of(path: Path) -> str:
    """Return a file's text; empty when it is missing, too long, or no plain file."""
    with suppress(OSError, ValueError):
        if stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "rb") as handle:
                raw = handle.read(MAX_SOURCE_BYTES + 1)
            if len(raw) <= MAX_SOURCE_BYTES:
                return raw.decode("utf-8", errors="replace")
    return ""


def is_known_upside_down(version: str) -> bool:
    """Tell whether a version is one of `UPSIDE_DOWN_VERSIONS`, or a patch of one."""
    return any(f"{version}.".startswith(f"{known}.") for known in UPSIDE_DOWN_VERSIONS)


def choose_interpreter(
    place: Installation, python: str | PathLike[str] | None
) -> Interpreter | None:
    """Choose the Python that runs a ZeMosaic: the one that was named, else its own, else ours.

    None when the one that was named cannot be found.
    """
    if python is not None:
        named = os.path.expanduser(os.fspath(python))
        found = _python_in(Path(named)) or shutil.which(named)
        # Absolute, because it is started in another folder; a link leads out of a venv.
        return Interpreter(os.path.abspath(found), "named") if found else None
    assert place.sources is not None
    for base in dict.fromkeys((place.sources, place.folder)):
        for name in ENVIRONMENTS:
            found = _python_in(base / name)
            if found:
                return Interpreter(found, "its own")
    return Interpreter(sys.executable, "ours")


def _python_in(environment: Path) -> str | None:
    """Return the Python of an environment's folder, None when it has none."""
    inside = ("Scripts/python.exe",) if sys.platform == "win32" else ("bin/python", "bin/python3")
    return next(
        (str(environment / each) for each in inside if os.path.isfile(environment / each)), None
    )


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of what lies directly in ZeMosaic's folder."""
    listing = {}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                known = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(known.st_mode):
                    listing[entry.name] = (known.st_size, known.st_mtime_ns)
    return listing
