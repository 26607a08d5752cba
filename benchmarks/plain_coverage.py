"""Coverage the plain way: astroalign itself, a frame at a time, in full colour.

Slow and obvious. It is what the program's own way is measured against, and an
oracle for its tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import astroalign
import numpy as np
from skimage.transform import SimilarityTransform

from napari_zecoverage.core.frames import read_frame


def count_coverage(
    paths: Sequence[Path],
    canvas_shape: tuple[int, int] | None = None,
    offset: tuple[int, int] = (0, 0),
) -> np.ndarray:
    """Count the frames over each pixel; the first frame is the reference.

    With a canvas, (H, W), and the reference's place (y, x) on it, frames are
    warped onto that; without, this is `astroalign.register` of each frame.
    """
    reference = read_frame(paths[0]).pixels
    canvas = reference if canvas_shape is None else np.zeros((*canvas_shape, 3), np.float32)
    shift = SimilarityTransform(translation=offset[::-1])
    count = np.zeros(canvas.shape[:2], np.float32)
    for index, path in enumerate(paths):
        frame = read_frame(path).pixels
        if index == 0:
            transform = SimilarityTransform()
        else:
            transform, _ = astroalign.find_transform(
                frame, reference, max_control_points=50, detection_sigma=3, min_area=5
            )
        _, bare = astroalign.apply_transform(transform + shift, frame, canvas)
        count += ~bare
    return count
