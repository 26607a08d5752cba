"""The charts and tile pictures: what is drawn is what was given."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_studies import SHAPE, make_study

from napari_zecoverage.core.outcome import apply_mask
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.report.count_chart import CountPoint, count_chart
from napari_zecoverage.report.maps import coverage_map, fringe_map
from napari_zecoverage.report.paper import DARK, DARKROOM, LIGHT, SHARPNESS, draw, size_of
from napari_zecoverage.report.run_chart import MOST_IN_RUN, RunPoint, drawable, run_chart
from napari_zecoverage.report.threshold_charts import (
    LevelPoint,
    Mark,
    Plane,
    landscape_chart,
    threshold_chart,
)
from napari_zecoverage.report.tile_pictures import EDGE, NOTHING, png_of, reduce_tile, with_outcome
from napari_zecoverage.report.words import setting, signed, thresholds, with_error

NAN = math.nan
MARKS = [
    Mark("ZeMosaic's defaults", "defaults", 4.0, 3, 0.5),
    Mark("advised", "advised", 4.0, 4, 0.4),
    Mark("chosen", "chosen", NAN, 99, 1.0),
]
SOURCES = ("coverage", "low-signal", "radial", "dropped")


def decoded(png: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def level_points(sigmas: float = 1.0, count: int = 8) -> list[LevelPoint]:
    return [
        LevelPoint(
            float(k), SOURCES[k % len(SOURCES)], 1 - k / 10, 1 - k / 11, sigmas / (k + 1), 0.1
        )
        for k in range(count)
    ]


def legend_of(figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


@pytest.mark.parametrize("paper", [LIGHT, DARK], ids=["light", "dark"])
def test_a_chart_has_the_size_that_is_told(paper) -> None:
    figure = threshold_chart(level_points(), MARKS, 0.25, paper)
    width, height = size_of(figure)
    picture = decoded(draw(figure))
    assert picture.shape == (height * SHARPNESS, width * SHARPNESS, 3)
    assert "#{:02x}{:02x}{:02x}".format(*picture[-1, -1]) == paper.paper


def test_the_curve_is_that_of_the_levels() -> None:
    points = level_points()
    figure = threshold_chart(points, MARKS, 0.25, LIGHT)
    field, fringe = figure.axes
    hard, soft = (patch.get_data() for patch in field.patches[:2])
    assert hard.edges.tolist() == [each.frames for each in points]
    assert hard.values.tolist() == [each.hard for each in points[1:]]
    assert soft.values.tolist() == [each.soft for each in points[1:]]
    assert fringe.get_ylim()[1] > max(each.sigmas for each in points[1:])


def test_marks_in_one_place_are_told_together() -> None:
    names = legend_of(threshold_chart(level_points(), MARKS, 0.25, LIGHT))
    assert "ZeMosaic's defaults = advised" in names
    assert "chosen" not in names  # no threshold acts
    assert {"low-signal mask", "radial mask", "mask dropped: all is kept"} <= set(names)


@pytest.mark.parametrize("count", [2, 3, 200])
def test_a_fringe_that_is_not_known_is_said_to_be_so(count: int) -> None:
    figure = threshold_chart(level_points(NAN, count), MARKS, 0.25, LIGHT)
    assert "not measurable" in [text.get_text() for text in figure.axes[1].texts]
    draw(figure)


def count_points(known: bool) -> list[CountPoint]:
    return [
        CountPoint(float(k), *((k, 0.1, -k, 0.2, 3 * k, NAN) if known else [NAN] * 6))
        for k in range(1, 9)
    ]


@pytest.mark.parametrize("known", [True, False])
def test_the_steps_of_the_counts_are_drawn(known: bool) -> None:
    figure = count_chart(count_points(known), 6.0 if known else NAN, LIGHT)
    matched, raw = figure.axes
    said = [text.get_text() for axes in (matched, raw) for text in axes.texts]
    assert said == ([] if known else ["not measurable", "not known"])
    assert ("the core" in legend_of(figure)) is known
    draw(figure)


@pytest.mark.parametrize("known", [True, False])
def test_the_landscape_is_drawn_as_it_is(known: bool) -> None:
    abs_edges, frac_edges = np.array([0.0, 1, 2, 2.1]), np.array([0, 0.5, 1])
    values = np.array([[0.9, 0.8], [0.8, 0.7], [NAN, NAN]])
    source = np.array([["coverage", "coverage"], ["radial", "dropped"], ["low-signal"] * 2])
    kept = Plane(abs_edges, frac_edges, values, source)
    left = Plane(abs_edges, frac_edges, values if known else np.full((3, 2), NAN), source)
    figure = landscape_chart(kept, left, MARKS, 0.25, LIGHT)
    mesh = figure.axes[0].collections[0]
    assert np.array_equal(np.ma.filled(mesh.get_array(), NAN), values, equal_nan=True)
    names = set(legend_of(figure))
    assert {"low-signal mask", "radial mask", "mask dropped: all is kept"} <= names
    said = [text.get_text() for text in figure.axes[1].texts]
    assert said == ([] if known else ["not measurable"])
    draw(figure)


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=60))
def test_any_label_can_be_drawn(text: str) -> None:
    label = drawable(text)
    assert len(label) <= 28
    assert all(" " <= each <= "~" or "\xa1" <= each <= "\u024f" or each == "…" for each in label)


@pytest.mark.parametrize("rows", [1, MOST_IN_RUN])
def test_a_run_is_drawn_from_top_to_bottom(rows: int) -> None:
    points = [RunPoint(f"{k} · $x_{k}$", 0.1, 1.0, 0.2, NAN if k % 2 else 0.5) for k in range(rows)]
    figure = run_chart(points, 0.25, DARK)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == [each.label for each in points]
    bottom, top = figure.axes[0].get_ylim()
    assert bottom > top
    unknown = [text.get_text() for text in figure.axes[1].texts]
    assert unknown == ["not measurable"] * (rows // 2)
    draw(figure)


def test_a_run_whose_fringes_are_not_known_is_drawn() -> None:
    figure = run_chart([RunPoint("a", 0.1, NAN, 0.2, NAN)], 0.25, LIGHT)
    assert [axes.get_xlim()[1] for axes in figure.axes] == pytest.approx([1.1 * 0.2, 0.5])
    draw(figure)


def test_counts_of_the_coverage_are_not_mixed() -> None:
    coverage = np.repeat(np.arange(5.0), 20)[None].repeat(80, 0)
    figure = coverage_map(coverage, 4, 300)
    image = figure.axes[0].images[0]
    drawn = image.cmap(image.norm(np.arange(1.0, 5)))
    assert len({tuple(each) for each in drawn.tolist()}) == 4
    draw(figure)


@pytest.mark.parametrize("channel", [0, 1])
def test_no_step_is_dark_and_both_ways_are_alike(channel: int) -> None:
    steps = np.array([[-2.0, 0.0, 2.0, NAN]])
    axes = fringe_map(steps, 2.0, channel, 300).axes[0]
    assert axes.get_title(loc="left") == ("R−G", "B−G")[channel]
    image = axes.images[0]
    low, zero, high = image.cmap(image.norm(steps[0, :3]))[:, :3]
    if channel == 1:
        # Bluer is blue.
        low, high = high, low
    assert zero.max() < 0.1
    assert abs(low @ (0.21, 0.72, 0.07) - high @ (0.21, 0.72, 0.07)) < 0.06
    assert low[2] > low[0]
    assert high[0] > high[2]


def test_a_map_of_one_pixel_is_drawn() -> None:
    draw(fringe_map([[1.0]], 1.0, 0, 200))
    draw(coverage_map([[1.0]], 1, 200))


def test_the_papers_are_told_apart_from_their_inks() -> None:
    assert DARKROOM.paper != LIGHT.paper != DARK.paper


# --- the tile ------------------------------------------------------------------------------


@pytest.mark.parametrize("longest", [60, 1000])
def test_what_is_lost_has_no_colour_and_what_is_kept_is_untouched(longest: int) -> None:
    study = make_study()
    tile = reduce_tile(study, longest)
    assert tile is not None
    assert max(tile.picture.shape[:2]) == min(longest, max(SHAPE))
    outcome = apply_mask(study, MaskParameters(margin_percent=0))
    picture = with_outcome(tile, outcome)
    edge = (picture == EDGE).all(axis=2)
    assert edge.any()
    shown = np.zeros(SHAPE, bool)
    shown[outcome.saved_rect.slices] = outcome.opaque[outcome.saved_rect.slices]
    small = cv2.resize(
        shown.astype(np.uint8), picture.shape[1::-1], interpolation=cv2.INTER_NEAREST
    )
    # Away from the edge and the crop's lines.
    inside = cv2.erode(small, np.ones((7, 7), np.uint8), borderValue=0) > 0
    outside = (cv2.dilate(small, np.ones((7, 7), np.uint8)) == 0) & tile.covered
    assert inside.any()
    assert outside.any()
    assert np.array_equal(picture[inside], tile.picture[inside])
    spread = np.ptp(picture[outside].astype(int), axis=1)
    lines = spread > 60
    assert np.count_nonzero(lines) < 0.2 * lines.size
    assert (spread[~lines] == 0).all()
    assert (picture[~tile.covered & ~edge] == NOTHING).all(axis=1).mean() > 0.9


def test_a_study_without_a_tile_has_no_picture() -> None:
    assert reduce_tile(replace(make_study(), tile=None), 100) is None


def test_pictures_keep_their_colours() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (9, 7, 3), dtype=np.uint8)
    assert np.array_equal(decoded(png_of(picture)), picture)


# --- figures in words ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (23.1234, 0.359, "23.12 ± 0.36"),
        (-1.2, 14.3, "−1 ± 14"),
        (1234.5, 0.0, "1234.50 ± 0.00"),
        (0.001, 0.00001, "0.0010 ± 0.0000"),
        (5.0, NAN, "5.00"),
        (3.0, 1.0, "3.0 ± 1.0"),
    ],
)
def test_a_figure_has_the_digits_that_its_error_leaves(value, error, words) -> None:
    assert with_error(value, error) == words


def test_a_sign_is_a_real_minus() -> None:
    assert signed(-0.5) == "−0.50"
    assert signed(0.5) == "+0.50"


@pytest.mark.parametrize(
    ("value", "words"),
    [(3.0, "3"), (0.5, "0.5"), (0.53, "0.53"), (7 / 15, repr(7 / 15)), (0.50000001, "0.50000001")],
)
def test_a_setting_reads_back_as_it_is(value, words) -> None:
    assert setting(value) == words
    assert float(setting(value)) == value
    assert f"abs {words} ·" in thresholds(MaskParameters(min_coverage_abs=value))
