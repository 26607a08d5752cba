"""What a colour step was before the frames' backgrounds were matched."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.frame_shares import GROUPS, FramesThere
from napari_zecoverage.core.sky_samples import SkySamples
from napari_zecoverage.core.studied import ClusterStudy

Floats = NDArray[np.float64]
Picture = NDArray[np.float32]

LEVEL_SAMPLES: Final = 50_000
"""The core's level is the median of about so many pixels."""


def unmatched_colours(
    study: ClusterStudy, frames: FramesThere, sampled: Picture, sky: SkySamples, core: int
) -> Floats:
    """Return what undoing the match of the backgrounds adds to each group of frames.

    matched = slope · raw + offset, so a frame was (level − offset) / slope where the
    matched sky is at `level`.

    Parameters
    ----------
    study : ClusterStudy
    frames : FramesThere
    sampled : (h, w, 3) float32 array
        The tile's samples, ADU.
    sky : SkySamples
    core : int
        Number of the core's lowest count.

    Returns
    -------
    (groups, 2) float64 array
        R−G and B−G, ADU; NaN when it is not known what was done to the frames.
    """
    group = frames.parts(GROUPS)
    groups = int(group.max()) + 1
    known = [study.backgrounds[each] for each in frames.frame if each < len(study.backgrounds)]
    if len(known) < group.size or None in known:
        return np.full((groups, 2), np.nan)
    core_samples = sky.sample[int(sky.number_edges[core]) :]
    core_samples = core_samples[:: max(1, core_samples.size // LEVEL_SAMPLES)]
    level = np.median(sampled.reshape(-1, 3)[core_samples], axis=0).astype(np.float64)
    slope, offset = np.array(known).transpose(1, 0, 2)
    shift = (level - offset) / slope - level
    colours = np.column_stack([shift[:, 0] - shift[:, 1], shift[:, 2] - shift[:, 1]])
    weight = np.eye(groups)[group] * frames.times[:, None]
    return np.asarray(weight.T @ colours / weight.sum(axis=0)[:, None])
