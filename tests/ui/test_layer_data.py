"""How a studied cluster looks as napari layer data."""

from __future__ import annotations

import numpy as np
from napari.layers import Image

from napari_zecoverage.ui.layer_data import coverage_layer


def test_coverage_has_one_colour_a_count(study) -> None:
    data, settings, kind = coverage_layer(study.coverage)
    layer = Image(data, **settings)
    assert kind == "image"
    assert layer.contrast_limits == [-0.5, 8.5]
    assert layer.interpolation2d == "nearest"
    counts = np.arange(9)
    low, high = layer.contrast_limits
    colours = layer.colormap.map((counts - low) / (high - low))
    assert len(np.unique(colours, axis=0)) == 9
    # Each count stands in the middle of its step, which is one frame high.
    for off in (-0.49, 0.49):
        beside = layer.colormap.map((counts + off - low) / (high - low))
        np.testing.assert_array_equal(beside, colours)
    # Evenly rising brightness: also to be read without seeing colours.
    brightness = colours[:, :3] @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(brightness) > 0).all()


def test_coverage_of_very_many_frames_is_smooth() -> None:
    data = np.linspace(0, 900, 100, dtype=np.float32).reshape(10, 10)
    layer = Image(data, **coverage_layer(data)[1])
    assert layer.contrast_limits == [0, 900]
