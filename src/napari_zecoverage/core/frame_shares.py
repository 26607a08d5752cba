"""Which frames cover which pixels of the canvas, and how much of the mean each of them makes up."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.coverage import find_footprint
from napari_zecoverage.core.studied import ClusterStudy

Floats = NDArray[np.float64]
Picture = NDArray[np.float32]
Whole = NDArray[np.int64]

GROUPS: Final = 48
"""Of more frames than this, those that follow each other are taken together."""

STRETCHES: Final = 8
"""Frames of one of so many stretches of time have a like gradient of their own."""

LARGE_PARTS: Final = 4
"""Frames of one of so many nights, or parts of nights, have a like sky."""


class FramesThere(NamedTuple):
    """The frames that make up a tile, the earliest first, and where they are on the canvas.

    Attributes
    ----------
    frame : (n,) int64 array
        Which of the cluster's frames.
    times : (n,) int64 array
        How often each is stacked.
    night : (n,) int64 array
        Nights, numbered.
    start, stop : (n, H) int64 array
        Each frame covers a row's columns from start up to, without, stop.
    """

    frame: Whole
    times: Whole
    night: Whole
    start: Whole
    stop: Whole

    @classmethod
    def of(cls, study: ClusterStudy, shape: tuple[int, int]) -> FramesThere:
        """Find the frames whose places are known, on a canvas of that shape."""
        counted = Counter(study.cluster.counted)
        index = _in_time(study)
        nights = {study.cluster.frames[each].night: 0 for each in index}
        numbered = {night: number for number, night in enumerate(nights)}
        start, stop = (np.zeros((len(index), shape[0]), dtype=np.int64) for _ in range(2))
        for k, each in enumerate(index):
            matrix = study.registrations[each].matrix
            if matrix is not None:
                onto = study.canvas.from_frame(matrix)
                footprint = find_footprint(onto, study.canvas.frame_shape, shape)
                start[k], stop[k] = footprint.spans()
        return cls(
            frame=np.array(index, dtype=np.int64),
            times=np.array([counted[each] for each in index], dtype=np.int64),
            night=np.array(
                [numbered[study.cluster.frames[each].night] for each in index], dtype=np.int64
            ),
            start=start,
            stop=stop,
        )

    def parts(self, parts: int) -> Whole:
        """Cut the frames, in time, into so many parts, at the change of night first of all."""
        groups = [np.flatnonzero(self.night == night).tolist() for night in np.unique(self.night)]
        while len(groups) > parts:
            lengths = [len(one) + len(other) for one, other in pairwise(groups)]
            shortest = lengths.index(min(lengths))
            groups[shortest] += groups.pop(shortest + 1)
        while groups and len(groups) < parts and max(map(len, groups)) > 1:
            largest = max(range(len(groups)), key=lambda k: len(groups[k]))
            half = (len(groups[largest]) + 1) // 2
            groups.insert(largest + 1, groups[largest][half:])
            groups[largest] = groups[largest][:half]
        found = np.zeros(self.frame.size, dtype=np.int64)
        for part, group in enumerate(groups):
            found[group] = part
        return found

    def draw(self, frames: Whole, rows: slice, columns: slice) -> Whole:
        """Return how many of some frames cover each pixel of those rows and columns.

        Parameters
        ----------
        frames : (k,) int64 array
            Which of these frames.
        rows, columns : slice
            With start, stop and step.
        """
        height, width = (len(range(each.start, each.stop, each.step)) for each in (rows, columns))
        # What begins and ends at each pixel, summed up along the rows.
        changes = np.zeros((height, width + 1), dtype=np.int64)
        row = np.arange(height)
        for each in frames:
            for edge, change in ((self.start, 1), (self.stop, -1)):
                at = -(-(edge[each, rows] - columns.start) // columns.step)
                changes[row, np.clip(at, 0, width)] += change * self.times[each]
        return np.cumsum(changes[:, :-1], axis=1)


def _in_time(study: ClusterStudy) -> list[int]:
    """Return the indexes of the frames that are counted, the earliest first."""
    frames = study.cluster.frames
    if len(study.registrations) != len(frames):
        return []
    used = [k for k in sorted(set(study.cluster.counted)) if study.registrations[k].used]
    dates = [frames[k].date for k in used]
    known = [each for each in dates if each is not None]
    if len(known) == len(used):
        used = [k for _, k in sorted(zip(known, used, strict=True))]
    return used
