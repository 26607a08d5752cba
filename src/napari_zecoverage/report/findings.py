"""What is known of one cluster of a report: figures, words and pictures, but no pixels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cv2
import numpy as np

from napari_zecoverage.core.errors import StudyCancelledError
from napari_zecoverage.core.fringe import CountFringe, Fringe, measure_fringe
from napari_zecoverage.core.judged import JudgedCluster, judge
from napari_zecoverage.core.landscape import landscape_of
from napari_zecoverage.core.levels import (
    LevelField,
    field_of,
    opening_as_read,
    threshold_in_frames,
)
from napari_zecoverage.core.outcome import MaskOutcome, apply_mask
from napari_zecoverage.core.parameters import AdviceOptions, MaskParameters
from napari_zecoverage.core.studied import ClusterStudy, StopCallback
from napari_zecoverage.report import charts
from napari_zecoverage.report.charts import DARK, LIGHT, Mark, Paper
from napari_zecoverage.report.document import Picture
from napari_zecoverage.report.placing import PICTURES_NAME
from napari_zecoverage.report.tile_pictures import png_of, reduce_tile, reduced, with_outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from napari_zecoverage.core.advice import Advice
    from napari_zecoverage.core.clusters import Cluster

DEFAULTS_NAME: Final = "ZeMosaic's defaults"
CHOSEN_NAME: Final = "chosen"
ADVISED_NAME: Final = "advised"


class Choice(NamedTuple):
    """What given thresholds do to a cluster.

    Attributes
    ----------
    name : str
        For people.
    parameters : MaskParameters
    level : LevelField
        Which mask, what it keeps, what fringe it leaves, which guards fired.
    threshold : float
        Frames that coverage is compared with; NaN when it is not used.
    saved_shape : (int, int) or None
        Height and width of the saved tile; None where it is not known.
    notes : tuple of str
        Each guard that fired, in words.
    """

    name: str
    parameters: MaskParameters
    level: LevelField
    threshold: float
    saved_shape: tuple[int, int] | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ClusterFindings:
    """What is known of one cluster.

    Attributes
    ----------
    number : int
        From 1; names its pictures and its place in the report.
    cluster : Cluster
    study : ClusterStudy or None
        Without coverage and tile; None when there is none any more.
    summary : str
        One line; empty when the cluster was not studied.
    trouble : str
        Why it was not studied; empty when it was.
    skipped : bool
        ZeMosaic makes no coverage of it, so there was nothing to study.
    notes : tuple of str
    before, chosen : Choice or None
        With ZeMosaic's defaults, and with the chosen thresholds.
    advised : Choice or None
        What the advice for this cluster alone gives.
    counts : tuple of CountFringe
    core_count, core_noise : float
        Frames, and ADU; NaN where there is no core.
    judged : JudgedCluster or None
    advice : Advice or None
    pictures : dict of str to Picture
        By kind: what their files are named after the number.
    """

    number: int
    cluster: Cluster
    study: ClusterStudy | None = None
    summary: str = ""
    trouble: str = ""
    skipped: bool = False
    notes: tuple[str, ...] = ()
    before: Choice | None = None
    chosen: Choice | None = None
    advised: Choice | None = None
    counts: tuple[CountFringe, ...] = ()
    core_count: float = math.nan
    core_noise: float = math.nan
    judged: JudgedCluster | None = None
    advice: Advice | None = None
    pictures: dict[str, Picture] | None = None

    @property
    def anchor(self) -> str:
        """Where it stands in the report."""
        return f"cluster-{self.number}"


class Known(NamedTuple):
    """What of a cluster was found before the report; the rest is made."""

    fringe: Fringe | None = None
    counts: tuple[CountFringe, ...] = ()
    judged: JudgedCluster | None = None
    advice: Advice | None = None


class Sizes(NamedTuple):
    """How large pictures are, in CSS pixels: one cluster has more room than one of many."""

    tile: int
    map: int
    unmasked: bool


ALONE: Final = Sizes(tile=760, map=380, unmasked=True)
ONE_OF_MANY: Final = Sizes(tile=460, map=340, unmasked=False)


def find_out(
    number: int,
    study: ClusterStudy,
    parameters: MaskParameters | None,
    options: AdviceOptions,
    known: Known,
    folder: Path,
    sizes: Sizes,
    should_stop: StopCallback,
) -> ClusterFindings:
    """Find out what a report says of a studied cluster, and draw its pictures.

    Parameters
    ----------
    number : int
    study : ClusterStudy
    parameters : MaskParameters or None
        The chosen ones; None for those that this cluster's advice gives.
    options : AdviceOptions
    known : Known
    folder : Path
        The pictures go into its folder `PICTURES_NAME`.
    sizes : Sizes
    should_stop : callable

    Raises
    ------
    StudyCancelledError
        `should_stop` said so.
    """
    notes = [*study.cluster.notes, *study.notes]
    fringe = known.fringe
    if fringe is None and study.tile is not None and study.coverage is not None:
        fringe = measure_fringe(study, should_stop=should_stop)
    if fringe is None:
        notes.append("The fringe was not measured: it needs a tile and a coverage.")
    else:
        notes += fringe.notes
    judged, advice = known.judged, known.advice
    base = parameters or MaskParameters()
    if study.coverage is not None:
        if judged is None or not judged.serves(base):
            judged = judge(study, base, fringe=fringe, should_stop=should_stop)
        if advice is None:
            from napari_zecoverage.core.advice import advise_judged

            advice = advise_judged(judged, base, options=options)
    chosen_parameters = parameters or (MaskParameters() if advice is None else advice.parameters)
    outcomes = {
        DEFAULTS_NAME: apply_mask(study, MaskParameters(), fringe=fringe),
        CHOSEN_NAME: apply_mask(study, chosen_parameters, fringe=fringe),
    }
    choices = {name: choice_of_outcome(name, outcome) for name, outcome in outcomes.items()}
    advised = None
    if advice is not None and advice.parameters == chosen_parameters:
        advised = choices[CHOSEN_NAME]._replace(name=ADVISED_NAME)
    elif advice is not None:
        outcome = apply_mask(study, advice.parameters, fringe=fringe)
        advised = choice_of_outcome(ADVISED_NAME, outcome)
    marks = marks_of([choices[DEFAULTS_NAME], advised, choices[CHOSEN_NAME]])
    drawing = _Drawing(number, folder, should_stop)
    _draw_tiles(drawing, study, outcomes, sizes)
    _draw_maps(drawing, study, fringe, sizes)
    if judged is not None:
        _draw_judged(drawing, judged, chosen_parameters, marks, options.tolerance)
    counts = known.counts if fringe is None else fringe.counts
    core_count = math.nan if fringe is None else fringe.core_count
    if counts:
        _draw_counts(drawing, counts, core_count)
    return ClusterFindings(
        number=number,
        cluster=study.cluster,
        study=replace(study, coverage=None, tile=None),
        summary=study.summary,
        notes=tuple(dict.fromkeys(notes)),
        before=choices[DEFAULTS_NAME],
        chosen=choices[CHOSEN_NAME],
        advised=advised,
        counts=counts,
        core_count=core_count,
        core_noise=math.nan if fringe is None else fringe.core_noise,
        judged=judged,
        advice=advice,
        pictures=drawing.made,
    )


def choice_of_outcome(name: str, outcome: MaskOutcome) -> Choice:
    """Return what an outcome says, without its pixels."""
    y0, x0, y1, x1 = outcome.saved_rect
    return Choice(
        name,
        outcome.parameters,
        field_of(outcome),
        outcome.threshold,
        (y1 - y0, x1 - x0),
        outcome.notes,
    )


def choice_of_judged(
    name: str, judged: JudgedCluster | None, parameters: MaskParameters | None
) -> Choice | None:
    """Read from a cluster's figures what thresholds do; None where they do not tell."""
    if judged is None or parameters is None:
        return None
    level = judged.at(parameters)
    if level is None:
        return None
    used = level.source in ("coverage", "dropped")
    threshold = threshold_in_frames(parameters, judged.maximum) if used else math.nan
    return Choice(name, parameters, level, threshold, None, level.guards)


def marks_of(choices: list[Choice | None]) -> list[Mark]:
    """Return the marks of charts; advised is left out where it is what was chosen."""
    forms = {DEFAULTS_NAME: "defaults", ADVISED_NAME: "advised", CHOSEN_NAME: "chosen"}
    return [
        Mark(
            each.name,
            forms[each.name],  # type: ignore[arg-type]
            each.threshold,
            each.parameters.min_coverage_abs,
            each.parameters.min_coverage_frac,
        )
        for each in choices
        if each is not None
    ]


# --- the pictures --------------------------------------------------------------------------


class _Drawing:
    """Puts one cluster's pictures into the report's folder."""

    def __init__(self, number: int, folder: Path, should_stop: StopCallback) -> None:
        self.made: dict[str, Picture] = {}
        self._number = number
        self._folder = folder
        self._should_stop = should_stop

    def check(self) -> None:
        if self._should_stop():
            raise StudyCancelledError("the report was not finished")

    def put(self, kind: str, alt: str, caption: str, size: tuple[int, int], png: bytes) -> None:
        self.made[kind] = Picture(self._write(kind, png), alt, caption, size)

    def chart(self, kind: str, alt: str, caption: str, draw: Callable[[Paper], Figure]) -> None:
        """Draw a chart on light and on dark paper."""
        self.check()
        light, dark = draw(LIGHT), draw(DARK)
        self.made[kind] = Picture(
            self._write(kind, charts.draw(light)),
            alt,
            caption,
            charts.size_of(light),
            self._write(f"{kind}-dark", charts.draw(dark)),
        )

    def _write(self, kind: str, png: bytes) -> str:
        name = f"{PICTURES_NAME}/{self._number:03d}-{kind}.png"
        (self._folder / name).write_bytes(png)
        return name


def _draw_tiles(
    drawing: _Drawing, study: ClusterStudy, outcomes: dict[str, MaskOutcome], sizes: Sizes
) -> None:
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
    for kind, name in (("defaults", DEFAULTS_NAME), ("chosen", CHOSEN_NAME)):
        outcome = outcomes[name]
        if outcome.alpha is None and outcome.finite is None:
            continue
        words = f"With {DEFAULTS_NAME}" if kind == "defaults" else "With the chosen thresholds"
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


def _draw_maps(drawing: _Drawing, study: ClusterStudy, fringe: Fringe | None, sizes: Sizes) -> None:
    drawing.check()
    scale = min(1.0, sizes.map * charts.SHARPNESS / max(study.canvas.shape))
    if study.coverage is not None:
        most = max(1, math.ceil(study.coverage.max(initial=0)))
        step = max(1, int(1 / scale))
        figure = charts.coverage_map(study.coverage[::step, ::step], most, sizes.map)
        drawing.put(
            "coverage",
            f"Map of the frames per pixel, from 0 to {most}.",
            f"Coverage: frames per pixel, up to {most}.",
            charts.size_of(figure),
            charts.draw(figure),
        )
    if fringe is None or not fringe.measurable:
        return
    # It is smoothed, so a pixel of the page is enough.
    scale = min(1.0, sizes.map / max(study.canvas.shape))
    planes = [_reduced_steps(fringe.map[..., channel], scale) for channel in range(2)]
    known = np.abs(np.concatenate([each[np.isfinite(each)] for each in planes]))
    if known.size == 0:
        return
    noise = fringe.core_noise if fringe.core_noise > 0 else 0.0
    # Noise alone is not to fill the colours.
    reach = max(float(np.percentile(known, 99.5)), noise / 2) or 1.0
    for kind, name, plane in zip(("red", "blue"), ("R−G", "B−G"), planes, strict=True):
        drawing.check()
        figure = charts.fringe_map(plane, reach, name, sizes.map)
        drawing.put(
            f"fringe-{kind}",
            f"Map of the sky's {name} against the well-covered core, from {-reach:.3g} to "
            f"{reach:.3g} ADU.",
            f"Fringe: {name} of the sky against the core, smoothed. Dark: no step. Grey: not "
            "measured.",
            charts.size_of(figure),
            charts.draw(figure),
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


def _draw_judged(
    drawing: _Drawing,
    judged: JudgedCluster,
    parameters: MaskParameters,
    marks: list[Mark],
    tolerance: float,
) -> None:
    opening = opening_as_read(parameters.morph_open_px, judged.maximum)
    masks = [judged.masks[index] for index in judged.chosen[opening]]
    points = [
        charts.LevelPoint(
            frames, mask.source, mask.hard, mask.soft, *_sigmas(mask, judged.core_noise)
        )
        for frames, mask in zip(judged.levels, masks, strict=True)
    ]
    drawing.chart(
        "threshold",
        "Two curves over the threshold in frames: the share of the covered area that is kept, and "
        "the residual fringe. The figures are in report.json, under levels.",
        f"What each threshold keeps and leaves, with morph_open_px {parameters.morph_open_px}. The "
        "threshold is the larger of min_coverage_abs and min_coverage_frac × "
        f"{judged.maximum:g} frames. A larger value keeps less field and less fringe.",
        lambda paper: charts.threshold_chart(points, marks, tolerance, paper),
    )
    landscape = landscape_of(judged, parameters)
    # The first stretch is 0 alone; the last of min_coverage_abs has no end.
    abs_edges = np.array([*landscape.abs_ends[:-1], judged.maximum * 1.06])
    frac_edges = np.array(landscape.frac_ends)
    kept, left = (
        charts.Plane(abs_edges, frac_edges, values[1:, 1:], landscape.source[1:, 1:])
        for values in (landscape.field_kept, landscape.fringe)
    )
    drawing.chart(
        "landscape",
        "Two maps over min_coverage_frac and min_coverage_abs: the share of the covered area that "
        "is kept, and the residual fringe.",
        "Field kept and fringe left over both thresholds; within a rectangle nothing changes. "
        "The line in the right colour bar is what is tolerated.",
        lambda paper: charts.landscape_chart(kept, left, marks, tolerance, paper),
    )


def _sigmas(mask: LevelField, noise: float) -> tuple[float, float]:
    if mask.fringe is None:
        return math.nan, math.nan
    return mask.fringe.sigmas, mask.fringe.error / noise if noise > 0 else math.nan


def _draw_counts(drawing: _Drawing, counts: tuple[CountFringe, ...], core_count: float) -> None:
    points = [
        charts.CountPoint(
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
        lambda paper: charts.count_chart(points, core_count, paper),
    )


def without_study(
    number: int,
    cluster: Cluster,
    known: Known,
    parameters: MaskParameters,
    *,
    summary: str = "",
    trouble: str = "",
    skipped: bool = False,
    notes: tuple[str, ...] = (),
) -> ClusterFindings:
    """Return what is known of a cluster whose study is not at hand: figures, no pictures."""
    advised = None if known.advice is None else known.advice.parameters
    return ClusterFindings(
        number=number,
        cluster=cluster,
        summary=summary,
        trouble=trouble,
        skipped=skipped,
        notes=notes,
        before=choice_of_judged(DEFAULTS_NAME, known.judged, MaskParameters()),
        chosen=choice_of_judged(CHOSEN_NAME, known.judged, parameters),
        advised=choice_of_judged(ADVISED_NAME, known.judged, advised),
        counts=known.counts,
        core_noise=math.nan if known.judged is None else known.judged.core_noise,
        judged=known.judged,
        advice=known.advice,
    )
