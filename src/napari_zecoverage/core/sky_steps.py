"""The colour step of each place of a tile, with its error.

The tile's sky is taken for the sum of what all frames see alike, which is smooth, and of
the mean of the covering frames' own skies, which jumps where a frame ends. Each frame's
own sky is a colour, and a gradient that frames close in time share; which frames make up
the mean of each piece of sky is known. All are fitted together, so that a nebula is no
fringe and hides none: it goes on smoothly across the borders of the coverage.

The frames' skies are taken for normal random numbers whose variances are estimated too
(MacKay, Neural Computation 4, 415 (1992), equations for α and β), which tells the errors.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.frame_shares import GROUPS, LARGE_PARTS, STRETCHES, FramesThere
from napari_zecoverage.core.pixel_noise import noise_of_counts
from napari_zecoverage.core.places import Grid, Places
from napari_zecoverage.core.sky_pieces import Pieces, SkyMeans, frame_shares, is_covered_so
from napari_zecoverage.core.sky_samples import SkySamples
from napari_zecoverage.core.smooth_sky import SmoothSky

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]

MIN_CORE_SAMPLES: Final = 400
"""A core with less sky is none."""

MIN_SAMPLES: Final = 40
"""A place with less sky has no number."""

MIN_SKY_SHARE: Final = 0.1
"""A place where less than this share is sky is all star or nebula, and has no number."""

ROUNDS: Final = 3
"""So often the smooth sky and the frames' skies are fitted, each time with better weights."""

TUKEY: Final = 6.0
"""Pieces further off than this, in σ, have no weight."""

LEAST_SIGMAS: Final = (0.3, 0.3, 1.0, 1.0)
"""Colours of groups and parts, gradients of stretches and parts of the frames: none is taken to
be less likely than a normal number of this σ, in units of the core's colour noise (and of the
diagonal), so that what is hard to see is not held to be 0."""

MODEL_ERROR: Final = 0.02
"""In units of the core's colour noise: no step is known better. A clipped mean is not quite the
frames' mean, nor is a registration or a plane exact."""

_STEPS: Final = 10

_USUAL_LENGTH: Final = math.sqrt(math.log(2))
"""Median of √((z₁² + z₂²) / 2) of two normal values of variance 1."""


class SkySteps(NamedTuple):
    """The places' steps, and what they were measured with.

    Attributes
    ----------
    step, error : (n + 1, 2) float64 array
        R−G and B−G of each place against the core, ADU; NaN where not measurable.
    count_step, count_error : (counts, 2) float64 array
        The same of each count as a whole.
    by_group, count_by_group : (n + 1, groups), (counts, groups) float64 array
        The step of each place and count when one group of frames is 1 brighter;
        no groups when it is not known which frames cover what.
    samples : (n + 1,) int64 array
        Sky samples of each place.
    spread : (counts, 2) float64 array
        Noise of a pixel at each count, ADU.
    core : int
        Number of the core's lowest count.
    core_noise, core_frames : float
        Colour noise of a core pixel, ADU; frames of the core's mean pixel.
    smooth : (rows, columns, 2) float64 array
        What is subtracted from the colours to leave the steps, at each block's middle, ADU.
    """

    step: Floats
    error: Floats
    count_step: Floats
    count_error: Floats
    by_group: Floats
    count_by_group: Floats
    samples: Whole
    spread: Floats
    core: int
    core_noise: float
    core_frames: float
    smooth: Floats


def measure_steps(
    frames: FramesThere,
    covered: SkySamples,
    sky: SkySamples,
    counts: Floats,
    places: Places,
    core: int,
    grid: Grid,
) -> SkySteps | None:
    """Fit the sky and measure each place's step; None when there is no core.

    Parameters
    ----------
    frames : FramesThere
    covered, sky : SkySamples
        All samples, and those that are sky.
    counts : (counts,) float64 array
        Frames of each number of a count.
    places : Places
    core : int
        Number of the core's lowest count.
    grid : Grid
    """
    if core == 0 or sky.place.size - sky.number_edges[core] < MIN_CORE_SAMPLES:
        return None
    means = SkyMeans.of(sky, grid)
    if means.value.size == 0:
        return None
    in_core = places.number >= core
    share = np.where(in_core, places.area, 0) / places.area[in_core].sum()
    spread = noise_of_counts(sky, grid.sampled, grid.step)
    spread = np.where(np.isfinite(spread), spread, means.spread)
    # What noise a count without sky has is not known; it is not that of none.
    is_known = np.asarray(np.isfinite(spread).all(axis=1))
    known = np.where(is_known[places.number], share, 0.0)
    noise = np.sqrt(known @ np.nan_to_num(spread)[places.number] ** 2 / max(known.sum(), 1e-300))
    if not (np.isfinite(noise) & (noise > 0)).all():
        return None
    pieces = Pieces.of(covered, grid)
    own = _OwnSkies.of(frames, covered, counts, places, pieces, grid)
    try:
        fit = _fit(means, own.at(means.pieces), own.kind, noise, places, grid)
    except np.linalg.LinAlgError:  # figures of no tile's size, such as 1e38 beside 1
        return None
    samples = np.diff(sky.place_edges)
    enough = (samples >= MIN_SAMPLES) & (samples * grid.step**2 >= MIN_SKY_SHARE * places.area)
    against = _against_core(own.columns, pieces, places, core, share, counts.size)
    of_places = np.where(enough[:, None], against.places, np.nan)
    if not enough[in_core].any() or not np.isfinite(fit.colour).all():
        return None
    step, error = fit.tell(of_places)
    here = np.bincount(places.number[np.isfinite(step[:, 0])], minlength=counts.size) > 0
    count_step, count_error = fit.tell(np.where(here[:, None], against.counts, np.nan))
    groups = own.groups
    return SkySteps(
        step=step,
        error=error,
        count_step=count_step,
        count_error=count_error,
        by_group=against.places[:, :groups],
        count_by_group=against.counts[:, :groups],
        samples=samples,
        spread=spread,
        core=core,
        core_noise=math.sqrt(float((noise**2).mean())),
        core_frames=float(share @ counts[places.number]),
        smooth=fit.smooth + _plane(against, fit, grid),
    )


class _OwnSkies(NamedTuple):
    """What each frame's own sky adds to each piece: the columns of the equations.

    Attributes
    ----------
    columns : (m, k) float64 array
        Of all pieces, for colours first: one a group of frames.
    kind : (k,) int64 array
        Which of `LEAST_SIGMAS` each column is under.
    key : (m,) int64 array
        Place and block of each piece.
    groups : int
        Groups of frames, each with its column, the first ones; 0 when not known.
    """

    columns: Floats
    kind: Whole
    key: Whole
    groups: int

    @classmethod
    def of(
        cls,
        frames: FramesThere,
        covered: SkySamples,
        counts: Floats,
        places: Places,
        pieces: Pieces,
        grid: Grid,
    ) -> _OwnSkies:
        group = frames.parts(GROUPS)
        shares, known = frame_shares(frames, group, covered, pieces, grid)
        number = places.number[pieces.place]
        if not is_covered_so(known, pieces, counts[number]):
            # Each count has a sky of its own, as if other frames were there.
            one_each = np.eye(counts.size)[number]
            return cls(one_each, np.zeros(counts.size, np.int64), pieces.key, 0)
        first = np.unique(group, return_index=True)[1]
        parts = frames.parts(LARGE_PARTS)[first]
        columns = [shares, shares @ np.eye(parts.max() + 1)[parts]]
        kinds = [0, 1]
        for part, kind in ((frames.parts(STRETCHES)[first], 2), (parts, 3)):
            of_part = shares @ np.eye(part.max() + 1)[part]
            weight = of_part * pieces.samples[:, None]
            middle = weight.T @ pieces.position / np.maximum(weight.sum(axis=0), 1e-9)[:, None]
            for axis in range(2):
                columns.append(of_part * (pieces.position[:, [axis]] - middle[:, axis]))
                kinds.append(kind)
        kind_of = np.repeat(kinds, [each.shape[1] for each in columns])
        return cls(np.hstack(columns), kind_of, pieces.key, shares.shape[1])

    def at(self, some: Pieces) -> Floats:
        """Return the columns of some of the pieces."""
        return np.asarray(self.columns[np.searchsorted(self.key, some.key)])


class _Fit(NamedTuple):
    """The frames' own skies.

    Attributes
    ----------
    colour : (k, 2) float64 array
        Of each column, ADU.
    covariance : (2, k, k) float64 array
        Of each colour, ADU².
    least_error : (2,) float64 array
        No step is known better, ADU.
    smooth : (rows, columns, 2) float64 array
        The sky that all frames see, at each block's middle, ADU.
    """

    colour: Floats
    covariance: Floats
    least_error: Floats
    smooth: Floats

    def tell(self, factors: Floats) -> tuple[Floats, Floats]:
        """Return sums of the columns with factors, (n, k), and their errors: (n, 2) each."""
        variance = [np.einsum("nk,nk->n", factors @ each, factors) for each in self.covariance]
        error = np.sqrt(np.maximum(np.stack(variance, axis=1), 0) + self.least_error**2)
        return factors @ self.colour, error


def _fit(
    means: SkyMeans, columns: Floats, kind: Whole, unit: Floats, places: Places, grid: Grid
) -> _Fit:
    """Fit the smooth sky and the frames' own skies in turns."""
    pieces = means.pieces
    middle = np.median(means.value, axis=0)
    value = (means.value - middle) / unit
    number = places.number[pieces.place]
    spread = np.maximum(means.spread[number] / unit, 1e-6)
    weight = pieces.samples * (1 / spread**2).mean(axis=1)
    smooth = SmoothSky(grid.on_net(pieces.position), grid.blocks)
    trust = np.ones(weight.size)
    sigma = np.ones((2, len(LEAST_SIGMAS)))
    noise = np.ones(2)
    size = columns.shape[1]
    colour, covariance = np.zeros((size, 2)), np.zeros((2, size, size))
    both = np.hstack([columns, value])
    skies = np.zeros((grid.blocks[0] * grid.blocks[1], 2))
    for turn in range(ROUNDS):
        rest = value - columns @ colour
        if turn:
            smooth.learn_bends(pieces.block, rest, weight * (trust > 0.01), noise)
        smooth.tune(weight * trust, rest)
        products, nets = smooth.without(both)
        for which in range(2):
            these = [*range(size), size + which]
            colour[:, which], covariance[which], sigma[which], noise[which] = _solve(
                products[np.ix_(these, these)], kind, float(trust.sum()), sigma[which], noise[which]
            )
        skies = nets[:, size:] - nets[:, :size] @ colour
        off = value - columns @ colour - smooth.at_pieces(skies)
        trust = _trust(off * np.sqrt(weight[:, None] / noise))
    return _Fit(
        colour=colour * unit,
        covariance=covariance * unit[:, None, None] ** 2,
        least_error=MODEL_ERROR * unit,
        smooth=smooth.on_net(skies) * unit + middle,
    )


def _trust(off: Floats) -> Floats:
    """Return Tukey's weights of pieces that are off by so many σ, (m, 2)."""
    length = np.sqrt((off**2).mean(axis=1))
    usual = max(float(np.median(length)) / _USUAL_LENGTH, 1e-12)
    return np.asarray(np.maximum(1 - (length / (TUKEY * usual)) ** 2, 1e-3) ** 2)


def _solve(
    products: Floats, kind: Whole, n: float, sigma: Floats, noise: float
) -> tuple[Floats, Floats, Floats, float]:
    """Solve for the frames' skies, their σ of each kind, and the noise.

    Parameters
    ----------
    products : (k + 1, k + 1) float64 array
        Weighted products of the columns and the value, the last, without the smooth sky.
    kind : (k,) int64 array
        Which σ each column is under.
    n : float
        Pieces.
    sigma : (kinds,) float64 array
        σ of each kind to start from.
    noise : float
        Variance of a piece in units of 1 / weight, to start from.

    Returns
    -------
    colour : (k,) float64 array
    covariance : (k, k) float64 array
    sigma : (kinds,) float64 array
    noise : float
    """
    normal, told, square = products[:-1, :-1], products[:-1, -1], float(products[-1, -1])
    colour, covariance = np.zeros(kind.size), np.zeros_like(normal)
    least = np.array(LEAST_SIGMAS)
    sigma = np.asarray(np.maximum(sigma, least), dtype=np.float64)
    for _ in range(_STEPS):
        inverse = normal / noise + np.diag(1 / sigma[kind] ** 2)
        covariance = np.asarray(np.linalg.inv(inverse), dtype=np.float64)
        colour = covariance @ told / noise
        known = 1 - np.diag(covariance) / sigma[kind] ** 2
        energy, freedom = (np.bincount(kind, each, sigma.size) for each in (colour**2, known))
        found = np.sqrt(energy / np.maximum(freedom, 1e-3))
        sigma = np.asarray(np.maximum(found, least), dtype=np.float64)
        left = square - 2 * colour @ told + colour @ normal @ colour
        left += float(np.sum(normal * covariance))
        noise = max(float(left) / max(n - 3, 1.0), 1e-12)
    return colour, covariance, sigma, noise


class _Against(NamedTuple):
    """How each place's and count's step against the core follows from the frames' own skies.

    Attributes
    ----------
    places : (n + 1, k) float64 array
        NaN for what no sample is of.
    counts : (counts, k) float64 array
    slope : (2, k) float64 array
        The gradient of the core that each column makes, and that is no step.
    core : (k,) float64 array
        The core's colour without that gradient.
    """

    places: Floats
    counts: Floats
    slope: Floats
    core: Floats


def _against_core(
    columns: Floats, pieces: Pieces, places: Places, core: int, share: Floats, counts: int
) -> _Against:
    """Take the core's level and gradient, one level a count of it, out of the columns."""
    number = places.number[pieces.place]
    here = number >= core
    n = pieces.samples[here, None]
    both = np.hstack([pieces.position, columns])
    rest = both[here] - _means_of(number[here], both[here], n)[number[here]]
    x, z = rest[:, :2], rest[:, 2:]
    slope = np.asarray(np.linalg.lstsq((x * n).T @ x, (x * n).T @ z, rcond=None)[0])
    flat = columns - pieces.position @ slope
    of_places = _means_of(pieces.place, flat, pieces.samples[:, None], places.number.size)
    known = np.isfinite(of_places[:, 0])
    of_core = share[known] @ of_places[known] / share[known].sum()
    of_counts = _means_of(
        places.number[known], of_places[known] - of_core, places.area[known, None], counts
    )
    return _Against(of_places - of_core, of_counts, slope, of_core)


def _means_of(group: Whole, values: Floats, weight: NDArray[Any], groups: int = 0) -> Floats:
    """Return the weighted mean of the rows of each group; NaN of none."""
    from scipy import sparse  # here, as in `smooth_sky`: it delays the window

    size = max(groups, int(group.max(initial=-1)) + 1)
    gather = sparse.csr_array(
        (weight.ravel().astype(float), (group, np.arange(group.size))), shape=(size, group.size)
    )
    total = np.asarray(gather.sum(axis=1))[:, None]
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(total > 0, gather @ values / total, np.nan))


def _plane(against: _Against, fit: _Fit, grid: Grid) -> Floats:
    """Return the core's level and gradient in the frames' own skies, on the net's points."""
    slope, level = against.slope @ fit.colour, against.core @ fit.colour
    return np.asarray(grid.net @ slope + level)
