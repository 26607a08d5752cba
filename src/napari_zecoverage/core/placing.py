"""Files and folders put in their place: all of it or nothing, and nobody else's is lost.

What is written is made aside, on the same disk, and moved in when it is complete.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Final

from napari_zecoverage.core.errors import InTheWayError, OutputError, reason_of
from napari_zecoverage.core.paths import absolute

UNFINISHED_PREFIX: Final = ".zecoverage-"
"""Begins the name of what is being made; no search for frames, tiles or studies meets it."""

UNFINISHED_SUFFIX: Final = ".tmp"
"""Ends the name of a file that is being made."""

FORGOTTEN_AFTER_S: Final = 24 * 3600
"""Nobody writes to one file for so long."""


def place_for(folder: str | PathLike[str], things: str) -> Path:
    """Return a folder's absolute path, or refuse it before any work is done for it.

    Parameters
    ----------
    folder : path-like
        Need not be there yet.
    things : str
        What is to go there, in words: "the results".

    Raises
    ------
    OutputError
        It is no folder, cannot be made, or cannot be written to.
    """
    if not os.fspath(folder):
        raise OutputError("''", f"is no folder; name one for {things}.")
    target = absolute(folder)
    try:
        existing = next(each for each in (target, *target.parents) if os.path.lexists(each))
        is_folder = existing.is_dir()
    except OSError as error:
        raise OutputError(target, f"cannot be looked at ({reason_of(error)}).") from error
    if not is_folder:
        what = "is" if existing == target else f"{existing} is"
        raise OutputError(target, f"{what} not a folder; name another one for {things}.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(target, f"{existing} may not be written to; name another folder.")
    return target


def kept_name(path: Path) -> Path:
    """Return a free name beside a file that is not ours: ``NAME.kept-1`` and so on."""
    number = 1
    while os.path.lexists(kept := path.with_name(f"{path.name}.kept-{number}")):
        number += 1
    return kept


def is_marked(path: Path, mark: str, *, within: int) -> bool:
    """Tell whether a file, and no link to one, has a mark of ours in its first bytes.

    Raises
    ------
    OSError
        It cannot be looked at.
    """
    if path.is_symlink() or not path.is_file():
        return False
    with open(path, "rb") as file:
        return mark.encode() in file.read(within)


def foreign_in_the_way(
    target: Path, names: Sequence[str], whose: str, things: str
) -> InTheWayError:
    """Return the error for what has our names in a folder and is not ours.

    Parameters
    ----------
    target : Path
    names : sequence of str
    whose : str
        What ours would be of: "of a report that this program made".
    things : str
        What is to be written: "the report".
    """
    return InTheWayError(
        target,
        f"{' and '.join(names)} there {'is' if len(names) == 1 else 'are'} not {whose}. Name "
        f"another folder, or keep what is there under another name and let {things} take the "
        "place.",
    )


def _nothing_is_foreign(_: Path) -> bool:
    return False


@contextmanager
def file_in_the_making(
    target: Path, *, is_foreign: Callable[[Path], bool] = _nothing_is_foreign
) -> Iterator[Path]:
    """Give a free name to write a file under, and put it in its place at the end.

    Parameters
    ----------
    target : Path
        The file; its folder is made. What is there is replaced in one step.
    is_foreign : callable, optional
        Asked of what is in the way; what is foreign is kept under another name beside it.

    Yields
    ------
    Path
        Beside `target`, not there yet. Taken away again when anything is raised, and
        then what was there is as it was.

    Raises
    ------
    OSError
        As the system has it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(_name_aside() + UNFINISHED_SUFFIX)
    try:
        yield unfinished
        _replace(target, unfinished, is_foreign)
    except BaseException:
        # Ctrl-C, too.
        with suppress(OSError):
            unfinished.unlink()
        raise


def remove_forgotten(folder: Path) -> None:
    """Remove the files that `file_in_the_making` left long ago, when its process was killed."""
    # Not worth a word when it fails: the next one tries again.
    with suppress(OSError):
        for each in folder.glob(f"{UNFINISHED_PREFIX}*{UNFINISHED_SUFFIX}"):
            with suppress(OSError):
                if time.time() - each.stat().st_mtime > FORGOTTEN_AFTER_S:
                    each.unlink()


def _replace(target: Path, unfinished: Path, is_foreign: Callable[[Path], bool]) -> None:
    kept = None
    if os.path.lexists(target) and is_foreign(target):
        kept = kept_name(target)
        target.rename(kept)
    try:
        os.replace(unfinished, target)
    except BaseException:
        if kept is not None:
            kept.rename(target)
        raise


@contextmanager
def folder_in_the_making(
    target: Path,
    names: Sequence[str],
    things: str,
    *,
    is_foreign: Callable[[Path], bool] = _nothing_is_foreign,
) -> Iterator[Path]:
    """Give an empty folder to write into, and put what is in it in place at the end.

    Parameters
    ----------
    target : Path
        Where it belongs, absolute; made, as a whole, when it is not there.
    names : sequence of str
        Every name that may be written. What `target` has under any of them is replaced,
        also where the new ones lack it; all else in it is left alone.
    things : str
        What is written, in words: "the results".
    is_foreign : callable, optional
        Asked of each path that is in the way; what is foreign is kept under another name
        beside it.

    Yields
    ------
    Path
        Taken away again when anything is raised, and then nothing was changed.

    Raises
    ------
    OutputError
        The system does not let it be written.
    """
    made: list[Path] = []
    aside = None
    try:
        is_new = not target.exists()
        # Inside a folder that is there: beside it may be another disk, or not be ours.
        place = target.parent if is_new else target
        made = [each for each in (place, *place.parents) if not each.exists()]
        place.mkdir(parents=True, exist_ok=True)
        aside = place / _name_aside()
        aside.mkdir()
        yield aside
        if is_new:
            aside.rename(target)
        else:
            _swap_in(target, aside, names, is_foreign)
    except BaseException as error:
        # Ctrl-C, too.
        stranded = None if aside is None else _take_away(aside)
        for each in made:
            with suppress(OSError):
                each.rmdir()
        if stranded is not None:
            raise OutputError(
                target,
                f"{things} cannot be written ({reason_of(error)}), and not all that was there "
                f"could be put back: the rest is in {stranded}.",
            ) from error
        if isinstance(error, OSError):
            raise not_written(target, things, error) from error
        of_file = Path(error.path) if isinstance(error, OutputError) else target
        if aside in of_file.parents:
            # Whoever wrote it knows the place aside only, which is gone.
            raise not_written(target, things, error.__cause__ or error) from error
        raise
    shutil.rmtree(aside, ignore_errors=True)


def not_written(target: Path, things: str, error: BaseException) -> OutputError:
    """Return the error for what the system did not let be written into a folder."""
    return OutputError(
        target,
        f"{things} cannot be written ({reason_of(error)}). Nothing was changed there; make room, "
        "or name another folder.",
    )


def _name_aside() -> str:
    return f"{UNFINISHED_PREFIX}{secrets.token_hex(8)}"


_REPLACED: Final = "replaced"


def _swap_in(
    target: Path, aside: Path, names: Sequence[str], is_foreign: Callable[[Path], bool]
) -> None:
    """Put the new in the place of what is there; put everything back when that fails."""
    old = aside / _REPLACED
    old.mkdir()
    moves: list[tuple[Path, Path]] = []
    for name in names:
        path = target / name
        if os.path.lexists(path):
            moves.append((path, kept_name(path) if is_foreign(path) else old / name))
    moves += [(aside / name, target / name) for name in names if os.path.lexists(aside / name)]
    begun: list[tuple[Path, Path]] = []
    try:
        for source, destination in moves:
            # Before it is done: Ctrl-C may come right after it.
            begun.append((source, destination))
            source.rename(destination)
    except BaseException:
        for source, destination in reversed(begun):
            # What is still at its source was not moved: at its destination is another's.
            if os.path.lexists(destination) and not os.path.lexists(source):
                with suppress(OSError):
                    destination.rename(source)
        raise


def _take_away(aside: Path) -> Path | None:
    """Remove what was made; keep and return what was to be replaced and could not go back."""
    old = aside / _REPLACED
    with suppress(OSError):
        if old.is_dir() and any(old.iterdir()):
            return old
    shutil.rmtree(aside, ignore_errors=True)
    return None
