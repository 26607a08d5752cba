"""A report's folder: files made aside, then put in place all together.

What is in the way and is a report of ours is replaced; anything else is refused, or,
if it is to be replaced, kept beside under another name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Final

from napari_zecoverage.core import placing
from napari_zecoverage.core.errors import OutputError, reason_of
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.core.placing import place_for

HTML_NAME: Final = "report.html"
MARKDOWN_NAME: Final = "report.md"
FIGURES_NAME: Final = "report.json"
PICTURES_NAME: Final = "report-pictures"

REPORT_NAMES: Final = (HTML_NAME, MARKDOWN_NAME, FIGURES_NAME, PICTURES_NAME)
"""Every name that a report may take in its folder."""

MADE_BY: Final = "napari-zecoverage report"
"""Stands near the beginning of each text file, by which a later report knows it as ours."""

_THINGS: Final = "the report"
_LOOKED_AT_BYTES: Final = 4096
_PICTURE: Final = re.compile(r"(run|\d{3,})-[a-z-]+\.png")


def check_report_folder(folder: str | PathLike[str], *, force: bool = False) -> None:
    """Refuse a folder that a report cannot go into, before any work is done for it.

    Parameters
    ----------
    folder : path-like
        Need not be there yet.
    force : bool, default: False
        Something of another origin that has a report's name may be moved aside.

    Raises
    ------
    OutputError
        It is a file, cannot be written to, or something that is not a report of ours
        is in the way (and not `force`).
    """
    target = place_for(folder, _THINGS)
    try:
        foreign = [name for name in REPORT_NAMES if _is_foreign(target / name)]
    except OSError as error:
        raise OutputError(target, f"cannot be looked at ({reason_of(error)}).") from error
    if foreign and not force:
        whose = "of a report that this program made"
        raise placing.foreign_in_the_way(target, foreign, whose, _THINGS)


def _is_foreign(path: Path) -> bool:
    """Tell whether something is there that no report of ours left."""
    if not os.path.lexists(path):
        return False
    if path.name == PICTURES_NAME:
        is_folder = path.is_dir() and not path.is_symlink()
        return not is_folder or not all(_is_picture(each) for each in path.iterdir())
    return not placing.is_marked(path, MADE_BY, within=_LOOKED_AT_BYTES)


def _is_picture(path: Path) -> bool:
    return _PICTURE.fullmatch(path.name) is not None and path.is_file() and not path.is_symlink()


@contextmanager
def folder_in_the_making(folder: str | PathLike[str], *, force: bool = False) -> Iterator[Path]:
    """Give a folder to write a report into, and put it in place at the end.

    Parameters
    ----------
    folder : path-like
        Where the report belongs; made when it is not there, other files in it are left alone.
    force : bool, default: False
        As in `check_report_folder`.

    Yields
    ------
    Path
        Empty but for `PICTURES_NAME`. Taken away again when anything is raised, and then
        nothing was changed.

    Raises
    ------
    OutputError
        The report cannot go there, or cannot be written.
    """
    check_report_folder(folder, force=force)
    with placing.folder_in_the_making(
        absolute(folder), REPORT_NAMES, _THINGS, is_foreign=_is_foreign
    ) as aside:
        (aside / PICTURES_NAME).mkdir()
        yield aside
