"""ZeMosaic's output folders, and GRID plans: which frames went into which master tile.

Nothing is ever written here, and no path of a manifest is opened as anything but a frame.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar

from napari_zecoverage.core.clusters import (
    CHUNKED_ABOVE_SMALL_MEMORY,
    Cluster,
    find_frame_clusters,
    look_at_all,
)
from napari_zecoverage.core.errors import ClusterError, FrameError, RunFolderError
from napari_zecoverage.core.frames import FrameInfo, look_at_cached_frame
from napari_zecoverage.zemosaic.grid_plan import GRID_PLAN_NAME, PlannedFrame, read_grid_plan
from napari_zecoverage.zemosaic.manifests import (
    CACHE_FOLDER,
    CLASSIC,
    INDEX_NAME,
    PLAN_NAME,
    SNAPSHOT_NAME,
    STATE_FOLDER,
    TILES_NAME,
    CachedFrame,
    Group,
    Tile,
    is_windows_path,
    read_index,
    read_plan,
    read_snapshot,
    read_tiles,
    shortened,
)
from napari_zecoverage.zemosaic.raw_paths import MAX_PATH_LENGTH, file_name, find_raws

Pipeline = Literal["classic_legacy", "grid"]

TILES_FOLDER: Final = "zemosaic_temp_master_tiles"
"""Where ZeMosaic keeps its master tiles during a run, and after it when told to."""

_REJECTED_FOLDER: Final = "rejected_by_quality"
_TILE_NAME: Final = re.compile(r"master_tile_\d{3,10}\.fits?")
_CHARACTERS_SIGNED: Final = 20_000_000  # of paths, in search of a tile's frames
_NAMED_AT_MOST: Final = 5  # files that a message names before it counts the rest

_GRID_NOTE: Final = (
    "GRID mode: ZeMosaic makes tiles on a grid of the sky from the frames of all batches, and "
    "never masks them by coverage."
)
_KEPT_TILES_NOTE: Final = (
    f"Master tiles are kept ({TILES_FOLDER}): ZeMosaic takes them as they are when this run is "
    "started again. New thresholds act only on tiles that were deleted before."
)

_NO_PLAN_NOTE: Final = (
    "The plan is missing, so which frames share a tile cannot be told: all frames that ZeMosaic "
    "prepared are shown as one cluster."
)

_NO_TILES: Final[Sequence[Tile]] = ()
_NO_CACHES: Final[Sequence[CachedFrame]] = ()

_Answer = TypeVar("_Answer")


class LostGroup(NamedTuple):
    """A group of frames of a run of which no frame can be used."""

    name: str
    tile_id: int | None
    missing: tuple[tuple[str, str], ...]
    """Path, as the run wrote it, and reason."""


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
    """
    if isinstance(source, (str, os.PathLike)):
        return _from_place(source, root)
    given = list(source)
    runs = [each for each in given if _run_folder(each) is not None]
    others = [each for each in given if _run_folder(each) is None]
    clusters = find_frame_clusters(others) if others or not runs else []
    for each in runs:
        clusters += _from_place(each, root)
    return clusters


def read_run(
    folder: str | os.PathLike[str], root: str | os.PathLike[str] | None = None
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

    Returns
    -------
    ZeMosaicRun

    Raises
    ------
    RunFolderError
        It is no run; its plan is damaged, of another version or another pipeline;
        nothing tells its frames; or `root` is no folder.
    """
    place = _run_folder(folder) or _absolute(folder)
    base = None if root is None else _absolute(root)
    notes: list[str] = []
    groups = read_plan(place)
    if groups is None and not _has_index(place) and os.path.lexists(place / GRID_PLAN_NAME):
        return _grid_run(place, base)
    config = _if_usable(read_snapshot, place, None, notes)
    tiles = _if_usable(read_tiles, place, _NO_TILES, notes)
    index = _if_usable(read_index, place, _NO_CACHES, notes)
    cached = {_same_case(each.path_raw): each for each in index}
    if groups is not None:
        planned = _planned(place, groups, tiles, notes)
        if os.path.lexists(place / GRID_PLAN_NAME):
            notes.append(
                f"There is a {GRID_PLAN_NAME} here too: with this folder as its input ZeMosaic "
                "would run in GRID mode, which masks no tile by coverage."
            )
    elif cached:
        planned = [_all_prepared(place, cached.values())]
    else:
        raise _nothing_told(place, tiles, config, notes)
    clusters, lost = _clusters(place, planned, cached, [place, place.parent], base)
    return ZeMosaicRun(
        folder=place,
        pipeline=CLASSIC,
        clusters=tuple(clusters),
        lost=tuple(lost),
        config=config,
        notes=(*notes, *_notes_on(planned)),
    )


# Places


def _absolute(path: str | os.PathLike[str]) -> Path:
    return Path(os.path.abspath(os.fspath(path)))


def _has_index(folder: Path) -> bool:
    return os.path.lexists(folder / CACHE_FOLDER / INDEX_NAME)


def _run_folder(source: str | os.PathLike[str]) -> Path | None:
    """Return the folder of the run that is meant; None when nothing tells its frames."""
    place = _absolute(source)
    if place.name in (PLAN_NAME, TILES_NAME) and place.parent.name == STATE_FOLDER:
        place = place.parent.parent
    elif place.name in (GRID_PLAN_NAME, SNAPSHOT_NAME, STATE_FOLDER) or (
        place.name == CACHE_FOLDER and os.path.lexists(place / INDEX_NAME)
    ):
        place = place.parent
    told_by = (place / STATE_FOLDER / PLAN_NAME, place / GRID_PLAN_NAME)
    return place if any(map(os.path.lexists, told_by)) or _has_index(place) else None


def _from_place(
    source: str | os.PathLike[str], root: str | os.PathLike[str] | None
) -> list[Cluster]:
    folder = _run_folder(source)
    if folder is not None:
        return _clusters_of_run(read_run(folder, root))
    try:
        return find_frame_clusters(source)
    except ClusterError:
        place = _absolute(source)
        if os.path.lexists(place / SNAPSHOT_NAME) or os.path.lexists(place / STATE_FOLDER):
            read_run(place, root)  # says what the run lacks
        raise


def _clusters_of_run(run: ZeMosaicRun) -> list[Cluster]:
    lost = [f"{each.name}: {_why_lost(each)}" for each in run.lost[:_NAMED_AT_MOST]]
    if len(run.lost) > _NAMED_AT_MOST:
        lost.append(f"and {len(run.lost) - _NAMED_AT_MOST} more clusters without frames.")
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
    if not place.is_dir():
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


# What was planned


class _Planned(NamedTuple):
    """Frames of one cluster, before they are looked for."""

    name: str
    tile_id: int | None
    paths: tuple[str, ...]
    not_paths: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    master_tile: Path | None = None
    rows: Mapping[str, PlannedFrame] = {}
    """What a GRID plan says of its frames, by path."""


def _planned(
    place: Path, groups: Sequence[Group], tiles: Sequence[Tile], notes: list[str]
) -> list[_Planned]:
    """Put the groups and the tiles that were made of them together."""
    own = {tile.tile_id: tile for tile in tiles}
    signatures = {group.tile_id: _signatures(group) for group in groups}
    retries = [tile for tile in tiles if tile.tile_id not in signatures]
    whole = {tile.signature: tile for tile in retries if tile.signature}
    planned = []
    for group in groups:
        said: list[str] = []
        number = group.tile_id
        tile = own.get(number)
        again = next((whole[each] for each in signatures[number] if each in whole), None)
        if tile is not None and tile.signature and tile.signature not in signatures[number]:
            said.append(
                f"The master tile of number {number} was made of other frames than the plan "
                "lists; it is not shown."
            )
            tile_file = None
        else:
            if tile is None and again is not None:
                said.append(
                    f"Its tile failed as number {number}; ZeMosaic made it again as number "
                    f"{again.tile_id}."
                )
                tile, number = again, again.tile_id
                retries.remove(again)
            tile_file = _tile_file(place, number, tile, said)
        planned.append(
            _Planned(
                name=_tile_name(number),
                tile_id=number,
                paths=group.raw_paths,
                not_paths=group.not_paths,
                notes=tuple(said),
                master_tile=tile_file,
            )
        )
    planned += _retried(place, groups, retries, notes)
    return sorted(planned, key=lambda each: each.tile_id or 0)


def _retried(
    place: Path, groups: Sequence[Group], retries: Sequence[Tile], notes: list[str]
) -> Iterator[_Planned]:
    """Find the frames of tiles that the plan lacks: frames that failed in a tile of it."""
    found = _parts_with({tile.signature for tile in retries if tile.signature}, groups)
    for tile in retries:
        if tile.signature in found:
            group, paths = found[tile.signature]
            said = [f"These frames failed in tile {group.tile_id}; ZeMosaic stacked them again."]
            tile_file = _tile_file(place, tile.tile_id, tile, said)
            yield _Planned(
                name=_tile_name(tile.tile_id),
                tile_id=tile.tile_id,
                paths=paths,
                notes=tuple(said),
                master_tile=tile_file,
            )
    unknown = [_tile_name(tile.tile_id) for tile in retries if tile.signature not in found]
    if unknown:
        more = ", …" if len(unknown) > _NAMED_AT_MOST else ""
        notes.append(
            f"{', '.join(unknown[:_NAMED_AT_MOST])}{more}: made in a retry; which frames went in "
            "cannot be told."
        )


def _parts_with(
    wanted: set[str], groups: Sequence[Group]
) -> dict[str | None, tuple[Group, tuple[str, ...]]]:
    """Find parts of groups by their signatures, within a second's work."""
    found: dict[str | None, tuple[Group, tuple[str, ...]]] = {}
    characters = 0
    for group, paths in _parts(groups):
        characters += sum(map(len, paths))
        if len(found) == len(wanted) or characters > _CHARACTERS_SIGNED:
            break
        signature = _signature_of(paths)
        if signature in wanted:
            found.setdefault(signature, (group, paths))
    return found


def _parts(groups: Sequence[Group]) -> Iterator[tuple[Group, tuple[str, ...]]]:
    """Go through the parts of all groups: few frames of each, and all but few, first."""
    for few in itertools.count():
        groups = [group for group in groups if len(group.raw_paths) >= max(1, 2 * few)]
        if not groups:
            return
        for group in groups:
            for size in sorted({few, len(group.raw_paths) - few} - {0}):
                for paths in itertools.combinations(group.raw_paths, size):
                    yield group, paths


def _signature_of(paths: Sequence[str]) -> str:
    """Return ZeMosaic's signature of a group: SHA-256 of the compact JSON list (ZEMOSAIC.md §2)."""
    return hashlib.sha256(json.dumps(list(paths), separators=(",", ":")).encode()).hexdigest()


def _signatures(group: Group) -> set[str]:
    written = {group.signature} if group.signature else set()
    return written | {_signature_of(group.raw_paths)}


def _tile_name(tile_id: int) -> str:
    return f"master_tile_{tile_id:03d}"


def _tile_file(place: Path, tile_id: int, tile: Tile | None, said: list[str]) -> Path | None:
    """Find a master tile: in this folder first, which may have been moved."""
    name = f"{_tile_name(tile_id)}.fits"
    folders = [place / TILES_FOLDER]
    if tile is not None and _TILE_NAME.fullmatch(file_name(tile.path[-MAX_PATH_LENGTH:])):
        name = file_name(tile.path[-MAX_PATH_LENGTH:])
        if os.path.isabs(tile.path) and ".." not in Path(tile.path).parts:
            folders.append(Path(tile.path).parent)
    for folder in folders:
        if os.path.isfile(folder / name):
            if tile is None:
                said.append("Its master tile is not in the run's list; it was taken by its number.")
            return folder / name
    for folder in [place, *folders]:
        rejected = folder / _REJECTED_FOLDER / name
        if os.path.isfile(rejected):
            said.append("ZeMosaic's quality gate rejected its master tile.")
            return rejected
    return None


def _all_prepared(place: Path, cached: Iterable[CachedFrame]) -> _Planned:
    return _Planned(
        place.name or "run",
        None,
        tuple(each.path_raw for each in cached),
        notes=(_NO_PLAN_NOTE,),
    )


def _notes_on(planned: Sequence[_Planned]) -> list[str]:
    notes = []
    if any(each.master_tile is not None for each in planned):
        notes.append(_KEPT_TILES_NOTE)
    zeroth = next((each for each in planned if each.tile_id == 0), None)
    if zeroth is not None and len(zeroth.paths) > CHUNKED_ABOVE_SMALL_MEMORY and len(planned) > 1:
        notes.append(
            f"Tile 0 has {len(zeroth.paths)} frames. Where ZeMosaic stacks so many in chunks "
            "(always above 224), the chunks are written over master_tile_001 and following, and "
            "then deleted."
        )
    return notes


# From plan to clusters


def _clusters(
    place: Path,
    planned: Sequence[_Planned],
    cached: Mapping[str, CachedFrame],
    beside: Sequence[Path],
    root: Path | None,
) -> tuple[list[Cluster], list[LostGroup]]:
    wanted = list(dict.fromkeys(path for each in planned for path in each.paths))
    found = find_raws(wanted, beside, root)
    looks = _looks(place, found, cached)
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
    place: Path, found: Mapping[str, Path | str], cached: Mapping[str, CachedFrame]
) -> dict[str, _Look]:
    """Look at each frame once: at its cache where there is one, else at the raw."""
    looks: dict[str, _Look] = {}
    raws: dict[Path, list[str]] = {}
    for path, where in found.items():
        entry = cached.get(_same_case(path))
        kept = None if entry is None else _look_at_cache(place, path, where, entry)
        if kept is not None:
            looks[path] = kept
        elif isinstance(where, Path):
            raws.setdefault(where, []).append(path)
        else:
            looks[path] = where
    for file, look in zip(raws, look_at_all(list(raws)), strict=True):
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


def _same_case(path: str) -> str:
    """Return a path as ZeMosaic's plan spells it: in lower case where Windows wrote it."""
    return path.replace("/", "\\").lower() if is_windows_path(path) else path


def _cluster(place: Path, planned: _Planned, looks: Mapping[str, _Look]) -> Cluster | LostGroup:
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
    kept = sum(frame.pixels_path is not None for frame in frames.values())
    if kept:
        notes.append(
            f"{kept} of {len(frames)} frames are read from the caches that ZeMosaic kept, in "
            "which hot pixels are mended."
        )
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


# GRID mode


def _grid_run(place: Path, root: Path | None) -> ZeMosaicRun:
    plan = read_grid_plan(place / GRID_PLAN_NAME)
    batches: dict[str, dict[str, PlannedFrame]] = {}
    for frame in plan.frames:
        batches.setdefault(frame.batch, {})[frame.path] = frame
    planned = [
        _Planned(
            _batch_name(batch, len(batches)), None, tuple(rows), notes=(_GRID_NOTE,), rows=rows
        )
        for batch, rows in batches.items()
    ]
    clusters, lost = _clusters(place, planned, {}, [place], root)
    return ZeMosaicRun(place, "grid", tuple(clusters), tuple(lost), None, plan.notes)


def _batch_name(batch: str, count: int) -> str:
    if batch:
        return f"batch {shortened(batch)}"
    return "all frames" if count == 1 else "frames without a batch"


def _told_by_row(frame: FrameInfo, row: PlannedFrame) -> FrameInfo:
    return replace(
        frame,
        exposure_s=frame.exposure_s if row.exposure_s is None else row.exposure_s,
        filter=row.filter or frame.filter,
        mount=row.mount or frame.mount,
    )
