"""A made-up cluster whose truth is known: transforms, coverage, sky colours, stars.

Raw Bayer frames of one star field as a small Alt-Az telescope would bring them
home: the field rotates during the night, the pointing is dithered, and each
night's sky has another colour and another gradient. Nothing is ever warped:
every star is drawn at its true place in every frame, so the truth is exact.

Pixel positions are (x, y), from 0 at the middle of the first pixel. Transforms
are 3×3, from a frame's (x, y) to the reference frame's, which is frame 0.
Colours are triples R, G, B in ADU.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from napari_zecoverage.core.errors import OutputError, reason_of
from napari_zecoverage.core.paths import absolute, cache_folder
from napari_zecoverage.core.placing import file_in_the_making
from napari_zecoverage.sample_frames import frame_header, render_frame, stamp_radius, star_sigma
from napari_zecoverage.sample_settings import SampleSettings, SampleTruth

_RENDERING: Final = 1
"""Goes into the name of the cached sample: raise it whenever other pixels come out."""

_FIRST_START: Final = datetime(2025, 3, 26, 23, 30)
_NIGHT_HOURS: Final = 1.0
_DAYS_BETWEEN_NIGHTS: Final = 3

_FITS_BLOCK: Final = 2880


def describe_sample(settings: SampleSettings | None = None) -> SampleTruth:
    """Say what is true of a made-up cluster, without drawing its frames.

    Parameters
    ----------
    settings : SampleSettings, optional
        The default sample's when left out.

    Returns
    -------
    SampleTruth
        `frames` and `paths` are empty; `render_frame` draws a frame from it.
    """
    settings = SampleSettings() if settings is None else settings
    rng = np.random.default_rng([settings.seed, 0])
    night_of_frame = np.sort(np.arange(settings.n_frames) % len(settings.nights))
    moments = np.concatenate(
        [_moments(int(np.sum(night_of_frame == k))) for k in range(len(settings.nights))]
    )
    nights = [settings.nights[k] for k in night_of_frame]
    angles = np.array([n.angle_deg + t * n.sweep_deg for n, t in zip(nights, moments, strict=True)])
    dithers = _dithers(rng, settings)
    stars, fluxes = _star_field(rng, settings)
    height, width = settings.shape
    nebulae = rng.uniform((0, 0), (width - 1, height - 1), (settings.n_nebulae, 2))
    sky_colours = np.array(
        [
            np.add(settings.sky_adu, n.colour) + t * np.array(n.colour_drift)
            for n, t in zip(nights, moments, strict=True)
        ]
    )
    if settings.frame_colours:
        sky_colours += np.array(settings.frame_colours)
    return SampleTruth(
        settings=settings,
        transforms=tuple(
            _rigid(angle - angles[0], dither, settings.shape)
            for angle, dither in zip(angles, dithers, strict=True)
        ),
        night_of_frame=tuple(int(k) for k in night_of_frame),
        dates=tuple(
            _FIRST_START
            + timedelta(days=_DAYS_BETWEEN_NIGHTS * int(k), hours=_NIGHT_HOURS * (t + 0.5))
            for k, t in zip(night_of_frame, moments, strict=True)
        ),
        sky_colours=sky_colours,
        gradients=np.array(
            [
                np.array(n.gradient) + t * np.array(n.gradient_drift)
                for n, t in zip(nights, moments, strict=True)
            ]
        ),
        stars=stars,
        star_fluxes=fluxes,
        nebulae=nebulae,
    )


def _moments(count: int) -> NDArray[np.float64]:
    """Place a night's frames on −0.5 … 0.5, the first to the last; a single one in the middle."""
    moments: NDArray[np.float64] = np.linspace(-0.5, 0.5, count) if count > 1 else np.zeros(count)
    return moments


def _dithers(rng: np.random.Generator, settings: SampleSettings) -> NDArray[np.float64]:
    """Return (n_frames, 2) shifts in pixels; frame 0 stays, in the middle of the others.

    In the middle, so that it is also the frame that ZeMosaic takes as
    reference: the one nearest to the mean direction (ZEMOSAIC.md §3).
    """
    shifts = rng.uniform(-1, 1, (settings.n_frames, 2))
    shifts[0] = 0
    if settings.n_frames > 2:
        shifts[1:] -= shifts[1:].mean(axis=0)
    largest = max(1.0, float(np.abs(shifts).max()))
    scaled: NDArray[np.float64] = shifts * (settings.dither_px / largest)
    return scaled


def _rigid(
    angle_deg: float, shift: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Return the rotation about a frame's middle, then the shift, as 3×3."""
    height, width = shape
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    turn = np.array([[cos, -sin], [sin, cos]])
    matrix = np.eye(3)
    matrix[:2, :2] = turn
    # Written so that no rotation and no shift is the identity to the last bit.
    matrix[:2, 2] = (np.eye(2) - turn) @ middle + shift
    return matrix


def _star_field(
    rng: np.random.Generator, settings: SampleSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return stars (n, 2) all over the disc that any rotation can reach, and fluxes (n, 3)."""
    height, width = settings.shape
    radius = math.hypot(height, width) / 2 + math.sqrt(2) * settings.dither_px
    radius += stamp_radius(settings)
    count = round(settings.stars_per_megapixel * math.pi * radius**2 / 1e6)
    distance = radius * np.sqrt(rng.uniform(0, 1, count))
    angle = rng.uniform(0, 2 * math.pi, count)
    stars = np.column_stack(
        [
            (width - 1) / 2 + distance * np.cos(angle),
            (height - 1) / 2 + distance * np.sin(angle),
        ]
    )
    rarity = rng.uniform(0, 1, count)
    peaks = settings.faintest_peak_adu / np.maximum(
        rarity, settings.faintest_peak_adu / settings.brightest_peak_adu
    )
    redness = rng.uniform(-0.4, 0.4, count)
    colours = np.column_stack([1 + redness, np.ones(count), 1 - redness])
    fluxes = (peaks * 2 * math.pi * star_sigma(settings) ** 2)[:, np.newaxis] * colours
    return stars, fluxes


def make_cluster_frames(settings: SampleSettings | None = None) -> SampleTruth:
    """Make up a cluster in memory.

    Parameters
    ----------
    settings : SampleSettings, optional
        The default sample's when left out.

    Returns
    -------
    SampleTruth
        With `frames`: one (H, W) uint16 array a frame.
    """
    truth = describe_sample(settings)
    return replace(
        truth, frames=tuple(render_frame(truth, k) for k in range(len(truth.transforms)))
    )


def transforms_to(truth: SampleTruth, reference: int) -> tuple[NDArray[np.float64], ...]:
    """Return the true transforms to another reference than frame 0.

    Parameters
    ----------
    truth : SampleTruth
        Of the cluster.
    reference : int
        Index of the reference frame.

    Returns
    -------
    tuple of ndarray
        One a frame: (3, 3) float64, the frame's (x, y) → the reference's.
    """
    back = np.linalg.inv(truth.transforms[reference])
    return tuple(
        np.eye(3) if k == reference else back @ matrix for k, matrix in enumerate(truth.transforms)
    )


def true_coverage(
    truth: SampleTruth,
    canvas_shape: tuple[int, int],
    offset: tuple[int, int] = (0, 0),
    *,
    reference: int = 0,
    counted: Sequence[int] | None = None,
) -> NDArray[np.float32]:
    """Count the frames that cover each pixel of a canvas.

    The plain reading of ZEMOSAIC.md §12, pixel by pixel in float64: an oracle
    for the program's own, much faster answer. The two may differ where a pixel
    sits exactly on the limit.

    Parameters
    ----------
    truth : SampleTruth
        Of the cluster.
    canvas_shape : tuple of int
        (H, W) of the canvas.
    offset : tuple of int
        (y, x) of the reference frame's first pixel on the canvas.
    reference : int
        Index of the reference frame.
    counted : sequence of int, optional
        Indexes of the frames to count, repeats counting again; all once when left out.

    Returns
    -------
    ndarray
        (H, W) float32, frames.
    """
    height, width = truth.settings.shape
    y, x = np.indices(canvas_shape, dtype=np.float64)
    y, x = y - offset[0], x - offset[1]
    transforms = transforms_to(truth, reference)
    coverage = np.zeros(canvas_shape, dtype=np.float32)
    for index in range(len(transforms)) if counted is None else counted:
        inverse = np.linalg.inv(transforms[index])
        u = inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]
        v = inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]
        across = np.clip(np.minimum(u + 1, width - u), 0, 1)
        down = np.clip(np.minimum(v + 1, height - v), 0, 1)
        coverage += 1 - across * down <= 0.4
    return coverage


def write_sample(
    folder: str | os.PathLike[str], settings: SampleSettings | None = None
) -> SampleTruth:
    """Make up a cluster and write its frames as FITS files.

    Files of the same name are replaced; others are left alone. A file appears
    under its name only when it is whole. One frame is in memory at a time.

    Parameters
    ----------
    folder : path
        Made when it is not there.
    settings : SampleSettings, optional
        The default sample's when left out.

    Returns
    -------
    SampleTruth
        With `paths`, whose names sort in the order of the frames.

    Raises
    ------
    OutputError
        When a file cannot be written.
    """
    folder = absolute(folder)
    truth = _with_paths(describe_sample(settings), folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            folder, f"the folder for the sample cannot be made ({reason_of(error)}); choose another"
        ) from error
    for index, path in enumerate(truth.paths):
        _write_frame(truth, index, path)
    return truth


def _with_paths(truth: SampleTruth, folder: Path) -> SampleTruth:
    return replace(
        truth,
        paths=tuple(
            folder / f"sample_{index:04d}_{date:%Y%m%d-%H%M%S}.fit"
            for index, date in enumerate(truth.dates)
        ),
    )


def _write_frame(truth: SampleTruth, index: int, path: Path) -> None:
    picture = fits.PrimaryHDU(render_frame(truth, index), header=frame_header(truth, index))
    try:
        with file_in_the_making(path) as unfinished:
            picture.writeto(unfinished)
    except OSError as error:
        raise OutputError(
            path,
            f"the frame cannot be written ({reason_of(error)}); make room, "
            "or choose another folder",
        ) from error


def sample_folder(settings: SampleSettings | None = None) -> Path:
    """Return the folder of the sample in the user's cache, writing it the first time.

    The cache is the folder that the environment variable ``ZECOVERAGE_CACHE_DIR``
    names, else the system's place for caches. What an interrupted attempt, or a
    cleaner of disks, left incomplete is written again.

    Parameters
    ----------
    settings : SampleSettings, optional
        The default sample's when left out. Each choice of settings has a folder of its own.

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    OutputError
        When the cache cannot be written.
    """
    settings = SampleSettings() if settings is None else settings
    version = hashlib.sha256(f"{_RENDERING} {settings!r}".encode()).hexdigest()[:12]
    folder = cache_folder() / f"sample-{version}"
    expected = _with_paths(describe_sample(settings), folder)
    if not all(_is_whole(expected, index) for index in range(settings.n_frames)):
        write_sample(folder, settings)
    return folder


def _is_whole(truth: SampleTruth, index: int) -> bool:
    """Tell whether a file of the sample is there, with every byte that it must have."""
    height, width = truth.settings.shape
    picture = fits.PrimaryHDU(
        np.empty((height, width), dtype=np.uint16), header=frame_header(truth, index)
    )
    pixel_bytes = math.ceil(2 * height * width / _FITS_BLOCK) * _FITS_BLOCK
    try:
        return truth.paths[index].stat().st_size == len(picture.header.tostring()) + pixel_bytes
    except OSError:
        return False
