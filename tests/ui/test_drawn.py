"""What a real canvas shows of a moved slider."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSlider

from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.picture import removed_pixels
from napari_zecoverage.ui.contributions import dock_of
from napari_zecoverage.ui.layer_data import pyramid, whole_data

pytestmark = pytest.mark.window


@pytest.mark.parametrize("zoom", [0.3, 1.1, 4.0])
@pytest.mark.parametrize(
    # Where the rim moves to.
    ("name", "times", "column"),
    [("min_coverage_frac", 3, 915), ("margin_percent", 1, 1150)],
)
def test_what_is_drawn_at_once_is_the_exact_mask(
    make_napari_viewer, qtbot, make_study, zoom, name, times, column
) -> None:
    viewer = make_napari_viewer(show=True)
    dock = dock_of(viewer)
    study = make_study(shape=(1400, 1600))
    dock.show_study(study)
    qtbot.waitUntil(lambda: dock._shown.idle and dock._shown.at_rest, timeout=60_000)
    removed = viewer.layers["removed"]
    assert removed.multiscale
    for outline in ("kept edge", "saved tile"):
        viewer.layers[outline].visible = False
    camera = getattr(viewer, "scene", viewer).camera  # napari moved it in 0.9
    camera.zoom = zoom
    camera.center = (300, column)
    # Nothing but what the slider itself brings.
    dock._shown._live._soon.setInterval(600_000)
    slider = dock.findChild(QSlider, f"{name}_slider")
    qtbot.wait(50)
    before = viewer.screenshot(canvas_only=True, flash=False)
    for _ in range(times):
        qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    at_once = viewer.screenshot(canvas_only=True, flash=False)
    assert not np.array_equal(at_once, before)
    exact = removed_pixels(study, apply_mask(study, dock.parameters))
    # Of what is out of sight, or finer than the screen, nothing is written yet.
    assert not np.array_equal(removed.data[0], exact)
    dock._shown._live._begin_exact()
    qtbot.waitUntil(lambda: dock._shown.up_to_date, timeout=60_000)
    assert np.array_equal(removed.data[0], exact)
    np.testing.assert_array_equal(viewer.screenshot(canvas_only=True, flash=False), at_once)
    camera.center = (1000, 300)
    assert not np.array_equal(viewer.screenshot(canvas_only=True, flash=False), at_once)


@pytest.mark.parametrize("shape", [(300, 400), (1400, 1600)])
def test_what_moves_in_its_memory_is_drawn_as_new_data(
    make_napari_viewer, qtbot, make_study, shape
) -> None:
    viewer = make_napari_viewer(show=True)
    dock = dock_of(viewer)
    dock.show_study(make_study(shape=shape))
    qtbot.waitUntil(lambda: dock._shown.idle and dock._shown.at_rest, timeout=60_000)
    removed, edge = viewer.layers["removed"], viewer.layers["kept edge"]
    memory = whole_data(removed), edge.data
    before = viewer.screenshot(canvas_only=True, flash=False)
    slider = dock.findChild(QSlider, "min_coverage_frac_slider")
    for seen in (True, False):
        removed.visible = edge.visible = seen
        qtbot.keyClick(slider, Qt.Key.Key_PageUp)
        qtbot.waitUntil(lambda: dock._shown.up_to_date and dock._shown.at_rest, timeout=60_000)
        assert whole_data(removed) is memory[0]
        assert edge.data is memory[1]
        removed.visible = edge.visible = True
        moved = viewer.screenshot(canvas_only=True, flash=False)
        assert not np.array_equal(moved, before)
        before = moved
    for layer in (removed, edge):
        layer.visible = False
        assert not np.array_equal(viewer.screenshot(canvas_only=True, flash=False), moved)
        layer.visible = True
    removed.data = pyramid(memory[0].copy())
    edge.data = memory[1].copy()
    np.testing.assert_array_equal(viewer.screenshot(canvas_only=True, flash=False), moved)
