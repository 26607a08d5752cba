"""The JSON files that ZeMosaic leaves in an output folder, read within bounds (ZEMOSAIC.md §2).

They come from other machines, older versions and torn disks: every value is checked,
and memory is taken only after the file's size and the number of its values are known.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from napari_zecoverage.core.errors import RunFolderError, reason_of
from napari_zecoverage.zemosaic.printable import shortened
from napari_zecoverage.zemosaic.run_names import (
    CACHE_FOLDER,
    CACHE_MANIFEST_NAME,
    INDEX_NAME,
    PLAN_NAME,
    SNAPSHOT_NAME,
    STATE_FOLDER,
    TILES_NAME,
)

SCHEMA_VERSION: Final = 1
"""The only version of ZeMosaic's manifests that is known."""

CLASSIC: Final = "classic_legacy"
"""The pipeline whose manifests these are: the one that makes a master tile of each cluster."""

MAX_GROUPS: Final = 10_000
"""Groups of the largest plan that is read."""

MAX_FRAMES: Final = 200_000
"""Frames of the largest plan that is read."""

MAX_BYTES: Final = 64 * 2**20
"""Of a manifest: 300 bytes for each of `MAX_FRAMES`."""

MAX_INDEX_BYTES: Final = 128 * 2**20
"""Of Phase 1's index, which holds whole headers: 10 000 of 13 kB."""

_MAX_VALUES: Final = 1_500_000
_MAX_INDEX_VALUES: Final = 4_000_000  # commas in headers look like values
_WINDOWS_START: Final = re.compile(r"[A-Za-z]:[\\/]|\\\\")


class Group(NamedTuple):
    """Frames that go into one master tile."""

    tile_id: int
    raw_paths: tuple[str, ...]
    not_paths: tuple[str, ...]
    """Entries that are no text, shortened for people."""
    signature: str | None


class Tile(NamedTuple):
    """A master tile that ZeMosaic finished."""

    tile_id: int
    path: str
    signature: str | None


class CachedFrame(NamedTuple):
    """A frame that Phase 1 prepared."""

    path_raw: str
    cache: str
    shape: tuple[int, ...] | None
    header: str


def read_bytes(path: Path, max_bytes: int = MAX_BYTES) -> bytes | None:
    """Read a file of a run.

    Parameters
    ----------
    path : Path
    max_bytes : int
        A larger file is refused before it is read.

    Returns
    -------
    bytes or None
        None when there is no such file.

    Raises
    ------
    RunFolderError
        It is too large, not a regular file, or cannot be read.
    """
    try:
        # A pipe would block, a device has no end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise RunFolderError(path, "is not a regular file; ZeMosaic writes one here.")
        with open(path, "rb") as handle:
            raw = handle.read(max_bytes + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise RunFolderError(path, f"cannot be read ({reason_of(error)}).") from error
    if len(raw) > max_bytes:
        raise RunFolderError(
            path, f"has more than {max_bytes // 2**20} MB; what ZeMosaic writes is smaller."
        )
    return raw


def read_plan(folder: Path) -> list[Group] | None:
    """Read ``stack_plan_manifest.json``.

    Parameters
    ----------
    folder : Path
        ZeMosaic's output folder.

    Returns
    -------
    list of Group or None
        In the order of the file; None when there is no plan.

    Raises
    ------
    RunFolderError
        It is damaged, of another version or pipeline, or larger than `MAX_GROUPS`
        and `MAX_FRAMES`.
    """
    path = folder / STATE_FOLDER / PLAN_NAME
    plan = _read_manifest(path)
    if plan is None:
        return None
    groups: dict[int, Group] = {}
    frames = 0
    for name, each in _objects(path, plan, "groups"):
        tile_id = _tile_id(path, f"{name}.group_index", each.get("group_index"))
        if tile_id in groups:
            raise RunFolderError(path, f"{name}.group_index: {tile_id} is there twice.")
        raw_paths = each.get("raw_paths")
        if not isinstance(raw_paths, list):
            raise _wrong(path, f"{name}.raw_paths", "a list of paths", raw_paths)
        frames += len(raw_paths)
        if frames > MAX_FRAMES:
            raise RunFolderError(path, f"lists more than {MAX_FRAMES} frames.")
        groups[tile_id] = Group(
            tile_id,
            tuple(path for path in raw_paths if isinstance(path, str)),
            tuple(shortened(path) for path in raw_paths if not isinstance(path, str)),
            _text(each.get("group_signature")),
        )
    return list(groups.values())


def read_tiles(folder: Path) -> Sequence[Tile]:
    """Read ``master_tiles_manifest.json``; of a tile that is there twice the last counts.

    Parameters
    ----------
    folder : Path
        ZeMosaic's output folder.

    Returns
    -------
    sequence of Tile
        In the order of the file; empty when there is none.

    Raises
    ------
    RunFolderError
        It is damaged, or of another version or pipeline.
    """
    path = folder / STATE_FOLDER / TILES_NAME
    manifest = _read_manifest(path)
    if manifest is None:
        return []
    tiles = {}
    for name, each in _objects(path, manifest, "tiles"):
        tile_id = _tile_id(path, f"{name}.tile_id", each.get("tile_id"))
        where = each.get("path")
        if not isinstance(where, str):
            raise _wrong(path, f"{name}.path", "a path", where)
        tiles[tile_id] = Tile(tile_id, where, _text(each.get("group_signature")))
    return list(tiles.values())


def read_snapshot(folder: Path) -> Mapping[str, Any] | None:
    """Read ``run_config_snapshot.json``, the settings of ZeMosaic's window at the run's start.

    Parameters
    ----------
    folder : Path
        ZeMosaic's output folder.

    Returns
    -------
    mapping or None
        None when there is none.

    Raises
    ------
    RunFolderError
        It is not a JSON object.
    """
    path = folder / SNAPSHOT_NAME
    config = _read_json(path)
    if config is _ABSENT:
        return None
    if not isinstance(config, dict):
        raise _wrong(path, "the file", "a JSON object", config)
    return config


def read_index(folder: Path) -> Sequence[CachedFrame]:
    """Read ``phase1_processed_info.json``, which lies beside the caches.

    Entries that are of no use (no raw path, no cache) are passed over.

    Parameters
    ----------
    folder : Path
        ZeMosaic's output folder.

    Returns
    -------
    sequence of CachedFrame
        Empty when the caches were not kept.

    Raises
    ------
    RunFolderError
        It is damaged, or ``cache_manifest.json`` beside it is of another version or pipeline.
    """
    path = folder / CACHE_FOLDER / INDEX_NAME
    index = _read_json(path, MAX_INDEX_BYTES, _MAX_INDEX_VALUES)
    if index is _ABSENT:
        return []
    _read_manifest(folder / CACHE_FOLDER / CACHE_MANIFEST_NAME)
    if not isinstance(index, list):
        raise _wrong(path, "the file", "a list of frames", index)
    if len(index) > MAX_FRAMES:
        raise RunFolderError(path, f"lists more than {MAX_FRAMES} frames.")
    frames = []
    for each in index:
        if not isinstance(each, dict):
            continue
        raw, cache = each.get("path_raw"), each.get("path_preprocessed_cache")
        if isinstance(raw, str) and isinstance(cache, str):
            header = _text(each.get("header_str")) or ""
            frames.append(CachedFrame(raw, cache, _shape(each.get("preprocessed_shape")), header))
    return frames


def is_windows_path(path: str) -> bool:
    """Tell whether a path can only have been written on Windows."""
    return bool(_WINDOWS_START.match(path)) or ("\\" in path and "/" not in path)


# Checked values

_ABSENT: Final = object()


def _read_json(path: Path, max_bytes: int = MAX_BYTES, max_values: int = _MAX_VALUES) -> Any:
    raw = read_bytes(path, max_bytes)
    if raw is None:
        return _ABSENT
    # An empty list costs 64 bytes of memory and 3 of the file: count before parsing.
    if sum(map(raw.count, (b",", b"[", b"{"))) > max_values:
        raise RunFolderError(path, "holds more values than any file that ZeMosaic writes.")
    try:
        return json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise RunFolderError(path, f"is not UTF-8 text (byte {error.start}).") from error
    except json.JSONDecodeError as error:
        raise RunFolderError(
            path,
            f"is not JSON: {error.msg} (line {error.lineno}, column {error.colno}). It may have "
            "been cut short; let ZeMosaic write it again.",
        ) from error
    except (RecursionError, ValueError) as error:
        # Thousands of brackets, or a whole number of thousands of digits.
        raise RunFolderError(path, "holds lists or numbers beyond all bounds.") from error


def _read_manifest(path: Path) -> dict[str, Any] | None:
    manifest = _read_json(path)
    if manifest is _ABSENT:
        return None
    if not isinstance(manifest, dict):
        raise _wrong(path, "the file", "a JSON object", manifest)
    version, pipeline = manifest.get("schema_version"), manifest.get("pipeline")
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise RunFolderError(
            path,
            f"schema_version: {shortened(version)} is not known, only {SCHEMA_VERSION} is. "
            "Another version of ZeMosaic wrote it; point at the raw frames instead.",
        )
    if pipeline != CLASSIC:
        raise RunFolderError(
            path,
            f"pipeline: {shortened(pipeline)} is not known, only {CLASSIC} is. "
            "Point at the raw frames instead.",
        )
    return manifest


def _objects(
    path: Path, manifest: dict[str, Any], name: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Go through a manifest's list of objects, each with its name for the messages."""
    listed = manifest.get(name)
    if not isinstance(listed, list):
        raise _wrong(path, name, "a list", listed)
    if len(listed) > MAX_GROUPS:
        raise RunFolderError(path, f"has {len(listed)} {name}; up to {MAX_GROUPS} are read.")
    for number, each in enumerate(listed):
        if not isinstance(each, dict):
            raise _wrong(path, f"{name}[{number}]", "an object", each)
        yield f"{name}[{number}]", each


def _tile_id(path: Path, name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise _wrong(path, name, "a whole number from 0 on", value)
    return value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _shape(value: object) -> tuple[int, ...] | None:
    if isinstance(value, list) and all(isinstance(each, int) for each in value):
        return tuple(value)
    return None


def _wrong(path: Path, name: str, wanted: str, value: object) -> RunFolderError:
    return RunFolderError(path, f"{name}: must be {wanted}, not {shortened(value)}.")
