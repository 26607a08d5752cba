"""Which frames ZeMosaic planned for which master tile, and which tile was really made of them.

A tile whose making failed is made again, of fewer frames or under another number
(ZEMOSAIC.md §2): the plan and the list of finished tiles have to be put together.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from napari_zecoverage.core.clusters import CHUNKED_ABOVE_SMALL_MEMORY
from napari_zecoverage.zemosaic.grid_plan import PlannedFrame
from napari_zecoverage.zemosaic.manifests import CachedFrame, Group, Tile
from napari_zecoverage.zemosaic.raw_paths import MAX_PATH_LENGTH, file_name
from napari_zecoverage.zemosaic.run_names import TILES_FOLDER

_REJECTED_FOLDER: Final = "rejected_by_quality"
_TILE_NAME: Final = re.compile(r"master_tile_\d{3,10}\.fits?")
_CHARACTERS_SIGNED: Final = 20_000_000  # of paths, in search of a tile's frames
NAMED_AT_MOST: Final = 5  # files that a message names before it counts the rest
_KEPT_TILES_NOTE: Final = (
    f"Master tiles are kept ({TILES_FOLDER}): ZeMosaic takes them as they are when this run is "
    "started again. New thresholds act only on tiles that were deleted before."
)

_NO_PLAN_NOTE: Final = (
    "The plan is missing, so which frames share a tile cannot be told: all frames that ZeMosaic "
    "prepared are shown as one cluster."
)


class PlannedTile(NamedTuple):
    """Frames of one cluster, before they are looked for."""

    name: str
    tile_id: int | None
    paths: tuple[str, ...]
    not_paths: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    master_tile: Path | None = None
    rows: Mapping[str, PlannedFrame] = {}
    """What a GRID plan says of its frames, by path."""


def tiles_of_plan(
    place: Path, groups: Sequence[Group], tiles: Sequence[Tile], notes: list[str]
) -> list[PlannedTile]:
    """Put a plan's groups and the tiles that were made of them together.

    Parameters
    ----------
    place : Path
        The run's output folder.
    groups : sequence of Group
        The plan.
    tiles : sequence of Tile
        The finished tiles.
    notes : list of str
        What is to be said of the run as a whole is added to it.

    Returns
    -------
    list of PlannedTile
        In the order of their numbers.
    """
    own = {tile.tile_id: tile for tile in tiles}
    signatures = {group.tile_id: _signatures(group) for group in groups}
    retries = [tile for tile in tiles if tile.tile_id not in signatures]
    whole: dict[str | None, Tile] = {tile.signature: tile for tile in retries if tile.signature}
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
                del whole[again.signature]
            tile_file = _tile_file(place, number, tile, said)
        planned.append(
            PlannedTile(
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


def all_prepared(place: Path, cached: Iterable[CachedFrame]) -> PlannedTile:
    """Take all frames that Phase 1 prepared as one cluster: without a plan no more is known."""
    return PlannedTile(
        place.name or "run",
        None,
        tuple(each.path_raw for each in cached),
        notes=(_NO_PLAN_NOTE,),
    )


def notes_on_plan(planned: Sequence[PlannedTile]) -> list[str]:
    """Say what a user should know of the tiles of a run."""
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


def _retried(
    place: Path, groups: Sequence[Group], retries: Sequence[Tile], notes: list[str]
) -> Iterator[PlannedTile]:
    """Find the frames of tiles that the plan lacks: frames that failed in a tile of it."""
    found = _parts_with({tile.signature for tile in retries if tile.signature}, groups)
    for tile in retries:
        if tile.signature in found:
            group, paths = found[tile.signature]
            said = [f"These frames failed in tile {group.tile_id}; ZeMosaic stacked them again."]
            tile_file = _tile_file(place, tile.tile_id, tile, said)
            yield PlannedTile(
                name=_tile_name(tile.tile_id),
                tile_id=tile.tile_id,
                paths=paths,
                notes=tuple(said),
                master_tile=tile_file,
            )
    unknown = [_tile_name(tile.tile_id) for tile in retries if tile.signature not in found]
    if unknown:
        more = ", …" if len(unknown) > NAMED_AT_MOST else ""
        notes.append(
            f"{', '.join(unknown[:NAMED_AT_MOST])}{more}: made in a retry; which frames went in "
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
