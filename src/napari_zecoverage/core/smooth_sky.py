"""The sky that all frames see alike: as smooth as the picture says, here more, there less.

A number on each point of a coarse net, linear between them. Its second differences are
taken for random numbers whose size is estimated from the picture, place by place: a nebula
may bend, the empty sky beside it may not. What is left of any figures when the best sky of
this sort is taken out of them can then be compared across the borders of the coverage.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy import sparse

# SciPy's sparse matrices are imported where they are used: that takes some tenths of a second,
# and the window opens without them.

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Mask = NDArray[np.bool_]

STIFFNESSES: Final = (1.0, 10.0, 100.0, 1e3)
"""One over how far the sky may bend, in units of the noise of a block; the likeliest is taken."""

LEAST_BEND: Final = 0.01
"""So much, in the same units, even the flattest part of the sky may bend at a stiffness of 1."""

BEND_BLOCKS: Final = 2.0
"""How much the sky bends is averaged with this σ."""

SOLVED_TOGETHER: Final = 4

_RIDGE: Final = 1e-9
"""Share of the largest weight: net points that nothing tells about take no great value."""


class SmoothSky:
    """A net of smooth sky, and how the pieces of a picture lie on it.

    Parameters
    ----------
    position : (m, 2) float64 array
        Row and column of each piece, in units of the net, from 0 at the first point.
    shape : tuple of int
        Points of the net down and across.
    """

    def __init__(self, position: Floats, shape: tuple[int, int]) -> None:
        self.shape = shape
        index = np.arange(shape[0] * shape[1]).reshape(shape)
        self._spread = _linear(position, index)
        self._bends, self._bend_at = _second_differences(index)
        self._bend = np.ones(index.size)
        self._solver: Any = None
        self._weight: Floats = np.ones(len(position))

    def tune(self, weight: Floats, rest: Floats) -> None:
        """Weigh the pieces, and take the stiffness that makes `rest`, (m, 2), the likeliest."""
        from scipy import sparse

        spread = self._spread
        self._weight = weight
        told = spread.T @ sparse.diags_array(weight) @ spread
        ridge = _RIDGE * max(float(told.diagonal().max()), 1e-300)
        told = told + ridge * sparse.eye_array(self._bend.size)
        bending = self._bends.T @ sparse.diags_array(1 / self._bend[self._bend_at]) @ self._bends
        weighted = weight[:, None] * rest
        whole, told_rest = (weighted * rest).sum(axis=0), spread.T @ weighted
        freedom = min(self._bend.size, self._bends.shape[0])
        best = -math.inf
        for stiffness in STIFFNESSES:
            solver = _solver(told + stiffness * bending)
            explained = (told_rest * _solve(solver, told_rest)).sum(axis=0)
            left = np.log(np.maximum(whole - explained, 1e-300))
            volume = np.log(solver.U.diagonal()).sum() - freedom * math.log(stiffness)
            likelihood = -2 * volume - len(rest) * float(left.sum())
            if likelihood > best or best == -math.inf:
                best, self._solver = likelihood, solver

    def without(self, columns: Floats) -> tuple[Floats, Floats]:
        """Take the smooth sky out of columns of figures of the pieces, (m, k).

        Returns
        -------
        products : (k, k) float64 array
            Weighted products of the columns without the sky of each.
        skies : (points, k) float64 array
            The sky of each column on the net.
        """
        weighted = self._weight[:, None] * columns
        told = self._spread.T @ weighted
        skies = _solve(self._solver, told)
        return columns.T @ weighted - told.T @ skies, skies

    def at_pieces(self, skies: Floats) -> Floats:
        """Return the skies, (points, k), where the pieces are, (m, k)."""
        return np.asarray(self._spread @ skies)

    def on_net(self, skies: Floats) -> Floats:
        """Return the skies, (points, k), as pictures of the net, (rows, columns, k)."""
        return skies.reshape(*self.shape, -1)

    def learn_bends(self, block: Whole, rest: Floats, weight: Floats, noise: Floats) -> None:
        """Learn from the pieces without any frames' sky how much the sky bends where.

        Parameters
        ----------
        block : (m,) int64 array
            Net point that each piece is nearest to.
        rest : (m, 2) float64 array
        weight : (m,) float64 array
            1 / variance but for `noise`.
        noise : (2,) float64 array
            Variance of each column in units of 1 / weight.
        """
        points = self._bend.size
        total = np.bincount(block, weights=weight, minlength=points)
        usual = float(np.median(total[total > 0]))
        known = (total > 0.2 * usual).reshape(self.shape)
        total = np.maximum(total, 1e-12)
        excess, seen = np.zeros(self.shape), np.zeros(self.shape)
        for which in range(2):
            mean = np.bincount(block, weights=weight * rest[:, which], minlength=points) / total
            of_noise = (noise[which] / total).reshape(self.shape)
            _add_bends(mean.reshape(self.shape), of_noise, known, excess, seen)
        bend = np.maximum(_smooth(excess) / np.maximum(_smooth(seen), 0.05), 0.0)
        unit = float(noise.mean()) / usual
        self._bend = LEAST_BEND + bend.ravel() / max(unit, 1e-300)


def _solver(equations: Any) -> Any:
    """Factor symmetric positive equations without pivots."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    try:
        return splu(
            sparse.csc_array(equations),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
    except RuntimeError as error:  # exactly singular
        raise np.linalg.LinAlgError(str(error)) from error


def _solve(solver: Any, told: Floats) -> Floats:
    """Solve for a few columns at a time: for more, the threads of BLAS get in each other's way."""
    parts = range(0, told.shape[1], SOLVED_TOGETHER)
    columns = [np.ascontiguousarray(told[:, part : part + SOLVED_TOGETHER]) for part in parts]
    return np.hstack([solver.solve(each) for each in columns])


def _linear(position: Floats, index: Whole) -> sparse.csr_array:
    """Return the matrix that makes figures of the pieces from those of the net's points."""
    from scipy import sparse

    found, shares = [], []
    low = np.clip(np.floor(position).astype(np.int64), 0, np.maximum(np.array(index.shape) - 2, 0))
    part = position - low
    for down in (0, 1):
        for across in (0, 1):
            y = np.minimum(low[:, 0] + down, index.shape[0] - 1)
            x = np.minimum(low[:, 1] + across, index.shape[1] - 1)
            found.append(index[y, x])
            y_share = part[:, 0] if down else 1 - part[:, 0]
            shares.append(y_share * (part[:, 1] if across else 1 - part[:, 1]))
    rows = np.tile(np.arange(len(position)), 4)
    shape = (len(position), index.size)
    return sparse.csr_array((np.concatenate(shares), (rows, np.concatenate(found))), shape=shape)


def _second_differences(index: Whole) -> tuple[sparse.csr_array, Whole]:
    """Return the matrix of all second differences of the net, and the point where each is."""
    from scipy import sparse

    cross = math.sqrt(2)
    kinds = (
        ((index[:-2], index[1:-1], index[2:]), (1.0, -2.0, 1.0)),
        ((index[:, :-2], index[:, 1:-1], index[:, 2:]), (1.0, -2.0, 1.0)),
        (
            (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]),
            (cross, -cross, -cross, cross),
        ),
    )
    rows, columns, values, points = [], [], [], []
    first = 0
    for places, factors in kinds:
        size = places[0].size
        for place, factor in zip(places, factors, strict=True):
            rows.append(np.arange(first, first + size))
            columns.append(place.ravel())
            values.append(np.full(size, factor))
        points.append(places[1 if len(places) == 3 else 0].ravel())
        first += size
    at = (np.concatenate(rows), np.concatenate(columns))
    matrix = sparse.csr_array((np.concatenate(values), at), shape=(first, index.size))
    return matrix, np.concatenate(points)


def _add_bends(mean: Floats, of_noise: Floats, known: Mask, excess: Floats, seen: Floats) -> None:
    """Add the squares of the second differences down and across, less what noise adds."""
    for turn in (False, True):
        one, noise, more, times = (
            each.T if turn else each for each in (mean, of_noise, excess, seen)
        )
        there = known.T if turn else known
        bend = one[:-2] - 2 * one[1:-1] + one[2:]
        expected = noise[:-2] + 4 * noise[1:-1] + noise[2:]
        whole = there[:-2] & there[1:-1] & there[2:]
        more[1:-1] += np.where(whole, bend**2 - expected, 0.0)
        times[1:-1] += whole


def _smooth(picture: Floats) -> Floats:
    return np.asarray(
        cv2.GaussianBlur(picture, (0, 0), BEND_BLOCKS, borderType=cv2.BORDER_REPLICATE)
    )
