"""From the plan of a run to its clusters: each frame looked for, and looked at once.

Where ZeMosaic kept its .npy caches the pixels are read from there, and the header from
the index beside them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import ClusterError, FrameError
from napari_zecoverage.core.frame_search import look_at_all, stop_if_asked
from napari_zecoverage.core.frames import FrameInfo, look_at_cached_frame
from napari_zecoverage.zemosaic.grid_plan import PlannedFrame
from napari_zecoverage.zemosaic.manifests import CachedFrame, is_windows_path
from napari_zecoverage.zemosaic.planned_tiles import PlannedTile
from napari_zecoverage.zemosaic.printable import shortened
from napari_zecoverage.zemosaic.raw_paths import MAX_PATH_LENGTH, file_name, find_raws
from napari_zecoverage.zemosaic.run_names import CACHE_FOLDER


class LostGroup(NamedTuple):
    """A group of frames of a run of which no frame can be used."""

    name: str
    tile_id: int | None
    missing: tuple[tuple[str, str], ...]
    """Path, as the run wrote it, and reason."""


def clusters_of_plan(
    place: Path,
    planned: Sequence[PlannedTile],
    cached: Mapping[str, CachedFrame],
    beside: Sequence[Path],
    root: Path | None,
    *,
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[list[Cluster], list[LostGroup]]:
    """Find the frames of a plan.

    Parameters
    ----------
    place : Path
        The run's output folder.
    planned : sequence of PlannedTile
    cached : mapping of str to CachedFrame
        Phase 1's index, by `in_plans_case` of the raw frame's path.
    beside : sequence of Path
        Folders that relative paths may start at.
    root : Path or None
        Folder below which moved frames are looked for by name.
    progress : callable, optional
        Given how many frames of the plan were looked at, in their caches or
        themselves, or are not there, and how many there are.
    should_stop : callable, optional
        Asked at each frame, and at each folder below `root`.

    Returns
    -------
    clusters : list of Cluster
        Of each planned tile with at least one frame that can be used.
    lost : list of LostGroup
        The others.

    Raises
    ------
    StudyCancelledError
        `should_stop` said so.
    """
    wanted = list(dict.fromkeys(path for each in planned for path in each.paths))
    found = find_raws(wanted, beside, root, should_stop=should_stop)
    looks = _looks(place, found, cached, progress, should_stop)
    clusters, lost = [], []
    for each in planned:
        made = _cluster(place, each, looks)
        if isinstance(made, Cluster):
            clusters.append(made)
        else:
            lost.append(made)
    return clusters, lost


_Look = FrameInfo | FrameError | str
"""A frame, or why it cannot be read, or why there is none."""


def _looks(
    place: Path,
    found: Mapping[str, Path | str],
    cached: Mapping[str, CachedFrame],
    progress: Callable[[int, int], object] | None,
    should_stop: Callable[[], bool] | None,
) -> dict[str, _Look]:
    """Look at each frame once: at its cache where there is one, else at the raw."""
    looks: dict[str, _Look] = {}
    raws: dict[Path, list[str]] = {}
    for path, where in found.items():
        stop_if_asked(should_stop)
        entry = cached.get(in_plans_case(path))
        kept = None if entry is None else _look_at_cache(place, path, where, entry)
        if kept is not None:
            looks[path] = kept
        elif isinstance(where, Path):
            raws.setdefault(where, []).append(path)
        else:
            looks[path] = where
        if progress is not None and path in looks:
            progress(len(looks), len(found))

    def report(done: int, of_raws: int) -> None:
        if progress is not None:
            progress(len(found) - of_raws + done, len(found))

    looked_at = look_at_all(list(raws), progress=report, should_stop=should_stop)
    for file, look in zip(raws, looked_at, strict=True):
        looks |= dict.fromkeys(raws[file], look)
    return looks


def _look_at_cache(
    place: Path, path: str, where: Path | str, entry: CachedFrame
) -> FrameInfo | None:
    """Look at the cache of a frame, where it was kept: beside the index, or where it was."""
    name = file_name(entry.cache[-MAX_PATH_LENGTH:])
    if not name.lower().endswith(".npy"):
        return None
    candidates = [place / CACHE_FOLDER / name]
    if os.path.isabs(entry.cache) and ".." not in Path(entry.cache).parts:
        candidates.append(Path(entry.cache))
    if isinstance(where, Path):
        raw = where
    else:
        raw = Path(path.replace("\\", "/") if is_windows_path(path) else path)
    for cache in candidates:
        if not os.path.isfile(cache):
            continue
        try:
            frame = look_at_cached_frame(raw, cache, entry.header)
        except FrameError:
            continue  # the raw is read instead
        if entry.shape in (None, (*frame.shape, 3)):
            return frame
    return None


def in_plans_case(path: str) -> str:
    """Return a path as ZeMosaic's plan spells it: in lower case where Windows wrote it."""
    return path.replace("/", "\\").lower() if is_windows_path(path) else path


def _cluster(place: Path, planned: PlannedTile, looks: Mapping[str, _Look]) -> Cluster | LostGroup:
    missing = [(path, "it is not a path.") for path in planned.not_paths]
    left_out = []
    frames: dict[str, FrameInfo] = {}
    notes = list(planned.notes)
    repeats = 0
    for path in planned.paths:
        look = looks[path]
        if isinstance(look, str):
            missing.append((shortened(path, MAX_PATH_LENGTH), look))
        elif isinstance(look, FrameError):
            left_out.append((look.path, look.reason))
        else:
            file = os.path.realpath(look.path)
            repeats += file in frames
            row = planned.rows.get(path)
            frames.setdefault(file, look if row is None else _told_by_row(look, row))
    if repeats:
        notes.append(f"{repeats} of its frames are listed more than once; each is taken once.")
    if missing:
        notes.append(
            f"{len(missing)} of {len(planned.paths) + len(planned.not_paths)} frames were not "
            "found; the coverage is that of the others."
        )
    try:
        cluster = Cluster.from_frames(frames.values(), planned.name, left_out=left_out, notes=notes)
    except ClusterError:
        return LostGroup(planned.name, planned.tile_id, (*missing, *left_out))
    return replace(
        cluster,
        tile_id=planned.tile_id,
        missing=tuple(missing),
        master_tile=planned.master_tile,
        run_folder=place,
    )


def _told_by_row(frame: FrameInfo, row: PlannedFrame) -> FrameInfo:
    return replace(
        frame,
        exposure_s=frame.exposure_s if row.exposure_s is None else row.exposure_s,
        filter=row.filter or frame.filter,
        mount=row.mount or frame.mount,
    )
