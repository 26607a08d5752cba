"""The layers of the Inspect section: lazily warped frames, outlines, the profile's line."""

from __future__ import annotations

import gc
import math
import threading
import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)

from napari_zecoverage.core.coverage import padded_canvas
from napari_zecoverage.core.parameters import StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.study import study_cluster
from napari_zecoverage.ui.inspect import aligned_frames as room
from napari_zecoverage.ui.inspect.aligned_frames import AlignedFrames
from napari_zecoverage.ui.inspect.inspect_layers import (
    FOOTPRINTS,
    FRAMES,
    PROFILE_LINE,
    InspectLayers,
    footprint_corners,
)
from napari_zecoverage.zemosaic.run_folder import find_clusters

pytestmark = pytest.mark.window


@pytest.fixture(scope="module")
def aligned(small_sample):
    """A real, small study: six raw frames of two nights."""
    (cluster,) = find_clusters(small_sample)
    return study_cluster(cluster, StudyOptions(stack="none", canvas="padded"), cache=False)


@pytest.fixture
def layers(qtbot, viewer) -> InspectLayers:
    return InspectLayers(viewer)


def turned(angle_deg: float, x: float = 0, y: float = 0) -> np.ndarray:
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return np.array([[c, -s, x], [s, c, y], [0, 0, 1]])


@pytest.fixture
def placed(make_study):
    """A study whose frames have known places; frame 1 is left out."""
    study = make_study(n_frames=4, shape=(100, 200))
    registrations = [
        Registration(np.eye(3), "reference"),
        Registration(None, "failed", reason="no match."),
        Registration(turned(0, x=20, y=10), "astroalign", 0.25, 30),
        Registration(turned(90, x=150, y=-20), "astroalign", 0.5, 12),
    ]
    return replace(study, registrations=tuple(registrations))


class Event(SimpleNamespace):
    """A mouse event that becomes the next one, as napari's do during a drag."""

    def __setattr__(self, name: str, value) -> None:
        if name == "__wrapped__":
            self.__dict__.update(value.__dict__)
        else:
            super().__setattr__(name, value)


class Mouse:
    """Moves as napari tells them to a viewer's callbacks."""

    def __init__(self, viewer) -> None:
        self.viewer = viewer

    def drag(self, *places, button: int = 1) -> Event:
        press = self._event("mouse_press", places[0], button)
        mouse_press_callbacks(self.viewer, press)
        for place in places[1:]:
            mouse_move_callbacks(self.viewer, self._event("mouse_move", place, button))
        mouse_release_callbacks(self.viewer, self._event("mouse_release", places[-1], button))
        return press

    def _event(self, kind: str, where, button: int) -> Event:
        return Event(type=kind, position=where, button=button, modifiers=(), is_dragging=True)

    click = drag


# --- outlines ------------------------------------------------------------------------------


def test_corners_are_where_the_coverage_is(aligned) -> None:
    for index in range(6):
        covered = np.argwhere(AlignedFrames(aligned)[index][..., 3] > 0)
        corners = footprint_corners(aligned, index)
        # What lies beyond the canvas is not there to be seen.
        corners = corners.clip(0, np.array(aligned.canvas.shape) - 1)
        np.testing.assert_allclose(covered.min(axis=0), corners.min(axis=0), atol=2)
        np.testing.assert_allclose(covered.max(axis=0), corners.max(axis=0), atol=2)


def test_corners_on_a_padded_canvas(placed) -> None:
    canvas = padded_canvas((100, 200))
    y, x = canvas.offset
    corners = footprint_corners(replace(placed, canvas=canvas), 2)
    np.testing.assert_allclose(corners[0], (y + 9.5, x + 19.5))
    np.testing.assert_allclose(corners[2], (y + 109.5, x + 219.5))
    with pytest.raises(ValueError, match="left out"):
        footprint_corners(placed, 1)


# --- in the viewer -------------------------------------------------------------------------


def test_nothing_is_added_before_it_is_asked_for(layers, viewer, placed) -> None:
    layers.show_study(placed)
    assert len(viewer.layers) == 0
    layers.set_shown(FOOTPRINTS, True)
    layers.set_shown(PROFILE_LINE, True)
    layers.set_shown(FRAMES, True)
    assert [layer.name for layer in viewer.layers] == [FOOTPRINTS, PROFILE_LINE, FRAMES]
    # What napari's slider is called.
    assert viewer.dims.axis_labels[0] == "frame"
    for name in (FOOTPRINTS, PROFILE_LINE, FRAMES):
        layers.set_shown(name, False)
    assert len(viewer.layers) == 0


def test_without_a_study_there_is_nothing_to_show(layers, viewer) -> None:
    layers.set_shown(FRAMES, True)
    assert len(viewer.layers) == 0


def test_the_active_layer_stays_active(layers, viewer, placed) -> None:
    mine = viewer.add_image(np.zeros((5, 5)))
    layers.show_study(placed)
    layers.set_shown(FOOTPRINTS, True)
    assert viewer.layers.selection.active is mine


def test_the_slider_blinks_and_tells_the_frame(qtbot, layers, viewer, placed) -> None:
    layers.show_study(placed)
    with qtbot.waitSignal(layers.frame_chosen) as chosen:
        layers.set_shown(FRAMES, True)
    assert chosen.args == [0]
    assert viewer.dims.current_step[0] == 0
    with qtbot.waitSignal(layers.frame_chosen) as chosen:
        viewer.dims.set_current_step(0, 1)
    assert chosen.args == [2]
    layers.choose_frame(3)
    assert viewer.dims.current_step[0] == 2
    # A frame that was left out has no place: the slider stays.
    layers.choose_frame(1)
    assert viewer.dims.current_step[0] == 2


def test_a_layer_of_more_axes_does_not_take_the_frames_slider(
    qtbot, layers, viewer, placed
) -> None:
    viewer.add_image(np.zeros((2, 5, 8, 9)))
    layers.show_study(placed)
    layers.set_shown(FRAMES, True)
    assert viewer.dims.ndim == 4
    with qtbot.waitSignal(layers.frame_chosen) as chosen:
        viewer.dims.set_current_step(1, 1)
    assert chosen.args == [2]
    with qtbot.assertNotEmitted(layers.frame_chosen, wait=50):
        viewer.dims.set_current_step(0, 1)
    layers.choose_frame(3)
    assert viewer.dims.current_step[:2] == (1, 2)


def seen(layers) -> np.ndarray:
    """Return what napari shows of the frames: R, G, B, A."""
    return np.asarray(layers[FRAMES]._slice.image.raw)


def shows(layers, position: int, *look) -> bool:
    study = layers[FRAMES].data.study
    expected = room.aligned_picture(study, layers.used[position], *look)
    return np.array_equal(np.squeeze(seen(layers)), expected)


class Maker:
    """Takes the place of the making of a frame, which may be held up; notes by which thread."""

    def __init__(self) -> None:
        self.picture = room.aligned_picture
        self.made: list[int] = []
        self.threads: set[threading.Thread] = set()
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, study, index, *look):
        self.threads.add(threading.current_thread())
        assert self.go_on.wait(10)
        self.made.append(index)
        return self.picture(study, index, *look)


@pytest.fixture
def maker(monkeypatch):
    maker = Maker()
    monkeypatch.setattr(room, "aligned_picture", maker)
    yield maker
    maker.go_on.set()


def test_frames_are_made_in_a_thread(qtbot, layers, viewer, aligned, maker) -> None:
    layers.show_study(aligned)
    layers.set_shown(FRAMES, True)
    qtbot.waitUntil(lambda: layers._maker.idle)
    # One after another, back, and one that nobody could foresee.
    for position in (1, 2, 1, 0, 4, 3):
        viewer.dims.set_current_step(0, position)
        qtbot.waitUntil(lambda: layers._maker.idle)
        assert threading.main_thread() not in maker.threads
        np.testing.assert_array_equal(
            np.squeeze(seen(layers)), maker.picture(aligned, layers.used[position])
        )
        assert len(layers[FRAMES].data._kept) <= 3


def test_the_next_frame_is_made_ahead(qtbot, layers, viewer, aligned, maker) -> None:
    layers.show_study(aligned)
    layers.set_shown(FRAMES, True)
    qtbot.waitUntil(lambda: layers._maker.idle)
    assert maker.made == [0, 1]
    viewer.dims.set_current_step(0, 1)
    # It is shown without being waited for.
    np.testing.assert_array_equal(np.squeeze(seen(layers)), maker.picture(aligned, 1))
    qtbot.waitUntil(lambda: layers._maker.idle)
    assert maker.made == [0, 1, 2]


def test_the_frame_before_is_seen_until_the_next_is_made(
    qtbot, layers, viewer, aligned, maker
) -> None:
    layers.show_study(aligned)
    layers.set_shown(FRAMES, True)
    qtbot.waitUntil(lambda: layers._maker.idle)
    before = seen(layers).copy()
    maker.go_on.clear()
    viewer.dims.set_current_step(0, 4)
    np.testing.assert_array_equal(seen(layers), before)
    maker.go_on.set()
    qtbot.waitUntil(lambda: not np.array_equal(seen(layers), before))
    np.testing.assert_array_equal(np.squeeze(seen(layers)), maker.picture(aligned, 4))


def test_a_frame_by_its_number_is_the_right_one(layers, aligned) -> None:
    # As when the layer is saved.
    layers.show_study(aligned)
    layers.set_shown(FRAMES, True)
    for position, picture in enumerate(np.asarray(layers[FRAMES].data)):
        np.testing.assert_array_equal(picture, room.aligned_picture(aligned, position))


def test_a_single_frame_is_seen(qtbot, layers, viewer, aligned) -> None:
    failed = Registration(None, "failed", reason="no match.")
    layers.show_study(replace(aligned, registrations=(aligned.registrations[0], *(failed,) * 5)))
    layers.set_shown(FRAMES, True)
    qtbot.waitUntil(lambda: layers._maker.idle)
    assert shows(layers, 0)


def test_the_frames_follow_the_stretch(qtbot, layers, viewer, aligned, maker) -> None:
    layers.show_study(aligned)
    layers.set_shown(FRAMES, True)
    layers.choose_frame(layers.used[2])
    qtbot.waitUntil(lambda: layers._maker.idle)
    layer, asinh = layers[FRAMES], seen(layers).copy()
    layers.set_stretch("linear", 1.0)
    qtbot.waitUntil(lambda: layers._maker.idle)
    np.testing.assert_array_equal(
        np.squeeze(seen(layers)), maker.picture(aligned, 2, "linear", 1.0)
    )
    assert not np.array_equal(seen(layers), asinh)
    # Only its brightness is another.
    np.testing.assert_array_equal(seen(layers)[..., 3], asinh[..., 3])
    assert list(viewer.layers) == [layer]
    assert viewer.dims.current_step[0] == 2
    viewer.dims.set_current_step(0, 3)
    np.testing.assert_array_equal(
        np.squeeze(seen(layers)), maker.picture(aligned, 3, "linear", 1.0)
    )
    layers.set_stretch("asinh", 1.0)
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: np.array_equal(seen(layers), asinh))
    assert threading.main_thread() not in maker.threads


def test_of_many_stretches_the_last_is_shown(qtbot, layers, viewer, aligned) -> None:
    layers.show_study(aligned)
    layers.set_shown(FRAMES, True)
    for tenths in range(5, 30, 5):
        layers.set_stretch("linear", tenths / 10)
    qtbot.waitUntil(lambda: layers._maker.idle)
    assert shows(layers, 0, "linear", 2.5)
    viewer.dims.set_current_step(0, 1)
    qtbot.waitUntil(lambda: layers._maker.idle)
    assert shows(layers, 1, "linear", 2.5)


def test_a_frame_of_the_study_before_is_not_shown(qtbot, layers, viewer, aligned, placed, maker):
    layers.show_study(aligned)
    maker.go_on.clear()
    layers.set_shown(FRAMES, True)
    layers.set_stretch("linear", 1.0)
    layers.show_study(placed)
    maker.go_on.set()
    qtbot.waitUntil(lambda: layers._maker.idle)
    assert layers[FRAMES].data.study is placed
    # Its files are nowhere.
    assert not seen(layers).any()


def test_frames_are_stretched_as_chosen_before(qtbot, layers, aligned) -> None:
    layers.set_stretch("linear", 3.0)
    layers.show_study(aligned)
    layers.set_stretch("linear", 2.0)
    layers.set_shown(FRAMES, True)
    qtbot.waitUntil(lambda: layers._maker.idle)
    assert shows(layers, 0, "linear", 2.0)


def test_without_the_frames_another_slider_means_nothing(qtbot, layers, viewer, placed) -> None:
    layers.show_study(placed)
    viewer.add_image(np.zeros((7, 5, 5)))
    with qtbot.assertNotEmitted(layers.frame_chosen):
        viewer.dims.set_current_step(0, 1)
    layers.choose_frame(3)
    assert viewer.dims.current_step[0] == 1


def test_another_study_keeps_the_layers_and_what_was_set(layers, viewer, placed, aligned) -> None:
    layers.show_study(placed)
    for name in (FRAMES, FOOTPRINTS, PROFILE_LINE):
        layers.set_shown(name, True)
        layers[name].opacity = 0.3
    before = list(viewer.layers)
    layers.show_study(aligned)
    assert list(viewer.layers) == before
    assert {layer.opacity for layer in viewer.layers} == {0.3}
    assert layers[FRAMES].data.shape[0] == 6
    assert len(layers[FOOTPRINTS].data) == 4 * 6
    height, width = aligned.canvas.shape
    assert layers.line == (((height - 1) / 2, 0), ((height - 1) / 2, width - 1))


def test_a_study_with_no_aligned_frame_has_no_layers(layers, viewer, placed) -> None:
    layers.show_study(placed)
    layers.set_shown(FRAMES, True)
    layers.set_shown(FOOTPRINTS, True)
    failed = Registration(None, "failed", reason="no match.")
    layers.show_study(replace(placed, registrations=(failed,) * 4))
    assert len(viewer.layers) == 0
    layers.set_shown(FRAMES, True)
    assert len(viewer.layers) == 0


def test_frames_look_as_before_when_they_are_shown_again(layers, placed) -> None:
    layers.show_study(placed)
    layers.set_shown(FRAMES, True)
    layers[FRAMES].opacity, layers[FRAMES].blending = 0.4, "additive"
    layers.set_shown(FRAMES, False)
    layers.set_shown(FRAMES, True)
    assert (layers[FRAMES].opacity, layers[FRAMES].blending) == (0.4, "additive")


def test_layers_that_were_deleted_are_survived(layers, viewer, placed) -> None:
    layers.show_study(placed)
    for name in (FRAMES, FOOTPRINTS, PROFILE_LINE):
        layers.set_shown(name, True)
    viewer.layers.clear()
    viewer.dims.set_current_step(0, 0)
    layers.choose_frame(2)
    layers.move_line((0, 0), (5, 5))
    layers.show_study(placed)
    Mouse(viewer).click((0, 0))
    assert len(viewer.layers) == 0
    layers.set_shown(FOOTPRINTS, True)
    assert [layer.name for layer in viewer.layers] == [FOOTPRINTS]


# --- a dock that is closed, and another one ------------------------------------------------


def test_the_next_dock_takes_the_layers_over(qtbot, layers, viewer, placed, aligned) -> None:
    layers.show_study(placed)
    for name in (FRAMES, FOOTPRINTS, PROFILE_LINE):
        layers.set_shown(name, True)
        layers[name].opacity = 0.3
    left = list(viewer.layers)
    layers.stop()
    assert list(viewer.layers) == left
    reopened = InspectLayers(viewer)
    reopened.show_study(aligned)
    for name in (FRAMES, FOOTPRINTS, PROFILE_LINE):
        reopened.set_shown(name, True)
    assert list(viewer.layers) == left
    assert {layer.opacity for layer in left} == {0.3}
    # None of them is dead: the one shows the new frames, the others answer to the mouse.
    assert reopened[FRAMES].data.study is aligned
    viewer.scene.camera.zoom = 4
    mouse = Mouse(viewer)
    with qtbot.waitSignal(reopened.frame_chosen):
        y, x = footprint_corners(aligned, 5)[0]
        mouse.click((0, y, x))
    reopened.move_line((50, 20), (50, 180))
    with qtbot.waitSignal(reopened.line_moved):
        mouse.drag((0, 50, 180), (0, 60, 170))
    assert reopened.line == ((50, 20), (60, 170))
    for name in (FRAMES, FOOTPRINTS, PROFILE_LINE):
        reopened.set_shown(name, False)
    assert len(viewer.layers) == 0


def test_a_closed_dock_answers_no_more(qtbot, layers, viewer, placed) -> None:
    layers.show_study(placed)
    for name in (FRAMES, FOOTPRINTS, PROFILE_LINE):
        layers.set_shown(name, True)
    layers.stop()
    reopened = InspectLayers(viewer)
    reopened.show_study(placed)
    reopened.move_line((50, 20), (50, 180))
    viewer.scene.camera.zoom = 4
    before = layers.line
    with qtbot.assertNotEmitted(layers.frame_chosen), qtbot.assertNotEmitted(layers.line_moved):
        Mouse(viewer).drag((0, 50, 180), (0, 60, 170))
        Mouse(viewer).click((0, 9, 120))
        viewer.dims.set_current_step(0, 2)
    assert layers.line == before
    assert reopened.line == ((50, 20), (60, 170))


def test_a_copy_of_ours_and_the_users_own_are_not_taken(layers, viewer, placed, aligned) -> None:
    layers.show_study(placed)
    layers.set_shown(FOOTPRINTS, True)
    ours = layers[FOOTPRINTS]
    copy = type(ours).create(*ours.as_layer_data_tuple())
    mine = viewer.add_vectors(np.zeros((1, 2, 2)), name=FOOTPRINTS)
    viewer.add_layer(copy)
    layers.stop()
    viewer.layers.remove(ours)
    reopened = InspectLayers(viewer)
    reopened.show_study(aligned)
    assert reopened[FOOTPRINTS] is None
    assert len(mine.data) == 1
    assert len(copy.data) == 4 * 3


# --- the mouse -----------------------------------------------------------------------------


def test_a_click_on_an_outline_chooses_its_frame(qtbot, layers, viewer, placed) -> None:
    layers.show_study(placed)
    layers.set_shown(FOOTPRINTS, True)
    viewer.scene.camera.zoom = 4
    mouse = Mouse(viewer)
    with qtbot.waitSignal(layers.frame_chosen) as chosen:
        mouse.click((9, 120))
    assert chosen.args == [2]
    colours = layers[FOOTPRINTS].edge_color.reshape(3, 4, 4)
    assert (colours[1] != colours[0]).any()
    assert (colours[2] == colours[0]).all()
    # The others are faint beside it.
    assert colours[0, 0, 3] < 0.5
    assert colours[1, 0, 3] == 1
    with qtbot.waitSignal(layers.frame_chosen) as chosen:
        mouse.click((-1, 70))
    assert chosen.args == [0]


def test_a_click_elsewhere_or_a_pan_chooses_nothing(qtbot, layers, viewer, placed) -> None:
    layers.show_study(placed)
    layers.set_shown(FOOTPRINTS, True)
    viewer.scene.camera.zoom = 4
    mouse = Mouse(viewer)
    with qtbot.assertNotEmitted(layers.frame_chosen):
        mouse.click((50, 90))
        mouse.click((9, 120), button=2)
        mouse.drag((9, 120), *[(9 + step, 120) for step in range(8)])
        layers[FOOTPRINTS].visible = False
        mouse.click((9, 120))


def test_while_labels_are_painted_the_outlines_do_not_answer(qtbot, layers, viewer, placed) -> None:
    layers.show_study(placed)
    layers.set_shown(FOOTPRINTS, True)
    points = viewer.add_points(np.zeros((1, 2)))
    viewer.layers.selection.active = points
    points.mode = "add"
    with qtbot.assertNotEmitted(layers.frame_chosen):
        Mouse(viewer).click((9, 120))


def test_the_line_is_dragged(qtbot, layers, viewer, placed) -> None:
    layers.show_study(placed)
    layers.set_shown(PROFILE_LINE, True)
    layers.move_line((50, 20), (50, 180))
    viewer.scene.camera.zoom = 2
    mouse = Mouse(viewer)
    with qtbot.waitSignal(layers.line_moved):
        event = mouse.drag((51, 179), (61, 169), (71, 159))
    assert layers.line == ((50, 20), (70, 160))
    # Or the camera would pan as well.
    assert event.handled
    mouse.drag((50, 20), (40, 30))
    assert layers.line == ((40, 30), (70, 160))
    mouse.drag((55, 95), (65, 100))
    assert layers.line == ((50, 35), (80, 165))
    np.testing.assert_allclose(layers[PROFILE_LINE].data[0], [(50, 35), (30, 130)])


def test_beside_the_line_the_camera_pans(qtbot, layers, viewer, placed) -> None:
    layers.show_study(placed)
    layers.set_shown(PROFILE_LINE, True)
    layers.move_line((50, 20), (50, 180))
    viewer.scene.camera.zoom = 2
    with qtbot.assertNotEmitted(layers.line_moved):
        event = Mouse(viewer).drag((70, 100), (80, 100))
    assert not hasattr(event, "handled")


def test_the_line_is_found_behind_a_slider(qtbot, layers, viewer, placed) -> None:
    layers.show_study(placed)
    layers.set_shown(FRAMES, True)
    layers.set_shown(PROFILE_LINE, True)
    layers.move_line((50, 20), (50, 180))
    viewer.scene.camera.zoom = 2
    with qtbot.waitSignal(layers.line_moved):
        Mouse(viewer).drag((1, 50, 180), (1, 60, 170))
    assert layers.line == ((50, 20), (60, 170))


def test_the_viewer_does_not_keep_them_alive(qtbot, viewer, placed) -> None:
    before = list(viewer.mouse_drag_callbacks)
    layers = InspectLayers(viewer)
    layers.show_study(placed)
    layers.set_shown(FOOTPRINTS, True)
    gone = weakref.ref(layers)
    del layers
    gc.collect()
    assert gone() is None
    assert viewer.mouse_drag_callbacks == before
    viewer.add_image(np.zeros((7, 5, 5)))
    viewer.dims.set_current_step(0, 1)


def test_when_qt_has_taken_them_apart_nothing_answers(qtbot, viewer, placed) -> None:
    layers = InspectLayers(viewer)
    layers.show_study(placed)
    for name in (FRAMES, FOOTPRINTS, PROFILE_LINE):
        layers.set_shown(name, True)
    with qtbot.waitSignal(layers.destroyed):
        layers.deleteLater()
    Mouse(viewer).click((9, 120))
    viewer.dims.set_current_step(0, 1)
