"""The picture that stars are sought in."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.frame_pixels import Frame


def star_picture(frame: Frame) -> NDArray[np.float32]:
    """Return the picture that stars are sought in: the luminance without hot pixels.

    Parameters
    ----------
    frame : Frame

    Returns
    -------
    ndarray
        (H, W) float32; the 3 × 3 pixels that a hot one was interpolated into
        have the median of the 16 pixels round them.
    """
    picture = luminance(frame.pixels)
    height, width = picture.shape
    y, x = np.divmod(frame.hot, width)
    offsets = [(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3)]
    round_it = np.stack(
        [
            picture[np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)]
            for dy, dx in offsets
            if max(abs(dy), abs(dx)) == 2
        ]
    )
    calm = np.median(round_it, axis=0)
    for dy, dx in offsets:
        if max(abs(dy), abs(dx)) < 2:
            picture[np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)] = calm
    return picture


def luminance(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of a picture's three channels, the picture stars are sought in.

    Parameters
    ----------
    pixels : ndarray
        (H, W, 3) float32.

    Returns
    -------
    ndarray
        (H, W) float32. A weighted sum by OpenCV with weights of 1/3: about
        thirty times as fast as ``pixels.mean(axis=2)``, and within 3 parts in
        10⁷ (a few units in the last place) of it for values of one sign.
    """
    weights = np.full((1, 3), 1 / 3, dtype=np.float32)
    return np.asarray(cv2.transform(np.ascontiguousarray(pixels), weights), dtype=np.float32)
