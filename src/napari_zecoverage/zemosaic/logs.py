"""ZeMosaic's log of a run, read in bounded memory.

Read are the lines of ``zemosaic_worker.log`` about coverage, masks and crops
(ZEMOSAIC.md §7), and the lines of the same names that this package logs. A log may
be huge, cut off, damaged, or in another encoding: what cannot be read is counted.
"""

from __future__ import annotations

import os
import re
import stat
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import BinaryIO, Final

from napari_zecoverage.core.errors import FileError, reason_of
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.zemosaic.log_lines import HEAD_BYTES, TEXT_KEPT, LogEntry, read_line
from napari_zecoverage.zemosaic.log_tiles import TileLog, lines_by_tile
from napari_zecoverage.zemosaic.printable import some_of
from napari_zecoverage.zemosaic.run_names import LOG_NAME

MAX_LINE_BYTES: Final = 8192
"""Of a longer line only the beginning is looked at."""

MAX_ENTRIES: Final = 50_000
"""So many lines are kept at most, the last ones of the file."""

MAX_NOT_UNDERSTOOD: Final = 100
"""So many lines that cannot be read are shown; the others are only counted."""

HOW_TO_LOG: Final = (
    'Set "logging_level" to "DEBUG" in ZeMosaic\'s config before it is started, clear the kept '
    "master tiles (they are not made anew otherwise), and run it again. Only the first, the "
    "middle and the last tile of its order get the lines about coverage."
)
"""How a log comes to hold the lines about coverage."""

NO_MASK_IN_LOG: Final = "A log never says which mask was used: that line does not reach it."

_NAMED_AT_MOST: Final = 10  # tiles that a note names before it counts the rest
_PREFIX_BYTES: Final = 160
_DEBUG_BYTES: Final = re.compile(rb"\bDEBUG\b")


class LogError(FileError):
    """A log cannot be read."""


@dataclass(frozen=True)
class LogReading:
    """What was read from a log.

    Attributes
    ----------
    path : pathlib.Path
        Absolute.
    lines : int
        Of the whole file.
    debug_lines : int
        How many of them are of level DEBUG.
    tiles : mapping of int to TileLog
        By tile id, sorted.
    without_tile : tuple of LogEntry
        Lines of which it is not certain what tile they are about, in the file's order.
    not_understood : tuple of (int, str)
        Number and beginning of lines that look like ours and cannot be read; the
        first `MAX_NOT_UNDERSTOOD`.
    not_understood_count : int
        All of them.
    notes : tuple of str
        What the user should know of this log, in words.
    """

    path: Path
    lines: int
    debug_lines: int
    tiles: Mapping[int, TileLog]
    without_tile: tuple[LogEntry, ...]
    not_understood: tuple[tuple[int, str], ...]
    not_understood_count: int
    notes: tuple[str, ...]


def read_log(path: str | PathLike[str]) -> LogReading:
    """Read a log of ZeMosaic, line by line, in bounded memory.

    A line without a tile id is taken as a tile's only where that is unambiguous (see
    `lines_by_tile`). All others are in `LogReading.without_tile`.

    Parameters
    ----------
    path : path-like
        The log, or the folder that holds ``zemosaic_worker.log``: ZeMosaic's own or
        a run's output folder. UTF-8, else taken as Latin-1, a line at a time.

    Returns
    -------
    LogReading
        Its `notes` say what is missing in it, and how to get it.

    Raises
    ------
    LogError
        There is no such file, it is no text, or it cannot be read.
    """
    place = absolute(path)
    try:
        if place.is_dir():
            place = place / LOG_NAME
        # A pipe would block, a device has no end.
        if not stat.S_ISREG(os.stat(place).st_mode):
            raise LogError(place, f"is not a file. Name a {LOG_NAME}.")
        with open(place, "rb") as handle:
            _refuse_other_files(place, handle)
            scan = _scan(handle)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise LogError(
            place,
            f"there is no such file. Name a {LOG_NAME}, or the folder that holds it: a run's "
            "output folder, or ZeMosaic's own.",
        ) from error
    except (OSError, ValueError) as error:
        raise LogError(place, f"cannot be read: {reason_of(error)}.") from error

    tiles, without_tile = lines_by_tile(scan.entries)
    reading = LogReading(
        path=place,
        lines=scan.lines,
        debug_lines=scan.debug_lines,
        tiles=tiles,
        without_tile=without_tile,
        not_understood=tuple(scan.not_understood),
        not_understood_count=scan.not_understood_count,
        notes=(),
    )
    return replace(reading, notes=_notes(reading, scan))


# --- the file --------------------------------------------------------------------------


class _Scan:
    """What one pass over the file leaves in memory."""

    def __init__(self) -> None:
        self.lines = 0
        self.debug_lines = 0
        self.found = 0
        self.entries: deque[LogEntry] = deque(maxlen=MAX_ENTRIES)
        self.not_understood: list[tuple[int, str]] = []
        self.not_understood_count = 0
        self.other_encoding = 0
        self.long_lines = 0
        self.cut_off = False


def _refuse_other_files(place: Path, handle: BinaryIO) -> None:
    if b"\0" in handle.read(4096):
        raise LogError(
            place,
            "is not plain text (it may be UTF-16: save it as UTF-8). Name a " + LOG_NAME + ".",
        )
    handle.seek(0)


def _scan(handle: BinaryIO) -> _Scan:
    scan = _Scan()
    for raw in _lines(handle, scan):
        if _DEBUG_BYTES.search(raw, 0, _PREFIX_BYTES):
            scan.debug_lines += 1
        if HEAD_BYTES.search(raw) is None:
            continue
        text = _decoded(raw, scan)
        entry = read_line(scan.lines, text)
        if entry is not None:
            scan.found += 1
            scan.entries.append(entry)
        else:
            scan.not_understood_count += 1
            if len(scan.not_understood) < MAX_NOT_UNDERSTOOD:
                scan.not_understood.append((scan.lines, text.strip()[:TEXT_KEPT]))
    return scan


def _lines(handle: BinaryIO, scan: _Scan) -> Iterator[bytes]:
    """Give each line, or its beginning, however long it is."""
    while raw := handle.readline(MAX_LINE_BYTES):
        scan.lines += 1
        ended = raw.endswith(b"\n")
        if not ended and len(raw) == MAX_LINE_BYTES:
            scan.long_lines += 1
            while (rest := handle.readline(1 << 20)) and not rest.endswith(b"\n"):
                pass
            ended = rest.endswith(b"\n")
        scan.cut_off = not ended
        yield raw


def _decoded(raw: bytes, scan: _Scan) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        scan.other_encoding += 1
        return raw.decode("latin-1")


# --- notes -----------------------------------------------------------------------------


def _notes(reading: LogReading, scan: _Scan) -> tuple[str, ...]:
    notes = []
    if not scan.found:
        notes.append(
            "No line about coverage, masks or crops was found: this may be no log of ZeMosaic, or "
            "of a run that took its master tiles as they were."
        )
    kinds = {entry.kind for tile in reading.tiles.values() for entry in tile.entries}
    if not reading.debug_lines:
        notes.append(f"The log has no DEBUG lines, so nothing about coverage. {HOW_TO_LOG}")
    elif not kinds & {"coverage_stats", "coverage_ignored", "coverage_thresholds"}:
        notes.append(
            "The log has DEBUG lines, but none about coverage: no tile that ZeMosaic logs in "
            "detail went through the Alt-Az cleanup, or the tiles were not made anew."
        )
    if scan.found:
        notes.append(NO_MASK_IN_LOG)
    if scan.found > len(scan.entries):
        notes.append(f"Only the last {len(scan.entries)} of {scan.found} such lines are kept.")
    repeated = [str(tile.tile) for tile in reading.tiles.values() if tile.times > 1]
    if repeated:
        shown = some_of(repeated, _NAMED_AT_MOST)
        notes.append(f"Made more than once in this log, the last time is taken: tile {shown}.")
    placed = sum(not entry.named for tile in reading.tiles.values() for entry in tile.entries)
    if placed:
        notes.append(
            f"{_lines_word(placed)} without a tile id taken as the tile's whose lines stand on "
            "both sides, where no other tile was at work."
        )
    if reading.without_tile:
        notes.append(
            f"{_lines_word(len(reading.without_tile))} without a tile id left apart: it is not "
            "certain what tile they are about."
        )
    if reading.not_understood_count:
        notes.append(
            f"{_lines_word(reading.not_understood_count)} not understood: cut off, damaged, or of "
            "another version of ZeMosaic."
        )
    if scan.long_lines:
        notes.append(
            f"{_lines_word(scan.long_lines)} longer than {MAX_LINE_BYTES} bytes, read only so far."
        )
    if scan.other_encoding:
        notes.append(f"{_lines_word(scan.other_encoding)} not UTF-8, taken as Latin-1.")
    if scan.cut_off:
        notes.append("The last line has no end: its last number may be cut off.")
    return tuple(notes)


def _lines_word(count: int) -> str:
    return "1 line is" if count == 1 else f"{count} lines are"
