"""The ramp against SciPy's exact distance, on shapes of every kind."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_zecoverage.core.ramp import ramp


@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 150),
    width=st.integers(1, 150),
    density=st.floats(-4, 0),
    margin=st.floats(0.5, 60),
    exponent=st.floats(0.05, 100),
)
@settings(max_examples=60, deadline=None)
def test_ramp_equals_the_oracle_on_random_shapes(
    seed: int, height: int, width: int, density: float, margin: float, exponent: float
) -> None:
    rng = np.random.default_rng(seed)
    inside = rng.random((height, width)) > 10**density
    distance = ndimage.distance_transform_edt(inside)
    expected = np.where(
        distance >= margin, 1.0, (np.minimum(distance, margin) / margin) ** exponent
    )
    expected = np.where(inside, expected, 0.0).astype(np.float32)
    assert np.array_equal(ramp(inside, margin, exponent), expected)
