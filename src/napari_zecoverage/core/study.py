"""The slow function: frames in, coverage and tile out; once a cluster, then from the cache."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.cache import StudyCache
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import (
    Canvas,
    Covering,
    Footprint,
    choose_canvas,
    count_coverage,
    find_footprint,
    why_ignored,
)
from napari_zecoverage.core.errors import (
    FrameError,
    FrameShapeError,
    StudyCancelledError,
    StudyError,
)
from napari_zecoverage.core.frame_pixels import Frame
from napari_zecoverage.core.frames import read_frame
from napari_zecoverage.core.parameters import StudyOptions
from napari_zecoverage.core.paths import cache_folder
from napari_zecoverage.core.plural import counted
from napari_zecoverage.core.registration import (
    MIN_STARS,
    Points,
    Reference,
    Registration,
    find_stars,
    register_frame,
)
from napari_zecoverage.core.stacking import FrameBackground, StackInput, stack_tile
from napari_zecoverage.core.star_picture import star_picture
from napari_zecoverage.core.studied import (
    ClusterStudy,
    ProgressCallback,
    Stage,
    StopCallback,
    StudyProgress,
)

log = logging.getLogger(__name__)

MAX_WORKERS: Final = 4
"""Star matching holds Python's lock: more frames at a time only cost memory."""

_TURNS: Final = threading.Lock()
"""Finding and matching stars hold Python's lock anyhow. Frames that take turns at it, while
others are read, are a quarter faster than frames that fight for it."""


def study_cluster(
    cluster: Cluster,
    options: StudyOptions | None = None,
    *,
    progress: ProgressCallback | None = None,
    should_stop: StopCallback | None = None,
    cache: StudyCache | bool = True,
) -> ClusterStudy:
    """Study a cluster: align its frames, count its coverage, stack its tile.

    Slow the first time (about a tenth of a second a frame), then opened from the
    cache, which knows the frames by path, size and time of change.

    Parameters
    ----------
    cluster : Cluster
    options : StudyOptions, optional
        Its defaults when left out.
    progress : callable, optional
        Called with a `StudyProgress`, whose text is one line for people.
    should_stop : callable, optional
        Asked after each step; True ends the study.
    cache : StudyCache or bool, optional
        True for the user's cache, False for none.

    Returns
    -------
    ClusterStudy

    Raises
    ------
    StudyError
        No frame can be read.
    StudyCancelledError
        `should_stop` said so.
    OutputError
        The stack's scratch file cannot be written.
    """
    options = options or StudyOptions()
    report = progress or _silent
    store = StudyCache() if cache is True else cache or None
    if store is not None:
        kept = store.load(cluster, options)
        if kept is not None:
            report(StudyProgress("cache", 1, 1))
            return kept
    study = compute_study(cluster, options, report, should_stop or _never)
    if store is not None:
        store.store(study)
    return study


def _silent(_: StudyProgress) -> None:
    return None


def _never() -> bool:
    return False


def compute_study(
    cluster: Cluster,
    options: StudyOptions,
    progress: ProgressCallback,
    should_stop: StopCallback,
) -> ClusterStudy:
    """Study a cluster from its frames.

    Parameters
    ----------
    cluster : Cluster
    options : StudyOptions
    progress : callable
        Called with a `StudyProgress` from the calling thread.
    should_stop : callable
        Asked after each step; True ends the study.

    Returns
    -------
    ClusterStudy

    Raises
    ------
    StudyError
        No frame can be read.
    StudyCancelledError
        `should_stop` said so.
    """
    if not cluster.frames:
        raise StudyError(f"cluster {cluster.name!r} has no frames; add some and try again")
    reporter = _Reporter(progress, should_stop)
    workers = options.workers or min(os.cpu_count() or 1, MAX_WORKERS)
    aligned = _align(cluster, workers, reporter)
    registrations = tuple(each.registration for each in aligned.frames)
    canvas = choose_canvas(
        [each.matrix for each in registrations if each.matrix is not None],
        cluster.shape,
        options.canvas,
    )
    placed = _place(cluster, aligned, canvas)
    coverage, reason = _count(placed, canvas, reporter)
    tile = None
    backgrounds: tuple[FrameBackground | None, ...] = ()
    stack_notes: list[str] = []
    if options.stack != "none" and coverage is not None:
        tile, backgrounds, stack_notes = _stack(
            cluster, aligned.reference_pixels, placed, canvas, options, workers, reporter
        )
    study = ClusterStudy(
        cluster=cluster,
        options=options,
        registrations=registrations,
        canvas=canvas,
        coverage=coverage,
        tile=tile,
        wcs_header=_canvas_wcs(cluster, aligned.reference_index, canvas),
        backgrounds=backgrounds,
    )
    notes = [*cluster.notes, *aligned.notes, *stack_notes, *_notes(study, reason)]
    return replace(study, notes=tuple(notes))


class _Reporter:
    """Tells the progress, and ends the study when the user wants it."""

    def __init__(self, progress: ProgressCallback, should_stop: StopCallback) -> None:
        self._progress = progress
        self._should_stop = should_stop

    def __call__(self, stage: Stage, done: int, total: int, text: str = "") -> None:
        if self._should_stop():
            raise StudyCancelledError("the study was cancelled; nothing of it was kept")
        self._progress(StudyProgress(stage, done, total, text))


class _AlignedFrame(NamedTuple):
    registration: Registration
    stars: Points
    bare: NDArray[np.uint8] | None
    """Where the frame has no finite value: packed bits of (H, W); None where it has everywhere."""


class _Aligned(NamedTuple):
    frames: list[_AlignedFrame]
    reference_index: int
    reference_pixels: NDArray[np.float32]
    """(H, W, 3), NaN where the file had no finite value."""
    notes: list[str]


class _Opened(NamedTuple):
    pixels: NDArray[np.float32]
    luminance: NDArray[np.float32]
    stars: Points
    bare: NDArray[np.uint8] | None


def _read(cluster: Cluster, index: int) -> Frame:
    """Read a frame, which must still have the shape that its header promised."""
    info = cluster.frames[index]
    frame = read_frame(info.source)
    if frame.pixels.shape[:2] != info.shape:
        height, width = frame.pixels.shape[:2]
        raise FrameShapeError(
            info.source, f"it has changed, and is {width} × {height} pixels now; open it again."
        )
    return frame


def _open_frame(cluster: Cluster, index: int) -> _Opened:
    frame = _read(cluster, index)
    picture = star_picture(frame)
    bare = None if frame.finite is None else np.packbits(~frame.finite)
    with _TURNS:
        stars = find_stars(picture)
    return _Opened(frame.pixels, picture, stars, bare)


_NO_STARS: Final = np.empty((0, 2))
_NAMED_AT_MOST: Final = 3  # frames that a message tells of before it counts the rest


def _align(cluster: Cluster, workers: int, reporter: _Reporter) -> _Aligned:
    """Find every frame's transform onto the reference."""
    total = len(cluster.frames)
    reporter("register", 0, total)
    failed: dict[int, _AlignedFrame] = {}
    index, opened, notes = _open_reference(cluster, failed, reporter)
    reference = Reference(opened.stars, opened.luminance)
    own = Registration(np.eye(3), "reference", 0.0, len(opened.stars))
    frames: dict[int, _AlignedFrame] = {
        **failed,
        index: _AlignedFrame(own, opened.stars, opened.bare),
    }

    def align(frame_index: int) -> _AlignedFrame:
        try:
            frame = _open_frame(cluster, frame_index)
        except FrameError as error:
            return _unreadable(error)
        with _TURNS:
            registration = register_frame(frame.luminance, frame.stars, reference)
        return _AlignedFrame(registration, frame.stars, frame.bare)

    with ThreadPoolExecutor(workers) as pool:
        tasks: dict[Future[_AlignedFrame], int] = {
            pool.submit(align, each): each for each in range(total) if each not in frames
        }
        try:
            for task in as_completed(tasks):
                frames[tasks[task]] = task.result()
                reporter("register", len(frames), total, cluster.frames[tasks[task]].path.name)
        finally:
            for task in tasks:
                task.cancel()
    ordered = [frames[each] for each in range(total)]
    notes += _same_pictures(cluster, ordered)
    return _Aligned(ordered, index, _without_bare(opened), notes)


def _without_bare(opened: _Opened) -> NDArray[np.float32]:
    """Return the pixels with NaN again where the file had no finite value, not ZeMosaic's 0."""
    if opened.bare is None:
        return opened.pixels
    shape = opened.luminance.shape
    bare = np.unpackbits(opened.bare, count=opened.luminance.size).reshape(shape)
    return np.where(bare[..., None] == 1, np.float32(np.nan), opened.pixels)


def _open_reference(
    cluster: Cluster, failed: dict[int, _AlignedFrame], reporter: _Reporter
) -> tuple[int, _Opened, list[str]]:
    """Open the reference frame, or the first usable one where that has no stars.

    Frames that turn out unreadable on the way are put into `failed`.
    """
    wanted = cluster.reference_index
    fallback: tuple[int, _Opened] | None = None
    for index in [wanted, *(each for each in range(len(cluster.frames)) if each != wanted)]:
        reporter("register", len(failed), len(cluster.frames), cluster.frames[index].path.name)
        try:
            opened = _open_frame(cluster, index)
        except FrameError as error:
            failed[index] = _unreadable(error)
            continue
        if len(opened.stars) >= MIN_STARS:
            if index == wanted:
                return index, opened, []
            name, instead = cluster.frames[wanted].path.name, cluster.frames[index].path.name
            return index, opened, [f"{name} has too few stars for a reference; {instead} is used."]
        fallback = fallback or (index, opened)
    if fallback is None:
        reasons = [each.registration.reason for each in failed.values()]
        named = "; ".join(reasons[:_NAMED_AT_MOST])
        more = len(reasons) - _NAMED_AT_MOST
        also = f"; and {more} more" if more > 0 else ""
        raise StudyError(f"no frame of cluster {cluster.name!r} can be read: {named}{also}")
    index, opened = fallback
    return index, opened, ["No frame has enough stars to align the others by."]


def _unreadable(error: FrameError) -> _AlignedFrame:
    return _AlignedFrame(Registration(None, "failed", reason=str(error)), _NO_STARS, None)


def _same_pictures(cluster: Cluster, frames: Sequence[_AlignedFrame]) -> list[str]:
    """Note frames that are copies of one picture: no two exposures find the very same stars."""
    first: dict[bytes, int] = {}
    notes = []
    for index, frame in enumerate(frames):
        if len(frame.stars) < MIN_STARS:
            continue
        earlier = first.setdefault(frame.stars.tobytes(), index)
        if earlier != index:
            names = (cluster.frames[each].path.name for each in (earlier, index))
            notes.append("{} and {} hold the same picture; both are counted.".format(*names))
    return notes


class _PlacedFrame(NamedTuple):
    frame_index: int
    matrix: NDArray[np.float64]
    footprint: Footprint
    holes: NDArray[np.int64]
    times: int


def _place(cluster: Cluster, aligned: _Aligned, canvas: Canvas) -> list[_PlacedFrame]:
    """Put every used frame on the canvas."""
    placed = []
    for index, frame in enumerate(aligned.frames):
        if frame.registration.matrix is None:
            continue
        matrix = canvas.from_frame(frame.registration.matrix)
        footprint = find_footprint(matrix, canvas.frame_shape, canvas.shape)
        holes = _holes(frame.bare, matrix, footprint, canvas)
        times = cluster.counted.count(index)
        placed.append(_PlacedFrame(index, matrix, footprint, holes, times))
        log.debug(
            "FOOTPRINT_STATS: frame=%s covered_frac=%.3f holes=%d times=%d",
            cluster.frames[index].path.name,
            footprint.area / (canvas.shape[0] * canvas.shape[1]),
            holes.size,
            times,
        )
    return placed


def _holes(
    bare: NDArray[np.uint8] | None,
    matrix: NDArray[np.float64],
    footprint: Footprint,
    canvas: Canvas,
) -> NDArray[np.int64]:
    """Find the covered pixels that a cubic kernel would make from a value that is not finite."""
    if bare is None:
        return np.empty(0, dtype=np.int64)
    height, width = canvas.frame_shape
    grid = np.unpackbits(bare, count=height * width).reshape(height, width)
    # The kernel reaches one pixel further than the two that a linear warp looks at.
    reached = cv2.dilate(grid, np.ones((3, 3), np.uint8)).astype(np.float32)
    warped = cv2.warpAffine(reached, matrix[:2], canvas.shape[::-1], flags=cv2.INTER_LINEAR)
    return np.flatnonzero((warped > 0) & footprint.mask())


def _count(
    placed: Sequence[_PlacedFrame], canvas: Canvas, reporter: _Reporter
) -> tuple[NDArray[np.float32] | None, str]:
    def one_by_one() -> Iterator[Covering]:
        for done, each in enumerate(placed, start=1):
            yield Covering(each.footprint, each.holes, each.times)
            reporter("cover", done, len(placed))

    counts = count_coverage(one_by_one(), canvas.shape)
    frames_used = sum(each.times for each in placed)
    reason = why_ignored(counts, frames_used)
    return None if reason else counts, reason


def _stack(
    cluster: Cluster,
    reference_pixels: NDArray[np.float32],
    placed: Sequence[_PlacedFrame],
    canvas: Canvas,
    options: StudyOptions,
    workers: int,
    reporter: _Reporter,
) -> tuple[NDArray[np.float32], tuple[FrameBackground | None, ...], list[str]]:
    def loader(index: int) -> Callable[[], NDArray[np.float32]]:
        return lambda: _read(cluster, index).pixels

    inputs = [
        StackInput(loader(each.frame_index), each.matrix, each.footprint, each.holes, each.times)
        for each in placed
    ]
    tile, matched, failed = stack_tile(
        inputs,
        reference_pixels,
        canvas,
        method=options.stack,
        background=options.background,
        kappa=options.kappa,
        workers=workers,
        scratch_dir=_scratch_folder(),
        on_step=lambda done, total: reporter("stack", done, total),
    )
    notes = [f"{error} The coverage counts it; the tile is without it." for error in failed]
    backgrounds: list[FrameBackground | None] = [None] * len(cluster.frames)
    for each, background in zip(placed, matched, strict=True):
        backgrounds[each.frame_index] = background
    return tile, tuple(backgrounds), notes


def _scratch_folder() -> Path | None:
    """Return the cache's folder; None, the system's temporary one, where that cannot be written.

    The temporary folder is the second choice because on some systems it is memory.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def _canvas_wcs(cluster: Cluster, reference_index: int, canvas: Canvas) -> str | None:
    """Move the reference frame's WCS onto the canvas: only CRPIX changes."""
    text = cluster.frames[reference_index].wcs_header
    if text is None:
        return None
    # Here for the reason that `celestial` gives.
    from astropy.io import fits

    header = fits.Header.fromstring(text, sep="\n")
    y, x = canvas.offset
    header["CRPIX1"] += x
    header["CRPIX2"] += y
    return str(header.tostring(sep="\n", padding=False))


def _notes(study: ClusterStudy, ignored: str) -> list[str]:
    notes = []
    if ignored:
        notes.append(f"There is no coverage: {ignored}.")
    if study.frames_left_out:
        left_out = study.frames_left_out
        be = "is" if left_out == 1 else "are"
        notes.append(f"{counted(left_out, 'frame')} {be} left out; each has its reason.")
    if study.frames_rescued:
        be = "was" if study.frames_rescued == 1 else "were"
        notes.append(
            f"{counted(study.frames_rescued, 'frame')} without a star match {be} placed by phase "
            "correlation."
        )
    return notes
