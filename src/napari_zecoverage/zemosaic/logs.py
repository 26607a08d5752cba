"""ZeMosaic's log of a run: what it said of each master tile, beside what we compute.

Read are the lines of ``zemosaic_worker.log`` about coverage, masks and crops
(ZEMOSAIC.md §7), and the lines of the same names that this package logs. A log may
be huge, cut off, damaged, or in another encoding: what cannot be read is counted.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.errors import FileError
from napari_zecoverage.core.outcome import RELAXED_MAXIMUM, MaskOutcome
from napari_zecoverage.core.studied import ClusterStudy

LOG_NAME: Final = "zemosaic_worker.log"
"""What ZeMosaic calls its log: one beside its program, one in each run's output folder."""

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


class LogError(FileError):
    """A log cannot be read."""


@dataclass(frozen=True)
class LogEntry:
    """One line of a log that was understood.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    line : int
        Its number in the file, from 1.
    tile : int or None
        The master tile's id.
    named : bool
        Whether the line itself names the tile; else the tile is taken from the
        lines round it.
    level : str
        "DEBUG", "INFO", ...; empty when the line does not say.
    when : datetime or None
        Local time of that machine.
    values : mapping
        The numbers and words of the line. Shapes are (H, W), rectangles `Rect`.
    text : str
        The message as logged, without prefix and wrapping.
    """

    kind: str
    line: int
    tile: int | None
    named: bool
    level: str
    when: datetime | None
    values: Mapping[str, Any]
    text: str


@dataclass(frozen=True)
class TileLog:
    """What a log says of one master tile.

    Attributes
    ----------
    tile : int
    entries : tuple of LogEntry
        In the file's order; of a tile that was made several times (another run in
        the same log), only the last time.
    times : int
        How often the log has the tile.
    """

    tile: int
    entries: tuple[LogEntry, ...]
    times: int

    def said(self, kind: str) -> Mapping[str, Any] | None:
        """Return the values of the tile's last line of that kind, None when there is none."""
        for entry in reversed(self.entries):
            if entry.kind == kind:
                return entry.values
        return None


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


@dataclass(frozen=True)
class ComparedLine:
    """One thing that ZeMosaic said, beside the same from us.

    Attributes
    ----------
    what : str
    said, computed : str
        In words; empty when ZeMosaic said, or we computed, nothing.
    same : bool or None
        As far as the log's digits go; None when the two cannot be compared.
    """

    what: str
    said: str
    computed: str
    same: bool | None

    def __str__(self) -> str:
        mark = {True: "same", False: "DIFFERENT", None: "not compared"}[self.same]
        return (
            f"{self.what}: ZeMosaic said {self.said or 'nothing'} / we compute "
            f"{self.computed or 'nothing'} ({mark})"
        )


@dataclass(frozen=True)
class TileComparison:
    """One master tile: ZeMosaic's log beside what we compute.

    Attributes
    ----------
    tile : int
    compared : tuple of ComparedLine
    notes : tuple of str
        What the differences mean, as far as the log tells.
    """

    tile: int
    compared: tuple[ComparedLine, ...]
    notes: tuple[str, ...]

    @property
    def agrees(self) -> bool | None:
        """Whether nothing differs; None when nothing could be compared."""
        judged = [each.same for each in self.compared if each.same is not None]
        return all(judged) if judged else None

    def lines(self) -> list[str]:
        """Return it for people, one line a thing."""
        return [f"Tile {self.tile}", *(f"  {each}" for each in (*self.compared, *self.notes))]


Computed = tuple[ClusterStudy, MaskOutcome | None]
"""What we know of a tile: its study, and what the thresholds in question make of it."""


def read_log(path: str | PathLike[str]) -> LogReading:
    """Read a log of ZeMosaic, line by line, in bounded memory.

    A line without a tile id is taken as a tile's only where that is unambiguous:
    the nearest lines that name a tile, before and after it, name this one, no other
    tile's lines lie round it, and the tile has one such line. (ZeMosaic may work on
    several tiles at once.) All others are in `LogReading.without_tile`.

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
    place = Path(os.path.abspath(os.path.expanduser(path)))
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
        reason = getattr(error, "strerror", None) or str(error)
        raise LogError(place, f"cannot be read: {reason}.") from error

    tiles, without_tile = _by_tile(_numbered(scan.entries))
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


# --- lines -----------------------------------------------------------------------------

# Bounded digits: a damaged line must not make a number of thousands of them.
_NUMBER: Final = r"-?(?:\d{1,24}(?:\.\d{0,24})?(?:[eE][+-]?\d{1,4})?|nan|inf)"
_FLAG: Final = r"True|False"


def _group(name: str, pattern: str) -> str:
    return f"(?P<{name}>{pattern})"


def _pair(name: str, pattern: str = _NUMBER) -> str:
    return f"{name}={_group(name, pattern)}"


def _flags(*names: str) -> str:
    return r",?\s+".join(_pair(name, _FLAG) for name in names)


_WHOLE: Final = r"-?\d{1,12}"
_TILE: Final = _pair("tile", r"\d{1,12}")
_SHAPE: Final = _pair("shape", rf"\({_WHOLE}, {_WHOLE}\)")
_RECT: Final = _pair("rect", rf"\({_WHOLE}:{_WHOLE},\s?{_WHOLE}:{_WHOLE}\)")
_SIDES: Final = _pair("edge_valid", rf"\(L={_NUMBER},R={_NUMBER},T={_NUMBER},B={_NUMBER}\)")
_REASON: Final = _pair("reason", r".*\S")


class _LineKind(NamedTuple):
    kind: str
    pattern: re.Pattern[str]


def _kind(kind: str, *parts: str) -> _LineKind:
    # Nothing may follow a number directly: a damaged one must not be read in part.
    return _LineKind(kind, re.compile(" ".join(parts) + r"(?![\w.])", re.ASCII))


_LINE_KINDS: Final = (
    _kind("propagate_mask", "MT_COVERAGE:", _pair("propagate_mask", _FLAG)),
    _kind(
        "coverage_stats",
        "MT_COVERAGE_STATS:",
        *(
            _TILE,
            _SHAPE,
            _pair("min"),
            _pair("max"),
            _pair("nonzero_frac"),
            _pair("n_used", _WHOLE),
        ),
    ),
    _kind("coverage_ignored", "MT_COVERAGE_IGNORED:", _TILE, _REASON),
    _kind(
        "coverage_thresholds",
        "MT_COVERAGE_THRESH:",
        *(_TILE, _pair("cov_max"), _pair("min_abs"), _pair("min_frac")),
        _pair("morph_open_px", _WHOLE),
    ),
    _kind(
        "guard_abs",
        "ALTaz coverage guard: min_coverage_abs",
        f"{_group('before', _NUMBER)}->{_group('after', _NUMBER)}",
        rf"\({_pair('cov_max')}, {_pair('min_frac')}\)",
    ),
    _kind(
        "guard_morph",
        "ALTaz coverage guard: morph_open_px",
        f"{_group('before', _WHOLE)}->{_group('after', _WHOLE)}",
        rf"\({_pair('cov_max')}\)",
    ),
    _kind(
        "alpha_stats",
        "ALPHA_STATS:",
        *(_pair("level", r"\w+"), _pair("nonzero_frac"), _pair("min"), _pair("max"), _SHAPE),
    ),
    _kind(
        "cleanup_applied",
        "MT_PIPELINE: altaz_cleanup applied:",
        _flags("masked_used", "mask2d_used", "mask2d_applied"),
        _pair("threshold"),
    ),
    _kind(
        "mask_dropped",
        "ALTaz guard: skipping nanize/zeroize",
        rf"\({_pair('nonzero_frac')} < {_group('limit', _NUMBER)}\)",
    ),
    _kind(
        "pipeline",
        "MT_PIPELINE:",
        _flags(
            "lecropper_applied", "quality_crop", "altaz_cleanup", "quality_gate", "salvage_mode"
        ),
    ),
    _kind(
        "pipeline_flags",
        "MT_PIPELINE_FLAGS:",
        _flags(
            "lecropper_enabled",
            "quality_crop_enabled",
            "altaz_cleanup_enabled",
            "lecropper_available",
        ),
    ),
    _kind(
        "gating",
        "P3_ALTaz_GATING:",
        f"tile_id={_group('tile', r'[0-9]{1,12}')}",
        *(_pair("eqmode", r"\w+"), _pair("global_enabled", _FLAG), _pair("unknown_policy", r"\w+")),
        _flags("seestar_hint", "unknown_as_altaz"),
        f"=> {_pair('tile_enabled', _FLAG)}",
    ),
    _kind("strict_crop", "MT_ALTAZ_STRICT_CROP_APPLIED:", _TILE, _pair("reason", r"\S+"), _RECT),
    _kind("strict_crop_skipped", "MT_ALTAZ_STRICT_CROP_SKIPPED:", _TILE, _REASON),
    _kind("edge_trim", "MT_EDGE_TRIM:", _TILE, _RECT, _SIDES, _pair("thr")),
    _kind("edge_trim_skipped", "MT_EDGE_TRIM:", _TILE, rf"skipped \({_group('reason', '.*')}\)"),
    _kind(
        "edge_trim_analysed",
        "MT_EDGE_TRIM:",
        *(_TILE, r"analysis complete\.", _pair("did_trim", _FLAG), _SIDES),
    ),
    _kind("edge_trim_state", "MT_EDGE_TRIM", _group("moment", "PRE|POST"), r"\|"),
    _kind("pad", "MT_WCS_PAD: applied", f"{_pair('dx', _WHOLE)}, {_pair('dy', _WHOLE)}"),
)

KINDS: Final = tuple(each.kind for each in _LINE_KINDS)
"""The kinds of lines that are read."""

# A tile that gets a second line of one of these is being made another time.
_ONCE: Final = ("gating", "coverage_stats", "coverage_ignored", "coverage_thresholds")

_HEADS: Final = (
    "MT_COVERAGE",
    "MT_PIPELINE",
    "MT_ALTAZ_STRICT_CROP_",
    "MT_EDGE_TRIM",
    "MT_WCS_PAD",
    "ALTaz coverage guard",
    "ALTaz guard",
    "ALPHA_STATS",
    "P3_ALTaz_GATING",
)
_HEAD: Final = re.compile("|".join(_HEADS))
_HEAD_BYTES: Final = re.compile("|".join(_HEADS).encode("ascii"))
_WHEN: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?", re.ASCII)
_LEVEL: Final = re.compile(r"\b(?:DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL)\b")
_PREFIX_BYTES: Final = 160
_DEBUG_BYTES: Final = re.compile(rb"\bDEBUG\b")
_WRAPPED: Final = "_POUR_GUI: "
_ARGUMENTS: Final = "] (Args: "
_TEXT_KEPT: Final = 500


def _number(text: str) -> float:
    return float(text)


def _shape(text: str) -> tuple[int, int]:
    height, width = text.strip("()").split(", ")
    return int(height), int(width)


def _rect(text: str) -> Rect:
    """Return ``(x0:x1,y0:y1)`` as our rectangle."""
    x0, x1, y0, y1 = (int(each) for each in re.findall(_WHOLE, text, re.ASCII))
    return Rect(y0, x0, y1, x1)


def _sides(text: str) -> tuple[float, ...]:
    """Return left, right, top, bottom."""
    return tuple(float(each.split("=")[1]) for each in text.strip("()").split(","))


def _word(text: str) -> str | bool:
    return {"True": True, "False": False}.get(text, text)


_CONVERSIONS: Final[dict[str, Callable[[str], Any]]] = {
    "tile": int,
    "shape": _shape,
    "rect": _rect,
    "edge_valid": _sides,
    "n_used": int,
    "morph_open_px": int,
    "dx": int,
    "dy": int,
    **dict.fromkeys(
        ("min", "max", "nonzero_frac", "cov_max", "min_abs", "min_frac", "before", "after"),
        _number,
    ),
    **dict.fromkeys(("threshold", "limit", "thr"), _number),
}


def _entry(line: int, text: str) -> LogEntry | None:
    """Read one line that has one of our heads in it; None when the rest cannot be read."""
    head = _HEAD.search(text)
    if head is None:
        return None
    prefix = text[: head.start()]
    message = _unwrapped(text[head.start() :], wrapped=_WRAPPED in prefix)
    for kind, pattern in _LINE_KINDS:
        found = pattern.match(message)
        if found is not None:
            values = {
                name: _CONVERSIONS.get(name, _word)(value)
                for name, value in found.groupdict().items()
            }
            tile = values.pop("tile", None)
            level = _LEVEL.search(prefix)
            return LogEntry(
                kind,
                line,
                tile,
                tile is not None,
                "" if level is None else level[0],
                _when(prefix),
                values,
                message[:_TEXT_KEPT],
            )
    return None


def _unwrapped(text: str, *, wrapped: bool) -> str:
    """Take the end of ``[CLÉ_POUR_GUI: …] (Args: {…})`` off; the beginning is the prefix."""
    text = text.rstrip()
    if not wrapped:
        return text
    if _ARGUMENTS in text:
        return text[: text.index(_ARGUMENTS)]
    return text.removesuffix("]")


def _when(prefix: str) -> datetime | None:
    found = _WHEN.search(prefix)
    if found is not None:
        with suppress(ValueError):
            return datetime.fromisoformat(found[0].replace(",", "."))
    return None


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
        if _HEAD_BYTES.search(raw) is None:
            continue
        text = _decoded(raw, scan)
        entry = _entry(scan.lines, text)
        if entry is not None:
            scan.found += 1
            scan.entries.append(entry)
        else:
            scan.not_understood_count += 1
            if len(scan.not_understood) < MAX_NOT_UNDERSTOOD:
                scan.not_understood.append((scan.lines, text.strip()[:_TEXT_KEPT]))
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


# --- tiles -----------------------------------------------------------------------------


class _Placed(NamedTuple):
    """An entry, and how often its tile was begun up to there (0 for one without a tile)."""

    entry: LogEntry
    time: int


def _numbered(entries: Iterable[LogEntry]) -> list[_Placed]:
    times: Counter[int] = Counter()
    seen: dict[int, set[str]] = {}
    placed = []
    for entry in entries:
        if entry.tile is None:
            placed.append(_Placed(entry, 0))
            continue
        kinds = seen.setdefault(entry.tile, set())
        if not times[entry.tile] or (entry.kind in _ONCE and entry.kind in kinds):
            times[entry.tile] += 1
            kinds.clear()
        kinds.add(entry.kind)
        placed.append(_Placed(entry, times[entry.tile]))
    return placed


_TileTime = tuple[int, int]


def _by_tile(placed: Sequence[_Placed]) -> tuple[dict[int, TileLog], tuple[LogEntry, ...]]:
    """Sort the entries by tile; those without an id go where they certainly belong."""
    belongs = _attributed(placed)
    groups: dict[int, dict[int, list[LogEntry]]] = {}
    without_tile = []
    for index, (entry, time) in enumerate(placed):
        if entry.tile is not None:
            groups.setdefault(entry.tile, {}).setdefault(time, []).append(entry)
        elif index in belongs:
            tile, its_time = belongs[index]
            groups[tile].setdefault(its_time, []).append(replace(entry, tile=tile))
        else:
            without_tile.append(entry)
    tiles = {
        tile: TileLog(tile, tuple(groups[tile][max(groups[tile])]), len(groups[tile]))
        for tile in sorted(groups)
    }
    return tiles, tuple(without_tile)


def _attributed(placed: Sequence[_Placed]) -> dict[int, _TileTime]:
    """Return, by place, the tile of each entry without an id for which only one is possible."""
    others = _other_tiles_at_work(placed)
    before = _nearest_named(placed, range(len(placed)))
    after = _nearest_named(placed, range(len(placed) - 1, -1, -1))
    candidates = {
        index: before[index]
        for index, (entry, _) in enumerate(placed)
        if entry.tile is None
        and before[index] is not None
        and before[index] == after[index]
        and not others[index]
    }
    # A tile has at most one line of a kind: two of them are two tiles'.
    counted = Counter((tile, placed[index].entry.kind) for index, tile in candidates.items())
    return {
        index: tile
        for index, tile in candidates.items()
        if tile is not None and counted[tile, placed[index].entry.kind] == 1
    }


def _nearest_named(placed: Sequence[_Placed], order: Iterable[int]) -> dict[int, _TileTime | None]:
    nearest: _TileTime | None = None
    found = {}
    for index in order:
        entry, time = placed[index]
        if entry.tile is not None:
            nearest = (entry.tile, time)
        found[index] = nearest
    return found


def _other_tiles_at_work(placed: Sequence[_Placed]) -> list[bool]:
    """Return for each place whether it lies inside the lines of two tiles or more.

    The gating lines do not count: they may all be written before the first tile.
    """
    first: dict[_TileTime, int] = {}
    last: dict[_TileTime, int] = {}
    for index, (entry, time) in enumerate(placed):
        if entry.tile is not None and entry.kind != "gating":
            first.setdefault((entry.tile, time), index)
            last[entry.tile, time] = index
    steps = [0] * (len(placed) + 1)
    for tile, start in first.items():
        steps[start] += 1
        steps[last[tile] + 1] -= 1
    at_work, crowded = 0, []
    for step in steps[:-1]:
        at_work += step
        crowded.append(at_work > 1)
    return crowded


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
        notes.append(
            f"Made more than once in this log, the last time is taken: tile {_some(repeated)}."
        )
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


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"


# --- beside what we compute ------------------------------------------------------------


def compare_log(
    reading: LogReading, computed: Mapping[int, Computed]
) -> tuple[TileComparison, ...]:
    """Set what ZeMosaic said of each tile beside what we compute.

    Parameters
    ----------
    reading : LogReading
    computed : mapping of int to (ClusterStudy, MaskOutcome or None)
        By tile id (in a classic run the number of the cluster's group). Without an
        outcome only the coverage is compared.

    Returns
    -------
    tuple of TileComparison
        One for each tile of the log or of `computed`, sorted by id.
    """
    return tuple(
        _compared_tile(tile, reading.tiles.get(tile), computed.get(tile))
        for tile in sorted({*reading.tiles, *computed})
    )


def _compared_tile(tile: int, log: TileLog | None, ours: Computed | None) -> TileComparison:
    if log is None:
        note = "The log has no line of this tile (only three tiles of a run are logged in detail)."
        return TileComparison(tile, (), (note,))
    study, outcome = ours or (None, None)
    lines = _compared_coverage(log, study)
    lines += _compared_thresholds(log, study, outcome)
    lines += _compared_alpha(log, outcome)
    lines += _compared_crops(log, study, outcome)
    notes = _notes_on_tile(log)
    if study is None:
        notes.insert(0, "This tile was not studied here; only what ZeMosaic said is shown.")
    return TileComparison(tile, tuple(lines), tuple(notes))


def _compared_coverage(log: TileLog, study: ClusterStudy | None) -> list[ComparedLine]:
    lines = []
    stats, ignored = log.said("coverage_stats"), log.said("coverage_ignored")
    coverage = None if study is None else study.coverage
    if stats is not None:
        said = _coverage_words(
            stats["shape"], stats["min"], stats["max"], stats["nonzero_frac"], stats["n_used"]
        )
        computed, same = "", None
        if study is not None and coverage is None:
            computed, same = "no coverage", False
        elif study is not None and coverage is not None:
            ours = (
                coverage.shape,
                float(coverage.min()),
                float(coverage.max()),
                float((coverage > 0).mean()),
                study.frames_used,
            )
            computed = _coverage_words(*ours)
            same = computed == said
        lines.append(ComparedLine("coverage", said, computed, same))
    if ignored is not None:
        computed = "" if study is None else "no coverage" if coverage is None else "coverage"
        same = None if study is None else coverage is None
        lines.append(ComparedLine("coverage ignored", str(ignored["reason"]), computed, same))
    return lines


def _coverage_words(
    shape: tuple[int, ...], least: float, most: float, share: float, used: int
) -> str:
    height, width = shape
    return (
        f"{least:.1f} to {most:.1f} frames on {width}×{height}, {share:.3f} of it covered, "
        f"{used} frames used"
    )


def _compared_thresholds(
    log: TileLog, study: ClusterStudy | None, outcome: MaskOutcome | None
) -> list[ComparedLine]:
    lines = []
    asked = log.said("coverage_thresholds")
    if asked is not None:
        said = _asked_words(asked["min_abs"], asked["min_frac"], asked["morph_open_px"])
        computed, same = "", None
        if study is not None and study.coverage is not None and outcome is not None:
            ours = outcome.parameters
            least = min(
                ours.min_coverage_abs, float(study.coverage.max()), float(study.frames_used)
            )
            computed = _asked_words(least, ours.min_coverage_frac, ours.morph_open_px)
            same = computed == said
        lines.append(ComparedLine("thresholds before the guards", said, computed, same))
        lines += _compared_effective(asked, log.said("guard_abs"), outcome)
    morph = log.said("guard_morph")
    if morph is not None:
        said = f"morph_open_px {morph['before']:g} lowered to {morph['after']:g}"
        lines.append(ComparedLine("opening", said, "", None))
    return lines


def _asked_words(least: float, share: float, opening: float) -> str:
    return f"min_coverage_abs {least:.1f}, min_coverage_frac {share:.3f}, morph_open_px {opening:g}"


def _compared_effective(
    asked: Mapping[str, Any], guard: Mapping[str, Any] | None, outcome: MaskOutcome | None
) -> list[ComparedLine]:
    """Compare the number of frames that coverage was held against, where the log tells it."""
    highest, least = asked["cov_max"], asked["min_abs"]
    if guard is not None:
        least = guard["after"]
    elif highest <= RELAXED_MAXIMUM and least >= highest:
        return []  # ZeMosaic lowered it, and the line that says to what is not there.
    threshold = max(least, asked["min_frac"] * highest)
    lowered = "" if guard is None else f", min_coverage_abs lowered from {guard['before']:g}"
    said = f"{threshold:.2f} frames{lowered}"
    if outcome is None:
        return [ComparedLine("threshold", said, "", None)]
    if math.isnan(outcome.threshold):
        return [ComparedLine("threshold", said, f"no threshold: {outcome.source} mask", None)]
    computed = f"{outcome.threshold:.2f} frames ({outcome.threshold_rule})"
    # ZeMosaic's own fallback is not in the log: nothing to hold it against then.
    same = None
    if outcome.threshold_rule != "fallback":
        # The log gives min_abs and cov_max to one digit, min_frac to three.
        same = abs(threshold - outcome.threshold) <= 0.05 + 0.0005 * abs(highest) + 1e-6
    return [ComparedLine("threshold", said, computed, same)]


def _compared_alpha(log: TileLog, outcome: MaskOutcome | None) -> list[ComparedLine]:
    lines = []
    stats = log.said("alpha_stats")
    ours = None if outcome is None else outcome.alpha_stats
    if stats is not None:
        said = _alpha_words(stats["nonzero_frac"], stats["min"], stats["max"])
        computed = "" if ours is None else _alpha_words(*ours)
        lines.append(
            ComparedLine("alpha", said, computed, None if ours is None else computed == said)
        )
    dropped = log.said("mask_dropped")
    if dropped is not None:
        said = f"mask dropped, {dropped['nonzero_frac']:.3f} of the tile would be left"
        computed = "" if outcome is None else f"{outcome.source} mask"
        same = None if outcome is None else outcome.source == "dropped"
        if outcome is not None and same:
            computed = "mask dropped"
        lines.append(ComparedLine("guard", said, computed, same))
    elif log.said("cleanup_applied") is not None and outcome is not None:
        same = outcome.source != "dropped"
        lines.append(ComparedLine("guard", "mask applied", f"mask {outcome.source}", same))
    return lines


def _alpha_words(share: float, least: float, most: float) -> str:
    return f"{share:.3f} of the tile above 0, from {least:.3f} to {most:.3f}"


def _compared_crops(
    log: TileLog, study: ClusterStudy | None, outcome: MaskOutcome | None
) -> list[ComparedLine]:
    lines = []
    for what, kind, rect in (
        ("strict crop", "strict_crop", None if outcome is None else outcome.strict_crop),
        ("edge trim", "edge_trim", None if outcome is None else outcome.edge_trim),
    ):
        applied, skipped = log.said(kind), log.said(f"{kind}_skipped")
        computed = "" if outcome is None else "no crop" if rect is None else _rect_words(rect)
        if applied is not None:
            same = None if outcome is None else applied["rect"] == rect
            lines.append(ComparedLine(what, _rect_words(applied["rect"]), computed, same))
        elif skipped is not None:
            same = None if outcome is None else rect is None
            lines.append(ComparedLine(what, f"skipped ({skipped['reason']})", computed, same))
    pad = log.said("pad")
    if pad is not None:
        said = f"{pad['dx']} columns, {pad['dy']} rows"
        if study is None:
            lines.append(ComparedLine("padding", said, "", None))
        else:
            dy, dx = study.canvas.offset
            computed = f"{dx} columns, {dy} rows"
            lines.append(ComparedLine("padding", said, computed, computed == said))
    return lines


def _rect_words(rect: Rect) -> str:
    return f"columns {rect.x0} to {rect.x1}, rows {rect.y0} to {rect.y1}"


def _notes_on_tile(log: TileLog) -> list[str]:
    notes = []
    gating, pipeline = log.said("gating"), log.said("pipeline")
    if gating is not None and gating["tile_enabled"] is False:
        notes.append(
            "ZeMosaic did not clean this tile "
            f"(mount {gating['eqmode']}, unknown policy {gating['unknown_policy']}, Alt-Az "
            f"{'on' if gating['global_enabled'] else 'off'} for the run): no threshold acts on it."
        )
    stats = log.said("coverage_stats")
    if stats is not None and stats["n_used"] > 1 and stats["max"] <= 1:
        notes.append(
            f"ZeMosaic used {stats['n_used']} frames and counted at most {stats['max']:g} on any "
            "pixel: it takes the footprints upside down, and thresholds cannot act. Let the "
            "diagnosis look at this ZeMosaic."
        )
    if pipeline is not None and pipeline["quality_crop"]:
        notes.append(
            "ZeMosaic cropped the tile by its quality first; what we compute is without that crop."
        )
    return notes
