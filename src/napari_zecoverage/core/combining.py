"""The values that the frames have at a pixel, combined into one: means, and the two clips."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from napari_zecoverage.core.parameters import StackMethod

Pixels = NDArray[np.float32]
Counts = NDArray[np.int64]
Sums = NDArray[np.float64]

CHUNK_BYTES: Final = 512 * 2**10
"""So much is combined in one go: what fits the processor's cache is combined faster."""

CLIP_ROUNDS: Final = 5
"""Kappa-sigma clips at most so often."""

WINSOR_LIMIT: Final = 1.5
"""Values further than this from the median are pulled in before sigma is measured (Huber)."""

WINSOR_CORRECTION: Final = 1.134
"""Makes the standard deviation of a normal sample winsorized at 1.5 σ its σ again."""

WINSOR_ROUNDS: Final = 10
WINSOR_TOLERANCE: Final = 0.0005


def combine_values(values: Pixels, method: StackMethod, kappa: float) -> Pixels:
    """Combine each column's finite values into one.

    Parameters
    ----------
    values : (n, m) float32 array
        One row a frame; what is not finite does not count. Altered.
    method : {"mean", "median", "kappa_sigma", "winsorized"}
        "kappa_sigma": the mean of what stays within kappa standard deviations of
        the median, clipped again until nothing goes. "winsorized": the standard
        deviation is measured with the values further than 1.5 σ from the median
        pulled in to there, until it settles (Huber's estimate); what is further
        than kappa of it from the median goes, and the rest is averaged.
    kappa : float
        Rejection limit, in standard deviations.

    Returns
    -------
    (m,) float32 array
        NaN where a column has no finite value.
    """
    values[~np.isfinite(values)] = np.nan
    seen = ~np.isnan(values).all(axis=0)
    combined = np.full(values.shape[1], np.nan, dtype=np.float32)
    columns = np.flatnonzero(seen)
    step = max(1, CHUNK_BYTES // values[:, :1].nbytes)
    for first in range(0, columns.size, step):
        some = columns[first : first + step]
        combined[some] = _combine_seen(values[:, some], method, kappa)
    return combined


def _combine_seen(values: Pixels, method: StackMethod, kappa: float) -> Pixels:
    count = _count_true(~np.isnan(values))
    if method == "mean":
        return np.asarray(_running_sum(_known(values))[-1] / count, dtype=np.float32)
    values.sort(axis=0)
    middle = _middle(values, np.zeros_like(count), count)
    if method == "median":
        return middle
    # Distances from the median are small numbers: their squares keep their digits.
    values -= middle
    ordered = _Ordered(values, count)
    if method == "kappa_sigma":
        low, high = _clip_by_sigma(ordered, kappa)
    else:
        low, high = ordered.within(np.float32(kappa) * _winsorized_sigma(ordered))
    total, _ = ordered.sums(low, high)
    kept: Pixels = (total / np.maximum(high - low, 1)).astype(np.float32)
    return middle + kept


def _middle(values: Pixels, low: Counts, high: Counts) -> Pixels:
    """Median of each sorted column's rows low…high, `high` not included."""
    columns = np.arange(values.shape[1])
    below, above = values[(low + high - 1) // 2, columns], values[(low + high) // 2, columns]
    middle: Pixels = below + (above - below) * np.float32(0.5)
    return middle


class _Ordered:
    """Sorted columns whose sums over any stretch of rows cost two look-ups.

    What a clip keeps of a sorted column is one stretch of it, so no clip has to
    go through the values again to sum them.
    """

    def __init__(self, values: Pixels, count: Counts) -> None:
        self.values = values
        self.count = count
        known = _known(values)
        self._columns = np.arange(values.shape[1])
        self._total = _running_sum(known)
        self._squares = _running_sum(np.square(known))

    def sums(self, low: Counts, high: Counts) -> tuple[Sums, Sums]:
        """Sum, and sum of the squares, of each column's rows low…high, `high` not included."""
        total = self._total[high, self._columns] - self._total[low, self._columns]
        squares = self._squares[high, self._columns] - self._squares[low, self._columns]
        return total, squares

    def within(self, limit: Pixels, centre: Pixels | None = None) -> tuple[Counts, Counts]:
        """Return the stretch of each column that is no further than `limit` from the centre."""
        centre = np.zeros_like(limit) if centre is None else centre
        low = _count_true(self.values < centre - limit)
        high = self.count - _count_true(self.values > centre + limit)
        return low, np.maximum(low, high)


def _known(values: Pixels) -> Pixels:
    return np.where(np.isnan(values), np.float32(0), values)


def _running_sum(values: Pixels) -> Sums:
    """Sums of the first 0, 1, … n rows."""
    sums = np.zeros((values.shape[0] + 1, values.shape[1]))
    for row, value in enumerate(values):  # several times faster than a cumsum down the columns
        np.add(sums[row], value, out=sums[row + 1])
    return sums


def _count_true(rows: NDArray[np.bool_]) -> Counts:
    """Count the true values of each column; in bytes, which is how NumPy is fastest."""
    count = np.zeros(rows.shape[1], dtype=np.int64)
    for first in range(0, len(rows), 255):
        count += np.add.reduce(rows[first : first + 255].view(np.uint8), axis=0, dtype=np.uint8)
    return count


def _spread(total: Sums, squares: Sums, count: Counts) -> Pixels:
    """Standard deviation (of a sample); 0 for fewer than two values."""
    number = np.maximum(count, 1)
    deviations = np.maximum(squares - total * total / number, 0.0)
    spread: Pixels = np.sqrt(deviations / np.maximum(count - 1, 1)).astype(np.float32)
    return spread


def _clip_by_sigma(ordered: _Ordered, kappa: float) -> tuple[Counts, Counts]:
    """Drop what is beyond kappa σ of the kept values' median, until nothing goes."""
    low, high = np.zeros_like(ordered.count), ordered.count
    for _ in range(CLIP_ROUNDS):
        spread = _spread(*ordered.sums(low, high), high - low)
        centre = _middle(ordered.values, low, high)
        inner_low, inner_high = ordered.within(np.float32(kappa) * spread, centre)
        inner_low, inner_high = np.maximum(low, inner_low), np.minimum(high, inner_high)
        # A very small kappa may drop all of a column; it then stays as it was.
        emptied = inner_low >= inner_high
        inner_low[emptied], inner_high[emptied] = low[emptied], high[emptied]
        if np.array_equal(inner_low, low) and np.array_equal(inner_high, high):
            break
        low, high = inner_low, inner_high
    return low, high


def _winsorized_sigma(ordered: _Ordered) -> Pixels:
    """Huber's σ of each column of distances from its median."""
    low, high = np.zeros_like(ordered.count), ordered.count
    sigma = _spread(*ordered.sums(low, high), ordered.count)
    for _ in range(WINSOR_ROUNDS):
        limit = np.float32(WINSOR_LIMIT) * sigma
        low, high = ordered.within(limit)
        total, squares = ordered.sums(low, high)
        pulled_up, pulled_down = low, ordered.count - high
        total += (pulled_down - pulled_up) * limit.astype(np.float64)
        squares += (pulled_down + pulled_up) * np.square(limit, dtype=np.float64)
        again = np.float32(WINSOR_CORRECTION) * _spread(total, squares, ordered.count)
        settled = np.abs(again - sigma) <= WINSOR_TOLERANCE * sigma
        sigma = again
        if settled.all():
            break
    return sigma
