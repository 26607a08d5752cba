"""How coloured the rim is: the steps of sky colour between places that different frames cover.

Where fewer frames overlap, other nights, other skies make up the mean, and the sky's
colour jumps. The jumps are measured on the stacked tile, in R−G and B−G: what is
brighter than the sky is left out, the smooth sky that all frames see alike is fitted
together with each frame's own sky, and what the frames' skies come to in each place is
compared with the well-covered core.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.errors import ParameterError, StudyCancelledError
from napari_zecoverage.core.frame_shares import FramesThere
from napari_zecoverage.core.fringe_map import LocalColours
from napari_zecoverage.core.places import (
    Grid,
    Places,
    cell_areas,
    cell_samples,
    find_core,
    find_kinds,
    make_places,
    number_counts,
)
from napari_zecoverage.core.raw_steps import unmatched_colours
from napari_zecoverage.core.sky_samples import SkySamples, find_bright
from napari_zecoverage.core.sky_steps import SkySteps, measure_steps
from napari_zecoverage.core.studied import ClusterStudy
from napari_zecoverage.core.sure_steps import error_along, sure_lengths

Floats = NDArray[np.float64]
Picture = NDArray[np.float32]
Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]

FRINGE_CHANNELS: Final = ("R−G", "B−G")
"""What a fringe's map has, channel by channel."""

MIN_VISIBLE_PX: Final = 16
"""Fewer pixels than this of a place are not seen."""


class CountFringe(NamedTuple):
    """The colour of the sky where a given number of frames overlap, against the core's.

    Attributes
    ----------
    count : float
        Frames.
    area_px : int
        Canvas pixels of this count.
    sky_px : int
        So many of them are sky: neither star nor bright object.
    red_green, blue_green : float
        ADU: mean R−G and B−G minus the core's, what all frames see alike taken out.
        NaN where it is not measurable.
    red_green_error, blue_green_error : float
        1 σ of those, ADU.
    raw_red_green, raw_blue_green : float
        The same before the frames' backgrounds were matched; NaN where not known.
    noise : float
        ADU: the core's colour noise of a pixel, scaled to this count.
    chroma_noise : float
        ADU: the colour noise of a pixel as measured here, mean of R−G and B−G.
    """

    count: float  # type: ignore[assignment]  # hides tuple.count, which nobody needs
    area_px: int
    sky_px: int
    red_green: float
    blue_green: float
    red_green_error: float
    blue_green_error: float
    raw_red_green: float
    raw_blue_green: float
    noise: float
    chroma_noise: float

    @property
    def measurable(self) -> bool:
        """Whether there is a number."""
        return math.isfinite(self.red_green) and math.isfinite(self.blue_green)

    @property
    def step(self) -> float:
        """ADU: length of (R−G, B−G)."""
        return math.hypot(self.red_green, self.blue_green)

    @property
    def step_error(self) -> float:
        """1 σ of `step`, ADU: the errors along the step's direction."""
        return error_along(
            self.red_green, self.blue_green, self.red_green_error, self.blue_green_error
        )

    @property
    def raw_step(self) -> float:
        """ADU: length of the raw (R−G, B−G)."""
        return math.hypot(self.raw_red_green, self.raw_blue_green)

    @property
    def sigmas(self) -> float:
        """`step` in units of `noise`."""
        return self.step / self.noise if self.noise > 0 else math.nan


class RegionSteps(NamedTuple):
    """The step of each region; item 0 stands for "outside" and is never measured.

    Attributes
    ----------
    count : (n + 1,) float64 array
        Frames.
    area_px, sky_px : (n + 1,) int64 array
        Canvas pixels, and how many of them are sky.
    red_green, blue_green : (n + 1,) float64 array
        ADU, against the core; NaN where not measurable.
    red_green_error, blue_green_error : (n + 1,) float64 array
        1 σ, ADU.
    raw_red_green, raw_blue_green : (n + 1,) float64 array
        Before the backgrounds were matched, ADU; NaN where not known.
    """

    count: Floats  # type: ignore[assignment]
    area_px: Whole
    sky_px: Whole
    red_green: Floats
    blue_green: Floats
    red_green_error: Floats
    blue_green_error: Floats
    raw_red_green: Floats
    raw_blue_green: Floats

    @property
    def error(self) -> Floats:
        """ADU: 1 σ of a colour, the mean of both."""
        variance = (self.red_green_error**2 + self.blue_green_error**2) / 2
        return np.asarray(np.sqrt(variance))

    @property
    def sure_step(self) -> Floats:
        """ADU: length of (R−G, B−G) that is there for all the noise; see `sure_lengths`."""
        return sure_lengths(
            self.red_green, self.blue_green, self.red_green_error, self.blue_green_error
        )


class ResidualFringe(NamedTuple):
    """The worst step that is left visible under a mask.

    Attributes
    ----------
    step : float
        ADU: length of (R−G, B−G) of the worst visible region, less what noise may
        have added (`RegionSteps.sure_step`). 0 when no visible region's step can
        be told from noise.
    error : float
        1 σ, ADU.
    sigmas : float
        The step in units of the core's colour noise of one pixel.
    raw_step : float
        ADU: of the same region before matching; NaN when not known.
    count : float
        Frames there.
    area_px : int
        Its visible pixels.
    """

    step: float
    error: float
    sigmas: float
    raw_step: float
    count: float  # type: ignore[assignment]  # hides tuple.count, which nobody needs
    area_px: int


@dataclass(frozen=True, eq=False)
class Fringe:
    """How coloured a cluster's tile is, count by count and place by place.

    Attributes
    ----------
    counts : tuple of CountFringe
        Rising; one for each count above 0 that occurs.
    core_count : float
        Pixels with at least so many frames are the core; NaN when there is none.
    core_noise : float
        ADU: colour noise of one core pixel; NaN when there is no core.
    regions : (H, W) int32 array
        Number of the region that each pixel belongs to; 0 where no frame covers.
        A region is a place of one count: what of it lies in one cell of a coarse
        grid, or in several where it is small.
    region_steps : RegionSteps
        One item a region.
    notes : tuple of str
        What is not measurable and why, in words.
    samples : LocalColours or None
        What `map` is drawn from; None when there is no core.
    """

    counts: tuple[CountFringe, ...]
    core_count: float
    core_noise: float
    regions: NDArray[np.int32]
    region_steps: RegionSteps
    notes: tuple[str, ...] = ()
    samples: LocalColours | None = field(default=None, repr=False)

    @property
    def measurable(self) -> bool:
        """Whether there is a core, and anything to compare with it."""
        return bool(np.isfinite(self.region_steps.red_green).any())

    @cached_property
    def map(self) -> Picture:
        """(H, W, 2) float32, ADU: the sky's R−G and B−G against the core's, smoothed.

        What all frames see alike (the sky's gradient, nebulae) is taken out. NaN where
        it is not measurable.
        """
        if self.samples is None:
            return np.full((*self.regions.shape, 2), np.nan, dtype=np.float32)
        return self.samples.draw(self.regions)


def measure_fringe(study: ClusterStudy, *, should_stop: Callable[[], bool] | None = None) -> Fringe:
    """Measure the colour steps of a studied cluster's tile.

    Parameters
    ----------
    study : ClusterStudy
        With a tile.
    should_stop : callable, optional
        Asked now and then; True ends it.

    Returns
    -------
    Fringe
        Where something cannot be measured there is NaN, and a note that says why.

    Raises
    ------
    ParameterError
        The study has no tile or no coverage.
    StudyCancelledError
        `should_stop` said so.
    """
    tile, coverage = _pictures(study)

    def check() -> None:
        if should_stop is not None and should_stop():
            raise StudyCancelledError("measuring the fringe was cancelled")

    check()
    counts, number = number_counts(coverage)
    grid = Grid.of(number)
    frames = FramesThere.of(study, number.shape)
    kinds = find_kinds(frames, number, counts.size)
    check()
    sampled = tile[grid.samples]
    with np.errstate(over="ignore", invalid="ignore"):
        valid = np.isfinite(sampled.sum(axis=2)) & (number[grid.samples] > 0)
    areas = cell_areas(kinds, grid)
    core = find_core(counts, np.bincount(kinds.number, weights=areas.sum(axis=1)).astype(np.int64))
    places = make_places(counts, kinds, areas, cell_samples(kinds, valid, grid))
    check()
    regions = places.draw(kinds.picture, grid)
    check()
    covered = SkySamples.of(sampled, regions[grid.samples], valid, places, grid)
    sky = covered.without(find_bright(covered, valid, grid.step).ravel()[covered.sample])
    check()
    measured = measure_steps(frames, covered, sky, counts, places, core, grid)
    check()
    return _assemble(study, counts, regions, places, grid, sampled, frames, sky, measured)


def _pictures(study: ClusterStudy) -> tuple[Picture, Picture]:
    if study.coverage is None:
        raise ParameterError("study", "has no coverage, so there is no fringe to measure")
    if study.tile is None:
        raise ParameterError(
            "study", "has no tile to measure on; study the cluster with another stack than 'none'"
        )
    if study.coverage.ndim != 2 or study.tile.shape != (*study.coverage.shape, 3):
        raise ParameterError(
            "study",
            f"has a tile of shape {study.tile.shape} and a coverage of {study.coverage.shape}; "
            "they must be (H, W, 3) and (H, W)",
        )
    return study.tile, study.coverage


def _assemble(
    study: ClusterStudy,
    counts: Floats,
    regions: NDArray[np.int32],
    places: Places,
    grid: Grid,
    sampled: Picture,
    frames: FramesThere,
    sky: SkySamples,
    measured: SkySteps | None,
) -> Fringe:
    n_places = places.number.size
    step = error = raw = np.full((n_places, 2), np.nan)
    count_raw = np.full((counts.size, 2), np.nan)
    sky_px = np.zeros(n_places, dtype=np.int64)
    core_count, core_noise = math.nan, math.nan
    if measured is not None:
        step, error = measured.step, measured.error
        sky_px = np.minimum(measured.samples * grid.step**2, places.area)
        core_count, core_noise = float(counts[measured.core]), measured.core_noise
        if measured.by_group.size:
            unmatched = unmatched_colours(study, frames, sampled, sky, measured.core)
            raw = step + measured.by_group @ unmatched
            count_raw = measured.count_step + measured.count_by_group @ unmatched
    region_steps = RegionSteps(
        count=counts[places.number],
        area_px=places.area,
        sky_px=sky_px,
        red_green=step[:, 0],
        blue_green=step[:, 1],
        red_green_error=error[:, 0],
        blue_green_error=error[:, 1],
        raw_red_green=raw[:, 0],
        raw_blue_green=raw[:, 1],
    )
    of_counts = tuple(
        _count_fringe(number, counts, places, sky_px, count_raw, measured)
        for number in range(1, counts.size)
    )
    local = None
    if measured is not None:
        local = LocalColours.of(sky, sampled.shape, measured.smooth, grid)
    return Fringe(
        counts=of_counts,
        core_count=core_count,
        core_noise=core_noise,
        regions=regions,
        region_steps=region_steps,
        notes=_notes(of_counts, measured),
        samples=local,
    )


def _count_fringe(
    number: int,
    counts: Floats,
    places: Places,
    sky_px: Whole,
    raw: Floats,
    measured: SkySteps | None,
) -> CountFringe:
    here = places.number == number
    step = error = np.full(2, np.nan)
    noise = chroma = math.nan
    if measured is not None:
        noise = measured.core_noise * math.sqrt(measured.core_frames / counts[number])
        step, error = measured.count_step[number], measured.count_error[number]
        if math.isfinite(step[0]):
            chroma = math.sqrt(float((measured.spread[number] ** 2).mean()))
    return CountFringe(
        count=float(counts[number]),
        area_px=int(places.area[here].sum()),
        sky_px=int(sky_px[here].sum()),
        red_green=float(step[0]),
        blue_green=float(step[1]),
        red_green_error=float(error[0]),
        blue_green_error=float(error[1]),
        raw_red_green=float(raw[number, 0]),
        raw_blue_green=float(raw[number, 1]),
        noise=noise,
        chroma_noise=chroma,
    )


def _notes(counts: Sequence[CountFringe], measured: SkySteps | None) -> tuple[str, ...]:
    if measured is None:
        text = "too little sky is left among the pixels that most frames cover"
        return (f"The fringe is not measurable: {text}.",)
    lost = [f"{each.count:g}" for each in counts if not each.measurable]
    if not lost:
        return ()
    few = ", ".join(lost)
    return (f"Too little sky is left to measure the fringe where the coverage is {few}.",)


def residual_fringe(fringe: Fringe, opaque: Mask) -> ResidualFringe | None:
    """Return the worst step that is left visible.

    Parameters
    ----------
    fringe : Fringe
    opaque : (H, W) bool array
        What stays visible.

    Returns
    -------
    ResidualFringe or None
        None when nothing that was measured is visible.
    """
    if opaque.shape != fringe.regions.shape:
        raise ParameterError("opaque", f"has shape {opaque.shape}, the tile {fringe.regions.shape}")
    visible = np.bincount(fringe.regions[opaque], minlength=fringe.region_steps.count.size)
    return residual_of_visible(fringe, visible)


def residual_of_visible(fringe: Fringe, visible_px: NDArray[Any]) -> ResidualFringe | None:
    """Return the worst step among the regions that are visible.

    What `residual_fringe` does after counting, for whoever judges many masks.

    Parameters
    ----------
    fringe : Fringe
    visible_px : (n_regions + 1,) array
        Visible pixels of each region; the first is not looked at.

    Returns
    -------
    ResidualFringe or None
        None when nothing that was measured is visible.
    """
    steps = fringe.region_steps
    length = steps.sure_step
    seen = (visible_px >= MIN_VISIBLE_PX) & np.isfinite(length)
    seen[0] = False
    if not seen.any():
        return None
    raw = np.hypot(steps.raw_red_green, steps.raw_blue_green)
    # Where none is sure, the largest before matching tells what matching has repaired.
    order = length if (length[seen] > 0).any() else np.nan_to_num(raw)
    worst = int(np.argmax(np.where(seen, order, -1.0)))
    step = float(length[worst])
    return ResidualFringe(
        step=step,
        error=float(steps.error[worst]),
        sigmas=step / fringe.core_noise if fringe.core_noise > 0 else math.nan,
        raw_step=float(raw[worst]),
        count=float(steps.count[worst]),
        area_px=int(visible_px[worst]),
    )
