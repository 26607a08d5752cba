"""Values combined, against plain NumPy."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_zecoverage.core.combining import combine_values


def plain_combine(column, method, kappa):
    """One column, the obvious way, in double precision."""
    values = column[np.isfinite(column)].astype(float)
    if values.size == 0:
        return np.nan
    if method == "mean":
        return values.mean()
    if method == "median":
        return np.median(values)
    kept = values
    if method == "kappa_sigma":
        for _ in range(5):
            sigma = kept.std(ddof=1) if kept.size > 1 else 0.0
            inside = kept[np.abs(kept - np.median(kept)) <= kappa * sigma]
            if inside.size in (0, kept.size):
                break
            kept = inside
        return kept.mean()
    centre = np.median(values)
    sigma = values.std(ddof=1) if values.size > 1 else 0.0
    for _ in range(10):
        pulled = np.clip(values, centre - 1.5 * sigma, centre + 1.5 * sigma)
        again = 1.134 * (pulled.std(ddof=1) if values.size > 1 else 0.0)
        settled = abs(again - sigma) <= 0.0005 * sigma
        sigma = again
        if settled:
            break
    kept = values[np.abs(values - centre) <= kappa * sigma]
    return kept.mean() if kept.size else centre


@pytest.mark.parametrize("method", ["mean", "median", "kappa_sigma", "winsorized"])
def test_each_method_equals_the_plain_way(method):
    rng = np.random.default_rng(4)
    values = rng.normal(1000, 10, (14, 600)).astype(np.float32)
    values[rng.random(values.shape) < 0.04] += 500
    values[rng.random(values.shape) < 0.3] = np.nan
    values[:, 0] = np.nan
    values[:, 1] = 7.0
    values[1:, 2] = np.nan
    expected = [plain_combine(values[:, k], method, 2.5) for k in range(values.shape[1])]
    combined = combine_values(values.copy(), method, 2.5)
    assert combined.dtype == np.float32
    # Where the plain way's σ iteration stops one round apart, a value may cross the limit.
    close = np.isclose(combined, expected, rtol=1e-5, equal_nan=True)
    assert close.mean() > 0.995
    assert np.nanmax(np.abs(combined - expected)) < 10


def test_clipping_takes_the_satellite_and_leaves_the_sky():
    values = np.random.default_rng(1).normal(100, 1, (20, 50)).astype(np.float32)
    values[3] += 4000
    for method in ("kappa_sigma", "winsorized"):
        combined = combine_values(values.copy(), method, 3.0)
        np.testing.assert_allclose(combined, 100, atol=1.5)
    assert combine_values(values.copy(), "mean", 3.0).min() > 250


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.integers(1, 12)),
        elements=st.floats(-1e6, 1e6, width=32) | st.just(np.nan) | st.just(np.inf),
    ),
    st.sampled_from(["mean", "median", "kappa_sigma", "winsorized"]),
    st.floats(0.5, 5),
)
def test_the_result_lies_among_the_finite_values(values, method, kappa):
    finite = np.where(np.isfinite(values), values, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns of NaN only
        low, high = np.nanmin(finite, axis=0), np.nanmax(finite, axis=0)
    combined = combine_values(values.copy(), method, kappa)
    nothing = np.isnan(low)
    assert np.isnan(combined[nothing]).all()
    slack = 1e-5 * np.maximum(np.abs(low), np.abs(high))[~nothing] + 1e-4
    assert (combined[~nothing] >= low[~nothing] - slack).all()
    assert (combined[~nothing] <= high[~nothing] + slack).all()
