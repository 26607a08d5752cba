"""Frames, clusters and studies made by hand, to test with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from astropy.io import fits

from drawn import drawn_frame
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.curves import FieldCurve, curve_of
from napari_zecoverage.core.frames import FrameInfo
from napari_zecoverage.core.fringe import Fringe
from napari_zecoverage.core.judged import judge
from napari_zecoverage.core.levels import Over
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.studied import ClusterStudy

EVENING = datetime(2025, 3, 26, 22, tzinfo=UTC)


def write_frame(path: Path, shape: tuple[int, ...] = (6, 8), **cards: object) -> Path:
    """Write a frame of ones; in a card's name ``__`` stands for ``-``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = fits.Header()
    for keyword, value in cards.items():
        header[keyword.replace("__", "-")] = value
    fits.PrimaryHDU(np.ones(shape, np.uint16), header).writeto(path)
    return path


def make_frame(index: int = 0, **changes: object) -> FrameInfo:
    """Make a frame that is nowhere on disk, a minute after the one before."""
    frame = drawn_frame(index, EVENING + timedelta(minutes=index), (300, 400))
    frame = replace(frame, path=Path(f"/frames/frame_{index}.fit"))
    return replace(frame, **changes)


def make_cluster(
    n_frames: int = 8, name: str = "night", shape: tuple[int, int] = (300, 400)
) -> Cluster:
    """Make a cluster of frames that are nowhere on disk."""
    frames = tuple(
        make_frame(index, path=Path(f"/frames/{name}/frame_{index}.fit"), shape=shape)
        for index in range(n_frames)
    )
    return Cluster(name, frames, (("/frames/bad.fit", "it is text."),), ("A note.",))


def stepped_coverage(shape: tuple[int, int], most: int) -> np.ndarray:
    """Coverage that grows by one frame every few columns; the first ones are bare."""
    width = shape[1]
    columns = np.minimum(np.arange(width) * (most + 1) * 2 // width, most)
    return np.tile(columns.astype(np.float32), (shape[0], 1))


def make_study(
    n_frames: int = 8, name: str = "night", shape: tuple[int, int] = (300, 400), tile: bool = True
) -> ClusterStudy:
    """Make a studied cluster: coverage grows by one frame every few columns, the last are bare."""
    coverage = np.ascontiguousarray(stepped_coverage(shape, n_frames)[:, ::-1])
    rng = np.random.default_rng(1)
    pixels = rng.normal((900, 1000, 800), 10, (*shape, 3)).astype(np.float32)
    pixels[coverage == 0] = np.nan
    registrations = [Registration(np.eye(3), "reference", 0.0, 50)]
    registrations += [Registration(np.eye(3), "astroalign", 0.2, 40)] * (n_frames - 3)
    registrations += [
        Registration(np.eye(3), "fft", None, 0, "too few stars."),
        Registration(None, "failed", None, 0, "no match."),
    ]
    return ClusterStudy(
        cluster=make_cluster(n_frames, name, shape),
        options=StudyOptions(),
        registrations=tuple(registrations),
        canvas=Canvas(shape, (0, 0), shape),
        coverage=coverage,
        tile=pixels if tile else None,
        notes=("One frame is left out.",),
    )


def field_curve(
    study: ClusterStudy,
    parameters: MaskParameters,
    *,
    over: Over = "min_coverage_frac",
    fringe: Fringe | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> FieldCurve:
    """Judge a study for these settings alone, and read a curve from the figures."""
    judged = judge(study, parameters, fringe=fringe, should_stop=should_stop)
    return curve_of(judged, parameters, over)
