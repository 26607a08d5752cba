"""A folder of master tiles: what ZeMosaic takes from it, and what must not be written to.

The rules are those of its "existing master tiles" mode (ZEMOSAIC.md §8).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Final

from napari_zecoverage.core.errors import InTheWayError, OutputError
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.core.placing import place_for
from napari_zecoverage.zemosaic.printable import some_of
from napari_zecoverage.zemosaic.run_names import TILES_FOLDER

LEAST_TILES: Final = 2
"""ZeMosaic's "existing master tiles" mode wants so many (ZEMOSAIC.md §8)."""

_NAMED_AT_MOST: Final = 3  # tiles that a message names before it counts the rest
_IGNORED_PART: Final = re.compile(r"reject|rejet", re.IGNORECASE)
_IGNORED_FOLDERS: Final = ("quarantine", "trash", "failed")
_TILE_FILE: Final = re.compile(r"master_tile_.*\.fits", re.IGNORECASE)


def check_tiles_folder(folder: str | PathLike[str], *, overwrite: bool = False) -> None:
    """Refuse a folder that tiles cannot go into, before any work is done for them.

    Raises
    ------
    OutputError
        It is a file, ZeMosaic's own, one that ZeMosaic passes over, or holds tiles
        already (and not `overwrite`).
    """
    target = absolute(folder)
    refuse_own_folder(target)
    ignored = ignored_folder(target)
    if ignored:
        raise OutputError(
            target,
            f"ZeMosaic passes over folders called like {ignored}; name another one for the tiles.",
        )
    place_for(target, "the tiles")
    present = _tiles_in(target)
    if present and not overwrite:
        raise InTheWayError(
            target,
            f"holds master tiles already ({some_of(present, _NAMED_AT_MOST)}). Name another "
            "folder, or say that they are to be replaced.",
        )


def notes_on_tiles(folder: Path, written: Sequence[Path]) -> list[str]:
    """Say what ZeMosaic's existing-master-tiles mode would make of a folder (ZEMOSAIC.md §8).

    Parameters
    ----------
    folder : Path
        Where the tiles are.
    written : sequence of Path
        The tiles in it that were just written.

    Returns
    -------
    list of str
        In words; empty when it takes the written tiles and no others.
    """
    notes = []
    mine = {each.name for each in written}
    others = [name for name in _tiles_in(folder) if name not in mine]
    count = len(mine) + len(others)
    if count < LEAST_TILES:
        notes.append(
            f"ZeMosaic's existing-master-tiles mode needs at least {LEAST_TILES} tiles; there "
            f"{'is' if count == 1 else 'are'} {count}."
        )
    if others:
        notes.append(
            f"Also in the folder: {some_of(others, _NAMED_AT_MOST)}. ZeMosaic takes these as well; "
            "move them away if it should not."
        )
    return notes


def refuse_own_folder(folder: Path) -> None:
    """Raise `OutputError` for a folder in which a run of ZeMosaic keeps its own tiles."""
    # A link may lead there, too.
    for path in (folder, Path(os.path.realpath(folder))):
        if TILES_FOLDER not in (part.lower() for part in path.parts):
            continue
        raise OutputError(
            folder,
            f"is a ZeMosaic run's own {TILES_FOLDER}, whose tiles it counts and removes "
            "itself. Name a folder of your own.",
        )


def ignored_folder(folder: Path) -> str:
    """Return the part of a path for which ZeMosaic passes over what is in it (§8), or ""."""
    for part in folder.parts:
        if _IGNORED_PART.search(part) or part.lower() in _IGNORED_FOLDERS:
            return part
    return ""


def _tiles_in(folder: Path) -> list[str]:
    try:
        return sorted(each.name for each in folder.iterdir() if _TILE_FILE.fullmatch(each.name))
    except OSError:
        return []
