"""The frames of a made-up cluster: pixels and headers, drawn from what is true of it.

Positions, transforms and colours are as in `sample`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray
from scipy.special import erf

if TYPE_CHECKING:
    from napari_zecoverage.sample_settings import SampleSettings, SampleTruth

_EXPOSURE_S: Final = 10.0

_FIELD_RA_DEG: Final = 192.7
_FIELD_DEC_DEG: Final = 41.1
_FIELD_ANGLE_DEG: Final = 20.0
_PIXEL_SCALE_DEG: Final = 2.4 / 3600

_STAMP_SIGMAS: Final = 5.0
"""Half the width of the square in which a star is drawn; less than 1e-5 of its peak lies beyond."""


def render_frame(truth: SampleTruth, index: int) -> NDArray[np.uint16]:
    """Draw one raw frame.

    Parameters
    ----------
    truth : SampleTruth
        Of the cluster.
    index : int
        Of the frame. Frames may be drawn in any order, alone or together: each
        has a noise of its own.

    Returns
    -------
    ndarray
        (H, W) uint16, ADU, on the Bayer pattern of the settings.
    """
    settings = truth.settings
    signal = _draw_stars(truth, index)
    for row, column, channel in _bayer_sites(settings.bayer_pattern):
        site = signal[row::2, column::2]
        rows = np.arange(row, settings.shape[0], 2)
        columns = np.arange(column, settings.shape[1], 2)
        site += _background(truth, index, rows, columns, channel)
    rng = np.random.default_rng([settings.seed, 1, index])
    variance = np.full(settings.shape, settings.read_noise_adu**2)
    if settings.gain_e_per_adu > 0:
        variance += np.maximum(signal, 0) / settings.gain_e_per_adu
    signal += np.sqrt(variance) * rng.standard_normal(settings.shape, dtype=np.float32)
    np.rint(signal, out=signal)
    return np.clip(signal, 0, 65535).astype(np.uint16)


def true_background(truth: SampleTruth, index: int) -> NDArray[np.float64]:
    """Return the sky of one frame without stars and noise, in all three colours.

    Parameters
    ----------
    truth : SampleTruth
        Of the cluster.
    index : int
        Of the frame.

    Returns
    -------
    ndarray
        (H, W, 3) float64, ADU: colour, gradients and nebulae.
    """
    rows, columns = (np.arange(size) for size in truth.settings.shape)
    return np.stack(
        [_background(truth, index, rows, columns, channel) for channel in range(3)], axis=-1
    )


def _bayer_sites(pattern: str) -> list[tuple[int, int, int]]:
    """Return (row, column, channel) of the four pixels of a Bayer pattern."""
    return [(k // 2, k % 2, "RGB".index(letter)) for k, letter in enumerate(pattern)]


def _background(
    truth: SampleTruth,
    index: int,
    rows: NDArray[np.integer[Any]],
    columns: NDArray[np.integer[Any]],
    channel: int,
) -> NDArray[np.float64]:
    """Return one channel's sky at the given rows and columns of a frame."""
    settings = truth.settings
    height, width = settings.shape
    diagonal = math.hypot(height, width)
    x, y = columns - (width - 1) / 2, rows - (height - 1) / 2
    night = settings.nights[truth.night_of_frame[index]]
    direction = math.radians(night.gradient_angle_deg)
    with_frame = truth.gradients[index, channel] / diagonal
    matrix = truth.transforms[index]
    with_sky = settings.sky_gradient[channel] / diagonal
    along_x = with_frame * math.cos(direction) + with_sky * matrix[0, 0]
    along_y = with_frame * math.sin(direction) + with_sky * matrix[0, 1]
    # The frame's middle lands off the reference's by the dither.
    dither_x = matrix[0] @ ((width - 1) / 2, (height - 1) / 2, 1) - (width - 1) / 2
    level = truth.sky_colours[index, channel] + with_sky * dither_x
    sky: NDArray[np.float64] = level + along_x * x[np.newaxis, :] + along_y * y[:, np.newaxis]
    # A round nebula stays round under rotation: the product of a row and a column.
    exponent = -4 * math.log(2) / settings.nebula_fwhm_px**2
    for nebula_x, nebula_y in _into_frame(truth, index, truth.nebulae):
        across = np.exp(exponent * (columns - nebula_x) ** 2)
        down = np.exp(exponent * (rows - nebula_y) ** 2)
        sky += settings.nebula_adu[channel] * down[:, np.newaxis] * across[np.newaxis, :]
    return sky


def _into_frame(
    truth: SampleTruth, index: int, positions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Take (n, 2) positions from the reference frame to a frame."""
    inverse = np.linalg.inv(truth.transforms[index])
    places: NDArray[np.float64] = positions @ inverse[:2, :2].T + inverse[:2, 2]
    return places


def _draw_stars(truth: SampleTruth, index: int) -> NDArray[np.float64]:
    """Return (H, W) float64: the light of the stars, as each Bayer pixel sees it."""
    settings = truth.settings
    height, width = settings.shape
    radius = stamp_radius(settings)
    places = _into_frame(truth, index, truth.stars)
    near = np.all((places > -radius) & (places < (width + radius, height + radius)), axis=1)
    places, fluxes = places[near], truth.star_fluxes[near]
    first = np.floor(places).astype(np.int64) - radius
    steps = np.arange(2 * radius + 2)
    columns, rows = first[:, :1] + steps, first[:, 1:] + steps
    share_x = _pixel_shares(columns, places[:, :1], star_sigma(settings))
    share_y = _pixel_shares(rows, places[:, 1:], star_sigma(settings))

    channel_of = np.empty((2, 2), dtype=np.int64)
    for row, column, channel in _bayer_sites(settings.bayer_pattern):
        channel_of[row, column] = channel
    channels = channel_of[rows[:, :, np.newaxis] % 2, columns[:, np.newaxis, :] % 2]
    star_index = np.arange(len(places))[:, np.newaxis, np.newaxis]
    light = fluxes[star_index, channels] * share_y[:, :, np.newaxis] * share_x[:, np.newaxis, :]
    inside = ((rows >= 0) & (rows < height))[:, :, np.newaxis] & (
        (columns >= 0) & (columns < width)
    )[:, np.newaxis, :]
    pixels = rows[:, :, np.newaxis] * width + columns[:, np.newaxis, :]
    # bincount gives integers when there is nothing to count.
    summed = np.bincount(pixels[inside], weights=light[inside], minlength=height * width)
    return summed.astype(np.float64).reshape(height, width)


def _pixel_shares(
    pixels: NDArray[np.int64], middles: NDArray[np.float64], sigma: float
) -> NDArray[np.float64]:
    """Return the share of a Gaussian that falls on each pixel along one axis."""
    scale = 1 / (sigma * math.sqrt(2))
    upper = erf((pixels + 0.5 - middles) * scale)
    lower = erf((pixels - 0.5 - middles) * scale)
    shares: NDArray[np.float64] = (upper - lower) / 2
    return shares


def star_sigma(settings: SampleSettings) -> float:
    """Return the width of a star, pixels."""
    return settings.star_fwhm_px / math.sqrt(8 * math.log(2))


def stamp_radius(settings: SampleSettings) -> int:
    """Return half the width of the square in which a star is drawn, pixels."""
    return math.ceil(_STAMP_SIGMAS * star_sigma(settings)) + 1


def frame_header(truth: SampleTruth, index: int) -> fits.Header:
    """Return the FITS header of one frame, as a smart telescope would write it.

    Parameters
    ----------
    truth : SampleTruth
        Of the cluster.
    index : int
        Of the frame.

    Returns
    -------
    astropy.io.fits.Header
        Without the cards that describe the array.
    """
    settings = truth.settings
    header = fits.Header()
    header["CREATOR"] = ("napari-zecoverage", "Made up, not observed")
    header["OBJECT"] = ("Sample field", "Name of the field")
    header["INSTRUME"] = (settings.instrument, "Camera")
    header["IMAGETYP"] = ("Light", "Type of image")
    header["EXPTIME"] = (_EXPOSURE_S, "[s] Exposure time")
    header["DATE-OBS"] = (
        truth.dates[index].isoformat(timespec="milliseconds"),
        "UTC start of the exposure",
    )
    header["FILTER"] = ("IRCUT", "Filter")
    header["BAYERPAT"] = (settings.bayer_pattern, "Bayer pattern from the first pixel on")
    header["EQMODE"] = (0, "Mount: 0 Alt-Az, 1 equatorial")
    header["GAIN"] = (80, "Gain setting")
    header["FOCALLEN"] = (250, "[mm] Focal length")
    header["XPIXSZ"] = (2.9, "[um] Pixel size")
    header["YPIXSZ"] = (2.9, "[um] Pixel size")
    header["RA"] = (_FIELD_RA_DEG, "[deg] Right ascension of the field")
    header["DEC"] = (_FIELD_DEC_DEG, "[deg] Declination of the field")
    if settings.with_wcs:
        _add_wcs(header, truth, index)
    return header


def _add_wcs(header: fits.Header, truth: SampleTruth, index: int) -> None:
    """Write the TAN projection about the field's middle, which all frames share."""
    height, width = truth.settings.shape
    cos = math.cos(math.radians(_FIELD_ANGLE_DEG))
    sin = math.sin(math.radians(_FIELD_ANGLE_DEG))
    cd = _PIXEL_SCALE_DEG * np.array([[-cos, sin], [sin, cos]]) @ truth.transforms[index][:2, :2]
    middle = np.array([[(width - 1) / 2, (height - 1) / 2]])
    x, y = _into_frame(truth, index, middle)[0]
    header["CTYPE1"] = ("RA---TAN", "Projection")
    header["CTYPE2"] = ("DEC--TAN", "Projection")
    header["CUNIT1"] = ("deg", "Unit")
    header["CUNIT2"] = ("deg", "Unit")
    header["CRVAL1"] = (_FIELD_RA_DEG, "[deg] Right ascension of the reference pixel")
    header["CRVAL2"] = (_FIELD_DEC_DEG, "[deg] Declination of the reference pixel")
    header["CRPIX1"] = (float(x) + 1, "Reference pixel, counted from 1")
    header["CRPIX2"] = (float(y) + 1, "Reference pixel, counted from 1")
    for row in range(2):
        for column in range(2):
            header[f"CD{row + 1}_{column + 1}"] = (float(cd[row, column]), "[deg/px]")
    header["RADESYS"] = ("ICRS", "Celestial frame")
