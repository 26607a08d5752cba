"""The layers we own."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from napari.layers import Image, Vectors

from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.mask_pictures import CUT_OFF, HIDDEN
from napari_zecoverage.core.outcome import MaskOutcome, apply_mask
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.picture import (
    count_colours,
    divided,
    outline,
    removed_pixels,
    stretch,
)
from napari_zecoverage.ui import layer_data
from napari_zecoverage.ui.layer_data import pyramid, whole_data
from napari_zecoverage.ui.layers import ClusterLayers
from napari_zecoverage.ui.own_layers import mark


def show(layers: ClusterLayers, study: ClusterStudy) -> None:
    layers.show_study(study, None if study.tile is None else stretch(study.tile))


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


OUTLINES = ("kept edge", "saved tile")


def show_removed(layers: ClusterLayers, removed) -> None:
    show_all(layers, removed, outline(Rect(5, 5, 20, 20)), Rect(0, 0, *removed.shape))


def show_all(layers: ClusterLayers, removed, edge, rect: Rect) -> None:
    layers.show_removed(removed)
    rest(layers, edge, rect)


def rest(layers: ClusterLayers, edge, rect: Rect) -> None:
    for steps in (layers.steps_to_outline(edge, rect), layers.steps_to_tell()):
        for _ in steps:
            pass


# --- what is removed -----------------------------------------------------------------------


def outcome_of(study, alpha, saved, source="coverage", finite=None) -> MaskOutcome:
    plain = apply_mask(study, MaskParameters())
    return replace(plain, alpha=alpha, saved_rect=Rect(*saved), source=source, finite=finite)


def test_removed_tells_mask_from_crop(study) -> None:
    alpha = np.zeros(study.canvas.shape, dtype=np.float32)
    alpha[50:250, 20:300] = 0.5
    alpha[100:200, 40:200] = 1
    removed = removed_pixels(study, outcome_of(study, alpha, (60, 30, 240, 290)))
    covered = study.coverage > 0
    expected = np.zeros_like(removed)
    for y, x in np.argwhere(covered):
        if alpha[y, x] < 0.5:
            expected[y, x] = HIDDEN
        elif not (60 <= y < 240 and 30 <= x < 290):
            expected[y, x] = CUT_OFF
    assert removed.dtype == np.uint8
    np.testing.assert_array_equal(removed, expected)
    assert {HIDDEN, CUT_OFF} <= set(np.unique(removed))


def test_removed_counts_the_field_lost(study) -> None:
    outcome = apply_mask(study, MaskParameters(min_coverage_frac=0.8))
    removed = removed_pixels(study, outcome)
    lost = np.count_nonzero(removed) / np.count_nonzero(study.coverage)
    assert lost == pytest.approx(outcome.field_lost.hard)
    assert lost > 0


def test_nothing_is_removed_by_a_dropped_mask(study) -> None:
    outcome = outcome_of(
        study, None, (0, 0, *study.canvas.shape), "dropped", np.isfinite(study.tile).any(axis=2)
    )
    assert not removed_pixels(study, outcome).any()


def test_removed_without_coverage_goes_by_the_tile(study) -> None:
    bare = replace(study, coverage=None)
    alpha = np.zeros(study.canvas.shape, dtype=np.float32)
    removed = removed_pixels(bare, outcome_of(bare, alpha, (0, 0, *study.canvas.shape)))
    np.testing.assert_array_equal(removed > 0, np.isfinite(study.tile).any(axis=2))


def test_unknown_mask_removes_nothing(study) -> None:
    bare = replace(study, coverage=None, tile=None)
    outcome = apply_mask(bare, MaskParameters())
    assert outcome.alpha is None
    assert not removed_pixels(bare, outcome).any()


# --- in the viewer -------------------------------------------------------------------------


def test_the_layers_from_bottom_to_top(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    assert names(viewer) == ["tile", "coverage", "removed", *OUTLINES]
    tile, coverage, removed, edge, saved = viewer.layers
    assert isinstance(tile, Image)
    assert tile.rgb
    assert not coverage.visible
    # The bar comes with the first look; whoever switches it off has it off.
    assert not coverage.colorbar.visible
    coverage.visible = True
    assert coverage.colorbar.visible
    coverage.colorbar.visible = False
    coverage.visible = False
    coverage.visible = True
    assert not coverage.colorbar.visible
    assert removed.visible
    assert not removed.data.any()
    assert isinstance(edge, Vectors)
    assert not edge.data.any()
    np.testing.assert_array_equal(saved.data, outline(Rect(0, 0, *study.canvas.shape)))
    assert edge.edge_color[:1].tolist() != saved.edge_color[:1].tolist()


def test_layers_come_one_after_another(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    seen = []
    for _ in layers.steps_to_show(study, stretch(study.tile)):
        seen.append(names(viewer))
    assert seen[0] == ["tile"]
    assert all(len(after) - len(before) <= 1 for before, after in pairwise(seen))
    assert names(viewer) == ["tile", "coverage", "removed", *OUTLINES]
    assert viewer.layers.selection.active is layers["tile"]


@pytest.mark.parametrize("selected", [["mine"], ["mine", "other"]])
def test_an_added_layer_is_not_selected(viewer, study, selected) -> None:
    for name in ("mine", "other"):
        viewer.add_image(np.zeros((4, 5)), name=name)
    layers = ClusterLayers(viewer)
    selection = viewer.layers.selection
    selection.clear()
    selection.update(viewer.layers[name] for name in selected)
    before = set(selection)
    heard = []
    for event in ("changed", "active"):
        getattr(selection.events, event).connect(heard.append)
    show(layers, study)
    assert heard == []
    assert set(selection) == before
    assert selection.active is (viewer.layers["mine"] if len(selected) == 1 else None)


def test_another_study_leaves_the_selection(viewer, study, make_study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    viewer.layers.selection.active = layers["coverage"]
    show(layers, make_study(5))
    assert viewer.layers.selection.active is layers["coverage"]


def test_without_a_tile_the_coverage_is_seen(viewer, study) -> None:
    show(ClusterLayers(viewer), replace(study, tile=None))
    assert names(viewer) == ["coverage", "removed", *OUTLINES]
    assert viewer.layers["coverage"].visible


def test_without_a_coverage_the_tile_is_seen(viewer, study) -> None:
    show(ClusterLayers(viewer), replace(study, coverage=None))
    assert names(viewer) == ["tile", "removed", *OUTLINES]


def test_a_tick_leaves_the_list_of_layers_alone(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    layer = layers["removed"]
    of_list, of_layer = [], []
    viewer.layers.events.connect(of_list.append)
    layer.events.data.connect(of_layer.append)
    layer.events.set_data.connect(of_layer.append)
    before = layer.thumbnail.copy()
    removed = np.full(study.canvas.shape, HIDDEN, np.uint8)
    layers.show_removed(removed)
    assert np.array_equal(layer.data, removed)
    assert {each.type for each in of_layer} == {"set_data"}
    assert of_list == []
    assert np.array_equal(layer.thumbnail, before)
    rest(layers, outline(Rect(5, 5, 20, 20)), Rect(0, 0, *study.canvas.shape))
    assert "thumbnail" in {each.type for each in of_list}
    assert not np.array_equal(layer.thumbnail, before)
    assert {each.type for each in of_layer} == {"data", "set_data"}
    told = len(of_layer)
    rest(layers, outline(Rect(5, 5, 20, 20)), Rect(0, 0, *study.canvas.shape))
    assert len(of_layer) == told


def test_the_layer_keeps_no_hold_of_what_it_was_given(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    removed = np.full(study.canvas.shape, HIDDEN, np.uint8)
    layers.show_removed(removed)
    layers.show_removed(np.zeros_like(removed))
    assert (removed == HIDDEN).all()


def test_data_that_somebody_else_set_are_replaced(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    layers["removed"].data = np.zeros((4, 5), np.uint8)
    removed = np.full(study.canvas.shape, HIDDEN, np.uint8)
    layers.show_removed(removed)
    assert np.array_equal(layers["removed"].data, removed)


def test_what_is_seen_is_written_first_and_the_rest_follows(viewer, study, monkeypatch) -> None:
    monkeypatch.setattr(layer_data, "_PYRAMID_FROM_PX", 1000)
    monkeypatch.setattr(layer_data, "_PYRAMID_TOP_PX", 100)
    layers = ClusterLayers(viewer)
    show(layers, study)
    layer = layers["removed"]
    assert layer.multiscale
    height, width = study.canvas.shape
    # As the canvas tells it when it shows the right half at a quarter of the resolution.
    layer._data_level = 2
    layer.corner_pixels = np.array([[0, width // 8], [height // 4, width // 4]])
    part = layers.seen_part()
    assert [each.step for each in part] == [4, 4]
    assert np.zeros((height, width))[part].size >= height * width // 32
    removed = np.random.default_rng(1).integers(0, 3, (height, width)).astype(np.uint8)
    layers.show_seen(removed[part], part)
    assert np.array_equal(whole_data(layer)[part], removed[part])
    right = layer.data[2][:, width // 8 :]
    assert np.array_equal(right, removed[::4, ::4][:, width // 8 :])
    assert not np.array_equal(whole_data(layer), removed)
    heard = []
    layer.events.set_data.connect(heard.append)
    layers.show_removed(removed)
    assert np.array_equal(whole_data(layer), removed)
    # The canvas shows it already; elsewhere it does not.
    assert heard == []
    layers.show_seen(np.zeros_like(removed[part]), part)
    layer.corner_pixels = np.array([[0, 0], [height // 4, width // 8]])
    heard.clear()
    layers.show_removed(np.where(removed == 1, 2, removed).astype(np.uint8))
    assert heard


def test_a_part_is_not_written_into_what_somebody_else_set(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    theirs = np.zeros((4, 5), np.uint8)
    layers["removed"].data = theirs
    part = layers.seen_part()
    layers.show_seen(np.ones(study.canvas.shape, np.uint8)[part], part)
    assert not theirs.any()
    # Nothing of it is to be looked up, however large the canvas is.
    assert np.zeros(study.canvas.shape)[part].size == 0
    viewer.layers.remove("removed")
    assert layers.seen_part() == part


def test_removed_is_see_through_where_nothing_is_removed(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    removed = layers["removed"]
    assert removed.contrast_limits == [0, CUT_OFF]
    kept, hidden, cut_off = removed.colormap.map(np.array([0, HIDDEN, CUT_OFF]) / CUT_OFF)
    assert kept[3] == 0
    assert 0 < hidden[3] < 1
    assert 0 < cut_off[3] < 1
    assert np.abs(hidden - cut_off).max() > 0.3


def test_sliding_keeps_the_layer_and_what_the_user_set(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    removed = layers["removed"]
    removed.opacity = 0.3
    removed.name = "mine now"
    show_removed(layers, np.full(study.canvas.shape, HIDDEN, dtype=np.uint8))
    assert layers["removed"] is removed
    assert (removed.data == HIDDEN).all()
    assert removed.opacity == 0.3
    assert len(viewer.layers) == 5


def test_next_cluster_takes_the_same_layers(viewer, study, make_study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    before = list(viewer.layers)
    show_removed(layers, np.full(study.canvas.shape, HIDDEN, dtype=np.uint8))
    other = make_study(20, "other", (260, 280))
    show(layers, other)
    assert list(viewer.layers) == before
    assert layers["coverage"].contrast_limits == [-0.5, 20.5]
    assert layers["coverage"].contrast_limits_range == [-0.5, 20.5]
    assert len(np.unique(layers["coverage"].colormap.map(np.linspace(0, 1, 999)), axis=0)) == 21
    assert layers["tile"].data.shape == (260, 280, 3)
    assert layers["removed"].data.shape == (260, 280)
    assert not layers["removed"].data.any()


def test_a_cluster_without_a_tile_takes_the_tile_away(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    show(layers, replace(study, tile=None))
    assert names(viewer) == ["coverage", "removed", *OUTLINES]
    show(layers, study)
    assert names(viewer) == ["tile", "coverage", "removed", *OUTLINES]


@pytest.mark.parametrize("deleted", ["tile", "coverage", "removed", "kept edge", "saved tile"])
def test_a_deleted_layer_stays_away_until_the_next_cluster(viewer, study, deleted) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    viewer.layers.remove(deleted)
    show_removed(layers, np.ones(study.canvas.shape, dtype=np.uint8))
    assert deleted not in names(viewer)
    assert layers[deleted] is None
    show(layers, study)
    assert names(viewer) == ["tile", "coverage", "removed", *OUTLINES]


def test_all_deleted(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    viewer.layers.clear()
    show_removed(layers, np.ones(study.canvas.shape, dtype=np.uint8))
    assert len(viewer.layers) == 0


def test_the_users_layers_are_left_alone(viewer, study) -> None:
    mine = viewer.add_image(np.zeros((5, 5)), name="removed")
    also_mine = viewer.add_labels(np.ones((5, 5), dtype=int), name="tile")
    layers = ClusterLayers(viewer)
    show(layers, study)
    show_removed(layers, np.ones(study.canvas.shape, dtype=np.uint8))
    show(layers, replace(study, tile=None))
    assert mine in viewer.layers
    assert also_mine in viewer.layers
    assert mine.data.shape == also_mine.data.shape == (5, 5)
    assert mine.name == "removed"
    assert (also_mine.data == 1).all()


def test_the_picture_is_selected_and_a_users_choice_kept(viewer, study, make_study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    assert viewer.layers.selection.active is layers["tile"]
    viewer.layers.selection.active = layers["removed"]
    show(layers, make_study(9, "other"))
    assert viewer.layers.selection.active is layers["removed"]


def test_outlines_follow(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    removed = np.zeros(study.canvas.shape, dtype=np.uint8)
    for rect in (Rect(10, 20, 200, 300), Rect(0, 0, 30, 40)):
        edge = outline(Rect(*(each + 3 for each in rect)))[: rect.y0 or 1]
        show_all(layers, removed, edge, rect)
        shown = layers["kept edge"].data
        np.testing.assert_array_equal(shown, divided(edge, len(shown)))
        np.testing.assert_array_equal(layers["saved tile"].data, outline(rect))
    width = layers["saved tile"].edge_width
    show(layers, replace(study, canvas=replace(study.canvas, shape=(3000, 4000))))
    assert layers["saved tile"].edge_width > width


def zigzag(count: int, seed: int = 0) -> np.ndarray:
    """Return so many strokes."""
    return np.random.default_rng(seed).uniform(0, 40, (count, 2, 2)).astype(np.float32)


def test_outlines_stay_in_their_memory_where_they_fit(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    layer = layers["kept edge"]
    removed = np.zeros(study.canvas.shape, dtype=np.uint8)
    drawn, told = [], []
    layer.events.set_data.connect(lambda _event: drawn.append(layer.data.copy()))
    layer.events.data.connect(lambda event: told.append(event.value))
    memory = []
    for count in (300, 200, 400, 600, 300):
        edge = zigzag(count, count)
        show_all(layers, removed, edge, Rect(1, 2, 30, 40))
        memory.append(layer.data)
        assert len(layer.data) == (512 if count < 600 and len(memory) < 4 else 1024)
        # The canvas and whoever listens are told of the same.
        for said in (layer.data, drawn[-1], told[-1]):
            np.testing.assert_array_equal(said, divided(edge, len(layer.data)))
    assert memory[0] is memory[1] is memory[2]
    assert memory[3] is memory[4]
    assert memory[2] is not memory[3]
    assert layer.extent.data[1].max() < 80
    show_all(layers, removed, outline(Rect(0, 0, 20, 90)), Rect(1, 2, 30, 40))
    assert layer.extent.data[1].tolist() == [19.5, 89.5]


def test_strokes_of_somebody_else_are_not_written_in(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    removed = np.zeros(study.canvas.shape, dtype=np.uint8)
    show_all(layers, removed, zigzag(100), Rect(1, 2, 30, 40))
    theirs = zigzag(512, 7)
    layers["kept edge"].data = theirs
    show_all(layers, removed, zigzag(50, 3), Rect(1, 2, 30, 40))
    np.testing.assert_array_equal(theirs, zigzag(512, 7))
    np.testing.assert_array_equal(layers["kept edge"].data, divided(zigzag(50, 3), 512))
    show_all(layers, removed, zigzag(0), Rect(1, 2, 30, 40))
    # Strokes without length: nothing is seen, and napari can draw it in 3D, too.
    assert not layers["kept edge"].data.any()
    show_all(layers, removed, zigzag(9), Rect(1, 2, 30, 40))
    np.testing.assert_array_equal(layers["kept edge"].data, divided(zigzag(9), 512))


def test_looks_outlast_a_cluster_without_such_a_layer(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    layers.show_fringe(np.zeros(study.canvas.shape, np.float32))
    layers["tile"].opacity = 0.8
    layers["coverage"].visible = True
    fringe = layers["fringe"]
    fringe.visible, fringe.opacity, fringe.blending = True, 0.33, "additive"
    fringe.name, fringe.gamma = "colours of the rim", 0.7
    layers["tile"].contrast_limits = 0.1, 0.9
    viewer.layers.move(viewer.layers.index(fringe), len(viewer.layers))
    order = names(viewer)
    assert order[-1] == "colours of the rim"
    layers.show_fringe(None)
    show(layers, replace(study, tile=None))
    assert {"tile", "colours of the rim"}.isdisjoint(names(viewer))
    show(layers, study)
    layers.show_fringe(np.zeros(study.canvas.shape, np.float32))
    assert names(viewer) == order
    assert layers["tile"].opacity == 0.8
    assert layers["tile"].contrast_limits == [0.1, 0.9]
    fringe = layers["fringe"]
    assert (fringe.visible, fringe.opacity, fringe.blending) == (True, 0.33, "additive")
    assert fringe.gamma == 0.7
    # The study has these.
    assert fringe.contrast_limits == [-1, 1]
    # What the user deleted comes as new.
    viewer.layers.remove(fringe)
    layers.show_fringe(np.zeros(study.canvas.shape, np.float32))
    assert not layers["fringe"].visible


def test_what_does_not_change_is_not_set_again(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    removed = np.ones(study.canvas.shape, dtype=np.uint8)
    edge = outline(Rect(3, 3, 30, 30))
    show_all(layers, removed, edge, Rect(1, 2, 30, 40))
    kept = [layers[name].data for name in ("removed", *OUTLINES)]
    heard = []
    for name in ("removed", *OUTLINES):
        layers[name].events.set_data.connect(heard.append)
    show_all(layers, removed, edge.copy(), Rect(1, 2, 30, 40))
    assert heard == []
    assert all(
        layers[name].data is data for name, data in zip(("removed", *OUTLINES), kept, strict=True)
    )


def test_removed_can_be_switched(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    layers.toggle_removed()
    show(layers, study)
    layers.toggle_removed()
    assert not layers["removed"].visible
    layers.toggle_removed()
    assert layers["removed"].visible


def test_removed_can_be_switched_where_a_dock_before_left_it(viewer, study) -> None:
    show(ClusterLayers(viewer), study)
    ClusterLayers(viewer).toggle_removed()
    assert not viewer.layers["removed"].visible


def test_layers_of_the_inspect_section_stay_over_those_of_the_cluster(viewer, study) -> None:
    frames = Image(np.zeros((4, 5)), name="frames")
    mark(frames, "frames")
    viewer.add_layer(frames)
    mine = viewer.add_image(np.zeros((4, 5)), name="mine")
    show(ClusterLayers(viewer), study)
    assert names(viewer) == ["tile", "coverage", "removed", *OUTLINES, "frames", "mine"]
    assert mine in viewer.layers


def test_view_is_kept_while_the_canvas_is_the_same(viewer, study, make_study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    # napari moved the camera in 0.9.
    camera = viewer.scene.camera if hasattr(viewer, "scene") else viewer.camera
    camera.zoom = 7
    show(layers, study)
    assert camera.zoom == 7
    show(layers, make_study(shape=(900, 1200)))
    assert camera.zoom != 7


def test_the_runs_own_tile_lies_where_it_belongs(viewer, make_study) -> None:
    layers = ClusterLayers(viewer)
    study = make_study()
    ours = np.zeros((*study.canvas.shape, 3), np.float32)
    theirs = np.ones((50, 60, 3), np.float32)
    layers.show_study(study, ours, (theirs, (20, -3)))
    layer = viewer.layers["master tile"]
    assert not layer.visible
    np.testing.assert_array_equal(layer.translate, (20, -3))
    assert [each.name for each in viewer.layers][:3] == ["tile", "master tile", "coverage"]
    layers.show_study(study, ours, (theirs[:40], (5, 6)))
    assert viewer.layers["master tile"] is layer
    np.testing.assert_array_equal(layer.translate, (5, 6))
    layers.show_study(study, ours)
    assert "master tile" not in viewer.layers


def test_other_colours_for_the_counts(viewer, study, make_study) -> None:
    layers = ClusterLayers(viewer)
    layers.set_coverage_colours("magma")
    show(layers, study)
    layer = viewer.layers["coverage"]
    np.testing.assert_allclose(layer.colormap.colors[:, :3], count_colours(8, "magma") / 255)
    layers.set_coverage_colours("gray")
    assert layer.contrast_limits == [-0.5, 8.5]
    np.testing.assert_allclose(layer.colormap.colors[:, :3], count_colours(8, "gray") / 255)
    show(layers, make_study(12))
    np.testing.assert_allclose(layer.colormap.colors[:, :3], count_colours(12, "gray") / 255)


def test_a_tile_stretched_otherwise_keeps_its_layer(viewer, study) -> None:
    layers = ClusterLayers(viewer)
    show(layers, study)
    layer = viewer.layers["tile"]
    layer.opacity = 0.5
    shown = stretch(study.tile, "linear")
    layers.show_picture("tile", shown)
    assert viewer.layers["tile"] is layer
    assert layer.opacity == 0.5
    np.testing.assert_array_equal(np.asarray(layer.data), shown)
    viewer.layers.remove(layer)
    layers.show_picture("tile", shown)
    assert "tile" not in viewer.layers


# --- large pictures, and layers left behind ------------------------------------------------


def test_a_large_picture_is_a_pyramid_of_views(monkeypatch) -> None:
    picture = np.arange(6000, dtype=np.uint8).reshape(60, 100)
    assert pyramid(picture) is picture
    monkeypatch.setattr(layer_data, "_PYRAMID_FROM_PX", 5000)
    monkeypatch.setattr(layer_data, "_PYRAMID_TOP_PX", 30)
    levels = pyramid(picture)
    assert [each.shape for each in levels] == [(60, 100), (30, 50), (15, 25)]
    assert levels[0] is picture
    assert all(np.shares_memory(each, picture) for each in levels)


def test_large_and_small_clusters_take_turns(viewer, study, make_study, monkeypatch) -> None:
    monkeypatch.setattr(layer_data, "_PYRAMID_FROM_PX", 200_000)
    monkeypatch.setattr(layer_data, "_PYRAMID_TOP_PX", 300)
    layers = ClusterLayers(viewer)
    show(layers, study)
    layers["removed"].opacity = 0.3
    layers["tile"].visible = False
    names = [layer.name for layer in viewer.layers]
    for shape in ((600, 800), (650, 700), (300, 400)):
        other = make_study(shape=shape)
        show(layers, other)
        assert [layer.name for layer in viewer.layers] == names
        assert layers["removed"].multiscale == (shape != (300, 400))
        assert layers["removed"].opacity == 0.3
        assert not layers["tile"].visible
        removed = np.full(shape, 2, np.uint8)
        layers.show_removed(removed)
        assert np.array_equal(whole_data(layers["removed"]), removed)
        data = layers["removed"].data
        for level in data if layers["removed"].multiscale else [data]:
            assert np.all(np.asarray(level) == 2)
        assert whole_data(layers["coverage"]) is other.coverage
        heard = []
        layers["removed"].events.set_data.connect(heard.append)
        layers.show_removed(removed)
        assert heard == []


def test_layers_of_a_dock_that_was_closed_are_taken_over(viewer, study, make_study) -> None:
    show(ClusterLayers(viewer), study)
    mine = viewer.layers["removed"]
    # A copy is the user's own, and so is what is only called the same.
    copied = Image(mine.data.copy(), name="removed copy", metadata=dict(mine.metadata))
    viewer.add_layer(copied)
    viewer.add_image(np.zeros((3, 4)), name="tile of mine")
    before = list(viewer.layers)
    other = make_study(5)
    layers = ClusterLayers(viewer)
    show(layers, other)
    assert list(viewer.layers) == before
    assert layers["removed"] is mine
    assert layers["coverage"].data is other.coverage
    assert not np.shares_memory(copied.data, mine.data)
    assert "tile of mine" in viewer.layers
