"""Which frames belong together.

ZeMosaic stacks one cluster of raw frames into one master tile. Here a cluster
is what the user points at: a list of files, or the frames of one folder.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from napari_zecoverage.core.errors import ClusterError, FrameError
from napari_zecoverage.core.frame_search import look_at_all, without_repeats
from napari_zecoverage.core.frames import RESULT_CREATOR, FrameInfo
from napari_zecoverage.core.header_words import Mount
from napari_zecoverage.core.plural import counted

MIN_STACKED: Final = 5
"""ZeMosaic repeats a cluster's frames until there are so many (ZEMOSAIC.md §3)."""

CHUNKED_ABOVE: Final = 224
"""ZeMosaic stacks a cluster of more frames in chunks (ZEMOSAIC.md §3)."""

CHUNKED_ABOVE_SMALL_MEMORY: Final = 128
"""The same, on a machine with 8.5 GB of memory or less."""

SERIES_GAP: Final = timedelta(hours=1)
"""A pause in which no frame was begun that parts two series of frames."""

_NAMED_AT_MOST: Final = 5  # files that a message names before it counts the rest
_TIE: Final = 1e-12  # radians: nearer to each other than any WCS can tell

_MOUNT_WORDS: Final[dict[Mount, str]] = {
    "EQ": "mount equatorial",
    "ALT_AZ": "mount Alt-Az",
    "UNKNOWN": "mount unknown",
}


@dataclass(frozen=True)
class Cluster:
    """Frames that ZeMosaic would stack into one master tile.

    Attributes
    ----------
    name : str
        For people.
    frames : tuple of FrameInfo
        At least one, all of one shape, sorted by path.
    left_out : tuple of (str, str)
        Path and reason of each file that could not be taken.
    notes : tuple of str
        What the user should know of this cluster, in words.
    tile_id : int or None
        The number of its master tile in a ZeMosaic run; None outside of one.
    missing : tuple of (str, str)
        Path, as the run wrote it, and reason of each frame that was not found.
    master_tile : Path or None
        The master tile that ZeMosaic made of it, where that is still there.
    run_folder : Path or None
        The folder whose manifest, or GRID plan, it was read from.
    """

    name: str
    frames: tuple[FrameInfo, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    tile_id: int | None = None
    missing: tuple[tuple[str, str], ...] = ()
    master_tile: Path | None = None
    run_folder: Path | None = None

    @classmethod
    def from_files(
        cls,
        paths: Iterable[str | os.PathLike[str]],
        name: str | None = None,
        *,
        progress: Callable[[int, int], object] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Self:
        """Make a cluster of files, leaving out with a reason what cannot be taken.

        Parameters
        ----------
        paths : iterable of path-like
            The frames' files, in any order. One that is given twice, under
            whatever names, is taken once.
        name : str, optional
            Else the name of the folder they share, or of the only file.
        progress, should_stop : callable, optional
            As for `look_at_all`.

        Returns
        -------
        Cluster
            Frames whose shape is not the most common one (the first of equally
            common ones) are left out.

        Raises
        ------
        ClusterError
            No frame is left; the message says what was tried.
        StudyCancelledError
            `should_stop` said so.
        """
        files, notes = without_repeats([paths] if isinstance(paths, (str, os.PathLike)) else paths)
        if not files:
            raise ClusterError("No files were given; a cluster needs at least one frame.")
        looks = look_at_all(files, progress=progress, should_stop=should_stop)
        return cls.from_frames(
            [look for look in looks if isinstance(look, FrameInfo)],
            name or _shared_name(files),
            left_out=[(look.path, look.reason) for look in looks if isinstance(look, FrameError)],
            notes=notes,
        )

    @classmethod
    def from_frames(
        cls,
        frames: Iterable[FrameInfo],
        name: str,
        *,
        left_out: Iterable[tuple[str, str]] = (),
        notes: Iterable[str] = (),
    ) -> Self:
        """Make a cluster of frames that were looked at before.

        Parameters
        ----------
        frames : iterable of FrameInfo
            In any order.
        name : str
        left_out : iterable of (str, str)
            Files that could not be taken, with the reason.
        notes : iterable of str
            What is known of the cluster already.

        Returns
        -------
        Cluster
            Frames whose shape is not the most common one are left out too.

        Raises
        ------
        ClusterError
            No frame is left; the message says what was tried.
        """
        given = sorted(frames, key=lambda frame: str(frame.path))
        seen = [frame for frame in given if not _is_result(frame)]
        shape = _commonest_shape(seen)
        kept = tuple(frame for frame in seen if frame.shape == shape)
        refused = list(left_out)
        refused += [
            (str(frame.path), "it is a result of this program, not a raw frame.")
            for frame in given
            if _is_result(frame)
        ]
        refused += [
            (str(frame.path), _other_shape(frame.shape, shape))
            for frame in seen
            if shape is not None and frame.shape != shape
        ]
        refused.sort()
        if not kept:
            raise ClusterError(_nothing_left(refused))
        return cls(
            name=name,
            frames=kept,
            left_out=tuple(refused),
            notes=(*notes, *_notes_on(kept)),
        )

    def without(self, index: int) -> Self:
        """Return the cluster without one of its frames, which is listed as left out.

        Parameters
        ----------
        index : int
            Of the frame in `frames`.

        Returns
        -------
        Cluster
            What the notes say of the frames is said anew of those that are left;
            the notes that were given with the cluster are kept, before them.

        Raises
        ------
        ClusterError
            It is the only frame.
        IndexError
            There is no such frame.
        """
        frames = list(self.frames)
        path = str(frames.pop(index).path)
        if not frames:
            raise ClusterError(f"{path} is the cluster's only frame and cannot be left out.")
        # What the frames do not tell by themselves was given.
        told = _notes_on(self.frames)
        given = [note for note in self.notes if note not in told]
        return replace(
            self,
            frames=tuple(frames),
            left_out=(*self.left_out, (path, "left out by hand")),
            notes=(*given, *_notes_on(tuple(frames))),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of every frame, in pixels."""
        return self.frames[0].shape

    @property
    def nights(self) -> dict[date, int]:
        """Frames of each night, in order; frames without a date are in none."""
        nights = Counter(frame.night for frame in self.frames if frame.night is not None)
        return dict(sorted(nights.items()))

    @property
    def series(self) -> dict[datetime, int]:
        """Frames of each unbroken series by its first frame's time (UTC), in order.

        A pause of more than `SERIES_GAP` between two frames begins a new one:
        the sky and the field's rotation have changed, as between nights.
        """
        series: dict[datetime, int] = {}
        start = last = None
        for moment in sorted(frame.date for frame in self.frames if frame.date is not None):
            if start is None or last is None or moment - last > SERIES_GAP:
                start = moment
                series[start] = 0
            series[start] += 1
            last = moment
        return series

    @property
    def filters(self) -> dict[str, int]:
        """Frames of each filter, by name; frames that name none are in none."""
        filters = Counter(frame.filter for frame in self.frames if frame.filter is not None)
        return dict(sorted(filters.items()))

    @property
    def mounts(self) -> dict[Mount, int]:
        """Frames of each kind of mount."""
        mounts = Counter(frame.mount for frame in self.frames)
        return dict(sorted(mounts.items()))

    @property
    def exposure_s(self) -> float | None:
        """Exposure of all frames together, in seconds; None when no frame tells."""
        told = [frame.exposure_s for frame in self.frames if frame.exposure_s is not None]
        return math.fsum(told) if told else None

    @property
    def reference_index(self) -> int:
        """The frame that the others are registered on (ZEMOSAIC.md §3).

        The one that points nearest to the mean direction of all frames with a
        WCS, the first of equally near ones; 0 without any, or when a direction
        is not finite. ZeMosaic makes no tile of a cluster without any WCS.
        """
        pointed = [
            (index, frame.direction)
            for index, frame in enumerate(self.frames)
            if frame.direction is not None
        ]
        if not pointed or not all(math.isfinite(part) for _, way in pointed for part in way):
            return 0
        mean = [math.fsum(way[axis] for _, way in pointed) / len(pointed) for axis in range(3)]
        length = math.hypot(*mean)
        if length == 0:
            return 0
        middle = [part / length for part in mean]
        distances = [math.dist(way, middle) for _, way in pointed]
        nearest = min(distances)
        return next(
            index
            for (index, _), distance in zip(pointed, distances, strict=True)
            if distance <= nearest + _TIE
        )

    @property
    def counted(self) -> tuple[int, ...]:
        """Indexes of the frames that ZeMosaic stacks: all, repeated to 5 (ZEMOSAIC.md §3)."""
        count = len(self.frames)
        return tuple(index % count for index in range(max(count, MIN_STACKED)))

    @property
    def identity(self) -> tuple[str, ...]:
        """One string a frame that changes when its file does: path, size, time of change."""
        return tuple(map(_identity, self.frames))

    @property
    def listing(self) -> str:
        """The cluster in one line, for people."""
        parts = [counted(len(self.frames), "frame"), *_when(self)]
        if self.filters:
            word = "filter" if len(self.filters) == 1 else "filters"
            parts.append(f"{word} {_told_apart(self.filters, len(self.frames))}")
        if len(self.mounts) == 1:
            parts.append(_MOUNT_WORDS[self.frames[0].mount])
        else:
            parts.append("; ".join(f"{_MOUNT_WORDS[m]}: {n}" for m, n in self.mounts.items()))
        if self.exposure_s is not None:
            parts.append(f"{self.exposure_s:g} s in all")
        if self.left_out:
            parts.append(f"{len(self.left_out)} left out")
        if self.missing:
            parts.append(f"{len(self.missing)} missing")
        return ", ".join(parts)


def _identity(frame: FrameInfo) -> str:
    of_file = f"{frame.source}|{frame.size_bytes}|{frame.mtime_ns}"
    # A cache's header comes from elsewhere, and may change without it.
    return of_file if frame.pixels_path is None else f"{of_file}|{frame.path}|{frame.wcs_header}"


def _is_result(frame: FrameInfo) -> bool:
    return (frame.creator or "").startswith(RESULT_CREATOR)


def _commonest_shape(frames: list[FrameInfo]) -> tuple[int, int] | None:
    # Counter keeps the order in which shapes were met: the first of equals wins.
    shapes = Counter(frame.shape for frame in frames)
    return shapes.most_common(1)[0][0] if shapes else None


def _other_shape(shape: tuple[int, int], common: tuple[int, int]) -> str:
    return (
        f"it is {shape[1]} × {shape[0]} pixels, the cluster's frames are "
        f"{common[1]} × {common[0]}; ZeMosaic stacks frames of one size."
    )


def _nothing_left(left_out: list[tuple[str, str]]) -> str:
    named = [f"{path}: {reason}" for path, reason in left_out[:_NAMED_AT_MOST]]
    more = len(left_out) - len(named)
    if more:
        named.append(f"and {more} more.")
    return "\n".join([f"None of {counted(len(left_out), 'file')} can be used:", *named])


def _shared_name(files: list[Path]) -> str:
    if len(files) == 1:
        return files[0].name
    folders = {file.parent for file in files}
    return folders.pop().name or "cluster" if len(folders) == 1 else "cluster"


def _notes_on(frames: tuple[FrameInfo, ...]) -> list[str]:
    """Say what about a cluster changes its counts or its pixels, or makes its rims show."""
    notes = []
    count = len(frames)
    if count == 1:
        notes.append(
            "One frame alone: there is nothing to register it on, and no rim where fewer overlap."
        )
    if count < MIN_STACKED:
        notes.append(
            f"ZeMosaic repeats the frames of a cluster of under {MIN_STACKED} until there are "
            f"{MIN_STACKED}; the coverage counts the repeats as it does."
        )
    if count > CHUNKED_ABOVE:
        notes.append(
            f"ZeMosaic stacks more than {CHUNKED_ABOVE} frames in chunks, each masked by its own "
            "coverage; the coverage shown is that of all frames together."
        )
    elif count > CHUNKED_ABOVE_SMALL_MEMORY:
        notes.append(
            f"On a machine with 8.5 GB of memory or less ZeMosaic stacks more than "
            f"{CHUNKED_ABOVE_SMALL_MEMORY} frames in chunks, each masked by its own coverage."
        )
    cached = sum(frame.pixels_path is not None for frame in frames)
    if cached:
        notes.append(
            f"{cached} of {count} frames are read from the caches that ZeMosaic kept, in which "
            "hot pixels are mended."
        )
    cluster = Cluster("", frames)
    if len(cluster.nights) > 1:
        notes.append("Frames of several nights: the sky's colour may differ between them.")
    elif len(cluster.series) > 1:
        notes.append("Frames of several series: the sky's colour may differ between them.")
    unsolved = sum(frame.direction is None for frame in frames)
    if unsolved:
        notes.append(
            f"{unsolved} of {counted(count, 'frame')} without a WCS that ZeMosaic accepts: "
            "it solves them first, and may then take another frame as the reference."
        )
    if len(cluster.filters) > 1:
        notes.append("Frames of several filters in one cluster.")
    return notes


def _when(cluster: Cluster) -> list[str]:
    """Tell nights apart, and the series within one night."""
    nights = cluster.nights
    if not nights:
        return ["no dates"]
    days = {night.isoformat(): count for night, count in nights.items()}
    text = f"{counted(len(days), 'night')} ({_told_apart(days, len(cluster.frames))})"
    if len(cluster.series) > len(nights):
        starts = "; ".join(
            f"{start:%Y-%m-%d %H:%M} UTC: {count}" for start, count in cluster.series.items()
        )
        text += f" in {len(cluster.series)} series ({starts})"
    return [text]


def _told_apart(counts: dict[str, int], total: int) -> str:
    """List names with their counts; a name that is everybody's needs none."""
    if list(counts.values()) == [total]:
        return next(iter(counts))
    parts = [f"{name}: {count}" for name, count in counts.items()]
    without = total - sum(counts.values())
    if without:
        parts.append(f"not told: {without}")
    return ", ".join(parts)
