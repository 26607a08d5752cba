"""The pictures of one cluster in a report: tile, maps and charts, as files."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from matplotlib.figure import Figure

from napari_zecoverage.core.errors import StudyCancelledError
from napari_zecoverage.core.fringe import FRINGE_CHANNELS, CountFringe, Fringe
from napari_zecoverage.core.judged import JudgedCluster
from napari_zecoverage.core.landscape import landscape_of
from napari_zecoverage.core.levels import LevelField, opening_as_read
from napari_zecoverage.core.outcome import MaskOutcome
from napari_zecoverage.core.parameters import MaskParameters
from napari_zecoverage.core.studied import ClusterStudy, StopCallback
from napari_zecoverage.picture import fringe_reach
from napari_zecoverage.report.count_chart import CountPoint, count_chart
from napari_zecoverage.report.document import Picture
from napari_zecoverage.report.maps import coverage_map, fringe_map
from napari_zecoverage.report.paper import DARK, LIGHT, SHARPNESS, Paper, draw, size_of
from napari_zecoverage.report.placing import PICTURES_NAME
from napari_zecoverage.report.threshold_charts import (
    LevelPoint,
    Mark,
    Plane,
    landscape_chart,
    threshold_chart,
)
from napari_zecoverage.report.tile_pictures import png_of, reduce_tile, reduced, with_outcome


class Sizes(NamedTuple):
    """How large pictures are, in CSS pixels: one cluster has more room than one of many."""

    tile: int
    map: int
    unmasked: bool


ALONE: Final = Sizes(tile=760, map=380, unmasked=True)
ONE_OF_MANY: Final = Sizes(tile=460, map=340, unmasked=False)


class Drawing:
    """Puts one cluster's pictures into the report's folder."""

    def __init__(self, number: int, folder: Path, should_stop: StopCallback) -> None:
        self.made: dict[str, Picture] = {}
        self._number = number
        self._folder = folder
        self._should_stop = should_stop

    def check(self) -> None:
        """Raise where the report is not wanted any more."""
        if self._should_stop():
            raise StudyCancelledError("the report was not finished")

    def put(self, kind: str, alt: str, caption: str, size: tuple[int, int], png: bytes) -> None:
        """Keep a picture that is drawn already."""
        self.made[kind] = Picture(self._write(kind, png), alt, caption, size)

    def chart(
        self, kind: str, alt: str, caption: str, figure_on: Callable[[Paper], Figure]
    ) -> None:
        """Draw a chart on light and on dark paper."""
        self.check()
        light, dark = figure_on(LIGHT), figure_on(DARK)
        self.made[kind] = Picture(
            self._write(kind, draw(light)),
            alt,
            caption,
            size_of(light),
            self._write(f"{kind}-dark", draw(dark)),
        )

    def _write(self, kind: str, png: bytes) -> str:
        name = f"{PICTURES_NAME}/{self._number:03d}-{kind}.png"
        (self._folder / name).write_bytes(png)
        return name


def draw_tiles(
    drawing: Drawing,
    study: ClusterStudy,
    before: MaskOutcome,
    chosen: MaskOutcome,
    sizes: Sizes,
) -> None:
    """Draw the tile: without a mask, with ZeMosaic's defaults, and as chosen."""
    drawing.check()
    tile = reduce_tile(study, sizes.tile)
    if tile is None:
        return
    height, width = tile.picture.shape[:2]
    if sizes.unmasked:
        drawing.put(
            "unmasked",
            "The stacked tile without any mask, stretched so that faint colour steps are seen.",
            "Without a mask, stretched.",
            (width, height),
            png_of(tile.picture),
        )
    for kind, words, outcome in (
        ("defaults", "With ZeMosaic's defaults", before),
        ("chosen", "With the chosen thresholds", chosen),
    ):
        if outcome.alpha is None and outcome.finite is None:
            continue
        lost = outcome.field_lost
        how_much = "" if lost is None else f" {lost.hard:.1%} of the covered area is lost."
        drawing.put(
            kind,
            f"{words}: the tile, with what the mask hides or the crop cuts off in dark grey."
            f"{how_much}",
            f"{words}.{how_much} Grey: lost. Orange: the edge of what the mask keeps. Blue, "
            "dashed: the crop.",
            (width, height),
            png_of(with_outcome(tile, outcome)),
        )


def draw_maps(drawing: Drawing, study: ClusterStudy, fringe: Fringe | None, sizes: Sizes) -> None:
    """Draw the coverage, and the fringe where it was measured."""
    drawing.check()
    scale = min(1.0, sizes.map * SHARPNESS / max(study.canvas.shape))
    if study.coverage is not None:
        most = max(1, math.ceil(study.coverage.max(initial=0)))
        step = max(1, int(1 / scale))
        figure = coverage_map(study.coverage[::step, ::step], most, sizes.map)
        drawing.put(
            "coverage",
            f"Map of the frames per pixel, from 0 to {most}.",
            f"Coverage: frames per pixel, up to {most}.",
            size_of(figure),
            draw(figure),
        )
    if fringe is None or not fringe.measurable:
        return
    # It is smoothed, so a pixel of the page is enough.
    scale = min(1.0, sizes.map / max(study.canvas.shape))
    planes = [_reduced_steps(fringe.map[..., channel], scale) for channel in range(2)]
    if not any(np.isfinite(each).any() for each in planes):
        return
    reach = fringe_reach(fringe)
    words = (
        ("fringe-red", "Orange: redder than the core. Blue: less red."),
        ("fringe-blue", "Blue: bluer than the core. Orange: less blue."),
    )
    for channel, (kind, colours) in enumerate(words):
        drawing.check()
        name = FRINGE_CHANNELS[channel]
        figure = fringe_map(planes[channel], reach, channel, sizes.map)
        drawing.put(
            kind,
            f"Map of the sky's {name} against the well-covered core, from −{reach:.3g} to "
            f"{reach:.3g} ADU.",
            f"Fringe: {name} of the sky against the core, smoothed. {colours} Dark: no step. "
            "Grey: not measured.",
            size_of(figure),
            draw(figure),
        )


def _reduced_steps(plane: np.ndarray[Any, Any], scale: float) -> np.ndarray[Any, Any]:
    """Make a map smaller and smoother; what is not known counts for nothing."""
    known = np.isfinite(plane)
    share = reduced(known, scale)
    values = reduced(np.where(known, plane, 0), scale)
    blurred, weight = (cv2.GaussianBlur(each, (0, 0), _SMOOTH_PX) for each in (values, share))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(share > 0.3, blurred / weight, np.nan)


_SMOOTH_PX: Final = 1.5


def draw_judged(
    drawing: Drawing,
    judged: JudgedCluster,
    parameters: MaskParameters,
    marks: list[Mark],
    tolerance: float,
) -> None:
    """Draw what every threshold keeps and leaves."""
    opening = opening_as_read(parameters.morph_open_px, judged.maximum)
    masks = [judged.masks[index] for index in judged.chosen[opening]]
    points = [
        LevelPoint(frames, mask.source, mask.hard, mask.soft, *_sigmas(mask, judged.core_noise))
        for frames, mask in zip(judged.levels, masks, strict=True)
    ]
    drawing.chart(
        "threshold",
        "Two curves over the threshold in frames: the share of the covered area that is kept, and "
        "the residual fringe. The figures are in report.json, under levels.",
        f"What each threshold keeps and leaves, with morph_open_px {parameters.morph_open_px}. The "
        "threshold is the larger of min_coverage_abs and min_coverage_frac × "
        f"{judged.maximum:g}, the most frames on a pixel. A larger value keeps less field and less "
        "fringe.",
        lambda paper: threshold_chart(points, marks, tolerance, paper),
    )
    landscape = landscape_of(judged, parameters)
    # The first stretch is 0 alone; the last of min_coverage_abs has no end.
    abs_edges = np.array([*landscape.abs_ends[:-1], judged.maximum * 1.06])
    frac_edges = np.array(landscape.frac_ends)
    kept, left = (
        Plane(abs_edges, frac_edges, values[1:, 1:], landscape.source[1:, 1:])
        for values in (landscape.field_kept, landscape.fringe)
    )
    drawing.chart(
        "landscape",
        "Two maps over min_coverage_frac and min_coverage_abs: the share of the covered area that "
        "is kept, and the residual fringe.",
        "Field kept and fringe left over both thresholds; within a rectangle nothing changes. "
        "The line in the right colour bar is what is tolerated.",
        lambda paper: landscape_chart(kept, left, marks, tolerance, paper),
    )


def _sigmas(mask: LevelField, noise: float) -> tuple[float, float]:
    if mask.fringe is None:
        return math.nan, math.nan
    return mask.fringe.sigmas, mask.fringe.error / noise if noise > 0 else math.nan


def draw_counts(drawing: Drawing, counts: tuple[CountFringe, ...], core_count: float) -> None:
    """Draw the fringe of each coverage count."""
    points = [
        CountPoint(
            each.count,
            each.red_green,
            each.red_green_error,
            each.blue_green,
            each.blue_green_error,
            each.raw_red_green,
            each.raw_blue_green,
        )
        for each in counts
    ]
    drawing.chart(
        "counts",
        "The sky's colour step against the core at each coverage count, with error bars. The "
        "figures are in the table below.",
        "The sky's colour against the well-covered core, a coverage count at a time: above as "
        "ZeMosaic matches the frames' skies, below without that.",
        lambda paper: count_chart(points, core_count, paper),
    )
