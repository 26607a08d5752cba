"""What every test of the core may use."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def ramp() -> NDArray:
    """Return a small uint16 frame, no two values alike."""
    return np.random.default_rng(1).permutation(24 * 32).reshape(24, 32).astype(np.uint16) * 80
