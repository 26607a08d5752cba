"""The mask written straight with NumPy and SciPy: slow, obvious, and independent of the package.

Written from the same description (ZEMOSAIC.md §5.7 and §11) as
`napari_zecoverage.core.alpha`, it shares no code with it, so that it serves
the tests as an oracle and the benchmark as the plain way.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import ndimage

CROSS = ndimage.generate_binary_structure(2, 1)
SQUARE = np.ones((3, 3), dtype=bool)


def alpha_from_coverage(coverage: Any, parameters: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels are good, and their alpha; ValueError when there are none."""
    coverage = np.asarray(coverage).astype(np.float32)
    if coverage.ndim != 2 or coverage.size == 0:
        raise ValueError("not a picture")
    coverage = np.where(np.isfinite(coverage), coverage, np.float32(0))
    coverage = np.where(coverage < 0, np.float32(0), coverage)
    maximum = float(coverage.max())
    threshold = max(
        max(0.0, float(parameters.min_coverage_abs)),
        max(0.0, float(parameters.min_coverage_frac)) * maximum,
    )
    good = coverage >= np.float32(threshold)
    if not good.any() and maximum > 0:
        good = coverage >= np.float32(max(0.25 * maximum, 1.0))
    if maximum <= 0:
        raise ValueError("no pixel is covered")
    if not good.any():
        good = coverage > 0
    if parameters.morph_open_px > 0:
        structure = CROSS if parameters.morph_open_px == 1 else SQUARE
        opened = ndimage.binary_opening(good, structure=structure)
        if opened.any():
            good = opened
    distance = ndimage.distance_transform_edt(good)
    margin = float(parameters.margin_percent) * 0.01 * min(good.shape)
    if parameters.margin_percent <= 0:
        return good, good.astype(np.float32)
    margin = max(1.0, margin)
    exponent = 1 / max(float(parameters.decay), 0.001)
    alpha = np.where(distance >= margin, 1.0, (np.minimum(distance, margin) / margin) ** exponent)
    return good, np.where(good, alpha, 0.0).astype(np.float32)


def luminance(image: np.ndarray) -> np.ndarray:
    """Return the mean over channels of |x| as (H, W) float32, 0 where it is not finite."""
    image = np.asarray(image).astype(np.float32)
    if image.ndim > 2:
        last = image.shape[0] * image.shape[1] >= image.shape[-2] * image.shape[-1]
        planes = np.moveaxis(image, -1, 0) if last else image
        image = np.mean(np.abs(planes), axis=0)
    else:
        image = np.abs(image)
    return np.where(np.isfinite(image), image, np.float32(0))


def low_signal_mask(image: np.ndarray, parameters: Any) -> np.ndarray:
    """Return the alpha that hides dark pixels near the image's border."""
    light = luminance(image)
    height, width = light.shape
    margin = max(1.0, float(parameters.margin_percent) * 0.01 * min(height, width))
    band = max(4, round(margin))
    core = light[
        int(0.2 * height) : int(0.8 * height),
        int(0.2 * width) : int(0.8 * width),
    ]
    median = float(np.median(core))
    sigma = 1.4826 * float(np.median(np.abs(core - np.float32(median))))
    if sigma == 0:
        sigma = float(np.std(core))
    if not np.isfinite(sigma) or sigma <= 0:
        sigma = float(np.std(light))
    if not np.isfinite(sigma) or sigma <= 0:
        sigma = 0.001
    border = np.ones(light.shape, dtype=bool)
    border[band : height - band, band : width - band] = False
    bad = ndimage.binary_opening(border & (light < median - sigma), structure=CROSS)
    if bad.all():
        return np.ones(light.shape, dtype=np.float32)
    return np.minimum(1.0, ndimage.distance_transform_edt(~bad) / margin).astype(np.float32)


def radial_mask(shape: tuple[int, int], parameters: Any) -> np.ndarray:
    """Return the alpha that falls off from the centre towards the corners."""
    margin = min(max(float(parameters.margin_percent) / 100, 0.0), 0.5)
    if margin == 0:
        return np.ones(shape, dtype=np.float32)
    y, x = np.meshgrid(np.linspace(-1, 1, shape[0]), np.linspace(-1, 1, shape[1]), indexing="ij")
    radius = np.hypot(y, x) / math.sqrt(2)
    inner = max(0.0, 1 - margin)
    outer = min(1.0, inner + max(0.001, margin * max(0.0, float(parameters.decay))))
    t = (radius - inner) / (outer - inner)
    alpha = np.where(radius <= inner, 1.0, 1 - (3 - 2 * t) * t**2)
    return np.where(radius >= outer, 0.0, alpha).astype(np.float32)


def mask_with_fallbacks(image: np.ndarray, coverage: Any, parameters: Any) -> np.ndarray:
    """Return alpha by coverage, or by low signal where coverage says nothing."""
    height, width = luminance(image).shape
    if coverage is not None:
        coverage = np.squeeze(coverage)
        if coverage.shape == (height, width) and np.isfinite(coverage).any():
            try:
                alpha = alpha_from_coverage(coverage, parameters)[1]
            except ValueError:
                alpha = np.zeros((height, width))
            if np.mean(alpha > 0.99) <= 0.98 and np.mean(alpha < 0.01) <= 0.98:
                return alpha
    return low_signal_mask(image, parameters)


class Thresholds:
    """The five numbers as the master-tile step hands them on."""

    def __init__(self, parameters: Any, maximum: float | None) -> None:
        self.margin_percent = parameters.margin_percent
        self.decay = parameters.decay
        self.min_coverage_abs = parameters.min_coverage_abs
        self.min_coverage_frac = parameters.min_coverage_frac
        self.morph_open_px = parameters.morph_open_px
        if maximum is None:
            return
        self.min_coverage_abs = min(self.min_coverage_abs, maximum)
        if maximum <= 6 and self.min_coverage_abs >= maximum:
            self.min_coverage_abs = min(
                max(1.0, math.ceil(self.min_coverage_frac * maximum)), max(1.0, maximum - 1)
            )
        if maximum <= 3 and self.morph_open_px > 1:
            self.morph_open_px = 1


def mask_tile(tile: np.ndarray, parameters: Any, coverage: Any) -> np.ndarray | None:
    """Return the alpha of the master-tile step, None when the 10 % guard drops it."""
    maximum = None
    shape = luminance(tile).shape
    if coverage is not None:
        coverage = np.squeeze(coverage)
        clean = np.where(np.isfinite(coverage), coverage, 0)
        if coverage.shape != shape or clean.max() <= 0:
            coverage = None
        else:
            maximum = float(clean.astype(np.float32).max())
    alpha = mask_with_fallbacks(tile, coverage, Thresholds(parameters, maximum))
    return None if np.mean(alpha > 0) < 0.10 else alpha
