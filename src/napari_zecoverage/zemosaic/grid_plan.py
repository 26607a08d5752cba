"""GRID mode's ``stack_plan.csv``, read as ZeMosaic reads it (ZEMOSAIC.md §2)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from napari_zecoverage.core.errors import RunFolderError
from napari_zecoverage.core.header_words import Mount, mount_of_word
from napari_zecoverage.zemosaic.manifests import MAX_FRAMES, read_bytes
from napari_zecoverage.zemosaic.printable import shortened

GRID_PLAN_NAME: Final = "stack_plan.csv"

_DELIMITERS: Final = (",", ";", "|", "\t", " ")
_FILE: Final = ("file_path", "filepath", "file", "path", "filename", "fits", "raw")
_EXPOSURE: Final = ("exposure", "exp", "exptime", "exposure_s")
_FILTER: Final = ("filter", "band", "channel")
_BATCH: Final = ("batch_id", "batch", "session", "night")
_MOUNT: Final = ("mount", "eqmode", "mount_mode")


class PlannedFrame(NamedTuple):
    """A row of the plan."""

    path: str
    batch: str
    """Empty when the row names none."""
    exposure_s: float | None
    filter: str | None
    mount: Mount | None


class GridPlan(NamedTuple):
    """A plan of GRID mode."""

    frames: tuple[PlannedFrame, ...]
    notes: tuple[str, ...]


def read_grid_plan(path: Path) -> GridPlan:
    """Read ``stack_plan.csv``.

    The first line is always the header; its names count in lower case only.

    Parameters
    ----------
    path : Path

    Returns
    -------
    GridPlan
        At least one frame.

    Raises
    ------
    RunFolderError
        It cannot be read, or ZeMosaic would find no frame in it; the message says why.
    """
    raw = read_bytes(path)
    if raw is None:
        raise RunFolderError(path, "there is no such file.")
    try:
        text = raw.decode("utf-8")  # a byte order mark stays, as it does for ZeMosaic
    except UnicodeDecodeError as error:
        raise RunFolderError(path, f"is not UTF-8 text (byte {error.start}).") from error
    has_bom = text.startswith("\ufeff")
    first_line = text.partition("\n")[0]
    frames = []
    nameless = 0
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(first_line))
        columns = [name.strip() for name in next(rows, [])]
        if not any(name in _FILE for name in columns):
            raise RunFolderError(path, _no_frames(columns, has_bom))
        for row in rows:
            values = {name: value.strip() for name, value in zip(columns, row, strict=False)}
            frame = _frame(values)
            if frame is not None:
                frames.append(frame)
            elif any(values.values()):
                nameless += 1
            if len(frames) > MAX_FRAMES:
                raise RunFolderError(path, f"lists more than {MAX_FRAMES} frames.")
    except csv.Error as error:
        raise RunFolderError(path, f"is not a table of text ({error}).") from error
    if not frames:
        raise RunFolderError(path, "lists no frames below its header.")
    notes = []
    if has_bom:
        notes.append(
            f"{path.name} begins with a byte order mark, which hides its first column from "
            "ZeMosaic; save it as UTF-8 without one."
        )
    if nameless:
        notes.append(f"{nameless} rows of {path.name} name no file; ZeMosaic skips them.")
    return GridPlan(tuple(frames), tuple(notes))


def _delimiter(line: str) -> str:
    """Return what parts the header's names: a space only where nothing else does."""
    best = max(_DELIMITERS[:-1], key=line.count)
    if line.count(best):
        return best
    return " " if " " in line.strip() else ","


def _no_frames(columns: list[str], has_bom: bool) -> str:
    begin = "ZeMosaic finds no frame in this plan: "
    if has_bom and columns[0].removeprefix("\ufeff").strip('"') in _FILE:
        return begin + (
            "it begins with a byte order mark, which hides its column of files. "
            "Save it as UTF-8 without one."
        )
    first = shortened(",".join(columns)) or "nothing"
    return begin + (
        "its first line is read as the header, and must name a column of files in lower case "
        f"({', '.join(_FILE)}), but holds {first}."
    )


def _frame(values: Mapping[str, str]) -> PlannedFrame | None:
    path = _value(values, _FILE)
    if not path:
        return None
    mount = _value(values, _MOUNT)
    return PlannedFrame(
        path=path,
        batch=_value(values, _BATCH),
        exposure_s=_seconds(_value(values, _EXPOSURE)),
        filter=_value(values, _FILTER) or None,
        # GRID mode knows the words only, not the numbers.
        mount=None if mount in ("0", "1") else mount_of_word(mount),
    )


def _value(values: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((values[name] for name in names if values.get(name)), "")


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
