"""Places of a tile: pixels of one count that the same frames cover, near to each other.

A colour step is one number only where the same frames make up the mean. So pixels of one
count are told apart by whose frames cover them and by where they are, and what is too small
to be measured by itself is put together with what is most like it.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.frame_shares import LARGE_PARTS, FramesThere

Floats = NDArray[np.float64]
Picture = NDArray[np.float32]
Whole = NDArray[np.int64]
Numbers = NDArray[np.uint16]
Mask = NDArray[np.bool_]

CORE_SHARE: Final = 0.2
"""The core is the best-covered pixels that make up at least this share of the covered area ..."""

CORE_LEAST: Final = 0.5
"""... but never pixels with less than this share of the maximum."""

SAMPLES: Final = 300_000
"""About so many pixels of the canvas are looked at, evenly spread."""

WANTED_SAMPLES: Final = (60, 30, 2000)
"""A place should have 30 samples times (core count / count), at least 60 and at most 2000;
one with fewer is measured together with the next ones of its count. Its error is then about
half the colour noise of a core pixel."""

OF_ONE_KIND: Final = 60
"""So many samples are enough where the same frames cover them all."""

CELLS: Final = 8
"""A count is told apart in so many places along each side, where they are large enough."""

SMALL_PARTS: Final = 12
"""The frames are taken apart into so many parts of nights; where a place would be too small,
into `LARGE_PARTS`."""

BLOCK_PX: Final = 16
"""Side of the blocks whose mean colours the sky is fitted to: larger than a star, smaller than
a place; larger only where the canvas would have more than ..."""

BLOCKS: Final = 64
"""... so many of them along a side."""


def number_counts(coverage: Picture) -> tuple[Floats, Numbers]:
    """Number the counts that occur, rising from 0, and give each pixel its count's number.

    Coverage is a whole number of frames; what is not finite counts as 0.
    """
    lowest, highest = coverage.min(initial=0), coverage.max(initial=0)
    if not (lowest >= 0 and highest < 2**16 - 1):  # NaN is not either
        known = np.where(np.isfinite(coverage), coverage, np.float32(0))
        coverage = np.clip(known, 0, 2**16 - 1)
    whole = coverage.astype(np.uint16)
    size = int(whole.max(initial=0)) + 1
    # Quicker than counting in whole numbers; whether it is above 0 is exact all the same.
    occurs = cv2.calcHist([whole], [0], None, [size], [0, size]).ravel() > 0
    occurs[0] = True
    table = (np.cumsum(occurs) - 1).astype(np.uint16)
    return np.flatnonzero(occurs).astype(np.float64), table[whole]


class Grid(NamedTuple):
    """Which pixels are looked at, and the block and the cell of each row and column of them.

    Attributes
    ----------
    rows, columns : slice
        The box round all that is covered.
    step : int
        Every so manyth pixel along each side of it is a sample.
    block_side : int
        Samples along each side of a block.
    blocks : tuple of int
        Blocks down and across.
    cell_rows, cell_columns : tuple of slice
        The canvas rows of each row of cells, and the columns.
    """

    rows: slice
    columns: slice
    step: int
    block_side: int
    blocks: tuple[int, int]
    cell_rows: tuple[slice, ...]
    cell_columns: tuple[slice, ...]

    @classmethod
    def of(cls, number: Numbers) -> Grid:
        """Lay the grid over all that is covered: where the counts' numbers, (H, W), are not 0."""
        box = [slice(0, 1), slice(0, 1)]
        covered = number > 0
        for axis in (0, 1):
            seen = np.flatnonzero(covered.any(axis=1 - axis))
            if seen.size:
                box[axis] = slice(int(seen[0]), int(seen[-1]) + 1)
        sizes = [side.stop - side.start for side in box]
        step = max(1, math.isqrt(sizes[0] * sizes[1] // SAMPLES))
        side = max(1, BLOCK_PX // step, -(-max(sizes) // (BLOCKS * step)))
        blocks = [max(1, size // (side * step)) for size in sizes]

        def cells(axis: int) -> tuple[slice, ...]:
            # Cells end where blocks do; the last block takes the remainder.
            edges = [-(-k * blocks[axis] // CELLS) * side * step for k in range(CELLS)]
            edges.append(sizes[axis])
            start = box[axis].start
            return tuple(slice(start + a, start + b) for a, b in pairwise(edges))

        return cls(box[0], box[1], step, side, (blocks[0], blocks[1]), cells(0), cells(1))

    @property
    def samples(self) -> tuple[slice, slice]:
        """What cuts the samples out of a picture of the canvas."""
        return (
            slice(self.rows.start, self.rows.stop, self.step),
            slice(self.columns.start, self.columns.stop, self.step),
        )

    @property
    def sampled(self) -> tuple[int, int]:
        """Samples down and across."""
        down, across = (
            len(range(side.start, side.stop, self.step)) for side in (self.rows, self.columns)
        )
        return down, across

    @property
    def shape(self) -> Floats:
        """Samples down and across, to reckon with."""
        return np.array(self.sampled, dtype=np.float64)

    def on_net(self, position: Floats) -> Floats:
        """Return the row and column, in blocks from the first one's middle, of places (x, y).

        Those are from the middle of the box, in units of its diagonal.
        """
        index = position[:, ::-1] * np.hypot(*self.shape) + self.shape / 2
        return np.asarray(index / self.block_side - 0.5)

    @property
    def net(self) -> Floats:
        """The place (x, y) of each block's middle, (rows, columns, 2)."""
        row, column = np.meshgrid(*map(np.arange, self.blocks), indexing="ij")
        index = (np.stack([column, row], axis=-1) + 0.5) * self.block_side
        return np.asarray((index - self.shape[::-1] / 2) / np.hypot(*self.shape))

    def between_blocks(self, axis: int) -> Floats:
        """Return the matrix that draws a straight line from block to block: (samples, blocks)."""
        at = (np.arange(self.shape[axis]) + 0.5) / self.block_side - 0.5
        blocks = self.blocks[axis]
        if blocks == 1:
            return np.ones((at.size, 1))
        low = np.clip(np.floor(at).astype(np.int64), 0, blocks - 2)
        drawn = np.zeros((at.size, blocks))
        rows = np.arange(at.size)
        drawn[rows, low], drawn[rows, low + 1] = 1 - (at - low), at - low
        return drawn

    @property
    def cells(self) -> list[tuple[slice, slice]]:
        """The canvas part of each cell."""
        return [(rows, columns) for rows in self.cell_rows for columns in self.cell_columns]

    def block_of(self, index: Whole, axis: int) -> Whole:
        """Return the block along an axis of samples' rows or columns."""
        return np.minimum(index // self.block_side, self.blocks[axis] - 1)


MOST_PAIRS: Final = 2**25
"""Of more pairs of a count and a mix of frames no table of all is made: hundreds of frames have
thousands of millions, of which few occur."""


class Kinds(NamedTuple):
    """Pixels of one count told apart by whose frames cover them.

    Attributes
    ----------
    number : (kinds,) int64 array
        Number of each kind's count, rising; kind 0 is "no frame".
    family : (kinds,) int64 array
        Which kinds are alike as far as the larger parts of the nights go.
    picture : (H, W) int32 array
        Each pixel's kind.
    """

    number: Whole
    family: Whole
    picture: NDArray[np.int32]


def find_kinds(frames: FramesThere, number: Numbers, counts: int) -> Kinds:
    """Tell pixels of one count apart by how many frames of each part of each night cover them.

    Frames of one part of a night have much the same sky, so pixels that are
    alike in this have much the same colour. Where the frames' places are not
    known, the counts are the kinds.
    """
    mix, coarse = _find_mixes(frames, number.shape)
    mixes = coarse.size
    if counts * mixes > MOST_PAIRS:
        found, picture = _numbered(np.where(number == 0, 0, number.astype(np.int64) * mixes + mix))
    else:
        pair = number.astype(np.int32) * np.int32(mixes) + mix
        pair[number == 0] = 0
        occurs = np.bincount(pair.ravel(), minlength=counts * mixes) > 0
        occurs[0] = True
        found = np.flatnonzero(occurs)
        picture = (np.cumsum(occurs) - 1).astype(np.int32)[pair]
    number_of, mix_of = np.divmod(found, mixes)
    family = np.unique(np.column_stack([number_of, coarse[mix_of]]), axis=0, return_inverse=True)[1]
    return Kinds(number_of, family.ravel(), picture)


def _numbered(pair: Whole) -> tuple[Whole, NDArray[np.int32]]:
    """Return the pairs that occur, 0 always, and each pixel's place among them; by sorting."""
    found = np.union1d(np.zeros(1, np.int64), pair)
    return found, np.searchsorted(found, pair).astype(np.int32)


def _find_mixes(frames: FramesThere, shape: tuple[int, int]) -> tuple[NDArray[np.int32], Whole]:
    """Number the mixes of frames that cover a pixel.

    Returns each pixel's mix, (H, W), and each mix's number when only the larger
    parts of the nights are told apart.
    """
    if not frames.frame.size:
        return np.zeros(shape, dtype=np.int32), np.zeros(1, dtype=np.int64)
    base = int(frames.times.sum()) + 1
    few = frames.parts(LARGE_PARTS)
    many = frames.parts(min(SMALL_PARTS, int(62 / math.log2(base))))
    fine, coarse = (frames.times * base**parts for parts in (many, few))
    edges = np.concatenate([frames.start, frames.stop]).T
    order = np.argsort(edges, axis=1, kind="stable")
    edges = np.take_along_axis(edges, order, axis=1)
    # Along a row the mix changes at a few columns only: work on what lies between them.
    first, last = np.zeros((shape[0], 1), np.int64), np.full((shape[0], 1), shape[1])
    lengths = np.diff(np.hstack([first, edges, last]), axis=1)

    def mixes(codes: Whole) -> Whole:
        changes = np.concatenate([codes, -codes])[order]
        return np.hstack([first, np.cumsum(changes, axis=1)]).ravel()

    codes, at, numbered = np.unique(mixes(fine), return_index=True, return_inverse=True)
    _, of_coarse = np.unique(mixes(coarse)[at], return_inverse=True)
    drawn = np.repeat(numbered.ravel().astype(np.int32), lengths.ravel())
    return drawn.reshape(shape), of_coarse.ravel()[: codes.size].astype(np.int64)


def cell_areas(kinds: Kinds, grid: Grid) -> Whole:
    """Return (kinds, CELLS²): canvas pixels of each kind in each cell."""
    areas = np.zeros((kinds.number.size, CELLS**2), dtype=np.int64)
    for cell, part in enumerate(grid.cells):
        areas[:, cell] = np.bincount(kinds.picture[part].ravel(), minlength=len(areas))
    areas[0] = 0
    return areas


def cell_samples(kinds: Kinds, valid: Mask, grid: Grid) -> Whole:
    """Return (kinds, CELLS²): samples of each kind in each cell."""
    found = np.zeros((kinds.number.size, CELLS**2), dtype=np.int64)
    picture = kinds.picture[grid.samples]

    def on_samples(cells: tuple[slice, ...], start: int) -> list[slice]:
        edges = [-(-(each - start) // grid.step) for each in (*(c.start for c in cells),)]
        return [slice(a, b) for a, b in pairwise([*edges, max(picture.shape)])]

    rows = on_samples(grid.cell_rows, grid.rows.start)
    columns = on_samples(grid.cell_columns, grid.columns.start)
    for cell, part in enumerate((y, x) for y in rows for x in columns):
        found[:, cell] = np.bincount(picture[part][valid[part]], minlength=len(found))
    return found


def find_core(counts: Floats, areas: Whole) -> int:
    """Return the number of the lowest count that belongs to the core; 0 when there is none."""
    covered = int(areas[1:].sum())
    if covered == 0:
        return 0
    at_least = np.cumsum(areas[::-1])[::-1]
    enough = int(np.flatnonzero(at_least >= CORE_SHARE * covered)[-1])
    lowest = int(np.flatnonzero(counts >= CORE_LEAST * counts[-1])[0])
    return max(enough, lowest, 1)


class Places(NamedTuple):
    """The regions: each is one kind in one cell of a coarse grid, or several of one count.

    Attributes
    ----------
    table : (kinds, CELLS²) int64 array
        Region of each kind in each cell; 0 where there is nothing.
    number : (n + 1,) int64 array
        Number of each region's count; rising.
    area : (n + 1,) int64 array
        Canvas pixels.
    mixed : (n + 1,) bool array
        Where kinds that need not be alike were put together.
    """

    table: Whole
    number: Whole
    area: Whole
    mixed: Mask

    def draw(self, kind: NDArray[np.int32], grid: Grid) -> NDArray[np.int32]:
        """Return each canvas pixel's region."""
        drawn = np.zeros(kind.shape, dtype=np.int32)
        table = self.table.astype(np.int32)
        for cell, part in enumerate(grid.cells):
            drawn[part] = table[:, cell][kind[part]]
        return drawn


def make_places(counts: Floats, kinds: Kinds, areas: Whole, samples: Whole) -> Places:
    """Pool what is too small to be measured by itself.

    First each kind in each cell; then the kinds of a family that are left over
    there; then what is left of a count there, in two by two cells, and so on. The
    highest count is one place: the same frames are there everywhere.
    """
    least, per_share, most = WANTED_SAMPLES
    wanted = np.clip(per_share * counts[-1] / np.maximum(counts, 1), least, most)
    of_kind = np.minimum(wanted, OF_ONE_KIND)
    wanted[-1] = of_kind[-1] = math.inf
    waiting = areas > 0
    table = np.zeros_like(areas)
    labels = 0
    for owner, enough in ((np.arange(kinds.number.size), of_kind), (kinds.family, wanted)):
        owners = int(owner.max()) + 1
        number = np.zeros(owners, dtype=np.int64)
        number[owner] = kinds.number
        some = _sum_by(owner, waiting.astype(np.int64)) > 0
        pooled = _pool_cells(_sum_by(owner, np.where(waiting, samples, 0)), some, enough[number])
        taken = waiting & (pooled[owner] > 0)
        table[taken] = labels + pooled[owner][taken]
        labels += int(pooled.max(initial=0))
        waiting &= ~taken
    left = _sum_by(kinds.number, np.where(waiting, samples, 0))
    some = _sum_by(kinds.number, waiting.astype(np.int64)) > 0
    pooled = _pool_cells(left, some, wanted, rest=True)
    table = np.where(waiting, labels + pooled[kinds.number], table)
    last = labels
    # Numbered again so that the counts rise with them.
    number = np.broadcast_to(kinds.number[:, None], table.shape)[table > 0]
    found, first, inverse = np.unique(table[table > 0], return_index=True, return_inverse=True)
    order = np.argsort(number[first], kind="stable")
    renumbered = np.empty(order.size, dtype=np.int64)
    renumbered[order] = np.arange(1, order.size + 1)
    table[table > 0] = renumbered[inverse.ravel()]
    number = np.concatenate([[0], number[first][order]])
    area = np.bincount(table.ravel(), weights=areas.ravel(), minlength=number.size)
    mixed = np.concatenate([[False], found[order] > last])
    return Places(table, number, area.astype(np.int64), mixed)


def _sum_by(owner: Whole, values: Whole) -> Whole:
    """Sum the rows of each owner."""
    sums = np.zeros((int(owner.max(initial=0)) + 1, values.shape[1]), dtype=np.int64)
    np.add.at(sums, owner, values)
    return sums


def _pool_cells(samples: Whole, some: Mask, wanted: Floats, *, rest: bool = False) -> Whole:
    """Label (owner, cell)s, from 1: cells pooled two by two until there are samples enough.

    What is not enough with all cells pooled gets 0; with `rest` a label all the same.
    """
    table = np.zeros_like(samples)
    waiting = some.copy()
    places, size = 0, 1
    while size <= CELLS:
        shape = (samples.shape[0], CELLS // size, size, CELLS // size, size)
        left = np.where(waiting, samples, 0).reshape(shape).sum(axis=(2, 4))
        ready = waiting.reshape(shape).any(axis=(2, 4))
        ready &= (left >= wanted[:, None, None]) | (rest and size == CELLS)
        label = np.zeros(ready.shape, dtype=np.int64)
        label[ready] = np.arange(places + 1, places + 1 + np.count_nonzero(ready))
        places += int(np.count_nonzero(ready))
        spread = label.repeat(size, axis=1).repeat(size, axis=2).reshape(samples.shape)
        taken = waiting & (spread > 0)
        table[taken] = spread[taken]
        waiting &= ~taken
        size *= 2
    return table
