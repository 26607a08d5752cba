"""ZeMosaic's output folders, and GRID plans: which frames went into which master tile.

Nothing is ever written here, and no path of a manifest is opened as anything but a frame.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.errors import ClusterError, RunFolderError
from napari_zecoverage.core.found_clusters import find_frame_clusters
from napari_zecoverage.core.paths import absolute
from napari_zecoverage.zemosaic.grid_plan import GRID_PLAN_NAME, PlannedFrame, read_grid_plan
from napari_zecoverage.zemosaic.manifests import (
    CLASSIC,
    CachedFrame,
    Tile,
    read_index,
    read_plan,
    read_snapshot,
    read_tiles,
)
from napari_zecoverage.zemosaic.planned_tiles import (
    NAMED_AT_MOST,
    PlannedTile,
    all_prepared,
    notes_on_plan,
    tiles_of_plan,
)
from napari_zecoverage.zemosaic.printable import shortened
from napari_zecoverage.zemosaic.run_clusters import LostGroup, clusters_of_plan, in_plans_case
from napari_zecoverage.zemosaic.run_names import (
    CACHE_FOLDER,
    INDEX_NAME,
    PLAN_NAME,
    SNAPSHOT_NAME,
    STATE_FOLDER,
    TILES_NAME,
)

Pipeline = Literal["classic_legacy", "grid"]

_GRID_NOTE: Final = (
    "GRID mode: ZeMosaic makes tiles on a grid of the sky from the frames of all batches, and "
    "never masks them by coverage."
)

_NO_TILES: Final[Sequence[Tile]] = ()
_NO_CACHES: Final[Sequence[CachedFrame]] = ()

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, eq=False)
class ZeMosaicRun:
    """What a ZeMosaic output folder, or a GRID plan, tells of a run.

    Attributes
    ----------
    folder : Path
        Absolute.
    pipeline : {"classic_legacy", "grid"}
        What ZeMosaic did, or of a GRID plan will do.
    clusters : tuple of Cluster
        One a group with at least one frame that can be used, in the order of
        their tiles.
    lost : tuple of LostGroup
        The groups without any.
    config : mapping or None
        ``run_config_snapshot.json``: the settings in ZeMosaic's window when the
        run began. None when there is none.
    notes : tuple of str
        What the user should know of the run, in words.
    """

    folder: Path
    pipeline: Pipeline
    clusters: tuple[Cluster, ...]
    lost: tuple[LostGroup, ...] = ()
    config: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()


def find_clusters(
    source: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    root: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> list[Cluster]:
    """Find the clusters of frames in what the user points at.

    Parameters
    ----------
    source : path-like or iterable of path-like
        A ZeMosaic output folder (or one of the manifests in it), whose groups are
        the clusters; a folder with GRID mode's ``stack_plan.csv``, whose batches
        are; a frame; any other folder, whose frames are a cluster, and each of
        whose sub-folders with frames is another; or a list of these, whose files
        together are one cluster.
    root : path-like, optional
        Folder below which the raw frames of a run are looked for by name when
        they are no longer where the run found them.
    progress : callable, optional
        Given how many frames were looked at, and how many there are in the run or
        folder that is searched.
    should_stop : callable, optional
        Asked at each folder and at each frame.

    Returns
    -------
    list of Cluster
        At least one. What is to be said of a run as a whole is in the first
        cluster's notes.

    Raises
    ------
    ClusterError
        There is no frame; the message says where was looked for what.
    RunFolderError
        A run's manifest, or a GRID plan, cannot be used, or none of its frames
        can; the message says why.
    StudyCancelledError
        `should_stop` said so.
    """
    if isinstance(source, (str, os.PathLike)):
        return _from_place(source, root, progress, should_stop)
    given = list(source)
    runs = [each for each in given if _run_folder(each) is not None]
    others = [each for each in given if _run_folder(each) is None]
    clusters = []
    if others or not runs:
        clusters = find_frame_clusters(others, progress=progress, should_stop=should_stop)
    for each in runs:
        clusters += _from_place(each, root, progress, should_stop)
    return clusters


def read_run(
    folder: str | os.PathLike[str],
    root: str | os.PathLike[str] | None = None,
    *,
    progress: Callable[[int, int], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> ZeMosaicRun:
    """Read a ZeMosaic output folder, or a folder with GRID mode's ``stack_plan.csv``.

    Of an output folder the plan (``stack_plan_manifest.json``) tells the groups.
    Without it, Phase 1's index tells the frames, which are then one cluster. The
    other files may be missing or damaged; a note says so. Where ZeMosaic kept its
    .npy caches the pixels are read from there, and the header from the index; the
    raw frame stays the name that the user sees.

    Parameters
    ----------
    folder : path-like
        Or one of the manifests in it.
    root : path-like, optional
        Folder below which raw frames are looked for by name when they are no
        longer where the run found them; one of several of that name is not taken.
    progress, should_stop : callable, optional
        As for `find_clusters`.

    Returns
    -------
    ZeMosaicRun

    Raises
    ------
    RunFolderError
        It is no run; its plan is damaged, of another version or another pipeline;
        nothing tells its frames; or `root` is no folder.
    StudyCancelledError
        `should_stop` said so.
    """
    place = _run_folder(folder) or absolute(folder)
    base = None if root is None else absolute(root)
    notes: list[str] = []
    groups = read_plan(place)
    if groups is None and not _has_index(place) and os.path.lexists(place / GRID_PLAN_NAME):
        return _grid_run(place, base, progress, should_stop)
    config = _if_usable(read_snapshot, place, None, notes)
    tiles = _if_usable(read_tiles, place, _NO_TILES, notes)
    index = _if_usable(read_index, place, _NO_CACHES, notes)
    cached = {in_plans_case(each.path_raw): each for each in index}
    if groups is not None:
        planned = tiles_of_plan(place, groups, tiles, notes)
        if os.path.lexists(place / GRID_PLAN_NAME):
            notes.append(
                f"There is a {GRID_PLAN_NAME} here too: with this folder as its input ZeMosaic "
                "would run in GRID mode, which masks no tile by coverage."
            )
    elif cached:
        planned = [all_prepared(place, cached.values())]
    else:
        raise _nothing_told(place, tiles, config, notes)
    beside = [place, place.parent]
    clusters, lost = clusters_of_plan(
        place, planned, cached, beside, base, progress=progress, should_stop=should_stop
    )
    return ZeMosaicRun(
        folder=place,
        pipeline=CLASSIC,
        clusters=tuple(clusters),
        lost=tuple(lost),
        config=config,
        notes=(*notes, *notes_on_plan(planned)),
    )


def _has_index(folder: Path) -> bool:
    return os.path.lexists(folder / CACHE_FOLDER / INDEX_NAME)


def _run_folder(source: str | os.PathLike[str]) -> Path | None:
    """Return the folder of the run that is meant; None when nothing tells its frames."""
    place = absolute(source)
    if place.name in (PLAN_NAME, TILES_NAME) and place.parent.name == STATE_FOLDER:
        place = place.parent.parent
    elif place.name in (GRID_PLAN_NAME, SNAPSHOT_NAME, STATE_FOLDER) or (
        place.name == CACHE_FOLDER and os.path.lexists(place / INDEX_NAME)
    ):
        place = place.parent
    told_by = (place / STATE_FOLDER / PLAN_NAME, place / GRID_PLAN_NAME)
    return place if any(map(os.path.lexists, told_by)) or _has_index(place) else None


def _from_place(
    source: str | os.PathLike[str],
    root: str | os.PathLike[str] | None,
    progress: Callable[[int, int], object] | None,
    should_stop: Callable[[], bool] | None,
) -> list[Cluster]:
    folder = _run_folder(source)
    if folder is not None:
        return _clusters_of_run(read_run(folder, root, progress=progress, should_stop=should_stop))
    try:
        return find_frame_clusters(source, progress=progress, should_stop=should_stop)
    except ClusterError:
        place = absolute(source)
        if os.path.lexists(place / SNAPSHOT_NAME) or os.path.lexists(place / STATE_FOLDER):
            read_run(place, root)  # says what the run lacks
        raise


def _clusters_of_run(run: ZeMosaicRun) -> list[Cluster]:
    lost = [f"{each.name}: {_why_lost(each)}" for each in run.lost[:NAMED_AT_MOST]]
    if len(run.lost) > NAMED_AT_MOST:
        lost.append(f"and {len(run.lost) - NAMED_AT_MOST} more clusters without frames.")
    if not run.clusters:
        raise RunFolderError(run.folder, "\n".join(["none of its frames can be used.", *lost]))
    first, *others = run.clusters
    return [replace(first, notes=(*first.notes, *run.notes, *lost)), *others]


def _why_lost(group: LostGroup) -> str:
    if not group.missing:
        return "the run lists no frames for it."
    path, reason = group.missing[0]
    count = len(group.missing)
    others = f" The other {count - 1} cannot be used either." if count > 1 else ""
    return f"none of its frames can be used. {path}: {reason}{others}"


def _if_usable(
    read: Callable[[Path], _Answer], folder: Path, otherwise: _Answer, notes: list[str]
) -> _Answer:
    """Read one of the files that a run can do without; note when it cannot be used."""
    try:
        return read(folder)
    except RunFolderError as error:
        notes.append(str(error))
        return otherwise


def _nothing_told(
    place: Path, tiles: Sequence[Tile], config: Mapping[str, Any] | None, notes: Sequence[str]
) -> RunFolderError:
    if not os.path.isdir(place):
        return RunFolderError(place, "there is no such folder.")
    said = "".join(f"\n{note}" for note in notes)
    if tiles or config is not None or said:
        return RunFolderError(
            place,
            f"nothing here tells which frames were stacked: {STATE_FOLDER}/{PLAN_NAME} is missing "
            "(ZeMosaic writes it unless `resume` is off). Point at the raw frames instead." + said,
        )
    return RunFolderError(
        place, f"is no output folder of ZeMosaic: there is no {STATE_FOLDER}/{PLAN_NAME} in it."
    )


def _grid_run(
    place: Path,
    root: Path | None,
    progress: Callable[[int, int], object] | None,
    should_stop: Callable[[], bool] | None,
) -> ZeMosaicRun:
    plan = read_grid_plan(place / GRID_PLAN_NAME)
    batches: dict[str, dict[str, PlannedFrame]] = {}
    for frame in plan.frames:
        batches.setdefault(frame.batch, {})[frame.path] = frame
    planned = [
        PlannedTile(
            _batch_name(batch, len(batches)), None, tuple(rows), notes=(_GRID_NOTE,), rows=rows
        )
        for batch, rows in batches.items()
    ]
    clusters, lost = clusters_of_plan(
        place, planned, {}, [place], root, progress=progress, should_stop=should_stop
    )
    return ZeMosaicRun(place, "grid", tuple(clusters), tuple(lost), None, plan.notes)


def _batch_name(batch: str, count: int) -> str:
    if batch:
        return f"batch {shortened(batch)}"
    return "all frames" if count == 1 else "frames without a batch"
