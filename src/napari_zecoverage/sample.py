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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from napari_zecoverage.core.errors import OutputError, ParameterError, reason_of
from napari_zecoverage.core.paths import absolute, cache_folder
from napari_zecoverage.core.placing import file_in_the_making
from napari_zecoverage.sample_frames import frame_header, render_frame, stamp_radius, star_sigma

RGB: TypeAlias = tuple[float, float, float]

_RENDERING: Final = 1
"""Goes into the name of the cached sample: raise it whenever other pixels come out."""

_FIRST_START: Final = datetime(2025, 3, 26, 23, 30)
_NIGHT_HOURS: Final = 1.0
_DAYS_BETWEEN_NIGHTS: Final = 3

_FITS_BLOCK: Final = 2880
_PATTERNS: Final = ("GRBG", "RGGB", "GBRG", "BGGR")


def _set(settings: Any, name: str, value: Any) -> None:
    object.__setattr__(settings, name, value)


def _number(name: str, value: Any, minimum: float, maximum: float) -> float:
    numbers = (int, float, np.integer, np.floating)
    # NaN is outside of every range.
    if isinstance(value, bool) or not isinstance(value, numbers) or not minimum <= value <= maximum:
        raise ParameterError(
            name, f"must be a number from {minimum:g} to {maximum:g}, not {value!r}"
        )
    return float(value)


def _whole_number(name: str, value: Any, minimum: int, maximum: int) -> int:
    numbers = (int, np.integer)
    if isinstance(value, bool) or not isinstance(value, numbers) or not minimum <= value <= maximum:
        raise ParameterError(
            name, f"must be a whole number from {minimum} to {maximum}, not {value!r}"
        )
    return int(value)


def _items(name: str, value: Any, length: int | None = None) -> tuple[Any, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise ParameterError(name, f"must be a tuple, not {value!r}")
    items = tuple(value)
    if length is not None and len(items) != length:
        raise ParameterError(name, f"must have {length} items, not {value!r}")
    return items


def _rgb(name: str, value: Any, minimum: float) -> RGB:
    red, green, blue = (_number(name, each, minimum, 65535) for each in _items(name, value, 3))
    return red, green, blue


@dataclass(frozen=True)
class Night:
    """What one night does to its frames.

    Attributes
    ----------
    angle_deg : float
        Field rotation in the middle of the night, degrees.
    sweep_deg : float
        How far the field rotates from the night's first frame to its last, degrees.
    colour : tuple of 3 floats
        Added to the sky of every frame, ADU. Matching the frames' medians takes it out again.
    colour_drift : tuple of 3 floats
        How much `colour` changes from the night's first frame to its last, ADU.
    gradient : tuple of 3 floats
        Sky gradient that stays with the frame, as light near the horizon does
        in an Alt-Az frame: ADU over one diagonal along `gradient_angle_deg`, 0
        at the frame's middle. Matching the frames' medians leaves it in.
    gradient_drift : tuple of 3 floats
        How much `gradient` changes from the night's first frame to its last, ADU.
    gradient_angle_deg : float
        Where the gradient rises to, degrees from +x towards +y.
    """

    angle_deg: float = 0.0
    sweep_deg: float = 12.0
    colour: RGB = (0.0, 0.0, 0.0)
    colour_drift: RGB = (0.0, 0.0, 0.0)
    gradient: RGB = (0.0, 0.0, 0.0)
    gradient_drift: RGB = (0.0, 0.0, 0.0)
    gradient_angle_deg: float = 90.0

    def __post_init__(self) -> None:
        for name in ("angle_deg", "sweep_deg", "gradient_angle_deg"):
            _set(self, name, _number(name, getattr(self, name), -3600, 3600))
        for name in ("colour", "colour_drift", "gradient", "gradient_drift"):
            _set(self, name, _rgb(name, getattr(self, name), -65535))


@dataclass(frozen=True)
class SampleSettings:
    """What the made-up cluster is like.

    The defaults make the sample that the window and the command line offer: two
    nights 62° apart whose skies differ in colour and gradient, so that the rim
    of the tile is fringed even after each frame's median is matched.

    Attributes
    ----------
    n_frames : int
        Frames in all, 1 to 9999, shared evenly among the nights, the first
        nights taking one more where it does not come out even.
    shape : tuple of int
        (H, W) of a frame, pixels, each 16 to 10000.
    seed : int
        Two samples with the same settings are equal to the last bit.
    nights : tuple of Night
        In the order of time.
    frame_colours : tuple of (R, G, B)
        A colour of its own for every frame, ADU, on top of the night's. Empty, or one a frame.
    dither_px : float
        Largest shift of a frame along either axis, pixels.
    stars_per_megapixel : float
        Stars on a million pixels of sky. 0: a starless field.
    faintest_peak_adu, brightest_peak_adu : float
        Peaks of the stars in green, ADU; ten times brighter stars are ten times rarer.
    star_fwhm_px : float
        Full width of a star at half its peak, pixels.
    sky_adu : tuple of 3 floats
        The sky where nothing else is, ADU.
    sky_gradient : tuple of 3 floats
        A gradient that stays with the sky (real, no artefact), ADU over one
        diagonal along the reference frame's +x, 0 at its middle.
    nebula_adu : tuple of 3 floats
        Peak of each nebula, ADU.
    nebula_fwhm_px : float
        Full width of a nebula at half its peak, pixels.
    n_nebulae : int
        Round nebulae within the reference frame.
    gain_e_per_adu, read_noise_adu : float
        The noise is normal, its variance ``signal / gain + read_noise²`` in ADU².
        A gain of 0 leaves the photon noise out.
    bayer_pattern : {"GRBG", "RGGB", "GBRG", "BGGR"}
        Colours of the first two pixels of the first two rows.
    with_wcs : bool
        Whether the headers carry a celestial WCS: TAN, all four ``CDi_j``, 2.4″ a pixel.
    instrument : str
        The card ``INSTRUME``. ZeMosaic knows Alt-Az Seestars by this word (ZEMOSAIC.md §4).
    """

    n_frames: int = 16
    shape: tuple[int, int] = (480, 640)
    seed: int = 7
    nights: tuple[Night, ...] = (
        Night(
            angle_deg=0.0,
            sweep_deg=12.0,
            colour_drift=(8.0, 0.0, -4.0),
            gradient=(70.0, 10.0, -40.0),
            gradient_drift=(40.0, 0.0, -20.0),
            gradient_angle_deg=35.0,
        ),
        Night(
            angle_deg=62.0,
            sweep_deg=10.0,
            colour=(30.0, 0.0, -15.0),
            colour_drift=(-6.0, 0.0, 6.0),
            gradient=(-50.0, 0.0, 60.0),
            gradient_drift=(-20.0, 0.0, 30.0),
            gradient_angle_deg=-20.0,
        ),
    )
    frame_colours: tuple[RGB, ...] = ()
    dither_px: float = 14.0
    stars_per_megapixel: float = 600.0
    faintest_peak_adu: float = 60.0
    brightest_peak_adu: float = 30000.0
    star_fwhm_px: float = 2.5
    sky_adu: RGB = (840.0, 1000.0, 790.0)
    sky_gradient: RGB = (0.0, 0.0, 0.0)
    nebula_adu: RGB = (60.0, 20.0, 30.0)
    nebula_fwhm_px: float = 70.0
    n_nebulae: int = 2
    gain_e_per_adu: float = 6.0
    read_noise_adu: float = 6.0
    bayer_pattern: str = "GRBG"
    with_wcs: bool = True
    instrument: str = "Sample camera (like a Seestar S50)"

    def __post_init__(self) -> None:
        for name, minimum, maximum in (
            ("dither_px", 0, 10_000),
            ("stars_per_megapixel", 0, 100_000),
            ("faintest_peak_adu", 1, 65535),
            ("brightest_peak_adu", 1, 65535),
            ("star_fwhm_px", 0.5, 20),
            ("nebula_fwhm_px", 2, 100_000),
            ("gain_e_per_adu", 0, 1000),
            ("read_noise_adu", 0, 10_000),
        ):
            _set(self, name, _number(name, getattr(self, name), minimum, maximum))
        for name, least, most in (
            ("n_frames", 1, 9999),
            ("seed", 0, 2**63 - 1),
            ("n_nebulae", 0, 1000),
        ):
            _set(self, name, _whole_number(name, getattr(self, name), least, most))
        height, width = _items("shape", self.shape, 2)
        _set(self, "shape", tuple(_whole_number("shape", n, 16, 10_000) for n in (height, width)))
        _set(self, "sky_adu", _rgb("sky_adu", self.sky_adu, 0))
        _set(self, "sky_gradient", _rgb("sky_gradient", self.sky_gradient, -65535))
        _set(self, "nebula_adu", _rgb("nebula_adu", self.nebula_adu, -65535))
        nights = _items("nights", self.nights)
        if not nights or not all(isinstance(night, Night) for night in nights):
            raise ParameterError("nights", "must be one or more of Night")
        _set(self, "nights", nights)
        colours = _items("frame_colours", self.frame_colours)
        if len(colours) not in (0, self.n_frames):
            raise ParameterError(
                "frame_colours", f"must be empty or {self.n_frames} colours, not {len(colours)}"
            )
        _set(self, "frame_colours", tuple(_rgb("frame_colours", c, -65535) for c in colours))
        if self.brightest_peak_adu < self.faintest_peak_adu:
            raise ParameterError("brightest_peak_adu", "must not be below faintest_peak_adu")
        if self.bayer_pattern not in _PATTERNS:
            raise ParameterError(
                "bayer_pattern",
                f"must be one of {', '.join(_PATTERNS)}, not {self.bayer_pattern!r}",
            )
        if not isinstance(self.with_wcs, bool):
            raise ParameterError("with_wcs", f"must be True or False, not {self.with_wcs!r}")
        if not (
            isinstance(self.instrument, str)
            and self.instrument.isascii()
            and self.instrument.isprintable()
            and len(self.instrument) <= 60
        ):
            raise ParameterError("instrument", "must be at most 60 printable ASCII characters")


@dataclass(frozen=True)
class SampleTruth:
    """All that is true of a made-up cluster.

    Attributes
    ----------
    settings : SampleSettings
        What it was made from.
    transforms : tuple of ndarray
        One a frame: (3, 3) float64, the frame's (x, y) → frame 0's. The first is the identity.
    night_of_frame : tuple of int
        Index of each frame's night.
    dates : tuple of datetime
        UTC start of each exposure.
    sky_colours : ndarray
        (n_frames, 3) float64, ADU: the sky at the middle of each frame, without
        nebulae and the sky's own gradient.
    gradients : ndarray
        (n_frames, 3) float64, ADU over one diagonal: the gradient that stays with the frame.
    stars : ndarray
        (n_stars, 2) float64: (x, y) in the reference frame; many lie outside of it.
    star_fluxes : ndarray
        (n_stars, 3) float64, ADU in all, R, G, B.
    nebulae : ndarray
        (n_nebulae, 2) float64: (x, y) of the middles in the reference frame.
    frames : tuple of ndarray
        (H, W) uint16, raw. Filled by `make_cluster_frames` only.
    paths : tuple of Path
        The files, in the order of the frames. Filled by `write_sample` only.
    """

    settings: SampleSettings
    transforms: tuple[NDArray[np.float64], ...]
    night_of_frame: tuple[int, ...]
    dates: tuple[datetime, ...]
    sky_colours: NDArray[np.float64]
    gradients: NDArray[np.float64]
    stars: NDArray[np.float64]
    star_fluxes: NDArray[np.float64]
    nebulae: NDArray[np.float64]
    frames: tuple[NDArray[np.uint16], ...] = ()
    paths: tuple[Path, ...] = ()

    @property
    def colour_offsets(self) -> NDArray[np.float64]:
        """(n_frames, 3) float64, ADU: each frame's sky colour minus frame 0's."""
        offsets: NDArray[np.float64] = self.sky_colours - self.sky_colours[0]
        return offsets


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
