"""The two masks that ZeMosaic makes without coverage: of dark borders, and of the distance only.

Equal to ZeMosaic to the last bit (ZEMOSAIC.md §11).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_zecoverage.core.alpha import AlphaSettings, margin_in_pixels, opened
from napari_zecoverage.core.ramp import Alpha, Mask, ramp

SMALLEST_SIGMA: Final = 0.001
SMALLEST_BAND_PX: Final = 4


def signal_level(image: ArrayLike) -> NDArray[np.float32]:
    """Return the mean over channels of |x|, as (H, W) float32, 0 where it is not finite.

    Parameters
    ----------
    image : array_like, shape (H, W), (H, W, channels) or (channels, H, W)
        More than two axes are read as `height_and_width` says. Not altered.

    Raises
    ------
    ValueError
        Less than two axes, no pixels, or not numbers.
    """
    pixels = np.asarray(image, dtype=np.float32)
    if pixels.size == 0:
        raise ValueError(f"expected pixels, got the shape {pixels.shape}")
    height, width = height_and_width(pixels.shape)
    if pixels.ndim == 2:
        light = np.abs(pixels)
    else:
        last = _height_comes_first(pixels.shape)
        planes = np.moveaxis(pixels.reshape(height, width, -1), -1, 0) if last else pixels
        planes = planes.reshape(-1, height, width)
        light = np.abs(planes[0])
        for plane in planes[1:]:
            light += np.abs(plane)
        light /= np.float32(len(planes))
    if not np.isfinite(light.sum(dtype=np.float64)):
        light[~np.isfinite(light)] = 0
    return light


def height_and_width(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return which axes of an image are height and width, as ZeMosaic decides (ZEMOSAIC.md §11).

    Raises
    ------
    ValueError
        Less than two axes.
    """
    if len(shape) < 2:
        raise ValueError(f"expected a picture of two or three axes, got the shape {shape}")
    return (shape[0], shape[1]) if _height_comes_first(shape) else (shape[-2], shape[-1])


def _height_comes_first(shape: tuple[int, ...]) -> bool:
    return shape[0] * shape[1] >= shape[-2] * shape[-1]


def low_signal_mask(image: ArrayLike, parameters: AlphaSettings) -> Alpha:
    """Return the mask that hides dark pixels near the image's border (ZEMOSAIC.md §11).

    Parameters
    ----------
    image : array_like, shape (H, W) or (H, W, channels)
        The tile; see `signal_level`.
    parameters : AlphaSettings
        Only `margin_percent` is used.

    Returns
    -------
    ndarray of float32, shape (H, W)
        0 to 1.

    Raises
    ------
    ValueError
        As `signal_level`.
    """
    light = signal_level(image)
    margin_px = margin_in_pixels(light.shape, parameters.margin_percent)
    bad = _dark_border(light, max(SMALLEST_BAND_PX, round(margin_px)))
    if bad.all():
        return np.ones(light.shape, dtype=np.float32)
    return ramp(~bad, margin_px, 1.0)


def _dark_border(light: NDArray[np.float32], band_px: int) -> Mask:
    """Return the pixels of the outer band that are darker than the core by one sigma."""
    height, width = light.shape
    core = light[int(0.2 * height) : int(0.8 * height), int(0.2 * width) : int(0.8 * width)]
    bad = np.zeros(light.shape, dtype=np.bool_)
    if core.size == 0:  # no median, nothing is darker
        return bad
    limit = _dark_limit(core, light)
    for band in (
        np.s_[:band_px, :],
        np.s_[max(0, height - band_px) :, :],
        np.s_[:, :band_px],
        np.s_[:, max(0, width - band_px) :],
    ):
        bad[band] = light[band] < limit
    return opened(bad, 1)


def _dark_limit(core: NDArray[np.float32], light: NDArray[np.float32]) -> float:
    median = np.median(core)
    sigma = 1.4826 * float(np.median(np.abs(core - median)))
    if sigma == 0:
        sigma = float(np.std(core))
    if not math.isfinite(sigma) or sigma <= 0:
        sigma = float(np.std(light))
    if not math.isfinite(sigma) or sigma <= 0:
        sigma = SMALLEST_SIGMA
    return float(median) - sigma


def radial_mask(shape: tuple[int, int], parameters: AlphaSettings) -> Alpha:
    """Return the mask that only knows the distance from the centre (ZEMOSAIC.md §11).

    Parameters
    ----------
    shape : tuple of int
        (H, W).
    parameters : AlphaSettings
        `margin_percent` and `decay` are used.

    Returns
    -------
    ndarray of float32, shape (H, W)
        1 in the middle, falling to 0 towards the corners; 1 everywhere without a margin.
    """
    margin = min(max(float(parameters.margin_percent) / 100.0, 0.0), 0.5)
    if margin == 0:
        return np.ones(shape, dtype=np.float32)
    y = np.linspace(-1.0, 1.0, shape[0])[:, np.newaxis]
    x = np.linspace(-1.0, 1.0, shape[1])[np.newaxis, :]
    radius = np.hypot(y, x) / math.sqrt(2.0)
    inner = max(0.0, 1.0 - margin)
    outer = min(1.0, inner + max(0.001, margin * max(0.0, float(parameters.decay))))
    t = np.clip((radius - inner) / (outer - inner), 0.0, 1.0)
    return (1.0 - (3.0 - 2.0 * t) * t**2).astype(np.float32)
