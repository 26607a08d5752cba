"""Raw frames that a run names, found on this machine."""

from __future__ import annotations

import ntpath
import os
import posixpath
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from napari_zecoverage.core.errors import RunFolderError, reason_of
from napari_zecoverage.core.frame_search import folders_with_frames, stop_if_asked
from napari_zecoverage.zemosaic.manifests import is_windows_path

MAX_PATH_LENGTH: Final = 4096
"""Characters of the longest path that is looked for; no system has longer ones."""

UNALIGNED_FOLDER: Final = "unaligned_by_zemosaic"
"""Where ZeMosaic moves raws that it could not solve (ZEMOSAIC.md §1)."""

_FOLDERS_REMEMBERED: Final = 10_000

_Where = Path | str  # the file, or in words why there is none


def find_raws(
    paths: Iterable[str],
    beside: Sequence[Path],
    root: Path | None = None,
    *,
    should_stop: Callable[[], bool] | None = None,
) -> dict[str, Path | str]:
    """Find the files that a run names.

    Nothing is opened. A path that leads up (``..``) is never followed, for a
    manifest has no business outside of the folders it names.

    Parameters
    ----------
    paths : iterable of str
        As the run wrote them, on whatever system.
    beside : sequence of Path
        Folders that a relative path may start from; `root` comes first.
    root : Path, optional
        Folder below which a file that is not at its place is looked for by its
        name. It is taken when it is the only one of that name, both among the
        files there and among `paths`; the case of letters counts unless the path
        is one of Windows.
    should_stop : callable, optional
        Asked at each path, and at each folder below `root`.

    Returns
    -------
    dict
        For each path the file, absolute, or the reason why there is none.

    Raises
    ------
    RunFolderError
        `root` is no folder, or cannot be read.
    StudyCancelledError
        `should_stop` said so.
    """
    starts = [*([root] if root else []), *beside]
    # A folder that is gone is asked for once, not for each of its frames: it may be far away.
    is_folder = lru_cache(_FOLDERS_REMEMBERED)(os.path.isdir)
    found: dict[str, _Where] = {}
    for path in paths:
        stop_if_asked(should_stop)
        found[path] = _as_written(path, starts, is_folder)
    if root is None:
        return found
    if not os.path.isdir(root):
        raise RunFolderError(root, "there is no such folder; name the one with the raw frames.")
    lost = [
        path for path, where in found.items() if isinstance(where, str) and _may_be_a_path(path)
    ]
    names = Counter(map(_sought, lost))
    there = _files_named({name.lower() for name in names}, root, should_stop) if lost else {}
    taken = {os.path.realpath(where) for where in found.values() if isinstance(where, Path)}
    for path in lost:
        found[path] = _under(root, path, names, there, taken)
    return found


def _may_be_a_path(path: str) -> bool:
    return 0 < len(path) <= MAX_PATH_LENGTH and "\0" not in path and bool(file_name(path))


def file_name(path: str) -> str:
    """Return the last part of a path of this system or of Windows."""
    return ntpath.basename(path) if is_windows_path(path) else posixpath.basename(path)


def _sought(path: str) -> str:
    """Return the name that is looked for; Windows writes it in lower case, whatever it was."""
    return file_name(path).lower() if is_windows_path(path) else file_name(path)


def _as_written(path: str, starts: Sequence[Path], is_folder: Callable[[str], bool]) -> _Where:
    if not _may_be_a_path(path):
        return "it is not a path that a file can have."
    if ".." in re.split(r"[\\/]", path):
        return "its path climbs out of its folder (..), and is not followed."
    if os.name != "nt" and is_windows_path(path):
        return "it is a path on a Windows machine; name the folder that holds the frames here."
    candidates = [path] if os.path.isabs(path) else [os.path.join(start, path) for start in starts]
    reason = "there is no such file; if the frames were moved, name the folder that holds them."
    for candidate in candidates:
        folder, name = os.path.split(candidate)
        try:
            if not is_folder(folder):
                continue
            if stat.S_ISREG(os.stat(candidate).st_mode):
                return Path(os.path.abspath(candidate))
            reason = "it is not a regular file."
        except (FileNotFoundError, NotADirectoryError):
            aside = os.path.join(folder, UNALIGNED_FOLDER)
            if is_folder(aside) and os.path.isfile(os.path.join(aside, name)):
                reason = f"ZeMosaic could not solve it, and moved it to {UNALIGNED_FOLDER}."
        except (OSError, ValueError) as error:
            reason = f"it cannot be reached ({reason_of(error)})."
    return reason


def _files_named(
    names: Iterable[str], root: Path, should_stop: Callable[[], bool] | None
) -> dict[str, list[Path]]:
    """Find the files below a folder whose names, in lower case, are among the given ones."""
    there: dict[str, list[Path]] = {name: [] for name in names}
    for _, files in folders_with_frames(root, should_stop=should_stop):
        for file in files:
            if file.name.lower() in there:
                there[file.name.lower()].append(file)
    return there


def _under(
    root: Path, path: str, names: Counter[str], there: dict[str, list[Path]], taken: set[str]
) -> _Where:
    name = _sought(path)
    files = there[name.lower()]
    if not is_windows_path(path):
        files = [file for file in files if file.name == name]
    if len(files) > 1:
        # Links may give one file several names.
        files = list({os.path.realpath(file): file for file in files}.values())
    if not files:
        return f"there is no such file, and none of its name under {root}."
    if len(files) > 1:
        return f"{len(files)} files of its name are under {root}; which one it is cannot be told."
    if names[name] > 1:
        return (
            f"the run names {names[name]} frames like this in several folders; which one "
            f"is under {root} cannot be told."
        )
    if os.path.realpath(files[0]) in taken:
        return (
            f"there is no such file; the one of its name under {root} is another frame of the run."
        )
    return Path(os.path.abspath(files[0]))
