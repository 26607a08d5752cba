"""What a made-up cluster is made from, and what is true of it.

Positions, transforms and colours are as in `sample`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.errors import ParameterError

RGB: TypeAlias = tuple[float, float, float]

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
