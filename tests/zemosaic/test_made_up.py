"""The made-up clusters are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zecoverage.core.coverage import choose_canvas
from napari_zecoverage.core.registration import Reference, find_stars, register_frame
from napari_zecoverage.zemosaic.made_up import (
    FRAME_SHAPE,
    SMALL,
    WIDE,
    Motion,
    make_frames,
    matrix_of,
)


@pytest.mark.parametrize(("motions", "padded"), [(SMALL, False), (WIDE, True)])
def test_made_up_frames_lie_where_they_say(motions: tuple[Motion, ...], padded: bool) -> None:
    frames = make_frames(motions)
    assert frames.shape == (len(motions), *FRAME_SHAPE, 3)
    luminance = frames.mean(axis=-1)
    reference = Reference(find_stars(luminance[0]), luminance[0])
    height, width = FRAME_SHAPE
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]).T
    for motion, picture in zip(motions[1:], luminance[1:], strict=True):
        found = register_frame(picture, find_stars(picture), reference)
        assert found.method == "astroalign"
        assert found.matrix is not None
        np.testing.assert_allclose(found.matrix @ corners, matrix_of(motion) @ corners, atol=0.3)
        alone = choose_canvas([matrix_of(motion)], FRAME_SHAPE, "auto")
        assert alone.padded is padded
