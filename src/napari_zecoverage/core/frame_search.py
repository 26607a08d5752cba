"""Files that may be frames: which there are in a folder, and what their headers say."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from napari_zecoverage.core.errors import ClusterError, FrameError, StudyCancelledError
from napari_zecoverage.core.frames import FRAME_ENDINGS, FrameInfo, look_at_frame
from napari_zecoverage.core.paths import absolute

MAX_FOLDER_DEPTH: Final = 8
"""Levels of sub-folders that are searched for frames."""

_PARALLEL_LOOKS: Final = 8
_ASK_EVERY_S: Final = 0.1  # whether to stop, while nothing comes in

_SKIPPED_FOLDERS: Final = {
    "zemosaic_temp_master_tiles",
    "unaligned_by_zemosaic",
    "rejected_by_quality",
}
_SKIPPED_FILES: Final = ("hp_mask_",)  # ZeMosaic's hot pixel masks, beside its caches

_log = logging.getLogger(__name__)


def folders_with_frames(
    top: Path, *, should_stop: Callable[[], bool] | None = None
) -> Iterator[tuple[Path, list[Path]]]:
    """Go through a folder and its sub-folders, each once, in the order of their names.

    Parameters
    ----------
    top : Path
        Hidden sub-folders and those that ZeMosaic writes its own files to are
        passed over, and those more than `MAX_FOLDER_DEPTH` levels down.
    should_stop : callable, optional
        Asked at each folder.

    Yields
    ------
    folder : Path
    files : list of Path
        Those that are named like frames, sorted; at least one.

    Raises
    ------
    ClusterError
        `top` cannot be read.
    StudyCancelledError
        `should_stop` said so.
    """
    visited: set[str] = set()
    waiting = [(top, 0)]
    while waiting:
        stop_if_asked(should_stop)
        folder, depth = waiting.pop()
        real = _real(folder)
        if real in visited:
            continue
        visited.add(real)
        try:
            inside = sorted(folder.iterdir(), key=lambda each: each.name)
        except OSError as error:
            if folder == top:
                raise ClusterError(f"{top}: this folder cannot be read ({error}).") from error
            _log.warning("%s: passed over, it cannot be read (%s).", folder, error)
            continue
        frames = [each for each in inside if _is_frame_name(each.name) and os.path.isfile(each)]
        if frames:
            yield folder, frames
        if depth < MAX_FOLDER_DEPTH:
            below = [each for each in inside if _is_searched(each.name) and os.path.isdir(each)]
            waiting += [(each, depth + 1) for each in reversed(below)]


def _is_frame_name(name: str) -> bool:
    return name.lower().endswith(FRAME_ENDINGS) and not name.startswith((".", *_SKIPPED_FILES))


def _is_searched(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _SKIPPED_FOLDERS


def without_repeats(paths: Iterable[str | os.PathLike[str]]) -> tuple[list[Path], list[str]]:
    """Sort files by path and take each one once; say which were given more often."""
    by_file: dict[str, list[Path]] = {}
    for path in sorted(map(absolute, paths), key=str):
        by_file.setdefault(_real(path), []).append(path)
    notes = [
        f"{same[0]} was given {len(same)} times; it is taken once."
        for same in by_file.values()
        if len(same) > 1
    ]
    return [same[0] for same in by_file.values()], notes


def look_at_all(
    files: Sequence[Path],
    *,
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> list[FrameInfo | FrameError]:
    """Look at files, several at a time.

    Parameters
    ----------
    files : sequence of Path
    progress : callable, optional
        Given how many were looked at and how many there are, from the calling thread.
    should_stop : callable, optional
        Asked at each file and ten times a second, from the calling thread. Files
        that are being looked at then are waited for, the others are not begun.

    Returns
    -------
    list of FrameInfo or FrameError
        One a file, in their order.

    Raises
    ------
    StudyCancelledError
        `should_stop` said so.
    """
    if not files:
        return []

    def look(file: Path) -> FrameInfo | FrameError:
        try:
            return look_at_frame(file)
        except FrameError as error:
            return error

    pool = ThreadPoolExecutor(max_workers=min(_PARALLEL_LOOKS, len(files)))
    try:
        looks = [pool.submit(look, file) for file in files]
        looked_at: SimpleQueue[object] = SimpleQueue()
        for each in looks:
            each.add_done_callback(looked_at.put)
        count = 0
        while count < len(files):
            stop_if_asked(should_stop)
            # One that is slow to be read keeps nobody from being asked.
            with suppress(Empty):
                looked_at.get(timeout=_ASK_EVERY_S)
                count += 1
                if progress is not None:
                    progress(count, len(files))
    finally:
        pool.shutdown(cancel_futures=True)
    return [each.result() for each in looks]


def _real(path: Path) -> str:
    """Return a file's one true path, so that two names of it are seen to be the same."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # looking at it will say what is wrong
        return str(path)


def stop_if_asked(should_stop: Callable[[], bool] | None) -> None:
    """Raise a `StudyCancelledError` when `should_stop` says so."""
    if should_stop is not None and should_stop():
        raise StudyCancelledError("looking for frames was cancelled; nothing was opened")
