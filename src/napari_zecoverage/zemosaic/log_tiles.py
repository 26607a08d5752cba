"""Which master tile a line of ZeMosaic's log is about, and which time it was made.

ZeMosaic may work on several tiles at once, and not all lines name theirs. A line without
a tile id is taken as a tile's only where that is unambiguous.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from napari_zecoverage.zemosaic.log_lines import LogEntry


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


# A tile that gets a second line of one of these is being made another time.
_ONCE: Final = ("gating", "coverage_stats", "coverage_ignored", "coverage_thresholds")


class _Placed(NamedTuple):
    """An entry, and how often its tile was begun up to there (0 for one without a tile)."""

    entry: LogEntry
    time: int


_TileTime = tuple[int, int]


def lines_by_tile(
    entries: Iterable[LogEntry],
) -> tuple[dict[int, TileLog], tuple[LogEntry, ...]]:
    """Sort a log's lines by tile; those without an id go where they certainly belong.

    A line without a tile id is taken as a tile's where the nearest lines that name a
    tile, before and after it, name this one, no other tile's lines lie round it, and the
    tile has one such line.

    Parameters
    ----------
    entries : iterable of LogEntry
        In the log's order.

    Returns
    -------
    tiles : dict of int to TileLog
        By tile id, sorted.
    without_tile : tuple of LogEntry
        Lines of which it is not certain what tile they are about, in the log's order.
    """
    placed = _numbered(entries)
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
