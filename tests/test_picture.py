"""How a studied cluster is drawn without a window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib import colormaps

from made_up import made_up_study
from napari_zecoverage.core.clusters import Cluster
from napari_zecoverage.core.coverage import Canvas
from napari_zecoverage.core.crop import Rect
from napari_zecoverage.core.fringe import measure_fringe
from napari_zecoverage.core.mask_pictures import CUT_OFF, HIDDEN
from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import MaskParameters, StudyOptions
from napari_zecoverage.core.registration import Registration
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.picture import (
    COUNT_COLOURS,
    FRINGE_COLOURS,
    REMOVED_COLOURS,
    count_colours,
    divided,
    draw_preview,
    fringe_colours,
    fringe_reach,
    kept_edge,
    outline,
    removed_pixels,
    stretch,
)
from studies import make_frame, stepped_coverage


def make_study(shape: tuple[int, int] = (600, 800), most: int = 8) -> ClusterStudy:
    """Coverage that grows by one frame every few columns, the first ones bare; a grey tile."""
    coverage = stepped_coverage(shape, most)
    tile = np.random.default_rng(1).normal(1000, 10, (*shape, 3)).astype(np.float32)
    tile[coverage == 0] = np.nan
    return ClusterStudy(
        cluster=Cluster("a", (make_frame(shape=shape),)),
        options=StudyOptions(),
        registrations=(Registration(np.eye(3), "reference"),),
        canvas=Canvas(shape, (0, 0), shape),
        coverage=coverage,
        tile=tile,
    )


def has_colour(picture: np.ndarray, colour: np.ndarray) -> bool:
    return bool((picture == colour).all(axis=2).any())


def test_stretch_brings_the_sky_of_each_channel_to_one_grey() -> None:
    sky = np.array([800, 1000, 700])
    tile = np.random.default_rng(0).normal(sky, 10, (100, 100, 3)).astype(np.float32)
    tile[0, 0] = np.nan
    shown = stretch(tile)
    assert shown.dtype == np.float32
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert np.array_equal(shown[0, 0], (0, 0, 0))
    medians = np.median(shown, axis=(0, 1))
    assert np.ptp(medians) < 0.01
    assert 0.05 < medians[0] < 0.5


@pytest.mark.parametrize("kind", ["asinh", "linear"])
def test_each_channel_s_black_is_its_own(kind) -> None:
    sky = np.array([800, 1000, 700])
    tile = np.random.default_rng(0).normal(sky, 10, (200, 200, 3)).astype(np.float32)
    medians = np.median(stretch(tile, kind, 1.5), axis=(0, 1))
    assert np.ptp(medians) < 0.01
    assert 0.05 < medians[0] < 0.5


def test_linear_steps_are_as_large_as_they_are() -> None:
    noise = np.random.default_rng(0).normal(1000, 10, (200, 200, 3))
    tile = noise.astype(np.float32)
    levels = np.array([1000, 1010, 1020, 1030], dtype=np.float32)
    tile[:4, 0] = levels[:, None]
    steps = np.diff(stretch(tile, "linear")[:4, 0, 0])
    assert steps == pytest.approx(np.full(3, steps[0]), rel=1e-4)
    assert steps[0] > 0.05
    assert np.diff(stretch(tile, "linear", 2.0)[:2, 0, 0])[0] == pytest.approx(
        2 * steps[0], rel=1e-4
    )
    bent = np.diff(stretch(tile)[:4, 0, 0])
    assert bent[0] > bent[1] > bent[2] > 0


@pytest.mark.parametrize("kind", ["asinh", "linear"])
def test_more_strength_lifts_faint_light_more(kind) -> None:
    tile = np.random.default_rng(0).normal(1000, 10, (100, 100, 3)).astype(np.float32)
    tile[0, 0] = 1030
    tile[1, :50] = 40_000
    lifted = [stretch(tile, kind, strength)[0, 0, 0] for strength in (0.5, 1.0, 2.0)]
    assert lifted[0] < lifted[1] < lifted[2]


@pytest.mark.parametrize("kind", ["asinh", "linear"])
@pytest.mark.parametrize("value", [0.0, 1000.0, np.nan, np.inf])
def test_stretch_of_a_flat_or_empty_tile_is_finite(value: float, kind) -> None:
    shown = stretch(np.full((10, 10, 3), value, np.float32), kind)
    assert np.isfinite(shown).all()


def test_stretch_is_fit_for_a_screen(study) -> None:
    shown = stretch(study.tile)
    assert shown.shape == study.tile.shape
    assert shown.dtype == np.float32
    assert shown.min() >= 0
    assert shown.max() <= 1
    assert (shown[study.coverage == 0] == 0).all()
    # The channels' skies differ by hundreds of ADU; on screen they are one grey.
    skies = np.median(shown[study.coverage > 0], axis=0)
    assert np.ptp(skies) < 0.01
    assert 0.05 < skies.mean() < 0.4


def test_stretch_keeps_a_faint_colour_step_visible(study) -> None:
    tile = study.tile.copy()
    tile[:, :100] += np.array([30, 0, -30], dtype=np.float32)
    shown = stretch(tile)
    here, there = np.median(shown[:, :100], axis=(0, 1)), np.median(shown[:, 150:200], axis=(0, 1))
    assert here[0] - there[0] > 0.1
    assert here[2] - there[2] < -0.1


def test_stretch_keeps_the_order_of_brightness() -> None:
    ramp = np.repeat(np.linspace(-10, 5000, 1000, dtype=np.float32), 3).reshape(10, 100, 3)
    shown = stretch(ramp)[..., 0].ravel()
    assert (np.diff(shown) >= 0).all()
    assert shown[-1] > shown[0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0, 1000])
def test_stretch_of_a_picture_without_contrast(value) -> None:
    shown = stretch(np.full((8, 9, 3), value, dtype=np.float32))
    assert np.isfinite(shown).all()
    assert len(np.unique(shown)) == 1


def test_removed_pixels_tells_the_mask_from_the_crop() -> None:
    study = make_study()
    outcome = apply_mask(study, MaskParameters())
    # A crop that takes away more than the mask does.
    outcome = replace(outcome, saved_rect=Rect(0, 0, 600, 700))
    assert study.coverage is not None
    covered = study.coverage > 0
    cut = np.zeros(covered.shape, bool)
    cut[:, 700:] = True
    expected = np.zeros(covered.shape, np.uint8)
    expected[covered & ~outcome.opaque] = HIDDEN
    expected[covered & outcome.opaque & cut] = CUT_OFF
    assert np.array_equal(removed_pixels(study, outcome), expected)
    assert set(np.unique(expected)) == {0, HIDDEN, CUT_OFF}


def test_removed_pixels_is_empty_when_the_mask_is_not_known() -> None:
    study = replace(make_study(), coverage=None, tile=None)
    outcome = apply_mask(study, MaskParameters())
    assert not removed_pixels(study, outcome).any()


@pytest.mark.parametrize("name", COUNT_COLOURS)
@pytest.mark.parametrize("most", [1, 2, 12, 200, 255])
def test_count_colours_get_lighter_with_every_count(most: int, name: str) -> None:
    colours = count_colours(most, name)
    assert colours.shape == (most + 1, 3)
    linear = (colours / 255.0) ** 2.2
    light = linear @ (0.2126, 0.7152, 0.0722)
    # Beyond some 60 steps of 8 bits a step may be too small to be any.
    assert (np.diff(light) > (0 if most <= 60 else -1e-3)).all()
    assert light[-1] > 10 * light[0]
    # R, G, B and not the other way round, as matplotlib has them.
    ends = np.array([colormaps[name](0.0), colormaps[name](1.0)])[:, :3] * 255
    np.testing.assert_allclose(colours[[0, -1]], ends, atol=8)


@pytest.mark.parametrize("name", FRINGE_COLOURS)
def test_warm_colours_are_a_redder_sky_and_cold_ones_a_bluer(name: str) -> None:
    from napari.utils.colormaps import ensure_colormap

    for channel, warm_end in ((0, 1.0), (1, 0.0)):
        turned = fringe_colours(name, channel)
        for warm, middle, cold in (
            np.array([colormaps[turned](each) for each in (warm_end, 0.5, 1 - warm_end)]),
            ensure_colormap(turned).map(np.array([warm_end, 0.5, 1 - warm_end])),
        ):
            # Red above blue is warm; green and blue above red, or blue above all, is cold.
            assert warm[0] > warm[2] + 0.25
            assert cold[2] > cold[0] + 0.1
            assert np.ptp(middle[:3]) < 0.05


@pytest.mark.parametrize("seed", [0, 4, 7])
def test_a_tile_without_a_fringe_looks_calm(seed: int) -> None:
    fringe = measure_fringe(made_up_study(seed, fringed=False).study)
    shown = np.abs(fringe.map[np.isfinite(fringe.map)]) / fringe_reach(fringe)
    assert np.median(shown) < 0.1
    assert np.percentile(shown, 99) < 0.6


@pytest.mark.parametrize("seed", [0, 6, 8])
def test_a_step_above_the_noise_is_clearly_shown(seed: int) -> None:
    fringe = measure_fringe(made_up_study(seed, fringed=True).study)
    steps = fringe.region_steps
    worst = int(np.nanargmax(steps.sure_step))
    assert steps.sure_step[worst] > fringe.core_noise
    there = np.abs(fringe.map[fringe.regions == worst]) / fringe_reach(fringe)
    assert np.nanmedian(there.max(axis=1)) > 0.4


def test_a_strong_fringe_sets_the_reach_and_what_is_not_measured_has_one() -> None:
    fringe = measure_fringe(made_up_study(7, fringed=True).study)
    known = np.abs(fringe.map[np.isfinite(fringe.map)])
    assert 2 * fringe.core_noise < fringe_reach(fringe) < known.max()
    nothing = replace(fringe, samples=None, core_noise=np.nan)
    assert fringe_reach(nothing) == 1


def test_preview_shows_every_count_in_its_colour() -> None:
    study = make_study()
    preview = draw_preview(study, apply_mask(study, MaskParameters()))
    assert preview.dtype == np.uint8
    assert preview.shape[2] == 3
    for colour in count_colours(8):
        assert has_colour(preview, colour)


def test_preview_marks_what_is_removed_and_nothing_else() -> None:
    study = make_study()
    everything = apply_mask(study, MaskParameters(min_coverage_abs=0, min_coverage_frac=0))
    masked = apply_mask(study, MaskParameters(min_coverage_frac=0.9))
    # On the page the tile stands at the same place whatever is removed.
    tile = np.s_[60:500, 100:700]
    plain, marked = (draw_preview(study, each)[tile].astype(int) for each in (everything, masked))
    # Red above blue is what orange does to a grey sky.
    assert REMOVED_COLOURS[HIDDEN][0] > REMOVED_COLOURS[HIDDEN][2]
    tint = (marked - plain)[..., 0] - (marked - plain)[..., 2]
    assert tint[:, :100].mean() > 40
    assert abs(tint[:, -60:]).mean() < 1


@pytest.mark.parametrize("missing", ["tile", "coverage", "both"])
def test_preview_of_what_there_is(missing: str) -> None:
    study = make_study()
    whole = draw_preview(study, apply_mask(study, MaskParameters()))
    if missing in ("tile", "both"):
        study = replace(study, tile=None)
    if missing in ("coverage", "both"):
        study = replace(study, coverage=None)
    preview = draw_preview(study, apply_mask(study, MaskParameters()))
    assert (preview.shape[1] < whole.shape[1]) == (missing != "tile")


@pytest.mark.parametrize("shape", [(16, 16), (3, 700), (700, 3), (60, 90), (1500, 2600)])
def test_preview_fits_a_screen(shape: tuple[int, int]) -> None:
    study = make_study(shape, most=300)
    preview = draw_preview(study, apply_mask(study, MaskParameters()))
    assert 60 < preview.shape[0] <= 1000 + 100
    assert 200 < preview.shape[1] <= 2 * 1000 + 200


# --- outlines ------------------------------------------------------------------------------


def drawn(strokes, shape) -> np.ndarray:
    """Draw strokes pixel by pixel, as an independent eye sees them."""
    canvas = np.zeros(shape, dtype=bool)
    for (y, x), (dy, dx) in strokes:
        steps = max(2, int(4 * max(abs(dy), abs(dx))))
        along = np.linspace(0, 1, steps)
        canvas[np.rint(y + along * dy).astype(int), np.rint(x + along * dx).astype(int)] = True
    return canvas


def test_kept_edge_runs_round_what_is_kept() -> None:
    study = make_study()
    outcome = apply_mask(study, MaskParameters())
    removed = removed_pixels(study, outcome)
    kept = (study.coverage > 0) & (removed == 0)
    rows, columns = np.flatnonzero(kept.any(axis=1)), np.flatnonzero(kept.any(axis=0))
    strokes = kept_edge(study, outcome, removed)
    line = drawn(strokes, kept.shape)
    assert np.flatnonzero(line.any(axis=1))[[0, -1]].tolist() == rows[[0, -1]].tolist()
    assert np.flatnonzero(line.any(axis=0))[[0, -1]].tolist() == columns[[0, -1]].tolist()
    # Closed: every end is a beginning.
    ends = strokes[:, 0] + strokes[:, 1]
    assert sorted(map(tuple, ends)) == sorted(map(tuple, strokes[:, 0]))


def test_kept_edge_follows_a_round_rim_closely() -> None:
    study = make_study()
    y, x = np.mgrid[: study.canvas.shape[0], : study.canvas.shape[1]]
    distance = np.hypot(y - 300, x - 400)
    study = replace(study, coverage=np.where(distance < 250, 8, 0).astype(np.float32))
    nothing = np.zeros(study.canvas.shape, dtype=np.uint8)
    strokes = kept_edge(study, apply_mask(study, MaskParameters()), nothing)
    on_line = distance[drawn(strokes, study.canvas.shape)]
    assert on_line.min() > 247
    assert on_line.max() < 251
    assert 10 < len(strokes) < 300


def test_kept_edge_of_nothing_and_of_the_unknown() -> None:
    study = make_study()
    outcome = apply_mask(study, MaskParameters())
    everything = np.ones(study.canvas.shape, dtype=np.uint8)
    assert kept_edge(study, outcome, everything).shape == (0, 2, 2)
    blind = replace(study, coverage=None, tile=None)
    unknown = apply_mask(blind, MaskParameters())
    assert kept_edge(blind, unknown, removed_pixels(blind, unknown)).shape == (0, 2, 2)


@given(
    corners=arrays(np.float32, (5, 2), elements=st.floats(0, 100, width=32), unique=True),
    more=st.integers(0, 60),
)
def test_divided_strokes_are_the_same_line(corners, more) -> None:
    strokes = np.stack([corners[:-1], corners[1:] - corners[:-1]], axis=1)
    cut = divided(strokes, len(strokes) + more)
    assert cut.shape == (len(strokes) + more, 2, 2)
    assert cut.dtype == np.float32
    begins, ends = cut[:, 0], cut.sum(axis=1)
    # One after the other, from the first to the last, through every corner.
    np.testing.assert_allclose(ends[:-1], begins[1:], atol=1e-3)
    np.testing.assert_allclose(ends[-1], corners[-1], atol=1e-3)
    assert {tuple(each) for each in corners[:-1]} <= {tuple(each) for each in begins}
    length = np.hypot(*strokes[:, 1].T).sum()
    assert np.hypot(*cut[:, 1].T).sum() == pytest.approx(length, rel=1e-3)
    # In equal pieces of the longest, which alone is cut.
    np.testing.assert_array_equal(divided(strokes, len(strokes)), strokes)
    assert len(np.unique(cut[:, 1], axis=0)) <= len(strokes)


def test_outline_goes_round_the_outermost_pixels() -> None:
    strokes = outline(Rect(2, 3, 10, 20))
    corners = [(1.5, 2.5), (1.5, 19.5), (9.5, 19.5), (9.5, 2.5)]
    assert strokes[:, 0].tolist() == [list(each) for each in corners]
    assert strokes.sum(axis=0)[1].tolist() == [0, 0]
