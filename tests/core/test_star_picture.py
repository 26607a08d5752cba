"""The picture that stars are sought in."""

from __future__ import annotations

import numpy as np

from napari_zecoverage.core.star_picture import luminance


def test_luminance_is_the_mean_of_the_channels() -> None:
    pixels = np.random.default_rng(7).uniform(0, 65535, (50, 60, 3)).astype(np.float32)
    mean = pixels.mean(axis=2, dtype=np.float64)
    result = luminance(pixels)
    assert result.shape == (50, 60)
    assert result.dtype == np.float32
    assert (np.abs(result - mean) <= 3e-7 * mean).all()
