"""What a ZeMosaic run kept, and would use again instead of working with new thresholds.

ZeMosaic does not see that thresholds changed: with ``resume`` on, master tiles of
the last run are taken as they are, and so is the mosaic's checkpoint (ZEMOSAIC.md
§10m).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final, Literal

from napari_zecoverage.core.errors import FileError, reason_of
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.zemosaic.run_names import (
    LOG_NAME,
    PLAN_NAME,
    SNAPSHOT_NAME,
    STATE_FOLDER,
    TILES_FOLDER,
    TILES_NAME,
)

_RUN_MARKS: Final = (
    SNAPSHOT_NAME,
    f"{STATE_FOLDER}/{PLAN_NAME}",
    f"{STATE_FOLDER}/{TILES_NAME}",
    LOG_NAME,
)
_TILE: Final = re.compile(r"master_tile_\d+\.fits", re.ASCII)
_CHECKPOINT_PREFIX: Final = "phase5_"
_MAX_SNAPSHOT_BYTES: Final = 8 * 1024 * 1024
_SIZE_UNITS: Final = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


class KeptResultsError(FileError):
    """Kept results cannot be listed or removed."""


@dataclass(frozen=True)
class KeptItem:
    """One file or folder that a run kept.

    Attributes
    ----------
    path : pathlib.Path
        Absolute.
    kind : {"tile", "checkpoint"}
    is_folder : bool
        Only a checkpoint can be one.
    size_bytes : int
        Of a folder, of all files in it.
    """

    path: Path
    kind: Literal["tile", "checkpoint"]
    is_folder: bool
    size_bytes: int


@dataclass(frozen=True)
class KeptResults:
    """What would hide a change of thresholds in a run folder.

    Attributes
    ----------
    folder : pathlib.Path
        The run folder, absolute, links followed.
    items : tuple of KeptItem
        Master tiles first, sorted by path.
    resume : str or None
        The last run's ``resume`` setting; None when the folder does not tell
        (ZeMosaic's default is "auto").
    links : tuple of pathlib.Path
        Places that lead elsewhere: not looked into, never removed.
    is_run_folder : bool
        Whether ZeMosaic ran there; nothing is removed elsewhere.
    """

    folder: Path
    items: tuple[KeptItem, ...]
    resume: str | None
    links: tuple[Path, ...]
    is_run_folder: bool

    @property
    def tiles(self) -> tuple[KeptItem, ...]:
        """The kept master tiles."""
        return tuple(item for item in self.items if item.kind == "tile")

    @property
    def checkpoints(self) -> tuple[KeptItem, ...]:
        """The kept checkpoints of the mosaic."""
        return tuple(item for item in self.items if item.kind == "checkpoint")

    @property
    def size_bytes(self) -> int:
        """Of all items together."""
        return sum(item.size_bytes for item in self.items)

    @property
    def hides_change(self) -> bool:
        """Whether a run with new thresholds may show the old result."""
        return bool(self.items or self.links) and self.resume != "off"

    def lines(self) -> list[str]:
        """Return what was found, what it means and how to clear it, for people."""
        lines = []
        for items, what, where in (
            (self.tiles, "master tile", TILES_FOLDER),
            (self.checkpoints, "checkpoint", f"{STATE_FOLDER}/{_CHECKPOINT_PREFIX}*"),
        ):
            if items:
                size = _size_words(sum(item.size_bytes for item in items))
                plural = "" if len(items) == 1 else "s"
                lines.append(f"{len(items)} kept {what}{plural} ({size}) in {where}.")
        lines += [
            f"{link} leads elsewhere and is not touched; look there yourself."
            for link in self.links
        ]
        if not lines:
            return [f"{self.folder} keeps nothing that would hide new thresholds."]
        if self.hides_change:
            known = (
                "its resume setting is not known"
                if self.resume is None
                else (f'its last run had resume "{self.resume}"')
            )
            lines.append(
                f"ZeMosaic takes kept results as they are, whatever the thresholds ({known}): a "
                "new run would show the old masks. Clear them first (only these are removed), or "
                'set "resume" to "off" in ZeMosaic\'s config, which removes its whole cache and '
                "state at the next start."
            )
        else:
            lines.append('The last run had resume "off": with it, the next run removes them first.')
        return lines


@dataclass(frozen=True)
class Cleared:
    """What `clear_kept_results` did.

    Attributes
    ----------
    removed : tuple of pathlib.Path
        Files and folders that are gone.
    left : tuple of (pathlib.Path, str)
        What could not be removed, or is not what was found before, and why.
    freed_bytes : int
    """

    removed: tuple[Path, ...]
    left: tuple[tuple[Path, str], ...]
    freed_bytes: int

    def lines(self) -> list[str]:
        """Return it for people."""
        plural = "" if len(self.removed) == 1 else "s"
        return [
            f"Removed {len(self.removed)} kept result{plural} ({_size_words(self.freed_bytes)}).",
            *(f"{path} is left: {reason}." for path, reason in self.left),
        ]


def find_kept_results(run_folder: str | PathLike[str]) -> KeptResults:
    """Find what a ZeMosaic run kept and would use again (ZEMOSAIC.md §10m).

    Parameters
    ----------
    run_folder : path-like
        ZeMosaic's output folder.

    Returns
    -------
    KeptResults
        Only the master tiles (``master_tile_*.fits``) directly in
        ``zemosaic_temp_master_tiles``, and ``phase5_*`` in ``.zemosaic_state``.

    Raises
    ------
    KeptResultsError
        There is no such folder, or it cannot be read.
    """
    folder = Path(run_folder)
    try:
        folder = Path(os.path.realpath(absolute(run_folder)))
        if not folder.is_dir():
            raise KeptResultsError(
                folder, "there is no such folder. Name the output folder of a ZeMosaic run."
            )
        items: list[KeptItem] = []
        links: list[Path] = []
        for entry in _entries(folder / TILES_FOLDER, links):
            state = entry.lstat()
            if _TILE.fullmatch(entry.name) and stat.S_ISREG(state.st_mode):
                items.append(KeptItem(entry, "tile", False, state.st_size))
            elif _TILE.fullmatch(entry.name) and stat.S_ISLNK(state.st_mode):
                links.append(entry)
        for entry in _entries(folder / STATE_FOLDER, links):
            if not entry.name.startswith(_CHECKPOINT_PREFIX):
                continue
            state = entry.lstat()
            if stat.S_ISREG(state.st_mode):
                items.append(KeptItem(entry, "checkpoint", False, state.st_size))
            elif stat.S_ISDIR(state.st_mode):
                items.append(KeptItem(entry, "checkpoint", True, _size_of_folder(entry)))
            elif stat.S_ISLNK(state.st_mode):
                links.append(entry)
        return KeptResults(
            folder, tuple(items), _resume(folder), tuple(links), _is_run_folder(folder)
        )
    except (OSError, ValueError) as error:
        raise KeptResultsError(folder, f"cannot be read: {reason_of(error)}.") from error


def clear_kept_results(kept: KeptResults) -> Cleared:
    """Remove what `find_kept_results` found, and nothing else.

    No link is followed or removed. What is not any more what it was when it was
    found (another size, a link in its place) is left, as is what came later. The
    tiles' folder goes too when it is empty then. Close ZeMosaic first.

    Parameters
    ----------
    kept : KeptResults

    Returns
    -------
    Cleared

    Raises
    ------
    KeptResultsError
        The folder is not one that ZeMosaic ran in; nothing was removed.
    """
    if not (kept.is_run_folder and _is_run_folder(kept.folder)):
        raise KeptResultsError(
            kept.folder,
            "is not the output folder of a ZeMosaic run (none of "
            f"{', '.join(_RUN_MARKS)} is there). Nothing was removed.",
        )
    removed: list[Path] = []
    left: list[tuple[Path, str]] = []
    freed = 0
    for item in kept.items:
        reason = _remove(kept.folder, item)
        if reason is None:
            removed.append(item.path)
            freed += item.size_bytes
        elif reason:
            left.append((item.path, reason))
    tiles = kept.folder / TILES_FOLDER
    if kept.tiles and not tiles.is_symlink():
        with suppress(OSError):
            tiles.rmdir()
    left += [(link, "it leads elsewhere") for link in kept.links]
    return Cleared(tuple(removed), tuple(left), freed)


def _entries(folder: Path, links: list[Path]) -> Iterator[Path]:
    """Give what is in a folder, by name; of a link, only note it."""
    if folder.is_symlink():
        links.append(folder)
    elif folder.is_dir():
        yield from sorted(folder.iterdir())


def _size_of_folder(folder: Path) -> int:
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                size += os.lstat(os.path.join(parent, name)).st_size
    return size


def _is_run_folder(folder: Path) -> bool:
    return any(_is_own_file(folder, mark) for mark in _RUN_MARKS)


def _is_own_file(folder: Path, name: str) -> bool:
    """Whether a file of that name is in the folder, not somewhere that a link leads to."""
    path = folder / name
    return os.path.isfile(path) and os.path.realpath(path) == str(path)


def _resume(folder: Path) -> str | None:
    """Return the snapshot's resume setting; None when there is none that can be read."""
    try:
        if not _is_own_file(folder, SNAPSHOT_NAME):
            return None
        with open(folder / SNAPSHOT_NAME, "rb") as handle:
            raw = handle.read(_MAX_SNAPSHOT_BYTES + 1)
        snapshot = json.loads(raw) if len(raw) <= _MAX_SNAPSHOT_BYTES else None
    except (OSError, ValueError, RecursionError):
        return None
    resume = snapshot.get("resume") if isinstance(snapshot, dict) else None
    return resume.strip().lower()[:40] if isinstance(resume, str) else None


def _remove(folder: Path, item: KeptItem) -> str | None:
    """Remove an item; return None, or why it is left (empty: it was gone already)."""
    parent = folder / (TILES_FOLDER if item.kind == "tile" else STATE_FOLDER)
    # The folders in between must still be what they were, or the path leads elsewhere.
    if item.path.parent != parent or os.path.realpath(parent) != str(parent):
        return "its folder leads elsewhere now"
    if not _is_named_as(item):
        return "it is not a kept result"
    try:
        state = os.lstat(item.path)
        if item.is_folder:
            if not stat.S_ISDIR(state.st_mode) or _size_of_folder(item.path) != item.size_bytes:
                return "it is something else now"
            # Removes links inside, follows none.
            shutil.rmtree(item.path)
        elif not stat.S_ISREG(state.st_mode) or state.st_size != item.size_bytes:
            return "it is something else now"
        else:
            os.unlink(item.path)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return reason_of(error)
    return None


def _is_named_as(item: KeptItem) -> bool:
    if item.kind == "tile":
        return not item.is_folder and _TILE.fullmatch(item.path.name) is not None
    return item.path.name.startswith(_CHECKPOINT_PREFIX)


def _size_words(size: float) -> str:
    for unit, factor in _SIZE_UNITS:
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size:.0f} bytes"
