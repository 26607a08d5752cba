"""A stand-in for ZeMosaic's alignment: it is told how the made-up frames lie.

``known.json`` beside it has the matrices of each cluster, by its number of frames, and
what to do with the footprint: "right", "upside-down", "zeros" or "everything".
"""

import json
import math
from pathlib import Path

import numpy as np

KNOWN = json.loads(Path(__file__).with_name("known.json").read_text(encoding="utf-8"))


def places_in_frame(matrix, canvas_shape, offset):
    """Return the whole (x, y) in the frame of every canvas pixel."""
    y, x = np.mgrid[: canvas_shape[0], : canvas_shape[1]]
    on_reference = np.stack([x - offset[1], y - offset[0], np.ones_like(x)])
    u, v, _ = np.tensordot(np.linalg.inv(matrix), on_reference, axes=1)
    return np.rint(u).astype(int), np.rint(v).astype(int)


def is_inside(u, v, frame_shape):
    return (u >= 0) & (u < frame_shape[1]) & (v >= 0) & (v < frame_shape[0])


def align_images_in_group(
    image_data_list, reference_image_index=0, propagate_mask=False, progress_callback=None
):
    matrices = [np.array(each) for each in KNOWN["matrices"][str(len(image_data_list))]]
    shape = image_data_list[reference_image_index].shape[:2]
    covered = [is_inside(*places_in_frame(each, shape, (0, 0)), shape).mean() for each in matrices]
    canvas, offset = shape, (0, 0)
    if min(covered) < 0.95 or KNOWN["footprint"] == "upside-down":
        side = math.ceil(math.hypot(*shape))
        canvas, offset = (side, side), ((side - shape[0]) // 2, (side - shape[1]) // 2)
    aligned = []
    for index, (frame, matrix) in enumerate(zip(image_data_list, matrices, strict=True)):
        u, v = places_in_frame(matrix, canvas, offset)
        inside = is_inside(u, v, shape)
        placed = np.full((*canvas, 3), np.nan, dtype=np.float32)
        placed[inside] = frame[v[inside], u[inside]]
        aligned.append(with_footprint(placed, inside, index, shape) if propagate_mask else placed)
    progress_callback("done", 100, "INFO")
    return aligned, []


def with_footprint(placed, inside, index, frame_shape):
    padded = placed.shape[:2] != frame_shape
    if KNOWN["footprint"] == "upside-down" and index:
        placed[inside] = np.nan
    elif KNOWN["footprint"] == "everything" or (KNOWN["footprint"] == "zeros" and not padded):
        placed[~inside] = 0
    return placed
